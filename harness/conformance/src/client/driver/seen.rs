//! What the SDK and codex said to each other, as far as it was told.

use codex_wire::frame::{ErrorObject, Frame};
use serde_json::{Value, json};

use crate::client::turn::{Ended, Turn};
use crate::run::process::Exit;
use crate::scenario::model::Side;

/// Everything that the taps told, in the order in which it came.
#[derive(Debug, Default)]
pub struct Seen {
    processes: Vec<Started>,
    sent: Vec<Sent>,
}

/// A process that the SDK started as `codex`.
#[derive(Debug, Default)]
pub struct Started {
    /// The program behind the tap and its arguments.
    pub argv: Vec<String>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// How much had been sent when it ended.
    pub ended_at: Option<usize>,
    /// Has its tap ended?
    gone: bool,
    /// Its name, if another one ran when it was started.
    beside: Option<String>,
}

/// A line that one side sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Who sent it.
    pub by: Side,
    /// On which process's pipes, counted from 0.
    pub process: usize,
    /// Its position in the transcript, as it came.
    pub entry: usize,
    /// The line as JSON; a text where it is none.
    pub value: Value,
    /// The frame, where it is one.
    pub frame: Option<Frame>,
}

/// The answer to a request.
pub type Reply = Result<Value, ErrorObject>;

impl Started {
    /// Does it speak the protocol? `codex exec` and `codex --version` don't.
    pub fn is_app_server(&self) -> bool {
        self.argv.iter().any(|argument| argument == "app-server")
    }

    /// Is it `codex exec`?
    pub fn is_exec(&self) -> bool {
        self.argv.iter().any(|argument| argument == "exec") && !self.is_app_server()
    }
}

impl Seen {
    pub(super) fn connected(&mut self) {
        let beside =
            (!self.running().is_empty()).then(|| format!("codex-{}", self.processes.len() + 1));
        self.processes.push(Started {
            beside,
            ..Started::default()
        });
    }

    /// Is it the first time that this is told?
    pub(super) fn disconnected(&mut self, process: usize) -> bool {
        self.processes
            .get_mut(process)
            .is_some_and(|process| !std::mem::replace(&mut process.gone, true))
    }

    pub(super) fn started(&mut self, process: usize, argv: Vec<String>) {
        if let Some(process) = self.processes.get_mut(process) {
            process.argv = argv;
        }
    }

    pub(super) fn exited(&mut self, process: usize, exit: Exit) {
        let at = self.sent.len();
        if let Some(process) = self.processes.get_mut(process) {
            process.exit = Some(exit);
            process.ended_at = process.is_app_server().then_some(at);
        }
    }

    pub(super) fn is_beside(&self, process: usize) -> Option<String> {
        self.processes.get(process)?.beside.clone()
    }

    pub(super) fn client(&mut self, process: usize, entry: usize, value: Value) {
        self.push(Side::Client, process, entry, value);
    }

    pub(super) fn server(&mut self, process: usize, entry: usize, value: Value) {
        self.push(Side::Server, process, entry, value);
    }

    pub(super) fn client_raw(&mut self, process: usize, entry: usize, text: String) {
        self.push(Side::Client, process, entry, Value::String(text));
    }

    /// Lines of `codex exec` are JSON, but no frames.
    pub(super) fn server_raw(&mut self, process: usize, entry: usize, text: &str) {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        self.push(Side::Server, process, entry, value);
    }

    fn push(&mut self, by: Side, process: usize, entry: usize, value: Value) {
        let frame = value
            .is_object()
            .then(|| Frame::from_value(value.clone()).ok())
            .flatten();
        self.sent.push(Sent {
            by,
            process,
            entry,
            value,
            frame,
        });
    }

    /// How much was sent so far: what comes later stands from there on.
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Was nothing sent?
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Everything that was sent from a position on.
    pub fn since(&self, from: usize) -> &[Sent] {
        self.sent.get(from..).unwrap_or_default()
    }

    /// All processes, in the order of their start.
    pub fn processes(&self) -> &[Started] {
        &self.processes
    }

