//! What rules look at in a frame, borrowed from the line or the value that it is in.
//!
//! One set of types for all methods: a member is here because a rule asks for it. The same types
//! read text (`serde_json::from_slice`) and values (`&serde_json::Value`).

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};

use super::lenient::{Opt, Pick, Present, Text, object};
use crate::frame::Id;

/// Structs that are read from objects, and absent in any other value.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$how:meta])* $member:ident: $type:ty),* $(,)?
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, Deserialize)]
            #[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
            #[allow(
                missing_docs,
                clippy::struct_field_names,
                reason = "members are named as on the wire"
            )]
            pub struct $name<'a> {
                $($(#[$how])* #[serde(default)] pub $member: Opt<$type>,)*
                #[serde(skip)]
                #[doc(hidden)]
                pub marker: std::marker::PhantomData<&'a ()>,
            }

            impl<'a, 'de: 'a> Pick<'de> for $name<'a> {
                fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
                    object(map)
                }
            }
        )*
    };
}

objects! {
    /// A frame of either side.
    Frame {
        id: Id,
        method: Text<'a>,
        params: Box<Params<'a>>,
        result: Box<Answer<'a>>,
        error: Present,
        emitted_at_ms: i64,
    }

    /// The `params` of any method.
    Params {
        thread_id: Text<'a>,
        turn_id: Text<'a>,
        item_id: Text<'a>,
        target_item_id: Text<'a>,
        request_id: Id,
        delta: Text<'a>,
        message: Text<'a>,
        summary: Text<'a>,
        summary_index: i64,
        content_index: i64,
        will_retry: bool,
        started_at_ms: i64,
        completed_at_ms: i64,
        status: Status<'a>,
        turn: Box<Turn<'a>>,
        item: Box<Item<'a>>,
        thread: Box<Thread<'a>>,
        token_usage: Box<TokenUsage<'a>>,
        thread_settings: Box<Settings<'a>>,
        capabilities: Box<Capabilities<'a>>,
        approval_policy: Policy<'a>,
        approvals_reviewer: Text<'a>,
        sandbox: Sandbox<'a>,
        sandbox_policy: Sandbox<'a>,
        permissions: Present,
        collaboration_mode: Present,
        config: Present,
        model: Text<'a>,
    }

    /// The `result` of any answer.
    Answer {
        thread: Box<Thread<'a>>,
        turn: Box<Turn<'a>>,
        turn_id: Text<'a>,
        user_agent: Text<'a>,
        approval_policy: Policy<'a>,
        approvals_reviewer: Text<'a>,
        sandbox: Sandbox<'a>,
        model: Text<'a>,
        decision: Decision<'a>,
        status: Text<'a>,
    }

    /// What a client asks for in its handshake.
    Capabilities {
        opt_out_notification_methods: Vec<Text<'a>>,
    }

    /// A thread, as replies and `thread/started` have it.
    Thread {
        id: Text<'a>,
        forked_from_id: Text<'a>,
        parent_thread_id: Text<'a>,
        status: Status<'a>,
        ephemeral: bool,
    }

    /// What a thread is doing.
    Status {
        r#type: Text<'a>,
        active_flags: Vec<Text<'a>>,
    }

    /// A turn.
    Turn {
        id: Text<'a>,
        root_turn_id: Text<'a>,
        status: Text<'a>,
        error: Present,
        items: Vec<Item<'a>>,
        started_at: i64,
        completed_at: i64,
        duration_ms: i64,
    }

    /// An item of a turn.
    Item {
        id: Text<'a>,
        r#type: Text<'a>,
        status: Text<'a>,
        text: Text<'a>,
        summary: Vec<Text<'a>>,
        content: Vec<Text<'a>>,
        aggregated_output: Text<'a>,
        command: Text<'a>,
        source: Text<'a>,
        exit_code: i64,
        started_at_ms: i64,
        completed_at_ms: i64,
        changes: Vec<Present>,
    }

    /// The tokens of a thread.
    TokenUsage {
        total: Tokens<'a>,
        last: Tokens<'a>,
        model_context_window: i64,
    }

    /// Counts of tokens.
    Tokens {
        total_tokens: i64,
        input_tokens: i64,
        cached_input_tokens: i64,
        cache_write_input_tokens: i64,
        output_tokens: i64,
        reasoning_output_tokens: i64,
    }

    /// The settings of a thread, as `thread/settings/updated` has them.
    Settings {
        approval_policy: Policy<'a>,
        approvals_reviewer: Text<'a>,
        sandbox_policy: Sandbox<'a>,
        model: Text<'a>,
    }

    /// A request to the model, of a transcript or of a recording.
    ModelRequest {
        method: Text<'a>,
        headers: Headers<'a>,
        body: Body<'a>,
    }

    /// The body of a request to the model.
    Body {
        #[serde(rename = "prompt_cache_key")]
        prompt_cache_key: Text<'a>,
        #[serde(rename = "client_metadata")]
        client_metadata: Headers<'a>,
        input: Vec<Input<'a>>,
    }

    /// An item of what the model is asked.
    Input {
        role: Text<'a>,
        content: Vec<Part<'a>>,
    }

    /// A part of a message to the model.
    Part {
        text: Text<'a>,
    }

    /// A sandbox policy by its members.
    SandboxPolicy {
        r#type: Text<'a>,
        network_access: Network<'a>,
        writable_roots: Vec<Text<'a>>,
        exclude_slash_tmp: bool,
        exclude_tmpdir_env_var: bool,
    }
}

