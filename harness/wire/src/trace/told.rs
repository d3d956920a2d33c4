//! What the model was told of the sandbox, and what a command shows of it.

use super::sight;

/// What a request to the model says of itself.
pub(super) struct Told {
    /// The thread that asks.
    pub(super) thread: String,
    /// The sandbox of the turn's metadata.
    pub(super) metadata: Option<String>,
    /// The sandbox of the latest text on permissions.
    pub(super) text: Option<String>,
}

/// How the text on permissions names the sandbox.
const SENTENCE: &str = "`sandbox_mode` is `";

impl Told {
    /// Of a request for a turn of the thread itself; `None` for a reviewer's, or where the log
    /// doesn't say whose it is.
    pub(super) fn of(request: &sight::ModelRequest<'_>) -> Option<Self> {
        // The headers of a socket are those of its beginning.
        let is_socket = request.method.as_deref() == Some("WEBSOCKET");
        let headers = request.headers.as_ref().filter(|_| !is_socket);
        if headers.is_some_and(|headers| headers.subagent) {
            return None;
        }
        let body = request.body.as_ref();
        let own = body.and_then(|body| body.client_metadata.as_ref());
        if own.is_some_and(|own| own.subagent) {
            return None;
        }
        let metadata = own
            .or(headers)
            .and_then(|headers| headers.turn_metadata.as_deref());
        let metadata: sight::TurnMetadata<'_> = metadata
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let thread = metadata
            .thread_id
            .as_deref()
            .or_else(|| headers?.thread_id.as_deref())
            .or_else(|| body?.prompt_cache_key.as_deref())?;
        let input = body.and_then(|body| body.input.as_ref());
        let texts = input
            .into_iter()
            .flatten()
            .filter(|input| input.role.as_deref() == Some("developer"))
            .filter_map(|input| input.content.as_ref())
            .flatten()
            .filter_map(|part| part.text.as_deref());
        let text = texts.rev().find_map(named);
        Some(Self {
            thread: thread.to_owned(),
            metadata: metadata.sandbox_mode.as_deref().map(str::to_owned),
            text: text.map(str::to_owned),
        })
    }
}

/// The sandbox that a text names, by the last of its sentences.
fn named(text: &str) -> Option<&str> {
    let (_, rest) = text.rsplit_once(SENTENCE)?;
    rest.split_once('`').map(|(mode, _)| mode)
}

/// The file that a command has certainly written if it ended well: it is one simple command that
/// does nothing but write that file.
pub(super) fn written(command: &str) -> Option<&str> {
    let script = script(command)?;
    if script.contains(['\n', ';', '&', '|', '`', '<', '(', '$', '\\']) {
        return None;
    }
    let target = match script.split_once('>') {
        Some((before, rest)) => {
            let prints = ["printf ", "echo ", "cat "]
                .iter()
                .any(|name| before.starts_with(name));
            let rest = rest.strip_prefix('>').unwrap_or(rest);
            // A descriptor (`2>`) or a second redirection says nothing certain.
            let plain = before.ends_with(' ') && !rest.contains('>');
            (prints && plain).then_some(rest)?
        }
        None => script.strip_prefix("touch ")?,
    };
    let target = target.trim().trim_matches(['\'', '"']);
    let elsewhere = ["/dev/", "/proc/", "-"]
        .iter()
        .any(|start| target.starts_with(start));
    (!elsewhere && !target.is_empty() && !target.contains(' ')).then_some(target)
}

/// The script in `/bin/bash -lc '…'`.
fn script(command: &str) -> Option<&str> {
    let (shell, rest) = command.split_once(' ')?;
    let is_shell = ["bash", "sh", "zsh"]
        .iter()
        .any(|name| shell.ends_with(name));
    let rest = rest
        .strip_prefix("-lc ")
        .or_else(|| rest.strip_prefix("-c "));
    let script = rest.filter(|_| is_shell)?;
    let inner = ['\'', '"']
        .into_iter()
        .find_map(|quote| script.strip_prefix(quote)?.strip_suffix(quote));
    Some(inner.unwrap_or(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_counts_as_written() {
        for (command, file) in [
            ("/bin/bash -lc 'printf x > /out/a'", Some("/out/a")),
            ("/bin/bash -c \"printf 'x' > /out/a\"", Some("/out/a")),
            ("/bin/bash -c 'touch b'", Some("b")),
            ("/bin/sh -c 'echo x >> c'", Some("c")),
            ("/bin/bash -lc 'echo x > /dev/null'", None),
            ("/bin/bash -lc 'echo x > a || true'", None),
            ("/bin/bash -lc 'ls 2> a'", None),
            ("/bin/bash -lc 'echo hi'", None),
            ("touch a", None),
        ] {
            assert_eq!(written(command), file, "{command}");
        }
    }

    #[test]
    fn the_last_sentence_counts() {
        let text = "`sandbox_mode` is `read-only`: … then `sandbox_mode` is `workspace-write`: …";
        assert_eq!(named(text), Some("workspace-write"));
        assert_eq!(named("no word of it"), None);
    }
}
