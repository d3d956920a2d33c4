//! Writing values as text that reads and diffs well.
//!
//! It looks like YAML: a member a line, small values in one line, texts of several lines as
//! blocks. It is read by people and compared as text, never parsed.

use std::fmt::Write as _;

use serde_json::Value;

/// The longest line that a small object or list is put in.
const WIDTH: usize = 100;

/// The members of an object, or any other value, each on its own lines.
pub(super) fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                member(out, name, value, indent);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for value in elements {
                element(out, "-", value, indent);
            }
        }
        other => {
            pad(out, indent);
            let _ = writeln!(out, "{}", flow(other));
        }
    }
}

/// `name: value`, with the value behind it or below.
pub(super) fn member(out: &mut String, name: &str, value: &Value, indent: usize) {
    pad(out, indent);
    out.push_str(&scalar(name));
    out.push(':');
    behind(out, value, indent);
}

/// `- value`; the sign tells what the list is.
pub(super) fn element(out: &mut String, sign: &str, value: &Value, indent: usize) {
    pad(out, indent);
    out.push_str(sign);
    if let Value::Object(members) = value
        && !fits(value, indent)
    {
        // The first member goes behind the sign, the others below it.
        let mut inner = String::new();
        for (name, value) in members {
            member(&mut inner, name, value, indent + 2);
        }
        out.push(' ');
        out.push_str(inner.trim_start());
        return;
    }
    behind(out, value, indent);
}

fn behind(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::String(text) if text.contains('\n') => lines(out, text, indent + 2),
        value if fits(value, indent) => {
            let _ = writeln!(out, " {}", flow(value));
        }
        value => {
            out.push('\n');
            block(out, value, indent + 2);
        }
    }
}

/// A text of several lines; `|-` when it doesn't end with a line's end.
fn lines(out: &mut String, text: &str, indent: usize) {
    let (sign, text) = match text.strip_suffix('\n') {
        Some(text) => ("|", text),
        None => ("|-", text),
    };
    let _ = writeln!(out, " {sign}");
    for line in text.split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            // Control characters would be lost or would break the terminal.
            out.extend(line.chars().flat_map(|c| {
                let escaped = c.is_control() && c != '\t';
                let plain = (!escaped).then_some(c);
                let escape = escaped.then(|| c.escape_default()).into_iter().flatten();
                plain.into_iter().chain(escape)
            }));
        }
        out.push('\n');
    }
}

fn fits(value: &Value, indent: usize) -> bool {
    match value {
        Value::Object(_) | Value::Array(_) => {
            !has_block(value) && indent + flow(value).chars().count() <= WIDTH
        }
        _ => true,
    }
}

fn has_block(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\n'),
        Value::Array(elements) => elements.iter().any(has_block),
        Value::Object(members) => members.values().any(has_block),
        _ => false,
    }
}

/// The value in one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(flow).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", scalar(name), flow(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text without quotes where it can't be taken for anything else.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./<>$@+~ {}`=|()'*;&:".contains(c);
    let number = text.parse::<f64>().is_ok();
    let word = matches!(text, "null" | "true" | "false" | "-");
    let edges = text.trim() != text || text.is_empty() || text.starts_with(['-', '{', '|']);
    let edges = edges || text.contains(": ") || text.ends_with(':');
    if number || word || edges || !text.chars().all(plain) {
        Value::String(text.to_owned()).to_string()
    } else {
        text.to_owned()
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}
