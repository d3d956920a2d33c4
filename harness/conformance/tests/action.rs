//! `action.yml`: its scripts run as a runner of GitHub would run them, on the local build; nothing
//! that a caller gives is evaluated.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn action() -> Value {
    let text = fs::read_to_string(Path::new(ROOT).join("action.yml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn steps(action: &Value) -> &Vec<Value> {
    action["runs"]["steps"].as_array().unwrap()
}

/// A runner: a checkout, and the files that it gives to steps.
struct Runner {
    room: tempfile::TempDir,
    inputs: BTreeMap<String, String>,
}

impl Runner {
    fn new(inputs: &[(&str, &str)]) -> Self {
        let declared = action()["inputs"].as_object().unwrap().clone();
        let default = |input: &Value| input["default"].as_str().unwrap_or_default().to_owned();
        let mut all: BTreeMap<String, String> = declared
            .iter()
            .map(|(name, input)| (name.clone(), default(input)))
            .collect();
        let local = env!("CARGO_BIN_EXE_codex-conformance");
        for (name, value) in [("executable", local)].iter().chain(inputs) {
            assert!(declared.contains_key(*name), "{name}");
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        Self {
            room: tempfile::tempdir().unwrap(),
            inputs: all,
        }
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.room.path().join(file)).unwrap_or_default()
    }

    /// The value of `${{ … }}`; what is no expression stands for itself.
    fn value(&self, of: &str) -> String {
        let Some(expression) = of.strip_prefix("${{").and_then(|it| it.strip_suffix("}}")) else {
            return of.to_owned();
        };
        let expression = expression.trim();
        if let Some(input) = expression.strip_prefix("inputs.") {
            return self.inputs[input].clone();
        }
        assert_eq!(expression, "steps.install.outputs.executable");
        let outputs = self.text("install.outputs");
        let line = outputs
            .lines()
            .find_map(|it| it.strip_prefix("executable="));
        line.unwrap().to_owned()
    }

    /// Runs a step that has a script, in a fresh shell, as `shell: bash` is defined.
    fn step(&self, id: &str) -> Output {
        let action = action();
        let step = steps(&action).iter().find(|step| step["id"] == id).unwrap();
        let here = self.room.path();
        let script = here.join("script.sh");
        fs::write(&script, step["run"].as_str().unwrap()).unwrap();
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&script)
            .current_dir(here)
            .env(
                "GITHUB_ACTION_PATH",
                Path::new(ROOT).canonicalize().unwrap(),
            )
            .env("GITHUB_STEP_SUMMARY", here.join("summary"))
            .env("GITHUB_OUTPUT", here.join(format!("{id}.outputs")))
            .env("RUNNER_TEMP", here);
        for (name, value) in step["env"].as_object().unwrap() {
            command.env(name, self.value(value.as_str().unwrap()));
        }
        command.output().unwrap()
    }

    /// The steps `install` and `run`; the exit code of the last.
    fn run(&self) -> (i32, String) {
        let installed = self.step("install");
        assert!(installed.status.success(), "{installed:?}");
        let ran = self.step("run");
        let said = [ran.stdout, ran.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
        (ran.status.code().unwrap(), said.concat())
    }
}

fn python() -> bool {
    let there = Command::new("python3").arg("--version").output();
    let there = there.is_ok_and(|output| output.status.success());
    let required = std::env::var("CONFORMANCE_REQUIRE").unwrap_or_default();
    assert!(there || !required.contains("python"), "python3 is needed");
    if !there {
        println!("skipped: python3 is not installed");
    }
    there
}

/// A driver in the checkout, which plants a defect if it is given one.
fn driver(runner: &Runner) {
    let planted = Path::new(ROOT).join("harness/conformance/tests/drivers/planted.py");
    fs::copy(planted, runner.room.path().join("driver.py")).unwrap();
}

#[test]
fn no_script_has_an_expression_and_every_action_is_pinned() {
    let action = action();
    assert_eq!(action["runs"]["using"], "composite");
    for step in steps(&action) {
        if let Some(script) = step["run"].as_str() {
            assert!(!script.contains("${{"), "{script}");
            assert_eq!(step["shell"], "bash");
        } else {
            let (_, commit) = step["uses"].as_str().unwrap().split_once('@').unwrap();
            let is_hash = commit.len() == 40 && commit.chars().all(|it| it.is_ascii_hexdigit());
            assert!(is_hash, "{commit}");
        }
    }
    for script in ["install", "run"] {
        let text = fs::read_to_string(Path::new(ROOT).join("harness/action").join(script)).unwrap();
        assert!(!text.contains("eval"), "{script}");
        assert!(!text.contains("${{"), "{script}");
    }
}

#[test]
fn what_passes_leaves_results_a_summary_and_a_badge() {
    if !python() {
        return;
    }
    let filters = "=sdk/first-turn\n  =sdk/plain-resume";
    let runner = Runner::new(&[
        ("client", "cmd:python3 driver.py"),
        ("filters", filters),
        ("badges", "badges"),
    ]);
    driver(&runner);
    let (code, said) = runner.run();
    assert_eq!(code, 0, "{said}");
    let summary = runner.text("summary");
    assert!(
        summary.contains("| `cmd:python3 driver.py` | `planted 1` | `mock` | 2 | 0 |"),
        "{summary}"
    );
    assert_eq!(
        runner.text("run.outputs"),
        "results=codex-conformance-results/results.json\nstate=passed\n"
    );
    let results: Value =
        serde_json::from_str(&runner.text("codex-conformance-results/results.json")).unwrap();
    assert_eq!(results["summary"]["passed"], 2);
    assert!(
        runner
            .text("badges/planted.json")
            .contains("\"brightgreen\"")
    );
}

#[test]
fn what_fails_fails_the_step_and_is_in_the_summary() {
    if !python() {
        return;
    }
    let runner = Runner::new(&[
        ("client", "cmd:python3 driver.py wrong-text"),
        ("filters", "=sdk/first-turn"),
    ]);
    driver(&runner);
    let (code, said) = runner.run();
    assert_eq!(code, 1, "{said}");
    let summary = runner.text("summary");
    assert!(summary.contains("`step-2.told`<br>"), "{summary}");
    assert!(runner.text("run.outputs").ends_with("state=failed\n"));
}

#[test]
fn what_a_caller_gives_is_no_script() {
    let evil = "$(touch${IFS}evil-1) `touch${IFS}evil-2` ;touch${IFS}evil-3; *";
    for (input, code) in [("client", 4), ("filters", 4), ("targets", 2)] {
        let mut inputs = vec![
            ("client", "cmd:python3 driver.py"),
            ("filters", "=no/such-case"),
        ];
        let given = format!("cmd:{evil}");
        inputs.push((input, if input == "client" { &given } else { evil }));
        let runner = Runner::new(&inputs);
        driver(&runner);
        let (ended, said) = runner.run();
        assert_eq!(ended, code, "{input}: {said}");
        let names = fs::read_dir(runner.room.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let made: Vec<String> = names.filter(|name| name.starts_with("evil")).collect();
        assert_eq!(made, [""; 0], "{input}: {said}");
        assert_eq!(runner.text("summary"), "", "{input}");
    }
    let runner = Runner::new(&[("client", "reference"), ("results", "a\nstate=passed")]);
    assert_eq!(runner.run().0, 2);
    assert_eq!(runner.text("run.outputs"), "");
}
