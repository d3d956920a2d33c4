//! A scenario drives an app-server from one side and scripts its model from the other, records
//! both wires on one timeline, and judges that timeline.
//!
//! Data flows one way: [`scenario`] → [`run`] → transcript → [`check`] → [`report`].

pub mod adopt;
pub mod certify;
pub mod check;
pub mod cli;
pub mod client;
pub mod compare;
pub mod coverage;
pub mod drift;
pub mod known_failures;
pub mod mutation;
pub mod normalise;
pub mod permissions;
pub mod report;
pub mod requirements;
pub mod run;
pub mod scenario;
pub mod schema;
pub mod sdk;
pub mod target;
pub mod versions;
pub mod walk;
