//! Methods that the mock knows by name alone.

use serde_json::Value;

use super::{gate, initialized};
use crate::connection::Call;
use crate::failure::Failure;

/// Those that need `experimentalApi`, with the members that are looked for before (codex 0.169.0,
/// from its JSON Schemas with and without the experimental part).
const EXPERIMENTAL: &[(&str, &[&str])] = &[
    ("server/diagnostics", &[]),
    ("userVerification/enroll", &[]),
    ("userVerification/delete", &[]),
    (
        "userVerification/verify",
        &["challenge", "title", "description"],
    ),
    ("userVerification/cancel", &["requestId"]),
    ("thread/sample", &["threadId", "expectedTurnId", "prompt"]),
    ("thread/sample/cancel", &["requestId"]),
    ("thread/increment_elicitation", &["threadId"]),
    ("thread/decrement_elicitation", &["threadId"]),
    (
        "thread/queue/add",
        &["threadId", "input", "clientUserMessageId"],
    ),
    ("thread/queue/list", &["threadId"]),
    (
        "thread/queue/update",
        &["threadId", "queuedSubmissionId", "input"],
    ),
    ("thread/queue/delete", &["threadId", "queuedSubmissionId"]),
    ("thread/queue/reorder", &["threadId", "queuedSubmissionIds"]),
    ("thread/queue/start", &["threadId"]),
    ("thread/memoryMode/set", &["threadId", "mode"]),
    ("thread/memory/read", &["threadId"]),
    (
        "thread/backgroundTerminals/terminate",
        &["threadId", "processId"],
    ),
    ("project/read", &["projectId"]),
    ("project/create", &["name", "roots", "idempotencyKey"]),
    ("project/import", &["name", "roots", "idempotencyKey"]),
    ("project/update", &["projectId"]),
    ("project/move", &["projectId"]),
    ("project/delete", &["projectId"]),
    (
        "thread/readState/update",
        &["threadId", "operation", "expectedRevision"],
    ),
    ("thread/items/read", &["threadId", "turnId", "itemIds"]),
    ("thread/guardianReview", &["threadId"]),
    ("thread/prepareApprovedPlan", &["threadId", "markdown"]),
    ("turn/settings/update", &["threadId", "turnId"]),
    ("thread/realtime/start", &["threadId", "outputModality"]),
    ("thread/realtime/appendAudio", &["threadId", "audio"]),
    ("thread/realtime/appendText", &["threadId", "text"]),
    ("thread/realtime/appendSpeech", &["threadId", "text"]),
    ("thread/realtime/stop", &["threadId"]),
    ("thread/timeline/list", &["threadId"]),
    ("thread/realtime/listVoices", &[]),
    ("remoteControl/pairing/start", &[]),
    ("remoteControl/pairing/status", &[]),
    ("environment/add", &["environmentId", "execServerUrl"]),
    ("environment/info", &["environmentId"]),
    ("environment/status", &["environmentId"]),
    ("account/bedrock/discover", &[]),
    ("account/bedrock/setup", &[]),
    ("account/gcp/setup", &["projectId"]),
    ("account/bedrock/checkGovCloudRequirements", &[]),
    ("accountSession/list", &[]),
];

/// The others, where members are needed (from the same schemas).
const NEEDY: &[(&str, &[&str])] = &[
    (
        "thread/attachment/add",
        &["threadId", "attachmentType", "identityKey", "payload"],
    ),
    ("thread/attachment/list", &["threadId"]),
    (
        "thread/attachmentOwner/list",
        &["attachmentType", "identityKey"],
    ),
    (
        "thread/attachment/remove",
        &["threadId", "attachmentType", "identityKey"],
    ),
    ("thread/section/move", &["threadId", "sectionId"]),
    ("thread/approveGuardianDeniedAction", &["threadId", "event"]),
    ("threadSection/create", &["name"]),
    ("threadSection/update", &["sectionId", "name"]),
    ("threadSection/delete", &["sectionId"]),
    ("skills/extraRoots/set", &["extraRoots"]),
    ("marketplace/add", &["source"]),
    ("marketplace/remove", &["marketplaceName"]),
    ("plugin/read", &["pluginName"]),
    (
        "plugin/skill/read",
        &["remoteMarketplaceName", "remotePluginId", "skillName"],
    ),
    (
        "plugin/share/updateTargets",
        &["remotePluginId", "discoverability", "shareTargets"],
    ),
    ("skills/config/write", &["enabled"]),
    ("plugin/install", &["pluginName"]),
    ("plugin/uninstall", &["pluginId"]),
    ("modelProvider/config/write", &["settings"]),
    ("experimentalFeature/enablement/set", &["enablement"]),
    ("mcpServer/resource/read", &["server", "uri"]),
    ("mcpServer/tool/call", &["threadId", "server", "tool"]),
    ("windowsSandbox/setupStart", &["mode"]),
    ("feedback/save", &["savePath", "classification"]),
    ("externalAgentConfig/import", &["migrationItems"]),
    (
        "externalAgentConfig/import/recordHistory",
        &["providerId", "itemTypeResults"],
    ),
    ("gitDiffToRemote", &["cwd"]),
];

/// Refuses a known method: as codex 0.169.0 refuses it, or because the mock doesn't have it.
pub(super) fn refuse(call: &Call, name: &str, params: Option<&Value>) -> Failure {
    check(call, name, params).err().unwrap_or_else(|| {
        Failure::unsupported(format!(
            "mock-codex does not implement `{name}`; to script an answer, set `MOCK_CODEX_ANSWERS` \
             to a file with {{\"method\": \"{name}\", \"result\": …}}, or give `mock` in a scenario"
        ))
    })
}

fn check(call: &Call, name: &str, params: Option<&Value>) -> Result<(), Failure> {
    initialized(call)?;
    let find = |table: &[(&str, &'static [&'static str])]| {
        let row = table.iter().find(|(known, _)| *known == name);
        row.map(|(_, required)| *required)
    };
    let experimental = find(EXPERIMENTAL);
    let required = experimental.or_else(|| find(NEEDY)).unwrap_or_default();
    let params = params.filter(|params| !params.is_null());
    let given = |member: &str| params.is_some_and(|params| params.get(member).is_some());
    let missing = match required.iter().find(|member| !given(member)) {
        Some(_) if params.is_none() => Some("params"),
        missing => missing.copied(),
    };
    if let Some(missing) = missing {
        return Err(Failure::invalid(format!(
            "Invalid request: missing field `{missing}`"
        )));
    }
    gate(call, experimental.map(|_| name))
}
