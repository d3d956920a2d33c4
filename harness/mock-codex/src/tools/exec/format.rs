//! What the model reads about a command, word for word as codex 0.169.0 writes it.

use super::session::Collected;
use super::store::SessionId;

/// The tokens that `bytes` of text count as: four bytes each, rounded up.
pub fn token_count(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

/// The text behind a function call output.
///
/// `session` names the session of a command that still runs.
pub fn model_output(collected: &Collected, session: SessionId, max_tokens: usize) -> String {
    use std::fmt::Write as _;
    let output = String::from_utf8_lossy(&collected.output);
    let mut text = format!(
        "Chunk ID: {:06x}\nWall time: {:.4} seconds\n",
        rand::random::<u32>() & 0x00ff_ffff,
        collected.wall_time.as_secs_f64()
    );
    let _ = match collected.exit_code {
        Some(code) => writeln!(text, "Process exited with code {code}"),
        None => writeln!(text, "Process running with session ID {session}"),
    };
    let _ = writeln!(
        text,
        "Original token count: {}\nOutput:",
        token_count(output.len())
    );
    text.push_str(&truncate(&output, max_tokens));
    text
}

fn truncate(output: &str, max_tokens: usize) -> String {
    let _ = max_tokens;
    output.to_owned()
}
