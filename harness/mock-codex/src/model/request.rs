//! The request that is posted: headers, and a body put together from ready-made pieces.

use bytes::Bytes;
use codex_wire::policy::SandboxPolicy;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::asked::{Asked, Body};
use super::metadata::{self, Metadata};
use super::subagent::{Subagent, SubagentKind};
use super::{context, tools};
use crate::connection::Identity;
use crate::thread::Settings;
use crate::thread::history::History;

/// What a request is about.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) thread: &'a str,
    pub(crate) session: &'a str,
    pub(crate) turn: &'a str,
    pub(crate) turn_started_ms: i64,
    pub(crate) context_window: &'a str,
    pub(crate) installation: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) output_schema: Option<&'a Value>,
    /// The tier of this turn, where it is another than that of the settings.
    pub(crate) service_tier: Option<&'a str>,
    /// The turn that the client says it is part of.
    pub(crate) parent_turn: Option<&'a str>,
    /// What it works for, where the request is a sub-agent's.
    pub(crate) subagent: Option<Subagent<'a>>,
    /// Is it for a summary of the conversation?
    pub(crate) compaction: bool,
    /// How often the conversation was replaced by a summary.
    pub(crate) window: u32,
    /// Was the conversation read back from disk?
    pub(crate) read_back: bool,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "codex sends them")]
struct TurnMetadata<'a> {
    installation_id: &'a str,
    session_id: &'a str,
    thread_id: &'a str,
    agent_name: &'static str,
    turn_id: &'a str,
    window_id: String,
    window_number: u32,
    context_window_id: &'a str,
    request_kind: &'static str,
    history_initialization: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_thread_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_turn_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_turn_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subagent_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_trigger: Option<&'static str>,
    sandbox: &'static str,
    sandbox_mode: &'static str,
    auto_review_enabled: bool,
    node_repl_auto_review_required: bool,
    node_repl_disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_started_at_unix_ms: Option<i64>,
    analytics_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compaction: Option<Compaction>,
}

/// How and why a conversation is summed up.
#[derive(Serialize)]
struct Compaction {
    trigger: &'static str,
    reason: &'static str,
    implementation: &'static str,
    phase: &'static str,
    strategy: &'static str,
}

/// The one that a client asks for.
const ON_REQUEST: Compaction = Compaction {
    trigger: "manual",
    reason: "user_requested",
    implementation: "responses",
    phase: "standalone_turn",
    strategy: "memento",
};

/// What one who decides about commands and patches is asked for, of every known model.
const GUARDIAN_EFFORT: &str = "low";

