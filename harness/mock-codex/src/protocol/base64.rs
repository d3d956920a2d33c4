//! Bytes within frames.

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};

/// Bytes as text.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Text as bytes; what is wrong with it is said in the words of codex 0.169.0.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(offset, byte) => {
            format!("Invalid symbol {byte}, offset {offset}.")
        }
        DecodeError::InvalidLastSymbol { .. } => last_symbol(text),
        DecodeError::InvalidLength(length) => format!("Invalid input length: {length}"),
        DecodeError::InvalidPadding => "Invalid padding".to_owned(),
    })
}

/// A last symbol that says more than there are bits for.
fn last_symbol(text: &str) -> String {
    let symbols = text.trim_end_matches('=');
    let byte = symbols.bytes().last().unwrap_or_default();
    format!(
        "Invalid last symbol {byte}, offset {}.",
        symbols.len().saturating_sub(1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_as_observed() {
        for (text, want) in [
            ("*", "Invalid symbol 42, offset 0."),
            ("e=A=", "Invalid symbol 61, offset 1."),
            ("eHh4eA===", "Invalid symbol 61, offset 6."),
            ("eB==", "Invalid last symbol 66, offset 1."),
            ("eA", "Invalid padding"),
        ] {
            assert_eq!(decode(text), Err(want.to_owned()), "{text}");
        }
        assert_eq!(decode("eA=="), Ok(b"x".to_vec()));
    }
}
