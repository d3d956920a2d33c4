//! A workspace with surroundings, and commands that run in it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use mock_codex::sandbox::launcher::{Ended, Started};
use mock_codex::sandbox::{Backend, Launch, Sandbox, SandboxLauncher, SandboxSpec, capability};

/// The executable under test.
pub(crate) const HELPER: &str = env!("CARGO_BIN_EXE_mock-codex");

/// How a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    ReadOnly,
    ReadOnlyWithNetwork,
    WorkspaceWrite,
    WithoutTmp,
    WithoutTmpdir,
    /// The workspace, but `existing`, `sub`, `missing` and a file outside are hidden.
    Hidden,
    Unrestricted,
}

/// The backend of a test, and the user it runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Namespaces,
    /// The same, set up before the command was known.
    Spare,
    NamespacesAsNobody,
    Landlock,
}

/// Directories of one test, removed at its end.
pub(crate) struct Place {
    root: tempfile::TempDir,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
}

impl Place {
    /// Outside `/tmp`, which is a writable root itself.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir_in("/var/tmp").unwrap();
        let place = Self { root };
        for directory in [
            "ws/sub/.git",
            "ws/.git",
            "outside",
            "tmpdir",
            "extra/inner",
            "extra/.git",
        ] {
            fs::create_dir_all(place.path(directory)).unwrap();
        }
        for file in ["ws/existing", "outside/existing", "root-file"] {
            fs::write(place.path(file), "before\n").unwrap();
        }
        symlink(place.path("outside"), place.path("ws/link-to-directory")).unwrap();
        symlink(
            place.path("outside/existing"),
            place.path("ws/link-to-file"),
        )
        .unwrap();
        place
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.path("ws")
    }

    /// A file in `/tmp` of this place alone.
    pub(crate) fn in_tmp(&self) -> PathBuf {
        Path::new("/tmp").join(self.root.path().file_name().unwrap())
    }

    pub(crate) fn sandbox(&self, mode: Mode) -> Sandbox {
        let write = |exclude_slash_tmp, exclude_tmpdir| {
            let roots =
                ["ws", "extra", "extra/inner", "root-file", "missing"].map(|root| self.path(root));
            SandboxSpec::workspace_write(
                &roots,
                false,
                exclude_slash_tmp,
                exclude_tmpdir,
                Some(&self.path("tmpdir")),
            )
        };
        Sandbox::Restricted(match mode {
            Mode::ReadOnly => SandboxSpec::read_only(false),
            Mode::ReadOnlyWithNetwork => SandboxSpec::read_only(true),
            Mode::WorkspaceWrite => write(false, false),
            Mode::WithoutTmp => write(true, false),
            Mode::WithoutTmpdir => write(false, true),
            Mode::Hidden => SandboxSpec {
                hidden: ["ws/existing", "ws/sub", "ws/missing", "outside/existing"]
                    .map(|path| self.path(path))
                    .into(),
                ..SandboxSpec::workspace_write(&[self.workspace()], false, true, true, None)
            },
            Mode::Unrestricted => return Sandbox::Unrestricted,
        })
    }

    /// A launcher for `on`; `None`, with the reason printed, where this machine can't.
    pub(crate) fn launcher(&self, on: On) -> Option<SandboxLauncher> {
        let launcher = match on {
            On::Namespaces | On::Spare => {
                SandboxLauncher::new(HELPER).with_backend(Backend::Namespaces)
            }
            On::Landlock => SandboxLauncher::new(HELPER).with_backend(capability::landlock()),
            On::NamespacesAsNobody => self.launcher_as_nobody()?,
        };
        match launcher.try_out() {
            Ok(()) => {
                if on == On::Spare {
                    self.make_spare(&launcher);
                }
                Some(launcher)
            }
            Err(reason) => {
                eprintln!("skipped, {on:?} is not to be had here: {reason}");
                None
            }
        }
    }

    /// After two commands there is a spare sandbox for the third.
    fn make_spare(&self, launcher: &SandboxLauncher) {
        for _ in 0..2 {
            assert_eq!(self.run(launcher, Mode::ReadOnly, "true").code, Some(0));
        }
    }

    fn launcher_as_nobody(&self) -> Option<SandboxLauncher> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped, only root can become another user");
            return None;
        }
        // The build directory may be closed to others.
        let helper = self.path("helper");
        fs::copy(HELPER, &helper).unwrap();
        give_to_nobody(self.root.path());
        let become_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let args = become_nobody
            .map(OsString::from)
            .into_iter()
            .chain([helper.into()]);
        Some(
            SandboxLauncher::with_prefix_args("setpriv", args.collect())
                .with_backend(Backend::Namespaces),
        )
    }

    /// `bash -c script` in the workspace.
    pub(crate) fn command(&self, launcher: &SandboxLauncher, mode: Mode, script: &str) -> Program {
        let argv = ["/bin/bash", "-c", script].map(str::to_owned);
        self.program(launcher, mode, &argv)
    }

    /// `argv` in the workspace.
    pub(crate) fn program(
        &self,
        launcher: &SandboxLauncher,
        mode: Mode,
        argv: &[String],
    ) -> Program {
        // Under the filter bash takes its stdin for a network connection and reads `~/.bashrc`.
        let home = self.path("outside").display().to_string();
        let env = [
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("LC_ALL", "C".to_owned()),
            ("HOME", home),
            ("TMPDIR", self.path("tmpdir").display().to_string()),
        ];
        Program {
            launcher: launcher.clone(),
            sandbox: self.sandbox(mode),
            argv: argv.to_vec(),
            cwd: self.workspace(),
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// Runs `script` to its end.
    pub(crate) fn run(&self, launcher: &SandboxLauncher, mode: Mode, script: &str) -> Outcome {
        self.command(launcher, mode, script).outcome()
    }

    /// The names at the top of the workspace.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.workspace())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// A command that is ready to be started.
pub(crate) struct Program {
    launcher: SandboxLauncher,
    sandbox: Sandbox,
    argv: Vec<String>,
    cwd: PathBuf,
    env: Vec<(String, String)>,
}

/// A command that was started, with the other ends of its pipes.
pub(crate) struct Process {
    pub(crate) started: Started,
    pub(crate) stdin: PipeWriter,
    pub(crate) stdout: PipeReader,
    pub(crate) stderr: PipeReader,
}

impl Program {
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn start(&self) -> Process {
        let (input, stdin) = io::pipe().unwrap();
        let (stdout, out) = io::pipe().unwrap();
        let (stderr, err) = io::pipe().unwrap();
        Process {
            started: self.start_on([input.as_fd(), out.as_fd(), err.as_fd()]),
            stdin,
            stdout,
            stderr,
        }
    }

    pub(crate) fn start_on(&self, stdio: [BorrowedFd<'_>; 3]) -> Started {
        let launch = Launch {
            sandbox: &self.sandbox,
            argv: &self.argv,
            cwd: &self.cwd,
            env: &self.env,
            tty: false,
        };
        self.launcher.start(launch, stdio).unwrap()
    }

    /// Runs it to its end, with an empty stdin.
    pub(crate) fn outcome(&self) -> Outcome {
        let Process {
            started,
            stdin,
            mut stdout,
            mut stderr,
        } = self.start();
        drop(stdin);
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            text
        });
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).unwrap();
        text.extend(errors.join().unwrap());
        Outcome {
            code: match started.wait_here().unwrap() {
                Ended::Code(code) => Some(code),
                Ended::Signal(_) => None,
            },
            output: String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

fn give_to_nobody(path: &Path) {
    std::os::unix::fs::lchown(path, Some(65_534), Some(65_534)).unwrap();
    if path.is_symlink() {
        return;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(path).into_iter().flatten() {
        give_to_nobody(&entry.unwrap().path());
    }
}
