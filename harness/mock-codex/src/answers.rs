//! Answers that a script gives in the mock's place.
//!
//! A JSON file with a list, named by `MOCK_CODEX_ANSWERS` or `--answers`. Each entry is one of
//!
//! - `{"method": …, "params"?: {…}, "result" | "error"?: …, "notifications"?: […], "times"?: N}`: the
//!   answer to a method, whether the mock has one of its own or not. Without `result` and `error` the
//!   mock answers itself, and the notifications follow.
//! - `{"login": "chatgpt" | "chatgptDeviceCode", "outcome": …}`: what comes of a login that a person
//!   would have to finish: `completed`, `failed`, `cancelled` or `never`.
//!
//! The first entry that fits a request and is not used up counts.

use std::cell::Cell;
use std::path::Path;

use codex_wire::frame::ErrorObject;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::account::ChatGpt;
use crate::connection::Call;
use crate::failure::Failure;

/// Everything that is scripted.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    answers: Vec<Answer>,
    logins: Vec<ScriptedLogin>,
}

/// One entry of the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    method: Option<String>,
    params: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    result: Option<Value>,
    error: Option<Refusal>,
    #[serde(default)]
    notifications: Vec<Scripted>,
    times: Option<usize>,
    login: Option<LoginKind>,
    outcome: Option<Outcome>,
    account: Option<ChatGpt>,
    message: Option<String>,
    user_code: Option<String>,
    verification_url: Option<String>,
}

/// A result of `null` is one too.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A scripted error; the code is the usual one if none is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    #[serde(default = "invalid_request")]
    code: i64,
    message: String,
    data: Option<Value>,
}

fn invalid_request() -> i64 {
    -32600
}

/// A notification that follows an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted {
    method: String,
    #[serde(default = "no_params")]
    params: Value,
}

fn no_params() -> Value {
    json!({})
}

/// The answer to a method.
#[derive(Debug)]
struct Answer {
    method: String,
    params: Map<String, Value>,
    reply: Option<Result<Value, Refusal>>,
    notifications: Vec<Scripted>,
    left: Cell<Option<usize>>,
}

/// A login that a person has to finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum LoginKind {
    Chatgpt,
    ChatgptDeviceCode,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    Completed,
    Failed,
    Cancelled,
    Never,
}

/// What comes of a login, and how.
#[derive(Debug)]
pub(crate) struct ScriptedLogin {
    kind: LoginKind,
    pub(crate) outcome: Outcome,
    pub(crate) account: ChatGpt,
    message: Option<String>,
    pub(crate) user_code: String,
    pub(crate) verification_url: String,
}

impl ScriptedLogin {
    /// The error of a login that came to nothing.
    pub(crate) fn error(&self) -> String {
        self.message.clone().unwrap_or_else(|| {
            let what = match self.outcome {
                Outcome::Cancelled => "Login cancelled",
                _ => "Login failed",
            };
            format!("Login server error: {what}")
        })
    }
}

