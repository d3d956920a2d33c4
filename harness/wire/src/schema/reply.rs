//! What a request is answered with.
//!
//! The generator ties no reply to its request; the names of the types do, mostly: `AParams` is
//! answered with `AResponse`. Where they don't, the table says it.

use serde_json::Value;

use super::{Kind, REFERENCE, Schema};

/// Replies whose type is named otherwise than the parameters, or whose request has none; told by
/// the names, and held against what codex 0.169.0 answers.
const REPLIES: [(&str, &str); 20] = [
    (
        "account/gatewayOAuth/cancel",
        "v2/GatewayOAuthCancelResponse",
    ),
    ("account/gatewayOAuth/login", "v2/GatewayOAuthLoginResponse"),
    ("account/gatewayOAuth/read", "v2/GatewayOAuthReadResponse"),
    ("account/logout", "v2/LogoutAccountResponse"),
    ("account/rateLimits/read", "v2/GetAccountRateLimitsResponse"),
    (
        "account/securitySetup/read",
        "v2/GetAccountSecuritySetupResponse",
    ),
    ("account/usage/read", "v2/GetAccountTokenUsageResponse"),
    (
        "account/workspaceMessages/read",
        "v2/GetWorkspaceMessagesResponse",
    ),
    ("accountSession/list", "v2/AccountSessionsResponse"),
    ("config/batchWrite", "v2/ConfigWriteResponse"),
    ("config/mcpServer/reload", "v2/McpServerRefreshResponse"),
    ("config/value/write", "v2/ConfigWriteResponse"),
    (
        "configRequirements/read",
        "v2/ConfigRequirementsReadResponse",
    ),
    (
        "externalAgentConfig/import/readHistories",
        "v2/ExternalAgentConfigImportHistoriesReadResponse",
    ),
    ("memory/reset", "v2/MemoryResetResponse"),
    ("remoteControl/disable", "v2/RemoteControlDisableResponse"),
    ("remoteControl/enable", "v2/RemoteControlEnableResponse"),
    (
        "remoteControl/status/read",
        "v2/RemoteControlStatusReadResponse",
    ),
    ("rollout/compress", "v2/RolloutCompressResponse"),
    (
        "windowsSandbox/readiness",
        "v2/WindowsSandboxReadinessResponse",
    ),
];

impl Schema {
    /// The schema of what a request is answered with; `None` where that isn't known.
    pub fn reply(&self, kind: Kind, method: &str) -> Option<&Value> {
        self.definition(&self.reply_name(kind, method)?)
    }

    /// The name of its definition.
    pub fn reply_name(&self, kind: Kind, method: &str) -> Option<String> {
        if let Some((_, name)) = REPLIES.iter().find(|(known, _)| *known == method) {
            return self.definition(name).map(|_| (*name).to_owned());
        }
        let reference = self.params(kind, method)?.get("$ref")?.as_str()?;
        let params = reference.strip_prefix(REFERENCE)?.strip_suffix("Params")?;
        let name = format!("{params}Response");
        self.definition(&name).map(|_| name)
    }
}
