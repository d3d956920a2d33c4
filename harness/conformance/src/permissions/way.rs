//! The three tables of the matrix: ways to set permissions, moments at which they are in force,
//! and configured defaults. Everything else is made from them.

use codex_wire::preset::{ApprovalMode, Choice, Method, SandboxPreset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::run::home;

/// A way to set permissions.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Its name, in kebab case: `sandbox-workspace-write`.
    pub name: String,
    /// What is done.
    pub how: How,
}

/// How permissions are set.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// Not at all.
    Nothing,
    /// By presets at thread start.
    Start(Choice),
    /// By members of `thread/start`.
    StartWith(Map<String, Value>),
    /// By `config` of `thread/start`.
    StartConfig(Map<String, Value>),
    /// By presets on a turn.
    Turn(Choice),
    /// By members of `turn/start`.
    TurnWith(Map<String, Value>),
    /// By members of `thread/settings/update`.
    Update(Map<String, Value>),
    /// In `config.toml`.
    File(Map<String, Value>),
    /// By `-c` on the command line.
    CommandLine(Map<String, Value>),
}

/// The built-in permission profiles, with what they are called in names of ways.
const PROFILES: [(&str, &str); 3] = [
    (":read-only", "read-only"),
    (":workspace", "workspace"),
    (":danger-full-access", "full-access"),
];

impl Way {
    /// All ways. The presets among them are those of [`codex_wire::preset`].
    pub fn all() -> Vec<Self> {
        let way = |name: &str, how| Self {
            name: name.to_owned(),
            how,
        };
        let mut all = vec![way("defaults", How::Nothing)];
        all.extend(ApprovalMode::ALL.map(|mode| {
            let choice = Choice::of(Some(mode), None);
            way(&format!("start-{}", kebab(mode.name())), How::Start(choice))
        }));
        all.extend(SandboxPreset::ALL.map(|preset| {
            let choice = Choice::of(Some(ApprovalMode::DenyAll), Some(preset));
            let name = format!("start-deny-all-{}", kebab(preset.name()));
            way(&name, How::Start(choice))
        }));
        all.extend(SandboxPreset::ALL.map(|preset| {
            let name = format!("sandbox-{}", preset.mode());
            way(
                &name,
                How::StartWith(map(&json!({ "sandbox": preset.mode() }))),
            )
        }));
        all.extend(PROFILES.map(|(id, name)| {
            let members = map(&json!({ "permissions": id }));
            way(&format!("permissions-{name}"), How::StartWith(members))
        }));
        all.extend(ApprovalMode::ALL.map(|mode| {
            let choice = Choice::of(Some(mode), None);
            way(&format!("turn-{}", kebab(mode.name())), How::Turn(choice))
        }));
        all.extend(SandboxPreset::ALL.map(|preset| {
            let choice = Choice::of(None, Some(preset));
            way(&format!("turn-{}", kebab(preset.name())), How::Turn(choice))
        }));
        all.extend(policies().map(|(name, policy)| {
            let members = map(&json!({ "sandboxPolicy": policy }));
            way(&format!("turn-policy-{name}"), How::TurnWith(members))
        }));
        all.extend(PROFILES.map(|(id, name)| {
            let members = map(&json!({ "permissions": id }));
            way(&format!("turn-permissions-{name}"), How::TurnWith(members))
        }));
        all.extend(SandboxPreset::ALL.map(|preset| {
            let members = map(&json!({ "sandboxPolicy": preset.policy() }));
            way(
                &format!("update-{}", kebab(preset.name())),
                How::Update(members),
            )
        }));
        all.extend(PROFILES.map(|(id, name)| {
            let members = map(&json!({ "permissions": id }));
            way(&format!("update-permissions-{name}"), How::Update(members))
        }));
        all.push(way(
            "update-approval-never",
            How::Update(map(&json!({ "approvalPolicy": "never" }))),
        ));
        all.extend(PROFILES.map(|(id, name)| {
            let members = map(&json!({ "default_permissions": id }));
            way(&format!("config-permissions-{name}"), How::File(members))
        }));
        let network = json!({
            "sandbox_mode": "workspace-write",
            "sandbox_workspace_write": { "network_access": true, "exclude_slash_tmp": true },
        });
        all.push(way(
            "config-workspace-write-network",
            How::File(map(&network)),
        ));
        let mode = map(&json!({ "sandbox_mode": "workspace-write" }));
        all.push(way("config-of-the-thread", How::StartConfig(mode.clone())));
        all.push(way("config-of-the-command-line", How::CommandLine(mode)));
        all
    }

    /// How it is done, in a few words.
    pub fn words(&self) -> String {
        let members = |map: &Map<String, Value>| format!("`{}`", Value::Object(map.clone()));
        match &self.how {
            How::Nothing => "nothing is set".to_owned(),
            How::Start(choice) => format!("presets at thread start: {}", presets(choice)),
            How::StartWith(map) => format!("`thread/start` with {}", members(map)),
            How::StartConfig(map) => format!("`thread/start` with `config` {}", members(map)),
            How::Turn(choice) => format!("presets on a turn: {}", presets(choice)),
            How::TurnWith(map) => format!("`turn/start` with {}", members(map)),
            How::Update(map) => format!("`thread/settings/update` with {}", members(map)),
            How::File(map) => format!("`config.toml` with {}", members(map)),
            How::CommandLine(map) => format!("`-c` with {}", members(map)),
        }
    }

