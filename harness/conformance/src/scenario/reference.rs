//! The reference of the file format, for people: made from the tables that decode the files.

use std::fmt::Write as _;

use super::format::{DISTURB, EXPECT, EXPECT_MODEL, FRAMES, HOME, MODEL_SERVER, SCENARIO, STEP};
use super::matcher::OPERATORS;
use super::schema::schema;
use super::shape::{Fields, Shape};
use super::steps::{Body, Group, STEPS, StepKind};
use crate::normalise;
use crate::target::capability::Capability;

/// Where people find the reference, from the root of the repository.
pub const REFERENCE_FILE: &str = "docs/scenario-reference.md";

/// What stands before the tables.
const HEAD: &str = "\
# Reference of scenario files

Made by `codex-conformance check --reference` from the tables that read the files; don't edit it.
[scenarios.md](scenarios.md) introduces the format.
";

/// The groups of steps, with what a reader wants to know about each.
const GROUPS: [(Group, &str, &str); 3] = [
    (
        Group::Verb,
        "Verbs",
        "Every client has them, or says that it hasn't.",
    ),
    (
        Group::Wire,
        "Wire",
        "What goes over the wire, exactly; the reference client alone.",
    ),
    (
        Group::World,
        "World",
        "What is beside the wire, whatever the client.",
    ),
];

/// The reference, as it stands in [`REFERENCE_FILE`].
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for (title, fields) in [
        ("A scenario", SCENARIO),
        ("`home`", HOME),
        ("`model_server`", MODEL_SERVER),
        ("`disturb`", DISTURB),
        ("`expect`", EXPECT),
        ("`expect.model`", EXPECT_MODEL),
        ("An element of `expect.frames`", FRAMES),
        ("A step, beside what it does", STEP),
    ] {
        section(&mut text, title);
        table(
            &mut text,
            fields.iter().copied().flatten().map(|field| {
                (
                    marked(field.name, field.required),
                    described(field.doc, field.shape),
                )
            }),
        );
    }
    for (group, title, about) in GROUPS {
        section(&mut text, &format!("Steps: {}", title.to_lowercase()));
        let _ = writeln!(text, "{about}\n");
        let steps = STEPS.iter().filter(|kind| kind.group == group);
        table(
            &mut text,
            steps.map(|kind| (format!("`{}`", kind.name), step(kind))),
        );
    }
    section(&mut text, "Matchers");
    let _ = writeln!(
        text,
        "A plain value must be equal; of a map, the named members. A map with one of these members \
         alone is an operator.\n"
    );
    table(
        &mut text,
        OPERATORS
            .iter()
            .map(|op| (format!("`{}`", op.name), op.doc.to_owned())),
    );
    section(&mut text, "Replies of the model");
    table(&mut text, replies().into_iter());
    section(&mut text, "Capabilities");
    let _ = writeln!(
        text,
        "{}.",
        Capability::NAMES.map(|name| format!("`{name}`")).join(", ")
    );
    section(&mut text, "What snapshots leave to chance");
    let rules = normalise::rules().iter();
    table(
        &mut text,
        rules.map(|rule| {
            (
                format!("`{}`", rule.name),
                format!("{}, since {}", rule.does, rule.because),
            )
        }),
    );
    text
}

fn section(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n## {title}\n");
}

fn table(text: &mut String, rows: impl Iterator<Item = (String, String)>) {
    text.push_str("| | |\n| --- | --- |\n");
    for (name, meaning) in rows {
        let _ = writeln!(text, "| {name} | {} |", meaning.replace('|', "\\|"));
    }
}

fn marked(name: &str, required: bool) -> String {
    format!("`{name}`{}", if required { " (needed)" } else { "" })
}

fn described(doc: &str, shape: Shape) -> String {
    match shape {
        Shape::Choice(choices) | Shape::Choices(choices) => {
            let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            format!("{doc}: {}", choices.join(", "))
        }
        _ => doc.to_owned(),
    }
}

fn step(kind: &StepKind) -> String {
    let mut text = kind.doc.to_owned();
    let members: Vec<String> = members(kind.fields());
    if !members.is_empty() {
        let _ = write!(text, ". Members: {}", members.join("; "));
    }
    if matches!(kind.body, Body::Short(_)) {
        text.push_str(". A plain value stands for the first of them");
    }
    text
}

fn members(fields: Fields) -> Vec<String> {
    let all = fields.iter().copied().flatten();
    all.map(|field| {
        format!(
            "{}: {}",
            marked(field.name, field.required),
            described(field.doc, field.shape)
        )
    })
    .collect()
}

/// Kinds and modifiers, from the schema of `mock_responses`.
fn replies() -> Vec<(String, String)> {
    let schema = schema();
    let reply = &schema["definitions"]["reply"]["anyOf"][0]["properties"];
    let members = reply.as_object().into_iter().flatten();
    members
        .map(|(name, member)| {
            let description = member["description"].as_str().unwrap_or_default();
            let description = description.replace('\n', " ");
            (
                format!("`{name}`"),
                description.trim_end_matches('.').to_owned(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Rewrite it with `codex-conformance check --reference > docs/scenario-reference.md`.
    #[test]
    fn the_file_for_people_is_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let file = std::fs::read_to_string(root.join(REFERENCE_FILE)).unwrap();
        assert!(
            file == reference(),
            "{REFERENCE_FILE} is stale: `check --reference` prints it"
        );
    }

    #[test]
    fn every_step_is_in_it() {
        let text = reference();
        for kind in &STEPS {
            assert!(
                text.contains(&format!("| `{}` |", kind.name)),
                "{}",
                kind.name
            );
        }
    }
}
