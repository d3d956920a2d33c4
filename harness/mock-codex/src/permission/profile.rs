//! The permission profile that a thread is under: a built-in one, or one of one's own.
//!
//! What codex 0.169.0 makes of profiles of one's own was seen in `config/own-profile*` and
//! `writes/own-profile*`: how they are told to the client (as the nearest old sandbox policy), to
//! the model (rule by rule), and what the kernel enforces.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use codex_wire::policy::{SandboxMode, SandboxPolicy, WorkspaceWrite};
use globset::GlobBuilder;
use serde::{Deserialize, Serialize};

use crate::sandbox::{Sandbox, SandboxSpec};

/// What a rule lets commands do with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileAccess {
    Read,
    Write,
    #[serde(alias = "none")]
    Deny,
}

impl FileAccess {
    /// Its name in configuration and before the model.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Deny => "deny",
        }
    }
}

/// The profile that a sandbox was chosen by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// Its name; that of a built-in one begins with a colon.
    pub(crate) id: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    BuiltIn(SandboxMode),
    Own(Box<OwnProfile>),
}

impl Profile {
    pub(crate) fn built_in(name: &str, mode: SandboxMode) -> Self {
        Self {
            id: name.to_owned(),
            kind: Kind::BuiltIn(mode),
        }
    }

    pub(crate) fn own(name: &str, profile: OwnProfile) -> Self {
        Self {
            id: name.to_owned(),
            kind: Kind::Own(Box::new(profile)),
        }
    }

    /// What it says, if it is one's own.
    pub(crate) fn as_own(&self) -> Option<&OwnProfile> {
        match &self.kind {
            Kind::BuiltIn(_) => None,
            Kind::Own(own) => Some(own),
        }
    }

    /// The profile that this one extends.
    pub(crate) fn extends(&self) -> Option<&str> {
        self.as_own()?.extends.as_deref()
    }

    /// The same, chosen in this directory: what it says of relative paths is meant from there.
    pub(crate) fn chosen_in(self, directory: &Path) -> Self {
        let kind = match self.kind {
            Kind::Own(own) => Kind::Own(Box::new(own.anchored(directory))),
            built_in @ Kind::BuiltIn(_) => built_in,
        };
        Self { kind, ..self }
    }

    /// The old policy that it is told as, for a thread in `place`.
    pub(crate) fn policy(&self, place: Place<'_>) -> SandboxPolicy {
        match &self.kind {
            Kind::BuiltIn(mode) => mode.to_policy(),
            Kind::Own(own) => own.policy(place),
        }
    }
}

/// Where a profile holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The thread's directory.
    pub(crate) cwd: &'a Path,
    /// The roots of its workspace.
    pub(crate) roots: &'a [PathBuf],
}

/// Why a profile can't be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It is wrong, as codex 0.169.0 says it.
    Wrong(String),
    /// codex takes it, the mock doesn't, for this reason.
    NotServed(String),
}

/// A profile of `[permissions]`, with all that it extends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnProfile {
    extends: Option<String>,
    /// By place (a path, or a name with a colon) and by the part of it: `.` is all of it.
    entries: BTreeMap<String, BTreeMap<String, FileAccess>>,
    /// How deep below a pattern's fixed part files are looked for.
    glob_scan_max_depth: Option<usize>,
    workspace_roots: BTreeMap<String, bool>,
    network: bool,
    /// A rule about the network that is more than on and off.
    network_rule: Option<String>,
}

/// A rule in the place where it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) access: FileAccess,
    pub(crate) target: Target,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Path(PathBuf),
    /// A pattern for absolute paths.
    Glob(String),
    /// Something with a name of its own, such as `:root`.
    Special(String),
}

pub(super) const ROOT: &str = ":root";
pub(super) const SLASH_TMP: &str = ":slash_tmp";
pub(super) const TMPDIR: &str = ":tmpdir";
const WORKSPACE_ROOTS: &str = ":workspace_roots";

/// The names that codex 0.169.0 knows.
const SPECIAL: [&str; 5] = [":minimal", ROOT, SLASH_TMP, TMPDIR, WORKSPACE_ROOTS];

