//! `[permissions.NAME]`: permission profiles of one's own, and how one extends another.

use std::collections::BTreeMap;

use codex_wire::policy::SandboxMode;
use serde::Deserialize;

use super::file::ConfigToml;
use crate::permission::{FileAccess, OwnProfile, Profile, Unusable};

/// What codex 0.169.0 says of profiles of which none is chosen.
pub(super) const NO_DEFAULT: &str =
    "config defines `[permissions]` profiles but does not set `default_permissions`";

/// One profile as the file has it. Members that codex doesn't know are left out.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct PermissionProfileToml {
    pub(crate) description: Option<String>,
    extends: Option<String>,
    #[serde(default)]
    workspace_roots: WorkspaceRootsToml,
    filesystem: Option<FilesystemPermissionsToml>,
    network: Option<NetworkToml>,
}

// The names of these types, and that they pass on the members that they don't name, is part of what
// codex says of values that it can't read, and of where.

/// All profiles.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct PermissionsToml {
    #[serde(flatten)]
    pub(crate) entries: BTreeMap<String, PermissionProfileToml>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct WorkspaceRootsToml {
    #[serde(flatten)]
    entries: BTreeMap<String, bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct FilesystemPermissionsToml {
    glob_scan_max_depth: Option<usize>,
    #[serde(flatten)]
    entries: BTreeMap<String, FilesystemPermissionToml>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum FilesystemPermissionToml {
    Whole(FileAccess),
    Parts(BTreeMap<String, FileAccess>),
}

#[derive(Debug, Clone, Default, Deserialize)]
struct NetworkToml {
    enabled: Option<bool>,
    #[serde(flatten)]
    rules: BTreeMap<String, toml::Value>,
}

/// The profile with this name, built-in or of one's own; else what codex 0.169.0 says of it.
pub(crate) fn profile(toml: &ConfigToml, name: &str) -> Result<Profile, String> {
    if let Some(mode) = built_in(name) {
        return Ok(Profile::built_in(name, mode));
    }
    if name.starts_with(':') {
        return Err(format!(
            "default_permissions refers to unknown built-in profile `{name}`"
        ));
    }
    if toml.permissions.entries.is_empty() {
        return Err("default_permissions requires a `[permissions]` table".to_owned());
    }
    let Some(own) = toml.permissions.entries.get(name) else {
        return Err(format!(
            "default_permissions refers to undefined profile `{name}`"
        ));
    };
    let mut merged = OwnProfile::extending(own.extends.as_deref());
    for level in chain(&toml.permissions.entries, name)?.into_iter().rev() {
        level.lay_over(&mut merged);
    }
    merged.checked(name).map_err(|problem| match problem {
        Unusable::Wrong(problem) => problem,
        Unusable::NotServed(what) => format!(
            "mock-codex does not serve `[permissions.{name}]`: {what}; name `:read-only`, \
             `:workspace` or `:danger-full-access`, or choose a sandbox"
        ),
    })?;
    Ok(Profile::own(name, merged))
}

/// The mode that a built-in profile stands for.
fn built_in(name: &str) -> Option<SandboxMode> {
    Some(match name {
        ":read-only" => SandboxMode::ReadOnly,
        ":workspace" => SandboxMode::WorkspaceWrite,
        ":danger-full-access" => SandboxMode::DangerFullAccess,
        _ => return None,
    })
}

/// A profile and those that it extends, itself first, the built-in one last.
fn chain(
    profiles: &BTreeMap<String, PermissionProfileToml>,
    name: &str,
) -> Result<Vec<PermissionProfileToml>, String> {
    let mut names = vec![name];
    let mut chain = Vec::new();
    let mut next = profiles.get(name);
    while let Some(profile) = next {
        chain.push(profile.clone());
        let Some(extended) = profile.extends.as_deref() else {
            break;
        };
        let by = names.last().copied().unwrap_or(name);
        if extended.starts_with(':') {
            let base = PermissionProfileToml::of_built_in(extended).ok_or_else(|| {
                format!(
                    "permissions profile `{by}` cannot extend unsupported built-in profile \
                     `{extended}`"
                )
            })?;
            chain.push(base);
            break;
        }
        let cycles = names.contains(&extended);
        names.push(extended);
        if cycles {
            return Err(format!(
                "permissions profile inheritance cycle detected: {}",
                names.join(" -> ")
            ));
        }
        next = profiles.get(extended);
        if next.is_none() {
            return Err(format!(
                "permissions profile `{by}` extends undefined profile `{extended}`"
            ));
        }
    }
    Ok(chain)
}

impl PermissionProfileToml {
    /// What a built-in profile would be, if it can be extended.
    fn of_built_in(name: &str) -> Option<Self> {
        let entries: &[(&str, FileAccess)] = match built_in(name)? {
            SandboxMode::ReadOnly => &[(":root", FileAccess::Read)],
            SandboxMode::WorkspaceWrite => &[
                (":root", FileAccess::Read),
                (":slash_tmp", FileAccess::Write),
                (":tmpdir", FileAccess::Write),
                (":workspace_roots", FileAccess::Write),
            ],
            SandboxMode::DangerFullAccess => return None,
        };
        let entries = entries.iter().map(|(key, access)| {
            let whole = FilesystemPermissionToml::Whole(*access);
            ((*key).to_owned(), whole)
        });
        Some(Self {
            filesystem: Some(FilesystemPermissionsToml {
                glob_scan_max_depth: None,
                entries: entries.collect(),
            }),
            ..Self::default()
        })
    }

    /// Puts what is said here in the place of what was said by the one that it extends.
    fn lay_over(self, profile: &mut OwnProfile) {
        let filesystem = self.filesystem.unwrap_or_default();
        if let Some(depth) = filesystem.glob_scan_max_depth {
            profile.limit_scans(depth);
        }
        for (place, permission) in filesystem.entries {
            match permission {
                FilesystemPermissionToml::Whole(access) => profile.set(&place, ".", access),
                FilesystemPermissionToml::Parts(parts) => {
                    for (part, access) in parts {
                        profile.set(&place, &part, access);
                    }
                }
            }
        }
        for (root, counts) in self.workspace_roots.entries {
            profile.set_root(root, counts);
        }
        let network = self.network.unwrap_or_default();
        if let Some(enabled) = network.enabled {
            profile.set_network(enabled);
        }
        if let Some(rule) = network.rules.into_keys().next() {
            profile.note_network_rule(rule);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(profile: &str) -> Option<String> {
        let text = format!("[permissions.mine]\n{profile}");
        let toml: ConfigToml = toml::from_str(&text).unwrap();
        super::profile(&toml, "mine").err()
    }

    #[test]
    fn what_is_not_served_is_refused_and_says_why() {
        for (profile, why) in [
            ("", "it may not read everything (`\":root\" = \"read\"` in"),
            (
                "filesystem = { \":minimal\" = \"read\" }",
                "it may not read everything",
            ),
            (
                "filesystem = { \":root\" = \"write\" }",
                "it may write everywhere, but not reach the network",
            ),
            (
                "filesystem = { \":root\" = \"write\", \"/x\" = \"deny\" }\nnetwork.enabled = true",
                "or not all of it",
            ),
            (
                "extends = \":workspace\"\nnetwork = { enabled = true, mode = \"limited\" }",
                "it has a rule about the network, `mode`",
            ),
        ] {
            let refusal = refusal(profile).unwrap();
            assert!(
                refusal.starts_with("mock-codex does not serve `[permissions.mine]`: ")
                    && refusal.contains(why),
                "{refusal}"
            );
        }
        assert_eq!(refusal("extends = \":workspace\""), None);
    }
}
