//! Changing single settings of a file, with everything else in it as it was.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, TableLike};

/// How a value goes over another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MergeStrategy {
    /// In its place.
    Replace,
    /// Tables member by member.
    Upsert,
}

/// Splits a dotted path; a segment may be quoted.
pub(crate) fn key_path(text: &str) -> Result<Vec<String>, String> {
    if text.trim().is_empty() {
        return Err("keyPath must not be empty".to_owned());
    }
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        let (segment, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .ok_or("keyPath has an unterminated quoted segment")?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if segment.is_empty() {
            return Err("keyPath segments must not be empty".to_owned());
        }
        segments.push(segment.to_owned());
        match behind.strip_prefix('.') {
            Some(further) => rest = further,
            None => return Ok(segments),
        }
    }
}

/// Sets the value at a path, or takes it out with `null`.
pub(crate) fn apply(
    document: &mut DocumentMut,
    path: &[String],
    value: &Value,
    strategy: MergeStrategy,
) {
    let Some((last, way)) = path.split_last() else {
        return;
    };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for key in way {
        if value.is_null() && !table.get(key).is_some_and(Item::is_table_like) {
            return;
        }
        let entry = table.entry(key).or_insert_with(implicit_table);
        if !entry.is_table_like() {
            *entry = implicit_table();
        }
        match entry.as_table_like_mut() {
            Some(inner) => table = inner,
            None => return,
        }
    }
    set(table, last, value, strategy);
}

/// A table that is only there for the tables in it.
fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

fn set(table: &mut dyn TableLike, key: &str, value: &Value, strategy: MergeStrategy) {
    if value.is_null() {
        table.remove(key);
        return;
    }
    if strategy == MergeStrategy::Upsert
        && let Value::Object(members) = value
        && let Some(inner) = table.get_mut(key).and_then(Item::as_table_like_mut)
    {
        for (key, value) in members {
            set(inner, key, value, strategy);
        }
        return;
    }
    let Some(mut new) = item(value) else { return };
    // The layout of what was there stays.
    let old = table.get(key).and_then(Item::as_value);
    if let (Some(old), Some(new)) = (old, new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    match table.get_mut(key) {
        Some(there) => *there = new,
        None => {
            table.insert(key, new);
        }
    }
}

/// TOML has no `null`; such members are left out.
fn item(value: &Value) -> Option<Item> {
    let Value::Object(members) = value else {
        return plain(value).map(Item::Value);
    };
    let mut table = Table::new();
    for (key, value) in members {
        if let Some(item) = item(value) {
            table.insert(key, item);
        }
    }
    Some(Item::Table(table))
}

fn plain(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.into(),
        Value::Array(elements) => elements.iter().filter_map(plain).collect::<Array>().into(),
        Value::Object(members) => members
            .iter()
            .filter_map(|(key, value)| Some((key, plain(value)?)))
            .collect::<toml_edit::InlineTable>()
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, path: &str, value: &Value, strategy: MergeStrategy, want: &str) {
        let mut document: DocumentMut = text.parse().unwrap();
        apply(&mut document, &key_path(path).unwrap(), value, strategy);
        assert_eq!(document.to_string(), want);
    }

    #[test]
    fn everything_else_stays_as_it_was() {
        use MergeStrategy::{Replace, Upsert};
        let text = "# mine\nmodel=\"a\" # why\n[t]\nx = 1\n";
        let changed = "# mine\nmodel=\"b\" # why\n[t]\nx = 1\n";
        check(text, "model", &json!("b"), Replace, changed);
        check(
            text,
            "t.y",
            &json!([1]),
            Replace,
            &format!("{text}y = [1]\n"),
        );
        check(
            text,
            "new",
            &json!(true),
            Replace,
            "# mine\nmodel=\"a\" # why\nnew = true\n[t]\nx = 1\n",
        );
        check(
            text,
            "t",
            &json!({"y": 2}),
            Upsert,
            &format!("{text}y = 2\n"),
        );
        check(
            text,
            "t",
            &json!({"y": 2}),
            Replace,
            "# mine\nmodel=\"a\" # why\n\n[t]\ny = 2\n",
        );
        check(
            text,
            "t",
            &Value::Null,
            Replace,
            "# mine\nmodel=\"a\" # why\n",
        );
        check(text, "no.such.key", &Value::Null, Replace, text);
        check(
            text,
            "a.b",
            &json!({"c": 1}),
            Replace,
            &format!("{text}\n[a.b]\nc = 1\n"),
        );
    }

    #[test]
    fn a_path_has_segments() {
        assert_eq!(key_path("a.\"b.c\".d").unwrap(), ["a", "b.c", "d"]);
        let empty = "keyPath segments must not be empty";
        for path in ["a..b", ".", "a.", ".a"] {
            assert_eq!(key_path(path).unwrap_err(), empty, "{path}");
        }
        assert_eq!(key_path("").unwrap_err(), "keyPath must not be empty");
    }
}
