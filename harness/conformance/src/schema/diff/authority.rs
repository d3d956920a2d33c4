//! Which parts of the protocol bear on what codex may do.

/// What a part of the protocol bears on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authority {
    /// Who is asked before something is done, and what they may answer.
    Approvals,
    /// What the kernel lets commands do.
    Sandbox,
    /// What is granted beside that.
    Permissions,
    /// Who the user is.
    Auth,
}

/// The words of names that tell it. A name is `v2/AskForApproval`, `thread/approveGuardian…`,
/// `v2/TurnStartParams.sandboxPolicy`; its words are `ask`, `for`, `approval`.
const WORDS: [(Authority, &[&str]); 4] = [
    (
        Authority::Approvals,
        &[
            "approval",
            "approvals",
            "approve",
            "approved",
            "decision",
            "execpolicy",
            "guardian",
            "reviewer",
        ],
    ),
    (
        Authority::Sandbox,
        &["sandbox", "sandboxed", "seatbelt", "landlock"],
    ),
    (
        Authority::Permissions,
        &["permission", "permissions", "trust", "trusted"],
    ),
    (
        Authority::Auth,
        &[
            "auth",
            "credential",
            "credentials",
            "login",
            "logout",
            "oauth",
            "verification",
        ],
    ),
];

impl Authority {
    /// What it is called.
    pub fn words(self) -> &'static str {
        match self {
            Self::Approvals => "approvals",
            Self::Sandbox => "sandbox",
            Self::Permissions => "permissions",
            Self::Auth => "auth",
        }
    }

    /// What a name bears on.
    pub fn of(name: &str) -> Option<Self> {
        let words = words(name);
        let told = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
        let found = WORDS.iter().find(|(_, known)| told(known));
        found.map(|(authority, _)| *authority)
    }
}

/// The words of a name, in lower case: `v2/AskForApproval` has `v2`, `ask`, `for`, `approval`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && !before.is_uppercase();
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_they_bear_on() {
        let of = Authority::of;
        assert_eq!(
            of("v2/AskForApproval: on-failure"),
            Some(Authority::Approvals)
        );
        assert_eq!(
            of("v2/TurnStartParams.sandboxPolicy"),
            Some(Authority::Sandbox)
        );
        assert_eq!(of("account/login/start"), Some(Authority::Auth));
        assert_eq!(of("mcpServer/oauth/login"), Some(Authority::Auth));
        assert_eq!(
            of("v2/ThreadStartParams.permissions"),
            Some(Authority::Permissions)
        );
        assert_eq!(of("v2/Thread.author"), None);
        assert_eq!(of("v2/TokenUsage.total"), None);
    }
}
