//! Pipes at their worst: what a program writes comes in pieces, or all at once, late, with noise
//! beside it, or not to its end. All of it is allowed to happen to a client.
//!
//! Each way is deterministic: it hangs on a frame or on a count, never on chance. Frames of the
//! app-server are known by their `method`, events of `codex exec` by their `type`, which is spelled
//! with dots (`turn.started`) and means the same.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::record::Tape;
use crate::run::Standard;

/// What is done to a program's output. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disturb {
    /// Bytes of a piece: each is written when the client has read the one before; 0: no pieces.
    pub pieces: usize,
    /// Is everything from the start of a turn to its end kept back, and written at once?
    pub together: bool,
    /// Bytes that are written to stderr before a turn starts: lines in colour, and a fifth of them as
    /// one line.
    pub noise: usize,
    /// Does the noise begin with bytes that are no UTF-8, as a program in another locale prints them?
    pub binary: bool,
    /// How much later the program starts, in milliseconds.
    pub delay_ms: u64,
    /// Length of a line that is put in before the first turn starts: a `warning`, or of `codex exec`
    /// the start of a command; both have that.
    pub long_line: usize,
    /// The program is killed when it has written a frame with this method.
    pub end_at: Option<String>,
    /// A file that is made when the program was killed so: with it there, it isn't again.
    pub spent: Option<PathBuf>,
}

/// How long a client may take for a piece before the next one comes nevertheless.
const PATIENCE: Duration = Duration::from_millis(20);

/// The output of a program on its way through a bad pipe.
pub(crate) struct Disturbed {
    how: Disturb,
    out: Standard,
    program: Option<Pid>,
    /// The line that has begun.
    begun: Vec<u8>,
    /// Whole lines that are kept back.
    held: Option<Vec<u8>>,
    /// The program was killed: what it wrote since doesn't count.
    over: bool,
}

impl Disturbed {
    /// Output of `program` for `out`.
    pub(crate) fn new(how: Disturb, out: Standard, program: Option<Pid>) -> Self {
        Self {
            how,
            out,
            program,
            begun: Vec::new(),
            held: None,
            over: false,
        }
    }

    /// Takes what the program wrote; whole lines are recorded and passed on.
    pub(crate) fn pass(&mut self, bytes: &[u8], tape: &mut Tape) -> io::Result<()> {
        self.begun.extend_from_slice(bytes);
        let Some(end) = self.begun.iter().rposition(|&byte| byte == b'\n') else {
            return Ok(());
        };
        let rest = self.begun.split_off(end + 1);
        let lines = std::mem::replace(&mut self.begun, rest);
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if !self.over {
                self.line(line, tape)?;
            }
        }
        Ok(())
    }

    /// The program's output is at its end: whatever was kept back goes out.
    pub(crate) fn end(&mut self, tape: &mut Tape) -> io::Result<()> {
        let mut last = self.held.take().unwrap_or_default();
        if !self.over {
            tape.take(&self.begun);
            last.append(&mut self.begun);
        }
        self.write(&last)
    }

    fn line(&mut self, line: &[u8], tape: &mut Tape) -> io::Result<()> {
        let kind = kind(line);
        if kind == "turn/started" {
            self.before_turn(!line.starts_with(EXEC), tape)?;
        }
        tape.take(line);
        match &mut self.held {
            Some(held) => held.extend_from_slice(line),
            None => self.write(line)?,
        }
        if ["turn/completed", "turn/failed"].contains(&&*kind)
            && let Some(held) = self.held.take()
        {
            self.write(&held)?;
        }
        if self.how.end_at.as_deref() == Some(&*kind) {
            self.end_program()?;
        }
        Ok(())
    }

    fn before_turn(&mut self, is_frame: bool, tape: &mut Tape) -> io::Result<()> {
        make_noise(self.how.noise, self.how.binary);
        if self.how.long_line > 0 {
            let line = long_line(is_frame, self.how.long_line);
            self.how.long_line = 0;
            tape.take(&line);
            self.write(&line)?;
        }
        if self.how.together {
            self.held = Some(Vec::new());
        }
        Ok(())
    }

    fn end_program(&mut self) -> io::Result<()> {
        if let Some(spent) = &self.how.spent {
            if spent.exists() {
                return Ok(());
            }
            File::create(spent)?;
        }
        self.over = true;
        if let Some(program) = self.program {
            // Gone already is as good.
            let _ = kill_process(program, Signal::KILL);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.how.pieces == 0 {
            return self.out.write_all(bytes);
        }
        for piece in bytes.chunks(self.how.pieces) {
            self.out.write_all(piece)?;
            let until = Instant::now() + PATIENCE;
            while self.out.unread() > 0 && Instant::now() < until {
                thread::yield_now();
            }
        }
        Ok(())
    }
}

