//! Where an app-server listens, and what it is shown.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where an app-server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A bearer token; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Address {
    /// May a token be sent there? It would go in clear over a network.
    pub fn takes_tokens(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "ws://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl Token {
    /// A token, without the space around it; `None` where there is nothing else.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The value of an `Authorization` header.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_but_to_this_machine() {
        let tcp = |address: &str| Address::Tcp(address.parse().unwrap());
        for near in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            assert!(tcp(near).takes_tokens(), "{near}");
        }
        for far in ["10.0.0.1:1", "0.0.0.0:1", "[::]:1", "192.0.2.1:443"] {
            assert!(!tcp(far).takes_tokens(), "{far}");
        }
        assert!(Address::Unix("/x".into()).takes_tokens());
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::new(" secret\n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(token.header(), "Bearer secret");
        assert_eq!(Token::new(" \n"), None);
    }
}
