//! What the user says: checked, previewed, and put into the model's words.

use serde_json::{Value, json};

use crate::clock;
use crate::failure::Failure;
use crate::protocol::params::UserInput;

/// The most characters that the texts of an input may have together.
const MAX_CHARS: usize = 1_048_576;

/// Refuses input that is too long or that the server can't take.
pub(crate) fn check(input: &[UserInput]) -> Result<(), Failure> {
    let mut chars = 0;
    for part in input {
        match part {
            UserInput::Text { text, .. } => chars += text.chars().count(),
            UserInput::Image { url, .. } if !url.starts_with("data:") => {
                return Err(Failure::invalid(
                    "remote image URLs are not supported; use an inline data URL instead",
                ));
            }
            _ => {}
        }
    }
    if chars > MAX_CHARS {
        return Err(Failure::limit(
            format!("Input exceeds the maximum length of {MAX_CHARS} characters."),
            json!({
                "input_error_code": "input_too_large",
                "max_chars": MAX_CHARS,
                "actual_chars": chars,
            }),
        ));
    }
    Ok(())
}

/// What a list shows of a thread that begins with this input.
pub(super) fn preview(input: &[UserInput]) -> String {
    input
        .iter()
        .find_map(|part| match part {
            UserInput::Text { text, .. } if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

/// The input as an item of the model's input; `None` where there is nothing to tell it.
pub(super) fn to_model(input: &[UserInput]) -> Option<String> {
    let content: Vec<Value> = input.iter().filter_map(part).collect();
    if content.is_empty() {
        return None;
    }
    let message = json!({
        "type": "message",
        "id": format!("msg_{}", clock::new_id()),
        "role": "user",
        "content": content,
    });
    Some(message.to_string())
}

fn part(part: &UserInput) -> Option<Value> {
    Some(match part {
        UserInput::Text { text, .. } => json!({"type": "input_text", "text": text}),
        UserInput::Image { url, .. } => json!({"type": "input_image", "image_url": url}),
        UserInput::LocalImage { path, .. } => json!({
            "type": "input_text",
            "text": format!("Codex could not read the local image at `{}`: mock-codex does not read images", path.display()),
        }),
        UserInput::Skill { .. }
        | UserInput::Mention { .. }
        | UserInput::Audio { .. }
        | UserInput::LocalAudio { .. } => return None,
    })
}
