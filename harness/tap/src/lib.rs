//! The tap: it stands where a client expects `codex`, passes everything on to the program behind
//! it, byte for byte, and records it.
//!
//! | module | what |
//! | --- | --- |
//! | [`stand_in`] | an executable named `codex` that starts the tap with a plan |
//! | [`plan`] | which program is behind it, and where the recording goes |
//! | [`record`] | the recording: a transcript, written as it happens |
//! | [`disturb`] | what is done to a program's output, to see whether its client survives it |
//! | [`run`] | the processes, the three streams and the end |
//!
//! A line is recorded before its last byte is passed on. So whoever reacts to a frame finds it in
//! the recording already, also when the recording is read by another process.
//!
//! There is no async runtime and no command-line parser here: a client that starts `codex` for
//! each turn starts the tap as often.

pub mod disturb;
pub mod plan;
pub mod record;
pub mod run;
pub mod stand_in;

mod lines;
mod signals;

pub use disturb::Disturb;
pub use plan::{Plan, Sink};
pub use run::{TapError, run};
