//! Command sessions behind the `exec_command` and `write_stdin` tools, free of any protocol.
//!
//! [`Session`] is one running command, [`SessionStore`] keeps those that the model may still talk
//! to, [`format`] writes what the model reads about them, and [`denial`] recognises a command that
//! its sandbox stopped.

pub mod denial;
pub mod format;
mod output;
pub mod session;
pub mod store;
mod terminal;
pub mod wait;

pub use format::Budget;
pub use output::Clipped;
pub use session::{Collected, ExecRequest, Session, SpawnError, WriteError};
pub use store::{SessionId, SessionStore};
pub(crate) use terminal::{Terminal, open_terminal};