impl Subject<'_> {
    /// The headers of an upgrade, in codex's order, beside those that make it one.
    fn upgrade_headers(&self, client: &Identity) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("user-agent", client.user_agent.clone()),
            ("originator", client.name.clone()),
            ("openai-beta", "responses_websockets=2026-02-06".to_owned()),
            ("x-codex-turn-metadata", self.metadata()),
            ("x-codex-window-id", self.window()),
            ("x-codex-beta-features", "remote_compaction_v2".to_owned()),
        ];
        headers.extend(self.conversation_headers());
        headers
    }

    /// Whose request it is; both kinds of connection say so in one place.
    fn conversation_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Some(subagent) = self.subagent {
            headers.push(("x-codex-parent-thread-id", subagent.thread.to_owned()));
            headers.push(("x-openai-subagent", subagent.kind.name().to_owned()));
        }
        headers.extend([
            ("x-client-request-id", self.thread.to_owned()),
            ("session-id", self.session.to_owned()),
            ("thread-id", self.thread.to_owned()),
        ]);
        headers
    }

    /// The headers, in codex's order; the connection adds `host` and `content-length`.
    fn headers(&self, client: &Identity) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("x-codex-beta-features", "remote_compaction_v2".to_owned()),
            ("x-codex-window-id", self.window()),
            ("x-codex-turn-metadata", self.metadata()),
        ];
        headers.extend(self.conversation_headers());
        headers.extend([
            ("accept", "text/event-stream".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("originator", client.name.clone()),
            ("user-agent", client.user_agent.clone()),
        ]);
        headers
    }

    /// The whole request. The history goes in as it lies in memory.
    pub(crate) fn ask(&self, client: &Identity, history: &History) -> Asked {
        let model = format!(
            "\"model\":{},\"stream\":true,{}",
            json!(self.settings.model),
            self.tier()
        );
        let tools = match self.subagent.map(|subagent| subagent.kind) {
            _ if self.compaction => Bytes::from_static(b"[]"),
            Some(SubagentKind::Guardian) => tools::for_guardian(),
            Some(SubagentKind::Review) => tools::for_review(self.settings),
            None => tools::of(self.settings),
        };
        Asked {
            headers: self.headers(client),
            upgrade_headers: self.upgrade_headers(client),
            body: Body {
                model: model.into(),
                input: input(self.settings, history),
                settings: vec![
                    Bytes::from_static(b",\"tools\":"),
                    tools,
                    self.tail().into(),
                ],
                metadata: self.client_metadata(),
                warms_up: self.warms_up(),
            },
        }
    }

    fn kind(&self) -> &'static str {
        if self.warms_up() {
            "prewarm"
        } else if self.compaction {
            "compaction"
        } else {
            "turn"
        }
    }

    /// Whether it only warms a connection up, before any turn.
    fn warms_up(&self) -> bool {
        self.turn.is_empty()
    }

    /// The tier of service, where there is one that the model is asked for.
    fn tier(&self) -> String {
        let usual = self.settings.service_tier.as_deref();
        let tier = self.service_tier.or(usual);
        let tier = tier.filter(|tier| metadata::is_asked_for_tier(&self.settings.model, tier));
        tier.map_or_else(String::new, |tier| {
            format!("\"service_tier\":{},", json!(tier))
        })
    }

    fn tail(&self) -> String {
        let mut reasoning = json!({});
        let usual = self.known().map(|known| match self.subagent {
            Some(of) if of.kind == SubagentKind::Guardian => GUARDIAN_EFFORT,
            _ => known.effort,
        });
        if let Some(effort) = self.settings.effort.as_deref().or(usual) {
            reasoning["effort"] = json!(metadata::asked_effort(effort));
        }
        match (self.settings.summary, self.known()) {
            (Some(crate::protocol::params::ReasoningSummary::None), _) | (None, Some(_)) => {}
            (Some(summary), _) => reasoning["summary"] = json!(summary),
            (None, None) => reasoning["summary"] = json!("auto"),
        }
        let text = self
            .text()
            .map_or_else(String::new, |text| format!(",\"text\":{text}"));
        let parallel = !self.compaction;
        format!(
            ",\"tool_choice\":\"auto\",\"parallel_tool_calls\":{parallel},\"reasoning\":{reasoning},\
             \"store\":false,\"include\":[\"reasoning.encrypted_content\"],\
             \"prompt_cache_key\":{}{text}",
            json!(self.cache_key()),
        )
    }

    fn known(&self) -> Option<&'static Metadata> {
        Metadata::of(&self.settings.model)
    }

    /// The form of the answer.
    fn text(&self) -> Option<Value> {
        let mut text = json!({});
        if let Some(known) = self.known() {
            text["verbosity"] = json!(known.verbosity);
        }
        if let Some(schema) = self.output_schema {
            text["format"] = json!({
                "type": "json_schema",
                "strict": self.subagent.is_none(),
                "schema": schema,
                "name": "codex_output_schema",
            });
        }
        text.as_object()
            .is_some_and(|text| !text.is_empty())
            .then_some(text)
    }

    fn cache_key(&self) -> String {
        match self.subagent {
            None => self.thread.to_owned(),
            Some(of) if of.kind == SubagentKind::Review => of.thread.to_owned(),
            Some(of) => format!("{}:{}", of.kind.name(), of.thread),
        }
    }

    /// The turn that everything began with.
    fn root_turn(&self) -> &str {
        self.subagent.map_or(self.turn, |subagent| subagent.turn)
    }

    fn client_metadata(&self) -> Value {
        let mut metadata = json!({
            "thread_id": self.thread,
            "x-codex-installation-id": self.installation,
            "session_id": self.session,
            "x-codex-window-id": self.window(),
            "x-codex-turn-metadata": self.metadata(),
            "turn_id": self.turn,
        });
        if !self.warms_up() {
            metadata["root_turn_id"] = json!(self.root_turn());
        }
        if let Some(parent) = self.parent_turn {
            metadata["parent_turn_id"] = json!(parent);
        }
        if let Some(subagent) = self.subagent {
            if !subagent.turn.is_empty() {
                metadata["parent_turn_id"] = json!(subagent.turn);
            }
            metadata["x-codex-parent-thread-id"] = json!(subagent.thread);
            metadata["x-openai-subagent"] = json!(subagent.kind.name());
        }
        metadata
    }

    fn window(&self) -> String {
        format!("{}:{}", self.thread, self.window)
    }

    fn metadata(&self) -> String {
        let metadata = TurnMetadata {
            installation_id: self.installation,
            session_id: self.session,
            thread_id: self.thread,
            agent_name: "/root",
            turn_id: self.turn,
            window_id: self.window(),
            window_number: self.window,
            context_window_id: self.context_window,
            request_kind: self.kind(),
            history_initialization: if self.read_back { "cold_resume" } else { "new" },
            parent_thread_id: self.subagent.map(|subagent| subagent.thread),
            parent_turn_id: self
                .subagent
                .map(|subagent| subagent.turn)
                .filter(|turn| !turn.is_empty()),
            root_turn_id: (!self.warms_up()).then(|| self.root_turn()),
            subagent_kind: self.subagent.map(|subagent| subagent.kind.name()),
            thread_source: self.subagent.map(|subagent| subagent.kind.thread_source()),
            turn_trigger: self
                .subagent
                .and_then(|subagent| subagent.kind.turn_trigger()),
            sandbox: sandbox_kind(&self.settings.sandbox),
            sandbox_mode: self.settings.sandbox.mode_name(),
            auto_review_enabled: self.settings.has_reviewer(),
            node_repl_auto_review_required: false,
            node_repl_disabled: false,
            turn_started_at_unix_ms: (!self.warms_up()).then_some(self.turn_started_ms),
            analytics_enabled: true,
            model: (!self.compaction).then_some(&*self.settings.model),
            compaction: self.compaction.then_some(ON_REQUEST),
        };
        // Plain members only: this can't fail.
        serde_json::to_string(&metadata).unwrap_or_default()
    }
}

