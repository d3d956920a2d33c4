//! When events are sent: pauses on an absolute schedule.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// When the parts of a reply are sent.
///
/// The schedule is absolute: it begins when the reply is taken, and what is late doesn't push
/// back what comes later. It stands still while the reply waits for a gate.
///
/// ```
/// use mock_responses::Pace;
///
/// let recorded: Pace = serde_saphyr::from_str(
///     "{ before: 300ms, rhythm: [12ms, 3ms, 40ms], speed: 2 }",
/// )?;
/// assert_eq!(recorded.speed, 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// From the request to the head.
    pub head: Pause,
    /// From the head to the first event, or to the body of a plain HTTP answer.
    pub before: Pause,
    /// From one event to the next.
    pub between: Pause,
    /// Before single events, by number (from 1), instead of the other times.
    pub events: BTreeMap<usize, Pause>,
    /// A recorded rhythm instead of `between`: the times from the first event to the second, from
    /// the second to the third, and so on; from its beginning again when there are more events.
    pub rhythm: Vec<Pause>,
    /// How many times faster than written all this goes; a number above 0.
    #[serde(deserialize_with = "speed")]
    #[schemars(range(min = 0.001))]
    pub speed: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            head: Pause::default(),
            before: Pause::default(),
            between: Pause::default(),
            events: BTreeMap::new(),
            rhythm: Vec::new(),
            speed: 1.0,
        }
    }
}

/// Reads a speed.
fn speed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let speed = f64::deserialize(deserializer)?;
    if speed.is_finite() && speed > 0.0 {
        Ok(speed)
    } else {
        Err(D::Error::invalid_value(
            Unexpected::Float(speed),
            &"a number above 0",
        ))
    }
}

impl Pace {
    /// How long after the beginning the head is due.
    pub(crate) fn head_due(&self) -> Duration {
        self.scaled(self.head)
    }

    /// How long after the beginning each of so many events is due; `None` if the event goes with
    /// what comes before it.
    pub(crate) fn schedule(&self, events: usize) -> Vec<Option<Duration>> {
        let mut due = self.head_due();
        let event = |event: usize| {
            let gap = self.scaled(self.gap(event));
            due = due.saturating_add(gap);
            (!gap.is_zero()).then_some(due)
        };
        (0..events).map(event).collect()
    }

    /// The time before an event (counted from 0).
    fn gap(&self, event: usize) -> Pause {
        if let Some(gap) = self.events.get(&(event + 1)) {
            return *gap;
        }
        match event.checked_sub(1) {
            None => self.before,
            Some(gap) if !self.rhythm.is_empty() => self.rhythm[gap % self.rhythm.len()],
            Some(_) => self.between,
        }
    }

    fn scaled(&self, pause: Pause) -> Duration {
        let seconds = pause.0.as_secs_f64() / self.speed;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
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
