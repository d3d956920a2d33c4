//! `config/*`: reading settings, and writing the home's file.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Method, Params, parse, ready};
use crate::config::{self, Edit, MergeStrategy};
use crate::connection::Call;
use crate::failure::Failure;

pub(super) const METHODS: &[Method] = methods! {
    "config/read" ConfigReadParams => read;
    "config/value/write" ConfigValueWriteParams => write_value;
    "config/batchWrite" ConfigBatchWriteParams => write_batch;
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigReadParams {
    #[serde(default)]
    include_layers: bool,
    /// Where the project is whose settings are shown too.
    cwd: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigValueWriteParams {
    key_path: String,
    value: Value,
    merge_strategy: MergeStrategy,
    file_path: Option<String>,
    expected_version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigBatchWriteParams {
    edits: Vec<ConfigEdit>,
    file_path: Option<String>,
    expected_version: Option<String>,
    /// Settings are read anew whenever the file has changed.
    #[serde(default, rename = "reloadUserConfig")]
    _reload_user_config: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigEdit {
    key_path: String,
    value: Value,
    merge_strategy: MergeStrategy,
}

impl Params for ConfigReadParams {}
impl Params for ConfigValueWriteParams {}
impl Params for ConfigBatchWriteParams {}

/// A write for which nothing may be wrong.
struct Write {
    edits: Vec<ConfigEdit>,
    file: Option<String>,
    expected: Option<String>,
}

fn read(call: &Call, params: ConfigReadParams) -> Result<(), Failure> {
    let config = call.server.config.borrow_mut().load();
    let unread = |problem: config::Problem| Failure::internal(problem.unread);
    let config = config.map_err(unread)?;
    let cwd = params.cwd.map(|cwd| call.server.started_in.join(cwd));
    let in_project = cwd.map(|cwd| config.in_project(&config::plain(&cwd)));
    let in_project = in_project.transpose().map_err(unread)?.flatten();
    let config = in_project.as_ref().unwrap_or(&config);
    if let Some(problem) = config.problem() {
        return Err(Failure::internal(format!(
            "failed to resolve feature override precedence: {problem}"
        )));
    }
    let layers = config.layers();
    let settings = config
        .effective()
        .map_err(|error| Failure::internal(error.to_string()))?;
    let mut result = json!({"config": settings, "origins": config::origins(&layers)});
    if params.include_layers {
        result["layers"] = layers.iter().map(config::Layer::view).collect();
    }
    call.reply(&result);
    Ok(())
}

fn write_value(call: &Call, params: ConfigValueWriteParams) -> Result<(), Failure> {
    write(
        call,
        Write {
            edits: vec![ConfigEdit {
                key_path: params.key_path,
                value: params.value,
                merge_strategy: params.merge_strategy,
            }],
            file: params.file_path,
            expected: params.expected_version,
        },
    )
}

fn write_batch(call: &Call, params: ConfigBatchWriteParams) -> Result<(), Failure> {
    write(
        call,
        Write {
            edits: params.edits,
            file: params.file_path,
            expected: params.expected_version,
        },
    )
}

/// Writes all of the edits or none.
fn write(call: &Call, write: Write) -> Result<(), Failure> {
    let mut loader = call.server.config.borrow_mut();
    let path = loader.path().to_owned();
    let other = |file: &String| !same_file(Path::new(file), &path);
    if write.file.as_ref().is_some_and(other) {
        return Err(refused(
            "configLayerReadonly",
            "Only writes to the user config are allowed",
        ));
    }
    let unreadable = |problem: config::Problem| Failure::internal(problem.unread);
    let before = loader.load().map_err(unreadable)?.user_version();
    if write.expected.is_some_and(|expected| expected != before) {
        return Err(refused(
            "configVersionConflict",
            "Configuration was modified since last read. Fetch latest version and retry.",
        ));
    }
    let invalid = |text: String| refused("configValidationError", text);
    let edits = write
        .edits
        .into_iter()
        .map(|edit| {
            Ok(Edit {
                path: config::key_path(&edit.key_path)?,
                value: edit.value,
                strategy: edit.merge_strategy,
            })
        })
        .collect::<Result<Vec<_>, String>>()
        .map_err(invalid)?;
    let version = loader
        .edit(&edits)
        .map_err(|error| invalid(format!("Invalid configuration: {error}")))?;
    let config = loader.load().map_err(unreadable)?;
    let overridden = edits.iter().find_map(|edit| config.overridden(&edit.path));
    let status = if overridden.is_some() {
        "okOverridden"
    } else {
        "ok"
    };
    call.reply(&json!({
        "status": status,
        "version": version,
        "filePath": path,
        "overriddenMetadata": overridden,
    }));
    Ok(())
}

fn refused(code: &str, message: impl Into<String>) -> Failure {
    Failure::invalid_with(message, json!({"config_write_error_code": code}))
}

fn same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    one.is_absolute() && real(one) == real(other)
}
