//! From configuration and request to the settings of a thread.

use std::path::{Component, Path, PathBuf};

use codex_wire::policy::{
    ApprovalPolicy, ApprovalsReviewer, SandboxMode, SandboxPolicy, WorkspaceWrite,
};
use serde_json::{Map, Value};

use super::documents::Documents;
use super::file::{ConfigToml, TrustLevel};
use super::instructions;
use super::profiles::{NO_DEFAULT, profile};
use super::project::trust_of;
use crate::failure::Failure;
use crate::model::metadata;
use crate::permission::{Profile, ProfilePlace};
use crate::protocol::params::Personality;
use crate::thread::Settings;
use crate::thread::settings::{Collaboration, ContextWindow, PermissionTools};

/// The model of a thread that nobody chose one for (codex 0.169.0, with its bundled catalog).
const DEFAULT_MODEL: &str = "gpt-6.1-sol";

/// What a thread method asks for; everything may be left out.
#[derive(Debug, Default)]
pub(crate) struct Requested {
    pub(crate) model: Option<String>,
    pub(crate) model_provider: Option<String>,
    pub(crate) service_tier: Option<String>,
    pub(crate) cwd: Option<String>,
    pub(crate) workspace_roots: Option<Vec<PathBuf>>,
    pub(crate) approval_policy: Option<ApprovalPolicy>,
    pub(crate) approvals_reviewer: Option<ApprovalsReviewer>,
    pub(crate) sandbox: Option<SandboxMode>,
    pub(crate) permissions: Option<String>,
    pub(crate) config: Option<Map<String, Value>>,
    pub(crate) base_instructions: Option<String>,
    pub(crate) developer_instructions: Option<String>,
    pub(crate) personality: Option<Personality>,
}

impl Requested {
    /// Does its `config` have this setting?
    pub(crate) fn sets(&self, key: &str) -> bool {
        let config = self.config.as_ref();
        config.is_some_and(|config| config.contains_key(key))
    }

    /// The directory of the thread.
    pub(crate) fn directory(&self, started_in: &Path) -> PathBuf {
        let cwd = self.cwd.as_deref().map(at_home);
        cwd.map_or_else(|| started_in.to_owned(), |cwd| plain(&started_in.join(cwd)))
    }
}

/// A path with the user's directory in the place of a leading `~`.
fn at_home(path: &str) -> PathBuf {
    let below = match path.strip_prefix('~') {
        Some("") => Some(""),
        Some(below) => below.strip_prefix('/'),
        None => None,
    };
    let at_home = below.and_then(|below| Some(std::env::home_dir()?.join(below)));
    at_home.unwrap_or_else(|| path.into())
}

/// The settings of a new thread. `started_in` is where the server was started.
pub(crate) fn resolve(
    config: &super::Config,
    requested: &Requested,
    started_in: &Path,
) -> Result<Settings, Failure> {
    if config.toml.profile.is_some() {
        config
            .problem()
            .map_or(Ok(()), |problem| Err(unloadable(problem)))?;
    }
    let cwd = requested.directory(started_in);
    let in_project = config
        .in_trusted_project(&cwd)
        .map_err(|problem| unloadable(problem.details))?;
    let config = in_project.as_ref().unwrap_or(config);
    let toml = super::merge_request(config, requested.config.as_ref()).map_err(unloadable)?;
    if let Some(profile) = &toml.profile {
        return Err(unloadable(super::file::legacy_profile(profile)));
    }
    check_profiles(&toml, requested)?;
    let provider = requested
        .model_provider
        .clone()
        .or_else(|| toml.model_provider.clone())
        .unwrap_or_else(|| "openai".to_owned());
    if provider != "openai" && !toml.model_providers.contains_key(&provider) {
        return Err(unloadable(format!("Model provider `{provider}` not found")));
    }
    let model = requested.model.clone().or_else(|| toml.model.clone());
    if model.as_deref() == Some("") {
        return Err(Failure::invalid(
            "No models are available. Set `model` explicitly or check your model catalog \
             configuration.",
        ));
    }
    let model = model.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let trust = trust_of(&toml, &cwd);
    let (sandbox, profile) = sandbox(config, &toml, requested, &cwd, trust)?;
    let roots = workspace_roots(requested, &toml, &cwd);
    let approval_policy = requested
        .approval_policy
        .or_else(|| toml.approval_policy.map(Into::into))
        .unwrap_or_else(|| {
            config.requirements.default_approval(match trust {
                Some(TrustLevel::Untrusted) => ApprovalPolicy::Untrusted,
                _ => ApprovalPolicy::OnRequest,
            })
        });
    let usual_reviewer = || {
        config
            .requirements
            .default_reviewer(ApprovalsReviewer::User)
    };
    let permission_tools = PermissionTools {
        alone: toml.has_feature("request_permissions_tool"),
        with_commands: toml.has_feature("exec_permission_approvals"),
    };
    let files_in = if requested.sets("model_instructions_file") {
        &*cwd
    } else {
        config.home()
    };
    let base_instructions = instructions::base(&toml, files_in).map_err(unloadable)?;
    let settings = Settings {
        plugins: Vec::new(),
        documents: Documents::read(&toml, config.home(), &cwd),
        shell_environment: toml.shell_environment_policy,
        service_tier: tier(requested, toml.service_tier, &model),
        model,
        provider,
        approval_policy,
        reviewer: requested
            .approvals_reviewer
            .or(toml.approvals_reviewer)
            .unwrap_or_else(usual_reviewer),
        sandbox,
        profile,
        effort: toml.model_reasoning_effort,
        summary: toml.model_reasoning_summary,
        personality: requested.personality,
        base_instructions: requested.base_instructions.clone().or(base_instructions),
        developer_instructions: { requested.developer_instructions.clone() }
            .or(toml.developer_instructions)
            .filter(|text| !text.is_empty()),
        collaboration: Collaboration::default(),
        policy_directory: None,
        dynamic_tools: Vec::new(),
        permission_tools,
        window: ContextWindow {
            size: toml.model_context_window,
            compact_at: toml.model_auto_compact_token_limit,
        },
        workspace_roots: roots,
        cwd,
    };
    Ok(settings.settle())
}