impl Pick<'_> for Id {
    fn text(text: std::borrow::Cow<'_, str>) -> Option<Self> {
        Some(Self::String(text.into_owned()))
    }

    fn integer(integer: i64) -> Option<Self> {
        Some(Self::Integer(integer))
    }
}

/// An approval policy: a name, or `granular` with members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy<'a>(pub Text<'a>);

impl<'a, 'de: 'a> Pick<'de> for Policy<'a> {
    fn text(text: std::borrow::Cow<'de, str>) -> Option<Self> {
        Some(Self(Text(text)))
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(first_key(map)?.map(Self))
    }
}

/// A decision: a name, or a name with members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a>(pub Text<'a>);

impl<'a, 'de: 'a> Pick<'de> for Decision<'a> {
    fn text(text: std::borrow::Cow<'de, str>) -> Option<Self> {
        Some(Self(Text(text)))
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(first_key(map)?.map(Self))
    }
}

/// The first key of an object, which is read to its end.
fn first_key<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Text<'de>>, A::Error> {
    use serde::de::IgnoredAny;
    let mut first = None;
    while let Some((Opt(key), IgnoredAny)) = map.next_entry::<Opt<Text<'de>>, IgnoredAny>()? {
        first = first.or(key);
    }
    Ok(first)
}

/// A sandbox: its name, as thread methods take it, or its policy.
#[derive(Clone, Debug)]
pub enum Sandbox<'a> {
    /// `read-only`, `workspace-write` or `danger-full-access`.
    Named(Text<'a>),
    /// The members of a policy.
    Policy(Box<SandboxPolicy<'a>>),
}

impl<'a, 'de: 'a> Pick<'de> for Sandbox<'a> {
    fn text(text: std::borrow::Cow<'de, str>) -> Option<Self> {
        Some(Self::Named(Text(text)))
    }

    fn map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(object(map)?.map(|policy| Self::Policy(Box::new(policy))))
    }
}

/// Network access: a flag, or `restricted` and `enabled` under an external sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network<'a>(pub bool, std::marker::PhantomData<&'a ()>);

impl<'a, 'de: 'a> Pick<'de> for Network<'a> {
    fn flag(flag: bool) -> Option<Self> {
        Some(Self(flag, std::marker::PhantomData))
    }

    fn text(text: std::borrow::Cow<'de, str>) -> Option<Self> {
        Some(Self(text == "enabled", std::marker::PhantomData))
    }
}

/// The headers of a request that rules ask for.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a> {
    /// `x-codex-turn-metadata`: JSON in a string.
    pub turn_metadata: Option<Text<'a>>,
    /// `thread-id`.
    pub thread_id: Option<Text<'a>>,
    /// Is there an `x-openai-subagent`?
    pub subagent: bool,
}

impl<'a> Headers<'a> {
    /// Of a transcript.
    pub(super) fn of(headers: &'a [(String, String)]) -> Self {
        let mut all = Self::default();
        for (name, value) in headers {
            all.take(name, Some(Text(value.as_str().into())));
        }
        all
    }

    fn take(&mut self, name: &str, value: Option<Text<'a>>) {
        match name {
            "x-codex-turn-metadata" => self.turn_metadata = value,
            "thread-id" => self.thread_id = value,
            "x-openai-subagent" => self.subagent = true,
            _ => {}
        }
    }
}

impl<'a, 'de: 'a> Pick<'de> for Headers<'a> {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        let mut headers = Self::default();
        while let Some((Opt(name), Opt(value))) =
            map.next_entry::<Opt<Text<'de>>, Opt<Text<'de>>>()?
        {
            headers.take(
                &name.map_or_else(String::new, |name| name.to_lowercase()),
                value,
            );
        }
        Ok(Some(headers))
    }

    fn seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut headers = Self::default();
        while let Some(Opt(pair)) = seq.next_element::<Opt<Vec<Text<'de>>>>()? {
            let mut pair = pair.into_iter().flatten();
            if let (Some(name), value) = (pair.next(), pair.next()) {
                headers.take(&name, value);
            }
        }
        Ok(Some(headers))
    }
}

/// What `x-codex-turn-metadata` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct TurnMetadata<'a> {
    /// The thread that asks.
    #[serde(default)]
    pub(super) thread_id: Opt<Text<'a>>,
    /// The sandbox in force, spelled as for thread methods.
    #[serde(default)]
    pub(super) sandbox_mode: Opt<Text<'a>>,
}

/// Where in a session something was seen.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The position in the file or the transcript, counted from 1.
    pub number: usize,
    /// The client; empty for the first or only one.
    pub client: &'a str,
}

/// What was seen at one moment.
#[derive(Clone, Debug)]
pub enum Sight<'a> {
    /// The client sent a frame.
    Client(Frame<'a>),
    /// The app-server sent a frame.
    Server(Frame<'a>),
    /// The client sent a text as it is, which may be frames or not.
    ClientRaw(Text<'a>),
    /// Somebody sent a frame, the log doesn't say who.
    Either(Frame<'a>),
    /// The app-server asked the model.
    Model(ModelRequest<'a>),
    /// The app-server's process began or ended.
    Restarted,
    /// From here on the log says that it leaves frames out.
    Abridged,
    /// Something that no rule looks at.
    Other,
}
