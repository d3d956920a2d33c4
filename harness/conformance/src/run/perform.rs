//! Doing a step: the verbs and what belongs to the world.

use codex_wire::preset::Method;
use serde_json::{Value, json};

use crate::run::case::Run;
use crate::run::checks::{Done, Outcome};
use crate::run::refer::Refer;
use crate::scenario::model::{Action, Step};
use crate::scenario::steps::Group;

/// The name of a step in scenario files.
pub(crate) fn verb(action: &Action) -> &'static str {
    match action {
        Action::ThreadStart(_) => "thread_start",
        Action::ThreadResume { .. } => "thread_resume",
        Action::ThreadFork { .. } => "thread_fork",
        Action::ThreadRead { .. } => "thread_read",
        Action::ThreadList { .. } => "thread_list",
        Action::ThreadArchive { .. } => "thread_archive",
        Action::ThreadUnarchive { .. } => "thread_unarchive",
        Action::ThreadName { .. } => "thread_name",
        Action::ThreadCompact { .. } => "thread_compact",
        Action::Run(_) => "run",
        Action::Turn(_) => "turn",
        Action::Steer { .. } => "steer",
        Action::Interrupt { .. } => "interrupt",
        Action::AwaitTurn { .. } => "await_turn",
        Action::Models { .. } => "models",
        Action::Account => "account",
        Action::LoginApiKey { .. } => "login_api_key",
        Action::Logout => "logout",
        Action::Restart { .. } => "restart",
        Action::Approve { .. } => "approve",
        Action::Request { .. } => "request",
        Action::Notify { .. } => "notify",
        Action::SendLine { .. } => "send_line",
        Action::Await { .. } => "await",
        Action::Respond { .. } => "respond",
        Action::CloseStdin => "close_stdin",
        Action::Signal { .. } => "signal",
        Action::Connect { .. } => "connect",
        Action::Disconnect => "disconnect",
        Action::Http { .. } => "http",
        Action::Exit => "exit",
        Action::Jwt { .. } => "jwt",
        Action::File { .. } => "file",
        Action::Release { .. } => "release",
        Action::Listen => "listen",
    }
}

impl Run<'_> {
    /// Does one step.
    pub(super) async fn perform(&mut self, step: &Step) -> Outcome {
        if self.driven.is_some() && step.action.group() == Group::Verb {
            return self.drive(step).await;
        }
        match &step.action {
            Action::ThreadStart(permissions) => {
                self.thread_call(Method::ThreadStart, None, permissions)
                    .await
            }
            Action::ThreadResume {
                thread,
                permissions,
            } => {
                self.thread_call(Method::ThreadResume, Some(thread), permissions)
                    .await
            }
            Action::ThreadFork {
                thread,
                permissions,
            } => {
                self.thread_call(Method::ThreadFork, Some(thread), permissions)
                    .await
            }
            Action::ThreadRead {
                thread,
                include_turns,
            } => {
                let flag = include_turns.then(|| ("includeTurns", true.into()));
                self.on_thread("thread/read", thread, flag).await
            }
            Action::ThreadArchive { thread } => {
                self.on_thread("thread/archive", thread, None).await
            }
            Action::ThreadUnarchive { thread } => {
                self.on_thread("thread/unarchive", thread, None).await
            }
            Action::ThreadName { thread, name } => {
                let name = Refer(&self.bindings).text(name)?;
                self.on_thread("thread/name/set", thread, Some(("name", name.into())))
                    .await
            }
            Action::ThreadCompact { thread } => {
                self.on_thread("thread/compact/start", thread, None).await
            }
            Action::ThreadList { params } => {
                let params = Refer(&self.bindings).map(params)?;
                self.call("thread/list", Value::Object(params)).await
            }
            Action::Run(turn) => {
                let started = self.start_turn(turn).await?;
                self.end_of_turn(started.value["id"].as_str().unwrap_or_default())
                    .await
            }
            Action::Turn(turn) => self.start_turn(turn).await,
            Action::AwaitTurn { turn } => {
                let turn = Refer(&self.bindings).turn(turn)?;
                self.end_of_turn(&turn).await
            }
            Action::Steer { turn, input } => {
                let refer = Refer(&self.bindings);
                let (turn, input) = (refer.turn(turn)?, refer.value(input)?);
                Done::of(self.session()?.client().steer(&turn, &input).await)
            }
            Action::Interrupt { turn } => {
                let turn = Refer(&self.bindings).turn(turn)?;
                Done::of(self.session()?.client().interrupt(&turn).await)
            }
            Action::Models { include_hidden } => self.models(*include_hidden).await,
            Action::Account => self.call("account/read", json!({})).await,
            Action::LoginApiKey { key } => {
                let key = Refer(&self.bindings).text(key)?;
                self.call(
                    "account/login/start",
                    json!({ "type": "apiKey", "apiKey": key }),
                )
                .await
            }
            Action::Logout => Done::of(
                self.session()?
                    .client()
                    .connection()
                    .request("account/logout", None, None)
                    .await,
            ),
            Action::Restart { config } => self.restart(config).await,
            Action::Approve { answers } => self.approve(answers),
            Action::Jwt {
                secret,
                header,
                claims,
                times,
            } => self.jwt(secret, [header, claims, times]),
            Action::File { path, checks } => self.look_at(step, path, checks),
            Action::Release { gate } => self.release(gate),
            Action::Listen => self.listen(step),
            _ => self.perform_wire(step).await,
        }
    }
}
