//! Table g of the observed behaviour: one test for each row, mode and backend.

use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use mock_codex::sandbox::launcher::Ended;

use crate::place::{Mode, On, Outcome, Place};
use crate::probe;

/// What a command that writes `written` ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Done,
    Refused,
}

/// Writes to `target` (within the place, or absolute) and looks at the result from outside.
fn check_write(on: On, mode: Mode, target: &str, expect: Expect) {
    let place = Place::new();
    let Some(launcher) = place.launcher(on) else {
        return;
    };
    let target = match target {
        "/tmp" => place.in_tmp(),
        relative => place.path(relative),
    };
    let script = format!("echo after >> '{}'", target.display());
    let Outcome { code, output } = place.run(&launcher, mode, &script);
    let content = fs::read_to_string(&target).unwrap_or_default();
    let _ = fs::remove_file(place.in_tmp());
    match expect {
        Expect::Done => {
            assert_eq!((code, output.as_str()), (Some(0), ""));
            assert!(content.ends_with("after\n"), "{content}");
        }
        Expect::Refused => {
            let reason = match on {
                On::Landlock => "Permission denied",
                On::Namespaces | On::Spare | On::NamespacesAsNobody => "Read-only file system",
            };
            let message = format!("{}: {reason}\n", target.display());
            assert!(output.ends_with(&message), "{output}");
            assert_eq!(code, Some(1));
            assert!(!content.contains("after"), "{content}");
        }
    }
}

macro_rules! writes {
    ($($row:ident: $target:literal, $mode:ident, $expect:ident, [$($on:ident),+];)+) => {$(
        #[allow(non_snake_case, reason = "named after the backend")]
        mod $row {
            use super::*;
            $(
                #[test]
                fn $on() {
                    check_write(On::$on, Mode::$mode, $target, Expect::$expect);
                }
            )+
        }
    )+};
}

writes! {
    new_read_only: "ws/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    new_workspace_write: "ws/new", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    new_unrestricted: "ws/new", Unrestricted, Done, [Namespaces];
    existing_read_only: "ws/existing", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    existing_workspace_write: "ws/existing", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    existing_unrestricted: "ws/existing", Unrestricted, Done, [Namespaces];
    subdirectory_read_only: "ws/sub/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    subdirectory_workspace_write: "ws/sub/new", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    outside_read_only: "outside/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    outside_workspace_write: "outside/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    outside_unrestricted: "outside/new", Unrestricted, Done, [Namespaces];
    outside_existing_workspace_write: "outside/existing", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    slash_tmp_read_only: "/tmp", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    slash_tmp_workspace_write: "/tmp", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    slash_tmp_excluded: "/tmp", WithoutTmp, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    slash_tmp_unrestricted: "/tmp", Unrestricted, Done, [Namespaces];
    tmpdir_read_only: "tmpdir/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    tmpdir_workspace_write: "tmpdir/new", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    tmpdir_excluded: "tmpdir/new", WithoutTmpdir, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    protected_read_only: "ws/.git/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    protected_workspace_write: "ws/.git/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody];
    protected_unrestricted: "ws/.git/new", Unrestricted, Done, [Namespaces];
    missing_codex_workspace_write: "ws/.codex/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody];
    missing_agents_workspace_write: "ws/.agents/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody];
    missing_aws_workspace_write: "ws/.aws/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody];
    nested_git_read_only: "ws/sub/.git/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    nested_git_workspace_write: "ws/sub/.git/new", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    link_to_directory_read_only: "ws/link-to-directory/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    link_to_directory_workspace_write: "ws/link-to-directory/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    link_to_directory_unrestricted: "ws/link-to-directory/new", Unrestricted, Done, [Namespaces];
    link_to_file_read_only: "ws/link-to-file", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    link_to_file_workspace_write: "ws/link-to-file", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    link_to_file_unrestricted: "ws/link-to-file", Unrestricted, Done, [Namespaces];
    extra_root_read_only: "extra/new", ReadOnly, Refused, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    extra_root_workspace_write: "extra/new", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    extra_root_protected: "extra/.git/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody];
    root_in_a_root: "extra/inner/new", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
    root_in_a_root_protected: "extra/inner/.aws/new", WorkspaceWrite, Refused, [Namespaces, Spare, NamespacesAsNobody];
    root_that_is_a_file: "root-file", WorkspaceWrite, Done, [Namespaces, Spare, NamespacesAsNobody, Landlock];
}

