//! Gates: where a reply waits until something has happened elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::matcher::Matcher;
use crate::rules::Violation;

/// Where a reply waits, and for what.
///
/// ```
/// use mock_responses::Hold;
///
/// let until: Hold = serde_saphyr::from_str(
///     "{ after_event: 2, until: { client_received: { method: item/started } } }",
/// )?;
/// assert_eq!(until.gate(), "until client_received item/started");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "HoldMap")]
pub struct Hold {
    position: HoldAt,
    gate: String,
    until: Option<ClientReceived>,
}

/// Where a reply waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HoldAt {
    Head,
    AfterEvent(usize),
    AfterByte(usize),
}

/// A frame that the client has to receive before a reply goes on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientReceived {
    /// The frame's method.
    pub method: String,
    /// What its `params` are like, by JSON pointer.
    #[serde(default)]
    pub params: BTreeMap<String, Matcher>,
}

/// A frame on the client's wire: a notification or a request that the client has received.
#[derive(Clone, Copy, Debug)]
pub struct ClientFrame<'a> {
    /// Its method, e.g. `item/started`.
    pub method: &'a str,
    /// Its `params`; [`Value::Null`] if it has none.
    pub params: &'a Value,
}

/// Where a reply waits, and for what.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HoldMap {
    /// Waits when this many events have been sent.
    #[serde(default)]
    after_event: Option<usize>,
    /// Waits when this many bytes of the body have been sent.
    #[serde(default)]
    after_byte: Option<usize>,
    /// Waits before anything is sent, the head included.
    #[serde(default)]
    before: bool,
    /// The gate's name. Once released it stays open.
    #[serde(default)]
    gate: Option<String>,
    /// What opens it by itself. What happened before the request came doesn't count.
    #[serde(default)]
    until: Option<Until>,
}

/// What opens a gate by itself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Until {
    /// The client receives such a frame.
    client_received: ClientReceived,
}

impl Hold {
    /// Waits before anything is sent, the head included.
    pub fn before(gate: impl Into<String>) -> Self {
        Self::at(HoldAt::Head, gate)
    }

    /// Waits when `event` events have been sent (0: after the head).
    pub fn after(event: usize, gate: impl Into<String>) -> Self {
        Self::at(HoldAt::AfterEvent(event), gate)
    }

    /// Waits when `byte` bytes of the body have been sent.
    pub fn after_byte(byte: usize, gate: impl Into<String>) -> Self {
        Self::at(HoldAt::AfterByte(byte), gate)
    }

    fn at(position: HoldAt, gate: impl Into<String>) -> Self {
        Self {
            position,
            gate: gate.into(),
            until: None,
        }
    }

    /// Lets such a frame open the gate, if it comes after the request.
    #[must_use]
    pub fn until(mut self, frame: ClientReceived) -> Self {
        self.until = Some(frame);
        self
    }

    /// The gate's name.
    pub fn gate(&self) -> &str {
        &self.gate
    }

    pub(crate) fn position(&self) -> HoldAt {
        self.position
    }
}

impl ClientReceived {
    /// Any frame with this method.
    pub fn method(method: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            params: BTreeMap::new(),
        }
    }

    fn is_met_by(&self, frame: &ClientFrame<'_>) -> bool {
        let holds = |(pointer, matcher): (&String, &Matcher)| {
            matcher.check(frame.params.pointer(pointer)).is_ok()
        };
        self.method == frame.method && self.params.iter().all(holds)
    }
}

impl TryFrom<HoldMap> for Hold {
    type Error = &'static str;

    fn try_from(map: HoldMap) -> Result<Self, Self::Error> {
        let position = match (map.before, map.after_event, map.after_byte) {
            (true, None, None) => HoldAt::Head,
            (false, Some(event), None) => HoldAt::AfterEvent(event),
            (false, None, Some(byte)) => HoldAt::AfterByte(byte),
            _ => {
                return Err(
                    "`hold` needs one of `after_event: N`, `after_byte: N`, `before: true`",
                );
            }
        };
        let until = map.until.map(|until| until.client_received);
        let gate = match (map.gate, &until) {
            (Some(gate), _) => gate,
            (None, Some(until)) => format!("until client_received {}", until.method),
            (None, None) => return Err("`hold` needs `gate: NAME` or `until: …`"),
        };
        Ok(Self {
            position,
            gate,
            until,
        })
    }
}

/// A gate that no reply waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no reply waits for the gate `{name}`; the script's gates: {known}")]
pub struct UnknownGate {
    /// The name that was asked for.
    pub name: String,
    /// The gates there are, as a list for people.
    known: String,
}

/// The gates of a script.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<BTreeMap<String, Gate>>);

