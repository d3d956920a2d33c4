//! What is left when something is killed: nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mock_codex::sandbox::launcher::Started;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::place::{Mode, On, Outcome, Place, Process, Program};
use crate::probe::{self, Task};

/// A process that says when it runs.
struct Running<P> {
    process: P,
    id: u32,
    stdin: Option<PipeWriter>,
    output: BufReader<PipeReader>,
    /// Open, as writing to a closed one would kill it.
    _stderr: Option<PipeReader>,
}

impl Running<Started> {
    fn start(program: &Program) -> Self {
        let Process {
            started,
            stdin,
            stdout,
            stderr,
        } = program.start();
        Self {
            id: started.pid(),
            process: started,
            stdin: Some(stdin),
            output: BufReader::new(stdout),
            _stderr: Some(stderr),
        }
    }
}

impl Running<Child> {
    fn launch(command: &mut Command) -> Self {
        let (stdout, out) = std::io::pipe().unwrap();
        let process = command.stdin(Stdio::null()).stdout(out).spawn().unwrap();
        // It holds the writing end.
        command.stdout(Stdio::null());
        Self {
            id: process.id(),
            process,
            stdin: None,
            output: BufReader::new(stdout),
            _stderr: None,
        }
    }
}

impl<P> Running<P> {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id.cast_signed()), signal).unwrap();
    }

    /// Every process of the sandbox holds its stdout until it ends, the one that cleans up too.
    fn wait_for_all(mut self, wait: impl FnOnce(P)) -> String {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        wait(self.process);
        rest
    }
}

fn reap(started: Started) {
    let _ = started.wait_here().unwrap();
}

fn assert_no_mount_below(path: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(path.to_str().unwrap()), "{mounts}");
}

fn assert_nothing_left_after(signal: Signal) {
    for on in [On::Namespaces, On::Spare, On::NamespacesAsNobody] {
        let place = Place::new();
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let before = place.names();
        let script = "echo up; exec sleep 1000";
        let mut running = Running::start(&place.command(&launcher, Mode::WorkspaceWrite, script));
        assert_eq!(running.line(), "up");
        assert!(place.names().contains(&".aws".to_owned()));
        running.signal(signal);
        running.wait_for_all(reap);
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
    for on in [On::Namespaces, On::Spare, On::Landlock] {
        if Place::new().launcher(on).is_none() {
            continue;
        }
        let argv = probe::argv(Task::LaunchAndWait(on));
        let mut command = Command::new(&argv[0]);
        let (name, value) = probe::ask(Task::LaunchAndWait(on));
        command
            .args(&argv[1..])
            .env(name, value)
            .stderr(Stdio::null());
        let mut running = Running::launch(&mut command);
        let workspace = loop {
            let line = running.line();
            if let Some(at) = line.find("/var/tmp/") {
                break line[at..].to_owned();
            }
        };
        running.signal(Signal::SIGKILL);
        running.wait_for_all(|mut child| assert!(!child.wait().unwrap().success()));
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
    let mut long = Running::start(&place.command(&launcher, Mode::WorkspaceWrite, script));
    assert_eq!(long.line(), "up");
    let short = place.run(&launcher, Mode::WorkspaceWrite, "echo x > .aws/new");
    assert!(
        short.output.ends_with("Read-only file system\n"),
        "{short:?}"
    );
    long.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    let rest = long.wait_for_all(reap);
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

#[test]
fn the_third_command_finds_its_sandbox_ready() {
    let place = Place::new();
    let Some(launcher) = place.launcher(On::Spare) else {
        return;
    };
    // Of this process, whichever of its threads asked for them.
    let children: Vec<u32> = fs::read_dir("/proc/self/task")
        .unwrap()
        .flat_map(|task| fs::read_to_string(task.unwrap().path().join("children")))
        .flat_map(|ids| {
            ids.split_ascii_whitespace()
                .map(|id| id.parse().unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    let running = Running::start(&place.command(&launcher, Mode::WorkspaceWrite, "echo up"));
    assert!(
        children.contains(&running.id),
        "{} is not among {children:?}",
        running.id
    );
    running.wait_for_all(reap);
}
