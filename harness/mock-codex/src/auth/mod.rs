//! Who may connect to a WebSocket listener.
//!
//! Every refusal has the text of codex 0.169.0. Tokens and secrets are compared in constant time
//! and are never printed.

mod flags;
mod jwt;

use std::fmt;

use hyper::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub(crate) use self::flags::Flags;
use self::jwt::Signed;

/// What a client has to show.
pub(crate) enum Policy {
    /// Nothing.
    Open,
    /// A token with this SHA-256 digest.
    Capability([u8; 32]),
    /// A JWT.
    Signed(Signed),
}

/// Why a client is refused, with 401 and this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("missing websocket bearer token")]
    Missing,
    #[error("invalid authorization header")]
    Header,
    #[error("invalid websocket bearer token")]
    Token,
    #[error("invalid websocket jwt")]
    Jwt,
    #[error("expired websocket jwt")]
    Expired,
    #[error("websocket jwt is not valid yet")]
    NotYet,
    #[error("websocket jwt issuer mismatch")]
    Issuer,
    #[error("websocket jwt audience mismatch")]
    Audience,
}

impl Policy {
    /// May whoever sent this `Authorization` header connect? `now` is in seconds since 1970.
    pub(crate) fn check(&self, header: Option<&HeaderValue>, now: i64) -> Result<(), Denied> {
        if matches!(self, Self::Open) {
            return Ok(());
        }
        let token = bearer(header.ok_or(Denied::Missing)?)?;
        match self {
            Self::Open => Ok(()),
            Self::Capability(digest) => {
                let given: [u8; 32] = Sha256::digest(token).into();
                if bool::from(given.ct_eq(digest)) {
                    Ok(())
                } else {
                    Err(Denied::Token)
                }
            }
            Self::Signed(signed) => signed.check(token, now),
        }
    }

    /// Does it ask for anything?
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Capability(_) => "Capability(…)",
            Self::Signed(_) => "Signed(…)",
        })
    }
}

/// The token of `Bearer TOKEN`, the scheme in any case.
fn bearer(header: &HeaderValue) -> Result<&str, Denied> {
    let (scheme, token) = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(Denied::Header)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(Denied::Header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capability(token: &str) -> Policy {
        Policy::Capability(Sha256::digest(token).into())
    }

    /// The rows were observed on codex 0.169.0 with the token `tok en`.
    #[test]
    fn a_capability_token_is_taken_as_codex_takes_it() {
        let policy = capability("tok en");
        let rows: &[(&[u8], Result<(), Denied>)] = &[
            (b"Bearer tok en", Ok(())),
            (b"bearer tok en", Ok(())),
            (b"BEARER tok en", Ok(())),
            (b"Bearer   tok en  ", Ok(())),
            (b"Bearer\ttok en", Err(Denied::Header)),
            (b"Bearer", Err(Denied::Header)),
            (b"Bearer ", Err(Denied::Header)),
            (b"", Err(Denied::Header)),
            (b"tok en", Err(Denied::Header)),
            (b"Basic x", Err(Denied::Header)),
            (b"Bearer t\xc3\xb6k", Err(Denied::Header)),
            (b"Bearer,tok en", Err(Denied::Header)),
            (b"Bearer tok", Err(Denied::Token)),
            (b"Bearer tok en2", Err(Denied::Token)),
        ];
        for (header, expected) in rows {
            let value = HeaderValue::from_bytes(header).unwrap();
            let shown = String::from_utf8_lossy(header);
            assert_eq!(policy.check(Some(&value), 0), *expected, "{shown}");
        }
        assert_eq!(policy.check(None, 0), Err(Denied::Missing));
    }

    #[test]
    fn without_a_policy_nobody_is_asked() {
        let value = HeaderValue::from_static("Basic x");
        assert_eq!(Policy::Open.check(Some(&value), 0), Ok(()));
        assert_eq!(Policy::Open.check(None, 0), Ok(()));
    }

    #[test]
    fn a_policy_does_not_show_its_secret() {
        assert_eq!(format!("{:?}", capability("secret")), "Capability(…)");
    }
}
