//! From a reply to the events it stands for, in the order in which the Responses API sends them.

use serde_json::{Value, json};

use super::item::{Call, CustomCall, Message, Reasoning, Stream};
use super::parts::{Parts, Style};

/// The model named in every response object.
pub(crate) const MODEL: &str = "mock-model";

/// Counters behind the default ids; one set for a whole script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    response: usize,
    message: usize,
    reasoning: usize,
    call: usize,
    custom_call: usize,
}

fn next(counter: &mut usize, prefix: &str) -> String {
    *counter += 1;
    format!("{prefix}-{counter}")
}

/// The events of a reply that isn't plain HTTP.
pub(crate) fn expand(parts: &Parts, ids: &mut Ids) -> Vec<Value> {
    let id = next(&mut ids.response, "resp");
    if let Some(events) = &parts.events {
        return events.clone();
    }
    let style = parts.effective_style();
    let mut expansion = Expansion {
        style,
        id,
        events: Vec::new(),
        output: Vec::new(),
    };
    expansion.open();
    if let Some(reasoning) = &parts.reasoning {
        expansion.reasoning(reasoning, ids);
    }
    if let Some(message) = &parts.message {
        expansion.message(message, ids);
    }
    if let Some(stream) = &parts.stream {
        expansion.stream(stream, ids);
    }
    for call in parts.call.iter().chain(parts.calls.iter().flatten()) {
        expansion.call(call, ids);
    }
    if let Some(call) = &parts.custom_call {
        expansion.custom_call(call, ids);
    }
    expansion.close(parts)
}

struct Expansion {
    style: Style,
    id: String,
    events: Vec<Value>,
    output: Vec<Value>,
}

impl Expansion {
    fn is_full(&self) -> bool {
        self.style == Style::Full
    }

