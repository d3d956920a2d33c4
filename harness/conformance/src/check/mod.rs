//! What is judged: expectations of steps and of the run, and snapshots.

pub mod expect;
pub mod matcher;
pub mod model;
pub mod snapshot;
pub mod verdict;
