//! The recording: a transcript, one entry a line, written as it happens.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use codex_wire::transcript::{Entry, Event};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::lines::Lines;
use crate::plan::{Plan, Sink, now_us};

/// Takes down what happens; clones write to the same recording.
#[derive(Clone)]
pub struct Recording {
    began_us: u64,
    to: Arc<Mutex<To>>,
}

struct To {
    /// `None` when it could not be written to: the streams go on without a recording.
    sink: Option<Box<dyn Write + Send>>,
    /// The entries of one write.
    ready: Vec<u8>,
}

/// A stream of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What the client sends.
    Stdin,
    /// What the app-server sends.
    Stdout,
    /// What it says beside.
    Stderr,
}

/// How an entry begins, up to what was said; the `}` of the rest follows it.
struct Shape {
    frame: &'static str,
    raw: &'static str,
}

impl Stream {
    const fn shape(self) -> Shape {
        match self {
            Self::Stdin => Shape {
                frame: "client",
                raw: "client_raw",
            },
            Self::Stdout => Shape {
                frame: "server",
                raw: "server_raw",
            },
            Self::Stderr => Shape {
                frame: "",
                raw: "stderr",
            },
        }
    }
}

impl Recording {
    /// Opens the place that the plan names.
    ///
    /// # Errors
    /// It can't be written to, or nobody listens.
    pub fn open(plan: &Plan) -> io::Result<Self> {
        let sink: Box<dyn Write + Send> = match &plan.sink {
            Sink::File(path) => Box::new(File::create(path)?),
            Sink::Socket(path) => Box::new(UnixStream::connect(path)?),
        };
        Ok(Self::to(sink, plan.began_us.unwrap_or_else(now_us)))
    }

    /// A recording on any sink.
    pub fn to(sink: Box<dyn Write + Send>, began_us: u64) -> Self {
        let to = To {
            sink: Some(sink),
            ready: Vec::new(),
        };
        Self {
            began_us,
            to: Arc::new(Mutex::new(to)),
        }
    }

    /// Takes down an event that is no line of a stream.
    pub fn push(&self, event: Event) {
        let t_us = now_us().saturating_sub(self.began_us);
        self.with(|ready| {
            // Memory takes everything.
            let _ = serde_json::to_writer(&mut *ready, &Entry { t_us, event });
            ready.push(b'\n');
        });
    }

    /// One stream of the recording.
    pub fn stream(&self, stream: Stream) -> Tape {
        Tape {
            recording: self.clone(),
            stream,
            lines: Lines::default(),
        }
    }

    fn with(&self, put: impl FnOnce(&mut Vec<u8>)) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let To { sink, ready } = &mut *to;
        let Some(out) = sink else { return };
        put(ready);
        if out.write_all(ready).is_err() {
            *sink = None;
        }
        ready.clear();
        // One long line shall not hold its memory for ever.
        ready.shrink_to(1 << 20);
    }
}

/// Takes down one stream, line by line.
pub struct Tape {
    recording: Recording,
    stream: Stream,
    lines: Lines,
}

impl Tape {
    /// Takes the next bytes of the stream; the lines that they end are in the recording then.
    pub fn take(&mut self, bytes: &[u8]) {
        let Self {
            recording,
            stream,
            lines,
        } = self;
        if !bytes.contains(&b'\n') {
            return lines.take(bytes, |_| {});
        }
        let t_us = now_us().saturating_sub(recording.began_us);
        recording.with(|ready| lines.take(bytes, |line| put(ready, t_us, *stream, line)));
    }

    /// The stream is at its end: half a line is kept too.
    pub fn end(mut self) {
        if let Some(last) = self.lines.end() {
            let t_us = now_us().saturating_sub(self.recording.began_us);
            self.recording
                .with(|ready| put(ready, t_us, self.stream, &last));
        }
    }
}

/// Appends one entry. A frame goes in as it is, so that the recording has its very text.
fn put(ready: &mut Vec<u8>, t_us: u64, stream: Stream, line: &[u8]) {
    let shape = stream.shape();
    let is_frame = stream != Stream::Stderr && is_frame(line);
    let kind = if is_frame { shape.frame } else { shape.raw };
    // Memory takes everything.
    let _ = write!(ready, "{{\"t_us\":{t_us},\"event\":{{\"{kind}\":");
    if is_frame {
        ready.extend_from_slice(line);
    } else {
        let _ = serde_json::to_writer(&mut *ready, &String::from_utf8_lossy(line));
    }
    ready.extend_from_slice(b"}}\n");
}

