//! What a command may do: the deeds that the probe tries, and sets of them.

use std::collections::BTreeSet;

use codex_wire::policy::{SandboxPolicy, WorkspaceWrite};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that a sandbox may keep a command from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Write in the workspace.
    Inside,
    /// Write in a directory that no sandbox but none at all lets it write to.
    Outside,
    /// Write in `/tmp`.
    Tmp,
    /// Connect to a listener on this machine.
    Connect,
}

impl Deed {
    /// All of them, in the order in which the probe tries them.
    pub const ALL: [Self; 4] = [Self::Inside, Self::Outside, Self::Tmp, Self::Connect];

    /// The name in the probe's answer and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
            Self::Tmp => "tmp",
            Self::Connect => "connect",
        }
    }

    /// What it is, behind "a command can".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Inside => "write in the workspace",
            Self::Outside => "write outside of it",
            Self::Tmp => "write to `/tmp`",
            Self::Connect => "connect",
        }
    }
}

/// A set of deeds. One sandbox is wider than another if it lets commands do something that the
/// other keeps them from; each of two may be wider than the other.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Reach(BTreeSet<Deed>);

impl Reach {
    /// These deeds.
    pub fn of(deeds: impl IntoIterator<Item = Deed>) -> Self {
        Self(deeds.into_iter().collect())
    }

    /// What a policy stands for. Inside an external sandbox the app-server itself keeps a command
    /// from nothing.
    pub fn of_policy(policy: &SandboxPolicy) -> Self {
        let network = |on: bool| on.then_some(Deed::Connect);
        match policy {
            SandboxPolicy::DangerFullAccess | SandboxPolicy::ExternalSandbox { .. } => {
                Self::of(Deed::ALL)
            }
            SandboxPolicy::ReadOnly { network_access } => Self::of(network(*network_access)),
            SandboxPolicy::WorkspaceWrite(WorkspaceWrite {
                network_access,
                exclude_slash_tmp,
                ..
            }) => {
                let tmp = (!exclude_slash_tmp).then_some(Deed::Tmp);
                let all = [Some(Deed::Inside), tmp, network(*network_access)];
                Self::of(all.into_iter().flatten())
            }
        }
    }

    /// Is this deed among them?
    pub fn has(&self, deed: Deed) -> bool {
        self.0.contains(&deed)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// What is in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self(&self.0 | &other.0)
    }

    /// Is there nothing in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the probe says it: `inside=yes outside=no tmp=yes connect=no`.
    pub fn answer(&self) -> String {
        let one = |deed: Deed| format!("{}={}", deed.name(), yes(self.has(deed)));
        Deed::ALL.map(one).join(" ")
    }

    /// Reads the probe's answer out of what a command printed; `None` if it isn't whole.
    pub fn read(output: &str) -> Option<Self> {
        let said = |deed: Deed, yes_or_no: &str| {
            let word = format!("{}={yes_or_no}", deed.name());
            output.split_whitespace().any(|it| it == word)
        };
        let whole = |deed: &Deed| said(*deed, yes(true)) != said(*deed, yes(false));
        Deed::ALL
            .iter()
            .all(whole)
            .then(|| Self::of(Deed::ALL.into_iter().filter(|deed| said(*deed, yes(true)))))
    }

    /// The deeds in a sentence: `write outside of it, connect`.
    pub fn words(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|deed| deed.words()).collect();
        words.join(", ")
    }

    /// The deeds by their names: `inside, tmp`; `nothing` if there are none.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|deed| deed.name()).collect();
        if names.is_empty() {
            return "nothing".to_owned();
        }
        names.join(", ")
    }
}

const fn yes(done: bool) -> &'static str {
    if done { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use codex_wire::policy::SandboxMode;

    use super::*;

    fn reach(mode: SandboxMode) -> Reach {
        Reach::of_policy(&mode.to_policy())
    }

    #[test]
    fn the_modes_are_a_chain() {
        let chain = [
            SandboxMode::ReadOnly,
            SandboxMode::WorkspaceWrite,
            SandboxMode::DangerFullAccess,
        ]
        .map(reach);
        for pair in chain.windows(2) {
            assert!(pair[0].beyond(&pair[1]).is_empty(), "{pair:?}");
            assert!(!pair[1].beyond(&pair[0]).is_empty(), "{pair:?}");
        }
    }

    #[test]
    fn two_sandboxes_may_each_be_wider_than_the_other() {
        let network = SandboxPolicy::ReadOnly {
            network_access: true,
        };
        let network = Reach::of_policy(&network);
        let workspace = reach(SandboxMode::WorkspaceWrite);
        assert_eq!(network.beyond(&workspace).words(), "connect");
        assert_eq!(workspace.beyond(&network).names(), "inside, tmp");
        assert_eq!(network.or(&workspace).names(), "inside, tmp, connect");
    }

    #[test]
    fn the_answer_of_the_probe_reads_back() {
        let all: Vec<Reach> = (0..16)
            .map(|bits| {
                let deeds = Deed::ALL.into_iter().enumerate();
                Reach::of(deeds.filter(|(at, _)| bits >> at & 1 == 1).map(|it| it.1))
            })
            .collect();
        for reach in all {
            let output = format!("Process exited\nOutput:\n{} \n", reach.answer());
            assert_eq!(Reach::read(&output), Some(reach));
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        for output in [
            "",
            "inside=yes outside=no tmp=yes",
            "inside=yes inside=no outside=no tmp=yes connect=no",
            "bash: inside=yesoutside=no",
        ] {
            assert_eq!(Reach::read(output), None, "{output}");
        }
    }
}
