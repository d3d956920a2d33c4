//! Many clients at once on one WebSocket listener. `cargo run --example many_clients` does the
//! same with more of them.

mod load;

use std::path::Path;
use std::time::Duration;

use load::Load;

#[tokio::test]
async fn every_client_sees_every_frame_in_order() {
    let load = Load {
        clients: 20,
        turns: 5,
        deadline: Duration::from_mins(1),
    };
    let figures = load::run(Path::new(env!("CARGO_BIN_EXE_mock-codex")), load).await;
    // Of each turn a client sees its own frames and two of every other.
    let least = load.clients * load.turns * (15 + 2 * (load.clients - 1));
    assert!(figures.frames > least, "{figures:?}");
}
