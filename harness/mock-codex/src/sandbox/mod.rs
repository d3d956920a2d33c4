//! Commands under the kernel's enforcement.
//!
//! A [`Sandbox`] says what a command may do, [`Backend`] says what this machine can enforce, and a
//! [`SandboxLauncher`] turns both into a process. Setting up namespaces between `fork` and `exec`
//! is not sound in a program with threads, so the launcher starts the embedding executable once
//! more as a small single-threaded helper; [`helper_main_if_asked`] must therefore be the first
//! thing its `main` does.

pub mod capability;
pub(crate) mod helper;
pub mod launcher;
mod linux;
mod plan;
pub mod policy;

pub use capability::{Backend, Missing};
pub use helper::{helper_main, helper_main_if_asked};
pub use launcher::{LaunchError, SandboxLauncher};
pub use policy::{Sandbox, SandboxSpec};
