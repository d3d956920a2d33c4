//! Doing a step: the wire, which the reference client alone has.

use codex_wire::frame::{ErrorObject, Frame, Id, Notification};
use rustix::process::Signal;
use serde_json::{Map, Value};

use crate::check::matcher::evaluate;
use crate::client::address::Token;
use crate::client::failure::Failure;
use crate::run::case::{Run, no_session};
use crate::run::checks::{Done, Outcome, short};
use crate::run::http;
use crate::run::process::Exit;
use crate::run::refer::Refer;
use crate::run::session::Around;
use crate::scenario::model::{Action, Matcher, Step};

/// The signals that a case may send.
const SIGNALS: [(&str, Signal); 4] = [
    ("SIGTERM", Signal::TERM),
    ("SIGKILL", Signal::KILL),
    ("SIGINT", Signal::INT),
    ("SIGHUP", Signal::HUP),
];

impl Run<'_> {
    /// Does one step of the wire.
    pub(super) async fn perform_wire(&mut self, step: &Step) -> Outcome {
        match &step.action {
            Action::Connect {
                token,
                handshake,
                experimental_api,
                opt_out,
            } => {
                let name = step.bind.as_deref().unwrap_or_default();
                let shake = handshake.then_some((*experimental_api, &opt_out[..]));
                self.connect(name, token.as_deref(), shake).await
            }
            Action::Disconnect => {
                self.session()?.client().connection().close();
                Ok(Done::default())
            }
            Action::Http {
                method,
                path,
                upgrade,
                headers,
            } => self.http((method, path), *upgrade, headers).await,
            Action::Exit => self.end_of_process().await,
            Action::Request { method, params, id } => {
                self.request(method, params.as_ref(), id.as_ref()).await
            }
            Action::Notify { method, params } => self.notify(method, params.as_ref()),
            Action::SendLine { bytes, bare } => self.send_line(bytes, *bare),
            Action::Await { method, matching } => {
                self.await_frame(method.as_deref(), matching.as_ref()).await
            }
            Action::Respond { to, result, error } => {
                self.respond(to, result.as_ref(), error.as_ref())
            }
            Action::CloseStdin => {
                self.session()?.client().connection().close();
                self.end_of_process().await
            }
            Action::Signal { name } => self.signal(name).await,
            other => {
                let verb = crate::run::perform::verb(other);
                Err(Failure::harness(format!("`{verb}` is no step of the wire")))
            }
        }
    }

    /// Another client; with `shake` it does the handshake, and the result is the reply.
    async fn connect(
        &mut self,
        name: &str,
        token: Option<&str>,
        shake: Option<(Option<bool>, &[String])>,
    ) -> Outcome {
        let token = token
            .map(|text| Refer(&self.bindings).text(text))
            .transpose()?;
        let token = token.as_deref().and_then(Token::new);
        let approvals = self.approvals.clone();
        let around = Around {
            places: self.laid_out.places(),
            recorder: &self.recorder,
            waiting: &self.waiting,
        };
        let session = self.session.as_mut().ok_or_else(no_session)?;
        let client = session
            .connect(name, token.as_ref(), approvals, around)
            .await?;
        match shake {
            None => Ok(Done::default()),
            Some((experimental_api, opt_out)) => {
                Done::of(client.handshake_as(name, experimental_api, opt_out).await)
            }
        }
    }

    async fn http(
        &self,
        (method, path): (&str, &str),
        upgrade: bool,
        headers: &Map<String, Value>,
    ) -> Outcome {
        let refer = Refer(&self.bindings);
        let (method, path, headers) = (refer.text(method)?, refer.text(path)?, refer.map(headers)?);
        let failed = |error: http::HttpError| Failure::transport(error.to_string(), None);
        let request = http::request((&method, &path), upgrade, &headers).map_err(failed)?;
        let said = self.waiting.say(format!("the answer to `{method} {path}`"));
        let answer = http::send(self.session()?.address()?, request).await;
        said.done();
        answer.map(Done::with).map_err(failed)
    }

    async fn request(&self, method: &str, params: Option<&Value>, id: Option<&Value>) -> Outcome {
        let refer = Refer(&self.bindings);
        let (method, params) = (refer.text(method)?, refer.maybe(params)?);
        let id = refer.maybe(id)?.map(to_id).transpose()?;
        Done::of(
            self.session()?
                .client()
                .connection()
                .request(&method, params, id)
                .await,
        )
    }

    fn notify(&self, method: &str, params: Option<&Value>) -> Outcome {
        let refer = Refer(&self.bindings);
        let frame = Frame::Notification(Notification {
            method: refer.text(method)?,
            params: refer.maybe(params)?,
            emitted_at_ms: None,
        });
        self.sent(|connection| connection.send(frame))
    }

    /// Variables in bytes that are UTF-8 are put in.
    fn send_line(&self, bytes: &[u8], bare: bool) -> Outcome {
        let mut bytes = match std::str::from_utf8(bytes) {
            Ok(text) => Refer(&self.bindings).text(text)?.into_bytes(),
            Err(_) => bytes.to_vec(),
        };
        if !bare {
            bytes.push(b'\n');
        }
        self.sent(|connection| connection.send_raw(bytes))
    }

    fn respond(&self, to: &str, result: Option<&Value>, error: Option<&Value>) -> Outcome {
        let refer = Refer(&self.bindings);
        let id = refer.request(to)?;
        let frame = match refer.maybe(error)? {
            Some(error) => {
                let error: ErrorObject = serde_json::from_value(error)
                    .map_err(|e| Failure::harness(format!("`error` is no error object: {e}")))?;
                Frame::error(id, error)
            }
            None => Frame::response(id, refer.maybe(result)?.unwrap_or_default()),
        };
        self.sent(|connection| connection.send(frame))
    }

    async fn await_frame(&self, method: Option<&str>, matching: Option<&Matcher>) -> Outcome {
        let refer = Refer(&self.bindings);
        let method = method.map(|method| refer.text(method)).transpose()?;
        let matching = matching.map(|matcher| refer.matcher(matcher)).transpose()?;
        let what = match (&method, &matching) {
            (Some(method), None) => format!("a `{method}` frame"),
            (Some(method), Some(_)) => format!("a `{method}` frame that matches `where`"),
            (None, _) => "a frame that matches `where`".to_owned(),
        };
        let connection = self.session()?.client().connection();
        let accepts = |value: &Value| {
            matching
                .as_ref()
                .is_none_or(|matcher| evaluate(matcher, Some(value)).is_ok())
        };
        let received = connection
            .next(method.as_deref(), what, |received| accepts(&received.value))
            .await?;
        Ok(Done {
            value: received.value,
            entry: Some(received.entry),
        })
    }

    async fn signal(&mut self, name: &str) -> Outcome {
        let Some((_, signal)) = SIGNALS.into_iter().find(|(known, _)| *known == name) else {
            let known = SIGNALS.map(|(name, _)| format!("`{name}`")).join(", ");
            return Err(Failure::harness(format!(
                "unknown signal `{name}`; one of {known}"
            )));
        };
        if let Some(app_server) = self.session_mut()?.app_server() {
            app_server.signal(signal);
        }
        self.end_of_process().await
    }

    /// `{code, signal}`, when it has ended.
    async fn end_of_process(&mut self) -> Outcome {
        let said = self.waiting.say("the end of the app-server".into());
        let app_server = self.session_mut()?.app_server();
        let app_server = app_server.ok_or_else(|| Failure::harness("the process isn't ours"))?;
        let exit = app_server.ended().await;
        said.done();
        self.end_was_seen = true;
        Ok(Done::with(exit.to_value()))
    }

    fn sent(&self, send: impl FnOnce(&crate::client::connection::Connection) -> usize) -> Outcome {
        let entry = send(self.session()?.client().connection());
        Ok(Done {
            value: Value::Null,
            entry: Some(entry),
        })
    }
}

impl Exit {
    /// `{code, signal}`, the signal by its name; one of them is `null`.
    pub(crate) fn to_value(self) -> Value {
        let signal = self.signal.map(|number| {
            let known = SIGNALS
                .into_iter()
                .find(|(_, signal)| signal.as_raw() == number);
            known.map_or_else(|| number.to_string(), |(name, _)| name.to_owned())
        });
        serde_json::json!({ "code": self.code, "signal": signal })
    }
}

fn to_id(id: Value) -> Result<Id, Failure> {
    let shown = short(&id);
    serde_json::from_value(id).map_err(|_| {
        Failure::harness(format!(
            "{shown} is no id that gets an answer; use `send_line` to send it"
        ))
    })
}
