//! What the model may call.

pub mod exec;
pub(crate) mod patch;
