//! The model: a client of the Responses API.

mod client;
pub(crate) mod context;
mod endpoint;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod request;
pub(crate) mod tools;

pub(crate) use client::{Answer, CallError, ModelClient};
pub(crate) use endpoint::Endpoint;
