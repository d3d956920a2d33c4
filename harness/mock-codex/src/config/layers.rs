//! Where settings come from, and what they are together, as `config/read` tells it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The settings of codex 0.169.0 with nothing configured.
const DEFAULTS: &str = include_str!("../../data/config-defaults.json");

/// The members of single tables, where nothing is said about them.
const TABLES: &str = include_str!("../../data/config-tables.json");

/// Tables of settings: where they are, and which members they have. `*` stands for any name.
const EXPANDED: &[(&[&str], &str)] = &[
    (&["sandbox_workspace_write"], "sandbox_workspace_write"),
    (&["history"], "history"),
    (&["shell_environment_policy"], "shell_environment_policy"),
    (&["model_providers", "*"], "model_provider"),
    (&["mcp_servers", "*"], "mcp_server"),
    (&["profiles", "*"], "profile"),
    (&["projects", "*"], "project"),
    (&["permissions", "*"], "permission_profile"),
    (&["permissions", "*", "filesystem"], "permission_filesystem"),
    (&["permissions", "*", "network"], "permission_network"),
];

/// One source of settings.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    name: Value,
    /// A digest of the settings, whatever their order and layout.
    pub(crate) version: String,
    settings: Value,
    /// Why it doesn't count.
    disabled: Option<String>,
}

impl Layer {
    /// `-c key=value` on the command line.
    pub(super) fn session_flags(table: &toml::Table) -> Self {
        Self::new(json!({"type": "sessionFlags"}), table)
    }

    /// The home's file.
    pub(super) fn user(file: &Path, table: &toml::Table) -> Self {
        let name = json!({"type": "user", "file": file, "profile": null});
        Self::new(name, table)
    }

    /// The settings in a folder of a project.
    pub(super) fn project(folder: &Path, table: &toml::Table, disabled: Option<String>) -> Self {
        let name = json!({"type": "project", "dotCodexFolder": folder});
        Self {
            disabled,
            ..Self::new(name, table)
        }
    }

    /// The machine's file, which the mock doesn't read.
    pub(super) fn system() -> Self {
        let name = json!({"type": "system", "file": "/etc/codex/config.toml"});
        Self::new(name, &toml::Table::new())
    }

    fn new(name: Value, table: &toml::Table) -> Self {
        let settings = to_json(&toml::Value::Table(table.clone()));
        Self {
            name,
            version: version(&settings),
            settings,
            disabled: None,
        }
    }

    /// As a list of layers shows it.
    pub(crate) fn view(&self) -> Value {
        let mut view = json!({"name": self.name, "version": self.version, "config": self.settings});
        if let Some(why) = &self.disabled {
            view["disabledReason"] = json!(why);
        }
        view
    }

    /// As the origin of a setting.
    pub(crate) fn origin(&self) -> Value {
        json!({"name": self.name, "version": self.version})
    }

    /// The value at a path.
    pub(crate) fn get(&self, path: &[String]) -> Option<&Value> {
        path.iter()
            .try_fold(&self.settings, |value, key| value.get(key))
    }
}

/// The members of the table at a path, if all of them are known and codex says so of others.
pub(super) fn members_of(path: &[&str]) -> Option<Vec<String>> {
    if path.first() == Some(&"permissions") {
        return None;
    }
    let (_, name) = EXPANDED.iter().find(|(pattern, _)| fits(pattern, path))?;
    // The data file is part of the program; a test reads it.
    let tables: Map<String, Value> = serde_json::from_str(TABLES).ok()?;
    Some(tables.get(*name)?.as_object()?.keys().cloned().collect())
}

/// All settings: the defaults, with what is configured in their place. `merged` may have settings
/// that codex doesn't know; they are left out.
pub(crate) fn effective(merged: &toml::Table) -> serde_json::Result<Value> {
    let mut all: Map<String, Value> = serde_json::from_str(DEFAULTS)?;
    let tables: Map<String, Value> = serde_json::from_str(TABLES)?;
    for (key, value) in merged {
        if let Some(known) = all.get_mut(key) {
            let mut value = to_json(value);
            expand(&mut value, &mut vec![key], &tables);
            put(known, value);
        }
    }
    if merged.contains_key("features") {
        // Shown as soon as there is any choice.
        let features = all.entry("features").or_insert_with(|| json!({}));
        if features.get("network_proxy").is_none() {
            features["network_proxy"] = Value::Null;
        }
    }
    Ok(Value::Object(all))
}

