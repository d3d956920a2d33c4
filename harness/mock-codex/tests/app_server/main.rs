//! The executable as a client sees it, over stdio, with a scripted model.

mod client;
mod handshake;
mod persistence;
mod threads;
mod turns;
