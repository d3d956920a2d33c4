//! Drives the crate `codex-codes`: its asynchronous client over stdio.

mod client;
mod turn;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    codex_driver::serve(client::Codes::default()).await
}
