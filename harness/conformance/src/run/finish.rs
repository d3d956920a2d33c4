//! The end of a case: everything is stopped, then the whole run is judged.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use codex_wire::transcript::{Entry, Event};

use crate::check::{expect, sdk, trace};
use crate::client::driver::seen::Seen;
use crate::run::case::{Run, Stop};
use crate::run::checks::{failed, passed};
use crate::run::outcome::{Check, Places, Status};
use crate::run::session::Stopped;

/// What is left of a run.
pub(super) struct Finished {
    pub(super) status: Status,
    pub(super) checks: Vec<Check>,
    pub(super) transcript: Vec<Entry>,
    pub(super) places: Places,
    pub(super) notes: Vec<String>,
}

/// The file in a kept directory that holds the transcript.
const TRANSCRIPT: &str = "transcript.jsonl";

/// Rules of the model's journal that a run which was cut short breaks of itself.
const NEEDS_THE_WHOLE_RUN: [&str; 2] = ["reply-left-over", "gate-never-released"];

impl Run<'_> {
    /// Stops everything, judges, and clears away.
    pub(super) async fn finish(mut self, stop: Option<Stop>) -> Finished {
        let whole = stop.is_none();
        let at_once = matches!(stop, Some(Stop::Deadline));
        // An SDK on a WebSocket doesn't end the app-server with itself.
        let audited = self.stop_driver(at_once, whole).await;
        self.stop_app_server(at_once).await;
        let left = self.sweep.now();
        self.notes.extend(left);
        self.listeners.count(&mut self.bindings);
        self.judge_model(whole).await;
        let transcript = match audited {
            None => self.recorder.take(),
            Some(audited) => self.in_order(audited),
        };
        if self.driven.is_none() {
            self.checks.push(only_frames(&transcript));
        }
        // What a scenario has the mock say in its own place is the scenario's.
        if self.case.mock.is_empty() {
            self.checks.extend(trace::judge(&transcript));
        }
        if whole {
            self.checks
                .extend(expect::judge(self.case, &transcript, &self.bindings));
        }
        let status = match stop {
            Some(Stop::Broken(reason)) => Status::Broken(reason),
            Some(Stop::Unsupported(reason)) => Status::Unsupported(reason),
            _ if self.checks.iter().all(|check| check.passed) => Status::Passed,
            _ => Status::Failed,
        };
        let places = self.laid_out.places().clone();
        if self.options.keep {
            let kept = self.laid_out.keep();
            self.notes.push(format!("kept `{}`", kept.display()));
            if let Err(error) = write_transcript(&kept, &transcript) {
                self.notes
                    .push(format!("the transcript can't be written: {error}"));
            }
        } else if let Err(error) = self.laid_out.remove() {
            self.notes.push(format!(
                "`{}` is left behind: {error}",
                places.root.display()
            ));
        }
        Finished {
            status,
            checks: self.checks,
            transcript,
            places,
            notes: self.notes,
        }
    }

    /// An app-server ends with code 0 when its stdin is closed, or a step has seen its end.
    async fn stop_app_server(&mut self, at_once: bool) {
        let Some(session) = &mut self.session else {
            return;
        };
        if at_once {
            session.kill().await;
            return;
        }
        let stopped = session.stop(self.options.grace).await;
        let at = Some(&self.case.at);
        let last = self.recorder.look(|entries| entries.len().checked_sub(1));
        self.checks.push(match stopped {
            Stopped::LeftRunning => return,
            Stopped::Ended(_) if self.end_was_seen => return,
            Stopped::Terminated(_) => passed("exit", at),
            Stopped::Ended(exit) if exit.code == Some(0) => passed("exit", at),
            Stopped::Ended(exit) => {
                let message = format!("the app-server should end with exit code 0, it ended with {exit}");
                failed("exit", message, at, last)
            }
            Stopped::Killed => {
                let message = format!(
                    "the app-server did not end within {} s after its stdin was closed, and was killed",
                    self.options.grace.as_secs_f64()
                );
                failed("exit", message, at, last)
            }
        });
    }

    /// Closes the SDK's client, ends its driver and looks at all that it sent; `None` without one.
    async fn stop_driver(&mut self, at_once: bool, whole: bool) -> Option<Vec<Check>> {
        let (driven, sdk) = (self.driven.as_mut()?, self.options.sdk.as_ref()?);
        let at = Some(&self.case.at);
        if at_once || driven.misbehaved {
            driven.driver.kill().await;
        } else {
            for (id, wrong) in driven.end(sdk, self.options.grace).await {
                self.checks.push(match wrong {
                    None => passed(id, at),
                    Some(message) => failed(id, message, at, None),
                });
            }
        }
        // Whoever ran out of time may have waited for an answer that never comes.
        let audit = |seen: &Seen| sdk::audit(seen, &driven.windows, whole || at_once, self.case);
        Some(driven.taps.seen(audit))
    }

    /// The transcript in the order of its times: the taps tell a little later what they saw.
    fn in_order(&mut self, audited: Vec<Check>) -> Vec<Entry> {
        self.checks.extend(audited);
        let (transcript, places) = self.recorder.take_in_order();
        for check in &mut self.checks {
            check.entry = check.entry.and_then(|entry| places.get(entry).copied());
        }
        transcript
    }

    /// The rules of the model's journal, one check for each that is broken.
    async fn judge_model(&mut self, whole: bool) {
        let Some(model) = self.model.take() else {
            return;
        };
        let (violations, unfed) = model.verdict(&self.bindings);
        model.stop().await;
        let expect = &self.case.expect;
        let allowed = |rule: &str| {
            expect.allow.iter().any(|allowed| allowed == rule)
                || (rule == "reply-left-over" && expect.leftover_replies)
                || (!whole && NEEDS_THE_WHOLE_RUN.contains(&rule))
        };
        let unfed = unfed.into_iter().map(|why| {
            let message = format!("a reply of the script could never be given: {why}");
            ("reply-left-over", None, message)
        });
        let broken: Vec<_> = violations
            .into_iter()
            .map(|violation| (violation.rule, violation.request, violation.message))
            .chain(unfed)
            .filter(|(rule, ..)| !allowed(rule))
            .collect();
        if broken.is_empty() {
            self.checks.push(passed("model.journal", None));
        }
        for (rule, request, message) in broken {
            let entry =
                request.and_then(|index| self.recorder.look(|entries| entry_of(entries, index)));
            self.checks.push(failed(
                format!("model.{rule}"),
                message,
                Some(&self.case.at),
                entry,
            ));
        }
    }
}

/// Writes what both wires carried beside what is kept of a case.
fn write_transcript(kept: &Path, transcript: &[Entry]) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(kept.join(TRANSCRIPT))?);
    codex_wire::transcript::write(transcript, &mut file)?;
    file.flush()
}

/// An app-server writes frames and nothing else.
fn only_frames(transcript: &[Entry]) -> Check {
    let raw = transcript
        .iter()
        .enumerate()
        .find_map(|(position, entry)| match &entry.event {
            Event::ServerRaw(text) => Some((position, text)),
            _ => None,
        });
    match raw {
        None => passed("wire.frames", None),
        Some((position, text)) => {
            let shown: String = text.chars().take(120).collect();
            let message = format!("the app-server sent something that is no frame: `{shown}`");
            failed("wire.frames", message, None, Some(position))
        }
    }
}

fn entry_of(transcript: &[Entry], request: usize) -> Option<usize> {
    transcript.iter().position(
        |entry| matches!(&entry.event, Event::ModelRequest(asked) if asked.index == request),
    )
}
