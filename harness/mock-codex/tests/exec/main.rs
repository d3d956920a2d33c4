//! `codex exec` beside what the real one printed.
//!
//! Each row is one home with a scripted model and one run or more. What codex 0.169.0 printed for
//! it is in `golden/`; `EXEC_RECORD=/path/to/codex cargo test -p mock-codex --test exec` writes it
//! anew from there.

mod people;
mod rows;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mock_responses::MockResponses;
use people::PEOPLE;
use rows::{ROWS, Row, Run};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long one run may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The directories of a row, and its model.
struct World {
    directory: TempDir,
    model: MockResponses,
}

#[tokio::test]
async fn what_is_printed_is_what_codex_prints() {
    let recorded_on = std::env::var_os("EXEC_RECORD").map(PathBuf::from);
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_mock-codex"));
    let program = recorded_on.as_ref().unwrap_or(&ours);
    let mut differing = Vec::new();
    for row in ROWS.iter().chain(PEOPLE) {
        let printed = World::new(row).await.all(program, row).await;
        let golden = golden(row.name);
        if recorded_on.is_some() {
            std::fs::write(golden, printed).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&golden).unwrap();
        if printed != expected {
            differing.push(format!(
                "{}\n--- codex\n{expected}\n--- mock\n{printed}",
                row.name
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n\n"));
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/exec/golden")
        .join(format!("{name}.txt"))
}

impl World {
    async fn new(row: &Row) -> Self {
        let directory = tempfile::tempdir_in("/var/tmp").unwrap();
        for name in ["home", "user", "workspace", "elsewhere"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let script: Value = serde_json::from_str(row.model).expect(row.name);
        let model = MockResponses::builder()
            .replies(serde_json::from_value(script).expect(row.name))
            .start()
            .await
            .unwrap();
        let world = Self { directory, model };
        let config = format!(
            "{}\nmodel = \"mock-model\"\nmodel_provider = \"mock\"\n\
             check_for_update_on_startup = false\n[analytics]\nenabled = false\n[features]\n\
             plugins = false\napps = false\nremote_plugin = false\n[model_providers.mock]\n\
             name = \"mock\"\nbase_url = \"{}\"\nwire_api = \"responses\"\n\
             request_max_retries = 0\nstream_max_retries = {}\n",
            row.config,
            world.model.base_url(),
            row.retries,
        );
        std::fs::write(world.path("home/config.toml"), config).unwrap();
        for (path, text) in row.files {
            std::fs::write(world.path(path), text).unwrap();
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Every run of the row, as text.
    async fn all(&self, program: &Path, row: &Row) -> String {
        let mut text = String::new();
        let mut thread = String::new();
        for run in row.runs {
            let printed = self.one(program, run, &mut thread).await;
            let _ = writeln!(text, "$ codex exec {}\n{printed}", run.args.join(" "));
        }
        for path in row.shown {
            let content = std::fs::read_to_string(self.path(path));
            let _ = writeln!(text, "{path}: {:?}", content.ok());
        }
        text
    }

    /// One run; `thread` is that of the one before, and becomes its own.
    async fn one(&self, program: &Path, run: &Run, thread: &mut String) -> String {
        let root = self.directory.path().to_str().unwrap();
        let args = run.args.iter().map(|argument| {
            argument
                .replace("${thread}", thread)
                .replace("${model}", &self.model.base_url())
                .replace("${root}", root)
        });
        let mut child = Command::new(program)
            .arg("exec")
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("user"))
            .env("CODEX_HOME", self.path("home"))
            .env("SHELL", "/bin/bash")
            .current_dir(self.path("workspace"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who refuses its arguments doesn't read.
        let _ = stdin.write_all(run.stdin.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
            .await
            .expect("exec did not end in time")
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let first = stdout
            .lines()
            .next()
            .and_then(|line| line.parse::<Value>().ok());
        if let Some(id) = first.and_then(|first| Some(first["thread_id"].as_str()?.to_owned())) {
            *thread = id;
        }
        let mut text = String::new();
        for line in stdout.lines() {
            let _ = writeln!(text, "out {}", self.plain(line));
        }
        let stderr = String::from_utf8(output.stderr).unwrap();
        let of_the_machine = |line: &&str| line.contains("could not find bubblewrap");
        for line in stderr
            .lines()
            .filter(|line| !is_log(line) && !of_the_machine(line))
        {
            let _ = writeln!(text, "err {}", self.plain(line));
        }
        let _ = writeln!(text, "exit {:?}", output.status.code());
        text
    }

    /// A line without what differs from run to run.
    fn plain(&self, line: &str) -> String {
        let root = self.directory.path().to_str().unwrap();
        let mut line = without_duration(&line.replace(root, "${root}"));
        // Ids stand between quotes or blanks.
        let words: Vec<String> = line
            .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
            .filter(|word| word.len() == 36 && uuid::Uuid::try_parse(word).is_ok())
            .map(str::to_owned)
            .collect();
        for word in words.iter().filter(|word| !word.starts_with("00000000")) {
            line = line.replace(word, "<thread>");
        }
        line
    }
}

/// A line about a command, without how long it took: ` succeeded in 12ms:`.
fn without_duration(line: &str) -> String {
    let took = || {
        let (before, rest) = line.split_once(" in ")?;
        let (number, after) = rest.split_once("ms:")?;
        number.parse::<u64>().ok()?;
        Some(format!("{before} in <duration>ms:{after}"))
    };
    took().unwrap_or_else(|| line.to_owned())
}

/// What the real one logs: `2026-11-21T12:00:00.000000Z ERROR …`, coloured or not.
fn is_log(line: &str) -> bool {
    line.contains("ERROR") && line.contains("codex_")
}
