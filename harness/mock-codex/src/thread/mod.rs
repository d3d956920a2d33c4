//! Threads: their settings, what they hold while loaded, and what is kept of them on disk.

pub(crate) mod catalog;
pub(crate) mod goal;
pub(crate) mod history;
pub(crate) mod ordinals;
pub(crate) mod record;
pub(crate) mod relay;
pub(crate) mod settings;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod turns;
mod view;

pub(crate) use settings::Settings;
pub(crate) use state::Thread;
