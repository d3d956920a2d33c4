//! Requests per second over keep-alive connections: a reply of 23 events, every request parsed
//! (a matcher asks for its model) and journalled.
//!
//! `cargo bench -p mock-responses`; criterion's "elem/s" are requests per second. Server and load
//! share the machine and the runtime, so that the figure is a lower bound for the server.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mock_responses::{MockResponses, Reply, Style, Times, When, Writes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// What ends a chunked body.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// The sizes of request, in bytes: a small one, and a turn of the real codex.
const REQUESTS: [usize; 2] = [1_000, 40_000];

fn reply() -> Reply {
    let deltas = (0..19).map(|number| format!("a delta of some length {number} "));
    let when: When = serde_saphyr::from_str("model: mock-model").expect("a matcher");
    let reply = Reply::stream(deltas)
        .style(Style::Minimal)
        .when(when)
        .times(Times::Any);
    assert_eq!(reply.events().len(), 23);
    reply
}

/// A request of about this many bytes, with as many items as a conversation would have.
fn request(size: usize) -> Vec<u8> {
    let item = serde_json::json!({
        "type": "message",
        "role": "user",
        "content": [{ "type": "input_text", "text": "lorem ipsum ".repeat(30) }],
    });
    let length = item.to_string().len();
    let input = vec![item; (size / length).max(1)];
    let body = serde_json::json!({ "model": "mock-model", "stream": true, "input": input });
    let body = body.to_string();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\n\
         accept: text/event-stream\r\nuser-agent: bench\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// Makes `count` requests, one after the other, on one connection.
async fn ask(mut stream: TcpStream, request: Vec<u8>, count: u64) -> TcpStream {
    let mut answer = Vec::with_capacity(16 * 1024);
    for _ in 0..count {
        stream.write_all(&request).await.expect("write");
        answer.clear();
        while !answer.ends_with(LAST_CHUNK) {
            let read = stream.read_buf(&mut answer).await.expect("read");
            assert!(read > 0, "the server closed the connection");
        }
        assert!(answer.len() > 23 * 100, "not the whole reply");
    }
    stream
}

/// How long `total` requests take over `connections`.
async fn load(writes: Writes, request: Vec<u8>, connections: u64, total: u64) -> Duration {
    let replies = vec![reply()];
    let server = MockResponses::builder()
        .replies(replies)
        .writes(writes)
        .start()
        .await;
    let server = server.expect("start");
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(server.addr()).await.expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        streams.push(ask(stream, request.clone(), 1).await);
    }
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for (index, stream) in (0..).zip(streams) {
        let share = total / connections + u64::from(index < total % connections);
        tasks.spawn(ask(stream, request.clone(), share));
    }
    tasks.join_all().await;
    let took = start.elapsed();
    server.shutdown().await;
    took
}

fn throughput(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    for (name, writes) in [
        ("per event", Writes::PerEvent),
        ("coalesced", Writes::Coalesced),
    ] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1)).sample_size(10);
        for size in REQUESTS {
            let request = request(size);
            for connections in [1, 16, 64] {
                let id = BenchmarkId::new(format!("{} KB requests", size / 1_000), connections);
                group.bench_function(id, |bencher| {
                    bencher.iter_custom(|total| {
                        runtime.block_on(load(writes, request.clone(), connections, total))
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, throughput);
criterion_main!(benches);
