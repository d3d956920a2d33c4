//! `[shell_environment_policy]`: the variables that commands get.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The variables that `inherit = "core"` leaves (codex 0.169.0).
const CORE: &[&str] = &[
    "PATH", "SHELL", "TMPDIR", "TEMP", "TMP", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME",
    "USER",
];

/// The names that are left out unless `ignore_default_excludes` is on.
const SECRETS: &[&str] = &["*KEY*", "*SECRET*", "*TOKEN*"];

/// Which of the server's variables commands get, and what is set for them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ShellEnvironment {
    inherit: Inherit,
    ignore_default_excludes: Option<bool>,
    exclude: Vec<String>,
    set: BTreeMap<String, String>,
    include_only: Vec<String>,
}

/// What commands inherit before anything is taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Inherit {
    Core,
    #[default]
    All,
    None,
}

impl ShellEnvironment {
    /// The variables of a command of this process.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let own = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        self.of(own.collect())
    }

    fn of(&self, own: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let is_core = |name: &str| CORE.iter().any(|core| name.eq_ignore_ascii_case(core));
        let mut variables = own;
        variables.retain(|name, _| match self.inherit {
            Inherit::All => true,
            Inherit::Core => is_core(name),
            Inherit::None => false,
        });
        if self.ignore_default_excludes == Some(false) {
            variables.retain(|name, _| !SECRETS.iter().any(|pattern| is_like(pattern, name)));
        }
        variables.retain(|name, _| !any_like(&self.exclude, name));
        variables.extend(self.set.clone());
        if !self.include_only.is_empty() {
            variables.retain(|name, _| any_like(&self.include_only, name));
        }
        variables
    }
}

fn any_like(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| is_like(pattern, name))
}

/// Does a name match a pattern with `*` and `?`, whatever its case?
fn is_like(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    // The lengths of beginnings of the name that the pattern so far matches.
    let mut matched = vec![false; name.len() + 1];
    matched[0] = true;
    for sign in pattern {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match sign {
                '*' => matched[at] || at > 0 && next[at - 1],
                '?' => at > 0 && matched[at - 1],
                sign => at > 0 && matched[at - 1] && name[at - 1] == sign,
            };
        }
        matched = next;
    }
    matched[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_takes_out_and_sets() {
        let own = ["PATH", "MY_TOKEN", "OWN_A", "own_b"];
        let own: BTreeMap<String, String> =
            own.map(|name| (name.to_owned(), "x".to_owned())).into();
        for (policy, want) in [
            ("", &["MY_TOKEN", "OWN_A", "PATH", "own_b"][..]),
            ("inherit = \"none\"\nset = { A = \"b\" }", &["A"]),
            ("inherit = \"core\"", &["PATH"]),
            (
                "ignore_default_excludes = false",
                &["OWN_A", "PATH", "own_b"],
            ),
            ("exclude = [\"own_?\"]", &["MY_TOKEN", "PATH"]),
            (
                "include_only = [\"P*\", \"A\"]\nset = { A = \"b\" }",
                &["A", "PATH"],
            ),
            (
                "exclude = [\"A\"]\ninclude_only = [\"A\"]\nset = { A = \"b\" }",
                &["A"],
            ),
        ] {
            let policy: ShellEnvironment = toml::from_str(policy).unwrap();
            let names: Vec<String> = policy.of(own.clone()).into_keys().collect();
            assert_eq!(names, want, "{policy:?}");
        }
    }
}
