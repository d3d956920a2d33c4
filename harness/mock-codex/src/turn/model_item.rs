//! Items of a model's answer: as the client sees them, and as later requests carry them.

use serde_json::Value;

use crate::clock;
use crate::protocol::item::{AgentMessage, Item, Reasoning, Times};

/// An item that has begun.
pub(super) fn opened(item: &Value) -> Option<Item> {
    let times = Times::started(clock::now_ms());
    let id = id_of(item);
    match item["type"].as_str()? {
        "message" => Some(Item::AgentMessage(AgentMessage {
            id,
            phase: phase(item),
            times,
            ..AgentMessage::default()
        })),
        "reasoning" => Some(Item::Reasoning(Reasoning {
            id,
            times,
            ..Reasoning::default()
        })),
        _ => None,
    }
}

/// A whole item.
pub(super) fn completed(item: &Value) -> Option<Item> {
    let mut opened = opened(item)?;
    match &mut opened {
        Item::AgentMessage(message) => message.text = texts(&item["content"]).concat(),
        Item::Reasoning(reasoning) => {
            reasoning.summary = texts(&item["summary"]);
            reasoning.content = texts(&item["content"]);
        }
        Item::UserMessage(_) | Item::CommandExecution(_) => {}
    }
    Some(opened)
}

/// What the model is shown of its own item in later requests.
pub(super) fn to_input(item: &Value) -> Option<String> {
    let mut shown = item.as_object()?.clone();
    let known: &[&str] = match item["type"].as_str()? {
        "message" => &["type", "role", "content", "phase", "status"],
        _ => &["type", "summary", "content", "encrypted_content"],
    };
    let members: serde_json::Map<String, Value> = known
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), shown.remove(*name)?)))
        .collect();
    Some(Value::Object(members).to_string())
}

fn id_of(item: &Value) -> String {
    item["id"]
        .as_str()
        .map_or_else(clock::new_id, str::to_owned)
}

fn phase(item: &Value) -> Option<Value> {
    item.get("phase").filter(|phase| !phase.is_null()).cloned()
}

fn texts(parts: &Value) -> Vec<String> {
    parts
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|part| part["text"].as_str().map(str::to_owned))
        .collect()
}