impl OwnProfile {
    /// A profile that says nothing yet.
    pub(crate) fn extending(extends: Option<&str>) -> Self {
        Self {
            extends: extends.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Lets commands do this with a part of a place.
    pub(crate) fn set(&mut self, place: &str, part: &str, access: FileAccess) {
        let parts = self.entries.entry(place.to_owned()).or_default();
        parts.insert(part.to_owned(), access);
    }

    /// Makes a directory one of the workspace's roots, or not.
    pub(crate) fn set_root(&mut self, root: String, counts: bool) {
        self.workspace_roots.insert(root, counts);
    }

    pub(crate) fn set_network(&mut self, enabled: bool) {
        self.network = enabled;
    }

    /// Remembers that there is a rule about the network beyond on and off.
    pub(crate) fn note_network_rule(&mut self, rule: String) {
        self.network_rule = Some(rule);
    }

    /// Limits how deep below a pattern's fixed part files are looked for.
    pub(crate) fn limit_scans(&mut self, depth: usize) {
        self.glob_scan_max_depth = Some(depth);
    }

    /// Looks for what makes it unusable; `name` is its own.
    pub(crate) fn checked(&self, name: &str) -> Result<(), Unusable> {
        for (place, parts) in &self.entries {
            check_place(place).map_err(Unusable::Wrong)?;
            for (part, access) in parts {
                check_part(place, part, *access).map_err(Unusable::Wrong)?;
            }
        }
        let of_root = self.entries.get(ROOT).and_then(|parts| parts.get("."));
        let is_alone = self.entries.len() == 1;
        let why = match of_root {
            Some(FileAccess::Write) if self.network && is_alone => None,
            Some(FileAccess::Write) => Some(
                "it may write everywhere, but not reach the network or not all of it".to_owned(),
            ),
            Some(FileAccess::Read) => None,
            _ => Some(format!(
                "it may not read everything (`\":root\" = \"read\"` in \
                 `[permissions.{name}.filesystem]` lets it)"
            )),
        };
        let rule = self.network_rule.as_ref();
        let rule = rule.map(|rule| format!("it has a rule about the network, `{rule}`"));
        match rule.or(why) {
            Some(why) => Err(Unusable::NotServed(why)),
            None => Ok(()),
        }
    }

    /// What is said about it when it is the default: places that codex doesn't know, and patterns
    /// that it has to look for without end.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let places = self.entries.iter();
        let unknown = places.filter(|(place, _)| place.starts_with(':') && !is_special(place));
        let unknown = unknown.flat_map(|(place, parts)| {
            parts.keys().map(move |part| {
                let nested = if part == "." {
                    String::new()
                } else {
                    format!(" with nested entry `{part}`")
                };
                format!(
                    "Configured filesystem path `{place}`{nested} is not recognized by this \
                     version of Codex and will be ignored. Upgrade Codex if this path is required."
                )
            })
        });
        let endless = self.entries.iter().flat_map(|(place, parts)| {
            let denied = parts.iter();
            let denied = denied.filter(|(_, access)| **access == FileAccess::Deny);
            let patterns = denied.map(|(part, _)| joined(place, part));
            let endless = patterns.filter(|pattern| without_subtree(pattern).contains("**"));
            endless.map(|pattern| {
                format!(
                    "Filesystem deny-read glob `{pattern}` uses `**`. Non-macOS sandboxing does \
                     not support unbounded `**` natively; set `glob_scan_max_depth` in this \
                     filesystem profile to cap Linux glob expansion and silence this warning, or \
                     enumerate explicit depths such as `*.env`, `*/*.env`, and `*/*/*.env`."
                )
            })
        });
        let endless = endless.filter(|_| self.glob_scan_max_depth.is_none());
        unknown.chain(endless).collect()
    }

    /// Its rules in a place, in the order in which the model is told of them.
    pub(crate) fn rules(&self, place: Place<'_>) -> Vec<Rule> {
        let roots = self.roots(place);
        let mut rules = Vec::new();
        for (key, parts) in &self.entries {
            let bases: Vec<PathBuf> = match key.as_str() {
                WORKSPACE_ROOTS => roots.clone(),
                key if key.starts_with(':') => {
                    rules.extend(parts.iter().map(|(part, access)| Rule {
                        access: *access,
                        target: Target::Special(joined(key, part)),
                    }));
                    continue;
                }
                key => vec![at_home(key)],
            };
            for base in bases {
                rules.extend(parts.iter().map(|(part, access)| Rule {
                    access: *access,
                    target: target(&base, part),
                }));
            }
        }
        let mut told = Vec::with_capacity(rules.len());
        for rule in rules {
            if !told.contains(&rule) {
                told.push(rule);
            }
        }
        told
    }

    /// The same where its relative roots are below `directory`, from now on.
    fn anchored(mut self, directory: &Path) -> Self {
        let roots = self.workspace_roots.into_iter().map(|(root, counts)| {
            let root = crate::config::plain(&directory.join(at_home(&root)));
            (root.to_string_lossy().into_owned(), counts)
        });
        self.workspace_roots = roots.collect();
        self
    }

    /// How deep files are looked for that a pattern fits.
    pub(crate) fn scan_depth(&self) -> Option<usize> {
        self.glob_scan_max_depth
    }

    /// The roots of the workspace: the thread's, and those that the profile adds.
    fn roots(&self, place: Place<'_>) -> Vec<PathBuf> {
        let own = self.workspace_roots.iter().filter(|(_, counts)| **counts);
        let own = own.map(|(root, _)| place.cwd.join(root));
        let mut seen = BTreeSet::new();
        let all = place.roots.iter().cloned().chain(own);
        all.filter(|root| seen.insert(root.clone())).collect()
    }

    /// Where it lets commands write, in the order of its rules.
    pub(crate) fn writable(&self, place: Place<'_>) -> Vec<PathBuf> {
        let rules = self.rules(place).into_iter();
        let written = rules.filter(|rule| rule.access == FileAccess::Write);
        written
            .filter_map(|rule| match rule.target {
                Target::Path(path) => Some(path),
                Target::Special(name) => special_path(&name),
                Target::Glob(_) => None,
            })
            .collect()
    }

    /// What it lets nobody read: paths and patterns.
    pub(crate) fn denied(&self, place: Place<'_>) -> Vec<Target> {
        let rules = self.rules(place).into_iter();
        let denied = rules.filter(|rule| rule.access == FileAccess::Deny);
        denied.map(|rule| rule.target).collect()
    }

    fn policy(&self, place: Place<'_>) -> SandboxPolicy {
        let writable = self.writable(place);
        if writable.iter().any(|path| path == Path::new("/")) {
            return SandboxPolicy::DangerFullAccess;
        }
        let rules = self.rules(place);
        let has = |name: &str| {
            let rule = Rule {
                access: FileAccess::Write,
                target: Target::Special(name.to_owned()),
            };
            rules.contains(&rule)
        };
        let (slash_tmp, tmpdir) = (has(SLASH_TMP), has(TMPDIR));
        if writable.is_empty() && !slash_tmp && !tmpdir {
            return SandboxPolicy::ReadOnly {
                network_access: self.network,
            };
        }
        let in_directory = writable.iter().any(|path| path == place.cwd);
        let temporary = |path: &PathBuf| {
            let names = [(slash_tmp, SLASH_TMP), (tmpdir, TMPDIR)].into_iter();
            let mut paths = names.filter_map(|(on, name)| special_path(name).filter(|_| on));
            paths.any(|it| it == *path)
        };
        // Where the directory itself isn't writable, the temporary ones show up by their paths.
        let shown = |path: &PathBuf| *path != place.cwd && !(in_directory && temporary(path));
        SandboxPolicy::WorkspaceWrite(WorkspaceWrite {
            writable_roots: writable
                .iter()
                .filter(|path| shown(path))
                .cloned()
                .collect(),
            network_access: self.network,
            exclude_tmpdir_env_var: !tmpdir || !(in_directory || special_path(TMPDIR).is_some()),
            exclude_slash_tmp: !slash_tmp,
        })
    }

    /// What the kernel enforces. Patterns stand for the files that are there now.
    pub(crate) fn sandbox(&self, place: Place<'_>) -> Sandbox {
        let writable = self.writable(place);
        if writable.iter().any(|path| path == Path::new("/")) {
            return Sandbox::Unrestricted;
        }
        let mut spec = SandboxSpec::read_only(self.network);
        spec.writable_roots = writable;
        for rule in self.rules(place) {
            match (rule.access, rule.target) {
                (FileAccess::Read, Target::Path(path)) => spec.protected.push(path),
                (FileAccess::Deny, Target::Path(path)) => spec.hidden.push(path),
                (FileAccess::Deny, Target::Glob(pattern)) => {
                    spec.hidden
                        .extend(found(&pattern, self.glob_scan_max_depth));
                }
                _ => {}
            }
        }
        Sandbox::Restricted(spec)
    }
}

/// Is it a name that codex knows?
fn is_special(place: &str) -> bool {
    SPECIAL.contains(&place)
}

fn check_place(place: &str) -> Result<(), String> {
    let is_fine = place.starts_with(['/', ':']) || place == "~" || place.starts_with("~/");
    if is_fine {
        return Ok(());
    }
    Err(format!(
        "filesystem path `{place}` must be absolute, use `~/...`, or start with `:`"
    ))
}

fn check_part(place: &str, part: &str, access: FileAccess) -> Result<(), String> {
    let plain = Path::new(part).components();
    let descends = plain.clone().all(|it| matches!(it, Component::Normal(_)));
    if part != "." && !(descends && plain.count() > 0) {
        return Err(format!(
            "filesystem subpath `{part}` must be a descendant path without `.` or `..` components"
        ));
    }
    let pattern = if part == "." { place } else { part };
    if access != FileAccess::Deny && is_pattern(without_subtree(pattern)) {
        return Err(format!(
            "filesystem glob path `{pattern}` only supports `deny` access; use an exact path or \
             trailing `/**` for `{}` subtree access",
            access.name()
        ));
    }
    Ok(())
}

fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', ']'])
}

