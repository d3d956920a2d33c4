//! Commands under the kernel's enforcement.
//!
//! A [`Sandbox`] says what a command may do, [`Backend`] says what this machine can enforce, and a
//! [`SandboxLauncher`] turns both into a process. Setting up namespaces between `fork` and `exec`
//! is not sound in a program with threads, so the launcher has a single-threaded fork server
//! (`fork_server`), which forks a helper for each command. It is a fork of this process where that
//! has one thread, and the embedding executable once more where it has several;
//! [`helper_main_if_asked`] must therefore be the first thing its `main` does. The helper stays outside as a guard, its child sets the namespaces up and
//! reaps, and the command is that one's child: the second process of its namespace, as under the
//! real app-server.
//!
//! # Why not a crate
//!
//! `birdcage` (GPL) and `hakoniwa` (LGPL) have licences that this project can't take on,
//! `libcontainer` is a container runtime with its bundles and cgroups, and `bwrap` is a program that
//! must be installed. What is left to write on `rustix`, `landlock` and `seccompiler` is short: the
//! namespace keeps the host's tree, each mount is made read-only in place, and the writable roots
//! are bound over themselves.
//!
//! # Like the real app-server
//!
//! Observed on codex 0.169.0 and the same here: the texts of refusals, no capabilities, no set-user-id
//! and no devices, the devices in `/dev`, the terminal as `/dev/console`, empty directories with
//! mode 555 for protected names, refused sockets and the rest of the system call
//! filter, exit codes. Under that filter bash takes its stdin for a network
//! connection (`getpeername` is refused with `EPERM`) and reads `~/.bashrc`, there as here.
//!
//! # Unlike it
//!
//! - Nothing stays on the host when something is killed: see `linux/protected.rs`.
//! - `/proc/sys` and the like are read-only also for root; there, root can change the host's kernel.
//! - A protected name that exists and is empty shows as what it is, there as an empty stand-in.

pub mod capability;
mod fork_server;
pub(crate) mod helper;
pub mod launcher;
mod linux;
mod plan;
pub mod policy;

pub use capability::{Backend, Missing};
pub use helper::helper_main_if_asked;
pub use launcher::{Launch, LaunchError, SandboxLauncher};
pub use policy::{Sandbox, SandboxSpec};
