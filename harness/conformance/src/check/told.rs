//! What an SDK tells its user, held against what was sent.
//!
//! Both functions give what is wrong about it, if something is, and what really happened: that is
//! what the scenario's expectations are judged by.

use codex_wire::frame::ErrorObject;
use serde_json::{Map, Value, json};

use crate::client::driver::protocol::{Raised, RaisedBy as By};
use crate::client::driver::seen::{Seen, Sent};
use crate::client::failure::Failure;
use crate::client::turn::Ended;
use crate::run::Window;
use crate::scenario::model::Side;

/// What really happened: the app-server's answer with its entry, or its error.
pub(crate) type OnWire = Result<(Value, Option<usize>), Failure>;

/// The SDK told a result. `turn` is the id of the turn that was awaited.
pub(crate) fn result(
    seen: &Seen,
    window: &Window,
    told: &Value,
    turn: Option<&str>,
) -> (Option<String>, OnWire) {
    if let Some(turn) = turn {
        return ended(seen, window, told, turn);
    }
    let request = window
        .method()
        .and_then(|method| seen.request(method, window.from));
    let Some(request) = request else {
        return match seen.exec(window.from) {
            Some(Ended { mut result, entry }) if window.verb == "run" => {
                let wrong = difference(told, &result, "");
                carry_over(told, &mut result);
                (wrong, Ok((result, Some(entry))))
            }
            _ => (None, Ok((told.clone(), None))),
        };
    };
    match seen.reply(request) {
        Some((Err(error), entry)) => {
            let wrong = format!(
                "the app-server answered {}: {}, but the SDK reported success: its user never learns of the error",
                error.code, error.message
            );
            (Some(wrong), Err(Failure::server(error, entry)))
        }
        Some((Ok(reply), entry)) => replied(seen, window, told, (request, reply, entry)),
        // A turn that the SDK runs beside its caller, under a name of the driver's.
        None if window.verb == "turn" => (None, Ok((told.clone(), Some(request.entry)))),
        None => {
            let wrong = format!(
                "the SDK reported success before the app-server answered `{}`",
                window.method().unwrap_or_default()
            );
            (Some(wrong), Ok((told.clone(), Some(request.entry))))
        }
    }
}

fn replied(
    seen: &Seen,
    window: &Window,
    told: &Value,
    (request, mut reply, entry): (&Sent, Value, usize),
) -> (Option<String>, OnWire) {
    let id = reply["turn"]["id"].as_str().unwrap_or_default().to_owned();
    match window.verb {
        "run" => ended(seen, window, told, &id),
        "turn" => {
            reply["id"] = id.into();
            reply["thread_id"] = request.value["params"]["threadId"].clone();
            (None, Ok((reply, Some(entry))))
        }
        _ => (difference(told, &reply, ""), Ok((reply, Some(entry)))),
    }
}

/// The SDK told the end of a turn.
fn ended(seen: &Seen, window: &Window, told: &Value, turn: &str) -> (Option<String>, OnWire) {
    match seen.turn(turn).or_else(|| of_exec(seen, told)) {
        Some(Ended { mut result, entry }) => {
            let wrong = difference(&without_thread(told), &result, "");
            carry_over(told, &mut result);
            (wrong, Ok((result, Some(entry))))
        }
        None if lost(seen, window.from) => {
            let wrong = "codex ended within the turn, and the SDK told it as a result";
            (Some(wrong.into()), Ok((told.clone(), None)))
        }
        None => {
            let wrong = format!(
                "the SDK told the end of the turn {turn}, which the app-server had not ended"
            );
            (Some(wrong), Ok((told.clone(), None)))
        }
    }
}

/// The turn of exec that was told, by what was told of it: exec names none, and several may have
/// run at once. If it fits none, the latest.
fn of_exec(seen: &Seen, told: &Value) -> Option<Ended> {
    let fits = |ended: &Ended| difference(told, &ended.result, "").is_none();
    let mut execs = seen.execs();
    execs.find(fits).or_else(|| seen.execs().next())
}

/// Without the thread's id, which a `run` tells once the SDK knows it: no frame of the turn's has it.
fn without_thread(told: &Value) -> Value {
    let mut told = told.clone();
    if let Some(members) = told.as_object_mut() {
        members.remove("thread_id");
    }
    told
}