/// `/**` at the end stands for a directory with all below it.
fn without_subtree(path: &str) -> &str {
    path.strip_suffix("/**").unwrap_or(path)
}

fn joined(base: &str, part: &str) -> String {
    if part == "." {
        base.to_owned()
    } else {
        format!("{base}/{part}")
    }
}

fn target(base: &Path, part: &str) -> Target {
    let path = joined(&base.to_string_lossy(), part);
    let path = without_subtree(&path);
    if is_pattern(path) {
        Target::Glob(path.to_owned())
    } else {
        Target::Path(path.into())
    }
}

/// A path that may begin with `~`.
fn at_home(path: &str) -> PathBuf {
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    match path.strip_prefix('~') {
        Some(rest) => home().map_or_else(
            || PathBuf::from(path),
            |home| home.join(rest.trim_start_matches('/')),
        ),
        None => PathBuf::from(path),
    }
}

pub(super) fn special_path(name: &str) -> Option<PathBuf> {
    match name {
        ROOT => Some(PathBuf::from("/")),
        SLASH_TMP => Some(PathBuf::from("/tmp")).filter(|path| path.is_dir()),
        TMPDIR => {
            let path = PathBuf::from(std::env::var_os("TMPDIR")?);
            path.is_absolute().then_some(path)
        }
        _ => None,
    }
}

/// The files that a pattern fits, at most `depth` below its fixed part.
pub(super) fn found(pattern: &str, depth: Option<usize>) -> Vec<PathBuf> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let fixed = parts.iter().take_while(|part| !is_pattern(part)).count();
    let base = parts[..fixed].join("/");
    let deep = pattern.contains("**");
    let depth = if deep {
        depth
    } else {
        Some(parts.len() - fixed)
    };
    let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() else {
        return Vec::new();
    };
    let glob = glob.compile_matcher();
    let base = if base.is_empty() { "/" } else { &base };
    let walk = ignore::WalkBuilder::new(base)
        .standard_filters(false)
        .follow_links(false)
        .max_depth(depth)
        .build();
    let entries = walk.filter_map(Result::ok);
    let paths = entries.map(ignore::DirEntry::into_path);
    paths.filter(|path| glob.is_match(path)).collect()
}
