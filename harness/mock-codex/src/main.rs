//! The `mock-codex` executable.

fn main() {}
