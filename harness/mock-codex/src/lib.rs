//! A mock of `codex app-server`.
