//! What goes over the wire, member by member in the order in which codex 0.169.0 writes it.

pub(crate) mod base64;
pub(crate) mod dynamic_tool;
pub(crate) mod environment;
pub(crate) mod input;
pub(crate) mod item;
pub(crate) mod params;
pub(crate) mod reply;
pub(crate) mod review;
pub(crate) mod thread_params;
pub(crate) mod value;