    /// What goes on the wire for it.
    pub fn wire(&self) -> Map<String, Value> {
        // The choices of the table above don't exclude each other, as a test shows.
        let presets = |choice: &Choice, method| choice.to_wire(method).unwrap_or_default();
        match &self.how {
            How::Start(choice) => presets(choice, Method::ThreadStart),
            How::Turn(choice) => presets(choice, Method::TurnStart),
            How::StartWith(members) | How::TurnWith(members) | How::Update(members) => {
                members.clone()
            }
            How::Nothing | How::StartConfig(_) | How::File(_) | How::CommandLine(_) => Map::new(),
        }
    }

    /// What it configures, wherever that is done.
    pub fn config(&self) -> Map<String, Value> {
        match &self.how {
            How::StartConfig(config) | How::File(config) | How::CommandLine(config) => {
                config.clone()
            }
            _ => Map::new(),
        }
    }

    /// Is it a turn that sets them?
    pub fn is_turn(&self) -> bool {
        matches!(self.how, How::Turn(_) | How::TurnWith(_))
    }
}

/// Policies that have no preset.
fn policies() -> [(&'static str, Value); 3] {
    [
        (
            "read-only-network",
            json!({ "type": "readOnly", "networkAccess": true }),
        ),
        (
            "workspace-write-network",
            json!({ "type": "workspaceWrite", "networkAccess": true, "excludeSlashTmp": true }),
        ),
        ("external", json!({ "type": "externalSandbox" })),
    ]
}

fn presets(choice: &Choice) -> String {
    let mode = choice.approval_mode.map(ApprovalMode::name);
    let sandbox = choice.sandbox.map(SandboxPreset::name);
    let names: Vec<String> = [mode, sandbox]
        .into_iter()
        .flatten()
        .map(|name| format!("`{name}`"))
        .collect();
    names.join(" and ")
}

fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// A moment at which permissions are in force.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The turn that sets them.
    ThisTurn,
    /// The next turn, which names nothing.
    NextTurn,
    /// A turn after `thread/resume` of the thread as it is loaded.
    ResumeLoaded,
    /// A turn of a fork.
    Fork,
    /// A turn of a fork made after the app-server was started anew.
    ForkAfterRestart,
    /// A turn after `thread/resume` after the app-server was started anew.
    ResumeAfterRestart,
}

impl Moment {
    /// All, in the order in which a session has them. The fork after the restart comes before the
    /// thread itself is loaded again.
    pub const ALL: [Self; 6] = [
        Self::ThisTurn,
        Self::NextTurn,
        Self::ResumeLoaded,
        Self::Fork,
        Self::ForkAfterRestart,
        Self::ResumeAfterRestart,
    ];

    /// The name: also the text of its turn and the id of its call.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThisTurn => "this-turn",
            Self::NextTurn => "next-turn",
            Self::ResumeLoaded => "resume-loaded",
            Self::Fork => "fork",
            Self::ForkAfterRestart => "fork-after-restart",
            Self::ResumeAfterRestart => "resume-after-restart",
        }
    }

    /// For people.
    pub fn words(self) -> String {
        self.name().replace('-', " ")
    }
}

/// A configured default.
#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// `config.toml`, on top of the harness's own.
    pub config: Map<String, Value>,
    /// What the restart puts over it.
    pub at_restart: Map<String, Value>,
}

impl Configured {
    /// All defaults.
    pub fn all() -> Vec<Self> {
        let full = json!({ "sandbox_mode": "danger-full-access", "approval_policy": "never" });
        let (none, workspace) = (json!({}), json!({ "sandbox_mode": "workspace-write" }));
        [
            ("none", &none, &none),
            ("workspace-write", &workspace, &none),
            ("full-access", &full, &none),
            ("none-then-full-access", &none, &full),
        ]
        .into_iter()
        .map(|(name, config, at_restart)| Self {
            name,
            config: map(config),
            at_restart: map(at_restart),
        })
        .collect()
    }

    /// For people.
    pub fn words(&self) -> String {
        let members = |config: &Map<String, Value>| {
            let lines = config
                .iter()
                .map(|(name, value)| format!("`{name} = {value}`"));
            match lines.collect::<Vec<_>>() {
                lines if lines.is_empty() => "nothing".to_owned(),
                lines => lines.join(", "),
            }
        };
        if self.at_restart.is_empty() {
            return members(&self.config);
        }
        format!(
            "{}; from the restart on {}",
            members(&self.config),
            members(&self.at_restart)
        )
    }

    /// What is configured when a thread is started in this way.
    pub fn with(&self, way: &Way) -> Map<String, Value> {
        let mut config = self.config.clone();
        home::merge(&mut config, &way.config());
        config
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_presets_exclude_nothing() {
        let all = Way::all();
        let names: BTreeSet<_> = all.iter().map(|way| &way.name).collect();
        assert_eq!(names.len(), all.len());
        for way in &all {
            let sets_nothing = way.wire().is_empty() && way.config().is_empty();
            assert_eq!(sets_nothing, way.how == How::Nothing, "{}", way.name);
        }
    }

    #[test]
    fn every_preset_is_a_way_at_the_start_and_on_a_turn() {
        let all = Way::all();
        let has = |name: String| all.iter().any(|way| way.name == name);
        for preset in SandboxPreset::ALL.map(SandboxPreset::name) {
            assert!(has(format!("start-deny-all-{}", kebab(preset))), "{preset}");
            assert!(has(format!("turn-{}", kebab(preset))), "{preset}");
        }
        for mode in ApprovalMode::ALL.map(ApprovalMode::name) {
            assert!(has(format!("start-{}", kebab(mode))), "{mode}");
            assert!(has(format!("turn-{}", kebab(mode))), "{mode}");
        }
    }
}
