//! What is judged: expectations of steps and of the run, and snapshots.

pub mod matcher;