/// Runs `script` and compares the end of what it prints.
fn check(on: On, mode: Mode, script: &str, code: i32, end: &str) {
    let place = Place::new();
    let Some(launcher) = place.launcher(on) else {
        return;
    };
    let outcome = place.run(&launcher, mode, script);
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    assert!(outcome.output.ends_with(end), "{outcome:?}");
}

const CONFINED: [On; 3] = [On::Namespaces, On::NamespacesAsNobody, On::Landlock];
const IN_NAMESPACES: [On; 2] = [On::Namespaces, On::NamespacesAsNobody];

#[test]
fn shared_memory_is_private() {
    let name = "/dev/shm/mock-codex-test";
    for on in IN_NAMESPACES {
        for mode in [Mode::ReadOnly, Mode::WorkspaceWrite] {
            check(
                on,
                mode,
                &format!("echo x > {name} && cat {name}"),
                0,
                "x\n",
            );
            assert!(!fs::exists(name).unwrap());
        }
    }
    check(
        On::Landlock,
        Mode::WorkspaceWrite,
        &format!("echo x > {name}"),
        1,
        "denied\n",
    );
}

#[test]
fn reading_is_unlimited() {
    for on in CONFINED {
        for mode in [Mode::ReadOnly, Mode::WorkspaceWrite] {
            check(
                on,
                mode,
                "head -c 4 /etc/passwd && ls -d /root",
                0,
                "/root\n",
            );
        }
    }
}

#[test]
fn devices_work() {
    for on in CONFINED {
        let script = "echo x > /dev/null && head -c 3 /dev/zero | wc -c && echo < /dev/urandom";
        check(on, Mode::ReadOnly, script, 0, "3\n\n");
    }
}

#[test]
fn sockets_fail_without_network() {
    for on in CONFINED {
        for mode in [Mode::ReadOnly, Mode::WorkspaceWrite] {
            for kind in ["tcp", "udp"] {
                let place = Place::new();
                let Some(launcher) = place.launcher(on) else {
                    break;
                };
                let script = format!("exec 3<>/dev/{kind}/127.0.0.1/9");
                let Outcome { code, output } = place.run(&launcher, mode, &script);
                assert_eq!(code, Some(1), "{output}");
                assert!(
                    output.contains("bash: socket: Operation not permitted\n"),
                    "{output}"
                );
            }
        }
    }
}

#[test]
fn sockets_work_with_network() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp, udp) = (
        tcp.local_addr().unwrap().port(),
        udp.local_addr().unwrap().port(),
    );
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{tcp} 4<>/dev/udp/127.0.0.1/{udp} && \
         echo \"done $CODEX_SANDBOX_NETWORK_DISABLED\""
    );
    for on in CONFINED {
        check(on, Mode::ReadOnlyWithNetwork, &script, 0, "done \n");
    }
    check(On::Namespaces, Mode::Unrestricted, &script, 0, "done \n");
}

#[test]
fn socket_pairs_work() {
    for on in [On::Namespaces, On::Spare, On::Landlock] {
        let place = Place::new();
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let argv = probe::argv(probe::Task::SocketPair);
        let (name, value) = probe::ask(probe::Task::SocketPair);
        let command = place
            .program(&launcher, Mode::ReadOnly, &argv)
            .with_env(name, value);
        let outcome = command.outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.output.contains("through the pair"), "{outcome:?}");
    }
}

#[test]
fn the_environment_says_that_there_is_no_network() {
    for on in CONFINED {
        check(
            on,
            Mode::ReadOnly,
            "echo \"=$CODEX_SANDBOX_NETWORK_DISABLED\"",
            0,
            "=1\n",
        );
    }
    check(
        On::Namespaces,
        Mode::Unrestricted,
        "echo \"=$CODEX_SANDBOX_NETWORK_DISABLED\"",
        0,
        "=\n",
    );
}

#[test]
fn mounting_is_refused() {
    let script =
        "said=$(mount -t tmpfs none /mnt 2>&1); code=$?; echo ${said%%$'\\n'*}; exit $code";
    for on in CONFINED {
        for mode in [Mode::ReadOnly, Mode::WorkspaceWrite] {
            check(on, mode, script, 32, mount_text(on));
        }
    }
}

fn mount_text(on: On) -> &'static str {
    match on {
        On::NamespacesAsNobody => "must be superuser to use mount.\n",
        On::Namespaces | On::Spare | On::Landlock => "permission denied.\n",
    }
}

