//! Settings that codex knows, so that the others can be named.

use std::path::Path;

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
    /// The home's file.
    User(&'a Path),
}

/// What is said about settings that codex doesn't know; `None` if there are none.
pub(crate) fn complaint<'a>(
    settings: impl IntoIterator<Item = (Layer<'a>, &'a str)>,
) -> Option<String> {
    let lines: Vec<String> = settings
        .into_iter()
        .filter(|(_, key)| !KEYS.contains(&key.split('.').next().unwrap_or(key)))
        .map(|(layer, key)| match layer {
            Layer::SessionFlags => format!("\n  session-flags: `{key}` is ignored."),
            Layer::User(path) => format!("\n  user ({}): `{key}` is ignored.", path.display()),
        })
        .collect();
    let count = lines.len();
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
        let settings = [
            (Layer::SessionFlags, "zzz"),
            (Layer::SessionFlags, "tools.web_search"),
            (Layer::User(path), "model"),
            (Layer::User(path), "odd"),
        ];
        assert_eq!(
            complaint(settings).unwrap(),
            "Codex is ignoring 2 unrecognized configuration settings. Check for typos or \
             deprecated settings.\n  session-flags: `zzz` is ignored.\n  user (/h/config.toml): \
             `odd` is ignored."
        );
        assert_eq!(complaint([(Layer::SessionFlags, "model")]), None);
    }
}
