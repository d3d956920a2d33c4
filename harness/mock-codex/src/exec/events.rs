//! The lines that exec prints, made from notifications.

use serde::Serialize;
use serde_json::{Value, json};

use super::print;

/// What is told of the machine's programs, which exec doesn't pass on.
const OF_THE_MACHINE: &str = "bubblewrap";

/// Turns notifications into lines.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The items that were told, by the app-server's ids; their position is their number.
    items: Vec<String>,
    usage: Value,
    last_message: Option<String>,
}

/// A line about an item.
#[derive(Serialize)]
struct ItemLine<'a, T> {
    r#type: &'a str,
    item: Numbered<'a, T>,
}

/// An item with the number that exec gives it.
#[derive(Serialize)]
struct Numbered<'a, T> {
    id: &'a str,
    #[serde(flatten)]
    item: T,
}

impl Events {
    /// The thread is there; this is the first line.
    #[expect(clippy::unused_self, reason = "it is one of the lines")]
    pub(super) fn thread_started(&self, thread: &str) {
        print(&json!({"type": "thread.started", "thread_id": thread}));
    }

    /// The text of the last message of the model.
    pub(super) fn last_message(&self) -> Option<&str> {
        self.last_message.as_deref()
    }

    /// Prints what a notification comes to. At the end of the turn the result says if it was
    /// completed.
    pub(super) fn take(&mut self, frame: &Value) -> Option<bool> {
        let params = &frame["params"];
        match frame["method"].as_str().unwrap_or_default() {
            "configWarning" => self.config_warning(params),
            "warning" => self.complaint(params["message"].as_str().unwrap_or_default()),
            "turn/started" => print(&json!({"type": "turn.started"})),
            "item/started" => self.item("item.started", &params["item"]),
            "item/completed" => self.item("item.completed", &params["item"]),
            "thread/tokenUsage/updated" => self.usage = params["tokenUsage"]["total"].clone(),
            "error" => error(&params["error"]),
            "turn/completed" => return Some(self.end(&params["turn"])),
            _ => {}
        }
        None
    }

    fn config_warning(&mut self, params: &Value) {
        let summary = params["summary"].as_str().unwrap_or_default();
        if !summary.contains(OF_THE_MACHINE) {
            self.complaint(summary);
        }
    }

    /// A warning is an item of its own.
    fn complaint(&mut self, message: &str) {
        let id = self.number(format!("warning {}", self.items.len()));
        tell(
            "item.completed",
            &id,
            json!({"type": "error", "message": message}),
        );
    }

    fn item(&mut self, event: &str, item: &Value) {
        let began = event == "item.started";
        let told = match item["type"].as_str().unwrap_or_default() {
            "agentMessage" if !began => {
                let text = item["text"].as_str().unwrap_or_default();
                self.last_message = Some(text.to_owned());
                json!({"type": "agent_message", "text": text})
            }
            "reasoning" if !began => match reasoning(item) {
                Some(text) => json!({"type": "reasoning", "text": text}),
                None => return,
            },
            "commandExecution" => command(item),
            "fileChange" => file_change(item),
            "webSearch" => return self.web_search(event, item),
            _ => return,
        };
        let id = self.number(item["id"].as_str().unwrap_or_default().to_owned());
        tell(event, &id, told);
    }

    /// Here codex 0.169.0 writes two members named `id`.
    fn web_search(&mut self, event: &str, item: &Value) {
        #[derive(Serialize)]
        struct WebSearch<'a> {
            r#type: &'a str,
            id: &'a Value,
            query: &'a Value,
            action: &'a Value,
        }
        let other = json!({"type": "other"});
        let action = match &item["action"] {
            Value::Null => &other,
            action => action,
        };
        let id = self.number(item["id"].as_str().unwrap_or_default().to_owned());
        let told = WebSearch {
            r#type: "web_search",
            id: &item["id"],
            query: &item["query"],
            action,
        };
        tell(event, &id, told);
    }

    /// The number of an item, as an id: `item_0`, `item_1`, …
    fn number(&mut self, id: String) -> String {
        let known = self.items.iter().position(|known| *known == id);
        let number = known.unwrap_or_else(|| {
            self.items.push(id);
            self.items.len() - 1
        });
        format!("item_{number}")
    }

    fn end(&self, turn: &Value) -> bool {
        match turn["status"].as_str() {
            Some("completed") => {
                print(&json!({"type": "turn.completed", "usage": usage(&self.usage)}));
                true
            }
            Some("failed") => {
                let message = &turn["error"]["message"];
                print(&json!({"type": "turn.failed", "error": {"message": message}}));
                false
            }
            _ => false,
        }
    }
}

fn tell(event: &str, id: &str, item: impl Serialize) {
    print(&ItemLine {
        r#type: event,
        item: Numbered { id, item },
    });
}

fn error(error: &Value) {
    let message = error["message"].as_str().unwrap_or_default();
    let message = match error["additionalDetails"].as_str() {
        Some(details) => format!("{message} ({details})"),
        None => message.to_owned(),
    };
    print(&json!({"type": "error", "message": message}));
}

/// The summaries, a line each; without any there is nothing to tell.
pub(super) fn reasoning(item: &Value) -> Option<String> {
    let parts = item["summary"].as_array()?;
    let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn command(item: &Value) -> Value {
    json!({
        "type": "command_execution",
        "command": item["command"],
        "aggregated_output": item["aggregatedOutput"].as_str().unwrap_or_default(),
        "exit_code": item["exitCode"],
        "status": status(item),
    })
}

fn file_change(item: &Value) -> Value {
    let changes: Vec<Value> = item["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|change| json!({"path": change["path"], "kind": change["kind"]["type"]}))
        .collect();
    json!({"type": "file_change", "changes": changes, "status": status(item)})
}

fn status(item: &Value) -> &str {
    match item["status"].as_str() {
        Some("inProgress") => "in_progress",
        Some(status) => status,
        None => "completed",
    }
}

fn usage(total: &Value) -> Value {
    let count = |name: &str| total[name].as_i64().unwrap_or_default();
    json!({
        "input_tokens": count("inputTokens"),
        "cached_input_tokens": count("cachedInputTokens"),
        "cache_write_input_tokens": count("cacheWriteInputTokens"),
        "output_tokens": count("outputTokens"),
        "reasoning_output_tokens": count("reasoningOutputTokens"),
    })
}
