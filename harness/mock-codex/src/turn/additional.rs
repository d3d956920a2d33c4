//! Context that the client adds to what the user says: shown to the model when it is new.

use serde_json::json;

use crate::clock;
use crate::model::request::message;
use crate::protocol::input::{AdditionalContext, AdditionalContextEntry, AdditionalContextKind};
use crate::thread::Thread;

/// The longest name of a tool.
const NAME_CHARS: usize = 128;

/// What is shown of the context that comes now, as items of the model's input.
pub(super) fn news(thread: &Thread, context: AdditionalContext) -> Vec<String> {
    let mut state = thread.state.borrow_mut();
    let before = std::mem::replace(&mut state.additional_context, context);
    let now = state.additional_context.iter();
    let new = now.filter(|(key, entry)| before.get(*key) != Some(entry));
    new.map(|(key, entry)| shown(key, entry)).collect()
}

fn shown(key: &str, entry: &AdditionalContextEntry) -> String {
    let value = &entry.value;
    match entry.kind {
        AdditionalContextKind::Application => {
            message("developer", &[&format!("<{key}>{value}</{key}>")])
        }
        // What nobody vouches for comes as if a tool had said it.
        AdditionalContextKind::Untrusted => json!({
            "type": "function_call_output",
            "id": format!("fco_{}", clock::new_id()),
            "name": tool_name(key),
            "namespace": "agent",
            "output": value,
        })
        .to_string(),
    }
}

fn tool_name(key: &str) -> String {
    let chars = key.chars().filter_map(|char| match char {
        _ if char.is_whitespace() => Some('_'),
        '_' => Some('_'),
        _ => char.is_ascii_alphanumeric().then_some(char),
    });
    let name: String = chars.take(NAME_CHARS).collect();
    if name.is_empty() {
        "untrusted_content".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_the_name_of_a_tool() {
        assert_eq!(tool_name("a.b/é-_1 c"), "ab_1_c");
        assert_eq!(tool_name("-"), "untrusted_content");
        assert_eq!(tool_name(&"x".repeat(200)).len(), NAME_CHARS);
    }
}
