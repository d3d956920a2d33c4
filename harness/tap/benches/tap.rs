//! What the tap costs: a round trip and a stream through `cat`, with the tap and without.
//!
//! ```text
//! cargo bench -p codex-tap
//! ```
//!
//! The tap is this very program, started with [`AS_TAP`]: nothing but the tap is in it.
//!
//! Goals: at most 100 µs more for a round trip at the median, and at least 200 MB/s.

use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use codex_tap::{Plan, Sink};
use criterion::{BatchSize, Criterion, Throughput, criterion_group};

/// The argument that makes this program the tap.
const AS_TAP: &str = "as-tap";

/// `cat`, with or without the tap before it.
fn cat(tapped: bool) -> Child {
    let mut command = if tapped {
        let mut tap = Command::new(std::env::current_exe().expect("a path"));
        tap.arg(AS_TAP);
        tap
    } else {
        Command::new("cat")
    };
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cat starts")
}

fn frame(length: usize) -> Vec<u8> {
    let text = "x".repeat(length);
    format!("{{\"id\":1,\"method\":\"turn/start\",\"params\":{{\"text\":\"{text}\"}}}}\n")
        .into_bytes()
}

fn round_trips(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round trip");
    let line = frame(200);
    for (name, tapped) in [("direct", false), ("tapped", true)] {
        let mut child = cat(tapped);
        let mut to = child.stdin.take().expect("a pipe");
        let mut from = child.stdout.take().expect("a pipe");
        let mut back = vec![0; line.len()];
        group.bench_function(name, |bench| {
            bench.iter(|| {
                to.write_all(&line).expect("cat reads");
                from.read_exact(&mut back).expect("cat writes");
                black_box(&back);
            });
        });
        drop(to);
        child.wait().expect("cat ends");
    }
    group.finish();
}

fn streams(criterion: &mut Criterion) {
    /// Frames of a few kilobytes, as deltas and items are.
    const LINES: usize = 16_384;
    let line = frame(4_000);
    let all = line.repeat(LINES);
    let mut group = criterion.benchmark_group("stream");
    group
        .throughput(Throughput::Bytes(all.len() as u64))
        .sample_size(10);
    for (name, tapped) in [("direct", false), ("tapped", true)] {
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || cat(tapped),
                |child| through(child, &all),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// Sends everything, and reads as much.
fn through(mut child: Child, all: &[u8]) {
    let mut to = child.stdin.take().expect("a pipe");
    let mut from = child.stdout.take().expect("a pipe");
    thread::scope(|scope| {
        scope.spawn(move || to.write_all(all).expect("cat reads"));
        let mut buffer = vec![0; 1 << 16];
        let mut read = 0;
        while read < all.len() {
            read += from.read(&mut buffer).expect("cat writes");
        }
    });
    child.wait().expect("cat ends");
}

criterion_group!(benches, round_trips, streams);

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|first| first == AS_TAP) {
        let plan = Plan {
            program: "cat".into(),
            before: Vec::new(),
            takes_arguments: true,
            environment: std::collections::BTreeMap::new(),
            sink: Sink::File("/dev/null".into()),
            began_us: None,
            disturb: None,
        };
        return codex_tap::run(&plan, &[]).expect("cat starts");
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    ExitCode::SUCCESS
}
