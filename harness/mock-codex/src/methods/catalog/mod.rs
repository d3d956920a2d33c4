//! Lists that hardly depend on anything: what there is to choose from.

mod features;
mod models;
mod page;
mod skills;

pub(crate) use skills::usable as usable_skills;

use serde::Deserialize;
use serde_json::{Value, json};

use self::page::{Page, Paged};
use super::{Method, NoParams, Params, parse, ready};
use crate::config;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::Unused;

pub(super) const METHODS: &[Method] = methods! {
    "model/list" models::ModelListParams => models::list;
    "permissionProfile/list" PermissionProfileListParams => permission_profiles;
    "collaborationMode/list" CollaborationModeListParams => collaboration_modes;
    "experimentalFeature/list" features::ExperimentalFeatureListParams => features::list;
    "mcpServerStatus/list" ListMcpServerStatusParams => mcp_servers;
    "app/list" AppsListParams => apps;
    "hooks/list" HooksListParams => hooks;
    "plugin/installed" PluginInstalledParams => installed_plugins;
    "skills/list" skills::SkillsListParams => skills::list;
    "modelProvider/list" ModelProviderListParams => models::providers;
    "modelProvider/capabilities/read" ModelProviderCapabilitiesReadParams => models::capabilities;
    "remoteControl/status/read" RemoteControlStatusReadParams => remote_control;
    "windowsSandbox/readiness" NoParams => windows_sandbox;
    "configRequirements/read" NoParams => requirements;
};

/// The permission profiles that come with codex.
const PROFILES: &[&str] = &[":read-only", ":workspace", ":danger-full-access"];

#[derive(Debug, Deserialize)]
struct PermissionProfileListParams {
    cursor: Option<String>,
    limit: Option<u32>,
    #[serde(rename = "cwd")]
    _cwd: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CollaborationModeListParams {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMcpServerStatusParams {
    cursor: Option<String>,
    limit: Option<u32>,
    #[serde(rename = "detail")]
    _detail: Option<McpServerStatusDetail>,
    thread_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum McpServerStatusDetail {
    Full,
    ToolsAndAuthOnly,
}

#[derive(Debug, Deserialize)]
struct AppsListParams {}

#[derive(Debug, Deserialize)]
struct HooksListParams {
    cwds: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct PluginInstalledParams {
    #[serde(rename = "cwds")]
    _cwds: Unused,
}

#[derive(Debug, Deserialize)]
struct ModelProviderListParams {}

#[derive(Debug, Deserialize)]
struct ModelProviderCapabilitiesReadParams {}

/// `remoteControl/status/read` takes nothing, and needs the capability.
#[derive(Debug)]
struct RemoteControlStatusReadParams;

impl<'de> Deserialize<'de> for RemoteControlStatusReadParams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NoParams::deserialize(deserializer).map(|_| Self)
    }
}

impl Params for RemoteControlStatusReadParams {
    const OPTIONAL: bool = true;

    fn experimental(&self) -> Option<&'static str> {
        Some("remoteControl/status/read")
    }
}

impl Params for CollaborationModeListParams {
    fn experimental(&self) -> Option<&'static str> {
        Some("collaborationMode/list")
    }
}

impl Params for PermissionProfileListParams {}
impl Params for ListMcpServerStatusParams {}
impl Params for AppsListParams {}
impl Params for HooksListParams {}
impl Params for PluginInstalledParams {}
impl Params for ModelProviderListParams {}
impl Params for ModelProviderCapabilitiesReadParams {}

fn permission_profiles(call: &Call, params: PermissionProfileListParams) -> Result<(), Failure> {
    let config = call.server.config()?;
    let own = config.toml.permissions.entries.iter();
    let own = own.map(|(id, profile)| (id.as_str(), profile.description.as_deref()));
    let profiles: Vec<Value> = { PROFILES.iter().map(|id| (*id, None)).chain(own) }
        .map(|(id, description)| {
            let profile = config::profile(&config.toml, id);
            // What the mock doesn't serve is there all the same.
            let allowed = profile.map_or(true, |it| config.requirements.allows_profile(&it));
            json!({"id": id, "description": description, "allowed": allowed})
        })
        .collect();
    let page = Paged::new("permission profiles", params.cursor, params.limit);
    call.reply(&page.of(profiles)?);
    Ok(())
}

fn collaboration_modes(call: &Call, _: CollaborationModeListParams) -> Result<(), Failure> {
    call.reply(&json!({"data": [
        {"name": "Plan", "mode": "plan", "model": null, "reasoning_effort": "medium"},
        {"name": "Default", "mode": "default", "model": null, "reasoning_effort": null},
    ]}));
    Ok(())
}

/// The mock starts no MCP servers, so that it has none to tell of.
fn mcp_servers(call: &Call, params: ListMcpServerStatusParams) -> Result<(), Failure> {
    if let Some(id) = &params.thread_id {
        call.server.thread(id)?;
    }
    let page = Paged::new("MCP servers", params.cursor, params.limit);
    call.reply(&page.of(Vec::<Value>::new())?);
    Ok(())
}

fn apps(call: &Call, _: AppsListParams) -> Result<(), Failure> {
    call.reply(&Page::<Value>::default());
    Ok(())
}

fn hooks(call: &Call, params: HooksListParams) -> Result<(), Failure> {
    let of = |cwd: &str| json!({"cwd": cwd, "hooks": [], "warnings": [], "errors": []});
    let data: Vec<Value> = directories(call, params.cwds.as_deref())
        .iter()
        .map(|cwd| of(cwd))
        .collect();
    call.reply(&json!({"data": data}));
    Ok(())
}

fn installed_plugins(call: &Call, _: PluginInstalledParams) -> Result<(), Failure> {
    call.reply(&json!({"marketplaces": [], "marketplaceLoadErrors": []}));
    Ok(())
}

fn remote_control(call: &Call, _: RemoteControlStatusReadParams) -> Result<(), Failure> {
    call.reply(&super::handshake::remote_control(&call.server));
    Ok(())
}

fn windows_sandbox(call: &Call, _: NoParams) -> Result<(), Failure> {
    call.reply(&json!({"status": "notConfigured"}));
    Ok(())
}

fn requirements(call: &Call, _: NoParams) -> Result<(), Failure> {
    let requirements = call.server.config()?.requirements.view();
    call.reply(&json!({"supportsIndependentSpeedModes": true, "requirements": requirements}));
    Ok(())
}

/// The directories that a list is asked for: those named, or the server's own.
fn directories(call: &Call, named: Option<&[String]>) -> Vec<String> {
    match named {
        Some(named) if !named.is_empty() => named.to_vec(),
        _ => vec![call.server.started_in.display().to_string()],
    }
}
