//! The executable as a client sees it, over stdio, with a scripted model.

mod client;
mod durability;
mod handshake;
mod kills;
mod persistence;
mod quirks;
mod script;
mod settings;
mod threads;
mod turns;