/// What a line is: the method of a frame, or the type of an event in the same spelling.
fn kind(line: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        method: Option<Cow<'a, str>>,
        #[serde(borrow)]
        r#type: Option<Cow<'a, str>>,
    }
    let Ok(kind) = serde_json::from_slice::<Kind<'_>>(line) else {
        return String::new();
    };
    match (kind.method, kind.r#type) {
        (Some(method), _) => method.into_owned(),
        (None, Some(event)) => event.replace('.', "/"),
        (None, None) => String::new(),
    }
}

/// How an event of `codex exec` begins.
const EXEC: &[u8] = br#"{"type":"#;

/// A line of this many bytes that says nothing.
fn long_line(is_frame: bool, length: usize) -> Vec<u8> {
    let (start, end): (&[u8], &[u8]) = if is_frame {
        let start = br#"{"method":"warning","params":{"threadId":null,"message":""#;
        (start, b"\"}}\n")
    } else {
        let start = br#"{"type":"item.started","item":{"id":"item_long","type":"command_execution","aggregated_output":"","exit_code":null,"status":"in_progress","command":""#;
        (start, b"\"}}\n")
    };
    let mut line = start.to_vec();
    line.resize(length.saturating_sub(end.len()).max(line.len()), b'x');
    line.extend_from_slice(end);
    line
}

/// Says much on stderr. A client that doesn't read it blocks the program, which is its own fault.
fn make_noise(bytes: usize, binary: bool) {
    const LINE: &[u8] =
        b"\x1b[2m2026-01-01T00:00:00Z\x1b[0m \x1b[33m WARN\x1b[0m noise: nothing is wrong\n";
    if bytes == 0 {
        return;
    }
    let mut noise = if binary {
        b"d\xe9j\xe0 vu\n".to_vec()
    } else {
        Vec::new()
    };
    noise.extend(LINE.repeat((bytes - bytes / 5) / LINE.len() + 1));
    noise.resize(noise.len() + bytes / 5, b'.');
    noise.push(b'\n');
    // Nobody reads it any more: that is no reason to end.
    let _ = io::stderr().write_all(&noise);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_events_are_told_by_what_they_are() {
        for (line, is) in [
            (
                &b"{\"method\":\"turn/started\",\"params\":{}}\n"[..],
                "turn/started",
            ),
            (b"{\"type\":\"turn.started\"}\n", "turn/started"),
            (b"{\"id\":1,\"result\":{\"method\":\"x\"}}\n", ""),
            (b"not JSON\n", ""),
        ] {
            assert_eq!(kind(line), is);
        }
    }

    #[test]
    fn a_long_line_is_a_frame_of_that_length() {
        for (is_frame, is) in [(true, "warning"), (false, "item/started")] {
            for length in [200, 70_000] {
                let line = long_line(is_frame, length);
                assert_eq!(line.len(), length);
                assert_eq!(kind(&line), is);
                assert_eq!(line.starts_with(EXEC), !is_frame);
            }
        }
    }
}
