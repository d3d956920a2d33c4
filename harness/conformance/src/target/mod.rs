//! What scenarios run against: the mock, the real codex, any command, a listener.

pub mod cache;
pub mod capability;
pub mod install;
pub mod launch;
pub mod npm;
pub mod sandbox;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::client::address::Address;
use crate::target::capability::Capability;

/// An app-server that cases run against, as it is named on the command line.
///
/// ```
/// use codex_conformance::target::Target;
/// let target: Target = "codex@0.169.0".parse()?;
/// assert_eq!(target.kind(), "codex");
/// assert!("codex@latest".parse::<Target>().is_err());
/// # Ok::<(), codex_conformance::target::ParseTargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// `mock`: the embedded mock, a fresh process for each case. `mock:-NAME,+NAME` switches
    /// quirks of the emulated version off and on.
    Mock {
        /// The switches, each with its sign.
        quirks: Vec<String>,
    },
    /// `codex@VERSION`: the real one, installed by `target install`.
    Codex {
        /// An exact version, for example `0.169.0`.
        version: String,
    },
    /// `cmd:COMMAND`: any program that speaks the protocol on stdin and stdout. The case's
    /// `-c key=value` options follow its arguments.
    Command {
        /// The program and its arguments; never empty.
        argv: Vec<String>,
    },
    /// `ws://IP:PORT`: a running app-server on this machine.
    WebSocket {
        /// The loopback address.
        address: SocketAddr,
    },
    /// `unix://PATH`: a running app-server on a Unix socket.
    Unix {
        /// The socket, or a link to it.
        path: PathBuf,
    },
}

/// Why a text names no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTargetError {
    /// None of the forms.
    #[error(
        "`{0}` is no target; one of `mock`, `codex@VERSION`, `cmd:COMMAND`, `ws://IP:PORT`, \
         `unix://PATH`"
    )]
    Unknown(String),
    /// A quirk without its sign, or without a name.
    #[error("`{0}` is no quirk switch; write `-NAME` to switch it off or `+NAME` to switch it on")]
    Quirk(String),
    /// No exact version.
    #[error("`{0}` is no exact version; write for example `codex@0.169.0`")]
    Version(String),
    /// Nothing behind `cmd:`, or a quote that is not closed.
    #[error("`{command}` is no command: {reason}")]
    Command {
        /// What stood behind `cmd:`.
        command: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No address.
    #[error("`{0}` is no address; write for example `ws://127.0.0.1:4500`")]
    Address(String),
    /// No path.
    #[error("`unix://` needs the path of a socket, as `unix:///run/codex.sock`")]
    NoPath,
    /// An address of another machine.
    #[error("`{0}` is not on this machine; only loopback addresses are driven")]
    NotLoopback(SocketAddr),
}

impl Target {
    /// The plain mock.
    pub const MOCK: Self = Self::Mock { quirks: Vec::new() };

    /// The kind, as a scenario's `targets` and known failures name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mock { .. } => "mock",
            Self::Codex { .. } => "codex",
            Self::Command { .. } => "cmd",
            Self::WebSocket { .. } => "ws",
            Self::Unix { .. } => "unix",
        }
    }

    /// Where it listens, for one that runs already.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::WebSocket { address } => Some(Address::Tcp(*address)),
            Self::Unix { path } => Some(Address::Unix(path.clone())),
            Self::Mock { .. } | Self::Codex { .. } | Self::Command { .. } => None,
        }
    }

    /// What it can do.
    pub fn capabilities(&self) -> &'static [Capability] {
        capability::of(self)
    }

    /// How long a case may take when neither it nor the run says: 30 s on the mock, 60 s else.
    pub fn default_timeout(&self) -> Duration {
        match self {
            Self::Mock { .. } => Duration::from_secs(30),
            Self::Codex { .. }
            | Self::Command { .. }
            | Self::WebSocket { .. }
            | Self::Unix { .. } => Duration::from_mins(1),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mock { quirks } if quirks.is_empty() => f.write_str("mock"),
            Self::Mock { quirks } => write!(f, "mock:{}", quirks.join(",")),
            Self::Codex { version } => write!(f, "codex@{version}"),
            Self::Command { argv } => write!(f, "cmd:{}", shell_words::join(argv)),
            Self::WebSocket { address } => write!(f, "ws://{address}"),
            Self::Unix { path } => write!(f, "unix://{}", path.display()),
        }
    }
}

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(given: &str) -> Result<Self, ParseTargetError> {
        if given == "mock" {
            return Ok(Self::MOCK);
        }
        let forms: [(&str, Rest); 5] = [
            ("mock:", parse_quirks),
            ("codex@", parse_version),
            ("cmd:", parse_command),
            ("ws://", parse_address),
            ("unix://", parse_path),
        ];
        forms
            .into_iter()
            .find_map(|(prefix, rest)| Some(rest(given.strip_prefix(prefix)?)))
            .unwrap_or_else(|| Err(ParseTargetError::Unknown(given.to_owned())))
    }
}

