//! `CODEX_HOME`, and the machine as the handshake names it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// `CODEX_HOME`, or `~/.codex`.
pub(crate) fn find() -> Result<PathBuf, String> {
    if let Some(home) = std::env::var_os("CODEX_HOME").filter(|home| !home.is_empty()) {
        let path = PathBuf::from(home);
        return path.canonicalize().map_err(|error| {
            format!(
                "CODEX_HOME points to {:?}, but that path can't be used: {error}",
                path.display().to_string()
            )
        });
    }
    std::env::home_dir()
        .map(|home| home.join(".codex"))
        .ok_or_else(|| "could not find a home directory; set CODEX_HOME".to_owned())
}

/// The id of the installation, made with the first start. A home that can't be written gives a
/// new one each time.
pub(crate) fn installation_id(home: &Path) -> String {
    let path = home.join("installation_id");
    if let Some(id) = read_id(&path) {
        return id;
    }
    let id = crate::clock::new_random_id();
    let _ = fs::create_dir_all(home);
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            let _ = file.write_all(id.as_bytes());
            id
        }
        Err(_) => read_id(&path).unwrap_or(id),
    }
}

/// Counts the starts with a seed on this home, from 0. Where that can't be kept each is the first.
pub(crate) fn count_start(home: &Path) -> u32 {
    let path = home.join("mock-codex-starts");
    let before = fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let _ = fs::create_dir_all(home);
    let _ = fs::write(&path, format!("{}\n", before + 1));
    before
}

fn read_id(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    uuid::Uuid::try_parse(text.trim())
        .ok()
        .map(|id| id.to_string())
}

/// The machine's name.
pub(crate) fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

/// `ORIGINATOR/VERSION (OS; ARCH) TERMINAL (CLIENT; CLIENT VERSION)`.
pub(crate) fn user_agent(originator: &str, client: &str, version: &str) -> String {
    let terminal = std::env::var("TERM_PROGRAM")
        .or_else(|_| std::env::var("TERM"))
        .ok()
        .filter(|terminal| !terminal.is_empty())
        .unwrap_or_else(|| "unknown".to_owned());
    let client = format!("{client}; {version}");
    header_text(format!(
        "{originator}/{} ({}; {}) {terminal} ({})",
        crate::CODEX_VERSION,
        operating_system(),
        std::env::consts::ARCH,
        client.trim(),
    ))
}

/// A text as a header can hold it: where it can't, whatever isn't plain ASCII is an underscore, as
/// codex 0.169.0 does it.
fn header_text(text: String) -> String {
    if text.chars().all(|c| c == '\t' || !c.is_ascii_control()) {
        return text;
    }
    let plain = |c| if matches!(c, ' '..='~') { c } else { '_' };
    text.chars().map(plain).collect()
}

/// The distribution and its version in three parts.
fn operating_system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
    };
    let name = match field("ID").as_deref() {
        Some("debian") => "Debian".to_owned(),
        Some("ubuntu") => "Ubuntu".to_owned(),
        Some("fedora") => "Fedora".to_owned(),
        Some("alpine") => "Alpine Linux".to_owned(),
        Some("arch") => "Arch Linux".to_owned(),
        _ => "Linux".to_owned(),
    };
    let version = field("VERSION_ID").unwrap_or_else(|| "Unknown".to_owned());
    let mut parts: Vec<&str> = version.split('.').collect();
    if parts.iter().all(|part| part.parse::<u64>().is_ok()) {
        parts.resize(3.max(parts.len()), "0");
    }
    format!("{name} {}", parts.join("."))
}
