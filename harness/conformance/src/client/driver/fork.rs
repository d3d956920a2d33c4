//! Drivers that are forked from a process which has imported the SDK already.
//!
//! What an SDK takes to import, a second for the official one in Python, is none of a case's
//! business. So drivers that can (`harness/drivers/python/fork_server.py` says how) are started once
//! and forked for each case: with the case's environment, directory and process group, and nothing of
//! another case.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IoSlice, PipeReader, PipeWriter};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};
use rustix::process::Pid;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::process::{Child, Command};

use crate::client::driver::process::Program;

/// The variable that makes a driver a fork server.
const ASKS_FOR_FORKS: &str = "CODEX_DRIVER_FORKS";

/// What a process gets of the kernel for one `SCM_RIGHTS` message.
const STREAMS: usize = 4;

/// A process that has imported the SDK. Dropping it ends it.
#[derive(Debug)]
pub struct ForkServer {
    control: OwnedFd,
    _child: Child,
}

/// A driver that was forked.
#[derive(Debug)]
pub struct Forked {
    /// Its stdin.
    pub stdin: Sender,
    /// Its stdout.
    pub stdout: Receiver,
    /// Its stderr.
    pub stderr: Receiver,
    /// Its life.
    pub life: Life,
}

/// What the fork server tells of a process.
#[derive(Debug)]
pub struct Life {
    told: BufReader<Receiver>,
    /// The process, and the group that it leads.
    pub pid: Pid,
    status: Option<ExitStatus>,
}

/// A line of the fork server's.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Pid(i32),
    Status(i32),
}

impl ForkServer {
    /// Starts it; it takes orders while it still imports. `environment` is what imports may look at,
    /// of no case.
    ///
    /// # Errors
    /// The program can't be started.
    pub fn start(program: &Program, environment: &[(OsString, OsString)]) -> io::Result<Self> {
        let (control, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let named = program.environment.iter();
        let child = Command::new(program.argv.first().map_or("", String::as_str))
            .args(program.argv.iter().skip(1))
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .envs(named.map(|(name, value)| (name, value)))
            .env(ASKS_FOR_FORKS, "1")
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            // What keeps it from importing, a driver of its own says too.
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            control,
            _child: child,
        })
    }

    /// Forks a driver for a case.
    ///
    /// # Errors
    /// The fork server has ended, or ends before it has forked.
    pub async fn fork(
        &self,
        program: &Program,
        environment: &[(OsString, OsString)],
        directory: &Path,
    ) -> io::Result<Forked> {
        let text = |text: &OsString| text.to_string_lossy().into_owned();
        let own = environment
            .iter()
            .map(|(name, value)| (text(name), text(value)));
        let all: BTreeMap<String, String> =
            own.chain(program.environment.iter().cloned()).collect();
        let order = json!({ "environment": all, "directory": directory });
        let (stdin, to) = io::pipe()?;
        let (out, stdout) = io::pipe()?;
        let (err, stderr) = io::pipe()?;
        let (tells, status) = io::pipe()?;
        self.order(
            order.to_string().as_bytes(),
            (&stdin, [&stdout, &stderr, &status]),
        )?;
        drop((stdin, stdout, stderr, status));
        let mut told = BufReader::new(Receiver::from_owned_fd(tells.into())?);
        let pid = match next(&mut told).await? {
            Some(Told::Pid(pid)) => Pid::from_raw(pid),
            _ => None,
        };
        let ended = || io::Error::other("the driver's fork server has ended");
        Ok(Forked {
            stdin: Sender::from_owned_fd(to.into())?,
            stdout: Receiver::from_owned_fd(out.into())?,
            stderr: Receiver::from_owned_fd(err.into())?,
            life: Life {
                told,
                pid: pid.ok_or_else(ended)?,
                status: None,
            },
        })
    }

    /// One packet with the descriptors of the new process.
    fn order(&self, order: &[u8], streams: (&PipeReader, [&PipeWriter; 3])) -> io::Result<()> {
        let (stdin, others) = streams;
        let mut descriptors = vec![stdin.as_fd()];
        descriptors.extend(others.map(|stream| stream.as_fd()));
        let mut space =
            [const { std::mem::MaybeUninit::uninit() }; rustix::cmsg_space!(ScmRights(STREAMS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(
            &self.control,
            &[IoSlice::new(order)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }
}

impl Life {
    /// Waits for its end.
    ///
    /// # Errors
    /// The fork server has ended before.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        match next(&mut self.told).await? {
            Some(Told::Status(raw)) => Ok(*self.status.insert(ExitStatus::from_raw(raw))),
            _ => Err(io::Error::other("the driver's fork server has ended")),
        }
    }
}

async fn next(told: &mut BufReader<Receiver>) -> io::Result<Option<Told>> {
    let mut line = String::new();
    told.read_line(&mut line).await?;
    Ok(serde_json::from_str(&line).ok())
}
