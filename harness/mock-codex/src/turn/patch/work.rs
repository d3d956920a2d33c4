//! Where a patch is carried out.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::process::{receiver, sender};
use crate::sandbox::{Launch, LaunchError, Sandbox, SandboxLauncher};
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
    let order_text = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    let launcher = &scope.server.launcher;
    let (output, errors) = run(launcher, &order.cwd, sandbox, &order_text)
        .await
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&output).map_err(|_| {
        let reason = String::from_utf8_lossy(&errors);
        format!("the patch could not be carried out: {}", reason.trim())
    })
}

/// Has the worker read `input` under `sandbox`; what it writes to stdout and stderr.
async fn run(
    launcher: &SandboxLauncher,
    cwd: &Path,
    sandbox: &Sandbox,
    input: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), LaunchError> {
    let (stdin, feed) = io::pipe()?;
    let (stdout, out) = io::pipe()?;
    let (stderr, err) = io::pipe()?;
    let worker = launcher.patch_worker();
    let launch = Launch {
        sandbox,
        argv: &worker,
        cwd,
        env: &[],
        tty: false,
    };
    let started = launcher.start(launch, [stdin.as_fd(), out.as_fd(), err.as_fd()])?;
    drop((stdin, out, err));
    let mut feed = sender(feed.into())?;
    let (mut stdout, mut stderr) = (receiver(stdout.into())?, receiver(stderr.into())?);
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let write = async {
        // A worker that has given up says so on stderr.
        let _ = feed.write_all(input).await;
        drop(feed);
        Ok(())
    };
    tokio::try_join!(
        write,
        stdout.read_to_end(&mut output),
        stderr.read_to_end(&mut errors)
    )?;
    started.wait().await?;
    Ok((output, errors))
}
