//! `serve`: the scripted model alone, for clients of any kind.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use mock_responses::{Event, MockResponses, Outcome, Reply, StartError};

use super::ending::Ending;
use super::{CliError, Exit, complain};

/// The options of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The script: a YAML list of replies
    #[arg(value_name = "SCRIPT.yaml")]
    script: PathBuf,
    /// The address to listen on; one that other machines can reach is taken as asked for
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where chance comes from, to have the same faults again
    #[arg(long)]
    seed: Option<u64>,
    /// Serve the Responses API over `WebSockets` too
    #[arg(long)]
    websockets: bool,
    /// Compress bodies for clients that ask for it
    #[arg(long)]
    compress: bool,
    /// Switch a rule off, by its name; may be repeated
    #[arg(long, value_name = "RULE")]
    without_rule: Vec<String>,
    /// Tell each event that is sent
    #[arg(long)]
    events: bool,
}

/// Serves a script until Ctrl-C, then says what was asked and what was wrong.
///
/// # Errors
/// The script can't be read or is wrong, or the address can't be had.
pub fn execute(args: &ServeArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let replies = read(&args.script)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(args, replies, out))
}

fn read(path: &Path) -> Result<Vec<Reply>, CliError> {
    let hint = "a script is a YAML list of replies, e.g. `- message: hello`";
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::usage(format!("can't read `{name}`: {error}"), hint))?;
    serde_saphyr::from_str(&text)
        .map_err(|error| CliError::usage(format!("`{name}` is not a script: {error}"), hint))
}

async fn serve(
    args: &ServeArgs,
    replies: Vec<Reply>,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let count = replies.len();
    // Before the address is told: whoever reads it may end this at once.
    let mut ended = Ending::listen()?;
    let events = args.events;
    let mut builder = MockResponses::builder()
        .replies(replies)
        .listen(args.listen)
        .beyond_loopback(true)
        .websockets(args.websockets)
        .compress(args.compress)
        .observer(move |event| show(&event, events));
    if let Some(seed) = args.seed {
        builder = builder.seed(seed);
    }
    for rule in &args.without_rule {
        builder = builder.without_rule(rule);
    }
    let server = builder.start().await.map_err(|error| refused(&error))?;
    let url = server.base_url();
    writeln!(out, "{url}")?;
    writeln!(
        out,
        "try: curl -N {url}/responses -H 'content-type: application/json' -d '{{\"input\": \"hello\"}}'"
    )?;
    out.flush()?;
    if !args.listen.ip().is_loopback() {
        complain("note: other machines can read what this server is sent, and script it");
    }
    ended.asked().await;
    let asked = server.journal().len();
    let violations = server.verdict();
    server.shutdown().await;
    writeln!(
        out,
        "{asked} requests, {count} replies in the script, {} violations",
        violations.len()
    )?;
    for violation in &violations {
        writeln!(out, "{violation}")?;
    }
    Ok(if violations.is_empty() {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn refused(error: &StartError) -> CliError {
    let exit = match error {
        StartError::Script { .. } | StartError::Rule(_) => Exit::Usage,
        _ => Exit::Environment,
    };
    CliError::Failed {
        message: error.to_string(),
        hint: None,
        exit,
    }
}

/// Tells on stderr what happens.
fn show(event: &Event, events: bool) {
    match event {
        Event::Request { request } => complain(&request.to_string()),
        Event::Reply {
            reply: Some(reply),
            status,
            ..
        } => {
            complain(&format!("  reply {}, status {status}", reply + 1));
        }
        Event::Reply { status, .. } => complain(&format!("  status {status}")),
        Event::SseEvent { data, .. } if events => complain(&format!("  {data}")),
        Event::Finished {
            outcome: Outcome::Faulted(fault),
            ..
        } => {
            complain(&format!("  the fault `{fault}` happened"));
        }
        Event::Finished {
            outcome: Outcome::ClientClosed,
            ..
        } => {
            complain("  the client went away");
        }
        _ => {}
    }
}
