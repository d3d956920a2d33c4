//! Instructions that are files or settings.

use std::fs;
use std::path::Path;

use super::file::ConfigToml;

/// The base instructions of the configuration: those of a file, or those that it says itself.
/// Paths begin in `base`.
///
/// # Errors
/// In the words of codex 0.169.0, where a file has no text.
pub(super) fn base(toml: &ConfigToml, base: &Path) -> Result<Option<String>, String> {
    let read = |path: &Option<_>, what| {
        path.as_deref()
            .map(|path| text(&base.join::<&Path>(path), what))
    };
    let of_file = read(&toml.model_instructions_file, "model instructions file");
    let of_file = of_file.transpose()?;
    read(
        &toml.experimental_compact_prompt_file,
        "experimental compact prompt file",
    )
    .transpose()?;
    Ok(of_file.or_else(|| toml.instructions.clone()))
}

fn text(path: &Path, what: &str) -> Result<String, String> {
    let place = path.display();
    let failed = |why: String| format!("failed to read {what} {place}: {why}");
    if path.is_dir() {
        return Err(failed(format!("path `{place}` is not a file")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{what} is empty: {place}"));
    }
    Ok(text.to_owned())
}
