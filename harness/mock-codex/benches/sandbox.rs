//! What a sandbox adds to a command: `bash -lc true` without one, and under each backend.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Stdio;

use criterion::{Criterion, criterion_group, criterion_main};
use mock_codex::sandbox::launcher::Ended;
use mock_codex::sandbox::{Backend, Launch, Sandbox, SandboxLauncher, SandboxSpec, capability};

const HELPER: &str = env!("CARGO_BIN_EXE_mock-codex");

/// Runs `bash -lc true` to its end.
fn run(launcher: &SandboxLauncher, sandbox: &Sandbox, workspace: &Path) {
    let argv = ["/bin/bash", "-lc", "true"].map(str::to_owned);
    let env = [
        ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ("HOME".to_owned(), workspace.display().to_string()),
    ];
    let nothing = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .expect("there is a null device");
    let launch = Launch {
        sandbox,
        argv: &argv,
        cwd: workspace,
        env: &env,
        tty: false,
    };
    let status = launcher
        .start(launch, [nothing.as_fd(); 3])
        .and_then(|started| Ok(started.wait_here()?))
        .expect("the helper starts");
    assert_eq!(status, Ended::Code(0));
}

fn sandboxed_commands(criterion: &mut Criterion) {
    let workspace = tempfile::tempdir_in("/var/tmp").expect("a workspace");
    let workspace = workspace.path();
    let read_only = Sandbox::Restricted(SandboxSpec::read_only(false));
    let write = SandboxSpec::workspace_write(&[workspace.to_owned()], false, false, false, None);
    let workspace_write = Sandbox::Restricted(write);
    let namespaces = SandboxLauncher::new(HELPER).with_backend(Backend::Namespaces);
    let landlock = SandboxLauncher::new(HELPER).with_backend(capability::landlock());
    let mut group = criterion.benchmark_group("bash -lc true");
    group.bench_function("plain, without the helper", |bencher| {
        bencher.iter(|| {
            let mut command = std::process::Command::new("/bin/bash");
            command
                .args(["-lc", "true"])
                .env_clear()
                .env("PATH", "/usr/bin:/bin");
            command.env("HOME", workspace).stdin(Stdio::null());
            assert!(command.status().expect("bash starts").success());
        });
    });
    for (name, launcher, sandbox) in [
        ("unrestricted", &namespaces, &Sandbox::Unrestricted),
        ("landlock, read-only", &landlock, &read_only),
        ("landlock, workspace-write", &landlock, &workspace_write),
        ("namespaces, read-only", &namespaces, &read_only),
        ("namespaces, workspace-write", &namespaces, &workspace_write),
    ] {
        if let Err(reason) = launcher.try_out() {
            eprintln!("{name} is not to be had here: {reason}");
            continue;
        }
        group.bench_function(name, |bencher| {
            bencher.iter(|| run(launcher, sandbox, workspace));
        });
    }
    group.finish();
}

criterion_group!(benches, sandboxed_commands);
criterion_main!(benches);
