//! Scenarios, targets, clients, checks and reports.
