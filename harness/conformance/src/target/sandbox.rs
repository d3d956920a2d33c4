//! What the mock's commands run under on this machine: found out once, by trying.

use std::path::Path;
use std::sync::OnceLock;

use mock_codex::sandbox::capability::BACKEND_VARIABLE;
use mock_codex::sandbox::{Backend, SandboxLauncher};

/// The sandbox of the mock in `program`, or what `MOCK_CODEX_SANDBOX` says. The first call tries
/// it, which takes some milliseconds; the mocks of a run are spared that.
pub fn of_mock(program: &Path) -> &'static Backend {
    static FOUND: OnceLock<Backend> = OnceLock::new();
    FOUND.get_or_init(|| SandboxLauncher::new(program).backend().clone())
}

/// The environment that tells a mock which sandbox to use; nothing where there is none, so that
/// its refusals say why.
pub fn environment(backend: &Backend) -> Option<(&'static str, &'static str)> {
    match backend {
        Backend::Namespaces => Some((BACKEND_VARIABLE, "namespaces")),
        Backend::Landlock { .. } => Some((BACKEND_VARIABLE, "landlock")),
        Backend::Unavailable { .. } => None,
    }
}

/// What keeps the sandbox from giving the results of the real app-server.
pub fn shortfall(backend: &Backend) -> Option<String> {
    match backend {
        Backend::Namespaces => None,
        Backend::Landlock { missing } => {
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            Some(format!("Landlock can't express {}", missing.join(", ")))
        }
        Backend::Unavailable { reason } => Some(reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use mock_codex::sandbox::capability::landlock;

    use super::*;

    #[test]
    fn a_shortfall_says_what_is_missing() {
        assert_eq!(shortfall(&Backend::Namespaces), None);
        assert!(shortfall(&landlock()).is_some_and(|why| why.contains("read-only-errors")));
        let reason = "no user namespaces".to_owned();
        assert_eq!(
            shortfall(&Backend::Unavailable {
                reason: reason.clone()
            }),
            Some(reason)
        );
    }
}
