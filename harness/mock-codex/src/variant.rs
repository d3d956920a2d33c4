//! Variants of the protocol that the field has proposed or used, and codex 0.169.0 doesn't have.
//!
//! All are off; `--variant NAME` switches one on.

use std::fmt;

/// One variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// What `--variant` calls it.
    pub name: &'static str,
    /// What it changes, in one sentence.
    pub about: &'static str,
}

macro_rules! variants {
    ($($id:ident $name:literal $about:literal;)*) => {
        /// Names a row of [`VARIANTS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Id { $(#[doc = $about] $id),* }

        /// All variants.
        pub const VARIANTS: &[Variant] = &[$(Variant { name: $name, about: $about }),*];
    };
}

variants! {
    StartSandboxPolicy "thread-start-sandbox-policy"
        "`thread/start` takes `sandboxPolicy`, in the shape of `turn/start`; it wins over `sandbox`.";
    Rollback "thread-rollback"
        "`thread/rollback` takes the last `numTurns` turns off a thread.";
    OnFailure "on-failure"
        "The approval policy `on-failure` is accepted, and means `on-request`.";
    ServerInfo "initialize-server-info"
        "The reply to `initialize` has `serverInfo` with a name and a version.";
    UserAgentAlone "initialize-user-agent-alone"
        "The reply to `initialize` has `userAgent` and nothing else.";
    NoIdentity "initialize-no-identity"
        "The reply to `initialize` says nothing of who the server is.";
    EmptyIdentity "initialize-empty-identity"
        "The reply to `initialize` has an empty `userAgent`.";
}

/// Which variants are on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variants(u64);

/// A name that is no variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown variant `{0}`; `mock-codex variants` lists them")]
pub struct UnknownVariant(pub String);

impl Variants {
    /// Switches one on.
    ///
    /// # Errors
    /// The name is no variant.
    pub fn enable(&mut self, name: &str) -> Result<(), UnknownVariant> {
        let index = VARIANTS
            .iter()
            .position(|variant| variant.name == name)
            .ok_or_else(|| UnknownVariant(name.to_owned()))?;
        self.0 |= 1 << index;
        Ok(())
    }

    /// Switches several on, separated by commas or white space.
    ///
    /// # Errors
    /// A name is no variant.
    pub fn enable_all(&mut self, names: &str) -> Result<(), UnknownVariant> {
        names
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|name| !name.is_empty())
            .try_for_each(|name| self.enable(name))
    }

    /// Is it on?
    pub fn has(self, id: Id) -> bool {
        self.0 & (1 << id as u64) != 0
    }
}

/// The table as text, one variant a paragraph.
pub fn table() -> String {
    let rows: Vec<String> = VARIANTS.iter().map(ToString::to_string).collect();
    rows.join("\n") + "\n"
}

/// The table as a JSON array.
pub fn table_json() -> serde_json::Value {
    VARIANTS
        .iter()
        .map(|variant| serde_json::json!({"name": variant.name, "about": variant.about}))
        .collect()
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.name, self.about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_off_until_it_is_named() {
        let mut variants = Variants::default();
        assert!(!variants.has(Id::Rollback));
        variants.enable_all("thread-rollback, on-failure").unwrap();
        assert!(variants.has(Id::Rollback) && variants.has(Id::OnFailure));
        assert!(!variants.has(Id::ServerInfo));
        let error = variants.enable("nope").unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown variant `nope`; `mock-codex variants` lists them"
        );
    }
}
