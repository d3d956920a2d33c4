//! Skills that the user names: their files are put before the model, each once.

use std::path::{Path, PathBuf};

use super::emit::Scope;
use crate::methods::usable_skills;
use crate::model::request::message;
use crate::protocol::input::UserInput;

/// The messages with the files of the skills that an input names.
pub(super) fn named(scope: &Scope, input: &[UserInput]) -> Vec<String> {
    let mentions = mentions(input);
    if mentions.is_empty() {
        return Vec::new();
    }
    let skills = usable_skills(&scope.server, &scope.settings.cwd).unwrap_or_default();
    let mut told: Vec<&Path> = Vec::new();
    let mut messages = Vec::new();
    for mention in &mentions {
        let Some((name, path)) = skills.iter().find(|skill| mention.is_of(skill)) else {
            continue;
        };
        if told.contains(&path.as_path()) {
            continue;
        }
        told.push(path);
        if let Ok(text) = std::fs::read_to_string(path) {
            let path = path.display();
            let skill =
                format!("<skill>\n<name>{name}</name>\n<path>{path}</path>\n{text}\n</skill>");
            messages.push(message("user", &[&skill]));
        }
    }
    messages
}

/// How a skill is named.
#[derive(Debug, PartialEq, Eq)]
enum Mention {
    Path(PathBuf),
    Name(String),
}

impl Mention {
    fn is_of(&self, (name, path): &(String, PathBuf)) -> bool {
        match self {
            Self::Path(named) => named == path,
            Self::Name(named) => named == name,
        }
    }
}

/// What an input names: its items first, then `$NAME` and `[$NAME](PATH)` in its texts.
fn mentions(input: &[UserInput]) -> Vec<Mention> {
    let items = input.iter().filter_map(|part| match part {
        UserInput::Skill { path, .. } => Some(Mention::Path(path.clone())),
        _ => None,
    });
    let texts = input.iter().filter_map(|part| match part {
        UserInput::Text { text, .. } => Some(in_text(text)),
        _ => None,
    });
    items.chain(texts.flatten()).collect()
}

fn in_text(text: &str) -> Vec<Mention> {
    let mut mentions = Vec::new();
    for (at, _) in text.match_indices('$') {
        let rest = &text[at + 1..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | ':'))
            .unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let link = text[..at].ends_with('[').then(|| behind.strip_prefix("]("));
        match link.flatten().and_then(|link| link.split_once(')')) {
            _ if name.is_empty() => {}
            Some((path, _)) => mentions.push(Mention::Path(path.trim().into())),
            None => mentions.push(Mention::Name(name.to_owned())),
        }
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_links_are_found_in_a_text() {
        let name = |name: &str| Mention::Name(name.to_owned());
        let found = in_text("use $one-a, a$b and [$c](/d/SKILL.md); [$e] costs $ 5");
        let path = Mention::Path(PathBuf::from("/d/SKILL.md"));
        assert_eq!(found, [name("one-a"), name("b"), path, name("e")]);
    }
}
