//! The commands of `codex-conformance` as their users see them: what each prints, where, and how
//! it ends. One executable for all of them, since each would take as long to link.

mod program;

mod adopt;
mod certify;
mod check;
mod coverage;
mod drift;
mod list;
mod mutants;
mod new;
mod permissions;
mod presets;
mod requirements;
mod run;
mod schema;
mod sdk;
mod serve;
mod trace;
mod walk;
