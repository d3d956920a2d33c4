//! Requests per second over keep-alive connections: a reply of 23 events, every request parsed
//! (a matcher asks for its model) and journalled.
//!
//! `cargo bench -p mock-responses`; criterion's "elem/s" are requests per second. Server and load
//! share the machine and the runtime, so that the figure is a lower bound for the server; bare
//! sockets that send the same bytes, in the same run, say what there is to be had.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mock_responses::{MockResponses, Reply, Style, Times, When, Writes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

/// What the load is put on.
#[derive(Clone, Copy)]
enum Subject {
    Mock(Writes),
    /// Bare sockets that count the bytes of a request and answer with the same chunks: the floor.
    Bare(Writes),
}

/// The chunks of the reply, each as the server sends it; the head goes with the first one and
/// the end with the last.
fn chunks(writes: Writes) -> Vec<Vec<u8>> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    let events = reply().events();
    let chunks = events.iter().map(|event| {
        let kind = event["type"].as_str().expect("a type");
        let event = format!("event: {kind}\ndata: {event}\n\n");
        format!("{:X}\r\n{event}\r\n", event.len()).into_bytes()
    });
    let mut chunks: Vec<_> = chunks.collect();
    chunks[0].splice(0..0, head.bytes());
    chunks
        .last_mut()
        .expect("events")
        .extend_from_slice(&LAST_CHUNK[2..]);
    if writes == Writes::PerEvent {
        chunks
    } else {
        vec![chunks.concat()]
    }
}

/// Answers requests of a known length on bare sockets, for as long as anybody asks.
async fn serve_bare(listener: TcpListener, length: usize, chunks: Arc<[Vec<u8>]>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let chunks = Arc::clone(&chunks);
        stream.set_nodelay(true).expect("nodelay");
        tokio::spawn(async move {
            let mut request = vec![0; length];
            while stream.read_exact(&mut request).await.is_ok() {
                for chunk in chunks.iter() {
                    stream.write_all(chunk).await.expect("write");
                }
            }
        });
    }
}

/// How long `total` requests take over `connections`.
async fn load(subject: Subject, request: Vec<u8>, connections: u64, total: u64) -> Duration {
    match subject {
        Subject::Mock(writes) => {
            let builder = MockResponses::builder()
                .replies(vec![reply()])
                .writes(writes);
            let server = builder.start().await.expect("start");
            let took = load_on(server.addr(), request, connections, total).await;
            server.shutdown().await;
            took
        }
        Subject::Bare(writes) => {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let addr = listener.local_addr().expect("an address");
            let chunks = chunks(writes).into();
            let server = tokio::spawn(serve_bare(listener, request.len(), chunks));
            let took = load_on(addr, request, connections, total).await;
            server.abort();
            took
        }
    }
}

async fn load_on(addr: SocketAddr, request: Vec<u8>, connections: u64, total: u64) -> Duration {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(addr).await.expect("connect");
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
    start.elapsed()
}

fn throughput(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let subjects = [
        ("per event", Subject::Mock(Writes::PerEvent)),
        ("per event, bare sockets", Subject::Bare(Writes::PerEvent)),
        ("coalesced", Subject::Mock(Writes::Coalesced)),
        ("coalesced, bare sockets", Subject::Bare(Writes::Coalesced)),
    ];
    for size in REQUESTS {
        let mut group = criterion.benchmark_group(format!("{} KB requests", size / 1_000));
        group.throughput(Throughput::Elements(1)).sample_size(10);
        let request = request(size);
        for connections in [1, 16, 64] {
            for (name, subject) in subjects {
                group.bench_function(BenchmarkId::new(name, connections), |bencher| {
                    bencher.iter_custom(|total| {
                        runtime.block_on(load(subject, request.clone(), connections, total))
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, throughput);
criterion_main!(benches);
