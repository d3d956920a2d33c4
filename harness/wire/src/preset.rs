//! Presets: what a person chooses, and what that puts on the wire.
//!
//! This is the only place where the mapping is written. The `presets` command, the reference
//! client, the scenarios' matrices and the snapshots all read it from here.
//!
//! Sources: the official SDK's presets (version 0.163.0) for `deny_all`, `auto_review` and the
//! three sandboxes; the proposal of May 2026 for
//! `dangerously_bypass_approvals_and_sandbox`, which was later expressed as `deny_all` with
//! `full_access`. Both spellings put the same on the wire.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::policy::{ApprovalPolicy, ApprovalsReviewer, SandboxMode, SandboxPolicy};

/// The approval modes, by the official SDK's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApprovalMode {
    /// Never ask; the sandbox stays as it is configured.
    DenyAll,
    /// A second model call reviews what would need an approval.
    AutoReview,
    /// Never ask, and no sandbox.
    DangerouslyBypassApprovalsAndSandbox,
}

/// The sandbox presets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SandboxPreset {
    /// Read everything, write nothing.
    ReadOnly,
    /// Write below the workspace and the temporary directories.
    WorkspaceWrite,
    /// No sandbox.
    FullAccess,
}

/// The methods that take permission settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `thread/start`
    ThreadStart,
    /// `thread/resume`
    ThreadResume,
    /// `thread/fork`
    ThreadFork,
    /// `turn/start`
    TurnStart,
}

/// What an approval mode stands for.
struct ModeRow {
    mode: ApprovalMode,
    name: &'static str,
    policy: ApprovalPolicy,
    reviewer: Option<ApprovalsReviewer>,
    /// A mode that decides the sandbox itself can't be combined with another one.
    sandbox: Option<SandboxPreset>,
}

const MODES: [ModeRow; 3] = [
    ModeRow {
        mode: ApprovalMode::DenyAll,
        name: "deny_all",
        policy: ApprovalPolicy::Never,
        reviewer: None,
        sandbox: None,
    },
    ModeRow {
        mode: ApprovalMode::AutoReview,
        name: "auto_review",
        policy: ApprovalPolicy::OnRequest,
        reviewer: Some(ApprovalsReviewer::AutoReview),
        sandbox: None,
    },
    ModeRow {
        mode: ApprovalMode::DangerouslyBypassApprovalsAndSandbox,
        name: "dangerously_bypass_approvals_and_sandbox",
        policy: ApprovalPolicy::Never,
        reviewer: None,
        sandbox: Some(SandboxPreset::FullAccess),
    },
];

const SANDBOXES: [(SandboxPreset, &str, SandboxMode); 3] = [
    (SandboxPreset::ReadOnly, "read_only", SandboxMode::ReadOnly),
    (
        SandboxPreset::WorkspaceWrite,
        "workspace_write",
        SandboxMode::WorkspaceWrite,
    ),
    (
        SandboxPreset::FullAccess,
        "full_access",
        SandboxMode::DangerFullAccess,
    ),
];

/// A method: its name on the wire, its verb in scenarios, and the mode that it takes when none
/// is named. `thread/start` alone has one; the others leave the thread as it is.
const METHODS: [(Method, &str, &str, Option<ApprovalMode>); 4] = [
    (
        Method::ThreadStart,
        "thread/start",
        "thread_start",
        Some(ApprovalMode::AutoReview),
    ),
    (Method::ThreadResume, "thread/resume", "thread_resume", None),
    (Method::ThreadFork, "thread/fork", "thread_fork", None),
    (Method::TurnStart, "turn/start", "run", None),
];

impl ApprovalMode {
    /// All modes, in the order in which messages list them.
    pub const ALL: [Self; 3] = [
        Self::DenyAll,
        Self::AutoReview,
        Self::DangerouslyBypassApprovalsAndSandbox,
    ];

    fn row(self) -> &'static ModeRow {
        &MODES[self as usize]
    }

    /// The name that a person writes.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl SandboxPreset {
    /// All presets, from the narrowest to the widest.
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::WorkspaceWrite, Self::FullAccess];

    /// The name that a person writes.
    pub fn name(self) -> &'static str {
        SANDBOXES[self as usize].1
    }

    /// The spelling of thread methods.
    pub fn mode(self) -> SandboxMode {
        SANDBOXES[self as usize].2
    }

    /// The spelling of turns.
    pub fn policy(self) -> SandboxPolicy {
        self.mode().to_policy()
    }
}

