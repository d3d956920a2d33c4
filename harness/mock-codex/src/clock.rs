//! The time, as the protocol writes it.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The same, but later than at every call before: what changed last sorts last, also when two
/// changes fall into one millisecond. The real app-server is too slow for that to happen.
pub(crate) fn later_ms() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = now_ms();
    let next = |last: i64| Some(now.max(last + 1));
    // The closure always gives a value, so both arms hold the one before.
    match LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
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
    uuid::Uuid::now_v7().to_string()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}
