//! `presets`: what each choice puts on the wire, from the one table that says so.

use std::io::Write;

use clap::Args;
use codex_wire::preset::{ApprovalMode, Row, SandboxPreset, table};
use serde_json::{Value, json};

use super::{CliError, Exit};

/// The options of `presets`.
#[derive(Debug, Args)]
pub struct PresetsArgs {
    /// As a JSON array
    #[arg(long)]
    json: bool,
}

/// Prints the mapping; a refused choice says why.
///
/// # Errors
/// The output can't be written.
pub fn execute(args: &PresetsArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    if args.json {
        let rows: Vec<Value> = table().iter().map(as_json).collect();
        writeln!(out, "{:#}", Value::Array(rows))?;
        return Ok(Exit::Success);
    }
    let head = ["approval_mode", "sandbox", "method", "on the wire"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(head)
        .chain(table().iter().map(columns))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let [mode, sandbox, method] = [width(0), width(1), width(2)];
    for [a, b, c, wire] in &rows {
        writeln!(out, "{a:mode$}  {b:sandbox$}  {c:method$}  {wire}")?;
    }
    Ok(Exit::Success)
}

fn columns(row: &Row) -> [String; 4] {
    let wire = match &row.wire {
        Ok(wire) if wire.is_empty() => "nothing".to_owned(),
        Ok(wire) => wire
            .iter()
            .map(|(k, v)| format!("{k}={}", plain(v)))
            .collect::<Vec<_>>()
            .join(" "),
        Err(refused) => format!("refused: {refused}"),
    };
    let mode = row.approval_mode.map_or("-", ApprovalMode::name);
    let sandbox = row.sandbox.map_or("-", SandboxPreset::name);
    [
        mode.to_owned(),
        sandbox.to_owned(),
        row.method.name().to_owned(),
        wire,
    ]
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn as_json(row: &Row) -> Value {
    let (wire, refused) = match &row.wire {
        Ok(wire) => (Some(wire), None),
        Err(refused) => (None, Some(refused.to_string())),
    };
    json!({
        "approval_mode": row.approval_mode.map(ApprovalMode::name),
        "sandbox": row.sandbox.map(SandboxPreset::name),
        "method": row.method.name(),
        "wire": wire,
        "refused": refused,
    })
}
