//! Writing the tree of a scenario as YAML, in the layout that people write: a reply and a step a
//! line.

use std::fmt::Write as _;

use serde_json::Value;

/// What an editor finds the schema by; the path is that of a file below `scenarios/AREA/`.
const SCHEMA: &str = "# yaml-language-server: $schema=../../fixtures/scenario.schema.json\n";

/// The text of a scenario file. `notes` become comments at its head.
pub fn yaml(scenario: &Value, notes: &[String]) -> String {
    let mut out = SCHEMA.to_owned();
    for line in notes.iter().flat_map(|note| note.lines()) {
        out.push_str(format!("# {line}").trim_end());
        out.push('\n');
    }
    for (name, value) in scenario.as_object().into_iter().flatten() {
        member(&mut out, name, value);
    }
    out
}

fn member(out: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(elements) if elements.iter().any(Value::is_object) => {
            let _ = writeln!(out, "{name}:");
            for element in elements {
                one(out, element);
            }
        }
        value => {
            let _ = writeln!(out, "{name}: {}", flow(value));
        }
    }
}

/// An element of a list: what it is in the first line, what is beside that below.
fn one(out: &mut String, element: &Value) {
    let members = element.as_object().into_iter().flatten();
    for (at, (name, value)) in members.enumerate() {
        let sign = if at == 0 { '-' } else { ' ' };
        let _ = writeln!(out, "  {sign} {}: {}", scalar(name), flow(value));
    }
}

fn flow(value: &Value) -> String {
    match value {
        Value::Null => "~".to_owned(),
        Value::String(text) => scalar(text),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(flow).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| format!("{}: {}", scalar(name), flow(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A text without quotes where nothing else can be meant by it; JSON's quotes are also YAML's.
fn scalar(text: &str) -> String {
    /// Words that YAML reads as something else, now or in its older versions.
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./ ".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && text.trim() == text
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let tree = json!({
            "name": "a: b",
            "timeout": 20,
            "home": { "config": { "a.b": [1, null, "no", "-x", "${outside}"] } },
            "model": [{ "message": "", "when": { "user_text": "say 1" } }],
            "steps": [{ "restart": {} }, { "run": { "thread": "a1", "input": "é\n\"x\"" }, "as": "t" }],
            "snapshot": ["client", "server"],
        });
        let text = yaml(&tree, &["found by a walk\nfrom seed 1".to_owned()]);
        assert!(
            text.contains("\n# found by a walk\n# from seed 1\n"),
            "{text}"
        );
        let back: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(back, tree, "{text}");
    }
}
