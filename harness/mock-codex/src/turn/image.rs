//! Images of the user, as the model gets them.
//!
//! codex 0.169.0 decodes each image and makes large ones smaller. The mock only looks at how it
//! begins, and passes its data on as they are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// What stands for an image that is none.
const BROKEN: &str = "image content omitted because it could not be processed";

/// How the formats begin that are taken for images, with their media types.
const FORMATS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// The image of a data URL; its media type is what it is, whatever the URL says.
pub(super) fn part(url: &str) -> Value {
    let data = url.split_once(";base64,").map_or("", |(_, data)| data);
    BASE64_STANDARD
        .decode(data)
        .map_or_else(|_| broken(), |bytes| file_part(&bytes))
}

/// The image that a file holds.
pub(super) fn file_part(bytes: &[u8]) -> Value {
    media_type(bytes).map_or_else(broken, |media_type| {
        let data = BASE64_STANDARD.encode(bytes);
        input_image(&format!("data:{media_type};base64,{data}"))
    })
}

fn input_image(url: &str) -> Value {
    json!({"type": "input_image", "image_url": url, "detail": "high"})
}

fn broken() -> Value {
    json!({"type": "input_text", "text": BROKEN})
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    FORMATS
        .iter()
        .find(|(signature, _)| bytes.starts_with(signature))
        .map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_how_it_begins() {
        let png = part("data:image/png;base64,iVBORw0KGgo=");
        assert_eq!(png["type"], "input_image");
        assert_eq!(file_part(b"\x89PNG\r\n\x1a\n"), png);
        for url in [
            "data:image/png;base64,AAAA",
            "data:image/png;base64,%",
            "data:,x",
        ] {
            assert_eq!(part(url)["text"], BROKEN, "{url}");
        }
        assert_eq!(file_part(b"text")["text"], BROKEN);
    }
}
