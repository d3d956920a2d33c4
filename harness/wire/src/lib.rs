//! The Codex app-server wire.
