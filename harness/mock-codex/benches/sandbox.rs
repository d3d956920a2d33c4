//! Measures sandboxed commands.

fn main() {}
