//! What the model may call.

pub mod exec;
