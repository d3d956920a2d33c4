//! What the model is told beside the conversation, in our own words; the sentences that state
//! facts (mode, roots, network, approval policy) are the ones that codex 0.169.0 writes.

use std::path::{Path, PathBuf};

use codex_wire::policy::{
    ApprovalPolicy, ApprovalsReviewer, ExternalNetwork, SandboxPolicy, WorkspaceWrite,
};

use super::metadata::Metadata;
use crate::clock;
use crate::mutant::{self, Switch};
use crate::permission::profile::{FileAccess, OwnProfile, Target};
use crate::protocol::dynamic_tool::DynamicTool;
use crate::thread::Settings;

/// The first instructions, unless the thread has its own.
pub(crate) const BASE_PROMPT: &str = "You are a coding agent behind a mock of the Codex \
    app-server. Do what the user asks with the tools that you are given, and say what you did.";

/// The list of skills, of which the mock has none.
pub(crate) const SKILLS: &str = "<skills_instructions>\n## Skills\nNo skills are installed.\n\
    </skills_instructions>";

/// What the model is told when it takes over from another.
pub(crate) const MODEL_SWITCH: &str = "<model_switch>\nAnother model answered the user so far; \
    carry on with what follows.\n</model_switch>";

/// What a response that a content filter stopped leaves in the history.
pub(crate) const CONTENT_FILTERED: &str = "<content_filter_guidance>\nA content filter stopped the \
    last answer. Don't try to give it in another form: say what can't be done, and offer what \
    can.\n</content_filter_guidance>";

/// What an interrupted turn leaves in the history.
pub(crate) const TURN_ABORTED: &str = "<turn_aborted>\nThe user interrupted the previous turn on \
    purpose. Commands that were started may still be running in the background, and aborted tool \
    calls may have been carried out in part.\n</turn_aborted>";

/// What a turn that nobody asked for begins with.
pub(crate) const GOAL: &str = "<codex_internal_context source=\"goal\">\nWork on towards the goal \
    of this thread. When it is reached, or can't be, say so with `update_goal`.\n\
    </codex_internal_context>";

/// What the model is asked when its input is to be replaced by a summary.
pub(crate) const COMPACTION: &str = "You are performing a CONTEXT CHECKPOINT COMPACTION. Sum up \
    what was asked for, what has been done and found, and what is left, for a model that knows \
    nothing of it.\n";

/// What a summary begins with.
pub(crate) const SUMMARY: &str = "Another language model has worked on this before; this is its \
    summary:";

/// The first instructions of somebody who reviews code.
pub(crate) const REVIEW: &str = "You review changes of code that somebody else has made. Answer \
    with a JSON object: `findings` (each with `title`, `body`, `confidence_score`, `priority` and \
    `code_location`), `overall_correctness`, `overall_explanation` and \
    `overall_confidence_score`.";

/// What a review that came to nothing leaves in the history.
pub(crate) const REVIEW_INTERRUPTED: &str = "<user_action>\n  <context>The user asked for a review, \
    which did not come to its end. It can be asked for again with `/review`.</context>\n  \
    <action>review</action>\n  <results>\n  None.\n  </results>\n</user_action>\n";

/// What a review leaves in the history.
pub(crate) fn reviewed(results: &str) -> String {
    format!(
        "<user_action>\n  <context>The user asked for a review; this is what it found, and some of \
         it may be asked for next.</context>\n  <action>review</action>\n  <results>\n  {results}\n  \
         </results>\n  </user_action>\n"
    )
}

/// The `<permissions instructions>` block.
pub(crate) fn permissions(settings: &Settings) -> String {
    format!(
        "<permissions instructions>\nFilesystem sandboxing defines which files can be read or \
         written. {}\n{}{}{}{}\n</permissions instructions>",
        sandbox(settings),
        approval(settings),
        kinds(settings),
        widening(settings),
        roots(settings) + &denied(settings),
    )
}

fn sandbox(settings: &Settings) -> String {
    const UNCONFINED: &str = "No filesystem sandboxing - all commands are permitted.";
    let policy = told_policy(settings);
    let (about, network) = match &policy {
        SandboxPolicy::ReadOnly { network_access } => {
            ("The sandbox only permits reading files.", *network_access)
        }
        SandboxPolicy::WorkspaceWrite(details) => (
            "The sandbox permits reading files, and editing files in `cwd` and `writable_roots`. \
             Editing files in other directories requires approval.",
            details.network_access,
        ),
        SandboxPolicy::DangerFullAccess => (UNCONFINED, true),
        SandboxPolicy::ExternalSandbox { network_access } => {
            (UNCONFINED, *network_access == ExternalNetwork::Enabled)
        }
    };
    let mode = match &policy {
        SandboxPolicy::ExternalSandbox { .. } => "danger-full-access",
        _ if mutant::is(Switch::ToldFullAccess) => "danger-full-access",
        sandbox => sandbox.mode_name(),
    };
    let network = if network { "enabled" } else { "restricted" };
    format!("`sandbox_mode` is `{mode}`: {about} Network access is {network}.")
}

