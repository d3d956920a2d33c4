//! The time, as the protocol writes it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Where seeded time begins: 2026-01-01T00:00:00Z.
const SEEDED_EPOCH_MS: i64 = 1_767_225_600_000;

/// How far apart the starts of one seeded home are: longer than any run has milliseconds of steps.
const SEEDED_START_MS: i64 = 24 * 60 * 60 * 1000;

/// Time and ids that follow from a seed.
#[derive(Debug)]
struct Seeded {
    /// The time that was last given.
    ms: AtomicI64,
    /// What the next id is made from (splitmix64).
    state: AtomicU64,
}

static SEEDED: OnceLock<Seeded> = OnceLock::new();

/// Makes times and ids follow from a seed: each look at the clock is a millisecond later than the
/// one before, and nothing takes any time. `start` counts the starts on one home, so that a later
/// one makes no id again. Has an effect once, before anything is made.
pub(crate) fn seed(seed: u64, start: u32) {
    let _ = SEEDED.set(Seeded {
        ms: AtomicI64::new(SEEDED_EPOCH_MS + i64::from(start) * SEEDED_START_MS),
        state: AtomicU64::new(seed ^ (u64::from(start) << 32)),
    });
}

impl Seeded {
    fn now_ms(&self) -> i64 {
        self.ms.fetch_add(1, Ordering::Relaxed)
    }

    fn random(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let state = self.state.fetch_add(STEP, Ordering::Relaxed);
        let mut mixed = state.wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.random().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }
}

/// The last time that [`later_ms`] gave, which may be a little ahead of the machine's clock.
static LATEST: AtomicI64 = AtomicI64::new(0);

/// Milliseconds since the Unix epoch; never before a time that [`later_ms`] gave.
pub(crate) fn now_ms() -> i64 {
    SEEDED.get().map_or_else(
        || {
            let now = Timestamp::now().as_millisecond();
            now.max(LATEST.load(Ordering::Relaxed))
        },
        Seeded::now_ms,
    )
}

/// How long something takes; with a seed nothing takes any time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        match SEEDED.get() {
            Some(_) => Duration::ZERO,
            None => self.0.elapsed(),
        }
    }
}

/// A number that nobody can guess, or that follows from the seed.
pub(crate) fn random() -> u64 {
    SEEDED.get().map_or_else(rand::random, Seeded::random)
}

/// The same, but later than at every call before: what changed last sorts last, also when two
/// changes fall into one millisecond. The real app-server is too slow for that to happen.
pub(crate) fn later_ms() -> i64 {
    let now = now_ms();
    let next = |last: i64| Some(now.max(last + 1));
    // The closure always gives a value, so both arms hold the one before.
    match LATEST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
        Ok(last) | Err(last) => now.max(last + 1),
    }
}

/// A time in the machine's zone.
pub(crate) fn local(ms: i64) -> Zoned {
    at(ms).to_zoned(zone())
}

/// A time as cursors carry it, to the second if that is enough.
pub(crate) fn short(ms: i64) -> String {
    if ms % 1000 == 0 {
        at(ms).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        millis(ms)
    }
}

/// A time as cursors carry it, to the millisecond.
pub(crate) fn millis(ms: i64) -> String {
    at(ms).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The machine's zone and its IANA name.
pub(crate) fn zone() -> TimeZone {
    thread_local! {
        static ZONE: TimeZone = TimeZone::system();
    }
    ZONE.with(Clone::clone)
}

/// A new id: version 7, so that ids sort by time.
pub(crate) fn new_id() -> String {
    let id = match SEEDED.get() {
        None => uuid::Uuid::now_v7(),
        Some(seeded) => {
            let ms = u64::try_from(seeded.now_ms()).unwrap_or_default();
            uuid::Builder::from_unix_timestamp_millis(ms, &seeded.bytes()).into_uuid()
        }
    };
    id.to_string()
}

/// A new id that tells nothing: version 4.
pub(crate) fn new_random_id() -> String {
    let id = match SEEDED.get() {
        None => uuid::Uuid::new_v4(),
        Some(seeded) => uuid::Builder::from_random_bytes(seeded.bytes()).into_uuid(),
    };
    id.to_string()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_changes_never_fall_into_one_millisecond() {
        let before = now_ms();
        let times: Vec<i64> = (0..10_000).map(|_| later_ms()).collect();
        assert!(times[0] >= before);
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        assert!(Some(&now_ms()) >= times.last());
    }
}
