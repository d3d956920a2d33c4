//! The executable, and what can be seen of it from the outside.

use std::path::Path;

use assert_cmd::Command;

/// The executable under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_codex-conformance");

/// The repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The exit code, stdout and stderr.
pub(crate) type Said = (i32, String, String);

/// The command in a directory, for those who add to it.
pub(crate) fn command(directory: impl AsRef<Path>, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .current_dir(directory)
        .args(args)
        .env("NO_COLOR", "1");
    command
}

/// Runs a command to its end.
pub(crate) fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Runs a command in a directory.
pub(crate) fn run_in(directory: impl AsRef<Path>, args: &[&str]) -> Said {
    said(&mut command(directory, args))
}

/// Runs a command in the repository.
pub(crate) fn conformance(args: &[&str]) -> Said {
    run_in(ROOT, args)
}

/// Everything that is seen of a command that ran in a directory, as one text.
pub(crate) fn shown(directory: impl AsRef<Path>, args: &[&str]) -> String {
    let (code, out, err) = run_in(directory, args);
    format!("exit code: {code}\n--- stdout\n{out}--- stderr\n{err}")
}

/// Holds a text to its snapshot in `snapshots/cli`.
macro_rules! assert_prints {
    ($name:literal, $text:expr) => {
        insta::with_settings!({
            snapshot_path => "../../../../snapshots/cli",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!($name, $text) })
    };
}

pub(crate) use assert_prints;
