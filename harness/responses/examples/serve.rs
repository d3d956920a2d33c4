//! Serves a script: `cargo run -p mock-responses --example serve -- SCRIPT.yaml`.
//!
//! Prints the base URL, then what happens. At the end of its standard input it prints the verdict
//! and ends, with exit code 1 if anything was wrong.

use std::error::Error;
use std::process::ExitCode;

use mock_responses::{Event, MockResponses, Reply};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: serve SCRIPT.yaml")?;
    let replies: Vec<Reply> = serde_saphyr::from_str(&std::fs::read_to_string(path)?)?;
    let server = MockResponses::builder()
        .replies(replies)
        .observer(show)
        .start()
        .await?;
    println!("{}", server.base_url());

    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    let verdict = server.verdict();
    server.shutdown().await;
    for violation in &verdict {
        println!("{violation}");
    }
    Ok(if verdict.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(event: Event) {
    match event {
        Event::Request { request } => println!("{request}"),
        Event::SseEvent { data, .. } => println!("  {data}"),
        Event::Finished { outcome, .. } => println!("  {outcome:?}"),
        _ => {}
    }
}
