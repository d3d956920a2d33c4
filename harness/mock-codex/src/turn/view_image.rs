//! The tool `view_image`.

use std::path::PathBuf;

use serde::Deserialize;

use super::emit::Scope;
use super::image;
use super::toolcall::{Outcome, ToolCall};
use crate::clock;
use crate::protocol::item::{ImageView, Item, Times};
use crate::tools::patch::absolute;

/// The arguments of the tool.
#[derive(Debug, Deserialize)]
struct Arguments {
    path: String,
    detail: Option<String>,
}

/// Shows the model an image.
pub(super) fn call(scope: &Scope, call: &ToolCall) -> Outcome {
    try_call(scope, call).unwrap_or_else(Outcome::Output)
}

fn try_call(scope: &Scope, call: &ToolCall) -> Result<Outcome, String> {
    super::toolcall::check_environment(&call.arguments)?;
    let arguments: Arguments = serde_json::from_str(&call.arguments)
        .map_err(|error| format!("failed to parse function arguments: {error}"))?;
    // A model without metadata gets the same image for both.
    if let Some(detail) = arguments.detail
        && !["high", "original"].contains(&detail.as_str())
    {
        return Err(format!(
            "view_image.detail only supports `high` or `original`; omit `detail` for default high \
             resized behavior, got `{detail}`"
        ));
    }
    if arguments.path.contains('\0') {
        let (path, cwd) = (&arguments.path, scope.settings.cwd.display());
        return Err(format!(
            "unable to resolve image path `{path}` against environment cwd `file://{cwd}`: '{path}' \
             is invalid on 'linux'"
        ));
    }
    let path = absolute(&scope.settings.cwd, &arguments.path);
    let bytes = read(&path)?;
    let image = image::file_part(&bytes, None);
    if image["type"] != "input_image" {
        return Err("unable to process image: invalid or unsupported image data".to_owned());
    }
    scope.whole_item(Item::ImageView(ImageView {
        id: call.id.clone(),
        path,
        times: Times::started(clock::now_ms()),
    }));
    Ok(Outcome::Parts(vec![image]))
}

fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let missing = |error| format!("unable to locate image at `{shown}`: {error}");
    if !path.metadata().map_err(missing)?.is_file() {
        return Err(format!("image path `{shown}` is not a file"));
    }
    std::fs::read(path).map_err(|error| format!("unable to read image at `{shown}`: {error}"))
}
