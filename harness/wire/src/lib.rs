//! The Codex app-server wire, as data.
//!
//! Everything here is a plain description of what crosses the wire between a client and an
//! app-server: no process is started and nothing is judged. The other crates build on it.
//!
//! | module | what |
//! | --- | --- |
//! | [`frame`] | requests, responses, errors and notifications, without the `jsonrpc` member |
//! | [`line`] | newline-delimited reading and writing with a maximum line length |
//! | [`policy`] | approval policy, reviewer and sandbox, in both spellings of the protocol |
//! | [`preset`] | the table from what a person chooses to what goes on the wire |
//! | [`schema`] | the protocol of one codex version: methods, types, values |
//! | [`trace`] | what holds for any honest session, judged frame by frame |
//! | [`transcript`] | a recorded session: one JSON object a line, relative microseconds |

pub mod frame;
pub mod line;
pub mod policy;
pub mod preset;
pub mod schema;
pub mod trace;
pub mod transcript;
