//! Parameters that both families share, and what they mean.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::config::ShellEnvironment;
use crate::failure::Failure;
use crate::process::{DEFAULT_CAP, DEFAULT_TIMEOUT, Size};

/// The size of a terminal as it is asked for.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct TerminalSize {
    rows: u16,
    cols: u16,
}

impl TerminalSize {
    /// The size, if it is one; `what` is whose it is, in the text of the error.
    pub(super) fn checked(self, what: &str) -> Result<Size, Failure> {
        if self.rows == 0 || self.cols == 0 {
            return Err(Failure::params(format!(
                "{what} size rows and cols must be greater than 0"
            )));
        }
        Ok(Size {
            rows: self.rows,
            cols: self.cols,
        })
    }
}

/// The size of the terminal of a command that gets one.
pub(super) fn terminal(
    tty: bool,
    size: Option<TerminalSize>,
    what: &str,
) -> Result<Option<Size>, Failure> {
    let size = size.map(|size| size.checked(what)).transpose()?;
    Ok(tty.then(|| size.unwrap_or_default()))
}

/// A member for which being absent and being `null` are two things.
#[derive(Debug, Default)]
pub(super) enum Stated<T> {
    #[default]
    Absent,
    Null,
    Is(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Stated<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::deserialize(deserializer)? {
            Some(value) => Self::Is(value),
            None => Self::Null,
        })
    }
}

impl<T> Stated<T> {
    /// `null` for none, and a default where nothing is said.
    pub(super) fn or(self, default: T) -> Option<T> {
        match self {
            Self::Absent => Some(default),
            Self::Null => None,
            Self::Is(value) => Some(value),
        }
    }
}

/// A timeout in milliseconds.
pub(super) fn timeout(milliseconds: i64, method: &str) -> Result<Duration, Failure> {
    u64::try_from(milliseconds)
        .map(Duration::from_millis)
        .map_err(|_| {
            Failure::params(format!(
                "{method} timeoutMs must be non-negative, got {milliseconds}"
            ))
        })
}

/// How much of a stream is kept, where that may not be left open.
pub(super) fn cap(stated: Option<usize>, unlimited: bool) -> Option<usize> {
    (!unlimited).then(|| stated.unwrap_or(DEFAULT_CAP))
}

/// How long a command may take, where that may not be left open.
pub(super) fn limit(stated: Option<Duration>, unlimited: bool) -> Option<Duration> {
    (!unlimited).then(|| stated.unwrap_or(DEFAULT_TIMEOUT))
}

/// An environment with further variables and the client's changes; `null` takes a variable out.
pub(super) fn environment(
    policy: &ShellEnvironment,
    changes: Option<BTreeMap<String, Option<String>>>,
    further: &[(&str, &str)],
) -> Vec<(String, String)> {
    let further = further
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut variables = policy.variables();
    variables.extend(further);
    for (name, value) in changes.unwrap_or_default() {
        match value {
            Some(value) => variables.insert(name, value),
            None => variables.remove(&name),
        };
    }
    variables.into_iter().collect()
}
