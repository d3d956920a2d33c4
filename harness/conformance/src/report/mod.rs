//! Verdicts for people and programs; nothing is decided here.
