//! The bearer token of a run.

use super::{Refusal, RunArgs};
use crate::cli::Exit;
use crate::client::address::Token;

/// The token for targets that run already. It is never an argument: those can be seen by others.
pub(super) fn token(args: &RunArgs) -> Result<Option<Token>, Refusal> {
    let usage = |message: String| Refusal(Exit::Usage, format!("error: {message}"));
    let (text, source) = match (&args.token_file, &args.token_env) {
        (Some(file), _) => {
            let source = format!("`{}`", file.display());
            let text = std::fs::read_to_string(file)
                .map_err(|error| usage(format!("can't read {source}: {error}")))?;
            (text, source)
        }
        (None, Some(name)) => {
            let source = format!("the variable `{name}`");
            let text = std::env::var(name)
                .map_err(|error| usage(format!("can't read {source}: {error}")))?;
            (text, source)
        }
        (None, None) => return Ok(None),
    };
    match Token::new(&text) {
        Some(token) => Ok(Some(token)),
        None => Err(usage(format!("there is no token in {source}"))),
    }
}