#[test]
fn host_processes_are_out_of_reach() {
    for on in CONFINED {
        let mut host = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let end = if on == On::Landlock {
            "Operation not permitted\n"
        } else {
            "No such process\n"
        };
        check(
            on,
            Mode::WorkspaceWrite,
            &format!("kill -9 {}", host.id()),
            1,
            end,
        );
        // Ends by itself once its input does, unless it was killed.
        drop(host.stdin.take());
        assert!(host.wait().unwrap().success());
    }
}

#[test]
fn the_command_is_the_second_process_of_its_namespace() {
    for on in IN_NAMESPACES {
        let script = "echo $$ $PPID /proc/[0-9]*";
        check(on, Mode::ReadOnly, script, 0, "2 1 /proc/1 /proc/2\n");
    }
}

#[test]
fn capabilities_are_gone() {
    for on in CONFINED {
        let script = "grep -E '^(CapPrm|CapEff|NoNewPrivs|Seccomp):' /proc/self/status";
        let expected = "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n\
                        Seccomp:\t2\n";
        check(on, Mode::WorkspaceWrite, script, 0, expected);
    }
}

#[test]
fn kernel_switches_are_read_only() {
    // Writes what is there already: harmless should the sandbox let it through.
    let switch = "/proc/sys/kernel/core_pattern";
    let script = format!("was=$(cat {switch}); echo \"$was\" > {switch}");
    check(
        On::Namespaces,
        Mode::WorkspaceWrite,
        &script,
        1,
        "Read-only file system\n",
    );
    check(
        On::Landlock,
        Mode::WorkspaceWrite,
        &script,
        1,
        "Permission denied\n",
    );
}

#[test]
fn protected_names_appear_as_empty_read_only_directories() {
    for on in IN_NAMESPACES {
        let place = Place::new();
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let before = place.names();
        let script = "stat -c '%n %a %F' .agents .aws .codex; ls -A .agents .aws .codex | wc -w; \
                      rmdir .aws; mv .codex x; mkdir .agents";
        let Outcome { output, .. } = place.run(&launcher, Mode::WorkspaceWrite, script);
        let listing = ".agents 555 directory\n.aws 555 directory\n.codex 555 directory\n3\n";
        assert!(output.starts_with(listing), "{output}");
        assert!(output.contains("rmdir: failed to remove '.aws': Device or resource busy"));
        assert!(output.contains("mv: cannot move '.codex' to 'x': Device or resource busy"));
        assert!(output.contains("mkdir: cannot create directory '.agents': File exists"));
        assert_eq!(place.names(), before);
    }
}

#[test]
fn a_protected_name_that_is_a_symlink_is_refused() {
    for on in IN_NAMESPACES {
        let place = Place::new();
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let link = place.workspace().join(".aws");
        std::os::unix::fs::symlink("sub", &link).unwrap();
        let Outcome { code, output } = place.run(&launcher, Mode::WorkspaceWrite, "echo ran");
        assert_eq!(code, Some(1));
        let reason = format!(
            "cannot enforce sandbox read-only path {0} because it crosses writable symlink {0}\n",
            link.display()
        );
        assert!(output.ends_with(&reason), "{output}");
        assert!(!place.names().contains(&".codex".to_owned()));
    }
}

#[test]
fn exit_codes_of_signals_are_those_of_a_shell() {
    for (script, code) in [
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("exit 300", 44),
    ] {
        for on in [On::Namespaces, On::Spare, On::NamespacesAsNobody] {
            check(on, Mode::ReadOnly, script, code, "");
        }
    }
}

#[test]
fn a_missing_program_is_named() {
    let place = Place::new();
    let Some(launcher) = place.launcher(On::Namespaces) else {
        return;
    };
    let argv = ["/nope/program".to_owned()];
    let command = place.program(&launcher, Mode::ReadOnly, &argv);
    let Outcome { code, output } = command.outcome();
    assert_eq!(code, Some(101));
    assert!(
        output.contains("run `/nope/program`: No such file"),
        "{output}"
    );
}

#[test]
fn output_is_not_held_back_by_what_the_command_leaves_running() {
    let place = Place::new();
    for on in CONFINED {
        let Some(launcher) = place.launcher(on) else {
            continue;
        };
        let command = place.command(&launcher, Mode::ReadOnly, "sleep 1000 & echo left");
        let mut process = command.start();
        let mut output = String::new();
        process.stdout.read_to_string(&mut output).unwrap();
        assert_eq!(output, "left\n");
        assert_eq!(process.started.wait_here().unwrap(), Ended::Code(0));
    }
}
