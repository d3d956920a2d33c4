//! Many clients at once on one WebSocket listener:
//! `cargo run --release -p mock-codex --example many_clients -- [CLIENTS] [TURNS]`, after
//! `cargo build --release -p mock-codex`.
//!
//! 200 clients and 50 turns each by default. It fails where a frame is lost, doubled or out of
//! order, and prints how long it took.

use std::path::PathBuf;
use std::time::Duration;

#[path = "../tests/many_clients/load.rs"]
mod load;

use load::Load;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|argument| {
        argument
            .parse()
            .unwrap_or_else(|_| panic!("`{argument}` is no number"))
    });
    let load = Load {
        clients: numbers.next().unwrap_or(200),
        turns: numbers.next().unwrap_or(50),
        deadline: Duration::from_mins(20),
    };
    let figures = load::run(&server(), load).await;
    println!(
        "{} clients, {} turns each: {} frames in {:.1} s, none lost or out of order; {} requests \
         were sent again after -32001",
        load.clients,
        load.turns,
        figures.frames,
        figures.took.as_secs_f64(),
        figures.retries,
    );
}

/// The executable of the same build.
fn server() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    let build = own.ancestors().nth(2).expect("it is in `examples`");
    build.join("mock-codex")
}
