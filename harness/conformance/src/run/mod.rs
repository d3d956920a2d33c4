//! Running one case on one target with one client.

pub mod outcome;
