//! A third-party SDK as the client, behind a small program that speaks for it: its *driver*.
//!
//! | module | what |
//! | --- | --- |
//! | [`protocol`] | what the runner and a driver say to each other |
//! | [`process`] | the driver's process, and the conversation with it |
//! | [`fork`] | drivers that are forked from a process which has imported the SDK |
//! | [`call`] | steps of a scenario as requests to a driver |
//! | [`tap`] | the executable that the SDK gets as `codex` |
//! | [`proxy`] | the tap of a WebSocket |
//! | [`taps`] | what the taps tell, live |
//! | [`seen`] | what the SDK and codex said to each other |

pub mod call;
pub mod fork;
pub mod process;
pub mod protocol;
pub mod proxy;
pub mod seen;
pub mod tap;
pub mod taps;

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fork::ForkServer;
use process::{Driver, Misbehaviour, Program};
use protocol::Capabilities;

/// An SDK under test.
#[derive(Debug)]
pub struct Sdk {
    /// Its name, for example `python/openai-codex`.
    pub name: String,
    /// How its driver is started.
    pub driver: Program,
    /// What the driver says of it, once one has: what it lacks need not be asked again.
    pub(crate) capabilities: OnceLock<Capabilities>,
    /// What its drivers are forked from; `None` if it could not be started.
    forks: OnceLock<Option<ForkServer>>,
    /// Was it seen to leave processes behind?
    litters: AtomicBool,
}

impl Sdk {
    /// An SDK that nobody has asked yet.
    pub fn new(name: String, driver: Program) -> Self {
        Self {
            name,
            driver,
            capabilities: OnceLock::new(),
            forks: OnceLock::new(),
            litters: AtomicBool::new(false),
        }
    }

    /// What its driver said of it, if one was asked.
    pub fn introduced(&self) -> Option<&Capabilities> {
        self.capabilities.get()
    }

    /// How long its processes are waited for: one that was seen to leave them behind isn't waited
    /// for as long with every case.
    pub(crate) fn patience(&self, grace: Duration) -> Duration {
        /// A part of the grace that is enough for a process that ends at all.
        const SHARE: u32 = 4;
        if self.litters.load(Ordering::Relaxed) {
            grace / SHARE
        } else {
            grace
        }
    }

    /// How long its driver may take to say what it is, in a case that may take as long as this: what
    /// the first one waits for, where they are forked, is that the SDK was imported.
    pub(crate) fn start_limit(&self, limit: Duration) -> Duration {
        /// Enough for an import on a machine that is overloaded.
        const IMPORT: Duration = Duration::from_mins(1);
        if self.driver.forks {
            limit.max(IMPORT)
        } else {
            limit
        }
    }

    /// It has left processes behind.
    pub(crate) fn litters(&self) {
        self.litters.store(true, Ordering::Relaxed);
    }

    /// Starts its driver in `directory`, with this environment and no other: forked, where it can be.
    ///
    /// # Errors
    /// [`Misbehaviour::Start`].
    pub async fn start(
        &self,
        environment: &[(OsString, OsString)],
        directory: &Path,
    ) -> Result<Driver, Misbehaviour> {
        if self.driver.forks
            && let Some(server) = self.fork_server(environment)
            && let Ok(forked) = server.fork(&self.driver, environment, directory).await
        {
            return Ok(Driver::forked(forked));
        }
        Driver::start(&self.driver, environment, directory)
    }

    /// It gets of a case's environment what is no case's own.
    fn fork_server(&self, environment: &[(OsString, OsString)]) -> Option<&ForkServer> {
        let start = || {
            let common = environment.iter().filter(|(name, _)| {
                let name = name.to_string_lossy();
                ["LANG", "LC_ALL", "PATH"].contains(&&*name)
            });
            ForkServer::start(&self.driver, &common.cloned().collect::<Vec<_>>()).ok()
        };
        self.forks.get_or_init(start).as_ref()
    }
}
