//! What is judged: expectations of steps and of the run, frames, trace rules, and snapshots.

pub mod expect;
pub mod matcher;
pub mod model;
pub mod schema;
pub(crate) mod sdk;
pub mod snapshot;
pub(crate) mod told;
pub mod trace;
pub mod verdict;