/// Reads what stands behind a prefix.
type Rest = fn(&str) -> Result<Target, ParseTargetError>;

fn parse_quirks(rest: &str) -> Result<Target, ParseTargetError> {
    let quirks = rest
        .split(',')
        .map(|switch| {
            let name = switch.strip_prefix(['-', '+']).unwrap_or_default();
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(valid) {
                return Err(ParseTargetError::Quirk(switch.to_owned()));
            }
            Ok(switch.to_owned())
        })
        .collect::<Result<_, _>>()?;
    Ok(Target::Mock { quirks })
}

fn parse_version(rest: &str) -> Result<Target, ParseTargetError> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.split('.').count() >= 3
        && rest.split('.').all(|part| !part.is_empty())
        && rest.chars().all(valid)
    {
        return Ok(Target::Codex {
            version: rest.to_owned(),
        });
    }
    Err(ParseTargetError::Version(rest.to_owned()))
}

fn parse_command(rest: &str) -> Result<Target, ParseTargetError> {
    let refuse = |reason: String| ParseTargetError::Command {
        command: rest.to_owned(),
        reason,
    };
    let argv = shell_words::split(rest).map_err(|error| refuse(error.to_string()))?;
    if argv.is_empty() {
        return Err(refuse("it is empty".into()));
    }
    Ok(Target::Command { argv })
}

fn parse_address(rest: &str) -> Result<Target, ParseTargetError> {
    let address: SocketAddr = rest
        .trim_end_matches('/')
        .parse()
        .map_err(|_| ParseTargetError::Address(format!("ws://{rest}")))?;
    if !address.ip().is_loopback() {
        return Err(ParseTargetError::NotLoopback(address));
    }
    Ok(Target::WebSocket { address })
}

fn parse_path(rest: &str) -> Result<Target, ParseTargetError> {
    if rest.is_empty() {
        return Err(ParseTargetError::NoPath);
    }
    Ok(Target::Unix { path: rest.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_written_as_they_are_read() {
        for name in [
            "mock",
            "mock:-fork-forgets-workspace-write,+x",
            "codex@0.169.0",
            "codex@0.170.0-alpha.3",
            "cmd:codex app-server",
            "ws://127.0.0.1:4500",
            "ws://[::1]:4500",
            "unix:///run/codex.sock",
        ] {
            assert_eq!(name.parse::<Target>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        let target: Target = "cmd:sh -c 'cat; exit 1'".parse().unwrap();
        let argv = vec!["sh".into(), "-c".into(), "cat; exit 1".into()];
        assert_eq!(target, Target::Command { argv });
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_way_out() {
        for (given, part) in [
            ("mokc", "`mokc` is no target"),
            ("codex", "`codex@VERSION`"),
            ("codex@latest", "codex@0.169.0"),
            ("codex@0..1", "no exact version"),
            ("codex@1.2.3/../x", "no exact version"),
            ("cmd:", "it is empty"),
            ("cmd:'", "no command"),
            ("mock:x", "-NAME"),
            ("ws://localhost", "ws://127.0.0.1:4500"),
            ("ws://10.0.0.1:80", "not on this machine"),
            ("unix://", "the path of a socket"),
        ] {
            let message = given.parse::<Target>().unwrap_err().to_string();
            assert!(message.contains(part), "{given}: {message}");
        }
    }
}