/// Refuses permissions that can't be had, whatever a sandbox mode in the file says.
fn check_profiles(toml: &ConfigToml, requested: &Requested) -> Result<(), Failure> {
    if toml.permissions.entries.is_empty() || requested.sandbox.is_some() {
        return Ok(());
    }
    let name = requested.permissions.as_ref();
    match name.or(toml.default_permissions.as_ref()) {
        Some(name) => profile(toml, name).map(|_| ()).map_err(unloadable),
        None if toml.sandbox_mode.is_none() => Err(unloadable(NO_DEFAULT)),
        None => Ok(()),
    }
}

/// The tier of service of a new thread, unless the model doesn't have it.
fn tier(requested: &Requested, configured: Option<String>, model: &str) -> Option<String> {
    tier_of(model, requested.service_tier.clone().or(configured)?)
}

/// A tier of service as it is written, if the model has it.
pub(crate) fn tier_of(model: &str, tier: String) -> Option<String> {
    let tier = metadata::tier(tier);
    let is_had = tier == "default" || metadata::is_asked_for_tier(model, &tier);
    is_had.then_some(tier)
}

/// What a new thread is told of a tier of service that its model doesn't have.
pub(crate) fn tier_complaint(
    config: &super::Config,
    requested: &Requested,
    model: &str,
) -> Option<String> {
    let toml = super::merge_request(config, requested.config.as_ref()).ok()?;
    let tier = requested.service_tier.clone().or(toml.service_tier)?;
    let tier = metadata::tier(tier);
    let is_had = tier.is_empty() || tier == "default" || metadata::is_asked_for_tier(model, &tier);
    (!is_had).then(|| {
        format!(
            "Configured service tier `{tier}` is not advertised as supported for model `{model}` \
             and will be omitted from requests."
        )
    })
}

fn sandbox(
    config: &super::Config,
    toml: &ConfigToml,
    requested: &Requested,
    cwd: &Path,
    trust: Option<TrustLevel>,
) -> Result<(SandboxPolicy, Option<Profile>), Failure> {
    let by_name = |name: &str| {
        let profile = profile(toml, name).map_err(unloadable)?;
        let place = ProfilePlace { cwd, roots: &[] };
        Ok((profile.policy(place), Some(profile)))
    };
    if let Some(name) = &requested.permissions {
        return by_name(name);
    }
    if let Some(mode) = requested.sandbox {
        return Ok((with_details(mode, toml, cwd), None));
    }
    // What the request sets counts for more than what the files do, and a project's file for more
    // than the home's.
    let by_mode = !requested.sets("default_permissions")
        && (requested.sets("sandbox_mode") || config.chooses_mode());
    if let Some(mode) = toml.sandbox_mode.filter(|_| by_mode) {
        return Ok((with_details(mode, toml, cwd), None));
    }
    if let Some(name) = &toml.default_permissions {
        return by_name(name);
    }
    if let Some(mode) = toml.sandbox_mode {
        return Ok((with_details(mode, toml, cwd), None));
    }
    let name = match trust {
        // Details of a mode choose it.
        Some(_) if toml.sandbox_workspace_write.is_some() => {
            return Ok((with_details(SandboxMode::WorkspaceWrite, toml, cwd), None));
        }
        Some(_) => ":workspace",
        None => ":read-only",
    };
    by_name(name)
}

fn with_details(mode: SandboxMode, toml: &ConfigToml, cwd: &Path) -> SandboxPolicy {
    if mode != SandboxMode::WorkspaceWrite {
        return mode.to_policy();
    }
    let Some(details) = &toml.sandbox_workspace_write else {
        return mode.to_policy();
    };
    SandboxPolicy::WorkspaceWrite(WorkspaceWrite {
        writable_roots: details
            .writable_roots
            .iter()
            .map(|root| cwd.join(root))
            .collect(),
        network_access: details.network_access,
        exclude_tmpdir_env_var: details.exclude_tmpdir_env_var,
        exclude_slash_tmp: details.exclude_slash_tmp,
    })
}

/// The directory itself and, where no profile of permissions is chosen, the writable roots of the
/// configuration, unless the request names them.
fn workspace_roots(requested: &Requested, toml: &ConfigToml, cwd: &Path) -> Vec<PathBuf> {
    if let Some(roots) = &requested.workspace_roots {
        return roots.clone();
    }
    let by_profile = requested.permissions.is_some() || toml.default_permissions.is_some();
    let details = toml.sandbox_workspace_write.as_ref();
    let listed = details.filter(|_| !by_profile);
    let listed = listed.into_iter().flat_map(|it| &it.writable_roots);
    let mut roots = vec![cwd.to_owned()];
    roots.extend(listed.map(|root| cwd.join(root)).filter(|root| root != cwd));
    roots
}

/// A path without `.` and `..`, which are resolved by their text alone, as codex 0.169.0 does.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// A path that may begin with `~`, the user's directory.
pub(crate) fn below_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

/// A configuration that no thread can be started with.
pub(crate) fn unloadable(details: impl AsRef<str>) -> Failure {
    Failure::invalid(format!(
        "failed to load configuration: {}",
        details.as_ref()
    ))
}
