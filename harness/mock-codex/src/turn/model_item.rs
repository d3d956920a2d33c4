//! Items of a model's answer: as the client sees them, and as later requests carry them.
//!
//! An item that lacks what its kind needs, or has a part of an unknown kind (a refusal, for
//! example), is passed over as a whole: no client sees it, and no later request has it. Members
//! that are not listed here are lost. Both as codex 0.169.0 does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::web_search::Action;
use crate::clock;
use crate::protocol::input::{ImageDetail, ImageReference, UserInput};
use crate::protocol::item::{AgentMessage, Item, Reasoning, Times, UserMessage, WebSearch};

/// An item that is no call of a tool. Members are in the order in which codex sends them back.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ModelItem {
    Message(Message),
    Reasoning(Thoughts),
    WebSearchCall(Search),
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Message {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    role: String,
    content: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<Phase>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content {
    InputText {
        text: String,
    },
    InputImage {
        image_url: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<ImageDetail>,
    },
    OutputText {
        text: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        annotations: Option<Vec<Value>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Vec<Value>>,
    },
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Commentary,
    FinalAnswer,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Thoughts {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    summary: Vec<Thought>,
    #[serde(skip_serializing_if = "Thoughts::are_hidden")]
    content: Option<Vec<Thought>>,
    encrypted_content: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Thought {
    SummaryText { text: String },
    ReasoningText { text: String },
    Text { text: String },
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Search {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
}

impl Thoughts {
    /// Later requests carry only what is told as reasoning.
    #[expect(clippy::ref_option, reason = "serde's signature")]
    fn are_hidden(content: &Option<Vec<Thought>>) -> bool {
        content.as_ref().is_some_and(|content| {
            !content
                .iter()
                .any(|thought| matches!(thought, Thought::ReasoningText { .. }))
        })
    }
}

impl Thought {
    fn text(&self) -> &str {
        match self {
            Self::SummaryText { text } | Self::ReasoningText { text } | Self::Text { text } => text,
        }
    }
}

impl ModelItem {
    /// Reads an item, and gives it an id if it has none.
    pub(super) fn parse(item: &Value) -> Option<Self> {
        let mut item = Self::deserialize(item).ok()?;
        let prefix = item.prefix();
        let id = item.id_mut();
        if id.as_ref().is_none_or(String::is_empty) {
            *id = Some(format!("{prefix}{}", clock::new_id()));
        }
        Some(item)
    }

    /// The item as clients see it; `None` where they see nothing of it.
    pub(super) fn to_item(&self) -> Option<Item> {
        let times = Times::started(clock::now_ms());
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        Some(match self {
            Self::Message(message) if message.role == "assistant" => {
                Item::AgentMessage(AgentMessage {
                    id: id(&message.id),
                    text: message.texts().collect(),
                    phase: message
                        .phase
                        .and_then(|phase| serde_json::to_value(phase).ok()),
                    times,
                    ..AgentMessage::default()
                })
            }
            Self::Message(message) if message.role == "user" => Item::UserMessage(UserMessage {
                id: clock::new_id(),
                client_id: None,
                content: message.said(),
                times,
            }),
            Self::Message(_) => return None,
            Self::Reasoning(thoughts) => {
                let texts = |thoughts: &[Thought]| {
                    let texts = thoughts.iter().map(|thought| thought.text().to_owned());
                    texts.collect::<Vec<_>>()
                };
                Item::Reasoning(Reasoning {
                    id: id(&thoughts.id),
                    summary: texts(&thoughts.summary),
                    content: texts(thoughts.content.as_deref().unwrap_or_default()),
                    times,
                })
            }
            Self::WebSearchCall(search) => {
                let action = search.action.clone().unwrap_or(Action::Other);
                Item::WebSearch(WebSearch {
                    id: id(&search.id),
                    query: action.query(),
                    action: action.to_client(),
                    results: None,
                    times,
                })
            }
        })
    }

    /// What the model is shown of its own item in later requests.
    pub(super) fn into_input(mut self) -> String {
        let prefix = self.prefix();
        let id = self.id_mut();
        // An id of another shape is kept from the model.
        *id = id.take().filter(|id| id.starts_with(prefix));
        // Strings and values that were JSON before: this can't fail.
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// What ids of its kind begin with.
    fn prefix(&self) -> &'static str {
        match self {
            Self::Message(_) => "msg_",
            Self::Reasoning(_) => "rs_",
            Self::WebSearchCall(_) => "ws_",
        }
    }

    fn id_mut(&mut self) -> &mut Option<String> {
        match self {
            Self::Message(message) => &mut message.id,
            Self::Reasoning(thoughts) => &mut thoughts.id,
            Self::WebSearchCall(search) => &mut search.id,
        }
    }
}

impl Message {
    /// The texts of what the model says.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.content.iter().filter_map(|part| match part {
            Content::OutputText { text, .. } | Content::InputText { text } => Some(text.as_str()),
            Content::InputImage { .. } => None,
        })
    }

    /// What the user said, if it is the user's.
    fn said(&self) -> Vec<UserInput> {
        let parts = self.content.iter().filter_map(|part| match part {
            Content::InputText { text } => Some(UserInput::Text {
                text: text.clone(),
                text_elements: Vec::new(),
            }),
            Content::InputImage { image_url, detail } => Some(UserInput::Image {
                reference: ImageReference::Url {
                    url: image_url.clone(),
                },
                detail: *detail,
            }),
            Content::OutputText { .. } => None,
        });
        parts.collect()
    }
}

/// Whether an item is of a kind that codex 0.169.0 does not know: what comes after it can't go on
/// from its response, since nobody could say what that was.
pub(super) fn is_foreign(item: &Value) -> bool {
    const KNOWN: [&str; 7] = [
        "message",
        "reasoning",
        "web_search_call",
        "function_call",
        "custom_tool_call",
        "local_shell_call",
        "image_generation_call",
    ];
    !item["type"]
        .as_str()
        .is_some_and(|kind| KNOWN.contains(&kind))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent_back(item: &Value) -> Option<String> {
        Some(ModelItem::parse(item)?.into_input())
    }

    #[test]
    fn known_members_go_back_in_order() {
        let item = json!({
            "type": "message", "id": "msg_1", "role": "assistant", "extra": 1,
            "phase": "final_answer", "status": "completed",
            "content": [{"type": "output_text", "text": "a", "annotations": [], "extra": 1}],
        });
        assert_eq!(
            sent_back(&item).unwrap(),
            r#"{"type":"message","status":"completed","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[]}],"phase":"final_answer"}"#
        );
    }

    #[test]
    fn an_id_of_another_shape_is_kept_from_the_model() {
        let item = json!({"type": "web_search_call", "id": "w", "status": "completed"});
        assert_eq!(
            sent_back(&item).unwrap(),
            r#"{"type":"web_search_call","status":"completed"}"#
        );
        let bare = sent_back(&json!({"type": "web_search_call"})).unwrap();
        assert!(bare.starts_with(r#"{"type":"web_search_call","id":"ws_"#));
    }

    #[test]
    fn content_of_thoughts_goes_back_where_it_is_told_as_reasoning() {
        let thoughts = |content: Value| {
            let mut item = json!({"type": "reasoning", "id": "r", "summary": []});
            if !content.is_null() {
                item["content"] = content;
            }
            sent_back(&item).unwrap()
        };
        let expected = |content: &str| {
            format!(r#"{{"type":"reasoning","summary":[],{content}"encrypted_content":null}}"#)
        };
        assert_eq!(thoughts(Value::Null), expected(r#""content":null,"#));
        assert_eq!(thoughts(json!([])), expected(""));
        assert_eq!(
            thoughts(json!([{"type": "text", "text": "x"}])),
            expected("")
        );
        assert_eq!(
            thoughts(json!([{"type": "reasoning_text", "text": "x"}])),
            expected(r#""content":[{"type":"reasoning_text","text":"x"}],"#)
        );
    }

    #[test]
    fn an_item_with_a_part_that_nobody_knows_is_passed_over() {
        let refusal = json!({"type": "refusal", "refusal": "no"});
        let item = json!({"type": "message", "role": "assistant", "content": [refusal]});
        assert!(ModelItem::parse(&item).is_none());
        assert!(ModelItem::parse(&json!({"type": "reasoning"})).is_none());
        assert!(ModelItem::parse(&json!({"type": "dream"})).is_none());
    }
}
