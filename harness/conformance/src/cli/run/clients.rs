//! Which clients drive the cases.

use std::path::Path;
use std::sync::Arc;

use super::Refusal;
use crate::cli::Exit;
use crate::client::driver::Sdk;
use crate::client::reference;
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
