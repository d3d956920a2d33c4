//! The scenarios in the documents are right: each is checked, and run on the mock.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// The fenced YAML blocks that are whole scenarios.
fn scenarios(document: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(document);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let whole = |block: &&str| block.starts_with("# yaml-language-server");
    blocks
        .filter_map(|block| block.split("```").next())
        .filter(whole)
        .map(str::to_owned)
        .collect()
}

#[test]
fn scenarios_in_documents_pass() {
    for document in ["README.md", "CONTRIBUTING.md", "docs/scenarios.md"] {
        let room = tempfile::tempdir().unwrap();
        let area = room.path().join("scenarios/documents");
        fs::create_dir_all(&area).unwrap();
        let found = scenarios(document);
        assert!(!found.is_empty(), "{document} has a scenario");
        for (number, text) in found.iter().enumerate() {
            fs::write(area.join(format!("{number}.yaml")), text).unwrap();
        }
        Command::new(env!("CARGO_BIN_EXE_codex-conformance"))
            .args(["run", "--update-snapshots"])
            .current_dir(room.path())
            .assert()
            .success();
    }
}
