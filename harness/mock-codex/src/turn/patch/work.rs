//! Where a patch is carried out.

use std::io;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use crate::sandbox::Sandbox;
use crate::tools::patch::apply::{self, Applied, Order};
use crate::turn::emit::Scope;

/// Carries an order out: here, or in a process that is under the sandbox.
pub(super) async fn carry_out(scope: &Scope, order: &Order, sandbox: &Sandbox) -> Applied {
    let applied = match sandbox {
        Sandbox::Unrestricted => {
            let order = order.clone();
            let applied = tokio::task::spawn_blocking(move || apply::apply(&order)).await;
            applied.map_err(|error| error.to_string())
        }
        Sandbox::Restricted(_) => confined(scope, order, sandbox).await,
    };
    applied.unwrap_or_else(|reason| Applied {
        text: format!("{reason}\n"),
        ..Applied::default()
    })
}

async fn confined(scope: &Scope, order: &Order, sandbox: &Sandbox) -> Result<Applied, String> {
    let prepared = scope.server.launcher.patch(sandbox, &order.cwd);
    let mut command = prepared.map_err(|error| error.to_string())?.command;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let order = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    let output = run(command, &order)
        .await
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let reason = String::from_utf8_lossy(&output.stderr);
        format!("the patch could not be carried out: {}", reason.trim())
    })
}

async fn run(command: std::process::Command, input: &[u8]) -> io::Result<std::process::Output> {
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).await?;
    }
    child.wait_with_output().await
}
