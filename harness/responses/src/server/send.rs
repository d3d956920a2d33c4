//! Sends an answer: its writes, each when it is time, up to its fault.

use std::io;
use std::time::Duration;

use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::socket::Line;
use crate::fault::Fault;
use crate::gate::Armed;
use crate::observe::{Answer, Outcome};
use crate::script::{End, Prepared, Waits, Wire};

/// Why a connection ends after an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The script says so.
    #[error("the script ends the connection here")]
    Scripted,
    /// It can't be written to.
    #[error("the answer can't be written: {0}")]
    Io(#[from] io::Error),
    /// The request can't be read.
    #[error("the request can't be read: {0}")]
    Read(#[from] hyper::Error),
}

/// When the parts of an answer are due. It stands still while a gate is closed.
struct Clock {
    began: Instant,
    /// When the last piece was due.
    piece: Instant,
}

/// Sends an answer over a connection; an error ends the connection.
pub(super) async fn send(
    line: &Line,
    prepared: &Prepared,
    wire: &Wire,
    answer: &mut Answer,
    gates: &mut [Armed],
    shared: &Shared,
) -> Result<(), Ended> {
    let now = Instant::now();
    let mut clock = Clock {
        began: now,
        piece: now,
    };
    let mut told = 0;
    for write in &wire.writes {
        wait(&write.waits, &mut clock, gates, shared).await;
        line.write(&wire.bytes[write.range.clone()]).await?;
        if answer.is_observed() {
            for event in told..write.events {
                answer.sent(event, || prepared.data(event));
            }
            told = write.events;
        }
        // A long answer in small pieces leaves room for others.
        consume_budget().await;
    }
    answer.settle(outcome(prepared));
    match wire.end {
        End::Keep => Ok(()),
        End::ResetAtNext => {
            line.reset_at_next();
            Ok(())
        }
        End::Close => Err(Ended::Scripted),
        End::Reset => {
            line.reset_at_end();
            Err(Ended::Scripted)
        }
        // Nothing wakes it but the end of the connection.
        End::Stall => std::future::pending().await,
    }
}

fn outcome(prepared: &Prepared) -> Outcome {
    let fault = prepared.fault.as_ref().map(Fault::name);
    fault.map_or(Outcome::Completed, Outcome::Faulted)
}

/// Waits for what a write waits for.
async fn wait(waits: &Waits, clock: &mut Clock, gates: &mut [Armed], shared: &Shared) {
    for gate in &waits.gates {
        let Some(gate) = gates.get_mut(*gate) else {
            continue;
        };
        let since = Instant::now();
        shared.gates.wait(gate).await;
        clock.began += since.elapsed();
        clock.piece += since.elapsed();
    }
    if let Some(due) = waits.due {
        until(clock.began + due).await;
    }
    if waits.pause > Duration::ZERO {
        clock.piece += waits.pause;
        until(clock.piece).await;
    }
}

/// Waits until then, if that is not past.
async fn until(due: Instant) {
    if due > Instant::now() {
        sleep_until(due).await;
    }
}
