//! Showing what came of a run. Reports only report: they decide nothing.

pub mod excerpt;
pub mod json;
pub mod junit;
pub mod summary;
pub mod terminal;

#[cfg(test)]
pub(crate) mod sample;

pub use self::summary::{Problem, Summary};
