//! Tokens that a command of the provider prints.

use std::cell::RefCell;
use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::config::ProviderAuth;

/// How long a command may take unless the provider says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a token is used unless the provider says otherwise.
const REFRESH: Duration = Duration::from_mins(5);

/// The tokens that there are, by command. Each was printed when it was first needed.
#[derive(Debug, Default)]
pub(crate) struct Tokens(RefCell<HashMap<Source, Token>>);

/// Where tokens of a provider come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    command: String,
    args: Vec<String>,
    cwd: Option<String>,
    timeout: Duration,
    /// `None`: a token is used for as long as it is not refused.
    refresh: Option<Duration>,
}

/// Why a command gave no token, in the words of codex 0.169.0; only how a command that can't be
/// started is told was not observed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("provider auth command `{command}` {why}")]
pub(crate) struct NoToken {
    command: String,
    why: String,
}

#[derive(Debug, Clone)]
struct Token {
    text: String,
    since: Instant,
}

impl Source {
    /// The source that a provider's `auth` describes.
    pub(crate) fn of(auth: &ProviderAuth) -> Self {
        let refresh = auth.refresh_interval_ms.map(Duration::from_millis);
        Self {
            command: auth.command.clone(),
            args: auth.args.clone(),
            cwd: auth.cwd.clone(),
            timeout: auth
                .timeout_ms
                .map_or(TIMEOUT, |ms| Duration::from_millis(ms.get())),
            refresh: Some(refresh.unwrap_or(REFRESH)).filter(|refresh| !refresh.is_zero()),
        }
    }

    /// Runs the command.
    async fn ask(&self) -> Result<String, NoToken> {
        let mut command = Command::new(&self.command);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        let output = tokio::time::timeout(self.timeout, command.output()).await;
        let failed = |why: String| NoToken {
            command: self.command.clone(),
            why,
        };
        let output = output
            .map_err(|_| failed(format!("timed out after {} ms", self.timeout.as_millis())))?
            .map_err(|error| failed(format!("failed to start: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = match said.trim() {
                "" => String::new(),
                said => format!(": {said}"),
            };
            return Err(failed(format!(
                "exited with status {}{said}",
                output.status
            )));
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| failed("wrote non-UTF-8 data to stdout".to_owned()))?;
        match text.trim() {
            "" => Err(failed("produced an empty token".to_owned())),
            token => Ok(token.to_owned()),
        }
    }
}

impl Tokens {
    /// The token of a source: the one that there is, if it is not too old, or a new one. Where
    /// there is none codex 0.169.0 asks the model without.
    pub(crate) async fn get(&self, source: &Source) -> Option<String> {
        let known = self.0.borrow().get(source).cloned();
        let is_young = |token: &Token| {
            let age = token.since.elapsed();
            source.refresh.is_none_or(|refresh| age < refresh)
        };
        match known.filter(is_young) {
            Some(token) => Some(token.text),
            None => self.renew(source).await.ok(),
        }
    }

    /// A new token, in place of one that was refused. The old one stays where there is none.
    pub(crate) async fn renew(&self, source: &Source) -> Result<String, NoToken> {
        let since = Instant::now();
        let text = source.ask().await?;
        let token = Token {
            text: text.clone(),
            since,
        };
        self.0.borrow_mut().insert(source.clone(), token);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(script: &str) -> Source {
        Source {
            command: "/bin/sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            cwd: None,
            timeout: Duration::from_secs(20),
            refresh: Some(REFRESH),
        }
    }

    #[tokio::test]
    async fn the_output_is_trimmed_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count");
        let script = format!(
            "echo x >> {0}; echo \" tok-$(wc -l < {0}) \"",
            count.display()
        );
        let (tokens, source) = (Tokens::default(), source(&script));
        assert_eq!(tokens.get(&source).await.as_deref(), Some("tok-1"));
        assert_eq!(tokens.get(&source).await.as_deref(), Some("tok-1"));
        assert_eq!(tokens.renew(&source).await.as_deref(), Ok("tok-2"));
        assert_eq!(tokens.get(&source).await.as_deref(), Some("tok-2"));
        let hasty = Source {
            refresh: Some(Duration::from_nanos(1)),
            ..source
        };
        assert_eq!(tokens.get(&hasty).await.as_deref(), Some("tok-3"));
        assert_eq!(tokens.get(&hasty).await.as_deref(), Some("tok-4"));
    }

    #[tokio::test]
    async fn what_is_no_token_is_none() {
        for script in ["echo", "echo tok; exit 1", "printf '\\377'"] {
            assert_eq!(
                Tokens::default().get(&source(script)).await,
                None,
                "{script}"
            );
        }
        let slow = Source {
            timeout: Duration::from_millis(50),
            ..source("exec sleep 20")
        };
        assert_eq!(Tokens::default().get(&slow).await, None);
    }
}
