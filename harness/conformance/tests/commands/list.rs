//! The command `list`: what it prints, where, and how it ends.

use super::program::{assert_prints, shown};

/// A directory with two scenarios, three cases.
fn sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        (
            "a/one.yaml",
            "name: one holds\ntags: [smoke, fast]\nsteps: [logout: ~]\n",
        ),
        (
            "b/two.yaml",
            "name: two holds\nmatrix: { x: [1, ~] }\nrequires: [restart]\nsteps: [logout: ~]\n",
        ),
    ] {
        let path = dir.path().join("scenarios").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn cases_are_listed_one_a_line() {
    assert_prints!("list_all", shown(sample().path(), &["list"]));
}

#[test]
fn filters_choose_and_json_says_more() {
    assert_prints!(
        "list_json",
        shown(sample().path(), &["list", "tag:smoke", "x=none", "--json"])
    );
}

#[test]
fn the_scenarios_are_found_upwards() {
    let dir = sample();
    let below = shown(dir.path().join("scenarios/a"), &["list", "@b"]);
    assert_eq!(below, shown(dir.path(), &["list", "@b"]));
}

#[test]
fn nothing_selected_ends_with_4() {
    assert_prints!("list_nothing", shown(sample().path(), &["list", "zzz"]));
}

#[test]
fn a_bad_directory_ends_with_2() {
    assert_prints!(
        "list_bad_dir",
        shown(sample().path(), &["list", "--scenarios", "none"])
    );
}

#[test]
fn bad_files_are_reported_beside_the_good_ones() {
    let dir = sample();
    std::fs::write(dir.path().join("scenarios/a/bad.yaml"), "name: bad\n").unwrap();
    assert_prints!("list_bad_file", shown(dir.path(), &["list", "@a"]));
}
