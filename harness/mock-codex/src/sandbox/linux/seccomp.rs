//! The system calls that a restricted command is refused, each with `EPERM`.
//!
//! The lists are what codex 0.169.0 was seen to refuse, call by call: without network every socket
//! family but Unix, every call that names a peer or an option (so `send` on a socket pair fails
//! while `write` and `sendmsg` work), and looking into other processes; always `io_uring`, which
//! would go around the filter.

use std::collections::BTreeMap;
use std::io;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

const ALWAYS: [libc::c_long; 3] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

const WITHOUT_NETWORK: [libc::c_long; 16] = [
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// Refused unless their first argument is `AF_UNIX`.
const UNIX_ONLY: [libc::c_long; 2] = [libc::SYS_socket, libc::SYS_socketpair];

/// A filter that is ready to be applied.
#[derive(Debug)]
pub(in crate::sandbox) struct Filter(BpfProgram);

impl Filter {
    /// The one for commands with or without network.
    pub(in crate::sandbox) fn new(network: bool) -> io::Result<Self> {
        compile(network).map(Self).map_err(io::Error::other)
    }

    /// Applies it to this thread and all it starts; needs `no_new_privs`.
    pub(in crate::sandbox) fn apply(&self) -> io::Result<()> {
        seccompiler::apply_filter(&self.0).map_err(io::Error::other)
    }
}

fn compile(network: bool) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALWAYS.iter().map(|&call| (call, Vec::new())).collect();
    if !network {
        rules.extend(WITHOUT_NETWORK.iter().map(|&call| (call, Vec::new())));
        for call in UNIX_ONLY {
            let not_unix = SeccompCondition::new(
                0,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Ne,
                u64::from(libc::AF_UNIX.unsigned_abs()),
            )?;
            rules.insert(call, vec![SeccompRule::new(vec![not_unix])?]);
        }
    }
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_filters_compile() {
        assert!(super::compile(true).is_ok_and(|program| !program.is_empty()));
        assert!(super::compile(false).is_ok_and(|program| !program.is_empty()));
    }
}
