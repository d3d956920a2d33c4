//! The part of a transcript that a failure is about.

use std::fmt::Write as _;

use codex_wire::transcript::{Entry, Event, ModelReply, ModelRequest, Process};
use serde_json::Value;

/// How many entries are shown before the offending one.
const BEFORE: usize = 6;
/// How many are shown behind it.
const AFTER: usize = 2;
/// The longest line, in characters.
const WIDTH: usize = 160;
/// How much of the offending frame is shown, in characters.
const OFFENDING_WIDTH: usize = 600;

/// The entries around the offending one, which is marked with `>`; the last ones when none is.
/// Every line begins with `indent`; `shorten` may replace long paths by their names.
pub fn excerpt(
    transcript: &[Entry],
    offending: Option<usize>,
    indent: &str,
    shorten: impl Fn(&str) -> String,
) -> String {
    let offending = offending.filter(|at| *at < transcript.len());
    let centre = offending.unwrap_or(transcript.len().saturating_sub(1));
    let start = centre.saturating_sub(BEFORE);
    let end = (centre + 1 + if offending.is_some() { AFTER } else { 0 }).min(transcript.len());
    let mut out = String::new();
    if start > 0 {
        let _ = writeln!(out, "{indent}  … {start} before");
    }
    for (at, entry) in transcript.iter().enumerate().take(end).skip(start) {
        let here = offending == Some(at);
        let mark = if here { '>' } else { ' ' };
        let width = if here { OFFENDING_WIDTH } else { WIDTH };
        let (sign, text) = line_of(&entry.event);
        let ms = milliseconds(entry.t_us);
        let _ = writeln!(
            out,
            "{indent}{mark} {ms:>10} {sign} {}",
            cut(&shorten(&text), width)
        );
    }
    if end < transcript.len() {
        let _ = writeln!(out, "{indent}  … {} after", transcript.len() - end);
    }
    out
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000)
}

/// Who speaks to whom, and what.
fn line_of(event: &Event) -> (&'static str, String) {
    match event {
        Event::Client(frame) => ("→", frame.to_string()),
        Event::Server(frame) => ("←", frame.to_string()),
        Event::ClientRaw(text) => ("→", format!("not a frame: {text:?}")),
        Event::ServerRaw(text) => ("←", format!("not a frame: {text:?}")),
        Event::ModelRequest(request) => ("⇒", request_line(request)),
        Event::ModelReply(reply) => ("⇐", reply_line(reply)),
        Event::Stderr(line) => ("!", format!("stderr: {}", line.escape_debug())),
        Event::Process(process) => ("·", process_line(process)),
        Event::Step(step) => (
            "·",
            format!("step {}: {} (line {})", step.index, step.verb, step.line),
        ),
        Event::Of { client, event } => {
            let (sign, text) = line_of(event);
            (sign, format!("{client}: {text}"))
        }
    }
}

/// A request's body is long: what is new in it comes last.
fn request_line(request: &ModelRequest) -> String {
    let input = request.body["input"].as_array();
    let last = input
        .and_then(|input| input.last())
        .map_or(String::new(), Value::to_string);
    let count = input.map_or(0, Vec::len);
    let ModelRequest {
        index,
        method,
        path,
        ..
    } = request;
    format!("model request {index}: {method} {path}, {count} input items, the last: {last}")
}

fn reply_line(reply: &ModelReply) -> String {
    let scripted = match reply.reply {
        Some(index) => format!("reply {index} of the script"),
        None => "nothing was scripted".into(),
    };
    format!(
        "to model request {}: {}, {scripted}",
        reply.request, reply.status
    )
}

fn process_line(process: &Process) -> String {
    match process {
        Process::Started(argv) => format!("started {}", argv.join(" ")),
        Process::Environment(variables) => {
            let names: Vec<&str> = variables.keys().map(String::as_str).collect();
            format!("with {} in its environment", names.join(", "))
        }
        Process::Exited {
            code: Some(code), ..
        } => format!("exited with code {code}"),
        Process::Exited {
            signal: Some(signal),
            ..
        } => format!("ended by signal {signal}"),
        Process::Exited { .. } => "ended".into(),
    }
}

/// Cuts the middle out of a long line.
fn cut(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let tail = width / 4;
    let head = width - tail;
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{begin} … {} characters … {end}", length - head - tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_offending_frame_is_marked_and_long_ones_are_cut() {
        let text = excerpt(&sample::transcript(), Some(3), "", |text| {
            text.replace("01a1fca9-7ce8-7d72-b49f-436c55dacb21", "T")
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "    0.000 ms · step 1: run (line 7)");
        assert_eq!(
            lines[1],
            r#"    1.234 ms → {"id":1,"method":"turn/start","params":{"threadId":"T"}}"#
        );
        assert!(lines[2].contains("x … ") && lines[2].ends_with(r#""emittedAtMs":1795240327419}"#));
        assert!(lines[2].chars().count() < 220, "{}", lines[2]);
        assert_eq!(lines[3], r#">   9.012 ms ← {"id":1,"result":{}}"#);
        assert_eq!(lines[4], "  1200.345 ms ! stderr: a line of the app-server");
    }

    #[test]
    fn without_an_offending_frame_the_end_is_shown() {
        let mut entries = sample::transcript();
        entries.extend(sample::transcript());
        let text = excerpt(&entries, None, "", str::to_owned);
        assert!(
            text.starts_with("  … 3 before\n") && !text.contains('>'),
            "{text}"
        );
        assert!(text.lines().last().unwrap().contains("stderr"));
        assert_eq!(excerpt(&[], Some(4), "", str::to_owned), "");
    }
}
