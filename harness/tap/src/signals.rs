//! Signals that somebody sends to the tap are meant for the program behind it.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal as Caught};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{Pid, Signal, kill_process};

/// What is handed on.
const HANDED_ON: [Caught; 4] = [
    Caught::SIGTERM,
    Caught::SIGINT,
    Caught::SIGHUP,
    Caught::SIGQUIT,
];

/// Signals that wait to be handed on.
pub(crate) struct Held(SignalFd);

/// Holds signals back, in this thread and those that it starts.
pub(crate) fn hold() -> io::Result<Held> {
    let mut set = SigSet::empty();
    for signal in HANDED_ON {
        set.add(signal);
    }
    set.thread_block()?;
    Ok(Held(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC)?))
}

impl Held {
    /// Hands them on to a process from here on. A terminal sends its signals to the whole group:
    /// the process has had those, and they come from the kernel, which is nobody.
    pub(crate) fn hand_on(self, to: Pid) {
        thread::spawn(move || {
            while let Ok(Some(told)) = self.0.read_signal() {
                let signal = i32::try_from(told.ssi_signo)
                    .ok()
                    .and_then(Signal::from_named_raw);
                if let (Some(signal), true) = (signal, told.ssi_pid != 0) {
                    // Gone already is as good.
                    let _ = kill_process(to, signal);
                }
            }
        });
    }
}

/// Ends this process as `signal` ended the other one; returns if the signal doesn't end it.
pub(crate) fn die_of(signal: i32) {
    let mut all = SigSet::empty();
    let Ok(caught) = Caught::try_from(signal) else {
        return;
    };
    all.add(caught);
    let _ = all.thread_unblock();
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(rustix::process::getpid(), signal);
    }
}