/// Which layer each setting comes from: the first one that has it, the highest first.
pub(crate) fn origins(layers: &[Layer]) -> Value {
    let mut origins = Map::new();
    for layer in layers.iter().filter(|layer| layer.disabled.is_none()) {
        leaves(&layer.settings, &mut Vec::new(), &mut |path| {
            origins.entry(path).or_insert_with(|| layer.origin());
        });
    }
    Value::Object(origins)
}

fn leaves<'a>(
    value: &'a Value,
    path: &mut Vec<std::borrow::Cow<'a, str>>,
    found: &mut impl FnMut(String),
) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                path.push(key.as_str().into());
                leaves(value, path, found);
                path.pop();
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                path.push(index.to_string().into());
                leaves(value, path, found);
                path.pop();
            }
        }
        _ => found(path.join(".")),
    }
}

fn fits(pattern: &[&str], path: &[&str]) -> bool {
    let same = |(want, is): (&&str, &&str)| *want == "*" || want == is;
    pattern.len() == path.len() && pattern.iter().zip(path).all(same)
}

/// Adds the members that a table has where nothing is said about them.
fn expand(value: &mut Value, path: &mut Vec<&str>, tables: &Map<String, Value>) {
    let table = EXPANDED.iter().find(|(pattern, _)| fits(pattern, path));
    if let Some(members) = table.and_then(|(_, name)| tables.get(*name)) {
        let mut whole = members.clone();
        put(&mut whole, value.take());
        *value = whole;
    }
    let Value::Object(members) = value else {
        return;
    };
    let deeper = EXPANDED.iter().filter_map(|(pattern, _)| {
        let (last, above) = pattern.split_last()?;
        fits(above, path).then_some(*last)
    });
    for name in deeper.collect::<Vec<_>>() {
        for (member, inner) in &mut *members {
            if (name == "*" || name == member) && inner.is_object() {
                path.push(name);
                expand(inner, path, tables);
                path.pop();
            }
        }
    }
}

/// Puts one value over another, objects member by member.
fn put(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                put(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// `sha256:` and the digest of the settings as JSON with sorted keys and no spaces.
fn version(settings: &Value) -> String {
    let mut sorted = settings.clone();
    sort(&mut sorted);
    let digest = Sha256::digest(sorted.to_string());
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.sort_keys();
            members.values_mut().for_each(sort);
        }
        Value::Array(elements) => elements.iter_mut().for_each(sort),
        _ => {}
    }
}

fn to_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => json!(text),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(value) => json!(value),
        toml::Value::Datetime(moment) => json!(moment.to_string()),
        toml::Value::Array(elements) => elements.iter().map(to_json).collect(),
        toml::Value::Table(members) => members
            .iter()
            .map(|(key, value)| (key.clone(), to_json(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> toml::Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_version_is_that_of_the_settings_not_of_their_layout() {
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(Layer::system().version, empty);
        let of = |text| Layer::session_flags(&table(text)).version;
        assert_eq!(of("a = 1\nb.c = 2"), of("b = {c=2}\n# x\na=1"));
        assert_ne!(of("a = 1"), of("a = 2"));
    }

    #[test]
    fn settings_are_the_defaults_with_what_is_configured() {
        let all = effective(&table(
            "model = \"m\"\nzzz = 1\n[history]\nmax_bytes = 5\n[model_providers.x]\nname = \"X\"",
        ))
        .unwrap();
        assert_eq!(all["model"], "m");
        assert_eq!(all["project_doc_max_bytes"], 32768);
        assert_eq!(
            all["history"],
            json!({"persistence": "save-all", "max_bytes": 5})
        );
        assert_eq!(all["model_providers"]["x"]["wire_api"], "responses");
        assert!(all.get("zzz").is_none() && all["features"].get("network_proxy").is_none());
    }

    #[test]
    fn the_highest_layer_is_the_origin() {
        let file = Path::new("/h/config.toml");
        let flags = Layer::session_flags(&table("model = \"a\""));
        let user = Layer::user(file, &table("model = \"b\"\n[t]\nroots = [\"x\"]"));
        let origins = origins(&[flags, user]);
        assert_eq!(origins["model"]["name"]["type"], "sessionFlags");
        assert_eq!(origins["t.roots.0"]["name"]["type"], "user");
    }
}
