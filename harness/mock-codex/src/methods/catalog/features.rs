//! `experimentalFeature/list`.

use serde::{Deserialize, Serialize};

use super::super::Params;
use super::page::Paged;
use crate::connection::Call;
use crate::failure::Failure;

/// Names, stages and defaults of the features of codex 0.169.0, one a line.
const FEATURES: &str = include_str!("../../../data/features.txt");

/// `experimentalFeature/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExperimentalFeatureListParams {
    cursor: Option<String>,
    limit: Option<u32>,
    thread_id: Option<String>,
}

impl Params for ExperimentalFeatureListParams {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Feature {
    name: &'static str,
    stage: &'static str,
    display_name: Option<&'static str>,
    description: Option<String>,
    announcement: Option<String>,
    enabled: bool,
    default_enabled: bool,
}

pub(super) fn list(call: &Call, params: ExperimentalFeatureListParams) -> Result<(), Failure> {
    if let Some(id) = &params.thread_id {
        call.server.thread(id)?;
    }
    let config = call.server.config()?;
    let chosen = |name: &str| config.table.get("features")?.get(name)?.as_bool();
    let features = lines()
        .map(|(name, stage, default, display)| {
            let (display, announced) = match display {
                Some(text) => match text.strip_suffix("|new") {
                    Some(text) => (Some(text), true),
                    None => (Some(text), false),
                },
                None => (None, false),
            };
            Feature {
                name,
                stage,
                display_name: display,
                description: display.map(|display| format!("The feature “{display}”.")),
                announcement: display.map(|display| {
                    let text = format!("{display} can be tried.");
                    if announced { text } else { String::new() }
                }),
                enabled: chosen(name).unwrap_or(default),
                default_enabled: default,
            }
        })
        .collect();
    let page = Paged::new("feature flags", params.cursor, params.limit);
    call.reply(&page.of(features)?);
    Ok(())
}

/// Name, stage, default and the rest of each line of the table.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, bool, Option<&'static str>)> {
    FEATURES.lines().filter_map(|line| {
        let mut words = line.splitn(4, ' ');
        let (name, stage, default) = (words.next()?, words.next()?, words.next()?);
        (name != "#").then(|| (name, stage, default == "on", words.next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_as_a_whole() {
        assert_eq!(lines().count(), 215);
        assert!(lines().all(|(_, stage, _, display)| display.is_none() || stage == "beta"));
    }
}
