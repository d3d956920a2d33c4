//! What is judged: expectations of steps and of the run, frames, trace rules, and snapshots.

pub mod expect;
pub mod matcher;
pub mod model;
pub mod schema;
pub mod snapshot;
pub mod trace;
pub mod verdict;
