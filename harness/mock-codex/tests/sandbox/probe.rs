//! This test executable as the program under the sandbox, or as the process that is killed.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use crate::place::{Mode, On, Place};

const VARIABLE: &str = "SANDBOX_PROBE";

/// What the executable does when it is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    SocketPair,
    LaunchAndWait(On),
}

const TASKS: [(&str, Task); 4] = [
    ("socket-pair", Task::SocketPair),
    ("namespaces", Task::LaunchAndWait(On::Namespaces)),
    ("spare", Task::LaunchAndWait(On::Spare)),
    ("landlock", Task::LaunchAndWait(On::Landlock)),
];

/// The command line that does `task`, once [`ask`]ed to.
pub(crate) fn argv(_task: Task) -> Vec<String> {
    let program = std::env::current_exe()
        .unwrap()
        .into_os_string()
        .into_string()
        .unwrap();
    [&program, "--exact", "probe::probe", "--nocapture"]
        .map(|arg| (*arg).to_owned())
        .to_vec()
}

/// The variable that says so.
pub(crate) fn ask(task: Task) -> (&'static str, &'static str) {
    let (name, _) = TASKS.iter().find(|(_, known)| *known == task).unwrap();
    (VARIABLE, name)
}

/// Passes at once unless started by another test.
#[test]
fn probe() {
    let Ok(name) = std::env::var(VARIABLE) else {
        return;
    };
    match TASKS.iter().find(|(known, _)| *known == name).unwrap().1 {
        Task::SocketPair => {
            let (one, mut other) = UnixStream::pair().unwrap();
            // As under the real app-server `write` works, `send` does not.
            nix::unistd::write(&one, b"through the pair").unwrap();
            drop(one);
            let mut text = String::new();
            other.read_to_string(&mut text).unwrap();
            println!("{text}");
        }
        Task::LaunchAndWait(on) => {
            let place = Place::new();
            let launcher = place.launcher(on).unwrap();
            let script = format!("echo {}; exec sleep 1000", place.workspace().display());
            let program = place.command(&launcher, Mode::WorkspaceWrite, &script);
            let nothing = std::fs::File::open("/dev/null").unwrap();
            let (out, err) = (std::io::stdout(), std::io::stderr());
            let started = program.start_on([nothing.as_fd(), out.as_fd(), err.as_fd()]);
            let _ = started.wait_here().unwrap();
        }
    }
}
