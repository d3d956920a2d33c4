//! What the model reads about a command, word for word as codex 0.169.0 writes it.
//!
//! Observed there: a budget of `max_output_tokens` applies where it is smaller than the model's
//! own; half of it goes to the beginning, half to the end, both cut at a character.

use std::fmt::Write as _;

use super::session::Collected;
use super::store::SessionId;

/// How much output the model gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// Bytes; what is left out is counted in characters.
    Bytes(usize),
    /// Tokens of four bytes; what is left out is counted in tokens.
    Tokens(usize),
}

impl Budget {
    /// That of a model without metadata (`mock-model`).
    pub const UNKNOWN_MODEL: Self = Self::Bytes(10_000);

    /// This budget of a model, unless the call asks for less.
    #[must_use]
    pub fn or_less(self, max_output_tokens: Option<usize>) -> Self {
        match max_output_tokens {
            Some(tokens) if tokens.saturating_mul(BYTES_PER_TOKEN) < self.bytes() => {
                Self::Tokens(tokens)
            }
            _ => self,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Tokens(tokens) => tokens.saturating_mul(BYTES_PER_TOKEN),
        }
    }
}

const BYTES_PER_TOKEN: usize = 4;

/// The tokens that `bytes` of text count as: four bytes each, rounded up.
pub fn token_count(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// A new chunk id: six hexadecimal digits.
pub fn chunk_id() -> String {
    format!("{:06x}", crate::clock::random() & 0x00ff_ffff)
}

/// The text of a function call output.
///
/// `session` is named if the command still runs; `chunk_id` comes from [`chunk_id()`].
pub fn model_output(
    collected: &Collected,
    session: SessionId,
    budget: Budget,
    chunk_id: &str,
) -> String {
    let state = match collected.exit_code {
        Some(code) => format!("Process exited with code {code}"),
        None => format!("Process running with session ID {session}"),
    };
    let seconds = collected.wall_time.as_secs_f64();
    let tokens = token_count(collected.output.total());
    let mut text = format!(
        "Chunk ID: {chunk_id}\nWall time: {seconds:.4} seconds\n{state}\n\
         Original token count: {tokens}\nOutput:\n"
    );
    let output = collected.output.text();
    if output.len() <= budget.bytes() {
        text.push_str(&output);
        return text;
    }
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "Warning: truncated output (original token count: {tokens})"
    );
    let _ = if collected.output.omitted() > 0 {
        writeln!(text, "{}\n", collected.output.omission())
    } else {
        writeln!(text, "Total output lines: {}\n", output.lines().count())
    };
    text.push_str(&without_middle(&output, budget));
    text
}

/// The beginning and the end of `text` within `budget`, which it exceeds.
fn without_middle(text: &str, budget: Budget) -> String {
    let left = budget.bytes() / 2;
    let right = budget.bytes() - left;
    let head = &text[..text.floor_char_boundary(left)];
    let tail = &text[text.ceil_char_boundary(text.len() - right)..];
    let middle = &text[head.len()..text.len() - tail.len()];
    let (count, unit) = match budget {
        Budget::Bytes(_) => (middle.chars().count(), "chars"),
        Budget::Tokens(_) => (token_count(middle.len()), "tokens"),
    };
    format!("{head}…{count} {unit} truncated…{tail}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tools::exec::output::Clipped;

    fn output(text: &str, budget: Budget) -> String {
        let collected = Collected {
            output: Clipped::from(text.as_bytes()),
            exit_code: Some(0),
            wall_time: Duration::ZERO,
        };
        let text = model_output(&collected, 1, budget, "a55257");
        text.strip_prefix(
            "Chunk ID: a55257\nWall time: 0.0000 seconds\nProcess exited with code 0\n",
        )
        .unwrap()
        .to_owned()
    }

    fn lines(upto: u32) -> String {
        (1..=upto)
            .flat_map(|line| [line.to_string(), "\n".to_owned()])
            .collect()
    }

    // What codex 0.169.0 answered to each of these.
    #[test]
    fn short_output_is_whole() {
        assert_eq!(
            output("", Budget::UNKNOWN_MODEL),
            "Original token count: 0\nOutput:\n"
        );
        assert_eq!(
            output("abc\r\ngot abc\r\n", Budget::UNKNOWN_MODEL),
            "Original token count: 4\nOutput:\nabc\r\ngot abc\r\n"
        );
    }

    #[test]
    fn a_running_command_names_its_session() {
        let collected = Collected {
            output: Clipped::default(),
            exit_code: None,
            wall_time: Duration::from_micros(301_600),
        };
        assert_eq!(
            model_output(&collected, 49_495, Budget::UNKNOWN_MODEL, "8ff0d9"),
            "Chunk ID: 8ff0d9\nWall time: 0.3016 seconds\nProcess running with session ID 49495\n\
             Original token count: 0\nOutput:\n"
        );
    }

    #[test]
    fn tokens_are_cut_by_half() {
        assert_eq!(
            output(&lines(40), Budget::Tokens(10)),
            "Original token count: 28\nOutput:\n\
             Warning: truncated output (original token count: 28)\nTotal output lines: 40\n\n\
             1\n2\n3\n4\n5\n6\n7\n8\n9\n10…18 tokens truncated…4\n35\n36\n37\n38\n39\n40\n"
        );
        assert_eq!(
            output(&lines(40), Budget::Tokens(0)),
            "Original token count: 28\nOutput:\n\
             Warning: truncated output (original token count: 28)\nTotal output lines: 40\n\n\
             …28 tokens truncated…"
        );
        assert_eq!(
            output(&format!("{}\n\n", "é".repeat(101)), Budget::Tokens(11)),
            "Original token count: 51\nOutput:\n\
             Warning: truncated output (original token count: 51)\nTotal output lines: 2\n\n\
             ééééééééééé…40 tokens truncated…éééééééééé\n\n"
        );
    }

    #[test]
    fn bytes_count_characters() {
        let text = output(&"é".repeat(6_001), Budget::UNKNOWN_MODEL);
        let half = "é".repeat(2_500);
        assert!(text.ends_with(&format!("\n\n{half}…1001 chars truncated…{half}")));
    }

    #[test]
    fn what_was_never_kept_is_named_instead_of_lines() {
        let text = output(&lines(300_000), Budget::Tokens(30));
        assert_eq!(
            text,
            "Original token count: 497224\nOutput:\n\
             Warning: truncated output (original token count: 497224)\n\
             ... 940319 bytes omitted ...\n\n\
             1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n21\n22\n23\n\
             …262122 tokens truncated…992\n299993\n299994\n299995\n299996\n299997\n299998\n299999\n\
             300000\n"
        );
    }

    #[test]
    fn the_smaller_budget_counts() {
        let model = Budget::UNKNOWN_MODEL;
        assert_eq!(model.or_less(None), model);
        assert_eq!(model.or_less(Some(2_500)), model);
        assert_eq!(model.or_less(Some(2_499)), Budget::Tokens(2_499));
        assert_eq!(model.or_less(Some(usize::MAX)), model);
    }

    #[test]
    fn a_chunk_id_has_six_digits() {
        assert_eq!(chunk_id().len(), 6);
    }
}
