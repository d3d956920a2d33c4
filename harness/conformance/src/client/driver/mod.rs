//! A third-party SDK as the client, behind a small program that speaks for it: its *driver*.
//!
//! | module | what |
//! | --- | --- |
//! | [`protocol`] | what the runner and a driver say to each other |
//! | [`process`] | the driver's process, and the conversation with it |
//! | [`call`] | steps of a scenario as requests to a driver |
//! | [`tap`] | the executable that the SDK gets as `codex` |
//! | [`taps`] | what the taps tell, live |
//! | [`seen`] | what the SDK and codex said to each other |

pub mod call;
pub mod process;
pub mod protocol;
pub mod seen;
pub mod tap;
pub mod taps;

use std::sync::OnceLock;

use process::Program;
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
}

impl Sdk {
    /// An SDK that nobody has asked yet.
    pub fn new(name: String, driver: Program) -> Self {
        Self {
            name,
            driver,
            capabilities: OnceLock::new(),
        }
    }

    /// What its driver said of it, if one was asked.
    pub fn introduced(&self) -> Option<&Capabilities> {
        self.capabilities.get()
    }
}
