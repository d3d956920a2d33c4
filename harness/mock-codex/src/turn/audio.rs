//! Audio of the user, as a model gets it that can't hear: in words.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

pub(super) const NOT_HEARD: &str = "audio content omitted because you do not support audio input";
const BROKEN: &str = "audio content omitted because it could not be processed";
const UNKNOWN: &str = "audio content omitted because its format is not supported; use wav, mp3, \
    m4a, webm, or ogg";

/// The formats that are taken, as files end and as media types name them.
const EXTENSIONS: [&str; 5] = ["wav", "mp3", "m4a", "webm", "ogg"];
const SUBTYPES: [&str; 9] = [
    "wav", "x-wav", "wave", "mp3", "mpeg", "mp4", "m4a", "webm", "ogg",
];

/// What stands for the audio of a URL.
pub(super) fn of_url(url: &str) -> &'static str {
    let Some((head, data)) = url.split_once(";base64,") else {
        return BROKEN;
    };
    if BASE64_STANDARD.decode(data).is_err() {
        return BROKEN;
    }
    let kind = head.split_once(':').map_or("", |(_, kind)| kind);
    match kind.split_once('/') {
        Some(("audio", subtype)) if SUBTYPES.contains(&subtype) => NOT_HEARD,
        _ => UNKNOWN,
    }
}

/// What stands for a file; an error where the model is told why it can't be attached.
pub(super) fn of_file(path: &Path) -> Result<&'static str, String> {
    let shown = path.display();
    std::fs::read(path)
        .map_err(|error| format!("Codex could not read the local audio at `{shown}`: {error}"))?;
    let extension = path.extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
        Ok(NOT_HEARD)
    } else {
        Err(format!(
            "Codex cannot attach audio at `{shown}`: unsupported audio format; use wav, mp3, m4a, \
             webm, or ogg."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_told_by_its_type_and_its_bytes() {
        assert_eq!(of_url("data:audio/wav;base64,AAAA"), NOT_HEARD);
        assert_eq!(of_url("data:audio/wav;base64,%"), BROKEN);
        assert_eq!(of_url("data:text/plain;base64,AAAA"), UNKNOWN);
        assert_eq!(of_url("https://127.0.0.1/a.wav"), BROKEN);
    }
}
