//! From a reply to the events it stands for, in the order in which the Responses API sends them.

mod call;
mod message;
mod reasoning;
mod search;

use serde_json::{Value, json};

use super::item::Item;
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
    web_search: usize,
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
        announced: 0,
        is_announced: false,
        events: Vec::new(),
        output: Vec::new(),
    };
    expansion.open();
    let items = parts.all_items();
    let is_stream = |item: &Item| matches!(item, Item::Stream(_));
    expansion.announced = items.iter().rposition(is_stream).unwrap_or(0);
    for item in items {
        match item {
            Item::Reasoning(reasoning) => expansion.reasoning(&reasoning, ids),
            Item::Message(message) => expansion.message(&message, ids),
            Item::Stream(stream) => expansion.stream(&stream, ids),
            Item::Refusal(text) => expansion.refusal(&text, ids),
            Item::Call(call) => expansion.call(&call, ids),
            Item::CustomCall(call) => expansion.custom_call(&call, ids),
            Item::WebSearch(search) => expansion.web_search(&search, ids),
        }
    }
    expansion.close(parts)
}

struct Expansion {
    style: Style,
    id: String,
    /// How many items are announced whatever the style: those before one with deltas, whose place
    /// in the output the official clients count by announcements.
    announced: usize,
    /// Whether the item that is being written has been announced.
    is_announced: bool,
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
        self.is_announced = true;
        let index = self.output.len();
        self.push(
            "response.output_item.added",
            json!({ "output_index": index, "item": item }),
        );
    }

    fn done(&mut self, item: Value) {
        if !self.is_announced && self.output.len() < self.announced {
            self.added(&item);
        }
        self.is_announced = false;
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
}
