//! Trust in a project, which comes with working in it.

use serde_json::json;

use crate::config::{self, Edit, MergeStrategy, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::quirk::Id as Quirk;
use crate::thread::Settings;
use codex_wire::policy::SandboxPolicy;

/// The settings of a new thread. Where it may write in a directory that the request names, the
/// project of that directory is trusted from then on, as codex 0.169.0 does it.
pub(super) fn resolve(call: &Call, requested: &Requested) -> Result<Settings, Failure> {
    let server = &call.server;
    let config = server.config()?;
    let settings = config::resolve(&config, requested, &server.started_in)?;
    let read_only = matches!(settings.sandbox, SandboxPolicy::ReadOnly { .. });
    if read_only || requested.cwd.is_none() || !server.quirks.has(Quirk::StartTrustsProject) {
        return Ok(settings);
    }
    let Some(project) = config.undecided_project(&settings.cwd) else {
        return Ok(settings);
    };
    let place = ["projects", &project.to_string_lossy(), "trust_level"];
    let edit = Edit {
        path: place.map(str::to_owned).to_vec(),
        value: json!("trusted"),
        strategy: MergeStrategy::Replace,
    };
    // What can't be written is not trusted, and the thread starts all the same.
    if server.config.borrow_mut().edit(&[edit]).is_err() {
        return Ok(settings);
    }
    config::resolve(&*server.config()?, requested, &server.started_in)
}
