//! The command `presets`: the mapping for people and for programs.

use assert_cmd::Command;
use codex_wire::preset::table;
use serde_json::Value;

fn run(args: &[&str]) -> String {
    let mut command = Command::cargo_bin("codex-conformance").expect("the binary is built");
    let output = command.args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_table_says_what_goes_on_the_wire_and_why_some_choices_are_refused() {
    insta::with_settings!({
        snapshot_path => "../../../snapshots/cli",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!("presets", run(&["presets"])) });
}

#[test]
fn the_json_has_the_same_rows() {
    let rows: Vec<Value> = serde_json::from_str(&run(&["presets", "--json"])).unwrap();
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
