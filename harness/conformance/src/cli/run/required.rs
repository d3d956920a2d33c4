//! Keeping to what is required.

use std::path::Path;
use std::sync::Arc;

use super::{Refusal, RunArgs, root};
use crate::cli::Exit;
use crate::requirements::Requirements;
use crate::scenario::model::Case;

/// The cases that are required, or all.
pub(super) fn required(
    args: &RunArgs,
    scenarios: &Path,
    loaded: &[Arc<Case>],
) -> Result<Vec<Arc<Case>>, Refusal> {
    let Some(version) = &args.requirements else {
        return Ok(loaded.to_vec());
    };
    let frozen = Requirements::load(root(scenarios), version);
    frozen
        .and_then(|frozen| frozen.of_server(loaded))
        .map_err(|error| Refusal(Exit::Usage, format!("error: {error}")))
}