/// The sandbox as the model is told of it: where a profile's only writable places aren't there, it
/// may read only.
fn told_policy(settings: &Settings) -> SandboxPolicy {
    let own = settings.own_profile();
    match &settings.sandbox {
        SandboxPolicy::WorkspaceWrite(details)
            if own.is_some_and(|own| own.writable(settings.place()).is_empty()) =>
        {
            let network_access = details.network_access;
            SandboxPolicy::ReadOnly { network_access }
        }
        policy => policy.clone(),
    }
}

fn roots(settings: &Settings) -> String {
    let SandboxPolicy::WorkspaceWrite(details) = &told_policy(settings) else {
        return String::new();
    };
    let roots = match settings.own_profile() {
        Some(own) => sorted(own.writable(settings.place())),
        None => writable_roots(settings, details),
    };
    let roots: Vec<String> = roots
        .iter()
        .map(|root| format!("`{}`", root.display()))
        .collect();
    let are = if roots.len() == 1 {
        "root is"
    } else {
        "roots are"
    };
    format!("\n The writable {are} {}.", roots.join(", "))
}

/// Where commands may write: the temporary directories, the workspace, and what is listed.
pub(crate) fn writable_roots(settings: &Settings, details: &WorkspaceWrite) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    if !details.exclude_slash_tmp && Path::new("/tmp").is_dir() {
        roots.push(PathBuf::from("/tmp"));
    }
    if !details.exclude_tmpdir_env_var
        && let Some(directory) = std::env::var_os("TMPDIR").filter(|path| !path.is_empty())
    {
        roots.push(PathBuf::from(directory));
    }
    roots.extend(settings.workspace_roots.iter().cloned());
    roots.extend(details.writable_roots.iter().cloned());
    sorted(roots)
}

/// Each once, in the order of their paths.
fn sorted(mut roots: Vec<PathBuf>) -> Vec<PathBuf> {
    roots.sort();
    roots.dedup();
    roots
}

/// What nobody may read under a profile of one's own.
fn denied(settings: &Settings) -> String {
    let own = settings.own_profile();
    let denied = own.map(|own| own.denied(settings.place()));
    let denied = denied.unwrap_or_default();
    if denied.is_empty() {
        return String::new();
    }
    let lines = denied.iter().map(|target| match target {
        Target::Path(path) => format!("\n- path `{}`", path.display()),
        Target::Glob(pattern) => format!("\n- glob `{pattern}`"),
        Target::Special(name) => format!("\n- special `{name}`"),
    });
    let lines: String = lines.collect();
    format!(
        "\n## Denied filesystem reads\nNobody may read what follows, and no approval changes \
         that:{lines}"
    )
}

fn approval(settings: &Settings) -> &'static str {
    match (settings.approval_policy, settings.reviewer) {
        (ApprovalPolicy::Never, _) => {
            "Approval policy is currently never. Do not provide the `sandbox_permissions` for any \
             reason, commands will be rejected."
        }
        (ApprovalPolicy::Untrusted, ApprovalsReviewer::AutoReview) => {
            "Approvals are your mechanism to get consent. `approval_policy` is `unless-trusted`: a \
             reviewer is asked about every command that no rule allows. `approvals_reviewer` is \
             `auto_review`."
        }
        (ApprovalPolicy::Untrusted, _) => {
            "Approvals are your mechanism to get user consent. `approval_policy` is \
             `unless-trusted`: the user is asked about every command that no rule allows."
        }
        (_, ApprovalsReviewer::AutoReview) => {
            "# Escalation Requests\n\nA reviewer decides about requests to leave the sandbox; \
             make them with `sandbox_permissions` set to `require_escalated` and a \
             `justification`. `approvals_reviewer` is `auto_review`."
        }
        (ApprovalPolicy::Granular(_), _) => {
            "# Approval Requests\n\nApproval policy is `granular`: some kinds of approval requests \
             reach the user, the others are rejected."
        }
        (ApprovalPolicy::OnRequest, _) => {
            "# Escalation Requests\n\nCommands leave the sandbox when the user approves it. Ask \
             with `sandbox_permissions` set to `\"require_escalated\"` and a short question in \
             `justification`; a `prefix_rule` may say which commands are alike."
        }
    }
}

