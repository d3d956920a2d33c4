//! What drives an app-server: the built-in reference client.
//!
//! A scenario's *verbs* (`thread_start`, `run`, …) are what every client has; its *wire* steps
//! (`request`, `send_line`, `await`, …) reach below, to the [`connection`]. The executor gives
//! verbs to a [`reference::Client`] and wire steps to its connection; a driver of an SDK takes
//! the place of the first and has no second.

pub mod address;
pub mod approval;
pub mod connection;
pub mod driver;
pub mod failure;
pub mod permission;
pub mod reference;
pub mod turn;

mod stdio;
mod websocket;
