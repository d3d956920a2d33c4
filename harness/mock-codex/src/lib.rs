//! A mock of `codex app-server`.

pub mod sandbox;
pub mod tools;
