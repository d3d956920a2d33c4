//! What of a value is told where it stands for many.
//!
//! `status: failed` is the same difference in every case, and so is an id that another turn has; a
//! sentence that names a case's own directory is not, unless what is told of it is that it is one.

use serde_json::Value;

/// The longest word that is told as it is.
const WORD: usize = 48;

/// The longest message that is told as it is.
const MESSAGE: usize = 160;

/// A value in short. Words, marks and codes are told, and the kind of everything else.
pub(super) fn gist(path: &str, value: &Value) -> String {
    let member = path.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) if member == "code" => number.to_string(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) if member == "message" => message(text),
        Value::String(text) => word(text),
        Value::Array(list) if list.is_empty() => "[]".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => match (members.get("type"), members.keys().next()) {
            (Some(Value::String(kind)), _) => format!("{{type: {kind}, …}}"),
            (_, Some(only)) if members.len() == 1 => format!("{{{only}: …}}"),
            _ => "an object".to_owned(),
        },
    }
}

fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:<>${}@+=*".contains(c);
    match text.len() {
        0 => "\"\"".to_owned(),
        // Placeholders of normalisation have blanks: `<time ms>`.
        1..=WORD if unnumbered(text).replace("<time ", "<").chars().all(plain) => unnumbered(text),
        _ => "a text".to_owned(),
    }
}

/// Placeholders of normalisation without their numbers: `<turn-2>` is another case's `<turn-1>`.
fn unnumbered(text: &str) -> String {
    let mut parts = text.split('<');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push('<');
        match part.split_once('>') {
            Some((name, rest)) => {
                let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
                out.extend([name.trim_end_matches('-'), ">", rest]);
            }
            None => out.push_str(part),
        }
    }
    out
}

fn message(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = unnumbered(line);
    match line.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("`{}…`", &line[..end]),
        None => format!("`{line}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_told_and_texts_are_not() {
        for (path, value, told) in [
            ("a.status", json!("failed"), "failed"),
            ("a.id", json!("<turn-12>"), "<turn>"),
            (
                "a.path",
                json!("${workspace}/<thread-1>/x"),
                "${workspace}/<thread>/x",
            ),
            ("a.at", json!("<time ms>"), "<time ms>"),
            ("a.preview", json!("two words"), "a text"),
            ("a.name", json!(""), "\"\""),
            ("a.totalTokens", json!(12), "a number"),
            ("error.code", json!(-32600), "-32600"),
            (
                "error.message",
                json!("no thread <thread-3>\nmore"),
                "`no thread <thread>`",
            ),
            (
                "a.sandbox",
                json!({ "type": "readOnly" }),
                "{type: readOnly, …}",
            ),
            ("a.state", json!({ "firstUnread": 1 }), "{firstUnread: …}"),
            ("a.x", json!([]), "[]"),
            ("a.x", json!(null), "null"),
        ] {
            assert_eq!(gist(path, &value), told, "{path}");
        }
    }
}
