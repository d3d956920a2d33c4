//! The command `presets`: the mapping for people and for programs.

use codex_wire::preset::table;
use serde_json::Value;

use super::program::{assert_prints, conformance};

fn presets(args: &[&str]) -> String {
    let (code, out, err) = conformance(&[&["presets"], args].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    out
}

#[test]
fn the_table_says_what_goes_on_the_wire_and_why_some_choices_are_refused() {
    assert_prints!("presets", presets(&[]));
}

#[test]
fn the_json_has_the_same_rows() {
    let rows: Vec<Value> = serde_json::from_str(&presets(&["--json"])).unwrap();
    assert_eq!(rows.len(), table().len());
    for (row, given) in table().iter().zip(&rows) {
        assert_eq!(given["method"], row.method.name());
        match &row.wire {
            Ok(wire) => {
                assert_eq!(given["wire"], Value::Object(wire.clone()));
                assert!(given["refused"].is_null());
            }
            Err(refused) => {
                assert_eq!(given["refused"], refused.to_string());
                assert!(given["wire"].is_null());
            }
        }
    }
}
