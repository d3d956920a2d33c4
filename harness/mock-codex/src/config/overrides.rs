//! Settings on top of the file: `-c key=value`, and the `config` member of requests.

use serde_json::{Map, Value};

use super::file::ConfigToml;
use super::{Config, file, known};

/// One `-c key=value`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CliOverride {
    path: String,
    value: toml::Value,
}

impl CliOverride {
    /// Reads `key=value`; the value is TOML, or else a plain string.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| format!("Invalid override (missing '='): {text}"))?;
        let path = path.trim();
        if path.is_empty() {
            return Err(format!("Empty key in override: {text}"));
        }
        let value = value.trim();
        let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"))
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(|| {
                toml::Value::String(value.trim_matches(|c| c == '"' || c == '\'').to_owned())
            });
        Ok(Self {
            path: path.to_owned(),
            value: parsed,
        })
    }

    /// `--enable` or `--disable` of a feature.
    pub(crate) fn feature(name: &str, on: bool) -> Result<Self, String> {
        if !known::is_feature(name) {
            return Err(format!("Unknown feature flag: {name}"));
        }
        Ok(Self {
            path: format!("features.{name}"),
            value: toml::Value::Boolean(on),
        })
    }

    /// Sets it in the table, making tables on the way.
    pub(super) fn apply(&self, table: &mut toml::Table) {
        set(table, &self.path, self.value.clone());
    }
}

/// The configuration with the `config` member of a request on top.
pub(crate) fn merge_request(
    config: &Config,
    request: Option<&Map<String, Value>>,
) -> Result<ConfigToml, String> {
    let Some(request) = request.filter(|request| !request.is_empty()) else {
        return Ok(config.toml.clone());
    };
    let mut table = config.table.clone();
    for (path, value) in request {
        if let Some(value) = to_toml(value) {
            set(&mut table, path, value);
        }
    }
    let merged = file::typed(&table)?;
    if let Some(profile) = &merged.profile {
        return Err(file::legacy_profile(profile));
    }
    if request.contains_key("approval_policy") {
        merged.check()?;
    }
    Ok(merged)
}

/// The `config` member of a request as a table.
pub(super) fn table(request: &Map<String, Value>) -> toml::Table {
    let mut table = toml::Table::new();
    for (path, value) in request {
        if let Some(value) = to_toml(value) {
            set(&mut table, path, value);
        }
    }
    table
}

fn set(table: &mut toml::Table, path: &str, value: toml::Value) {
    match path.split_once('.') {
        None => merge(table, path, value),
        Some((head, rest)) => {
            let entry = table
                .entry(head)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if !entry.is_table() {
                *entry = toml::Value::Table(toml::Table::new());
            }
            if let toml::Value::Table(inner) = entry {
                set(inner, rest, value);
            }
        }
    }
}

/// Puts the settings of one table over those of another.
pub(super) fn lay_over(table: &mut toml::Table, above: &toml::Table) {
    for (key, value) in above {
        merge(table, key, value.clone());
    }
}

fn merge(table: &mut toml::Table, key: &str, value: toml::Value) {
    match (table.get_mut(key), value) {
        (Some(toml::Value::Table(old)), toml::Value::Table(new)) => {
            for (key, value) in new {
                merge(old, &key, value);
            }
        }
        (_, value) => {
            table.insert(key.to_owned(), value);
        }
    }
}

/// TOML has no `null`; it is the empty text, as codex 0.169.0 takes it.
fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => toml::Value::String(String::new()),
        Value::Bool(value) => toml::Value::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => toml::Value::Integer(integer),
            None => toml::Value::Float(number.as_f64()?),
        },
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Array(items) => toml::Value::Array(items.iter().filter_map(to_toml).collect()),
        Value::Object(members) => toml::Value::Table(
            members
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), to_toml(value)?)))
                .collect(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(specs: &[&str]) -> toml::Table {
        let mut table = toml::Table::new();
        for spec in specs {
            CliOverride::parse(spec).unwrap().apply(&mut table);
        }
        table
    }

    #[test]
    fn values_are_toml_or_else_text() {
        let table = table(&["a.b=1", "a.c=[true]", "m=gpt-5", "n=\"x\""]);
        assert_eq!(table["a"]["b"], toml::Value::Integer(1));
        assert_eq!(table["a"]["c"][0], toml::Value::Boolean(true));
        assert_eq!(table["m"].as_str(), Some("gpt-5"));
        assert_eq!(table["n"].as_str(), Some("x"));
    }

    #[test]
    fn an_override_needs_an_equals_sign() {
        assert!(
            CliOverride::parse("novalue")
                .unwrap_err()
                .contains("missing '='")
        );
    }
}
