//! The `codex-conformance` executable.

use std::process::ExitCode;

use codex_conformance::client::driver::tap;

fn main() -> ExitCode {
    // The mock starts its sandboxed commands through this executable.
    mock_codex::sandbox::helper_main_if_asked();
    // SDKs start it as `codex`, some of them once a turn: no command line is parsed for them.
    if let Some(ended) = tap::main_if_asked() {
        return ended;
    }
    codex_conformance::cli::main(std::env::args_os())
}