    /// Appends an event: `type`, `sequence_number`, then the members of `rest`.
    fn push(&mut self, kind: &str, rest: Value) {
        let mut event = serde_json::Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), self.events.len().into());
        if let Value::Object(members) = rest {
            event.extend(members);
        }
        self.events.push(Value::Object(event));
    }

    /// Appends an event about a part of the item that is being written.
    fn push_part(&mut self, kind: &str, item: &str, part: (&str, usize), rest: Value) {
        let mut members = serde_json::Map::new();
        members.insert("item_id".to_owned(), item.into());
        members.insert("output_index".to_owned(), self.output.len().into());
        if !part.0.is_empty() {
            members.insert(part.0.to_owned(), part.1.into());
        }
        if let Value::Object(rest) = rest {
            members.extend(rest);
        }
        self.push(kind, Value::Object(members));
    }

    fn response(&self, status: &str) -> Value {
        json!({
            "id": self.id,
            "object": "response",
            "created_at": 0,
            "status": status,
            "model": MODEL,
            "output": self.output,
        })
    }

    fn open(&mut self) {
        let response = self.response("in_progress");
        self.push("response.created", json!({ "response": response }));
        if self.is_full() {
            self.push("response.in_progress", json!({ "response": response }));
        }
    }

    fn added(&mut self, item: &Value) {
        let index = self.output.len();
        self.push(
            "response.output_item.added",
            json!({ "output_index": index, "item": item }),
        );
    }

    fn done(&mut self, item: Value) {
        let index = self.output.len();
        self.push(
            "response.output_item.done",
            json!({ "output_index": index, "item": item }),
        );
        self.output.push(item);
    }

    fn close(mut self, parts: &Parts) -> Vec<Value> {
        let (status, usage) = match (&parts.error, &parts.incomplete) {
            (Some(_), _) => ("failed", parts.usage),
            (_, Some(_)) => ("incomplete", Some(parts.usage.unwrap_or_default())),
            _ => ("completed", Some(parts.usage.unwrap_or_default())),
        };
        let mut response = self.response(status);
        if let Some(error) = &parts.error {
            response["error"] = json!({ "code": error.code, "message": error.message });
        }
        if let Some(reason) = &parts.incomplete {
            response["incomplete_details"] = json!({ "reason": reason });
        }
        response["usage"] = usage.map_or(Value::Null, super::Usage::to_wire);
        self.push(
            &format!("response.{status}"),
            json!({ "response": response }),
        );
        self.events
    }

    fn message(&mut self, message: &Message, ids: &mut Ids) {
        let stream = Stream {
            deltas: vec![message.text.clone()],
            id: message.id.clone(),
            phase: message.phase,
        };
        if self.is_full() {
            self.stream(&stream, ids);
        } else {
            let id = stream
                .id
                .clone()
                .unwrap_or_else(|| next(&mut ids.message, "msg"));
            self.done(message_item(&id, &stream, Some(&message.text)));
        }
    }

    fn stream(&mut self, stream: &Stream, ids: &mut Ids) {
        let id = stream
            .id
            .clone()
            .unwrap_or_else(|| next(&mut ids.message, "msg"));
        let at = ("content_index", 0);
        let text = stream.deltas.concat();
        self.added(&message_item(&id, stream, None));
        if self.is_full() {
            let part = json!({ "part": output_text("") });
            self.push_part("response.content_part.added", &id, at, part);
        }
        for delta in &stream.deltas {
            let rest = json!({ "delta": delta, "logprobs": [] });
            self.push_part("response.output_text.delta", &id, at, rest);
        }
        if self.is_full() {
            let rest = json!({ "text": text, "logprobs": [] });
            self.push_part("response.output_text.done", &id, at, rest);
            let part = json!({ "part": output_text(&text) });
            self.push_part("response.content_part.done", &id, at, part);
        }
        self.done(message_item(&id, stream, Some(&text)));
    }

    fn reasoning(&mut self, reasoning: &Reasoning, ids: &mut Ids) {
        let id = reasoning
            .id
            .clone()
            .unwrap_or_else(|| next(&mut ids.reasoning, "rs"));
        if self.is_full() {
            self.added(&json!({ "type": "reasoning", "id": id, "summary": [], "content": [] }));
            for (index, text) in reasoning.summary.iter().enumerate() {
                self.summary_part(&id, index, text);
            }
            for (index, text) in reasoning.content.iter().enumerate() {
                let at = ("content_index", index);
                self.push_part(
                    "response.reasoning_text.delta",
                    &id,
                    at,
                    json!({ "delta": text }),
                );
                self.push_part(
                    "response.reasoning_text.done",
                    &id,
                    at,
                    json!({ "text": text }),
                );
            }
        }
        let parts = |kind: &str, texts: &[String]| -> Vec<Value> {
            texts
                .iter()
                .map(|text| json!({ "type": kind, "text": text }))
                .collect()
        };
        self.done(json!({
            "type": "reasoning",
            "id": id,
            "summary": parts("summary_text", &reasoning.summary),
            "content": parts("reasoning_text", &reasoning.content),
        }));
    }

    fn summary_part(&mut self, id: &str, index: usize, text: &str) {
        let at = ("summary_index", index);
        let part = |text: &str| json!({ "part": { "type": "summary_text", "text": text } });
        self.push_part("response.reasoning_summary_part.added", id, at, part(""));
        let delta = json!({ "delta": text });
        self.push_part("response.reasoning_summary_text.delta", id, at, delta);
        self.push_part(
            "response.reasoning_summary_text.done",
            id,
            at,
            json!({ "text": text }),
        );
        self.push_part("response.reasoning_summary_part.done", id, at, part(text));
    }

    fn call(&mut self, call: &Call, ids: &mut Ids) {
        let arguments = call.arguments.as_str();
        let full = self.is_full();
        let id = call
            .item_id
            .clone()
            .or_else(|| full.then(|| next(&mut ids.call, "fc")));
        let item = |arguments: &str| {
            let mut item = json!({ "type": "function_call" });
            if let Some(id) = &id {
                item["id"] = id.as_str().into();
            }
            item["call_id"] = call.id.as_str().into();
            item["name"] = call.tool.as_str().into();
            item["arguments"] = arguments.into();
            item
        };
        if let (true, Some(id)) = (full, &id) {
            const DELTA: &str = "response.function_call_arguments.delta";
            const DONE: &str = "response.function_call_arguments.done";
            self.added(&item(""));
            self.push_part(DELTA, id, ("", 0), json!({ "delta": arguments }));
            let rest = json!({ "name": call.tool, "arguments": arguments });
            self.push_part(DONE, id, ("", 0), rest);
        }
        self.done(item(arguments));
    }

    fn custom_call(&mut self, call: &CustomCall, ids: &mut Ids) {
        let full = self.is_full();
        let id = call
            .item_id
            .clone()
            .or_else(|| full.then(|| next(&mut ids.custom_call, "ctc")));
        let item = |input: &str| {
            let mut item = json!({ "type": "custom_tool_call" });
            if let Some(id) = &id {
                item["id"] = id.as_str().into();
            }
            item["call_id"] = call.id.as_str().into();
            item["name"] = call.tool.as_str().into();
            item["input"] = input.into();
            item
        };
        if let (true, Some(id)) = (full, &id) {
            const DELTA: &str = "response.custom_tool_call_input.delta";
            const DONE: &str = "response.custom_tool_call_input.done";
            self.added(&item(""));
            self.push_part(DELTA, id, ("", 0), json!({ "delta": call.input }));
            self.push_part(DONE, id, ("", 0), json!({ "input": call.input }));
        }
        self.done(item(&call.input));
    }
}

fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

/// A message item; without a text it is one that has only begun.
fn message_item(id: &str, stream: &Stream, text: Option<&str>) -> Value {
    let (status, content) = match text {
        Some(text) => ("completed", vec![output_text(text)]),
        None => ("in_progress", Vec::new()),
    };
    let mut item = json!({
        "type": "message",
        "id": id,
        "role": "assistant",
        "status": status,
        "content": content,
    });
    if let Some(phase) = stream.phase {
        item["phase"] = json!(phase);
    }
    item
}
