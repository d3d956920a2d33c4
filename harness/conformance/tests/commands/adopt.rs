//! The command `adopt`, with mocks in place of two installed versions, the newer one with a defect.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Said, command, said};

const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

const PLAIN: &str = "\
name: a plain turn
model:
  - message: done
steps:
  - thread_start: {}
    as: thread
  - run: { thread: thread, input: go }
    expect: { status: completed, final_response: done }
snapshot: [server]
";

/// What the newer one doesn't do any more.
const USAGE: &str = "\
name: usage is told
model:
  - message: done
steps:
  - thread_start: {}
    as: thread
  - run: { thread: thread, input: go }
expect:
  frames:
    - { from: server, method: thread/tokenUsage/updated, count: 1 }
snapshot: [server]
";

/// What holds on both, though the list says otherwise.
const KNOWN: &str = "\
# What codex gets wrong.
- case: 'turns/plain'
  check: step-2.expect
  message: 'no'
  reason: it was so
  versions: [\">=0.9.0 <1.0.0\", \">=1.1.0\"]
";

/// A checkout, and a cache with two versions.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        room.write("scenarios/turns/plain.yaml", PLAIN);
        room.write("scenarios/turns/usage.yaml", USAGE);
        room.write("fixtures/known-failures/codex.yaml", KNOWN);
        room.install(OLD, "", |_| {});
        room.install(NEW, "--mutant=usage-dropped", |definitions| {
            let added = json!({ "type": ["string", "null"] });
            definitions["v2"]["TurnStartParams"]["properties"]["sandboxNext"] = added;
        });
        let (code, _, err) = room.call(&["schema", "import", "codex@1.0.0"]);
        assert_eq!(code, 0, "{err}");
        room
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        let path = self.0.path().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A program in the cache that is the mock, and that describes this protocol.
    fn install(&self, version: &str, option: &str, change: impl FnOnce(&mut Value)) {
        let bundle = format!("cache/bundle-{version}");
        let mut definitions = definitions();
        change(&mut definitions);
        self.write(
            &format!("{bundle}/codex_app_server_protocol.schemas.json"),
            &json!({ "definitions": definitions }).to_string(),
        );
        let bundle = self.0.path().join(bundle);
        let mock = env!("CARGO_BIN_EXE_codex-conformance");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *generate-json-schema*) exec /bin/cp -r '{}' out ;; esac\n\
             exec '{mock}' mock {option} \"$@\"\n",
            bundle.display()
        );
        let program = format!("cache/targets/codex-{version}/node_modules/.bin/codex");
        self.write(&program, &script);
        let program = self.0.path().join(program);
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn call(&self, args: &[&str]) -> Said {
        let mut command = command(self.0.path(), args);
        command
            .env_remove("CI")
            .env("CODEX_CONFORMANCE_CACHE", self.0.path().join("cache"));
        said(&mut command)
    }

    fn adopt(&self, more: &[&str]) -> Said {
        self.call(&[&["adopt", "codex@1.1.0", "--no-permissions"], more].concat())
    }

    fn git(&self, args: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let mut git = Command::new("git");
        git.current_dir(self.0.path())
            .args(who)
            .args(args)
            .assert()
            .success();
    }
}

/// The definitions of the protocol, as a generator writes them.
fn definitions() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/schemas/codex-0.169.0.json");
    let fixture: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut nested = json!({});
    for (name, definition) in fixture["definitions"].as_object().unwrap() {
        let place = match name.split_once('/') {
            Some((space, name)) => &mut nested[space][name],
            None => &mut nested[name],
        };
        *place = definition.clone();
    }
    nested
}