/// Which approval requests reach somebody, where each kind has its own setting.
fn kinds(settings: &Settings) -> String {
    let ApprovalPolicy::Granular(granular) = settings.approval_policy else {
        return String::new();
    };
    let kinds = [
        ("sandbox_approval", granular.sandbox_approval),
        ("rules", granular.rules),
        ("skill_approval", granular.skill_approval),
        ("mcp_elicitations", granular.mcp_elicitations),
    ];
    // Where there is no such tool, nobody is told of it.
    let of_tool = ("request_permissions", granular.request_permissions);
    let of_tool = settings.permission_tools.alone.then_some(of_tool);
    let of = |on: bool| {
        let kinds = kinds.iter().chain(&of_tool);
        let names = kinds.filter(|(_, is_on)| *is_on == on);
        let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
        names.join(", ")
    };
    format!(
        "\n\nThese kinds are asked about: {}. These are rejected: {}.",
        of(true),
        of(false)
    )
}

/// How the model may ask for permissions inside the sandbox.
fn widening(settings: &Settings) -> String {
    const WITH_COMMANDS: &str = "\n\nPrefer `sandbox_permissions` set to \
        `with_additional_permissions` and a list of `additional_permissions` to \
        `require_escalated`, where the former will do.";
    const ALONE: &str = "\n\n`request_permissions` asks for permissions that later commands need.";
    let asks = settings.permission_tools;
    let escalates = match settings.approval_policy {
        ApprovalPolicy::Never => false,
        ApprovalPolicy::Granular(granular) => granular.sandbox_approval,
        ApprovalPolicy::OnRequest | ApprovalPolicy::Untrusted => true,
    };
    let with_commands = asks.with_commands && escalates;
    [(with_commands, WITH_COMMANDS), (asks.alone, ALONE)]
        .into_iter()
        .filter_map(|(on, text)| on.then_some(text))
        .collect()
}

/// The `<environment_context>` block; directory and shell are left out where the model knows them.
pub(crate) fn environment(settings: &Settings, with_place: bool) -> String {
    surroundings(settings, with_place, &filesystem(settings))
}

/// The same for somebody who reviews what is done with these settings: what can be written there
/// is named as what can be read, and so is everything where there is no sandbox.
pub(crate) fn environment_of_reviewer(settings: &Settings, reviewed: &Settings) -> String {
    let places = if reviewed.sandbox == SandboxPolicy::DangerFullAccess {
        let read_only = Settings {
            sandbox: SandboxPolicy::ReadOnly {
                network_access: false,
            },
            profile: None,
            ..reviewed.clone()
        };
        filesystem(&read_only)
    } else {
        filesystem(reviewed).replace("access=\"write\"", "access=\"read\"")
    };
    surroundings(settings, true, &places)
}

fn surroundings(settings: &Settings, with_place: bool, filesystem: &str) -> String {
    let now = clock::local(clock::now_ms());
    let zone = clock::zone();
    let place = if with_place {
        format!(
            "\n  <cwd>{}</cwd>\n  <shell>bash</shell>",
            settings.cwd.display()
        )
    } else {
        String::new()
    };
    format!(
        "<environment_context>{place}\n  <current_date>{}</current_date>\n  \
         <timezone>{}</timezone>\n  {}\n</environment_context>",
        now.strftime("%Y-%m-%d"),
        zone.iana_name().unwrap_or("Etc/UTC"),
        filesystem,
    )
}

/// The `<filesystem>` part of the environment.
pub(crate) fn filesystem(settings: &Settings) -> String {
    let roots: Vec<String> = settings
        .workspace_roots
        .iter()
        .map(|root| format!("<root>{}</root>", root.display()))
        .collect();
    let roots = if roots.is_empty() {
        String::new()
    } else {
        format!("<workspace_roots>{}</workspace_roots>", roots.concat())
    };
    format!("<filesystem>{roots}{}</filesystem>", profile(settings))
}

fn profile(settings: &Settings) -> String {
    if let Some(own) = settings.own_profile() {
        return rules(own, settings);
    }
    let root = entry("read", "<special>:root</special>");
    match &settings.sandbox {
        SandboxPolicy::DangerFullAccess => "<permission_profile type=\"disabled\"><file_system \
             type=\"unrestricted\" /></permission_profile>"
            .to_owned(),
        SandboxPolicy::ExternalSandbox { .. } => "<permission_profile type=\"external\">\
             <file_system type=\"external\" /></permission_profile>"
            .to_owned(),
        SandboxPolicy::ReadOnly { .. } => managed(&root),
        SandboxPolicy::WorkspaceWrite(details) => managed(&(root + &writable(settings, details))),
    }
}

