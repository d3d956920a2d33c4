//! What the user says: checked, previewed, and put into the model's words.

use serde_json::{Value, json};

use super::{audio, image};
use crate::clock;
use crate::failure::Failure;
use crate::protocol::input::{AudioReference, ImageReference, UserInput};

/// The most characters that the texts of an input may have together.
const MAX_CHARS: usize = 1_048_576;

/// Refuses input that is too long or that the server can't take.
pub(crate) fn check(input: &[UserInput]) -> Result<(), Failure> {
    let mut chars = 0;
    for part in input {
        match part {
            UserInput::Text { text, .. } => chars += text.chars().count(),
            UserInput::Image {
                reference: ImageReference::Url { url },
                ..
            } if is_remote(url) => {
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

fn is_remote(url: &str) -> bool {
    let schemes = ["http://", "https://"];
    schemes.iter().any(|scheme| image::has_scheme(url, scheme))
}

/// What a list shows of a thread that begins with this input.
pub(super) fn preview(input: &[UserInput]) -> String {
    let texts = input.iter().filter_map(|part| match part {
        UserInput::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let text: String = texts.collect();
    let is_image =
        |part: &UserInput| matches!(part, UserInput::Image { .. } | UserInput::LocalImage { .. });
    let image = || input.iter().any(is_image).then(|| "[Image]".to_owned());
    let said = Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    said.or_else(image).unwrap_or_default()
}

/// The input as an item of the model's input; `None` where there is nothing to tell it.
pub(super) fn to_model(input: &[UserInput]) -> Option<String> {
    let mut files = Files::default();
    let content: Vec<Value> = input
        .iter()
        .flat_map(|part| shown(part, &mut files))
        .collect();
    if input.is_empty() {
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

/// The files of an input that could be read, which are numbered.
#[derive(Default)]
struct Files {
    images: usize,
    audio: usize,
}

/// A part of the input in the model's words.
fn shown(part: &UserInput, files: &mut Files) -> Vec<Value> {
    match part {
        UserInput::Text { text, .. } => vec![text_part(text)],
        UserInput::Image { reference, detail } => vec![match reference {
            ImageReference::Url { url } => image::part(url, *detail),
            ImageReference::File { file_id } => image::kept_part(file_id, *detail),
        }],
        UserInput::LocalImage { path, detail } => match std::fs::read(path) {
            Ok(bytes) => {
                files.images += 1;
                let opening = format!(
                    "<image name=[Image #{}] path=\"{}\">",
                    files.images,
                    path.display()
                );
                vec![
                    text_part(&opening),
                    image::file_part(&bytes, *detail),
                    text_part("</image>"),
                ]
            }
            Err(error) => vec![text_part(&format!(
                "Codex could not read the local image at `{}`: {error}",
                path.display()
            ))],
        },
        UserInput::Audio { reference } => vec![text_part(match reference {
            AudioReference::Url { url } => audio::of_url(url),
            AudioReference::File { .. } => audio::NOT_HEARD,
        })],
        UserInput::LocalAudio { path } => match audio::of_file(path) {
            Ok(text) => {
                files.audio += 1;
                let opening = format!(
                    "<audio name=[Audio #{}] path=\"{}\">",
                    files.audio,
                    path.display()
                );
                [&opening, text, "</audio>"].map(text_part).to_vec()
            }
            Err(text) => vec![text_part(&text)],
        },
        UserInput::Skill { .. } | UserInput::Mention { .. } => Vec::new(),
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
}
