//! What it costs to read a log and hold it against the trace rules.
//!
//! ```text
//! cargo bench -p codex-wire
//! ```
//!
//! Each log is one session of many turns, of 8 MB: one whose messages come in words, the shortest
//! frames that there are, and one whose items are long.
//!
//! Goal: at least 100 MB/s.

use std::fmt::Write;
use std::hint::black_box;

use codex_wire::trace::{Tracer, log};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

/// The length of a log, in bytes.
const LENGTH: usize = 8 << 20;

/// How a log has its frames.
#[derive(Clone, Copy)]
enum Form {
    /// As entries of a transcript.
    Transcript,
    /// As they were sent, without a direction.
    Bare,
}

/// A log that grows.
struct Log {
    form: Form,
    text: String,
}

impl Log {
    fn add(&mut self, side: &str, frame: &Value) {
        let line = match self.form {
            Form::Transcript => json!({"t_us": self.text.len(), "event": {side: frame}}),
            Form::Bare => frame.clone(),
        };
        writeln!(self.text, "{line}").expect("a string");
    }

    fn server(&mut self, method: &str, params: &Value) {
        self.add("server", &json!({"method": method, "params": params}));
    }
}

/// A session whose messages are `words` deltas, and `length` bytes each.
fn session(form: Form, words: usize, length: usize) -> String {
    let mut log = Log {
        form,
        text: String::new(),
    };
    let thread = "019aa0f2-7a10-7000-8000-000000000001";
    log.add("client", &json!({"id": 0, "method": "initialize", "params": {"clientInfo": {"name": "bench", "version": "1"}}}));
    log.add(
        "server",
        &json!({"id": 0, "result": {"userAgent": "bench/0.169.0"}}),
    );
    log.add("client", &json!({"method": "initialized"}));
    log.add(
        "client",
        &json!({"id": 1, "method": "thread/start", "params": {}}),
    );
    log.add("server", &json!({"id": 1, "result": {"thread": {"id": thread, "status": {"type": "idle"}}, "model": "mock"}}));
    for number in 0.. {
        if log.text.len() >= LENGTH {
            break;
        }
        let turn = format!("019aa0f2-7a10-7000-8000-{number:012}");
        let item = format!("msg_{number:032}");
        let request = number + 2;
        let about = json!({"threadId": thread, "input": [{"type": "text", "text": "go on"}]});
        log.add(
            "client",
            &json!({"id": request, "method": "turn/start", "params": about}),
        );
        let running = json!({"id": turn, "status": "inProgress", "items": [], "error": null});
        log.add(
            "server",
            &json!({"id": request, "result": {"turn": running}}),
        );
        let status = |kind: Value| json!({"threadId": thread, "status": kind});
        let active = status(json!({"type": "active", "activeFlags": []}));
        log.server("thread/status/changed", &active);
        log.server(
            "turn/started",
            &json!({"threadId": thread, "turn": running}),
        );
        let message = |text: &str| json!({"id": item, "type": "agentMessage", "text": text});
        let of_item =
            |text: &str| json!({"threadId": thread, "turnId": turn, "item": message(text)});
        log.server("item/started", &of_item(""));
        let word = "x".repeat(length);
        for _ in 0..words {
            let delta = json!({"threadId": thread, "turnId": turn, "itemId": item, "delta": word});
            log.server("item/agentMessage/delta", &delta);
        }
        log.server("item/completed", &of_item(&word.repeat(words)));
        let idle = status(json!({"type": "idle"}));
        log.server("thread/status/changed", &idle);
        let ended = json!({"id": turn, "status": "completed", "items": [], "error": null});
        log.server(
            "turn/completed",
            &json!({"threadId": thread, "turn": ended}),
        );
    }
    log.text
}

fn judge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trace check");
    group.sample_size(20);
    for (name, form, words, length) in [
        ("words, transcript", Form::Transcript, 500, 5),
        ("words, bare frames", Form::Bare, 500, 5),
        ("long items, transcript", Form::Transcript, 1, 2500),
        ("long items, bare frames", Form::Bare, 1, 2500),
    ] {
        let log = session(form, words, length);
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let mut tracer = Tracer::default();
                let read = log::judge(log.as_bytes(), &mut tracer, |finding, _| {
                    panic!("an honest session: {finding:?}");
                });
                black_box(read.expect("a log in memory"))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
