//! The `codex-conformance` executable.

fn main() {}
