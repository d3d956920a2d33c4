//! A mock of `codex app-server`.
//!
//! It speaks the protocol as codex 0.169.0 was observed to speak it; where that departs from the
//! documented contract, [`quirk`] names it. [`main_with`] is the whole program, for embedding.

#![allow(
    clippy::single_match_else,
    reason = "two arms side by side say more than an `if let` with a tail"
)]
#![allow(
    clippy::struct_field_names,
    reason = "members are named as on the wire"
)]

mod account;
mod answers;
mod approval;
mod auth;
mod cli;
mod clock;
mod config;
mod connection;
mod exec;
mod failure;
mod home;
mod methods;
mod model;
pub mod mutant;
mod outbox;
mod permission;
mod process;
mod protocol;
pub mod quirk;
mod rules;
pub mod sandbox;
mod script;
mod server;
mod thread;
pub mod tools;
mod transport;
mod turn;
pub mod variant;

pub use cli::main_with;

/// The codex version whose behaviour is emulated.
pub const CODEX_VERSION: &str = "0.169.0";

/// The variable that names a file of scripted answers.
pub const ANSWERS_VARIABLE: &str = "MOCK_CODEX_ANSWERS";

/// Checks a file of scripted answers without a server.
///
/// # Errors
/// What is wrong, with the number of the entry.
pub fn check_answers(text: &str) -> Result<(), String> {
    answers::Answers::parse(text, methods::is_known).map(drop)
}

/// Writes a line to stderr; a stderr that is gone is no reason to stop.
fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