/// A profile of one's own, rule by rule.
fn rules(own: &OwnProfile, settings: &Settings) -> String {
    let rules = own.rules(settings.place()).into_iter().map(|rule| {
        let what = match rule.target {
            Target::Path(path) => format!("<path>{}</path>", path.display()),
            Target::Glob(pattern) => format!("<glob>{pattern}</glob>"),
            Target::Special(name) => format!("<special>{name}</special>"),
        };
        match rule.access {
            FileAccess::Deny => {
                format!("<entry access=\"deny\" escalatable=\"false\">{what}</entry>")
            }
            access => entry(access.name(), &what),
        }
    });
    let rules: String = rules.collect();
    match own.scan_depth() {
        None => managed(&rules),
        Some(depth) => managed(&rules).replacen(
            "\"restricted\"",
            &format!("\"restricted\" glob_scan_max_depth=\"{depth}\""),
            1,
        ),
    }
}

fn writable(settings: &Settings, details: &WorkspaceWrite) -> String {
    let path = |access, path: &Path| entry(access, &format!("<path>{}</path>", path.display()));
    let mut entries: String = settings
        .workspace_roots
        .iter()
        .map(|root| path("write", root))
        .collect();
    if !details.exclude_slash_tmp {
        entries.push_str(&entry("write", "<special>:slash_tmp</special>"));
    }
    if !details.exclude_tmpdir_env_var {
        entries.push_str(&entry("write", "<special>:tmpdir</special>"));
    }
    let listed: Vec<&PathBuf> = details
        .writable_roots
        .iter()
        .filter(|root| !settings.workspace_roots.contains(root))
        .filter(|root| settings.profile.is_none() || !is_temporary(root))
        .collect();
    entries.extend(listed.iter().map(|root| path("write", root)));
    for name in PROTECTED {
        let roots = settings.workspace_roots.iter();
        entries.extend(roots.map(|root| path("read", &root.join(name))));
    }
    let named = settings.protected_of_policy().into_iter();
    let known = |it: &PathBuf| {
        settings
            .workspace_roots
            .iter()
            .any(|root| it.parent() == Some(root))
    };
    entries.extend(named.filter(|it| !known(it)).map(|it| path("read", &it)));
    // Elsewhere only what is there is protected.
    for name in PROTECTED {
        let there = listed.iter().map(|root| root.join(name));
        entries.extend(there.filter(|it| it.exists()).map(|it| path("read", &it)));
    }
    entries
}

/// What nobody may write within a writable root.
const PROTECTED: [&str; 4] = [".git", ".agents", ".codex", ".aws"];

/// Is it one of the temporary directories, which have names of their own?
fn is_temporary(root: &Path) -> bool {
    let own = std::env::var_os("TMPDIR");
    root == Path::new("/tmp") || own.is_some_and(|own| root == Path::new(&own))
}

fn entry(access: &str, what: &str) -> String {
    format!("<entry access=\"{access}\">{what}</entry>")
}

fn managed(entries: &str) -> String {
    format!(
        "<permission_profile type=\"managed\"><file_system type=\"restricted\">{entries}\
         </file_system></permission_profile>"
    )
}

/// What a model is told that takes over from one that had to search for tools.
pub(crate) const NO_TOOLS: &str = "<tools>\nAll tools are given.\n</tools>";

/// What a model is told that has to search for tools.
pub(crate) fn deferred_tools(settings: &Settings) -> Option<String> {
    let agents = Metadata::of(&settings.model).map(|_| ("multi_agent_v1", "Work with sub-agents."));
    let brought = settings
        .dynamic_tools
        .iter()
        .filter_map(DynamicTool::deferred);
    let lines: String = agents
        .into_iter()
        .chain(brought)
        .flat_map(|(name, about)| ["- ", name, ": ", about, "\n"])
        .collect();
    (!lines.is_empty()).then(|| format!("<tools>\nDeferred tool namespaces:\n{lines}</tools>"))
}

/// What the model is told of the collaboration mode.
pub(crate) fn collaboration(settings: &Settings) -> Option<String> {
    let text = settings.collaboration.instructions()?;
    Some(format!("<collaboration_mode>{text}</collaboration_mode>"))
}
