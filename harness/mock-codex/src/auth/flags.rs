//! The `--ws-…` options, and what is refused of them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use sha2::{Digest as _, Sha256};

use super::Policy;
use super::jwt::{SHORTEST_SECRET, Signed};

/// By how many seconds clocks may differ unless the options say otherwise; 26 were seen to pass
/// on codex 0.169.0, and 35 not.
const SKEW: u64 = 30;

/// The options about who may connect.
#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// Authentication mode for incoming WebSocket connections
    #[arg(long, value_name = "MODE")]
    ws_auth: Option<Mode>,

    /// Absolute path to the capability-token file
    #[arg(long, value_name = "PATH")]
    ws_token_file: Option<PathBuf>,

    /// Hex-encoded SHA-256 digest of the capability token
    #[arg(long, value_name = "HEX")]
    ws_token_sha256: Option<String>,

    /// Absolute path to the shared secret file for signed JWT bearer tokens
    #[arg(long, value_name = "PATH")]
    ws_shared_secret_file: Option<PathBuf>,

    /// Expected issuer for signed JWT bearer tokens
    #[arg(long, value_name = "ISSUER")]
    ws_issuer: Option<String>,

    /// Expected audience for signed JWT bearer tokens
    #[arg(long, value_name = "AUDIENCE")]
    ws_audience: Option<String>,

    /// Maximum clock skew when validating signed JWT bearer tokens
    #[arg(long, value_name = "SECONDS")]
    ws_max_clock_skew_seconds: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    CapabilityToken,
    SignedBearerToken,
}

/// Options that give no policy; the texts are those of codex 0.169.0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlagError {
    #[error(
        "websocket auth flags require `--ws-auth capability-token` or `--ws-auth signed-bearer-token`"
    )]
    NoMode,
    #[error(
        "`--ws-token-file` or `--ws-token-sha256` is required when `--ws-auth capability-token` is set"
    )]
    NoToken,
    #[error("`--ws-token-file` and `--ws-token-sha256` are mutually exclusive")]
    TwoTokens,
    #[error("--ws-token-sha256 must be a 64-character hex SHA-256 digest")]
    Digest,
    #[error(
        "`--ws-shared-secret-file`, `--ws-issuer`, `--ws-audience`, and \
         `--ws-max-clock-skew-seconds` require `--ws-auth signed-bearer-token`"
    )]
    SignedOnly,
    #[error(
        "`--ws-token-file` and `--ws-token-sha256` require `--ws-auth capability-token`, not \
         `signed-bearer-token`"
    )]
    CapabilityOnly,
    #[error("`--ws-shared-secret-file` is required when `--ws-auth signed-bearer-token` is set")]
    NoSecret,
    #[error("websocket auth clock skew must fit in a signed 64-bit integer")]
    Skew,
    #[error("failed to read websocket auth secret {}: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("websocket auth secret {} must not be empty", .0.display())]
    Empty(PathBuf),
    #[error("signed websocket bearer secret {} must be at least 32 bytes", .0.display())]
    Short(PathBuf),
}

impl Flags {
    /// What clients have to show; relative paths are meant from `directory`.
    pub(crate) fn policy(&self, directory: &Path) -> Result<Policy, FlagError> {
        match self.ws_auth {
            None if self.has_token() || self.has_signed() => Err(FlagError::NoMode),
            None => Ok(Policy::Open),
            Some(Mode::CapabilityToken) => self.capability(directory),
            Some(Mode::SignedBearerToken) => self.signed(directory),
        }
    }

    fn capability(&self, directory: &Path) -> Result<Policy, FlagError> {
        if self.has_signed() {
            return Err(FlagError::SignedOnly);
        }
        match (&self.ws_token_file, &self.ws_token_sha256) {
            (None, None) => Err(FlagError::NoToken),
            (Some(_), Some(_)) => Err(FlagError::TwoTokens),
            (Some(file), None) => {
                let token = secret(&directory.join(file))?;
                Ok(Policy::Capability(Sha256::digest(token).into()))
            }
            (None, Some(hex)) => digest(hex.trim())
                .map(Policy::Capability)
                .ok_or(FlagError::Digest),
        }
    }

