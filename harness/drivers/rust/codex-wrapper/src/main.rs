//! Drives the crate `codex-wrapper`: `… app-server` or `… exec`.

mod app_server;
mod exec;
mod turn;

use std::process::ExitCode;

use codex_driver::{Failed, RaisedBy, serve};
use codex_wrapper::Error;

#[tokio::main]
async fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("app-server") => serve(app_server::AppServerFace::default()).await,
        Some("exec") => serve(exec::ExecFace::default()).await,
        _ => {
            eprintln!("error: say which face: `app-server` or `exec`");
            ExitCode::FAILURE
        }
    }
}

/// The crate's errors; all but a few are about the process and its end.
fn raised(error: Error) -> Failed {
    let raised_by = match &error {
        Error::NotFound
        | Error::InvalidRolloutBudget { .. }
        | Error::DangerousNotAllowed { .. } => RaisedBy::Client,
        Error::AppServerRpc { .. } => RaisedBy::Server,
        _ => RaisedBy::Transport,
    };
    let failed = Failed::raised(raised_by, &error);
    match error {
        Error::AppServerRpc { code, data, .. } => failed.with_code(code, data),
        _ => failed,
    }
}