/// How a sandbox is enforced, as the metadata names it.
fn sandbox_kind(sandbox: &SandboxPolicy) -> &'static str {
    match sandbox {
        SandboxPolicy::ReadOnly { .. } | SandboxPolicy::WorkspaceWrite(_) => "seccomp",
        SandboxPolicy::DangerFullAccess => "none",
        SandboxPolicy::ExternalSandbox { .. } => "external",
    }
}

/// The input: the instructions, then the history.
pub(crate) fn input(settings: &Settings, history: &History) -> Vec<Bytes> {
    std::iter::once(Bytes::from(base_prompt(settings)))
        .chain(history.segments())
        .collect()
}

/// The first item of every request. Its id depends on its text alone.
fn base_prompt(settings: &Settings) -> String {
    let text = settings
        .base_instructions
        .as_deref()
        .unwrap_or(context::BASE_PROMPT);
    message_with_id(&format!("msg_{}", stable_id(text)), "developer", &[text])
}

/// An id that the same text always gets.
fn stable_id(text: &str) -> Uuid {
    let mut bytes = [0u8; 16];
    for (index, byte) in text.bytes().enumerate() {
        let at = index % bytes.len();
        bytes[at] = bytes[at].wrapping_mul(31).wrapping_add(byte);
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A message item with a new id.
pub(crate) fn message(role: &str, texts: &[&str]) -> String {
    message_with_id(&format!("msg_{}", crate::clock::new_id()), role, texts)
}

fn message_with_id(id: &str, role: &str, texts: &[&str]) -> String {
    let content: Vec<Value> = texts
        .iter()
        .map(|text| json!({"type": "input_text", "text": text}))
        .collect();
    json!({"type": "message", "id": id, "role": role, "content": content}).to_string()
}
