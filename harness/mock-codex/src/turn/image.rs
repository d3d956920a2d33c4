//! Images of the user, as the model gets them.
//!
//! codex 0.169.0 decodes each image and makes large ones smaller. The mock only looks at how it
//! begins, and passes its data on as they are.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::protocol::input::ImageDetail;

/// What stands for an image that is none.
const BROKEN: &str = "image content omitted because it could not be processed";

/// What stands for an image that would be shown with little detail.
const LOW: &str = "image content omitted because detail 'low' is not supported; use 'high', \
    'original', or 'auto'";

/// How the formats begin that are taken for images, with their media types.
const FORMATS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// The image at a URL. What is no data URL goes to the model as it is.
pub(super) fn part(url: &str, detail: Option<ImageDetail>) -> Value {
    if !has_scheme(url, "data:") {
        return input_image(url, detail);
    }
    let data = url.split_once(";base64,").map_or("", |(_, data)| data);
    match BASE64_STANDARD.decode(data) {
        Ok(bytes) => file_part(&bytes, detail),
        Err(_) if detail == Some(ImageDetail::Low) => text(LOW),
        Err(_) => text(BROKEN),
    }
}

/// Does a URL begin like this, in letters of any case?
pub(super) fn has_scheme(url: &str, scheme: &str) -> bool {
    let beginning = url.get(..scheme.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
}

/// An image that the API keeps.
pub(super) fn kept_part(file: &str, detail: Option<ImageDetail>) -> Value {
    json!({"type": "input_image", "file_id": file, "detail": asked_for(detail)})
}

/// The image that a file holds.
pub(super) fn file_part(bytes: &[u8], detail: Option<ImageDetail>) -> Value {
    match media_type(bytes) {
        _ if detail == Some(ImageDetail::Low) => text(LOW),
        Some(media_type) => {
            let data = BASE64_STANDARD.encode(bytes);
            input_image(&format!("data:{media_type};base64,{data}"), detail)
        }
        None => text(BROKEN),
    }
}

fn input_image(url: &str, detail: Option<ImageDetail>) -> Value {
    json!({"type": "input_image", "image_url": url, "detail": asked_for(detail)})
}

/// A model without metadata is shown the original as any other.
fn asked_for(detail: Option<ImageDetail>) -> ImageDetail {
    match detail {
        Some(detail @ (ImageDetail::Auto | ImageDetail::Low)) => detail,
        Some(ImageDetail::High | ImageDetail::Original) | None => ImageDetail::High,
    }
}

fn text(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
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
        let png = part("DATA:text/plain;base64,iVBORw0KGgo=", None);
        assert_eq!(png["image_url"], "data:image/png;base64,iVBORw0KGgo=");
        assert_eq!(file_part(b"\x89PNG\r\n\x1a\n", None), png);
        for url in [
            "data:image/png;base64,AAAA",
            "data:image/png;base64,%",
            "data:,x",
        ] {
            assert_eq!(part(url, None)["text"], BROKEN, "{url}");
        }
        assert_eq!(file_part(b"text", None)["text"], BROKEN);
    }
}
