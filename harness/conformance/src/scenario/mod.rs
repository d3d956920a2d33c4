//! Scenarios: the file format, loading and expansion.

pub mod model;