    /// The command lines of those that have not ended.
    pub fn running(&self) -> Vec<String> {
        self.processes
            .iter()
            .filter(|process| !process.gone)
            .map(|process| process.argv.join(" "))
            .collect()
    }

    /// The requests and notifications of the SDK from a position on: its answers to the
    /// app-server's requests are not of its own accord.
    pub fn asked(&self, from: usize) -> impl Iterator<Item = &Sent> {
        let own = |sent: &&Sent| {
            sent.by == Side::Client
                && !matches!(sent.frame, Some(Frame::Response(_) | Frame::Error(_)))
        };
        self.since(from).iter().filter(own)
    }

    /// The last request with this method from a position on.
    pub fn request(&self, method: &str, from: usize) -> Option<&Sent> {
        self.asked(from)
            .filter(|sent| matches!(&sent.frame, Some(Frame::Request(request)) if request.method == method))
            .last()
    }

    /// The answer to a request, with its entry.
    pub fn reply(&self, request: &Sent) -> Option<(Reply, usize)> {
        let id = request.frame.as_ref()?.id()?;
        let mut replies = self.sent.iter().filter(|sent| {
            sent.by == Side::Server && sent.process == request.process && sent.entry > request.entry
        });
        replies.find_map(|sent| match sent.frame.as_ref()? {
            Frame::Response(response) if response.id == *id => {
                Some((Ok(response.result.clone()), sent.entry))
            }
            Frame::Error(error) if error.id == *id => Some((Err(error.error.clone()), sent.entry)),
            _ => None,
        })
    }

    /// The last error that the app-server answered with, from a position on.
    pub fn error(&self, from: usize) -> Option<(&ErrorObject, usize)> {
        self.since(from)
            .iter()
            .rev()
            .find_map(|sent| match (sent.by, sent.frame.as_ref()?) {
                (Side::Server, Frame::Error(error)) => Some((&error.error, sent.entry)),
                _ => None,
            })
    }

    /// The end of a turn, where the app-server has told it.
    pub fn turn(&self, id: &str) -> Option<Ended> {
        let frames = self.sent.iter().filter(|sent| sent.by == Side::Server);
        Turn::among(
            id,
            frames.filter_map(|sent| Some((sent.frame.as_ref()?, sent.entry))),
        )
    }

    /// What the last `codex exec` from a position on told of its turn, in the shape of
    /// [`Turn`]'s result and in the spelling of exec.
    pub fn exec(&self, from: usize) -> Option<Ended> {
        self.exec_of(self.since(from).last()?.process, from)
    }

    /// What each `codex exec` told of its turn so far, the latest first: several may run at once.
    pub fn execs(&self) -> impl Iterator<Item = Ended> {
        let processes = (0..self.processes.len()).rev();
        processes.filter_map(|process| self.exec_of(process, 0))
    }

    fn exec_of(&self, process: usize, from: usize) -> Option<Ended> {
        if !self.processes.get(process)?.is_exec() {
            return None;
        }
        let mut told = json!({ "items": [], "final_response": null });
        let mut last = None;
        for sent in self.since(from) {
            if sent.by != Side::Server || sent.process != process {
                continue;
            }
            take_in_event(&sent.value, &mut told);
            last = Some(sent.entry);
        }
        Some(Ended {
            result: told,
            entry: last?,
        })
    }
}

/// One line of `codex exec --json`.
fn take_in_event(event: &Value, told: &mut Value) {
    match event["type"].as_str() {
        Some("thread.started") => told["thread_id"] = event["thread_id"].clone(),
        Some("item.completed") => {
            let item = &event["item"];
            if item["type"] == "agent_message" {
                told["final_response"] = item["text"].clone();
            }
            if let Some(items) = told["items"].as_array_mut() {
                items.push(item.clone());
            }
        }
        Some("turn.completed") => {
            told["status"] = "completed".into();
            told["usage"] = event["usage"].clone();
        }
        Some("turn.failed") => {
            told["status"] = "failed".into();
            told["error"] = event["error"].clone();
        }
        _ => {}
    }
}
