//! Settings that codex knows, so that the others can be named.

use std::path::Path;

use super::layers;

/// The top-level settings of `config.toml`.
const KEYS: &[&str] = &[
    "agents",
    "allow_login_shell",
    "analytics",
    "approval_policy",
    "approvals_reviewer",
    "apps",
    "apps_mcp_product_sku",
    "audio",
    "auto_review",
    "background_terminal_max_timeout",
    "bypass_hook_trust",
    "chatgpt_base_url",
    "check_for_update_on_startup",
    "cli_auth_credentials_store",
    "cloud",
    "compact_prompt",
    "computer_use",
    "default_permissions",
    "desktop",
    "developer_instructions",
    "disable_paste_burst",
    "experimental_compact_prompt_file",
    "experimental_realtime_ws_base_url",
    "experimental_use_unified_exec_tool",
    "features",
    "feedback",
    "file_opener",
    "forced_chatgpt_workspace_id",
    "forced_login_method",
    "ghost_snapshot",
    "hide_agent_reasoning",
    "history",
    "hooks",
    "include_apps_instructions",
    "include_environment_context",
    "include_permissions_instructions",
    "instructions",
    "js_repl_node_path",
    "log_dir",
    "marketplaces",
    "mcp_oauth_callback_port",
    "mcp_oauth_callback_url",
    "mcp_oauth_credentials_store",
    "mcp_servers",
    "memories",
    "model",
    "model_auto_compact_token_limit",
    "model_auto_compact_token_limit_scope",
    "model_catalog_json",
    "model_context_window",
    "model_instructions_file",
    "model_provider",
    "model_providers",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_verbosity",
    "notice",
    "notify",
    "openai_base_url",
    "oss_provider",
    "otel",
    "permissions",
    "personality",
    "plan_mode_reasoning_effort",
    "plugins",
    "profile",
    "profiles",
    "project_doc_fallback_filenames",
    "project_doc_max_bytes",
    "project_root_markers",
    "projects",
    "realtime",
    "review_model",
    "sandbox_mode",
    "sandbox_workspace_write",
    "service_tier",
    "shell_environment_policy",
    "show_raw_agent_reasoning",
    "skills",
    "sqlite_home",
    "suppress_unstable_features_warning",
    "tool_output_token_limit",
    "tool_suggest",
    "tools",
    "tui",
    "web_search",
    "windows",
];

/// Where a setting was made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Layer<'a> {
    /// The command line, or the `config` of a request.
    SessionFlags,
    /// The file of a project.
    Project(&'a Path),
    /// The home's file.
    User(&'a Path),
}

/// How many settings are named; the rest is counted.
const NAMED: usize = 3;

/// The features that codex knows, one a line with more behind it.
const FEATURES: &str = include_str!("../../data/features.txt");

/// Is there such a feature?
pub(super) fn is_feature(name: &str) -> bool {
    stage(name).is_some()
}

/// Is a feature one that codex is still working on?
pub(super) fn is_under_development(name: &str) -> bool {
    stage(name) == Some("underDevelopment")
}

fn stage(name: &str) -> Option<&'static str> {
    FEATURES.lines().find_map(|line| {
        let mut words = line.split(' ');
        words.next().filter(|word| *word == name && name != "#")?;
        words.next()
    })
}

/// The settings of a table that codex doesn't know, as dotted paths, sorted. What is in a table
/// is only looked at where all of its settings are known here.
pub(super) fn unknown(table: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table {
        if KEYS.contains(&key.as_str()) {
            look(value, &mut vec![key], &mut found);
        } else {
            found.push(key.clone());
        }
    }
    found.sort();
    found
}

fn look<'a>(value: &'a toml::Value, path: &mut Vec<&'a str>, found: &mut Vec<String>) {
    let toml::Value::Table(table) = value else {
        return;
    };
    let feature = |key: &str| {
        FEATURES
            .lines()
            .any(|line| line.split(' ').next() == Some(key))
    };
    let known = layers::members_of(path);
    for (key, value) in table {
        let is_known = match (&known, path.as_slice()) {
            (_, ["features"]) => feature(key),
            (None, _) | (_, ["mcp_servers", _]) => true,
            (Some(members), _) => members.contains(key),
        };
        path.push(key);
        if is_known && path.len() < 3 {
            look(value, path, found);
        } else if !is_known {
            found.push(path.join("."));
        }
        path.pop();
    }
}

/// What is said about settings that codex doesn't know; `None` if there are none.
pub(crate) fn complaint<'a>(
    settings: impl IntoIterator<Item = (Layer<'a>, String)>,
) -> Option<String> {
    let mut lines: Vec<String> = settings
        .into_iter()
        .map(|(layer, key)| match layer {
            Layer::SessionFlags => format!("\n  session-flags: `{key}` is ignored."),
            Layer::Project(path) => {
                format!("\n  project ({}): `{key}` is ignored.", path.display())
            }
            Layer::User(path) => format!("\n  user ({}): `{key}` is ignored.", path.display()),
        })
        .collect();
    let count = lines.len();
    if count > NAMED {
        lines.truncate(NAMED);
        lines.push(format!(
            "\n  ... and {} more ignored settings.",
            count - NAMED
        ));
    }
    let settings = if count == 1 { "setting" } else { "settings" };
    (count > 0).then(|| {
        format!(
            "Codex is ignoring {count} unrecognized configuration {settings}. Check for typos or \
             deprecated settings.{}",
            lines.concat()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_settings_are_named_with_their_layer() {
        let path = Path::new("/h/config.toml");
        let of = |text: &str| unknown(&toml::from_str(text).unwrap()).into_iter();
        let flags = of("zzz = 1\ntools.web_search = true").map(|key| (Layer::SessionFlags, key));
        let user = of("model = \"m\"\nodd = 1").map(|key| (Layer::User(path), key));
        assert_eq!(
            complaint(flags.chain(user)).unwrap(),
            "Codex is ignoring 2 unrecognized configuration settings. Check for typos or \
             deprecated settings.\n  session-flags: `zzz` is ignored.\n  user (/h/config.toml): \
             `odd` is ignored."
        );
        assert_eq!(complaint([]), None);
    }

    #[test]
    fn settings_within_tables_are_looked_at_where_all_are_known() {
        let text = "[features]\nnope = true\nmemories = true\n[history]\nzz = 1\n\
                    [model_providers.x]\nname = \"x\"\nzz = 1\n[tui]\nanything = 1\n\
                    [mcp_servers.s.env]\nA = \"b\"\n[model_providers.x.http_headers]\nb = \"c\"";
        let table = toml::from_str(text).unwrap();
        let want = ["features.nope", "history.zz", "model_providers.x.zz"];
        assert_eq!(unknown(&table), want);
    }

    #[test]
    fn only_the_first_ones_are_named() {
        let many = (1..=5).map(|n| (Layer::SessionFlags, format!("k{n}")));
        let text = complaint(many).unwrap();
        assert!(
            text.ends_with("`k3` is ignored.\n  ... and 2 more ignored settings."),
            "{text}"
        );
    }
}
