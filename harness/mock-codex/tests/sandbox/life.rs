//! What is left when something is killed: nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::place::{Mode, On, Outcome, Place};
use crate::probe::{self, Task};

/// A sandboxed command that says when it runs.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Every process of the sandbox holds its stdout until it ends, the one that cleans up too.
    fn wait_for_all(mut self) -> String {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap();
        rest
    }
}

fn assert_no_mount_below(path: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(path.to_str().unwrap()), "{mounts}");
}

fn assert_nothing_left_after(signal: Signal) {
    for on in [On::Namespaces, On::NamespacesAsNobody] {
        let place = Place::new();
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let before = place.names();
        let script = "echo up; exec sleep 1000";
        let mut running =
            Running::start(&mut place.command(&launcher, Mode::WorkspaceWrite, script));
        assert_eq!(running.line(), "up");
        assert!(place.names().contains(&".aws".to_owned()));
        running.signal(signal);
        running.wait_for_all();
        assert_eq!(place.names(), before, "{on:?}");
        assert_no_mount_below(&place.workspace());
    }
}

#[test]
fn nothing_is_left_when_the_helper_is_killed() {
    assert_nothing_left_after(Signal::SIGKILL);
}

#[test]
fn nothing_is_left_when_the_helper_is_asked_to_stop() {
    assert_nothing_left_after(Signal::SIGTERM);
}

#[test]
fn nothing_is_left_when_the_launching_process_is_killed() {
    for on in [On::Namespaces, On::Landlock] {
        if Place::new().launcher(on).is_none() {
            continue;
        }
        let argv = probe::argv(Task::LaunchAndWait(on));
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]).stderr(Stdio::null());
        probe::ask(&mut command, Task::LaunchAndWait(on));
        let mut running = Running::start(&mut command);
        let workspace = loop {
            let line = running.line();
            if let Some(at) = line.find("/var/tmp/") {
                break line[at..].to_owned();
            }
        };
        running.signal(Signal::SIGKILL);
        running.wait_for_all();
        let left: Vec<_> = fs::read_dir(&workspace)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| [".codex", ".agents", ".aws"].contains(&name.as_str()))
            .collect();
        fs::remove_dir_all(Path::new(&workspace).parent().unwrap()).unwrap();
        assert_eq!(left, [""; 0], "{on:?}");
    }
}

#[test]
fn sandboxes_in_one_workspace_share_what_stands_in() {
    let place = Place::new();
    let Some(launcher) = place.launcher(On::Namespaces) else {
        return;
    };
    let before = place.names();
    let script = "echo up; read; echo x > .aws/new; echo $?; ls -A";
    let mut long = place.command(&launcher, Mode::WorkspaceWrite, script);
    let mut long = Running::start(long.stderr(Stdio::null()));
    assert_eq!(long.line(), "up");
    let short = place.run(&launcher, Mode::WorkspaceWrite, "echo x > .aws/new");
    assert!(
        short.output.ends_with("Read-only file system\n"),
        "{short:?}"
    );
    long.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let rest = long.wait_for_all();
    assert!(rest.starts_with("1\n") && rest.contains(".aws"), "{rest}");
    assert_eq!(place.names(), before);
}

#[test]
fn what_a_killed_machine_left_is_removed_by_the_next_command() {
    let place = Place::new();
    let Some(launcher) = place.launcher(On::Namespaces) else {
        return;
    };
    let before = place.names();
    let left = place.workspace().join(".aws");
    fs::DirBuilder::new().mode(0o1555).create(&left).unwrap();
    fs::set_permissions(&left, std::os::unix::fs::PermissionsExt::from_mode(0o1555)).unwrap();
    let Outcome { code, .. } = place.run(&launcher, Mode::WorkspaceWrite, "true");
    assert_eq!(code, Some(0));
    assert_eq!(place.names(), before);
}

#[test]
fn a_directory_of_the_users_own_stays() {
    let place = Place::new();
    let Some(launcher) = place.launcher(On::Namespaces) else {
        return;
    };
    fs::create_dir(place.workspace().join(".aws")).unwrap();
    let before = place.names();
    place.run(&launcher, Mode::WorkspaceWrite, "true");
    assert_eq!(place.names(), before);
}
