//! The cases that a command is about.

use std::path::Path;
use std::sync::Arc;

use super::{CliError, Exit, check};
use crate::scenario;
use crate::scenario::model::Case;

/// All cases below a directory.
///
/// # Errors
/// A file can't be loaded; what is wrong with each is told on stderr.
pub(super) fn all(directory: &Path) -> Result<Vec<Arc<Case>>, CliError> {
    let loaded = scenario::load(&[directory.to_owned()]);
    check::report_errors(&loaded.errors);
    if loaded.errors.is_empty() {
        Ok(loaded.cases)
    } else {
        Err(CliError::Told(Exit::Usage))
    }
}

/// Those of them that the filters choose: at least one.
///
/// # Errors
/// A file can't be loaded, or no case is chosen.
pub(super) fn chosen(directory: &Path, filters: &[String]) -> Result<Vec<Arc<Case>>, CliError> {
    let all = all(directory)?;
    let cases = scenario::select(&all, filters);
    if cases.is_empty() {
        return Err(CliError::Failed {
            message: "no case was selected".to_owned(),
            hint: (!filters.is_empty())
                .then(|| format!("`list` shows the {} there are", all.len())),
            exit: Exit::Nothing,
        });
    }
    Ok(cases)
}
