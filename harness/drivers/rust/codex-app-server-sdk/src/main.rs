//! Drives the crate `codex-app-server-sdk`: its `Codex` over stdio or a WebSocket.

mod item;
mod options;
mod sdk;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    codex_driver::serve(sdk::Sdk::default()).await
}
