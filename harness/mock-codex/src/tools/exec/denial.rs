//! Recognises a command that its sandbox stopped.

/// What codex 0.169.0 takes for a sign of a denial, in any case.
///
/// `connection refused`, `Network is unreachable`, `Could not resolve host` and `no such file` were
/// tried there and do not count.
const DENIAL_WORDS: [&str; 7] = [
    "permission denied",
    "operation not permitted",
    "read-only file system",
    "seccomp",
    "sandbox",
    "landlock",
    "failed to write file",
];

/// Whether `output` of a failed command reads like a denial by the sandbox.
///
/// The words alone decide (`echo 'Permission denied'; exit 1` counts); whether the command failed
/// and was restricted is for the caller to know.
pub fn looks_denied(output: &str) -> bool {
    let lower = output.to_ascii_lowercase();
    DENIAL_WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::looks_denied;

    #[test]
    fn denial_words_count_in_any_case() {
        for output in [
            "bash: line 1: x: Read-only file system\n",
            "PERMISSION DENIED",
            "socket: Operation not permitted",
            "Seccomp",
            "a sandbox",
            "landlock",
            "Failed to write file",
        ] {
            assert!(looks_denied(output), "{output}");
        }
    }

    #[test]
    fn other_failures_do_not_count() {
        for output in [
            "",
            "connection refused",
            "Network is unreachable",
            "Could not resolve host",
            "No such file or directory",
        ] {
            assert!(!looks_denied(output), "{output}");
        }
    }
}