/// The members that make an object a frame.
#[derive(Deserialize)]
struct Members {
    id: Option<IgnoredAny>,
    method: Option<IgnoredAny>,
    result: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

/// Looks without building anything. What a frame has to be in detail is for those who judge.
fn is_frame(line: &[u8]) -> bool {
    // The scan below passes over texts without looking at their encoding.
    if std::str::from_utf8(line).is_err() || line.first() != Some(&b'{') {
        return false;
    }
    serde_json::from_slice::<Members>(line).is_ok_and(|members| {
        let answers = members.result.is_some() || members.error.is_some();
        members.method.is_some() || (members.id.is_some() && answers)
    })
}

/// Variables of the environment that matter to codex, with secrets masked.
pub fn environment(all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    /// Names, or beginnings of names.
    const KEPT: [&str; 14] = [
        "CI",
        "CODEX_",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LANG",
        "LC_ALL",
        "NO_PROXY",
        "OPENAI_",
        "PATH",
        "RUST_LOG",
        "TERM",
        "TMPDIR",
        "USER",
    ];
    const SECRET: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASSWORD"];
    let kept = |name: &str| {
        KEPT.iter()
            .any(|kept| name == *kept || (kept.ends_with('_') && name.starts_with(kept)))
    };
    all.filter(|(name, _)| kept(name))
        .map(|(name, value)| {
            let secret = SECRET.iter().any(|part| name.contains(part));
            let value = if secret { "<secret>".into() } else { value };
            (name, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use codex_wire::transcript;
    use serde_json::json;

    use super::*;

    struct Channel(mpsc::Sender<Vec<u8>>);

    impl Write for Channel {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .send(bytes.to_vec())
                .map_err(|_| io::Error::other("gone"))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn recorded(take: impl FnOnce(&Recording)) -> Vec<Event> {
        let (sender, receiver) = mpsc::channel();
        let recording = Recording::to(Box::new(Channel(sender)), now_us());
        take(&recording);
        drop(recording);
        let bytes: Vec<u8> = receiver.into_iter().flatten().collect();
        transcript::read(&bytes[..])
            .map(|entry| entry.unwrap().event)
            .collect()
    }

    #[test]
    fn a_line_is_a_frame_or_kept_as_text() {
        let events = recorded(|recording| {
            let mut tape = recording.stream(Stream::Stdin);
            tape.take(b"{\"id\":1,\"method\":\"a\"}\nnot json\n{\"id\":1}\n{\"method\":\"b\",\"params\":\"\xff\"}\n[]\n{\"half\"");
            tape.end();
        });
        assert_eq!(
            events,
            [
                Event::Client(json!({"id": 1, "method": "a"})),
                Event::ClientRaw("not json".into()),
                Event::ClientRaw("{\"id\":1}".into()),
                Event::ClientRaw("{\"method\":\"b\",\"params\":\"\u{fffd}\"}".into()),
                Event::ClientRaw("[]".into()),
                Event::ClientRaw("{\"half\"".into()),
            ]
        );
    }

    #[test]
    fn each_stream_has_its_events() {
        let events = recorded(|recording| {
            for stream in [Stream::Stdout, Stream::Stderr] {
                let mut tape = recording.stream(stream);
                tape.take(b"{\"id\":\"x\",\"result\":{}}\n");
                tape.take(b"o");
                tape.take(b"k\r\n");
            }
        });
        assert_eq!(
            events,
            [
                Event::Server(json!({"id": "x", "result": {}})),
                Event::ServerRaw("ok".into()),
                Event::Stderr("{\"id\":\"x\",\"result\":{}}".into()),
                Event::Stderr("ok".into()),
            ]
        );
    }

    #[test]
    fn secrets_are_masked_and_what_is_the_machines_own_stays_out() {
        let all = [
            ("OPENAI_API_KEY", "sk"),
            ("HOME", "/h"),
            ("EDITOR", "vi"),
            ("CODEX_HOME", "/c"),
        ];
        let kept = environment(
            all.into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        let shown: Vec<String> = kept
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            shown,
            ["CODEX_HOME=/c", "HOME=/h", "OPENAI_API_KEY=<secret>"]
        );
    }
}
