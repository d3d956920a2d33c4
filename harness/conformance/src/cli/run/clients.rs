//! Which clients drive the cases.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use super::{Plan, Refusal, RunArgs};
use crate::cli::Exit;
use crate::client::driver::Sdk;
use crate::client::reference;
use crate::run::RunOptions;
use crate::sdk;

/// The clients of these names; `None` is the reference client.
pub(super) fn chosen_clients(
    given: &[String],
    root: &Path,
) -> Result<Vec<Option<Arc<Sdk>>>, Refusal> {
    let usage = |message: String| Refusal(Exit::Usage, format!("error: {message}"));
    let missing = |message: String| Refusal(Exit::Environment, format!("error: {message}"));
    let mut chosen = Vec::new();
    for name in given {
        match name.as_str() {
            reference::NAME => chosen.push(None),
            "all" => {
                let all = sdk::installed(root).map_err(|error| missing(error.to_string()))?;
                chosen.extend(all.into_iter().map(|sdk| Some(Arc::new(sdk))));
            }
            _ => {
                let sdk = sdk::find(name, root).map_err(|error| match error {
                    sdk::FindError::Unknown { .. } => usage(error.to_string()),
                    _ => missing(error.to_string()),
                })?;
                chosen.push(Some(Arc::new(sdk)));
            }
        }
    }
    if chosen.is_empty() {
        let hint = "run `codex-conformance sdk install all`";
        return Err(missing(format!("no SDK is installed\nhint: {hint}")));
    }
    Ok(chosen)
}

/// SDKs mostly wait: for their own start, or in vain for what they are known not to do, until the
/// deadline of the case.
pub(super) fn of_sdks(args: &RunArgs, options: &RunOptions, plan: &Plan) -> RunOptions {
    let twice = options
        .jobs
        .saturating_mul(NonZeroUsize::MIN.saturating_add(1));
    RunOptions {
        jobs: args.jobs.unwrap_or(twice),
        waiting: Arc::new(plan.judge.known_to_wait(&plan.chosen)),
        ..options.clone()
    }
}
