//! A line on stderr while cases run, and the end of it all by Ctrl-C.

use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};

use tokio_util::sync::CancellationToken;

use super::ending;
use crate::run::RunEvent;

/// How many cases have ended; shown on a terminal alone.
#[derive(Debug)]
pub(super) struct Progress {
    total: usize,
    ended: usize,
    shows: bool,
}

impl Progress {
    /// Of so many runs.
    pub(super) fn of(total: usize) -> Self {
        Self {
            total,
            ended: 0,
            shows: io::stderr().is_terminal(),
        }
    }

    /// Shows that something happened.
    pub(super) fn event(&mut self, event: &RunEvent<'_>) {
        let RunEvent::Finished(run) = event else {
            return;
        };
        self.ended += 1;
        if self.shows {
            // With stderr gone there is nobody to tell.
            let _ = write!(
                io::stderr(),
                "\r\x1b[K{}/{} {} on {}",
                self.ended,
                self.total.max(self.ended),
                run.case.id,
                run.target
            );
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shows {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// Runs it to its end; being asked to end cancels.
pub(super) fn to_the_end<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(async {
        let _listening = ending::cancels(cancel);
        work.await
    }))
}