#[derive(Debug, Default)]
struct Gate {
    /// Released for good.
    open: watch::Sender<bool>,
    /// What opens it for single replies.
    until: Option<ClientReceived>,
    /// The replies that were taken and not let through yet.
    armed: Vec<watch::Sender<bool>>,
    reached: bool,
    let_through: bool,
}

/// A gate as seen by one reply that was taken: what happens from now on counts.
#[derive(Debug)]
pub(crate) struct Armed {
    name: String,
    open: watch::Receiver<bool>,
    until: Option<watch::Receiver<bool>>,
}

/// A gate as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GateState {
    pub(crate) name: String,
    pub(crate) open: bool,
    pub(crate) reached: bool,
}

impl Gates {
    /// Makes a gate known.
    pub(crate) fn declare(&self, hold: &Hold) {
        let mut gates = self.lock();
        let gate = gates.entry(hold.gate.clone()).or_default();
        if gate.until.is_none() {
            gate.until.clone_from(&hold.until);
        }
    }

    /// Makes a gate known that only a release opens.
    pub(crate) fn declare_name(&self, name: &str) {
        self.lock().entry(name.to_owned()).or_default();
    }

    /// The gates of a reply that is taken, in the order of its holds.
    pub(crate) fn arm(&self, holds: &[Hold]) -> Vec<Armed> {
        let mut gates = self.lock();
        let arm = |hold: &Hold| {
            let gate = gates.entry(hold.gate.clone()).or_default();
            let until = gate.until.is_some().then(|| {
                let (sender, receiver) = watch::channel(false);
                gate.armed.push(sender);
                receiver
            });
            Armed {
                name: hold.gate.clone(),
                open: gate.open.subscribe(),
                until,
            }
        };
        holds.iter().map(arm).collect()
    }

    /// Waits until a gate is open.
    pub(crate) async fn wait(&self, armed: &mut Armed) {
        if let Some(gate) = self.lock().get_mut(&armed.name) {
            gate.reached = true;
        }
        tokio::select! {
            () = is_true(&mut armed.open) => {}
            () = maybe_true(armed.until.as_mut()) => {}
        }
    }

    /// Opens a gate for good.
    pub(crate) fn release(&self, name: &str) -> Result<(), UnknownGate> {
        let gates = self.lock();
        if let Some(gate) = gates.get(name) {
            gate.open.send_replace(true);
            return Ok(());
        }
        let known: Vec<_> = gates.keys().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        Err(UnknownGate {
            name: name.to_owned(),
            known,
        })
    }

    /// Waits until a gate is released for good.
    pub(crate) fn released(&self, name: &str) -> impl Future<Output = ()> + Send + 'static {
        let receiver = self.lock().get(name).map(|gate| gate.open.subscribe());
        async move { maybe_true(receiver).await }
    }

    /// Opens the gates that wait for this frame, for the replies that were taken before it.
    pub(crate) fn signal(&self, frame: &ClientFrame<'_>) {
        let mut gates = self.lock();
        let met = gates.values_mut().filter(|gate| {
            let until = gate.until.as_ref();
            until.is_some_and(|until| until.is_met_by(frame))
        });
        for gate in met {
            for armed in gate.armed.drain(..) {
                gate.let_through = true;
                armed.send_replace(true);
            }
        }
    }

    /// One violation for each gate that was never released.
    pub(crate) fn never_released(&self) -> Vec<Violation> {
        let gates = self.lock();
        let closed = gates.iter().filter(|(_, gate)| !gate.was_open());
        let violations = closed.map(|(name, gate)| {
            let who = if gate.reached {
                "a reply waited for it"
            } else {
                "no reply got there"
            };
            let message = format!("the gate `{name}` was never released ({who})");
            Violation {
                rule: "gate-never-released",
                request: None,
                message,
            }
        });
        violations.collect()
    }

    /// The gates as they stand.
    pub(crate) fn states(&self) -> Vec<GateState> {
        let gates = self.lock();
        let state = |(name, gate): (&String, &Gate)| GateState {
            name: name.clone(),
            open: gate.was_open(),
            reached: gate.reached,
        };
        gates.iter().map(state).collect()
    }

    /// Forgets every gate; replies that wait for one are never let through.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Gate>> {
        // Every change under the lock is a single step, so a panic elsewhere leaves it sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    fn was_open(&self) -> bool {
        *self.open.borrow() || (self.let_through && self.armed.is_empty())
    }
}

/// Waits until it is true; for ever if it can't become so.
async fn is_true(receiver: &mut watch::Receiver<bool>) {
    if receiver.wait_for(|open| *open).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn maybe_true<R: std::borrow::BorrowMut<watch::Receiver<bool>>>(receiver: Option<R>) {
    match receiver {
        Some(mut receiver) => is_true(receiver.borrow_mut()).await,
        None => std::future::pending().await,
    }
}

impl JsonSchema for Hold {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hold".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        HoldMap::json_schema(generator)
    }
}