impl Method {
    /// All four, in the order of a thread's life.
    pub const ALL: [Self; 4] = [
        Self::ThreadStart,
        Self::ThreadResume,
        Self::ThreadFork,
        Self::TurnStart,
    ];

    /// The name on the wire, for example `thread/start`.
    pub fn name(self) -> &'static str {
        METHODS[self as usize].1
    }

    /// The verb in scenario files, for example `thread_start`.
    pub fn verb(self) -> &'static str {
        METHODS[self as usize].2
    }

    fn default_mode(self) -> Option<ApprovalMode> {
        METHODS[self as usize].3
    }
}

impl fmt::Display for ApprovalMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for SandboxPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a choice is refused. The client refuses it before any frame is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// A mode that decides the sandbox itself was given together with a sandbox.
    #[error("approval_mode `{mode}` can't be combined with {member}: it already sets the sandbox")]
    Conflict {
        /// The mode.
        mode: ApprovalMode,
        /// The other option, `sandbox` or `sandbox_policy`.
        member: &'static str,
    },
    /// Two ways to say which sandbox.
    #[error("sandbox can't be combined with sandbox_policy: give one of them")]
    TwoSandboxes,
    /// No such mode.
    #[error("approval_mode must be one of: {}; got `{given}`", names(&ApprovalMode::ALL))]
    UnknownMode {
        /// What was given.
        given: String,
    },
    /// No such sandbox preset; wire values such as `read-only` are refused too.
    #[error("sandbox must be one of: {}; got `{given}`", names(&SandboxPreset::ALL))]
    UnknownSandbox {
        /// What was given.
        given: String,
    },
}

impl FromStr for ApprovalMode {
    type Err = PresetError;
    fn from_str(given: &str) -> Result<Self, PresetError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name() == given)
            .ok_or_else(|| PresetError::UnknownMode {
                given: given.to_owned(),
            })
    }
}

impl FromStr for SandboxPreset {
    type Err = PresetError;
    fn from_str(given: &str) -> Result<Self, PresetError> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == given)
            .ok_or_else(|| PresetError::UnknownSandbox {
                given: given.to_owned(),
            })
    }
}

/// What a person chose; what is left out stays out of the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// The approval mode.
    pub approval_mode: Option<ApprovalMode>,
    /// The sandbox preset.
    pub sandbox: Option<SandboxPreset>,
    /// A full policy instead of a preset, sent as it is. Turns have it in the protocol.
    pub sandbox_policy: Option<Value>,
}

/// The members that a choice adds to a request's params, in the order of the protocol.
pub type WireSettings = Map<String, Value>;

impl Choice {
    /// A choice of presets.
    pub fn of(approval_mode: Option<ApprovalMode>, sandbox: Option<SandboxPreset>) -> Self {
        Self {
            approval_mode,
            sandbox,
            sandbox_policy: None,
        }
    }

    /// What this choice puts on the wire with `method`.
    ///
    /// # Errors
    /// [`PresetError`] if the options exclude each other; nothing must be sent then.
    ///
    /// ```
    /// use codex_wire::preset::{ApprovalMode, Choice, Method};
    /// let bypass = Choice::of(Some(ApprovalMode::DangerouslyBypassApprovalsAndSandbox), None);
    /// let wire = bypass.to_wire(Method::ThreadStart)?;
    /// assert_eq!(wire["approvalPolicy"], "never");
    /// assert_eq!(wire["sandbox"], "danger-full-access");
    /// # Ok::<(), codex_wire::preset::PresetError>(())
    /// ```
    pub fn to_wire(&self, method: Method) -> Result<WireSettings, PresetError> {
        let mode = self
            .approval_mode
            .or(method.default_mode())
            .map(ApprovalMode::row);
        if let Some(ModeRow {
            mode,
            sandbox: Some(_),
            ..
        }) = mode
        {
            for (given, member) in [
                (self.sandbox.is_some(), "sandbox"),
                (self.sandbox_policy.is_some(), "sandbox_policy"),
            ] {
                if given {
                    return Err(PresetError::Conflict {
                        mode: *mode,
                        member,
                    });
                }
            }
        }
        if self.sandbox.is_some() && self.sandbox_policy.is_some() {
            return Err(PresetError::TwoSandboxes);
        }
        let mut wire = WireSettings::new();
        if let Some(row) = mode {
            wire.insert("approvalPolicy".into(), json!(row.policy));
            if let Some(reviewer) = row.reviewer {
                wire.insert("approvalsReviewer".into(), json!(reviewer));
            }
        }
        if let Some(sandbox) = self.sandbox.or(mode.and_then(|row| row.sandbox)) {
            let (member, value) = match method {
                Method::TurnStart => ("sandboxPolicy", json!(sandbox.policy())),
                _ => ("sandbox", json!(sandbox.mode())),
            };
            wire.insert(member.into(), value);
        }
        if let Some(policy) = &self.sandbox_policy {
            wire.insert("sandboxPolicy".into(), policy.clone());
        }
        Ok(wire)
    }
}

