//! What takes longer, or less long, than it did, beyond the noise.
//!
//! Two kinds of samples: the time from each request to its reply, by method, and the time of each
//! case as a whole, by scenario. Both are compared by their medians, which a few slow ones don't
//! move. The noise of a median is estimated from the samples themselves: their median absolute
//! deviation, times 1.4826 for what it would be as a standard deviation, times 1.2533 / √n for
//! the error of a median. A change counts when it is more than [`SIGMAS`] times the noise of both
//! sides together, more than [`SHARE`] of what was, and more than [`LEAST`].

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use codex_wire::transcript::{Entry, Event};

use crate::run::outcome::CaseRun;

/// How many times the noise a change has to be.
const SIGMAS: f64 = 5.0;
/// Which part of the time before a change has to be.
const SHARE: f64 = 0.2;
/// How long a change has to be.
const LEAST: Duration = Duration::from_millis(2);
/// The fewest samples, on either side, that something is said of.
const FEWEST: usize = 8;

/// Samples of two targets.
#[derive(Debug, Default)]
pub(super) struct Timings(BTreeMap<Timed, [Vec<f64>; 2]>);

/// What was timed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timed {
    /// From a request to its reply: the method.
    Reply(String),
    /// A case, from its first directory to the end of its last process: the scenario.
    Case(String),
}

/// A change beyond the noise; times in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Slower {
    /// What takes longer, or less long.
    pub timed: Timed,
    /// The medians of both targets.
    pub medians: [f64; 2],
    /// The noise of the difference of the medians.
    pub noise: f64,
    /// The number of samples of each.
    pub samples: [usize; 2],
}

impl Timings {
    /// Takes the times of both runs of a case.
    pub(super) fn add(&mut self, pair: [&CaseRun; 2]) {
        for (side, run) in pair.into_iter().enumerate() {
            let scenario = Timed::Case(run.case.scenario.clone());
            self.sample(scenario, side, run.duration.as_secs_f64());
            for (method, seconds) in replies(&run.transcript) {
                self.sample(Timed::Reply(method), side, seconds);
            }
        }
    }

    fn sample(&mut self, timed: Timed, side: usize, seconds: f64) {
        self.0.entry(timed).or_default()[side].push(seconds);
    }

    /// How many things have enough samples to be told of.
    pub(super) fn known(&self) -> usize {
        let enough = |sides: &&[Vec<f64>; 2]| sides.iter().all(|side| side.len() >= FEWEST);
        self.0.values().filter(enough).count()
    }

    /// What changed, the largest change first.
    pub(super) fn changes(mut self) -> Vec<Slower> {
        let sides = std::mem::take(&mut self.0).into_iter();
        let mut changes: Vec<Slower> = sides
            .filter_map(|(timed, sides)| change(timed, sides))
            .collect();
        changes.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
        changes
    }
}

impl Slower {
    /// How many times as long as before, or as short.
    fn ratio(&self) -> f64 {
        let [before, after] = self.medians;
        (after / before).max(before / after)
    }
}

fn change(timed: Timed, mut sides: [Vec<f64>; 2]) -> Option<Slower> {
    if sides.iter().any(|side| side.len() < FEWEST) {
        return None;
    }
    let samples = sides.each_ref().map(Vec::len);
    let medians = sides.each_mut().map(|side| median(side));
    let errors = [0, 1].map(|side| error_of_median(&sides[side], medians[side]));
    let noise = errors[0].hypot(errors[1]);
    let change = (medians[1] - medians[0]).abs();
    let counts =
        change > SIGMAS * noise && change > SHARE * medians[0] && change > LEAST.as_secs_f64();
    counts.then_some(Slower {
        timed,
        medians,
        noise,
        samples,
    })
}

/// Sorts, and gives the one in the middle.
fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    let middle = samples.len() / 2;
    if samples.len() % 2 == 1 {
        samples[middle]
    } else {
        f64::midpoint(samples[middle - 1], samples[middle])
    }
}

fn error_of_median(samples: &[f64], center: f64) -> f64 {
    let mut distances: Vec<f64> = samples.iter().map(|it| (it - center).abs()).collect();
    #[expect(clippy::cast_precision_loss, reason = "there are no 2^52 samples")]
    let count = samples.len() as f64;
    1.2533 * 1.4826 * median(&mut distances) / count.sqrt()
}

/// The methods that the client called, with the seconds until each reply.
fn replies(transcript: &[Entry]) -> Vec<(String, f64)> {
    let mut open: HashMap<String, (&str, u64)> = HashMap::new();
    let mut replies = Vec::new();
    for entry in transcript {
        match &entry.event {
            Event::Client(frame) => {
                if let (Some(id), Some(method)) = (frame.get("id"), frame["method"].as_str()) {
                    open.insert(id.to_string(), (method, entry.t_us));
                }
            }
            Event::Server(frame) if frame.get("method").is_none() => {
                let id = frame.get("id").map(ToString::to_string).unwrap_or_default();
                if let Some((method, asked)) = open.remove(&id) {
                    let took = Duration::from_micros(entry.t_us.saturating_sub(asked));
                    replies.push((method.to_owned(), took.as_secs_f64()));
                }
            }
            _ => {}
        }
    }
    replies
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(before: &[f64], after: &[f64]) -> Vec<Slower> {
        let mut timings = Timings::default();
        for (side, samples) in [before, after].into_iter().enumerate() {
            for sample in samples {
                timings.sample(Timed::Reply("a".into()), side, *sample);
            }
        }
        timings.changes()
    }

    #[test]
    fn a_change_beyond_the_noise_is_told_and_a_few_slow_ones_are_not() {
        let steady = |at: f64| {
            (0..20)
                .map(|n| at + f64::from(n % 5) * 0.001)
                .collect::<Vec<_>>()
        };
        let told = changes(&steady(0.1), &steady(0.2));
        assert_eq!(told.len(), 1);
        assert!((told[0].medians[1] - 0.202).abs() < 1e-9, "{told:?}");
        assert_eq!(changes(&steady(0.1), &steady(0.101)), []);
        let mut few_slow = steady(0.1);
        few_slow[0] = 9.0;
        few_slow[1] = 9.0;
        assert_eq!(changes(&steady(0.1), &few_slow), []);
        let wide: Vec<f64> = (0..20).map(|n| 0.01 * f64::from(n + 1)).collect();
        let wider: Vec<f64> = wide.iter().map(|it| it + 0.03).collect();
        assert_eq!(changes(&wide, &wider), []);
        assert_eq!(changes(&[0.1; 3], &[0.9; 3]), [], "too few to say anything");
    }

    #[test]
    fn replies_are_timed_by_their_requests() {
        let events = [
            (10, Event::Client(json!({ "id": 1, "method": "a" }))),
            (20, Event::Client(json!({ "id": 2, "method": "b" }))),
            (50, Event::Server(json!({ "id": 2, "result": {} }))),
            (60, Event::Server(json!({ "id": 1, "method": "ask" }))),
            (70, Event::Server(json!({ "id": 1, "error": {} }))),
        ];
        let transcript = events.map(|(t_us, event)| Entry { t_us, event });
        let told = replies(&transcript);
        assert_eq!(told, [("b".to_owned(), 30e-6), ("a".to_owned(), 60e-6)]);
    }
}
