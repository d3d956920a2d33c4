//! `skills/list`: the skills of the repository, of the user and of codex itself.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::Params;
use crate::connection::Call;
use crate::failure::Failure;
use crate::server::Server;

/// The skills that codex 0.169.0 brings along; the descriptions are our own. Icons are relative to
/// where it unpacks them.
const BUNDLED: &str = include_str!("../../../data/skills.json");

/// How deep below a directory of skills they are looked for.
const DEPTH: usize = 6;

/// `skills/list`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SkillsListParams {
    cwds: Option<Vec<String>>,
    #[serde(rename = "forceReload")]
    _force_reload: Option<bool>,
}

impl Params for SkillsListParams {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Skill {
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<Value>,
    path: PathBuf,
    scope: Scope,
    enabled: bool,
    plugin_id: Option<()>,
}

/// Whose skill it is; the order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
enum Scope {
    Repo,
    User,
    System,
}

/// A skill of codex itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundled {
    name: String,
    description: String,
    short_description: Option<String>,
    interface: Value,
}

/// What was found, and which files are no skills.
#[derive(Debug, Default)]
struct Found {
    skills: Vec<Skill>,
    errors: Vec<Value>,
}

pub(super) fn list(call: &Call, params: SkillsListParams) -> Result<(), Failure> {
    let disabled = disabled(&call.server)?;
    let data = super::directories(call, params.cwds.as_deref())
        .into_iter()
        .map(|cwd| {
            let mut found = of_directory(&call.server.home, Path::new(&cwd))?;
            for skill in &mut found.skills {
                skill.enabled = !disabled.contains(&skill.path);
            }
            Ok(json!({"cwd": cwd, "skills": found.skills, "errors": found.errors}))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    call.reply(&json!({"data": data}));
    Ok(())
}

/// The name and file of each skill that may be used in a directory.
pub(crate) fn usable(server: &Server, cwd: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let disabled = disabled(server)?;
    let skills = of_directory(&server.home, cwd)?.skills.into_iter();
    let usable = skills.filter(|skill| !disabled.contains(&skill.path));
    Ok(usable.map(|skill| (skill.name, skill.path)).collect())
}

/// The skills that `[[skills.config]]` switches off.
fn disabled(server: &Server) -> Result<Vec<PathBuf>, Failure> {
    let config = server.config()?;
    let entries = || {
        config
            .table
            .get("skills")?
            .get("config")?
            .as_array()
            .cloned()
    };
    let off =
        |entry: &toml::Value| entry.get("enabled").and_then(toml::Value::as_bool) == Some(false);
    Ok(entries()
        .unwrap_or_default()
        .iter()
        .filter(|entry| off(entry))
        .filter_map(|entry| Some(PathBuf::from(entry.get("path")?.as_str()?)))
        .collect())
}

fn of_directory(home: &Path, cwd: &Path) -> Result<Found, Failure> {
    let mut found = Found::default();
    for of in [".agents/skills", ".codex/skills"] {
        found.look(&cwd.join(of), Scope::Repo, DEPTH);
    }
    if let Some(user) = std::env::home_dir() {
        found.look(&user.join(".agents/skills"), Scope::User, DEPTH);
    }
    found.look(&home.join("skills"), Scope::User, DEPTH);
    found
        .skills
        .sort_by(|a, b| (a.scope, &a.name).cmp(&(b.scope, &b.name)));
    found.skills.extend(bundled(home)?);
    Ok(found)
}

/// The data file is part of the program; a test reads it.
fn bundled(home: &Path) -> Result<Vec<Skill>, Failure> {
    let base = home.join("skills/.system");
    let skills: Vec<Bundled> =
        serde_json::from_str(BUNDLED).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(skills
        .into_iter()
        .map(|mut skill| {
            for icon in ["iconSmall", "iconLarge"] {
                if let Some(path) = skill.interface[icon].as_str() {
                    skill.interface[icon] = json!(base.join(path));
                }
            }
            Skill {
                path: base.join(&skill.name).join("SKILL.md"),
                name: skill.name,
                description: skill.description,
                short_description: skill.short_description,
                interface: Some(skill.interface),
                scope: Scope::System,
                enabled: true,
                plugin_id: None,
            }
        })
        .collect())
}

impl Found {
    /// Looks for `SKILL.md` below a directory; hidden ones are passed by.
    fn look(&mut self, directory: &Path, scope: Scope, depth: usize) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        let mut below: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect();
        below.sort();
        for skill in below {
            let path = skill.join("SKILL.md");
            match fs::read_to_string(&path) {
                Ok(text) => match front_matter(&text) {
                    Ok(front) => self.skills.push(front.skill(path, scope)),
                    Err(message) => self.errors.push(json!({"path": path, "message": message})),
                },
                Err(_) if depth > 1 => self.look(&skill, scope, depth - 1),
                Err(_) => {}
            }
        }
    }
}

/// The head of a `SKILL.md`, as far as it is shown.
#[derive(Debug, PartialEq, Eq)]
struct FrontMatter {
    name: String,
    description: String,
    short_description: Option<String>,
}

impl FrontMatter {
    fn skill(self, path: PathBuf, scope: Scope) -> Skill {
        Skill {
            name: self.name,
            description: self.description,
            short_description: self.short_description,
            interface: None,
            path,
            scope,
            enabled: true,
            plugin_id: None,
        }
    }
}

/// Reads `key: value` lines between two `---`; of YAML no more than that is understood.
fn front_matter(text: &str) -> Result<FrontMatter, String> {
    let head = text
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---").map(|(head, _)| head))
        .ok_or("missing YAML frontmatter delimited by ---")?;
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.trim().split_once(':')?;
            let value = value.trim().trim_matches(['"', '\'']);
            (key == name && !value.is_empty()).then(|| value.to_owned())
        })
    };
    let needed = |name: &str| field(name).ok_or_else(|| format!("missing field `{name}`"));
    Ok(FrontMatter {
        name: needed("name")?,
        description: needed("description")?,
        short_description: field("short-description"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_skills_are_read() {
        let skills = bundled(Path::new("/h")).unwrap();
        assert_eq!(skills.len(), 5);
        assert!(
            skills
                .iter()
                .all(|skill| skill.path.starts_with("/h/skills/.system"))
        );
    }

    #[test]
    fn a_skill_says_what_it_is_in_its_head() {
        let text = "---\nname: mine\ndescription: \"Does: it\"\nmetadata:\n  short-description: it\n---\nx";
        let want = FrontMatter {
            name: "mine".into(),
            description: "Does: it".into(),
            short_description: Some("it".into()),
        };
        assert_eq!(front_matter(text), Ok(want));
        let none = "missing YAML frontmatter delimited by ---";
        assert_eq!(front_matter("no head"), Err(none.into()));
        let half = "missing field `description`";
        assert_eq!(front_matter("---\nname: x\n---\n"), Err(half.into()));
    }
}
