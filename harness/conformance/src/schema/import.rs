//! Having a codex describe its own protocol, and keeping the structure of that.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The file in which the generator puts everything.
const BUNDLE: &str = "codex_app_server_protocol.schemas.json";

/// What a schema says for people, and what only names things: neither is structure.
const DROPPED: [&str; 5] = ["description", "title", "$schema", "default", "examples"];

/// Members of a definitions object that hold definitions themselves.
const NAMESPACES: [&str; 2] = ["v1", "v2"];

/// Why a schema could not be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The generator can't be run.
    #[error("`{}` can't be run: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The generator failed.
    #[error("`app-server generate-json-schema` failed: {0}")]
    Generator(String),
    /// It left nothing that can be used.
    #[error("the generator left no usable `{BUNDLE}`: {0}")]
    Bundle(String),
    /// A temporary directory can't be had.
    #[error("can't make a temporary directory: {0}")]
    Directory(io::Error),
}

/// The text of the fixture for `program`, a codex of `version`.
///
/// # Errors
/// [`ImportError`]; nothing is left behind.
pub fn import(program: &Path, version: &str) -> Result<String, ImportError> {
    let everything = generate(program, &["--experimental"])?;
    let stable = generate(program, &[])?;
    let digest = Sha256::digest(&everything);
    let digest = digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let everything = definitions(&everything)?;
    let stable = methods(&definitions(&stable)?);
    let experimental: Vec<String> = methods(&everything).difference(&stable).cloned().collect();
    Ok(fixture(version, &digest, &experimental, &everything))
}

/// One definition a line, sorted, so that two versions compare well.
fn fixture(
    version: &str,
    digest: &str,
    experimental: &[String],
    definitions: &Map<String, Value>,
) -> String {
    let mut text = format!(
        "{{\n\"version\": {},\n\"sha256\": {},\n\"experimental\": {},\n\"definitions\": {{\n",
        json!(version),
        json!(digest),
        json!(experimental)
    );
    let mut names: Vec<&String> = definitions.keys().collect();
    names.sort();
    for (position, name) in names.iter().enumerate() {
        let comma = if position + 1 < names.len() { "," } else { "" };
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}: {}{comma}", json!(name), definitions[*name]);
    }
    text.push_str("}\n}\n");
    text
}

fn generate(program: &Path, options: &[&str]) -> Result<Vec<u8>, ImportError> {
    let directory = tempfile::tempdir().map_err(ImportError::Directory)?;
    let output = Command::new(program)
        .args(["app-server", "generate-json-schema", "--out", "out"])
        .args(options)
        .env_clear()
        .env("HOME", directory.path())
        .env("CODEX_HOME", directory.path())
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ImportError::Start {
            program: program.to_owned(),
            source,
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().last().unwrap_or("it said nothing");
        return Err(ImportError::Generator(last.to_owned()));
    }
    fs::read(directory.path().join("out").join(BUNDLE))
        .map_err(|error| ImportError::Bundle(error.to_string()))
}

/// The definitions of a bundle, by the names that references use.
fn definitions(bundle: &[u8]) -> Result<Map<String, Value>, ImportError> {
    let bundle: Value =
        serde_json::from_slice(bundle).map_err(|error| ImportError::Bundle(error.to_string()))?;
    let Some(all) = bundle["definitions"].as_object() else {
        return Err(ImportError::Bundle("it has no `definitions`".to_owned()));
    };
    let mut flat = Map::new();
    for (name, definition) in all {
        match definition.as_object() {
            Some(inner) if NAMESPACES.contains(&name.as_str()) => {
                for (below, definition) in inner {
                    flat.insert(format!("{name}/{below}"), structure(definition));
                }
            }
            _ => {
                flat.insert(name.clone(), structure(definition));
            }
        }
    }
    Ok(flat)
}

/// A schema without what is written for people; the names of members are not keywords.
fn structure(schema: &Value) -> Value {
    let Some(members) = schema.as_object() else {
        return match schema {
            Value::Array(parts) => parts.iter().map(structure).collect(),
            other => other.clone(),
        };
    };
    let kept = members
        .iter()
        .filter(|(keyword, _)| !DROPPED.contains(&keyword.as_str()));
    kept.map(|(keyword, value)| {
        let value = match (keyword.as_str(), value.as_object()) {
            ("properties" | "definitions", Some(named)) => named
                .iter()
                .map(|(name, schema)| (name.clone(), structure(schema)))
                .collect(),
            _ => structure(value),
        };
        (keyword.clone(), value)
    })
    .collect()
}

fn methods(definitions: &Map<String, Value>) -> BTreeSet<String> {
    ["ClientRequest", "ServerNotification", "ServerRequest"]
        .iter()
        .filter_map(|name| definitions.get(*name)?["oneOf"].as_array())
        .flatten()
        .filter_map(|variant| variant.pointer("/properties/method/enum/0")?.as_str())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use codex_wire::schema::{Kind, Schema};

    use super::*;

    #[test]
    fn structure_is_kept_and_words_are_not() {
        let schema = json!({
            "description": "words", "title": "Words", "type": "object",
            "properties": { "title": { "type": "string", "description": "words" } },
            "oneOf": [{ "title": "A", "enum": ["a"] }],
        });
        assert_eq!(
            structure(&schema),
            json!({
                "type": "object",
                "properties": { "title": { "type": "string" } },
                "oneOf": [{ "enum": ["a"] }],
            })
        );
    }

    #[test]
    fn a_fixture_can_be_read_again() {
        let bundle = json!({ "definitions": {
            "ClientRequest": { "oneOf": [{ "properties": { "method": { "enum": ["a/b"] } } }] },
            "v2": { "Item": { "type": "string" } },
        } });
        let definitions = definitions(bundle.to_string().as_bytes()).unwrap();
        let text = fixture("1.2.3", "00", &["a/b".to_owned()], &definitions);
        let schema = Schema::parse(&text).unwrap();
        assert_eq!(schema.version(), "1.2.3");
        assert_eq!(
            schema.methods(Kind::ClientRequest).collect::<Vec<_>>(),
            ["a/b"]
        );
        assert!(schema.is_experimental("a/b") && schema.definition("v2/Item").is_some());
    }

    #[test]
    fn a_program_that_is_no_codex_is_refused() {
        let error = import(Path::new("/bin/false"), "1.2.3").unwrap_err();
        assert!(matches!(error, ImportError::Generator(_)), "{error}");
    }
}
