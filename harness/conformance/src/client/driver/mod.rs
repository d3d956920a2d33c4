//! A third-party SDK as the client, behind a small program that speaks for it: its *driver*.

pub mod protocol;
