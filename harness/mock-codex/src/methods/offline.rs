//! What belongs to a `ChatGPT` account, to plugins, to MCP servers and to other machines: answers of
//! an app-server that has none of them (codex 0.169.0, without a network).
//!
//! The parameters are read as the real one reads them. What would change something that the mock
//! doesn't have is left to scripts.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Method, NoParams, Params, parse, ready};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{AbsolutePath, Unused};

/// What the remote catalogue of plugins answers to those who are not logged in.
const NO_CATALOGUE: &str = "chatgpt authentication required for remote plugin catalog";

const NO_REMOTE_CONTROL: &str = "remote control requires ChatGPT authentication";

pub(super) const METHODS: &[Method] = methods! {
    "plugin/list" PluginListParams => plugins;
    "plugin/search" PluginSearchParams => nothing_found;
    "plugin/reconcile" PluginReconcileParams => reconcile_plugins;
    "plugin/share/list" PluginShareListParams => shared_plugins;
    "plugin/share/checkout" PluginShareCheckoutParams => check_out_plugin;
    "plugin/share/delete" PluginShareDeleteParams => delete_share;
    "plugin/share/save" PluginShareSaveParams => save_share;
    "marketplace/upgrade" MarketplaceUpgradeParams => upgrade_marketplaces;
    "app/read" AppReadParams => read_apps;
    "app/installed" AppInstalledParams => installed_apps;
    "project/list" ProjectListParams => projects;
    "threadSection/list" ThreadSectionListParams => sections;
    "memory/status" MemoryStatusParams => memory_status;
    "memory/reset" MemoryResetParams => reset_memory;
    "rollout/compress" RolloutCompressParams => compress;
    "thread/prediction/request" PredictionParams => no_predictions;
    "config/mcpServer/reload" NoParams => reload_servers;
    "mcpServer/oauth/login" McpLoginParams => log_in_to_server;
    "mcpServer/event/stream/start" McpStreamStartParams => start_stream;
    "mcpServer/event/stream/stop" McpStreamStopParams => stop_stream;
    "account/gatewayOAuth/read" GatewayReadParams => gateway;
    "account/gatewayOAuth/login" GatewayLoginParams => log_in_to_gateway;
    "account/gatewayOAuth/cancel" NoParams => cancel_gateway;
    "accountSession/switch" AccountSwitchParams => switch_account;
    "account/rateLimitResetCredit/consume" ResetCreditParams => consume_credit;
    "account/sendAddCreditsNudgeEmail" NudgeParams => nudge;
    "remoteControl/enable" RemoteControlEnableParams => no_remote_control;
    "remoteControl/disable" RemoteControlDisableParams => no_remote_control;
    "remoteControl/client/list" RemoteControlClientsParams => no_remote_control;
    "remoteControl/client/revoke" RemoteControlRevokeParams => no_remote_control;
    "externalAgentConfig/detect" AgentConfigDetectParams => foreign_agents;
    "externalAgentConfig/import/readHistories" NoParams => imports;
    "feedback/upload" FeedbackUploadParams => upload_feedback;
    "userVerification/status" UserVerificationStatusParams => verification;
};

/// Parameters: those that the mock needs by name, the others for the texts of errors.
macro_rules! params {
    ($($name:ident $(($gate:literal))? { $($field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[allow(dead_code, reason = "some members are here for the error texts of their types")]
        struct $name { $($field: $type,)* }

        impl Params for $name {
            $(fn experimental(&self) -> Option<&'static str> {
                Some($gate)
            })?
        }
    )*};
}

/// The same for methods that need no parameters at all.
macro_rules! no_params {
    ($($name:ident $gate:literal;)*) => {$(
        #[derive(Debug)]
        struct $name;

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                NoParams::deserialize(deserializer).map(|_| Self)
            }
        }

        impl Params for $name {
            const OPTIONAL: bool = true;

            fn experimental(&self) -> Option<&'static str> {
                Some($gate)
            }
        }
    )*};
}

