//! Three ways: the contract, the real app-server, the mock. Which of them moved?

use std::collections::BTreeMap;

use super::same;
use super::verdict::holds;
use crate::compare::Wires;
use crate::run::outcome::CaseRun;

/// The cases that changed, by who moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved(pub BTreeMap<Move, Vec<String>>);

/// Who moved in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// How the scenario's expectations fared.
    pub contract: Contract,
    /// Whom the mock is like; `None` where it didn't run.
    pub mock: Option<Side>,
}

/// How the documented contract, which is what a scenario expects, fared from the first target to
/// the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contract {
    /// It held, and it doesn't.
    Lost,
    /// It didn't hold, and it does.
    Gained,
    /// It holds on both: what changed is left open by it.
    Kept,
    /// It holds on neither.
    Broken,
}

/// Whose wire the mock's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// That of the first target: it has to follow.
    First,
    /// That of the second.
    Second,
    /// Nobody's.
    Neither,
}

impl Contract {
    /// What it is called.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Gained => "gained",
            Self::Kept => "kept",
            Self::Broken => "broken on both",
        }
    }
}

impl Moved {
    /// Adds a case that changed; the runs have the order of the targets.
    pub(super) fn add(&mut self, runs: &[CaseRun], wires: &[Wires], mock: Option<&Wires>) {
        let [first, second, ..] = runs else {
            return;
        };
        let contract = match (holds(&first.status), holds(&second.status)) {
            (true, true) => Contract::Kept,
            (true, false) => Contract::Lost,
            (false, true) => Contract::Gained,
            (false, false) => Contract::Broken,
        };
        let side = mock.map(|mock| {
            if same(mock, &wires[1]) {
                Side::Second
            } else if same(mock, &wires[0]) {
                Side::First
            } else {
                Side::Neither
            }
        });
        let who = Move {
            contract,
            mock: side,
        };
        self.0.entry(who).or_default().push(first.case.id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::Frame;
    use crate::report::sample;

    #[test]
    fn it_is_told_who_moved() {
        let wires = |text: &str| -> Wires {
            let frame = Frame {
                kind: "← a".into(),
                text: text.into(),
                content: serde_json::Value::Null,
            };
            [vec![], vec![frame], vec![]]
        };
        let good = || sample::run("a/b", &[]);
        let bad = || sample::run("a/b", &[("step-1.expect", "no")]);
        let all = [wires("old"), wires("new"), wires("old")];
        let mut moved = Moved::default();
        moved.add(&[good(), bad(), good()], &all, Some(&all[2]));
        moved.add(&[good(), good()], &all[..2], None);
        let told: Vec<Move> = moved.0.into_keys().collect();
        let lost = Move {
            contract: Contract::Lost,
            mock: Some(Side::First),
        };
        let kept = Move {
            contract: Contract::Kept,
            mock: None,
        };
        assert_eq!(told, [lost, kept]);
    }
}
