//! The loop of a driver in Rust: reads requests, hands them to an SDK, answers.
//!
//! `docs/drivers.md` describes the protocol. A driver implements [`Driver`] and calls [`serve`].

mod answer;
mod options;
mod serve;
mod with;

pub use answer::{Failed, RaisedBy, final_response, variant};
pub use options::{Call, Options};
pub use serve::{Answered, Driver, serve};
pub use with::With;

use serde::Serialize;

/// The version of the protocol.
const PROTOCOL: u32 = 1;

/// What a driver says of its SDK: the result of `hello`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct About {
    /// The SDK's name.
    pub name: &'static str,
    /// The SDK's version.
    pub version: &'static str,
    /// Does it name approval modes and sandboxes itself, and refuse other names?
    pub presets: bool,
    /// The verbs that it has, beside `hello`, `open` and `close`.
    pub verbs: &'static [&'static str],
    /// The approval modes that it can express exactly.
    pub approval_modes: &'static [&'static str],
    /// The sandboxes that it can express exactly.
    pub sandboxes: &'static [&'static str],
    /// What it reaches codex by, the best first.
    pub transports: &'static [&'static str],
    /// The kinds of approval that can be answered through it.
    pub approvals: &'static [&'static str],
}
