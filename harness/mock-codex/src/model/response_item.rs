//! Items of the Responses API that a client gives, checked as codex 0.169.0 checks them.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::clock;

/// The members that are looked at, in the order in which they are missed; others are kept as they
/// are. The texts of the parser's errors name this type.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code, reason = "the members are here to be asked for")]
enum ResponseItem {
    Message {
        role: String,
        content: Vec<ContentItem>,
    },
    FunctionCall {
        name: String,
        arguments: String,
        call_id: String,
    },
    FunctionCallOutput {
        output: IgnoredAny,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code, reason = "the members are here to be asked for")]
enum ContentItem {
    InputText { text: String },
    InputImage { image_url: String },
    InputAudio { audio_url: String },
    OutputText { text: String },
}

/// An item as the model will be shown it, `None` where it is of a type that it is not shown, or
/// why it is no item.
pub(crate) fn checked(mut item: Value) -> Result<Option<Value>, String> {
    let parsed = ResponseItem::deserialize(&item).map_err(|error| error.to_string())?;
    let (prefix, members): (_, &[&str]) = match parsed {
        ResponseItem::Message { .. } => ("msg", &["role", "content"]),
        ResponseItem::FunctionCall { .. } => ("fc", &["name", "arguments", "call_id"]),
        ResponseItem::FunctionCallOutput { .. } => ("fco", &["call_id", "output"]),
        ResponseItem::Other if shown(&item) => return Ok(Some(item)),
        ResponseItem::Other => return Ok(None),
    };
    let given = item.as_object_mut().map(std::mem::take).unwrap_or_default();
    Ok(Some(in_order(given, prefix, members)))
}

/// The item in the order in which codex writes its members, with an id if it has none.
fn in_order(mut given: Map<String, Value>, prefix: &str, members: &[&str]) -> Value {
    let id = given.remove("id").filter(|id| !id.is_null());
    let id = id.unwrap_or_else(|| json!(format!("{prefix}_{}", clock::new_id())));
    let kind = given.remove("type").unwrap_or_default();
    let mut item = Map::new();
    item.insert("type".to_owned(), kind);
    item.insert("id".to_owned(), id);
    for member in members {
        if let Some(value) = given.remove(*member) {
            item.insert((*member).to_owned(), value);
        }
    }
    item.extend(given);
    Value::Object(item)
}

/// Is the item of a type that the API has?
fn shown(item: &Value) -> bool {
    const KNOWN: &[&str] = &[
        "reasoning",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "web_search_call",
        "compaction",
    ];
    item["type"]
        .as_str()
        .is_some_and(|kind| KNOWN.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_item_is_explained() {
        let problem = |item| checked(item).unwrap_err();
        assert_eq!(problem(json!({})), "missing field `type`");
        assert_eq!(
            problem(json!({"type": "message", "role": "user", "content": "x"})),
            "invalid type: string \"x\", expected a sequence"
        );
        assert_eq!(
            problem(json!({"type": "message", "content": []})),
            "missing field `role`"
        );
    }

    #[test]
    fn an_item_of_an_unknown_type_is_shown_to_nobody() {
        assert_eq!(checked(json!({"type": "bogus"})).unwrap(), None);
        let item = checked(json!({"type": "function_call_output", "call_id": "c", "output": "o"}));
        assert!(
            item.unwrap().unwrap()["id"]
                .as_str()
                .unwrap()
                .starts_with("fco_")
        );
    }
}
