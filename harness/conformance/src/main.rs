//! The `codex-conformance` executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The mock starts its sandboxed commands through this executable.
    mock_codex::sandbox::helper_main_if_asked();
    codex_conformance::cli::main(std::env::args_os())
}