/// The error that a step came to: of its own method, if the app-server answered that. What an SDK
/// asked beside it, and took the refusal of, is its own affair.
fn error_of(seen: &Seen, window: &Window) -> Option<(ErrorObject, usize)> {
    let own = window
        .method()
        .and_then(|method| seen.request(method, window.from));
    match own.and_then(|request| seen.reply(request)) {
        Some((Err(error), entry)) => Some((error, entry)),
        Some((Ok(_), _)) => None,
        None => seen
            .error(window.from)
            .map(|(error, entry)| (error.clone(), entry)),
    }
}

/// The SDK raised an error.
pub(crate) fn raised(seen: &Seen, window: &Window, raised: &Raised) -> (Option<String>, OnWire) {
    let blamed = |truth: By| {
        (raised.raised_by != truth).then(|| {
            format!(
                "its `{}` blames the {}, it was the {}",
                raised.kind,
                side(raised.raised_by),
                side(truth)
            )
        })
    };
    if let Some((error, entry)) = error_of(seen, window) {
        let tells = raised.message.contains(&error.message) || raised.code == Some(error.code);
        let wrong = blamed(By::Server).or_else(|| {
            (!tells).then(|| {
                format!(
                    "the app-server answered {}: {}, but the SDK's `{}` says neither: {}",
                    error.code, error.message, raised.kind, raised.message
                )
            })
        });
        return (wrong, Err(Failure::server(error, entry)));
    }
    let failed = failed_turn(seen, window).or_else(|| announced(seen, window.from));
    if let Some(Ended { result, entry }) = failed {
        let message = result["error"]["message"].as_str().unwrap_or_default();
        let wrong = (!raised.message.contains(message)).then(|| {
            format!(
                "the turn failed with `{message}`, but the SDK's `{}` says: {}",
                raised.kind, raised.message
            )
        });
        return (wrong, Ok((result, Some(entry))));
    }
    let failure = Failure {
        raised_by: raised.raised_by.into(),
        code: raised.code,
        message: format!("{}: {}", raised.kind, raised.message),
        data: raised.data.clone().map(Box::new),
        entry: None,
    };
    // An SDK that doesn't take the server for one ends it itself.
    let refused = window.verb == "open" && raised.raised_by == By::Client;
    if lost(seen, window.from) && !refused {
        return (blamed(By::Transport), Err(failure));
    }
    let sent = own(seen, window.from);
    let wrong = match (raised.raised_by, sent) {
        (By::Client, Some(sent)) => Some(format!(
            "the SDK refused with `{}`, but only after it had sent {}",
            raised.kind,
            named(sent)
        )),
        (By::Server, _) => Some(format!(
            "its `{}` blames the app-server, which answered with no error: {}",
            raised.kind, raised.message
        )),
        _ => None,
    };
    (wrong, Err(failure))
}

/// The end of the turn that was started in this step, if it failed.
fn failed_turn(seen: &Seen, window: &Window) -> Option<Ended> {
    if let Some(ended) = seen.exec(window.from) {
        return (ended.result["status"] == "failed").then_some(ended);
    }
    let started = seen.request("turn/start", window.from);
    let id = match started.and_then(|request| seen.reply(request)) {
        Some((Ok(reply), _)) => reply["turn"]["id"].as_str()?.to_owned(),
        _ => last_completed(seen, window.from)?,
    };
    seen.turn(&id)
        .filter(|ended| ended.result["status"] == "failed")
}

/// A failure that is told before the turn's end: an SDK need not wait for that.
fn announced(seen: &Seen, from: usize) -> Option<Ended> {
    let mut frames = seen.since(from).iter().rev();
    let told = frames.find(|sent| {
        let params = &sent.value["params"];
        sent.by == Side::Server && sent.value["method"] == "error" && params["willRetry"] != true
    })?;
    let error = &told.value["params"]["error"];
    Some(Ended {
        result: json!({ "status": "failed", "error": error }),
        entry: told.entry,
    })
}

fn last_completed(seen: &Seen, from: usize) -> Option<String> {
    let frames = seen.since(from).iter().rev();
    let mut completed = frames.filter(|sent| sent.value["method"] == "turn/completed");
    let id = &completed.next()?.value["params"]["turn"]["id"];
    id.as_str().map(str::to_owned)
}

