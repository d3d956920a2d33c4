//! Whole scenarios: one case on the mock, on the real app-server and as people write it by hand
//! today, taken in turns in one run; then the whole suite on the mock.
//!
//! ```text
//! cargo bench -p codex-conformance --bench scenario
//! ```
//!
//! The mock needs nothing. The real app-server takes part when `codex@0.169.0` is installed
//! (`codex-conformance target install codex@0.169.0`), the peer by hand when it is, and
//! `CONFORMANCE_PEER_PYTHON` names a Python interpreter that has the package openai-codex 0.163.0.
//! Medians are compared within the run: figures of different runs or machines say nothing.

use std::io::{BufRead, BufReader, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use codex_conformance::run::outcome::{CaseRun, Status};
use codex_conformance::run::{RunOptions, case, suite};
use codex_conformance::scenario;
use codex_conformance::scenario::model::Case;
use codex_conformance::target::Target;
use codex_conformance::target::cache::Cache;
use codex_wire::transcript::{Event, Process};

const ROUNDS: usize = 20;
const CASE: &str = "=writes/outside-workspace";
const VERSION: &str = "0.169.0";

fn main() {
    // `cargo test --benches` and `--list` only want to know that this builds.
    if std::env::args().any(|argument| argument == "--test" || argument == "--list") {
        return;
    }
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let loaded = scenario::load(&[scenarios]);
    assert!(loaded.errors.is_empty(), "the scenarios load");
    let selected = scenario::select(&loaded.cases, &[CASE]);
    let [case] = &selected[..] else {
        panic!("`{CASE}` is one case")
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        one_case(case).await;
        whole_suite(&loaded.cases).await;
    });
}

fn options(jobs: usize) -> RunOptions {
    RunOptions {
        jobs: NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN),
        mock_program: Some(PathBuf::from(env!("CARGO_BIN_EXE_codex-conformance"))),
        ..RunOptions::default()
    }
}

async fn one_case(case: &Arc<Case>) {
    let real = Cache::from_environment()
        .and_then(|cache| cache.find(VERSION))
        .ok()
        .flatten()
        .map(|installed| {
            (
                Target::Codex {
                    version: VERSION.into(),
                },
                installed.program,
            )
        });
    let mut peer = real.as_ref().and_then(|(_, program)| Peer::start(program));
    let (mut on_mock, mut on_real, mut by_hand) = (Taken::new(), Taken::new(), Vec::new());
    // As in a suite: what is done once for all cases is done in the first round.
    let options = options(1);
    for _ in 0..ROUNDS {
        settle().await;
        on_mock.add(&case::run(case, &Target::MOCK, &options).await);
        if let Some((target, _)) = &real {
            settle().await;
            on_real.add(&case::run(case, target, &options).await);
        }
        if let Some(peer) = &mut peer {
            settle().await;
            by_hand.push(peer.run());
        }
    }
    println!("{}, {ROUNDS} rounds, medians", case.id);
    on_mock.print("mock");
    on_real.print(&format!("codex@{VERSION}"));
    if by_hand.is_empty() {
        println!("  by hand in Python: not measured, see the head of this file");
        return;
    }
    let by_hand = median(&mut by_hand);
    println!(
        "  by hand in Python on the real one: {:.1} ms",
        millis(by_hand)
    );
    for (name, taken) in [("mock", &mut on_mock), ("real", &mut on_real)] {
        let ratio = by_hand.as_secs_f64() / median(&mut taken.whole).as_secs_f64();
        println!("  ours on the {name} is {ratio:.1} times faster than by hand");
    }
}

/// Lets what the one before has left running end.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn whole_suite(cases: &[Arc<Case>]) {
    for jobs in [1, 2] {
        let started = Instant::now();
        let runs = suite(cases, &[Target::MOCK], &options(jobs), |_| ()).await;
        let took = started.elapsed();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a suite has fewer than 2^52 cases"
        )]
        let rate = runs.len() as f64 / took.as_secs_f64();
        let count = runs.len();
        println!("suite on the mock, {jobs} jobs: {count} cases in {took:.2?}, {rate:.0} a second");
    }
}

/// What runs of a case took.
struct Taken {
    whole: Vec<Duration>,
    /// Without the time in which the app-server ran.
    own: Vec<Duration>,
}

impl Taken {
    fn new() -> Self {
        Self {
            whole: Vec::new(),
            own: Vec::new(),
        }
    }

    fn add(&mut self, run: &CaseRun) {
        assert!(
            !matches!(run.status, Status::Failed | Status::Broken(_)),
            "{:?}",
            run.checks
        );
        self.whole.push(run.duration);
        self.own.push(run.duration.saturating_sub(server_time(run)));
    }

    fn print(&mut self, name: &str) {
        if self.whole.is_empty() {
            println!("  {name}: not installed");
            return;
        }
        let (whole, own) = (
            millis(median(&mut self.whole)),
            millis(median(&mut self.own)),
        );
        println!(
            "  {name}: {whole:.1} ms, of which before the start and after the end {own:.1} ms"
        );
    }
}

/// From each start of the app-server to its end.
fn server_time(run: &CaseRun) -> Duration {
    let mut started = None;
    let mut total = 0;
    for entry in &run.transcript {
        match &entry.event {
            Event::Process(Process::Started(_)) => started = Some(entry.t_us),
            Event::Process(Process::Exited { .. }) => {
                total += entry.t_us - started.take().unwrap_or(entry.t_us);
            }
            _ => {}
        }
    }
    Duration::from_micros(total)
}

/// The hand-written harness: a line asks for a run, a line tells what it took.
struct Peer {
    child: Child,
    ask: Option<ChildStdin>,
    tell: Option<BufReader<ChildStdout>>,
}

impl Peer {
    fn start(codex: &Path) -> Option<Self> {
        let python = std::env::var_os("CONFORMANCE_PEER_PYTHON")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer_python.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(codex)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("CONFORMANCE_PEER_PYTHON names an interpreter");
        let (ask, tell) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Some(Self { child, ask, tell })
    }

    fn run(&mut self) -> Duration {
        let mut answer = String::new();
        let (ask, tell) = (self.ask.as_mut(), self.tell.as_mut());
        ask.expect("stdin is piped")
            .write_all(b"run\n")
            .expect("the peer reads");
        tell.expect("stdout is piped")
            .read_line(&mut answer)
            .expect("the peer answers");
        let millis: f64 = answer
            .trim()
            .parse()
            .expect("the peer answers with milliseconds");
        Duration::from_secs_f64(millis / 1000.0)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(taken: &mut [Duration]) -> Duration {
    taken.sort_unstable();
    taken[taken.len() / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