params! {
    PluginListParams { cwds: Option<Vec<AbsolutePath>>, marketplace_kinds: Option<Vec<MarketplaceKind>>, }
    PluginSearchParams("plugin/search") { search_term: String, }
    PluginReconcileParams {}
    PluginShareListParams {}
    PluginShareCheckoutParams { remote_plugin_id: String, }
    PluginShareDeleteParams { remote_plugin_id: String, }
    PluginShareSaveParams { plugin_path: AbsolutePath, }
    MarketplaceUpgradeParams { marketplace_name: Option<String>, }
    AppReadParams { app_ids: Vec<String>, }
    AppInstalledParams { thread_id: Option<String>, }
    ProjectListParams("project/list") { cursor: Option<String>, limit: Option<u32>, }
    ThreadSectionListParams { cursor: Option<String>, limit: Option<u32>, }
    MemoryStatusParams("memory/status") {}
    PredictionParams("thread/prediction/request") { thread_id: String, source_turn_id: String, }
    McpLoginParams { name: String, }
    McpStreamStartParams("mcpServer/event/stream/start") {
        thread_id: String, server: String, subscription_id: String, name: String, arguments: Value,
    }
    McpStreamStopParams("mcpServer/event/stream/stop") { subscription_id: String, }
    AccountSwitchParams("accountSession/switch") { session_id: String, account_id: String, }
    ResetCreditParams { idempotency_key: String, }
    NudgeParams { credit_type: CreditType, }
    RemoteControlClientsParams("remoteControl/client/list") { environment_id: String, }
    RemoteControlRevokeParams("remoteControl/client/revoke") { environment_id: String, client_id: String, }
    AgentConfigDetectParams { cwds: Unused, }
    FeedbackUploadParams { classification: String, }
    UserVerificationStatusParams("userVerification/status") {}
}

no_params! {
    MemoryResetParams "memory/reset";
    RolloutCompressParams "rollout/compress";
}

/// Parameters that nobody looks at, and that can be left out.
macro_rules! any_params {
    ($($name:ident $($gate:literal)?;)*) => {$(
        #[derive(Debug, Deserialize)]
        struct $name {}

        impl Params for $name {
            const OPTIONAL: bool = true;

            $(fn experimental(&self) -> Option<&'static str> {
                Some($gate)
            })?
        }
    )*};
}

