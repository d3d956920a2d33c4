//! `trace`: the rules that hold for any session, and logs held against them.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use codex_wire::trace::log::Read;
use codex_wire::trace::{EXCEPTIONS, Finding, RULES, Tracer, log};
use serde_json::{Value, json};

use super::{CliError, Exit, complain};

/// The options of `trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    #[command(subcommand)]
    command: TraceCommand,
}

/// What is done with rules.
#[derive(Debug, Subcommand)]
enum TraceCommand {
    /// Hold logs of sessions against the rules
    Check(CheckArgs),
    /// List the rules, and what codex is known to break them with
    Rules {
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

/// The options of `trace check`.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Transcripts, frames as JSON lines (with or without a direction), text with frames in it;
    /// `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Fail for what codex is known for, too
    #[arg(long)]
    strict: bool,
    /// The logs leave frames out: apply no rule that needs them all
    #[arg(long)]
    abridged: bool,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// The most findings of a file that are shown; the others are counted.
const SHOWN: usize = 1000;
/// The most characters of a line that are shown.
const LINE: usize = 240;

/// What came of one file.
struct Judged {
    file: String,
    read: Read,
    abridged: bool,
    violations: usize,
    oddities: usize,
    findings: Vec<(Finding, String)>,
}

/// Checks logs, or lists the rules.
///
/// # Errors
/// A file can't be read, or the output can't be written.
pub fn execute(args: &TraceArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    match &args.command {
        TraceCommand::Check(args) => check(args, out),
        TraceCommand::Rules { json } => rules(*json, out),
    }
}

fn check(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let mut all = Vec::new();
    for file in &args.files {
        let judged = judge(file, args.abridged)?;
        if !args.json {
            judged.print(out)?;
        }
        all.push(judged);
    }
    let sum = |of: fn(&Judged) -> usize| all.iter().map(of).sum::<usize>();
    let violations = sum(|judged| judged.violations);
    let oddities = sum(|judged| judged.oddities);
    let frames = sum(|judged| judged.read.frames);
    if args.json {
        let report = json!({
            "version": 1,
            "files": all.iter().map(Judged::to_json).collect::<Value>(),
            "summary": { "frames": frames, "violations": violations, "oddities": oddities },
        });
        writeln!(out, "{report:#}")?;
    } else {
        writeln!(
            out,
            "{} files, {frames} frames: {violations} violations, {oddities} oddities of codex",
            all.len()
        )?;
    }
    if frames == 0 {
        complain("error: no frame was found");
        complain("hint: `docs/trace.md` says what a log may look like");
        return Ok(Exit::Nothing);
    }
    let failed = violations > 0 || (args.strict && oddities > 0);
    Ok(if failed { Exit::Failed } else { Exit::Success })
}

fn judge(file: &Path, abridged: bool) -> Result<Judged, CliError> {
    let mut tracer = Tracer::default();
    if abridged {
        tracer.abridge();
    }
    let mut judged = Judged {
        file: file.display().to_string(),
        read: Read::default(),
        abridged: false,
        violations: 0,
        oddities: 0,
        findings: Vec::new(),
    };
    let read = if file.as_os_str() == "-" {
        log::judge(io::stdin().lock(), &mut tracer, |finding, line| {
            judged.take(finding, line);
        })
    } else {
        File::open(file).and_then(|log| {
            let log = BufReader::with_capacity(1 << 20, log);
            log::judge(log, &mut tracer, |finding, line| judged.take(finding, line))
        })
    };
    judged.read = read.map_err(|error| CliError::Failed {
        message: format!("can't read `{}`: {error}", file.display()),
        hint: None,
        exit: Exit::Usage,
    })?;
    judged.abridged = tracer.is_abridged();
    Ok(judged)
}

impl Judged {
    fn take(&mut self, finding: Finding, line: &[u8]) {
        if finding.exception.is_some() {
            self.oddities += 1;
        } else {
            self.violations += 1;
        }
        if self.findings.len() < SHOWN {
            self.findings.push((finding, shown(line)));
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for (finding, line) in &self.findings {
            let what = match finding.exception {
                Some(exception) => format!("oddity {} ({})", finding.rule.id, exception.id),
                None => format!("violation {}", finding.rule.id),
            };
            writeln!(
                out,
                "{}:{}: {what}: {}",
                self.file, finding.number, finding.message
            )?;
            if !finding.client.is_empty() {
                writeln!(out, "  client `{}`", finding.client)?;
            }
            if let Some(since) = finding.since {
                writeln!(out, "  see also frame {since}")?;
            }
            writeln!(out, "  > {line}")?;
            let says = finding
                .exception
                .map_or(finding.rule.says, |exception| exception.says);
            writeln!(out, "  {says}")?;
        }
        let more = (self.violations + self.oddities).saturating_sub(self.findings.len());
        if more > 0 {
            writeln!(out, "{}: {more} more are not shown", self.file)?;
        }
        if self.abridged {
            writeln!(
                out,
                "{}: frames are left out, so {} rules that need them all were not applied",
                self.file,
                RULES.iter().filter(|rule| rule.whole).count()
            )?;
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let findings = self.findings.iter().map(|(finding, line)| {
            json!({
                "rule": finding.rule.id,
                "says": finding.rule.says,
                "exception": finding.exception.map(|exception| json!({
                    "id": exception.id,
                    "says": exception.says,
                    "versions": exception.versions,
                })),
                "frame": finding.number,
                "since": finding.since,
                "client": (!finding.client.is_empty()).then_some(&finding.client),
                "message": finding.message,
                "line": line,
            })
        });
        json!({
            "file": self.file,
            "lines": self.read.lines,
            "frames": self.read.frames,
            "abridged": self.abridged,
            "violations": self.violations,
            "oddities": self.oddities,
            "findings": findings.collect::<Value>(),
        })
    }
}

/// A line as a message shows it.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    match text.char_indices().nth(LINE) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn rules(json: bool, out: &mut dyn Write) -> Result<Exit, CliError> {
    let exceptions = |id: &'static str| {
        let of_rule = move |row: &&codex_wire::trace::Exception| row.rule.rule().id == id;
        EXCEPTIONS.iter().filter(of_rule)
    };
    if json {
        let rows = RULES.iter().map(|rule| {
            let exceptions = exceptions(rule.id)
                .map(|row| json!({ "id": row.id, "says": row.says, "versions": row.versions }));
            json!({
                "id": rule.id,
                "says": rule.says,
                "source": rule.source,
                "needs_every_frame": rule.whole,
                "exceptions": exceptions.collect::<Value>(),
            })
        });
        writeln!(out, "{:#}", rows.collect::<Value>())?;
        return Ok(Exit::Success);
    }
    for rule in RULES {
        writeln!(
            out,
            "{}\n  {}\n  source: {}",
            rule.id, rule.says, rule.source
        )?;
        for row in exceptions(rule.id) {
            let versions = row.versions.join(", ");
            writeln!(out, "  but {} (codex {versions}): {}", row.id, row.says)?;
        }
    }
    Ok(Exit::Success)
}