/// One row of the mapping: a choice, a method, and what comes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The mode, if one is named.
    pub approval_mode: Option<ApprovalMode>,
    /// The sandbox preset, if one is named.
    pub sandbox: Option<SandboxPreset>,
    /// The method.
    pub method: Method,
    /// The members on the wire, or why nothing is sent.
    pub wire: Result<WireSettings, PresetError>,
}

/// The whole mapping: every mode (and none) × every sandbox preset (and none) × every method.
pub fn table() -> Vec<Row> {
    let modes = std::iter::once(None).chain(ApprovalMode::ALL.map(Some));
    let sandboxes = || std::iter::once(None).chain(SandboxPreset::ALL.map(Some));
    modes
        .flat_map(|mode| sandboxes().map(move |sandbox| (mode, sandbox)))
        .flat_map(|(approval_mode, sandbox)| {
            Method::ALL.map(|method| Row {
                approval_mode,
                sandbox,
                method,
                wire: Choice::of(approval_mode, sandbox).to_wire(method),
            })
        })
        .collect()
}

fn names(all: &[impl ToString]) -> String {
    all.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_the_order_of_their_enums() {
        assert!(
            ApprovalMode::ALL
                .iter()
                .all(|mode| mode.row().mode == *mode)
        );
        assert!(
            SandboxPreset::ALL
                .iter()
                .all(|p| SANDBOXES[*p as usize].0 == *p)
        );
        assert!(Method::ALL.iter().all(|m| METHODS[*m as usize].0 == *m));
    }

    #[test]
    fn bypass_and_deny_all_with_full_access_are_the_same_on_the_wire() {
        let bypass = Choice::of(
            Some(ApprovalMode::DangerouslyBypassApprovalsAndSandbox),
            None,
        );
        let spelled = Choice::of(Some(ApprovalMode::DenyAll), Some(SandboxPreset::FullAccess));
        for method in Method::ALL {
            assert_eq!(bypass.to_wire(method), spelled.to_wire(method));
        }
    }

    #[test]
    fn conflicts_name_the_option_and_the_mode() {
        let mode = Some(ApprovalMode::DangerouslyBypassApprovalsAndSandbox);
        let conflict = |choice: Choice| choice.to_wire(Method::TurnStart).unwrap_err().to_string();
        assert!(
            conflict(Choice::of(mode, Some(SandboxPreset::FullAccess)))
                .contains("combined with sandbox:")
        );
        let policy = Some(json!({"type": "dangerFullAccess"}));
        assert!(
            conflict(Choice {
                approval_mode: mode,
                sandbox: None,
                sandbox_policy: policy
            })
            .contains("combined with sandbox_policy")
        );
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones_in_order() {
        assert_eq!(
            "never".parse::<ApprovalMode>().unwrap_err().to_string(),
            "approval_mode must be one of: deny_all, auto_review, \
             dangerously_bypass_approvals_and_sandbox; got `never`"
        );
        for wire in [
            "read-only",
            "workspace-write",
            "danger-full-access",
            "readOnly",
            "",
        ] {
            assert!(wire.parse::<SandboxPreset>().is_err(), "{wire}");
        }
    }

    #[test]
    fn the_whole_mapping() {
        let rows: Vec<String> = table()
            .into_iter()
            .map(|row| {
                let mode = row.approval_mode.map_or("-", ApprovalMode::name);
                let sandbox = row.sandbox.map_or("-", SandboxPreset::name);
                let wire = match row.wire {
                    Ok(wire) => Value::Object(wire).to_string(),
                    Err(error) => format!("refused: {error}"),
                };
                format!("{:<13} {mode} + {sandbox} -> {wire}", row.method.name())
            })
            .collect();
        insta::with_settings!({snapshot_path => "../../../snapshots/presets", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!("mapping", rows.join("\n"));
        });
    }
}