#[test]
fn a_new_version_leaves_a_change_and_says_what_is_left() {
    let room = Room::new();
    let (code, out, err) = room.adopt(&[]);
    assert_eq!(code, 0, "{out}{err}");

    assert!(
        room.read("fixtures/schemas/codex-1.1.0.json")
            .contains("sandboxNext")
    );
    let snapshot = room.read("snapshots/turns/plain.snap");
    assert!(snapshot.contains("recorded: \"codex@1.1.0\""), "{snapshot}");
    assert!(!snapshot.contains("tokenUsage"), "{snapshot}");
    let known = room.read("fixtures/known-failures/codex.yaml");
    assert!(
        known.contains("[\">=0.9.0 <1.0.0 <1.1.0\", \">=1.1.0 <1.1.0\"]"),
        "{known}"
    );
    assert!(known.contains("- case: 'turns/usage'"), "{known}");
    assert!(
        known.contains("reason: not looked at yet\n  versions: [\">=1.1.0\"]"),
        "{known}"
    );
    let requirements = room.read("requirements/1.1.0.yaml");
    assert!(requirements.contains("turns/plain") && !requirements.contains("turns/usage"));
    let page = room.read("docs/changes/codex-1.1.0.md");
    assert!(
        page.starts_with("# codex 1.1.0, compared with 1.0.0\n"),
        "{page}"
    );
    assert!(
        page.contains("`← thread/tokenUsage/updated` is gone"),
        "{page}"
    );

    assert!(
        out.starts_with("# Adopt codex 1.1.0 (compared with 1.0.0)\n"),
        "{out}"
    );
    assert!(
        out.contains("member added  v2/TurnStartParams.sandboxNext  (sandbox"),
        "{out}"
    );
    assert!(out.contains("passed → failed → passed, 1 case: "), "{out}");
    assert!(
        out.contains("`snapshots/`: 2 recorded on codex@1.1.0"),
        "{out}"
    );

    // Once more: nothing is run, and nothing is another.
    let summary = room.0.path().join("summary.md");
    let (code, _, err) = room.adopt(&["--summary", summary.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("cases: as they were run before"), "{err}");
    assert!(
        !err.contains(": changed") && !err.contains(": written"),
        "{err}"
    );
    assert_eq!(fs::read_to_string(summary).unwrap(), out);
    // The list holds: what is known to fail on the new version does, and nothing else.
    let (code, out, err) = room.call(&["run", "--target", "codex@1.1.0"]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn what_is_not_committed_or_frozen_is_left_alone() {
    let room = Room::new();
    room.write(".gitignore", "cache\n");
    room.git(&["init", "-q"]);
    room.git(&["add", "."]);
    room.git(&["commit", "-qm", "begin"]);
    room.write("snapshots/turns/plain.snap", "mine");
    let (code, _, err) = room.adopt(&[]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("would be overwritten: `snapshots/turns/plain.snap`"),
        "{err}"
    );
    assert!(err.contains("hint: commit them"), "{err}");
    assert_eq!(room.read("snapshots/turns/plain.snap"), "mine");

    room.write(
        "requirements/1.1.0.yaml",
        "version: 1.1.0\nserver: [turns/plain]\nclient: []\n",
    );
    room.git(&["add", "."]);
    room.git(&["commit", "-qm", "frozen"]);
    let (code, out, err) = room.adopt(&[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(
        err.contains("requirements: frozen, and left as it was"),
        "{err}"
    );
    assert!(
        room.read("requirements/1.1.0.yaml")
            .ends_with("client: []\n")
    );
    assert!(
        room.read("snapshots/turns/plain.snap").contains("recorded"),
        "it was committed"
    );
}

#[test]
fn versions_that_are_not_there_are_refused() {
    let room = Room::new();
    let (code, _, err) = room.call(&["adopt", "codex@9.9.9"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("target install codex@9.9.9"), "{err}");
    let (code, _, err) = room.call(&["adopt", "mock"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = room.adopt(&["--from", "codex@1.1.0"]);
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("`codex@1.1.0` is not older than `codex@1.1.0`"),
        "{err}"
    );
    fs::remove_file(room.0.path().join("fixtures/schemas/codex-1.0.0.json")).unwrap();
    let (code, _, err) = room.adopt(&["--from", "codex@1.0.0"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("schema import codex@1.0.0"), "{err}");
}
