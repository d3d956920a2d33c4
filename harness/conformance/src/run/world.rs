//! What a case sees of the world besides the wire: files and listeners.

use std::collections::BTreeMap;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::scenario::template::Bindings;

/// The kinds of files, as checks name them.
type Kind = (&'static str, fn(&FileType) -> bool);
const KINDS: [Kind; 3] = [
    ("file", FileType::is_file),
    ("directory", FileType::is_dir),
    ("symlink", FileType::is_symlink),
];

/// What is at `path`, links not followed: `{exists, kind, text}`. `text` is that of a file, or of
/// the file that a link leads to; bytes that aren't UTF-8 are replaced.
pub fn look_at(path: &Path) -> io::Result<Value> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if absent(&error) => {
            return Ok(json!({ "exists": false, "kind": null, "text": null }));
        }
        Err(error) => return Err(error),
    };
    let text = match fs::metadata(path) {
        Ok(followed) if followed.is_file() => {
            Some(String::from_utf8_lossy(&fs::read(path)?).into_owned())
        }
        _ => None,
    };
    Ok(json!({ "exists": true, "kind": kind(&metadata), "text": text }))
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    let known = KINDS.iter().find(|(_, is)| is(&kind));
    known.map_or("other", |(name, _)| name)
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Lays out a file, its directories too.
pub fn lay_out(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}

/// A path as scenarios write it: relative ones are below the workspace.
pub fn place(workspace: &Path, path: &str) -> PathBuf {
    workspace.join(path)
}

/// The loopback listeners of a run, by the step that opened them.
#[derive(Debug, Default)]
pub struct Listeners(BTreeMap<usize, Listener>);

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    bound_as: Option<String>,
    port: u16,
    connections: usize,
}

impl Listeners {
    /// Opens a listener on a free port; its result is `{port, connections}`.
    pub fn open(&mut self, step: usize, bound_as: Option<&str>) -> io::Result<Value> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let listener = Listener {
            port: socket.local_addr()?.port(),
            socket,
            bound_as: bound_as.map(str::to_owned),
            connections: 0,
        };
        let value = listener.value();
        self.0.insert(step, listener);
        Ok(value)
    }

    /// Counts who has connected by now, and says so in the results that steps have bound. The
    /// kernel has taken the connections already, so that none is missed.
    pub fn count(&mut self, bindings: &mut Bindings) {
        for listener in self.0.values_mut() {
            while listener.socket.accept().is_ok() {
                listener.connections += 1;
            }
            if let Some(name) = &listener.bound_as {
                bindings.set(name.clone(), listener.value());
            }
        }
    }
}

impl Listener {
    fn value(&self) -> Value {
        json!({ "port": self.port, "connections": self.connections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn files_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        lay_out(&at("a/b"), "hello").unwrap();
        std::os::unix::fs::symlink(at("a/b"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        for (name, expected) in [
            (
                "a/b",
                json!({"exists": true, "kind": "file", "text": "hello"}),
            ),
            (
                "a",
                json!({"exists": true, "kind": "directory", "text": null}),
            ),
            (
                "link",
                json!({"exists": true, "kind": "symlink", "text": "hello"}),
            ),
            (
                "dangling",
                json!({"exists": true, "kind": "symlink", "text": null}),
            ),
            ("none", json!({"exists": false, "kind": null, "text": null})),
            (
                "a/b/c",
                json!({"exists": false, "kind": null, "text": null}),
            ),
        ] {
            assert_eq!(look_at(&at(name)).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn connections_are_counted_when_somebody_looks() {
        let mut listeners = Listeners::default();
        let mut bindings = Bindings::new();
        let value = listeners.open(1, Some("l")).unwrap();
        assert_eq!(value["connections"], 0);
        let port = u16::try_from(value["port"].as_u64().unwrap()).unwrap();
        let _streams = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", port)).unwrap());
        listeners.count(&mut bindings);
        assert_eq!(bindings.get("l").unwrap()["connections"], 2);
    }
}