any_params! {
    GatewayReadParams;
    GatewayLoginParams;
    RemoteControlEnableParams "remoteControl/enable";
    RemoteControlDisableParams "remoteControl/disable";
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MarketplaceKind {
    Local,
    Vertical,
    WorkspaceDirectory,
    SharedWithMe,
    CreatedByMeRemote,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CreditType {
    Credits,
    UsageLimit,
}

fn reply(call: &Call, result: &Value) -> Result<(), Failure> {
    call.reply(result);
    Ok(())
}

fn plugins(call: &Call, _: PluginListParams) -> Result<(), Failure> {
    let none = json!({"marketplaces": [], "marketplaceLoadErrors": [], "featuredPluginIds": []});
    reply(call, &none)
}

fn nothing_found(call: &Call, _: PluginSearchParams) -> Result<(), Failure> {
    reply(call, &json!({"data": [], "nextCursor": null}))
}

fn reconcile_plugins(call: &Call, _: PluginReconcileParams) -> Result<(), Failure> {
    let none = json!({
        "changedPlugins": [],
        "failedRemotePluginIds": [],
        "failedMaterializationRemotePluginIds": [],
    });
    reply(call, &none)
}

/// Why there is no remote catalogue.
fn no_catalogue(call: &Call, what: &str) -> Result<(), Failure> {
    let config = call.server.config()?;
    let features = config.table.get("features");
    let plugins = features.and_then(|features| features.get("plugins")?.as_bool());
    Err(Failure::invalid(if plugins == Some(false) {
        "plugin sharing is not enabled".to_owned()
    } else {
        format!("{what}: {NO_CATALOGUE}")
    }))
}

fn shared_plugins(call: &Call, _: PluginShareListParams) -> Result<(), Failure> {
    no_catalogue(call, "list remote plugin shares")
}

fn check_out_plugin(call: &Call, _: PluginShareCheckoutParams) -> Result<(), Failure> {
    no_catalogue(call, "checkout plugin share")
}

fn delete_share(call: &Call, _: PluginShareDeleteParams) -> Result<(), Failure> {
    no_catalogue(call, "delete remote plugin share")
}

fn save_share(call: &Call, _: PluginShareSaveParams) -> Result<(), Failure> {
    no_catalogue(call, "save remote plugin share")
}

fn upgrade_marketplaces(call: &Call, params: MarketplaceUpgradeParams) -> Result<(), Failure> {
    match params.marketplace_name {
        Some(name) => Err(Failure::invalid(format!(
            "marketplace `{name}` is not configured as a Git marketplace"
        ))),
        None => reply(
            call,
            &json!({"selectedMarketplaces": [], "upgradedRoots": [], "errors": []}),
        ),
    }
}

fn read_apps(call: &Call, params: AppReadParams) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for id in params.app_ids {
        if !missing.contains(&id) {
            missing.push(id);
        }
    }
    reply(call, &json!({"apps": [], "missingAppIds": missing}))
}

fn installed_apps(call: &Call, params: AppInstalledParams) -> Result<(), Failure> {
    if let Some(thread) = params.thread_id {
        call.server.thread(&thread)?;
    }
    reply(call, &json!({"apps": []}))
}

fn projects(call: &Call, params: ProjectListParams) -> Result<(), Failure> {
    if params.cursor.is_some() {
        return Err(Failure::params(
            "invalid project cursor: malformed or mismatched sort anchor",
        ));
    }
    reply(call, &json!({"data": [], "nextCursor": null}))
}

/// There is one section from the start.
fn sections(call: &Call, params: ThreadSectionListParams) -> Result<(), Failure> {
    let pinned = json!({
        "id": "01984de2-8f74-7c91-a3b2-5c5e937cf318",
        "name": "Pinned",
        "appearance": null,
    });
    let data = if params.cursor.is_some() {
        json!([])
    } else {
        json!([pinned])
    };
    reply(call, &json!({"data": data, "nextCursor": null}))
}

fn memory_status(call: &Call, _: MemoryStatusParams) -> Result<(), Failure> {
    reply(call, &json!({"v2ConsolidatedThreads": 0, "v2Ready": true}))
}

fn reset_memory(call: &Call, _: MemoryResetParams) -> Result<(), Failure> {
    reply(call, &json!({}))
}

fn compress(call: &Call, _: RolloutCompressParams) -> Result<(), Failure> {
    reply(call, &json!({}))
}

fn no_predictions(_: &Call, _: PredictionParams) -> Result<(), Failure> {
    Err(Failure::unsupported(
        "thread/prediction/request is not implemented yet",
    ))
}

fn reload_servers(call: &Call, _: NoParams) -> Result<(), Failure> {
    reply(call, &json!({}))
}

fn log_in_to_server(_: &Call, params: McpLoginParams) -> Result<(), Failure> {
    Err(Failure::invalid(format!(
        "No MCP server named '{}' found.",
        params.name
    )))
}

fn start_stream(_: &Call, _: McpStreamStartParams) -> Result<(), Failure> {
    Err(Failure::invalid(
        "MCP event subscriptions are only supported for hosted apps",
    ))
}

fn stop_stream(call: &Call, _: McpStreamStopParams) -> Result<(), Failure> {
    reply(call, &json!({}))
}

fn gateway(call: &Call, _: GatewayReadParams) -> Result<(), Failure> {
    let config = call.server.config()?;
    let toml = &config.toml;
    let id = toml
        .model_provider
        .clone()
        .unwrap_or_else(|| "openai".to_owned());
    let name = toml
        .model_providers
        .get(&id)
        .and_then(|provider| provider.name.clone());
    reply(
        call,
        &json!({
            "providerId": id,
            "providerName": name,
            "required": false,
            "supportsDeviceAuth": false,
            "status": null,
            "error": null,
        }),
    )
}

fn log_in_to_gateway(_: &Call, _: GatewayLoginParams) -> Result<(), Failure> {
    Err(Failure::invalid(
        "The selected provider does not use gateway OAuth",
    ))
}

fn cancel_gateway(call: &Call, _: NoParams) -> Result<(), Failure> {
    reply(call, &json!({}))
}

fn switch_account(_: &Call, _: AccountSwitchParams) -> Result<(), Failure> {
    Err(Failure::invalid(
        "Workspace switching requires a managed ChatGPT login",
    ))
}

fn consume_credit(_: &Call, params: ResetCreditParams) -> Result<(), Failure> {
    Err(Failure::invalid(if params.idempotency_key.is_empty() {
        "idempotencyKey must not be empty"
    } else {
        "codex account authentication required for rate limit reset credits"
    }))
}

fn nudge(_: &Call, _: NudgeParams) -> Result<(), Failure> {
    Err(Failure::invalid(
        "codex account authentication required to notify workspace owner",
    ))
}

fn no_remote_control<P>(_: &Call, _: P) -> Result<(), Failure> {
    Err(Failure::invalid(NO_REMOTE_CONTROL))
}

fn foreign_agents(call: &Call, _: AgentConfigDetectParams) -> Result<(), Failure> {
    reply(call, &json!({"items": [], "connectors": []}))
}

fn imports(call: &Call, _: NoParams) -> Result<(), Failure> {
    reply(call, &json!({"data": [], "connectors": []}))
}

/// Where the real one has no network it fails in the same way, with the cause behind it.
fn upload_feedback(call: &Call, _: FeedbackUploadParams) -> Result<(), Failure> {
    if call.server.config()?.toml.feedback.enabled == Some(false) {
        return Err(Failure::invalid(
            "sending feedback is disabled by configuration",
        ));
    }
    Err(Failure::internal(
        "failed to upload feedback: mock-codex sends nothing to anybody",
    ))
}

fn verification(call: &Call, _: UserVerificationStatusParams) -> Result<(), Failure> {
    let unavailable = json!({
        "credentialId": null,
        "unavailableReason": "providerUnavailable",
        "unavailableMessage": "User verification is not available in this build or account.",
    });
    reply(call, &unavailable)
}
