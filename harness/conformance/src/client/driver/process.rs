//! A driver's process, and the conversation with it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use codex_wire::line::{LineError, LineReader};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::client::driver::fork::{self, Forked};
use crate::client::driver::protocol::{Answer, Call, Outcome, Request};

/// How many lines of a driver's stderr are kept for a message.
const KEPT: usize = 200;

/// How a driver is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// Variables that it gets beside those of the case.
    pub environment: Vec<(String, String)>,
    /// Can it be forked from a process that has imported the SDK?
    pub forks: bool,
}

/// A driver that runs. Dropping it kills its process group.
#[derive(Debug)]
pub struct Driver {
    life: Life,
    group: Group,
    stdin: Option<Box<dyn Writes>>,
    stdout: LineReader<BufReader<Box<dyn Reads>>>,
    said: Said,
    next: u64,
}

/// A stream to a driver.
trait Writes: AsyncWrite + Send + Sync + Unpin + fmt::Debug {}
impl<W: AsyncWrite + Send + Sync + Unpin + fmt::Debug> Writes for W {}

/// A stream of a driver.
trait Reads: AsyncRead + Send + Sync + Unpin + fmt::Debug {}
impl<R: AsyncRead + Send + Sync + Unpin + fmt::Debug> Reads for R {}

/// Whose child it is.
#[derive(Debug)]
enum Life {
    Own(Child),
    Forked(fork::Life),
}

impl Life {
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        match self {
            Self::Own(child) => child.wait().await,
            Self::Forked(life) => life.wait().await,
        }
    }
}

/// The last lines that a driver wrote to its stderr.
type Said = Arc<Mutex<VecDeque<String>>>;

#[derive(Debug)]
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What a driver does wrong. It is not the SDK's failure, but the case can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum Misbehaviour {
    /// It can't be started.
    #[error("the driver `{program}` can't be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended, or closed its stdout.
    #[error("the driver ended while `{verb}` was under way ({exit}){stderr}")]
    Ended {
        /// What it was asked for.
        verb: String,
        /// How it ended.
        exit: String,
        /// What it said last.
        stderr: String,
    },
    /// Its stdout has something else than an answer.
    #[error("the driver wrote something that is no answer: `{line}` ({why}){stderr}")]
    Rubbish {
        /// The line.
        line: String,
        /// Why it is none.
        why: String,
        /// What it said last.
        stderr: String,
    },
    /// It answered something else.
    #[error(
        "the driver answered out of turn: request {id} (`{verb}`) was under way, it answered {given}"
    )]
    OutOfTurn {
        /// What it was asked for.
        verb: String,
        /// The id of the request.
        id: u64,
        /// The id of the answer.
        given: u64,
    },
    /// Its stdout can't be read.
    #[error("the driver's stdout can't be read: {0}")]
    Read(#[source] LineError),
    /// Its answer lacks what the verb needs.
    #[error("the driver's result of `{verb}` is not as the protocol wants it: {why}")]
    Result {
        /// What it was asked for.
        verb: String,
        /// What is wrong.
        why: String,
    },
}