/// What an SDK that is still waited for has missed, as the rest of a sentence.
pub(crate) fn meanwhile(seen: &Seen) -> Option<&'static str> {
    let mut servers = seen.processes().iter().rev();
    let last = servers.find(|process| process.is_app_server());
    if last.is_some_and(|process| process.exit.is_some()) {
        return Some(", and codex has ended: whoever waits for the turn waits for ever");
    }
    let started = seen.request("turn/start", 0)?;
    let Some((Ok(reply), _)) = seen.reply(started) else {
        return None;
    };
    seen.turn(reply["turn"]["id"].as_str()?)?;
    Some(", and the app-server has ended the turn: whoever waits for it waits for ever")
}

/// Did an app-server end since then?
fn lost(seen: &Seen, from: usize) -> bool {
    seen.processes()
        .iter()
        .any(|process| process.ended_at.is_some_and(|at| at >= from))
}

/// The first frame that the SDK sent for the step itself: its handshake may come late.
pub(crate) fn own(seen: &Seen, from: usize) -> Option<&Sent> {
    seen.asked(from).find(|sent| {
        let method = sent.value["method"].as_str().unwrap_or_default();
        !["initialize", "initialized"].contains(&method)
    })
}

/// A frame in a message.
pub(crate) fn named(sent: &Sent) -> String {
    if let Some(method) = sent.value["method"].as_str() {
        return format!("`{method}`");
    }
    let text: String = sent.value.to_string().chars().take(80).collect();
    format!("`{text}`")
}

fn side(by: By) -> &'static str {
    match by {
        By::Client => "caller",
        By::Server => "app-server",
        By::Transport => "connection",
    }
}

/// Names that a driver made up because the SDK didn't tell the id yet.
fn carry_over(told: &Value, result: &mut Value) {
    for name in ["turn", "thread_id"] {
        if result.get(name).is_none_or(Value::is_null)
            && let Some(given) = told.get(name)
        {
            result[name] = given.clone();
        }
    }
}

/// The first place at which something that was told isn't what was sent. What wasn't told isn't
/// compared; `null` is told where nothing was sent.
pub(crate) fn difference(told: &Value, sent: &Value, path: &str) -> Option<String> {
    match (told, sent) {
        (Value::Object(told), Value::Object(sent)) => members(told, sent, path),
        (Value::Array(told), Value::Array(sent)) if told.len() == sent.len() => told
            .iter()
            .zip(sent)
            .enumerate()
            .find_map(|(index, (told, sent))| difference(told, sent, &format!("{path}[{index}]"))),
        (Value::Array(told), Value::Array(sent)) => Some(format!(
            "`{path}` has {} elements as the SDK tells it, the app-server sent {}",
            told.len(),
            sent.len()
        )),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => None,
        _ if told == sent => None,
        _ => Some(format!(
            "`{path}` is {} as the SDK tells it, the app-server sent {}",
            short(told),
            short(sent)
        )),
    }
}

fn members(told: &Map<String, Value>, sent: &Map<String, Value>, path: &str) -> Option<String> {
    told.iter().find_map(|(name, told)| {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match sent.get(name) {
            Some(sent) => difference(told, sent, &path),
            None if told.is_null() || *told == json!([]) => None,
            None => Some(format!(
                "`{path}` is {} as the SDK tells it, the app-server sent no such thing",
                short(told)
            )),
        }
    })
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    let shown: String = text.chars().take(120).collect();
    if shown.len() == text.len() {
        format!("`{shown}`")
    } else {
        format!("`{shown}…`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_told_is_compared() {
        let sent = json!({
            "status": "completed", "items": [{"type": "agentMessage", "text": "hi"}],
            "usage": {"total": {"totalTokens": 3}}, "error": null,
        });
        for told in [
            json!({}),
            json!({"status": "completed"}),
            json!({"items": [{"type": "agentMessage"}], "usage": {"total": {"totalTokens": 3.0}}}),
            json!({"durationMs": null, "error": null}),
        ] {
            assert_eq!(difference(&told, &sent, ""), None, "{told}");
        }
        for (told, place) in [
            (json!({"status": "failed"}), "`status` is `\"failed\"`"),
            (json!({"items": []}), "`items` has 0 elements"),
            (json!({"items": [{"text": ""}]}), "`items[0].text` is"),
            (json!({"usage": null}), "`usage` is `null`"),
            (json!({"final": "x"}), "sent no such thing"),
        ] {
            let found = difference(&told, &sent, "").unwrap();
            assert!(found.contains(place), "{told}: {found}");
        }
    }
}
