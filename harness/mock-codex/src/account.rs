//! Who is logged in: `auth.json` of the home.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file, readable by its owner alone.
const FILE: &str = "auth.json";

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    auth_mode: Option<Mode>,
    #[serde(rename = "OPENAI_API_KEY")]
    api_key: Option<String>,
    /// Of the mock alone: the account that a script logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mock_account: Option<ChatGpt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    ApiKey,
    ChatGpt,
}

/// An account of `ChatGPT`, as a script describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChatGpt {
    pub(crate) email: Option<String>,
    #[serde(default = "plan")]
    pub(crate) plan_type: String,
}

impl Default for ChatGpt {
    fn default() -> Self {
        Self {
            email: None,
            plan_type: plan(),
        }
    }
}

fn plan() -> String {
    "plus".to_owned()
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Login {
    ApiKey(String),
    ChatGpt(ChatGpt),
}

impl Login {
    /// As `account/updated` names it.
    pub(crate) fn mode(&self) -> &'static str {
        match self {
            Self::ApiKey(_) => "apikey",
            Self::ChatGpt(_) => "chatgpt",
        }
    }
}

/// The login of a home; read anew each time, since other programs may log in too.
#[derive(Debug)]
pub(crate) struct Account {
    path: PathBuf,
}

impl Account {
    /// That of a home.
    pub(crate) fn of(home: &Path) -> Self {
        Self {
            path: home.join(FILE),
        }
    }

    /// Who is logged in, if anybody is. A file that can't be read is nobody's.
    pub(crate) fn login(&self) -> Option<Login> {
        let stored: Stored = serde_json::from_slice(&fs::read(&self.path).ok()?).ok()?;
        match stored.auth_mode {
            Some(Mode::ChatGpt) => Some(Login::ChatGpt(stored.mock_account.unwrap_or_default())),
            Some(Mode::ApiKey) | None => stored.api_key.map(Login::ApiKey),
        }
    }

    /// Logs somebody in.
    pub(crate) fn log_in(&self, login: &Login) -> io::Result<()> {
        let stored = match login.clone() {
            Login::ApiKey(key) => Stored {
                auth_mode: Some(Mode::ApiKey),
                api_key: Some(key),
                mock_account: None,
            },
            Login::ChatGpt(account) => Stored {
                auth_mode: Some(Mode::ChatGpt),
                api_key: None,
                mock_account: Some(account),
            },
        };
        if let Some(home) = self.path.parent() {
            fs::create_dir_all(home)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        file.write_all(serde_json::to_string_pretty(&stored)?.as_bytes())
    }

    /// Logs out; nobody being logged in is fine.
    pub(crate) fn log_out(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_login_lasts_until_the_logout() {
        let home = tempfile::tempdir().unwrap();
        let account = Account::of(home.path());
        assert_eq!(account.login(), None);
        for login in [
            Login::ApiKey("sk-1".into()),
            Login::ChatGpt(ChatGpt::default()),
            Login::ApiKey(String::new()),
        ] {
            account.log_in(&login).unwrap();
            assert_eq!(account.login(), Some(login));
        }
        let mode = fs::metadata(home.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        account.log_out().unwrap();
        account.log_out().unwrap();
        assert_eq!(account.login(), None);
    }
}
