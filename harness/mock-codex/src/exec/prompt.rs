//! The prompt: an argument, stdin, or both.

use std::io::{self, IsTerminal as _, Read as _};

use super::Args;

const NOTHING: &str = "No prompt provided via stdin.";

/// Reads the prompt.
pub(super) fn read(args: &Args) -> Result<String, String> {
    match args.prompt() {
        Some("-") => whole(stdin()?),
        None => {
            crate::complain("Reading prompt from stdin...");
            whole(stdin()?)
        }
        // Only a new session takes both.
        Some(prompt) if args.resume().is_none() && !io::stdin().is_terminal() => {
            crate::complain("Reading additional input from stdin...");
            Ok(with(prompt, &stdin()?))
        }
        Some(prompt) => Ok(prompt.to_owned()),
    }
}

fn whole(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err(NOTHING.to_owned());
    }
    Ok(text)
}

/// A prompt with what was piped in behind it.
fn with(prompt: &str, piped: &str) -> String {
    if piped.trim().is_empty() {
        return prompt.to_owned();
    }
    let end = if piped.ends_with('\n') { "" } else { "\n" };
    format!("{prompt}\n\n<stdin>\n{piped}{end}</stdin>")
}

fn stdin() -> Result<String, String> {
    let mut bytes = Vec::new();
    io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| format!("Failed to read prompt from stdin: {error}"))?;
    String::from_utf8(bytes)
        .map_err(|_| "mock-codex exec reads a prompt in UTF-8, and stdin is not".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_piped_stands_behind_the_prompt() {
        assert_eq!(with("p", ""), "p");
        assert_eq!(with("p", "more"), "p\n\n<stdin>\nmore\n</stdin>");
        assert_eq!(with("p", "more\n"), "p\n\n<stdin>\nmore\n</stdin>");
    }
}