    fn signed(&self, directory: &Path) -> Result<Policy, FlagError> {
        if self.has_token() {
            return Err(FlagError::CapabilityOnly);
        }
        let file = self
            .ws_shared_secret_file
            .as_ref()
            .ok_or(FlagError::NoSecret)?;
        let skew = self.ws_max_clock_skew_seconds.unwrap_or(SKEW);
        let skew = i64::try_from(skew).map_err(|_| FlagError::Skew)?;
        let path = directory.join(file);
        let secret = secret(&path)?;
        if secret.len() < SHORTEST_SECRET {
            return Err(FlagError::Short(path));
        }
        Ok(Policy::Signed(Signed {
            secret: secret.into_bytes(),
            issuer: said(self.ws_issuer.as_deref()),
            audience: said(self.ws_audience.as_deref()),
            skew,
        }))
    }

    fn has_token(&self) -> bool {
        self.ws_token_file.is_some() || self.ws_token_sha256.is_some()
    }

    fn has_signed(&self) -> bool {
        self.ws_shared_secret_file.is_some()
            || self.ws_issuer.is_some()
            || self.ws_audience.is_some()
            || self.ws_max_clock_skew_seconds.is_some()
    }
}

/// The text of a file, without the space around it.
fn secret(path: &Path) -> Result<String, FlagError> {
    let text = fs::read_to_string(path).map_err(|source| FlagError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = text.trim();
    if text.is_empty() {
        return Err(FlagError::Empty(path.to_owned()));
    }
    Ok(text.to_owned())
}

/// A name that says something; an empty one counts as none.
fn said(name: Option<&str>) -> Option<String> {
    let name = name?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The bytes of 64 hexadecimal digits.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    // 63 digits would make 32 bytes too.
    (digits.len() == 64).then(|| bytes.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> (tempfile::TempDir, impl Fn(&str, &[u8]) -> PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_owned();
        let write = move |name: &str, bytes: &[u8]| {
            let path = root.join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        (directory, write)
    }

    fn capability(file: Option<PathBuf>, digest: Option<&str>) -> Flags {
        Flags {
            ws_auth: Some(Mode::CapabilityToken),
            ws_token_file: file,
            ws_token_sha256: digest.map(str::to_owned),
            ..Flags::default()
        }
    }

    #[track_caller]
    fn refused(flags: &Flags, directory: &Path, with: &str) {
        let error = flags.policy(directory).unwrap_err().to_string();
        assert!(error.ends_with(with), "{error}");
    }

    #[test]
    fn a_digest_is_64_hexadecimal_digits_in_any_case() {
        let directory = Path::new("/");
        for good in ["A".repeat(64), format!(" {} ", "a0".repeat(32))] {
            assert!(capability(None, Some(&good)).policy(directory).is_ok());
        }
        for bad in ["xyz".into(), "a".repeat(63), "a".repeat(65), "g".repeat(64)] {
            refused(
                &capability(None, Some(&bad)),
                directory,
                "must be a 64-character hex SHA-256 digest",
            );
        }
    }

    #[test]
    fn a_secret_is_trimmed_and_must_say_something() {
        let (directory, write) = fixture();
        let at = directory.path();
        let good = capability(Some(write("token", b" tok \n")), None);
        assert!(good.policy(at).is_ok());
        let relative = capability(Some("token".into()), None);
        assert!(relative.policy(at).is_ok());
        let empty = capability(Some(write("empty", b"\n")), None);
        refused(&empty, at, "empty must not be empty");
        let bytes = capability(Some(write("bytes", b"\xff\xfe")), None);
        refused(&bytes, at, "stream did not contain valid UTF-8");
        let none = capability(Some("none".into()), None);
        refused(&none, at, "none: No such file or directory (os error 2)");
    }

    #[test]
    fn a_shared_secret_has_32_bytes() {
        let (directory, write) = fixture();
        let at = directory.path();
        let flags = |file| Flags {
            ws_auth: Some(Mode::SignedBearerToken),
            ws_shared_secret_file: Some(file),
            ..Flags::default()
        };
        let short = [b"x".repeat(31), b"\n".to_vec()].concat();
        refused(
            &flags(write("s", &short)),
            at,
            "s must be at least 32 bytes",
        );
        assert!(flags(write("s", &[b'x'; 32])).policy(at).is_ok());
    }
}
