//! The model: a client of the Responses API.

mod asked;
mod channel;
mod client;
pub(crate) mod context;
mod endpoint;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod metadata;
pub(crate) mod request;
pub(crate) mod response_item;
mod sse;
pub(crate) mod subagent;
pub(crate) mod token;
pub(crate) mod tools;
mod wait;

pub(crate) use asked::Asked;
pub(crate) use channel::Channel;
pub(crate) use client::{Answer, CallError, Events};
pub(crate) use endpoint::Endpoint;