impl Answers {
    /// Reads a file; `known` says which methods there are.
    ///
    /// # Errors
    /// A text that names the file and the entry.
    pub(crate) fn load(path: &Path, known: impl Fn(&str) -> bool) -> Result<Self, String> {
        let problem =
            |what: String| format!("the answers in `{}` can't be used: {what}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        Self::parse(&text, known).map_err(problem)
    }

    pub(crate) fn parse(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, String> {
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut all = Self::default();
        for (number, entry) in (1..).zip(entries) {
            let problem = |what: String| format!("entry {number}: {what}");
            match (entry.method.clone(), entry.login) {
                (Some(method), None) if !known(&method) => {
                    return Err(problem(format!("`{method}` is no method of the protocol")));
                }
                (Some(method), None) => all.answers.push(entry.answer(method).map_err(problem)?),
                (None, Some(kind)) => all.logins.push(entry.login(kind).map_err(problem)?),
                _ => return Err(problem("give either `method` or `login`".to_owned())),
            }
        }
        Ok(all)
    }

    /// Answers a request if that is scripted; otherwise `own` does, and scripted notifications
    /// follow its answer.
    pub(crate) fn answer(
        &self,
        call: &Call,
        method: &str,
        params: Option<Value>,
        own: impl FnOnce(Option<Value>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(answer) = self.find(method, params.as_ref()) else {
            return own(params);
        };
        match &answer.reply {
            Some(Ok(result)) => call.reply(result),
            Some(Err(refusal)) => call.fail(refusal.clone().into()),
            None => own(params)?,
        }
        for notification in &answer.notifications {
            call.client
                .notify(&notification.method, &notification.params);
        }
        Ok(())
    }

    /// What comes of a login.
    pub(crate) fn login(&self, kind: LoginKind) -> Option<&ScriptedLogin> {
        self.logins.iter().find(|login| login.kind == kind)
    }

    fn find(&self, method: &str, params: Option<&Value>) -> Option<&Answer> {
        let given = |name: &String| params.and_then(|params| params.get(name));
        let answer = self.answers.iter().find(|answer| {
            answer.method == method
                && answer.left.get() != Some(0)
                && answer
                    .params
                    .iter()
                    .all(|(name, want)| given(name) == Some(want))
        })?;
        answer.left.set(answer.left.get().map(|left| left - 1));
        Some(answer)
    }
}

impl Entry {
    fn answer(self, method: String) -> Result<Answer, String> {
        if self.outcome.is_some() || self.account.is_some() || self.user_code.is_some() {
            return Err("`outcome`, `account` and `userCode` belong to `login`".to_owned());
        }
        let reply = match (self.result, self.error) {
            (Some(_), Some(_)) => return Err("give either `result` or `error`".to_owned()),
            (Some(result), None) => Some(Ok(result)),
            (None, Some(error)) => Some(Err(error)),
            (None, None) if self.notifications.is_empty() => {
                return Err("give `result`, `error` or `notifications`".to_owned());
            }
            (None, None) => None,
        };
        Ok(Answer {
            method,
            params: self.params.unwrap_or_default(),
            reply,
            notifications: self.notifications,
            left: Cell::new(self.times),
        })
    }

    fn login(self, kind: LoginKind) -> Result<ScriptedLogin, String> {
        Ok(ScriptedLogin {
            kind,
            outcome: self.outcome.ok_or("a login needs its `outcome`")?,
            account: self.account.unwrap_or_default(),
            message: self.message,
            user_code: self.user_code.unwrap_or_else(|| "MOCK-CODE".to_owned()),
            verification_url: self
                .verification_url
                .unwrap_or_else(|| "https://auth.openai.com/codex/device".to_owned()),
        })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::scripted(ErrorObject {
            code: refusal.code,
            data: refusal.data,
            message: refusal.message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(entries: &Value) -> Result<Answers, String> {
        Answers::parse(&entries.to_string(), |method| method == "a/b")
    }

    #[test]
    fn the_first_entry_that_fits_and_is_not_used_up_counts() {
        let answers = parse(&json!([
            {"method": "a/b", "params": {"x": 1}, "result": 1},
            {"method": "a/b", "result": 2, "times": 1},
            {"method": "a/b", "error": {"message": "no"}},
        ]))
        .unwrap();
        let result = |params: Value| match &answers.find("a/b", Some(&params)).unwrap().reply {
            Some(Ok(value)) => value.clone(),
            _ => Value::Null,
        };
        assert_eq!(result(json!({"x": 1, "y": 2})), 1);
        assert_eq!(result(json!({"x": 2})), 2);
        assert_eq!(result(json!({"x": 2})), Value::Null);
        assert!(answers.find("c/d", None).is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_entry() {
        for (entries, want) in [
            (
                json!([{"method": "x"}]),
                "entry 1: `x` is no method of the protocol",
            ),
            (
                json!([{"method": "a/b"}]),
                "entry 1: give `result`, `error` or `notifications`",
            ),
            (
                json!([{"result": 1}]),
                "entry 1: give either `method` or `login`",
            ),
            (
                json!([{"login": "chatgpt"}]),
                "entry 1: a login needs its `outcome`",
            ),
            (
                json!([{"method": "a/b", "result": 1, "error": {"message": "x"}}]),
                "entry 1: give either `result` or `error`",
            ),
        ] {
            assert_eq!(parse(&entries).err().as_deref(), Some(want), "{entries}");
        }
        let unknown = parse(&json!([{"methd": "a/b"}])).unwrap_err();
        assert!(unknown.contains("unknown field `methd`"), "{unknown}");
    }
}
