//! What is judged: expectations of steps and of the run, frames, and snapshots.

pub mod expect;
pub mod matcher;
pub mod model;
pub mod schema;
pub mod snapshot;
pub mod verdict;
