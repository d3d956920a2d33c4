//! How cases are run, and what is told while they run.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::client::address::Token;
use crate::client::driver::Sdk;
use crate::client::reference;
use crate::run::FirstStarts;
use crate::run::outcome::CaseRun;
use crate::scenario::model::Case;

/// How cases are run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How many cases run at once.
    pub jobs: NonZeroUsize,
    /// Clients and ids of cases that only wait, for their deadline: they run beside the jobs, as
    /// those tagged [`WAITS`](crate::run::suite::WAITS) do.
    pub waiting: Arc<BTreeSet<(String, String)>>,
    /// The longest that a case without a `timeout` of its own may take; `None`: the target's
    /// default, see [`Target::default_timeout`](crate::target::Target::default_timeout).
    pub timeout: Option<Duration>,
    /// How long an app-server may take to end after its stdin was closed, before it is killed
    /// and the check `exit` fails. codex 0.169.0 takes about 30 ms, also with a turn under way.
    pub grace: Duration,
    /// Start no further case after the first one that failed.
    pub fail_fast: bool,
    /// Do the next step also when one failed.
    pub goes_on: bool,
    /// Leave each case's directories where they are, and name them in its notes.
    pub keep: bool,
    /// Where the directories of cases are made; `None`: `$CODEX_CONFORMANCE_TMPDIR`, else
    /// `/var/tmp`.
    pub places_under: Option<PathBuf>,
    /// The program that has the `mock` command; `None`: this executable.
    pub mock_program: Option<PathBuf>,
    /// The defect that the mock is given; see [`mock_codex::mutant`].
    pub mutant: Option<&'static str>,
    /// What a client shows to an app-server that runs already.
    pub token: Option<Token>,
    /// The SDK that drives the app-server; `None`: the reference client.
    pub sdk: Option<Arc<Sdk>>,
    /// What the first start of each codex leaves for the others.
    pub first_starts: FirstStarts,
    /// Cancelling it ends the run: processes are killed and directories removed.
    pub cancel: CancellationToken,
}

impl RunOptions {
    /// The name of the client.
    pub fn client_name(&self) -> &str {
        self.sdk.as_ref().map_or(reference::NAME, |sdk| &sdk.name)
    }

    /// Does this case with this client only wait?
    pub(super) fn waits(&self, client: Option<&Sdk>, id: &str) -> bool {
        let client = client.map_or(reference::NAME, |sdk| &sdk.name);
        !self.waiting.is_empty() && self.waiting.contains(&(client.to_owned(), id.to_owned()))
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            waiting: Arc::default(),
            timeout: None,
            grace: Duration::from_secs(5),
            fail_fast: false,
            goes_on: false,
            keep: false,
            places_under: None,
            mock_program: None,
            mutant: None,
            token: None,
            sdk: None,
            first_starts: FirstStarts::default(),
            cancel: CancellationToken::new(),
        }
    }
}

/// What happens during a run, for those who show it.
#[derive(Debug)]
pub enum RunEvent<'a> {
    /// A case began.
    Started {
        /// The case.
        case: &'a Arc<Case>,
        /// The target's name.
        target: &'a str,
    },
    /// A case ended, or was skipped.
    Finished(&'a CaseRun),
}
