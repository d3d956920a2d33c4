//! The `mock-codex` executable.

use std::process::ExitCode;

use mock_codex::sandbox::SandboxLauncher;

fn main() -> ExitCode {
    mock_codex::sandbox::helper_main_if_asked();
    let helper = std::env::current_exe().unwrap_or_else(|_| "mock-codex".into());
    mock_codex::main_with(std::env::args_os().skip(1), SandboxLauncher::new(helper))
}