impl Driver {
    /// Starts it in `directory`, with this environment and no other.
    ///
    /// # Errors
    /// [`Misbehaviour::Start`].
    pub fn start(
        command: &Program,
        environment: &[(OsString, OsString)],
        directory: &Path,
    ) -> Result<Self, Misbehaviour> {
        let program = command.argv.first().cloned().unwrap_or_default();
        let refused = |source| Misbehaviour::Start {
            program: program.clone(),
            source,
        };
        let mut child = Command::new(&program)
            .args(command.argv.iter().skip(1))
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .envs(
                command
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(refused)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(refused(io::Error::other("it has no pipes")));
        };
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw);
        let streams = (Box::new(stdin) as _, Box::new(stdout) as _, stderr);
        Ok(Self::of(Life::Own(child), group, streams))
    }

    /// One that was forked.
    pub fn forked(forked: Forked) -> Self {
        let Forked {
            stdin,
            stdout,
            stderr,
            life,
        } = forked;
        let group = Some(life.pid);
        let streams = (Box::new(stdin) as _, Box::new(stdout) as _, stderr);
        Self::of(Life::Forked(life), group, streams)
    }

    fn of(
        life: Life,
        group: Option<Pid>,
        (stdin, stdout, stderr): (Box<dyn Writes>, Box<dyn Reads>, impl Reads + 'static),
    ) -> Self {
        let said = Said::default();
        tokio::spawn(read_stderr(stderr, Arc::clone(&said)));
        Self {
            life,
            group: Group(group),
            stdin: Some(stdin),
            stdout: LineReader::new(BufReader::new(stdout)),
            said,
            next: 1,
        }
    }

    /// Its process group.
    pub fn group(&self) -> Option<Pid> {
        self.group.0
    }

    /// Asks for something and waits for the answer.
    ///
    /// # Errors
    /// Everything but an answer.
    pub async fn call(&mut self, call: Call) -> Result<Outcome, Misbehaviour> {
        let request = Request {
            id: self.next,
            call,
        };
        self.next += 1;
        let verb = verb_of(&request.call);
        let line = serde_json::to_string(&request).unwrap_or_default() + "\n";
        if let Some(stdin) = &mut self.stdin {
            // A driver that reads no more has ended, which its stdout tells.
            let _ = stdin.write_all(line.as_bytes()).await;
        }
        let Some(line) = self.stdout.next().await.map_err(Misbehaviour::Read)? else {
            return Err(self.ended(verb).await);
        };
        let answer = parse(&line).map_err(|why| Misbehaviour::Rubbish {
            line: short(&String::from_utf8_lossy(&line)),
            why,
            stderr: self.last_words(),
        })?;
        if answer.id != request.id {
            return Err(Misbehaviour::OutOfTurn {
                verb,
                id: request.id,
                given: answer.id,
            });
        }
        Ok(answer.outcome)
    }

    async fn ended(&mut self, verb: String) -> Misbehaviour {
        self.stdin = None;
        // Its stdout is closed: it is on its way out, or ought to be.
        let grace = std::time::Duration::from_secs(2);
        let exit = match tokio::time::timeout(grace, self.life.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => "its stdout is closed, it runs on".into(),
        };
        Misbehaviour::Ended {
            verb,
            exit,
            stderr: self.last_words(),
        }
    }

    /// Closes its stdin and waits for its end: `Err` with what is wrong about it.
    ///
    /// # Errors
    /// It doesn't end in time, or with another code than 0, or writes more.
    pub async fn end(&mut self, grace: std::time::Duration) -> Result<(), String> {
        self.stdin = None;
        match tokio::time::timeout(grace, self.life.wait()).await {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => {
                let stderr = self.last_words();
                return Err(format!(
                    "the driver should end with exit code 0, it ended with {status}{stderr}"
                ));
            }
            Ok(Err(error)) => return Err(format!("the driver's end can't be seen: {error}")),
            Err(_) => {
                let grace = grace.as_secs_f64();
                return Err(format!(
                    "the driver did not end within {grace} s after its stdin was closed, and was killed"
                ));
            }
        }
        Ok(())
    }

    /// Kills it and everything in its process group.
    pub async fn kill(&mut self) {
        self.stdin = None;
        if let Some(group) = self.group.0 {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.life.wait().await;
    }

    /// The last line on stderr, as a part of a message.
    pub fn last_words(&self) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let last = said.iter().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(String::new, |line| {
            format!(", last on its stderr: `{}`", short(line.trim()))
        })
    }
}

/// The verb as it is on the wire.
pub fn verb_of(call: &Call) -> String {
    let value = serde_json::to_value(call).unwrap_or_default();
    value["verb"].as_str().unwrap_or_default().to_owned()
}

/// Reads an answer; the error says what it lacks.
fn parse(line: &[u8]) -> Result<Answer, String> {
    let value: Value = serde_json::from_slice(line).map_err(|_| "not JSON".to_owned())?;
    let Value::Object(members) = &value else {
        return Err("not an object".into());
    };
    if members.get("id").and_then(Value::as_u64).is_none() {
        return Err("without the `id` of a request".into());
    }
    let known = ["result", "error", "unsupported"];
    let given: Vec<&str> = known
        .into_iter()
        .filter(|name| members.contains_key(*name))
        .collect();
    if given.len() != 1 {
        return Err("it needs exactly one of `result`, `error`, `unsupported`".into());
    }
    if let Some(other) = members
        .keys()
        .find(|name| *name != "id" && !known.contains(&name.as_str()))
    {
        return Err(format!("unknown member `{other}`"));
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

async fn read_stderr(stderr: impl Reads, said: Said) {
    let mut lines = LineReader::new(BufReader::new(stderr));
    while let Ok(Some(line)) = lines.next().await {
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == KEPT {
            said.pop_front();
        }
        said.push_back(line);
    }
}

/// The program of a relative path, meant from where the harness runs.
pub fn from_here(program: &str) -> PathBuf {
    let path = PathBuf::from(program);
    if path.components().count() < 2 {
        return path;
    }
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_says_why() {
        for (line, why) in [
            ("Traceback", "not JSON"),
            ("[]", "not an object"),
            ("{\"result\":{}}", "without the `id`"),
            ("{\"id\":1}", "exactly one of"),
            ("{\"id\":1,\"result\":{},\"error\":{}}", "exactly one of"),
            (
                "{\"id\":1,\"result\":{},\"took\":3}",
                "unknown member `took`",
            ),
            (
                "{\"id\":1,\"error\":{\"raised_by\":\"me\",\"type\":\"\",\"message\":\"\"}}",
                "unknown variant `me`",
            ),
        ] {
            let error = parse(line.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
        let answer = parse(b"{\"id\":4,\"unsupported\":\"no fork\"}").unwrap();
        assert_eq!(answer.outcome, Outcome::Unsupported("no fork".into()));
    }
}
