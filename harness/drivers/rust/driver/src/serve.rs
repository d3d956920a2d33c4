//! Requests in, answers out.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::{About, Failed, PROTOCOL, With};

/// What comes of a request.
pub type Answered = Result<Value, Failed>;

/// An SDK behind the protocol.
pub trait Driver {
    /// What the SDK is and can do.
    fn about(&self) -> About;

    /// Why a verb isn't there.
    fn lacks(&self, verb: &str) -> Option<&'static str> {
        let _ = verb;
        None
    }

    /// The executable to use as `codex`; it comes with `hello`.
    fn use_codex(&mut self, path: &str);

    /// Does a step: `open`, `close`, or one of its verbs.
    fn perform(&mut self, verb: &str, with: With) -> impl Future<Output = Answered>;
}

#[derive(Deserialize)]
struct Request {
    id: u64,
    verb: String,
    #[serde(default)]
    with: Map<String, Value>,
}

/// Speaks the protocol on stdin and stdout until stdin ends.
pub async fn serve(driver: impl Driver) -> ExitCode {
    let stdin = BufReader::new(tokio::io::stdin());
    match speak(driver, stdin, tokio::io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn speak(
    mut driver: impl Driver,
    requests: impl AsyncBufRead + Unpin,
    mut answers: impl AsyncWrite + Unpin,
) -> Result<(), String> {
    let mut lines = requests.lines();
    while let Some(line) = lines.next_line().await.map_err(|e| e.to_string())? {
        let request: Request = serde_json::from_str(&line)
            .map_err(|error| format!("this is no request: `{line}`: {error}"))?;
        let mut answer = match answer(&mut driver, &request.verb, With(request.with)).await {
            Ok(result) => json!({ "result": if result.is_null() { json!({}) } else { result } }),
            Err(Failed::Unsupported(why)) => json!({ "unsupported": why }),
            Err(failed @ Failed::Raised { .. }) => json!({ "error": to_value(failed) }),
            Err(Failed::Broken(why)) => return Err(why),
        };
        answer["id"] = request.id.into();
        let line = format!("{answer}\n");
        answers
            .write_all(line.as_bytes())
            .await
            .map_err(|e| e.to_string())?;
        answers.flush().await.map_err(|e| e.to_string())?;
    }
    match driver.perform("close", With::default()).await {
        Err(Failed::Broken(why)) => Err(why),
        _ => Ok(()),
    }
}

async fn answer(driver: &mut impl Driver, verb: &str, with: With) -> Answered {
    let about = driver.about();
    if verb == "hello" {
        driver.use_codex(with.text("codex")?);
        let mut told = serde_json::to_value(about).map_err(|e| Failed::Broken(e.to_string()))?;
        told["protocol"] = PROTOCOL.into();
        return Ok(told);
    }
    if !["open", "close"].contains(&verb) && !about.verbs.contains(&verb) {
        let why = driver.lacks(verb).map_or_else(
            || format!("the SDK has nothing for `{verb}`"),
            str::to_owned,
        );
        return Err(Failed::Unsupported(why));
    }
    driver.perform(verb, with).await
}

fn to_value(failed: Failed) -> Value {
    let Failed::Raised {
        raised_by,
        kind,
        message,
        code,
        data,
    } = failed
    else {
        return Value::Null;
    };
    let mut value = json!({ "raised_by": raised_by, "type": kind, "message": message });
    if let Some(code) = code {
        value["code"] = code.into();
    }
    if let Some(data) = data {
        value["data"] = data;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RaisedBy;

    /// An SDK that starts threads and refuses everything else.
    #[derive(Default)]
    struct Fake {
        codex: String,
    }

    impl Driver for Fake {
        fn about(&self) -> About {
            About {
                name: "fake",
                version: "1.0.0",
                presets: false,
                verbs: &["thread_start", "run", "turn"],
                approval_modes: &["deny_all"],
                sandboxes: &[],
                transports: &["stdio"],
                approvals: &[],
            }
        }

        fn lacks(&self, verb: &str) -> Option<&'static str> {
            (verb == "steer").then_some("it can't be steered")
        }

        fn use_codex(&mut self, path: &str) {
            path.clone_into(&mut self.codex);
        }

        async fn perform(&mut self, verb: &str, with: With) -> Answered {
            match verb {
                "open" | "close" => Ok(Value::Null),
                "thread_start" => Ok(json!({ "thread": { "id": self.codex } })),
                "run" => {
                    let refused = std::fmt::Error;
                    with.text("thread")?;
                    Err(Failed::raised(RaisedBy::Server, &refused).with_code(-32600, None))
                }
                _ => Err(Failed::Broken("broken".to_owned())),
            }
        }
    }

    async fn said(requests: &[Value]) -> (Vec<Value>, Result<(), String>) {
        let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
        let lines = lines.join("\n");
        let mut out = Vec::new();
        let end = speak(Fake::default(), lines.as_bytes(), &mut out).await;
        let answers = String::from_utf8(out).unwrap();
        let answers = answers.lines().map(|l| serde_json::from_str(l).unwrap());
        (answers.collect(), end)
    }

    #[tokio::test]
    async fn each_request_has_one_answer_with_its_id() {
        let (answers, end) = said(&[
            json!({"id": 1, "verb": "hello", "with": {"codex": "/bin/codex"}}),
            json!({"id": 2, "verb": "open", "with": {}}),
            json!({"id": 3, "verb": "thread_start", "with": {}}),
            json!({"id": 4, "verb": "run", "with": {"thread": "t"}}),
            json!({"id": 5, "verb": "steer", "with": {}}),
            json!({"id": 6, "verb": "models", "with": {}}),
        ])
        .await;
        assert_eq!(end, Ok(()));
        assert_eq!(answers[0]["result"]["protocol"], 1);
        assert_eq!(answers[0]["result"]["verbs"][1], "run");
        assert_eq!(answers[1], json!({"id": 2, "result": {}}));
        assert_eq!(answers[2]["result"]["thread"]["id"], "/bin/codex");
        let error = &answers[3]["error"];
        assert_eq!(
            (&error["raised_by"], &error["type"]),
            (&json!("server"), &json!("Error"))
        );
        assert_eq!((&error["code"], error.get("data")), (&json!(-32600), None));
        assert_eq!(answers[4]["unsupported"], "it can't be steered");
        let nothing = answers[5]["unsupported"].as_str().unwrap();
        assert!(nothing.contains("`models`"), "{nothing}");
        assert_eq!(answers.len(), 6);
    }

    #[tokio::test]
    async fn a_fault_of_the_driver_ends_it() {
        let (answers, end) = said(&[json!({"id": 1, "verb": "turn", "with": {}})]).await;
        assert_eq!((answers.len(), end), (0, Err("broken".to_owned())));
        let (_, end) = said(&[json!({"id": 1, "verb": "run", "with": {}})]).await;
        assert!(end.unwrap_err().contains("`thread`"));
        let (_, end) = said(&[json!(7)]).await;
        assert!(end.unwrap_err().contains("no request"));
    }
}
