//! The figures of the scripted server beside those of its peers, interleaved in one run.
//!
//! `benches/peers/run.sh` installs the peers and runs this. Each server is a process of its own;
//! a reply has 23 events; every request is parsed (a matcher asks for its model) and journalled.
//! `run.sh pace` measures the pace alone. Printed are medians over the rounds; absolute figures
//! don't travel between machines, ratios do.

mod load;
mod pacing;
mod serve;

use std::time::{Duration, Instant};

use load::{Figures, Load};
use serve::{Peer, Server};

const ROUNDS: usize = 5;
const SPAN: Duration = Duration::from_secs(2);

/// Size of the request, connections.
const LOADS: [(usize, usize); 3] = [(1_000, 16), (1_000, 64), (40_000, 16)];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let serve = arguments.iter().position(|argument| argument == "serve");
    if let Some(kind) = serve.and_then(|at| arguments.get(at + 1)) {
        return serve::run(kind);
    }
    let only_pace = arguments.iter().any(|argument| argument == "pace");
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        if only_pace {
            return pacing::measure(rounds.unwrap_or(ROUNDS)).await;
        }
        starts().await;
        for (size, connections) in LOADS {
            compare(size, connections, rounds.unwrap_or(ROUNDS)).await;
        }
        pacing::measure(rounds.unwrap_or(ROUNDS)).await;
        if std::env::var_os("JOURNAL").is_some() {
            journal().await;
        }
    });
}

/// From the start of the process to the first byte of an answer.
async fn starts() {
    let mut times = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let server = Server::start(Peer::Mock).await.expect("the server");
        load::first_byte(server.addr, &load::request(1_000)).await;
        times.push(began.elapsed());
    }
    times.sort();
    println!("start to first byte: {:?} (median of 10)", times[5]);
}

/// One load on every server, turn by turn.
async fn compare(size: usize, connections: usize, rounds: usize) {
    println!("\n{} KB requests, {connections} connections", size / 1_000);
    let mut servers = Vec::new();
    for peer in Peer::ALL {
        match Server::start(peer).await {
            Ok(server) => servers.push((server, Vec::new())),
            Err(reason) => println!("{:24} not here: {reason}", peer.name()),
        }
    }
    let request = load::request(size);
    for _ in 0..rounds {
        for (server, figures) in &mut servers {
            let load = Load {
                addr: server.addr,
                request: &request,
                connections,
                span: SPAN,
            };
            figures.push(load.put().await);
        }
    }
    for (server, figures) in servers {
        let Figures { rate, worst } = load::median(figures);
        let name = server.peer.name();
        let memory = server.peak_memory() / 1024;
        println!("{name:24} {rate:>9.0} requests/s   p99 {worst:>10.2?}   peak {memory:>5} MB");
    }
}

/// The memory that a large journal takes, and whether it can be read.
async fn journal() {
    const REQUESTS: u64 = 100_000;
    let server = Server::start(Peer::Mock).await.expect("the server");
    let before = server.memory();
    let request = load::request(40_000);
    load::count(server.addr, &request, 16, REQUESTS).await;
    let (after, peak) = (server.memory() / 1024, server.peak_memory() / 1024);
    println!(
        "\njournal of {REQUESTS} requests of 40 KB: {} MB before, {after} MB after, peak {peak} MB",
        before / 1024
    );
    println!("{}", server.finish().await);
}
