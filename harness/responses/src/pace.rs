//! When events are sent: pauses on an absolute schedule, and gates.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use tokio::sync::watch;

use crate::rules::Violation;

/// When the events of a reply are sent.
///
/// The schedule is absolute: event N (counted from 1) is due `before + (N - 1) × between` after
/// the head, so that late events don't push the later ones back. It stands still while the reply
/// waits for a gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// From the head to the first event.
    pub before: Pause,
    /// From one event to the next.
    pub between: Pause,
}

impl Pace {
    /// Whether there is time between the events.
    pub(crate) fn separates_events(&self) -> bool {
        !self.between.0.is_zero()
    }

    /// How long after the head an event (counted from 0) is due.
    pub(crate) fn due(&self, event: usize) -> Duration {
        let gaps = u32::try_from(event).unwrap_or(u32::MAX);
        self.before
            .0
            .saturating_add(self.between.0.saturating_mul(gaps))
    }
}

/// A length of time, written as a number with a unit: `5ms`, `1.5s`, `200us`, `1m`.
///
/// ```
/// use std::time::Duration;
/// use mock_responses::Pause;
///
/// assert_eq!(Duration::from("1.5s".parse::<Pause>()?), Duration::from_millis(1_500));
/// assert!("5".parse::<Pause>().is_err());
/// # Ok::<(), mock_responses::PauseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause(Duration);

/// A text that is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: write a number with `us`, `ms`, `s` or `m`, e.g. `20ms`")]
pub struct PauseError(String);

impl From<Duration> for Pause {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Pause> for Duration {
    fn from(pause: Pause) -> Self {
        pause.0
    }
}

impl FromStr for Pause {
    type Err = PauseError;

    fn from_str(text: &str) -> Result<Self, PauseError> {
        const UNITS: [(&str, f64); 4] = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0)];
        let error = || PauseError(text.to_owned());
        let split = text
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or_else(error)?;
        let (number, unit) = text.split_at(split);
        let (_, seconds) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(error)?;
        let number: f64 = number.trim_end().parse().map_err(|_| error())?;
        Duration::try_from_secs_f64(number * seconds)
            .map(Self)
            .map_err(|_| error())
    }
}

impl<'de> Deserialize<'de> for Pause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PauseVisitor)
    }
}

struct PauseVisitor;

impl Visitor<'_> for PauseVisitor {
    type Value = Pause;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a length of time with its unit, e.g. `20ms`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pause, E> {
        text.parse()
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl JsonSchema for Pause {
    fn schema_name() -> Cow<'static, str> {
        "Pause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? *(us|ms|s|m)$" })
    }
}

/// Where a reply waits, and for which gate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "HoldMap")]
pub struct Hold {
    position: HoldAt,
    gate: String,
}

/// Where a reply waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HoldAt {
    Head,
    AfterEvent(usize),
}

/// Where a reply waits, and for which gate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HoldMap {
    /// Waits when this many events have been sent.
    #[serde(default)]
    after_event: Option<usize>,
    /// Waits before anything is sent, the head included.
    #[serde(default)]
    before: bool,
    /// The gate's name. Once released it stays open.
    gate: String,
}

impl Hold {
    /// Waits before anything is sent, the head included.
    pub fn before(gate: impl Into<String>) -> Self {
        Self {
            position: HoldAt::Head,
            gate: gate.into(),
        }
    }

    /// Waits when `event` events have been sent (0: after the head).
    pub fn after(event: usize, gate: impl Into<String>) -> Self {
        Self {
            position: HoldAt::AfterEvent(event),
            gate: gate.into(),
        }
    }

    /// The gate's name.
    pub fn gate(&self) -> &str {
        &self.gate
    }

    pub(crate) fn is_before_head(&self) -> bool {
        self.position == HoldAt::Head
    }

    pub(crate) fn after_event(&self) -> Option<usize> {
        match self.position {
            HoldAt::Head => None,
            HoldAt::AfterEvent(event) => Some(event),
        }
    }
}

impl JsonSchema for Hold {
    fn schema_name() -> Cow<'static, str> {
        "Hold".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        HoldMap::json_schema(generator)
    }
}

impl TryFrom<HoldMap> for Hold {
    type Error = &'static str;

    fn try_from(map: HoldMap) -> Result<Self, Self::Error> {
        match (map.before, map.after_event) {
            (true, None) => Ok(Self::before(map.gate)),
            (false, Some(event)) => Ok(Self::after(event, map.gate)),
            _ => Err("`hold` needs either `after_event: N` or `before: true`"),
        }
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

#[derive(Debug)]
struct Gate {
    open: watch::Sender<bool>,
    reached: bool,
}

impl Gates {
    /// Makes a gate known.
    pub(crate) fn declare(&self, name: &str) {
        self.lock().entry(name.to_owned()).or_insert_with(|| Gate {
            open: watch::Sender::new(false),
            reached: false,
        });
    }

    /// Waits until a gate is open. A gate that isn't known is never opened.
    pub(crate) fn wait(&self, name: &str) -> impl Future<Output = ()> + Send + 'static {
        let receiver = self.lock().get_mut(name).map(|gate| {
            gate.reached = true;
            gate.open.subscribe()
        });
        async move {
            let open = match receiver {
                Some(mut receiver) => receiver.wait_for(|open| *open).await.is_ok(),
                None => false,
            };
            if !open {
                std::future::pending::<()>().await;
            }
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

    /// One violation for each gate that was never released.
    pub(crate) fn never_released(&self) -> Vec<Violation> {
        let gates = self.lock();
        let closed = gates.iter().filter(|(_, gate)| !*gate.open.borrow());
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

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Gate>> {
        // Every change under the lock is a single step, so a panic elsewhere leaves it sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
