//! The model that the mock plays itself: a script, or a sentence that says how to get one.

use std::path::{Path, PathBuf};

use mock_responses::{MockResponses, Reply, Times};

use crate::config::Provider;

/// The variable that names a script.
const VARIABLE: &str = "MOCK_CODEX_SCRIPT";

/// What every turn is answered with where there is neither a script nor a provider.
const NOTHING_TO_ASK: &str = "mock-codex has no model to ask. Give it a script of replies with \
    `app-server --script FILE` or MOCK_CODEX_SCRIPT=FILE (a YAML list such as `- message: hello`), \
    or set `model_provider` in config.toml to a provider whose `base_url` is on this machine.";

/// A script that can't be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptError {
    #[error("can't read the script `{}`: {error}", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error(
        "`{}` is not a script: {error}\nhint: a script is a YAML list of replies, e.g. `- message: hello`",
        path.display()
    )]
    Wrong {
        path: PathBuf,
        error: Box<serde_saphyr::Error>,
    },
    #[error("the script can't be played: {0}")]
    Start(#[from] mock_responses::StartError),
}

/// Replies that are yet to be played.
#[derive(Debug)]
pub(crate) enum Script {
    /// Those of a file, for all turns, whatever provider is configured.
    File(Vec<Reply>),
    /// One that explains, for turns whose provider says of no address.
    Explanation,
}

/// A model of the mock's own.
#[derive(Debug)]
pub(crate) struct ScriptedModel {
    server: MockResponses,
    for_all: bool,
}

impl Script {
    /// The script that a flag or the environment names, else the explanation.
    pub(crate) fn find(flag: Option<PathBuf>) -> Result<Self, ScriptError> {
        let named = flag.or_else(|| {
            std::env::var_os(VARIABLE)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        });
        named.map_or(Ok(Self::Explanation), |path| Self::read(&path))
    }

    fn read(path: &Path) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(path).map_err(|error| ScriptError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
        let replies = serde_saphyr::from_str(&text).map_err(|error| ScriptError::Wrong {
            path: path.to_owned(),
            error: Box::new(error),
        })?;
        Ok(Self::File(replies))
    }

    /// Starts to play it, on a port of this machine that nobody else is told of.
    pub(crate) async fn play(self, seed: Option<u64>) -> Result<ScriptedModel, ScriptError> {
        let (replies, for_all) = match self {
            Self::File(replies) => (replies, true),
            Self::Explanation => (
                vec![Reply::message(NOTHING_TO_ASK).times(Times::Any)],
                false,
            ),
        };
        let mut builder = MockResponses::builder().replies(replies);
        if let Some(seed) = seed {
            builder = builder.seed(seed);
        }
        let server = builder.start().await?;
        Ok(ScriptedModel { server, for_all })
    }
}

impl ScriptedModel {
    /// The provider to ask: this model where it plays for all, or where none has an address.
    pub(crate) fn provider(&self, configured: Option<&Provider>) -> Option<Provider> {
        let has_address = configured.is_some_and(|provider| provider.base_url.is_some());
        (self.for_all || !has_address).then(|| Provider {
            base_url: Some(self.server.base_url()),
            request_max_retries: configured.and_then(|it| it.request_max_retries),
            stream_max_retries: configured.and_then(|it| it.stream_max_retries),
            ..Provider::default()
        })
    }
}
