//! A command's items and output, from its start to its end.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::utf8::Utf8;
use crate::clock::Stopwatch;
use crate::protocol::item::{CommandExecution, Item};
use crate::quirk::Id as Quirk;
use crate::tools::exec::Session;
use crate::tools::exec::denial::looks_denied;
use crate::turn::emit::Scope;
use crate::turn::terminals::Terminal;

/// How long nothing is told of a command: one that ends by then is told whole, or, where its
/// sandbox stopped it, not at all. Its output up to then comes in no delta.
const GRACE: Duration = Duration::from_millis(100);

/// How long output is gathered before it is told, so that what a program prints piece by piece
/// comes in one delta, as it does from codex 0.169.0.
const BURST: Duration = Duration::from_millis(5);

/// The exit code of a command that was ended from outside.
const TERMINATED: i32 = -1;

/// The exit code that a shell gives a command which a signal ended, for a forbidden system call.
const BAD_SYSTEM_CALL: i32 = 128 + 31;

/// A command that somebody watches.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) scope: Scope,
    pub(super) session: Arc<Session>,
    pub(super) terminal: Rc<Terminal>,
    pub(super) item: CommandExecution,
    /// Does it run in a sandbox?
    pub(super) restricted: bool,
    /// Was its item told before it ran?
    pub(super) announced: bool,
    /// Is it tried again if its sandbox stops it?
    pub(super) again: bool,
}

impl Watched {
    /// Tells everything about the command until it has ended.
    pub(super) async fn run(self) {
        let began = Stopwatch::start();
        let mut chunks = self.session.subscribe();
        let early = tokio::time::timeout(GRACE, self.session.wait_exit())
            .await
            .ok();
        let denied = early.is_some_and(|code| self.is_denied(code));
        self.terminal.denied.set(denied);
        let quirks = &self.scope.server.quirks;
        let hidden = denied && (self.again || quirks.has(Quirk::EarlyDenialEmitsNoItem));
        if !hidden {
            if !self.announced {
                self.scope
                    .item_started(&mut Item::CommandExecution(self.item.clone()));
            }
            let code = match early {
                Some(code) => {
                    if self
                        .scope
                        .server
                        .quirks
                        .has(Quirk::QuickCommandWaitsForQuestions)
                    {
                        self.scope.thread.waiting.over().await;
                    }
                    code
                }
                None => {
                    while chunks.try_recv().is_ok() {}
                    self.follow(&mut chunks).await
                }
            };
            let took = began.elapsed();
            self.terminal.drained.cancel();
            let mut writes = self.terminal.writes.subscribe();
            // The sender lives as long as the terminal, which is here.
            let _ = writes.wait_for(|pending| *pending == 0).await;
            self.complete(code, took);
        }
        self.scope.thread.terminals.remove(self.terminal.session);
        self.terminal.ended.cancel();
    }

    /// Did the sandbox stop it? codex 0.169.0 asks this only of a command that ends at once.
    fn is_denied(&self, code: i32) -> bool {
        let denied = code == BAD_SYSTEM_CALL || looks_denied(&self.session.snapshot().text());
        code != 0 && self.restricted && denied
    }

    /// Tells output as it comes, until the end.
    async fn follow(&self, chunks: &mut Receiver<Bytes>) -> i32 {
        let mut text = Utf8::default();
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                chunk = chunks.recv(), if open => match chunk {
                    Ok(chunk) => {
                        let mut burst = chunk.to_vec();
                        tokio::time::sleep(BURST).await;
                        while let Ok(chunk) = chunks.try_recv() {
                            burst.extend_from_slice(&chunk);
                        }
                        self.tell(&text.take(&burst));
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => open = false,
                },
                code = self.session.wait_exit() => {
                    while let Ok(chunk) = chunks.try_recv() {
                        self.tell(&text.take(&chunk));
                    }
                    self.tell(&text.rest());
                    return code;
                }
                () = self.terminal.terminate.cancelled() => {
                    self.session.kill();
                    self.session.wait_exit().await;
                    return TERMINATED;
                }
            }
        }
    }

    fn tell(&self, text: &str) {
        if !text.is_empty() {
            self.scope.about_item(
                "item/commandExecution/outputDelta",
                &self.item.id,
                &json!({"delta": text}),
            );
        }
    }

    fn complete(&self, code: i32, took: Duration) {
        let output = self.session.snapshot().text();
        let item = CommandExecution {
            status: if code == 0 { "completed" } else { "failed" },
            aggregated_output: Some(output).filter(|output| !output.is_empty()),
            exit_code: Some(code),
            duration_ms: Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            ..self.item.clone()
        };
        self.scope.item_completed(Item::CommandExecution(item));
    }
}
