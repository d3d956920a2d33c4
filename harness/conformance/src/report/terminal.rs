//! The report for people: a progress line on a terminal, a block for each failure, a summary.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};

use super::excerpt::excerpt;
use super::summary::{Problem, Summary};
use crate::check::snapshot;
use crate::client::reference;
use crate::normalise::with_places_named;
use crate::run::outcome::{CaseRun, Check, Status};

/// Writes to a terminal or a file as things happen.
pub struct Terminal<W> {
    out: W,
    colours: bool,
    progress: Option<ProgressBar>,
    /// Notes that were shown, with their clients: what holds of every case is said once.
    said: HashSet<(String, String)>,
}

/// Colours, by what they say. Words say it too.
#[derive(Clone, Copy)]
enum Tint {
    Good,
    Bad,
    Note,
    Place,
}

impl<W: Write> Terminal<W> {
    /// A report into `out`, with colours or without.
    pub fn new(out: W, colours: bool) -> Self {
        Self {
            out,
            colours,
            progress: None,
            said: HashSet::new(),
        }
    }

    /// Shows a progress line on stderr for this many cases.
    #[must_use]
    pub fn with_progress(mut self, cases: usize) -> Self {
        let bar = ProgressBar::new(cases as u64);
        // The template is a constant; the default style is as good as any if it were wrong.
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg}") {
            bar.set_style(style);
        }
        self.progress = Some(bar);
        self
    }

    /// A case began.
    pub fn started(&self, id: &str) {
        if let Some(progress) = &self.progress {
            progress.set_message(id.to_owned());
        }
    }

    /// A case ended: failures are shown at once.
    pub fn finished(&mut self, run: &CaseRun) -> io::Result<()> {
        if let Some(progress) = &self.progress {
            progress.inc(1);
        }
        match &run.status {
            Status::Failed => self.put(&self.failure(run)),
            Status::Broken(reason) => self.put(&self.broken(run, reason)),
            _ => {
                let text = self.notes(run);
                self.put(&text)
            }
        }
    }

    /// The run is over.
    pub fn ended(&mut self, problems: &[Problem], summary: &Summary) -> io::Result<()> {
        if let Some(progress) = self.progress.take() {
            progress.finish_and_clear();
        }
        for problem in problems {
            self.put(&self.problem(problem))?;
        }
        let text = self.summary(summary);
        self.put(&text)?;
        self.out.flush()
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        let out = &mut self.out;
        match &self.progress {
            Some(progress) => progress.suspend(|| out.write_all(text.as_bytes())),
            None => out.write_all(text.as_bytes()),
        }
    }

    fn failure(&self, run: &CaseRun) -> String {
        let mut text = self.heading("FAIL", run);
        let failed: Vec<&Check> = run.checks.iter().filter(|check| !check.passed).collect();
        for check in &failed {
            self.check(&mut text, check);
        }
        // A snapshot shows for itself what differs, in frames of the whole run.
        let excerpted = failed.iter().any(|check| check.id != snapshot::CHECK);
        if excerpted && !run.transcript.is_empty() {
            let offending = failed.iter().find_map(|check| check.entry);
            text.push_str("  transcript\n");
            let shorten = |line: &str| with_places_named(&run.places, line);
            text.push_str(&excerpt(&run.transcript, offending, "  ", shorten));
        }
        self.end(&mut text, run);
        text
    }

    fn broken(&self, run: &CaseRun, reason: &str) -> String {
        let mut text = self.heading("BROKEN", run);
        indented(&mut text, reason, "  ");
        let stderr = run
            .transcript
            .iter()
            .any(|entry| matches!(entry.event, codex_wire::transcript::Event::Stderr(_)));
        if stderr {
            text.push_str(&excerpt(&run.transcript, None, "  ", |line| {
                with_places_named(&run.places, line)
            }));
        }
        self.end(&mut text, run);
        text
    }

    fn notes(&mut self, run: &CaseRun) -> String {
        let mut text = String::new();
        for note in &run.notes {
            if !self.said.insert((run.client.clone(), note.clone())) {
                continue;
            }
            let _ = writeln!(
                text,
                "{} {}: {note}",
                self.tint(Tint::Note, "note"),
                run.case.id
            );
        }
        text
    }

    fn heading(&self, word: &str, run: &CaseRun) -> String {
        let client = if run.client == reference::NAME {
            String::new()
        } else {
            format!(" with {}", run.client)
        };
        format!(
            "{} {} on {}{client} ({} ms)\n  {}\n",
            self.tint(Tint::Bad, word),
            run.case.id,
            run.target,
            run.duration.as_millis(),
            run.case.name
        )
    }

    fn check(&self, text: &mut String, check: &Check) {
        let _ = write!(text, "  {}", self.tint(Tint::Bad, &check.id));
        if let Some(at) = &check.at {
            let place = format!("{}:{}:{}", at.file.display(), at.line, at.column);
            let _ = write!(text, " at {}", self.tint(Tint::Place, &place));
        }
        text.push('\n');
        indented(text, &check.message, "    ");
    }

    fn end(&self, text: &mut String, run: &CaseRun) {
        for note in &run.notes {
            let _ = writeln!(text, "  note: {note}");
        }
        let target = shell_word(&run.target);
        let id = shell_word(&format!("={}", run.case.id));
        let client = if run.client == reference::NAME {
            String::new()
        } else {
            format!(" --client {}", shell_word(&run.client))
        };
        let again = format!("cargo conformance run {id} --target {target}{client} --keep");
        let _ = writeln!(text, "  {} {again}\n", self.tint(Tint::Note, "again:"));
    }

    fn problem(&self, problem: &Problem) -> String {
        let on = problem
            .target
            .as_ref()
            .map_or(String::new(), |target| format!(" on {target}"));
        let mut text = format!("{} the run{on}\n", self.tint(Tint::Bad, "FAIL"));
        self.check(&mut text, &problem.check);
        text.push('\n');
        text
    }

    fn summary(&self, summary: &Summary) -> String {
        let mut text = String::new();
        let listed = [
            ("known", &summary.known),
            ("unsupported", &summary.unsupported),
            ("skipped", &summary.skipped),
        ];
        for (word, reasons) in listed {
            for (reason, count) in reasons {
                let _ = writeln!(text, "{count:>6} {word}: {reason}");
            }
        }
        let tint = |count: usize, tint: Tint, word: &str| {
            let words = format!("{count} {word}");
            if count == 0 {
                words
            } else {
                self.tint(tint, &words)
            }
        };
        let seconds = summary.duration.as_secs_f64();
        let run = summary.passed + summary.failed + summary.known_count();
        // Only SDKs lack something.
        let unsupported = match summary.unsupported_count() {
            0 => String::new(),
            count => format!("{count} unsupported, "),
        };
        let _ = writeln!(
            text,
            "{}, {}, {} known, {unsupported}{} skipped in {seconds:.2} s ({:.0} cases/s)",
            tint(summary.passed, Tint::Good, "passed"),
            tint(summary.failed, Tint::Bad, "failed"),
            summary.known_count(),
            summary.skipped_count(),
            count_per_second(run, seconds),
        );
        text
    }

    fn tint(&self, tint: Tint, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match tint {
            Tint::Good => "32",
            Tint::Bad => "1;31",
            Tint::Note => "1",
            Tint::Place => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 cases")]
fn count_per_second(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds.max(1e-6)
}

fn indented(text: &mut String, lines: &str, indent: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "{indent}{line}");
    }
}

/// Quoted where a shell would not take it as one word.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.,@:=".contains(c);
    if text.chars().all(plain) && !text.starts_with('=') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
