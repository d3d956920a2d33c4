//! What a command line does, for people to read, and how it is written.

use std::path::Path;

use serde_json::{Value, json};

/// Commands that do nothing worth telling beside others.
const SILENT: &[&str] = &["echo", "true", "cd", "printf"];

/// An argv as one line, quoted where a shell needs it.
pub(in crate::turn) fn join(argv: &[String]) -> String {
    if argv.iter().any(|word| word.contains('\0')) {
        return "<command included NUL byte>".to_owned();
    }
    argv.iter()
        // Only a NUL byte can't be quoted.
        .map(|word| shlex::try_quote(word).map_or_else(|_| word.clone(), Into::into))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The `commandActions` of a command line in a directory. One part that is not understood leaves the whole line
/// unexplained.
pub(in crate::turn) fn of(line: &str, cwd: &Path) -> Vec<Value> {
    let explained = parts(line).and_then(|parts| {
        let told: Vec<_> = parts
            .iter()
            .filter(|words| !SILENT.contains(&words[0].as_str()))
            .map(|words| explain(words, cwd))
            .collect();
        (!told.is_empty())
            .then(|| told.into_iter().collect::<Option<Vec<Value>>>())
            .flatten()
    });
    explained.unwrap_or_else(|| vec![json!({"type": "unknown", "command": line})])
}

/// What a command is known by: its words if it is simple, else its argv.
pub(super) fn known_by(line: &str, argv: &[String]) -> Vec<String> {
    match parts(line) {
        Some(mut parts) if parts.len() == 1 => parts.remove(0),
        _ => argv.to_vec(),
    }
}

/// The simple commands of a line; `None` where the line has more to it than connectors.
pub(super) fn parts(line: &str) -> Option<Vec<Vec<String>>> {
    if line.contains(['$', '`', '(', ')', '<', '>', '*', '?', '\n', '&']) && !line.contains("&&")
        || line.contains(['$', '`', '<', '>'])
    {
        return None;
    }
    let spaced = line
        .replace("&&", " && ")
        .replace("||", " || ")
        .replace(';', " ; ");
    // Connectors inside quotes would be torn apart; such lines are left alone.
    let words = if line.contains(['"', '\'']) {
        shlex::split(line)?
    } else {
        shlex::split(&spaced)?
    };
    if line.contains(['"', '\'']) && words.iter().any(|word| word.ends_with(';')) {
        return None;
    }
    let parts: Vec<Vec<String>> = words
        .split(|word| matches!(word.as_str(), "&&" | "||" | ";" | "|"))
        .map(<[String]>::to_vec)
        .collect();
    parts.iter().all(|words| !words.is_empty()).then_some(parts)
}

fn explain(words: &[String], cwd: &Path) -> Option<Value> {
    let command = join(words);
    let mut plain = words[1..].iter().filter(|word| !word.starts_with('-'));
    match words[0].as_str() {
        "ls" => {
            let path = plain.next().map(|path| short(path));
            Some(json!({"type": "listFiles", "command": command, "path": path}))
        }
        "cat" => {
            let path = plain.next()?;
            let name = path.rsplit('/').next();
            let path = cwd.join(path);
            Some(json!({"type": "read", "command": command, "name": name, "path": path}))
        }
        "rg" | "grep" => {
            let query = plain.next();
            let path = plain.next();
            Some(json!({"type": "search", "command": command, "query": query, "path": path}))
        }
        _ => None,
    }
}

/// The part of a path that says most: its last that is no usual name.
fn short(path: &str) -> &str {
    const USUAL: &[&str] = &["build", "dist", "node_modules", "src"];
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    parts.find(|part| !USUAL.contains(part)).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_line_is_quoted_where_it_must_be() {
        assert_eq!(
            join(&words(&["/bin/bash", "-lc", "true"])),
            "/bin/bash -lc true"
        );
        assert_eq!(
            join(&words(&["/bin/bash", "-c", "echo hi"])),
            "/bin/bash -c 'echo hi'"
        );
        assert_eq!(
            join(&words(&["sh", "-c", "echo 'x'; y"])),
            "sh -c \"echo 'x'; y\""
        );
    }

    #[test]
    fn listing_and_reading_are_told() {
        assert_eq!(
            of("echo hi; ls -la", Path::new("/w")),
            [json!({"type": "listFiles", "command": "ls -la", "path": null})]
        );
        assert_eq!(
            of("cat a/b.txt", Path::new("/w")),
            [
                json!({"type": "read", "command": "cat a/b.txt", "name": "b.txt", "path": "/w/a/b.txt"})
            ]
        );
        assert_eq!(
            of("echo hi", Path::new("/w")),
            [json!({"type": "unknown", "command": "echo hi"})]
        );
        assert_eq!(
            of("sleep 1; ls", Path::new("/w")),
            [json!({"type": "unknown", "command": "sleep 1; ls"})]
        );
    }

    #[test]
    fn only_a_simple_command_is_known_by_its_words() {
        let argv = words(&["/bin/bash", "-c", "touch a"]);
        assert_eq!(known_by("touch a", &argv), ["touch", "a"]);
        assert_eq!(known_by("touch a && b", &argv), argv);
    }
}
