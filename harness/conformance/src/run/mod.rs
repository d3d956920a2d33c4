//! Running one case on one target with one client.

pub mod case;
pub mod home;
pub mod leftover;
pub mod listen;
pub mod outcome;
pub mod places;
pub mod process;
pub mod record;
pub mod script;
pub mod session;
pub mod suite;
pub mod world;

pub(crate) mod checks;
mod driven;
mod finish;
mod first_start;
mod http;
mod jwt;
mod opening;
mod options;
mod perform;
pub(crate) mod refer;
mod verbs;
mod wire;

pub(crate) use driven::Window;
pub use first_start::FirstStarts;
pub use options::{RunEvent, RunOptions};
pub(crate) use perform::verb;
pub use suite::{case_by_case, suite, suite_of_clients};
