//! What goes over the socket: an order with three descriptors one way, a process id or an error
//! number the other.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::sandbox::plan::Plan;

/// One helper to be started.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Order {
    /// What the helper does.
    pub(in crate::sandbox) plan: Plan,
    /// The command; empty: the sandbox is only set up.
    pub(in crate::sandbox) argv: Vec<String>,
    /// The whole environment of the command.
    pub(in crate::sandbox) env: Vec<(String, String)>,
}

/// The descriptors that go with an order: stdin, stdout, stderr, and the one on which a sandbox may
/// tell the command's exit code before it has cleared itself away.
pub(in crate::sandbox) const DESCRIPTORS: usize = 4;

const SPACE: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS));

/// Sends `body` with its descriptors.
pub(in crate::sandbox) fn send(
    mut socket: &UnixStream,
    body: &[u8],
    descriptors: [BorrowedFd<'_>; DESCRIPTORS],
) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let head = length.to_ne_bytes();
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::NOSIGNAL;
    let sent = sendmsg(socket, &[IoSlice::new(&head)], &mut ancillary, flags)?;
    socket.write_all(&head[sent..])?;
    socket.write_all(body)
}

/// The next order and its descriptors; `None` at the end.
pub(in crate::sandbox) fn receive(
    mut socket: &UnixStream,
) -> io::Result<Option<(Order, [OwnedFd; DESCRIPTORS])>> {
    let mut head = [0; 4];
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut head)],
            &mut ancillary,
            flags,
        )
    })?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptors: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    socket.read_exact(&mut head[received.bytes..])?;
    let mut body = vec![0; u32::from_ne_bytes(head) as usize];
    socket.read_exact(&mut body)?;
    let descriptors = descriptors
        .try_into()
        .map_err(|_| io::Error::other("an order came without its descriptors"))?;
    Ok(Some((serde_json::from_slice(&body)?, descriptors)))
}

/// A reply: a process id, or an error number below zero.
pub(super) fn encode(outcome: &io::Result<i32>) -> [u8; 4] {
    let number = match outcome {
        Ok(pid) => *pid,
        Err(error) => -error
            .raw_os_error()
            .unwrap_or(rustix::io::Errno::INVAL.raw_os_error()),
    };
    number.to_ne_bytes()
}

/// The inverse of [`encode`].
pub(super) fn decode(reply: [u8; 4]) -> io::Result<Pid> {
    let number = i32::from_ne_bytes(reply);
    if number < 0 {
        return Err(io::Error::from_raw_os_error(number.saturating_neg()));
    }
    Pid::from_raw(number).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};
    use std::os::fd::AsFd as _;

    use super::*;
    use crate::sandbox::plan::Confinement;

    fn order(argument: &str) -> Order {
        Order {
            plan: Plan {
                parent: 1,
                cwd: "/".into(),
                tty: false,
                confinement: Confinement::None,
            },
            argv: vec!["printf".into(), argument.into()],
            env: vec![("A".into(), "b".into())],
        }
    }

    #[test]
    fn an_order_arrives_with_its_descriptors() {
        let (near, far) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        // More than a socket buffer holds: sending and receiving have to overlap.
        let argument = "x".repeat(2 << 20);
        let body = serde_json::to_vec(&order(&argument)).unwrap();
        let descriptors = [file.as_fd(); DESCRIPTORS];
        let (received, [_, mut out, ..]) = std::thread::scope(|scope| {
            let received = scope.spawn(|| receive(&far).unwrap().unwrap());
            send(&near, &body, descriptors).unwrap();
            let (order, descriptors) = received.join().unwrap();
            (order, descriptors.map(std::fs::File::from))
        });
        assert_eq!(received.argv[1], argument);
        out.write_all(b"through the descriptor").unwrap();
        assert_eq!(file.stream_position().unwrap(), 22);
    }

    #[test]
    fn a_closed_socket_is_the_end() {
        let (near, far) = UnixStream::pair().unwrap();
        drop(near);
        assert!(receive(&far).unwrap().is_none());
    }

    #[test]
    fn replies_are_ids_or_errors() {
        assert_eq!(decode(encode(&Ok(42))).unwrap(), Pid::from_raw(42).unwrap());
        let missing = encode(&Err(io::Error::from_raw_os_error(2)));
        assert_eq!(decode(missing).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
