//! Many connections and many faults, for as long as one likes:
//! `cargo run --release -p mock-responses --example soak -- [MINUTES] [CONNECTIONS] [SEED]`.
//!
//! Ten minutes and 64 connections by default. Each connection asks again and again, with faults by
//! chance; some go away in the middle. At the end, descriptors, threads and memory have to be what
//! they were once it ran warm, and the journal has to have every request. The seed is printed;
//! given again, the same faults happen to the same replies.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mock_responses::{MockResponses, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Every fault that doesn't last for ever.
const SCRIPT: &str = "
- stream: { text: 'a text with ☕ and 𝄞 in it, in a number of words', split: word }
  times: any
  compress: true
  fault:
    random:
      percent: 70
      of:
        - { close: { before_head: true } }
        - { close: { after_event: 3 } }
        - { close: { after_byte: 500 } }
        - { close: { after_event: 2, end: clean } }
        - { close: { after_wire_byte: 77 } }
        - { reset_peer: { after_event: 4 } }
        - { reset_peer: { before_head: true } }
        - { slice: { random: 40 } }
        - { slice: { inside: utf8 } }
        - { slice: { inside: crlf } }
        - { slice: { wire: 100 } }
        - { trickle: { bytes: 200, every: 1ms } }
        - no_terminal_event
        - { missing_blank_line: { after_event: 2 } }
        - { duplicate_event: { event: 3 } }
        - { swap_events: { event: 1 } }
        - { broken_json: { event: 2 } }
        - { oversized_event: { event: 2, bytes: 100000 } }
        - { wrong_length: { by: 10 } }
        - { wrong_length: { by: -10 } }
        - { bad_chunk: { event: 2 } }
        - { drop_connection: idle }
        - { drop_connection: next_request }
        - { http: 503 }
        - { stall: { after_event: 1 } }
";

/// How long a client waits for an answer that stalls.
const PATIENCE: Duration = Duration::from_millis(50);

/// How much memory may grow once it runs warm, in KB: what the allocator keeps, and the journal's
/// list of where its requests are on disk.
const GROWTH: u64 = 48 * 1024;

/// What the process has.
#[derive(Clone, Copy, Debug)]
struct State {
    descriptors: usize,
    threads: u64,
    memory: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: f64| {
        let given = arguments.next();
        given.map_or(default, |text| text.parse().expect("a number"))
    };
    let span = Duration::from_secs_f64(number(10.0) * 60.0);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small numbers"
    )]
    let (connections, seed) = (number(64.0) as usize, number(0.0) as u64);
    let replies: Vec<Reply> = serde_saphyr::from_str(SCRIPT).expect("a script");
    let mut builder = MockResponses::builder()
        .replies(replies)
        .journal_memory(8 * 1024 * 1024);
    if seed > 0 {
        builder = builder.seed(seed);
    }
    let server = builder.start().await.expect("start");
    println!(
        "seed {}, {connections} connections, {span:?}",
        server.seed()
    );

    run(&server, connections, span / 5).await;
    let warm = state();
    println!("warm: {warm:?}, {} requests", server.journal().len());
    run(&server, connections, span * 4 / 5).await;
    let end = settled(warm).await;
    println!("end:  {end:?}, {} requests", server.journal().len());
    let readable = server
        .journal()
        .iter()
        .filter(|request| request.json().is_ok())
        .count();
    println!("{readable} requests can be read");
    let sound = end.descriptors <= warm.descriptors
        && end.threads <= warm.threads
        && end.memory <= warm.memory + GROWTH
        && readable == server.journal().len();
    server.shutdown().await;
    println!(
        "{}",
        if sound {
            "nothing leaked"
        } else {
            "something leaked"
        }
    );
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(server: &MockResponses, connections: usize, span: Duration) {
    let end = Instant::now() + span;
    let addr = server.addr();
    let mut clients = JoinSet::new();
    for client in 0..connections {
        clients.spawn(async move {
            let mut count = client;
            while Instant::now() < end {
                let Ok(mut stream) = TcpStream::connect(addr).await else {
                    continue;
                };
                // Several requests on a connection, if it lives that long.
                for _ in 0..4 {
                    count += 1;
                    if !ask(&mut stream, count).await {
                        break;
                    }
                }
            }
        });
    }
    clients.join_all().await;
}

/// Asks once; tells whether the connection may be used again.
async fn ask(stream: &mut TcpStream, count: usize) -> bool {
    let body = format!("{{\"input\": \"{}\"}}", "x".repeat(count % 7 * 1_000));
    let accepted = ["identity", "gzip", "br", "zstd", "deflate"][count % 5];
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: soak\r\naccept-encoding: {accepted}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    if stream.write_all((head + &body).as_bytes()).await.is_err() {
        return false;
    }
    let mut answer = Vec::new();
    let read = async {
        while !answer.ends_with(b"0\r\n\r\n") {
            // Some go away in the middle.
            if count.is_multiple_of(11) && answer.len() > 300 {
                return false;
            }
            match stream.read_buf(&mut answer).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or(false)
}

/// The state once connections had time to end: what is not gone by then has leaked.
async fn settled(warm: State) -> State {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let now = state();
        if now.descriptors <= warm.descriptors || Instant::now() > deadline {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

fn state() -> State {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    State {
        descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
        threads: field("Threads"),
        memory: field("VmRSS"),
    }
}
