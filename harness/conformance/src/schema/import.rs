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

/// What a schema says for people, and what only names things: neither is structure. `writeOnly`
/// stood in schemas until 0.133.0 and said nothing of frames.
const DROPPED: [&str; 7] = [
    "description",
    "title",
    "$schema",
    "default",
    "examples",
    "readOnly",
    "writeOnly",
];

/// What a generator says that doesn't know the option for experimental methods.
const NO_SUCH_OPTION: &str = "unexpected argument";

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
    let stable = generate(program, &[])?;
    let everything = match generate(program, &["--experimental"]) {
        // Older generators have no such option: what they write is all there is.
        Err(ImportError::Generator(said)) if said.contains(NO_SUCH_OPTION) => stable.clone(),
        everything => everything?,
    };
    let digest = Sha256::digest(&everything);
    let digest = digest.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let everything = definitions(&everything)?;
    let stable = definitions(&stable)?;
    let marks = Marks::of(&stable, &everything);
    Ok(fixture(version, &digest, &marks, &everything))
}

/// What is only there for clients that ask for experimental methods.
#[derive(Debug, Default)]
struct Marks {
    /// Methods.
    methods: Vec<String>,
    /// Definitions (`v2/Project`) and members of others (`v2/Thread.extra`).
    parts: Vec<String>,
}

impl Marks {
    fn of(stable: &Map<String, Value>, everything: &Map<String, Value>) -> Self {
        let all = methods(everything);
        let mut parts = BTreeSet::new();
        for (name, definition) in everything {
            match stable.get(name) {
                None => {
                    parts.insert(name.clone());
                }
                Some(known) => experimental_members(known, definition, name, &mut parts),
            }
        }
        Self {
            methods: all.difference(&methods(stable)).cloned().collect(),
            parts: parts.into_iter().collect(),
        }
    }
}

/// The members that only the second schema has. Alternatives are compared by their place; where
/// their number differs they are other alternatives, and nothing is said of them.
fn experimental_members(stable: &Value, all: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, member) in all["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match stable["properties"].get(name) {
            None => {
                found.insert(path);
            }
            Some(known) => experimental_members(known, member, &path, found),
        }
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let (Some(known), Some(all)) = (stable[choice].as_array(), all[choice].as_array())
            && known.len() == all.len()
        {
            for (known, all) in known.iter().zip(all) {
                experimental_members(known, all, path, found);
            }
        }
    }
    if all["items"].is_object() {
        experimental_members(&stable["items"], &all["items"], path, found);
    }
}

/// One definition a line, sorted, so that two versions compare well.
fn fixture(version: &str, digest: &str, marks: &Marks, definitions: &Map<String, Value>) -> String {
    let mut text = format!(
        "{{\n\"version\": {},\n\"sha256\": {},\n\"experimental\": {},\n\
         \"experimental_members\": {},\n\"definitions\": {{\n",
        json!(version),
        json!(digest),
        json!(marks.methods),
        json!(marks.parts)
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

/// A schema without what is written for people, in an order of its own: generators have changed
/// theirs. The names of members are not keywords; the order of alternatives stays.
fn structure(schema: &Value) -> Value {
    let Some(members) = schema.as_object() else {
        return match schema {
            Value::Array(parts) => parts.iter().map(structure).collect(),
            other => other.clone(),
        };
    };
    let mut kept: Vec<(String, Value)> = members
        .iter()
        .filter(|(keyword, _)| !DROPPED.contains(&keyword.as_str()))
        .map(|(keyword, value)| match (keyword.as_str(), value) {
            ("properties" | "definitions", Value::Object(named)) => {
                let mut named: Vec<(String, Value)> = named
                    .iter()
                    .map(|(name, schema)| (name.clone(), structure(schema)))
                    .collect();
                named.sort_by(|(a, _), (b, _)| a.cmp(b));
                (keyword.clone(), named.into_iter().collect())
            }
            ("required", Value::Array(names)) => {
                let mut names = names.clone();
                names.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                (keyword.clone(), Value::Array(names))
            }
            // The same, said in another way.
            ("const", only) => ("enum".to_owned(), json!([only])),
            ("enum", values) => (keyword.clone(), values.clone()),
            (_, value) => (keyword.clone(), structure(value)),
        })
        .collect();
    kept.sort_by(|(a, _), (b, _)| a.cmp(b));
    kept.into_iter().collect()
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
        let marks = Marks::of(&Map::new(), &definitions);
        let text = fixture("1.2.3", "00", &marks, &definitions);
        let schema = Schema::parse(&text).unwrap();
        assert_eq!(schema.version(), "1.2.3");
        assert_eq!(
            schema.methods(Kind::ClientRequest).collect::<Vec<_>>(),
            ["a/b"]
        );
        assert!(schema.is_experimental("a/b") && schema.definition("v2/Item").is_some());
        assert!(schema.is_experimental_part("v2/Item"));
        assert_eq!(schema.sha256(), Some("00"));
    }

    #[test]
    fn two_generators_that_mean_the_same_give_the_same() {
        let old = json!({ "type": "object", "required": ["b", "a"],
            "properties": { "b": { "const": "x", "writeOnly": true }, "a": true } });
        let new = json!({ "properties": { "a": true, "b": { "enum": ["x"] } },
            "required": ["a", "b"], "type": "object" });
        assert_eq!(structure(&old).to_string(), structure(&new).to_string());
    }

    #[test]
    fn members_for_experimental_clients_are_marked() {
        let all = |schema: Value| Map::from_iter([("v2/A".to_owned(), schema)]);
        let stable = all(json!({ "oneOf": [{ "properties": { "a": {} } }] }));
        let everything = all(json!({ "oneOf": [{ "properties": { "a": {}, "b": {} } }] }));
        assert_eq!(Marks::of(&stable, &everything).parts, ["v2/A.b"]);
        assert_eq!(Marks::of(&stable, &stable).parts, [""; 0]);
    }

    #[test]
    fn a_program_that_is_no_codex_is_refused() {
        let error = import(Path::new("/bin/false"), "1.2.3").unwrap_err();
        assert!(matches!(error, ImportError::Generator(_)), "{error}");
    }
}
