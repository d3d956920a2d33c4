//! What a target can do, and what a case needs.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::scenario::model::{Action, Case};
use crate::target::Target;

/// Something that not every target can do. A case that needs it is skipped where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// `home`: the harness lays out `CODEX_HOME`, the environment and the arguments, and with them
    /// the scripted model.
    Home,
    /// `process`: the harness owns the process: it can close its stdin, signal it, see its end.
    Process,
    /// `restart`: it can be stopped and started again on the same home.
    Restart,
    /// `stderr`: its stderr can be read.
    Stderr,
    /// `stdio`: frames are lines on pipes, and bytes can be sent as they are.
    Stdio,
    /// `kernel-sandbox`: commands run under a sandbox that the kernel enforces.
    KernelSandbox,
    /// `scripted-answers`: it answers methods as the scenario says (`mock`).
    ScriptedAnswers,
    /// `variants`: it plays variants of the protocol that `MOCK_CODEX_VARIANTS` switches on.
    Variants,
}

/// A name in a scenario's `requires` that is no capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown capability `{given}`; one of {}", names())]
pub struct UnknownCapability {
    /// What was given.
    pub given: String,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 8] = [
        Self::Home,
        Self::Process,
        Self::Restart,
        Self::Stderr,
        Self::Stdio,
        Self::KernelSandbox,
        Self::ScriptedAnswers,
        Self::Variants,
    ];

    /// The names of all capabilities, in the same order.
    pub const NAMES: [&'static str; 8] = {
        let mut names = [""; 8];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::ALL[at].name();
            at += 1;
        }
        names
    };

    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Process => "process",
            Self::Restart => "restart",
            Self::Stderr => "stderr",
            Self::Stdio => "stdio",
            Self::KernelSandbox => "kernel-sandbox",
            Self::ScriptedAnswers => "scripted-answers",
            Self::Variants => "variants",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Capability {
    type Err = UnknownCapability;
    fn from_str(given: &str) -> Result<Self, UnknownCapability> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.name() == given)
            .ok_or_else(|| UnknownCapability {
                given: given.to_owned(),
            })
    }
}

/// The capabilities of a target.
///
/// For a command nothing can be known beforehand: it is taken to be an app-server like the
/// others, and says otherwise by failing.
pub fn of(target: &Target) -> &'static [Capability] {
    match target {
        Target::Mock { .. } => &Capability::ALL,
        Target::Command { .. } => &OF_COMMANDS,
        Target::Codex { .. } => &OF_CODEX,
        Target::WebSocket { .. } | Target::Unix { .. } => &[],
    }
}

/// What a command may be able to do: a mock of somebody's may take scripted answers.
const OF_COMMANDS: [Capability; 7] = [
    Capability::Home,
    Capability::Process,
    Capability::Restart,
    Capability::Stderr,
    Capability::Stdio,
    Capability::KernelSandbox,
    Capability::ScriptedAnswers,
];

/// What the real one can do: everything but to take a script's word for its own, and to play
/// variants.
const OF_CODEX: [Capability; 6] = [
    Capability::Home,
    Capability::Process,
    Capability::Restart,
    Capability::Stderr,
    Capability::Stdio,
    Capability::KernelSandbox,
];

/// What a case needs: what it says in `requires`, and what its steps and expectations imply.
pub fn needed(case: &Case) -> Result<BTreeSet<Capability>, UnknownCapability> {
    let mut needed = case
        .requires
        .iter()
        .map(|name| name.parse())
        .collect::<Result<BTreeSet<_>, _>>()?;
    let home = &case.home;
    let has_home = !home.config.is_empty() || !home.overrides.is_empty() || !home.env.is_empty();
    if has_home || !case.model.is_empty() || !case.files.is_empty() {
        needed.insert(Capability::Home);
    }
    if case.transport.is_some() {
        needed.extend([Capability::Home, Capability::Process]);
    }
    if case.disturb.is_some() {
        needed.extend([Capability::Home, Capability::Process, Capability::Stdio]);
    }
    if !case.mock.is_empty() {
        needed.extend([Capability::Home, Capability::ScriptedAnswers]);
    }
    if case.expect.stderr.is_some() {
        needed.insert(Capability::Stderr);
    }
    needed.extend(case.steps.iter().filter_map(|step| implied(&step.action)));
    Ok(needed)
}

/// Why `case` can't run on `target`, or `None` when it can. `shortfall` is asked only for a case
/// that needs the kernel's sandbox: it says what keeps this machine from it.
pub fn obstacle(
    case: &Case,
    target: &Target,
    shortfall: impl FnOnce() -> Option<String>,
) -> Result<Option<String>, UnknownCapability> {
    if !case.targets.is_empty() && !case.targets.iter().any(|kind| kind == target.kind()) {
        return Ok(Some(format!("it is meant for {}", case.targets.join(", "))));
    }
    let has = target.capabilities();
    let needed = needed(case)?;
    let missing: Vec<_> = needed
        .iter()
        .filter(|capability| !has.contains(capability))
        .map(|capability| capability.name())
        .collect();
    if !missing.is_empty() {
        return Ok(Some(format!("`{target}` has no {}", missing.join(", no "))));
    }
    let sandboxed = needed.contains(&Capability::KernelSandbox);
    let why = if sandboxed { shortfall() } else { None };
    Ok(why.map(|why| {
        format!(
            "`{target}` has no full {} here: {why}",
            Capability::KernelSandbox
        )
    }))
}

fn implied(action: &Action) -> Option<Capability> {
    match action {
        Action::Restart { .. } => Some(Capability::Restart),
        Action::CloseStdin | Action::Signal { .. } | Action::Exit => Some(Capability::Process),
        Action::SendLine { .. } => Some(Capability::Stdio),
        Action::File { .. } => Some(Capability::Home),
        _ => None,
    }
}

fn names() -> String {
    Capability::ALL.map(|c| format!("`{c}`")).join(", ")
}
