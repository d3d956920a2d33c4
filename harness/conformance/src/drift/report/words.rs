//! The words that all forms of the report share.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::drift::{Change, Drift, Entry, Key, Move, RARE, Side, Slower, Stand, Timed};
use crate::schema::diff::Change as SchemaChange;
use crate::schema::diff::report::line;

/// The most cases that are named where there are many.
const NAMED: usize = 5;

/// The most places that are named.
const PLACES: usize = 6;

/// What changed: "`name` added: `null`".
pub(super) fn what(key: &Key) -> String {
    let Key {
        subject, change, ..
    } = key;
    let frame = subject.starts_with(['←', '→', '⇒', '#']);
    match change {
        Change::Moved => format!("`{subject}` comes at another place"),
        Change::Added(_) if frame => format!("`{subject}` is new"),
        Change::Gone(_) if frame => format!("`{subject}` is gone"),
        Change::Added(gist) => format!("`{subject}` is new: {gist}"),
        Change::Gone(gist) => format!("`{subject}` is gone: {gist}"),
        Change::Changed(old, new) if old == new => {
            let other = new.strip_prefix("a ").or_else(|| new.strip_prefix("an "));
            match other {
                Some(kind) => format!("`{subject}` is another {kind}"),
                None => format!("`{subject}` differs within {new}"),
            }
        }
        Change::Changed(old, new) => format!("`{subject}`: {old} → {new}"),
    }
}

/// The entries by themselves, and those of one or two cases by their cases: a case that goes another
/// way shows many, of which the first tells the reason.
pub(super) fn by_itself(drift: &Drift) -> (Vec<&Entry>, Vec<Vec<&Entry>>) {
    let is_alone = |entry: &&Entry| entry.authority.is_none() && entry.cases.len() <= RARE;
    let (alone, common): (Vec<&Entry>, Vec<&Entry>) = drift.entries.iter().partition(is_alone);
    let mut cases: BTreeMap<&BTreeSet<String>, Vec<&Entry>> = BTreeMap::new();
    for entry in alone {
        cases.entry(&entry.cases).or_default().push(entry);
    }
    let mut cases: Vec<Vec<&Entry>> = cases.into_values().collect();
    for entries in &mut cases {
        entries.sort_by_key(|entry| (rank(entry.key.wire), entry.example.1.frame));
    }
    (common, cases)
}

/// The order in which what differs is looked at: what the app-server sent comes first.
fn rank(wire: &str) -> usize {
    let order = ["server", "model", "client"];
    order
        .iter()
        .position(|it| *it == wire)
        .unwrap_or(order.len())
}

/// What differs in some cases, the first of it first.
pub(super) fn several(entries: &[&Entry]) -> String {
    let more = entries.len().saturating_sub(PLACES);
    let told = entries.iter().take(PLACES).map(|entry| what(&entry.key));
    let told = told.collect::<Vec<_>>().join("; ");
    match more {
        0 => told,
        more => format!("{told}; and {more} more"),
    }
}

/// The frames and places, those of most cases first: "← thread/started params.thread.name (12)".
pub(super) fn places(entry: &Entry) -> Vec<String> {
    let mut places: Vec<_> = entry.places.iter().collect();
    places.sort_by_key(|(_, cases)| usize::MAX - **cases);
    let more = places.len().saturating_sub(PLACES);
    let told = places.iter().take(PLACES).map(|(place, cases)| {
        if place.path.is_empty() {
            return format!("{} ({cases})", place.kind);
        }
        format!("{} {} ({cases})", place.kind, place.path)
    });
    let mut told: Vec<String> = told.collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told
}

/// Some of the cases, and how many more there are.
pub(super) fn some<'a>(cases: impl IntoIterator<Item = &'a String>) -> String {
    let mut cases = cases.into_iter();
    let named: Vec<&str> = cases.by_ref().take(NAMED).map(String::as_str).collect();
    match cases.count() {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

/// How many: "1 case", "2 cases".
pub(super) fn count(number: usize, one: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {one}{end}")
}

/// Where the mock stands.
pub(super) fn stand(stand: Stand, targets: &[String]) -> String {
    let [first, second, ..] = targets else {
        return String::new();
    };
    let sides = [
        (stand.first, format!("as `{first}`")),
        (stand.second, format!("as `{second}`")),
        (stand.neither, "as neither".to_owned()),
    ];
    let told = sides.into_iter().filter(|(cases, _)| *cases > 0);
    let told: Vec<String> = told
        .map(|(cases, how)| format!("{how} ({cases})"))
        .collect();
    format!("the mock is {}", told.join(", "))
}

/// Who moved, in a sentence.
pub(super) fn moved(who: Move, targets: &[String]) -> [String; 2] {
    let mock = match who.mock {
        None => "-".to_owned(),
        Some(Side::First) => format!("still as `{}`", targets[0]),
        Some(Side::Second) => format!("as `{}`", targets[1]),
        Some(Side::Neither) => "as neither".to_owned(),
    };
    [who.contract.words().to_owned(), mock]
}

/// What takes longer: its name, both medians and the noise in milliseconds, the samples.
pub(super) fn slower(slower: &Slower) -> [String; 5] {
    let milliseconds = |seconds: f64| format!("{:.1}", seconds * 1000.0);
    let name = match &slower.timed {
        Timed::Reply(method) => format!("the reply to `{method}`"),
        Timed::Case(scenario) => format!("a case of `{scenario}`"),
    };
    [
        name,
        milliseconds(slower.medians[0]),
        milliseconds(slower.medians[1]),
        milliseconds(slower.noise),
        format!("{} and {}", slower.samples[0], slower.samples[1]),
    ]
}

/// How noise is estimated.
pub(super) const NOISE: &str = "medians; the noise is that of their difference, from the median \
                                absolute deviations of the samples (times 1.4826, times 1.2533 / √n); \
                                told is what is more than 5 times the noise, more than 20 %, and \
                                more than 2 ms";

/// A change of the protocol in a line.
pub(super) fn of_protocol(change: &SchemaChange) -> String {
    line(change)
}

/// What was not run, in sentences; none where everything was.
pub(super) fn left_out(drift: &Drift) -> Vec<String> {
    if drift.left_out.is_empty() {
        return Vec::new();
    }
    let number = count(drift.left_out.len(), "case");
    let unseen = match drift.unseen.len() {
        0 => "Every scenario had a case that was run".to_owned(),
        several => format!(
            "No case was run of {}: {}",
            count(several, "scenario"),
            some(&drift.unseen)
        ),
    };
    vec![
        format!("Not run: {number}: {}", some(&drift.left_out)),
        unseen,
    ]
}

/// The last line.
pub(super) fn summary(drift: &Drift) -> String {
    let counts = drift.counts;
    let of = if drift.is_complete() {
        format!("{} cases", counts.chosen)
    } else {
        format!("{} of {} cases", counts.ran, counts.chosen)
    };
    let turned: usize = drift.turned.iter().map(|group| group.cases.len()).sum();
    format!(
        "{of} on {} in {}: {} compared, {} differ in {}, {} came to something else",
        drift
            .targets
            .iter()
            .map(|it| format!("`{it}`"))
            .collect::<Vec<_>>()
            .join(", "),
        seconds(drift.duration),
        counts.compared,
        counts.differ,
        count(drift.entries.len(), "way"),
        turned,
    )
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs => format!("{} min {} s", secs / 60, secs % 60),
    }
}
