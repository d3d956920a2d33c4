//! The settings of a thread that is resumed or forked: what is remembered of it, and what the
//! request puts on top.

use crate::config::{self, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::quirk::Id as Quirk;
use crate::thread::Settings;

/// The settings that are remembered. codex 0.169.0 forgets some sandboxes, and those that are no
/// longer allowed, and takes what a new thread would get, in `cwd` if the request names it.
pub(super) fn remembered(
    call: &Call,
    settings: &Settings,
    cwd: Option<&String>,
    quirk: Quirk,
) -> Result<Settings, Failure> {
    let mut settings = settings.clone();
    let config = call.server.config()?;
    let is_allowed = config.requirements.check_sandbox(&settings.sandbox).is_ok();
    let forgotten = settings.sandbox_is_forgettable() && call.server.quirks.has(quirk);
    // A profile of one's own is known by its name: it is what the name stands for today.
    let own = settings
        .profile
        .take_if(|profile| profile.as_own().is_some());
    let lost = own.is_some_and(|own| match config::profile(&config.toml, &own.id) {
        Ok(today) => {
            settings.choose(today);
            false
        }
        Err(_) => true,
    });
    if forgotten || lost || !is_allowed {
        let fresh = fresh(call, &settings, cwd)?;
        settings.sandbox = fresh.sandbox;
        settings.profile = fresh.profile;
    }
    Ok(settings)
}

/// The settings of a new thread, in the same place unless there is a `cwd`.
pub(super) fn fresh(
    call: &Call,
    settings: &Settings,
    cwd: Option<&String>,
) -> Result<Settings, Failure> {
    let same = || settings.cwd.to_string_lossy().into_owned();
    let requested = Requested {
        cwd: Some(cwd.cloned().unwrap_or_else(same)),
        ..Requested::default()
    };
    let config = call.server.config()?;
    let fresh = config::resolve(&config, &requested, &call.server.started_in)?;
    Ok(Settings {
        workspace_roots: settings.workspace_roots.clone(),
        ..fresh
    })
}

/// Remembered settings with those that the `config` of a request names.
fn with_config(base: Settings, asked: &Settings, requested: &Requested) -> Settings {
    let mut settings = base;
    if requested.sets("model") {
        settings.model.clone_from(&asked.model);
    }
    if requested.sets("model_reasoning_effort") {
        settings.effort.clone_from(&asked.effort);
    }
    if requested.sets("model_reasoning_summary") {
        settings.summary.clone_from(&asked.summary);
    }
    if requested.sets("service_tier") {
        settings.service_tier.clone_from(&asked.service_tier);
    }
    if requested.sets("approval_policy") {
        settings.approval_policy = asked.approval_policy;
    }
    if requested.sets("approvals_reviewer") {
        settings.reviewer = asked.reviewer;
    }
    if requested.sets("sandbox_mode") || requested.sets("default_permissions") {
        settings.sandbox = asked.sandbox.clone();
        settings.policy_directory = None;
        settings.profile.clone_from(&asked.profile);
    }
    settings
}

/// Remembered settings with those of a request on top, its members and its `config`: codex 0.169.0,
/// in `persistence/config-of-a-request` and `threads/config-on-resume`.
pub(super) fn overridden(
    call: &Call,
    base: Settings,
    requested: Requested,
) -> Result<Settings, Failure> {
    let config = call.server.config()?;
    let mut requested = requested;
    if requested.cwd.is_none() {
        requested.cwd = Some(base.cwd.to_string_lossy().into_owned());
    }
    let provider = requested
        .model_provider
        .take()
        .or_else(|| Some(base.provider.clone()));
    requested.model_provider = provider;
    let asked = config::resolve(&config, &requested, &call.server.started_in)?;
    let cwd_moved = asked.cwd != base.cwd;
    let base = with_config(base, &asked, &requested);
    let sandbox_given = requested.sandbox.is_some() || requested.permissions.is_some();
    let model = requested.model.unwrap_or(base.model);
    let settings = Settings {
        workspace_roots: match requested.workspace_roots {
            Some(roots) => roots,
            None if cwd_moved => vec![asked.cwd.clone()],
            None => base.workspace_roots,
        },
        cwd: asked.cwd,
        provider: asked.provider,
        plugins: base.plugins,
        service_tier: match requested.service_tier {
            Some(tier) => config::tier_of(&model, tier),
            None => base.service_tier,
        },
        model,
        approval_policy: requested.approval_policy.unwrap_or(base.approval_policy),
        reviewer: requested.approvals_reviewer.unwrap_or(base.reviewer),
        sandbox: if sandbox_given {
            asked.sandbox
        } else {
            base.sandbox
        },
        policy_directory: base.policy_directory.filter(|_| !sandbox_given),
        profile: if sandbox_given {
            asked.profile
        } else {
            base.profile
        },
        effort: base.effort,
        summary: base.summary,
        personality: requested.personality.or(base.personality),
        base_instructions: requested.base_instructions.or(base.base_instructions),
        developer_instructions: requested
            .developer_instructions
            .or(base.developer_instructions),
        collaboration: base.collaboration,
        dynamic_tools: base.dynamic_tools,
        permission_tools: asked.permission_tools,
        documents: asked.documents,
        shell_environment: asked.shell_environment,
        window: asked.window,
    };
    Ok(settings.settle())
}
