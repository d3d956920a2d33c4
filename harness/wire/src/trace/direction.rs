//! Who sent a frame, where the log doesn't say.

use super::connection::Connection;
use super::sight::Frame;

/// How the methods begin that the app-server asks its client.
const SERVER_REQUESTS: [&str; 6] = [
    "item/",
    "mcpServer/elicitation/",
    "account/chatgptAuthTokens/",
    "attestation/",
    "applyPatchApproval",
    "execCommandApproval",
];

/// Did the app-server send it? Requests and notifications are told by their methods, answers by
/// who waits for one.
pub(super) fn is_servers(frame: &Frame<'_>, connection: Option<&Connection>) -> bool {
    match (&*frame.id, frame.method.as_deref()) {
        (Some(_), Some(method)) => SERVER_REQUESTS
            .iter()
            .any(|start| method.starts_with(start)),
        (None, method) => method != Some("initialized"),
        (Some(id), None) => {
            let asked = connection.is_some_and(|connection| connection.is_asked(id));
            let awaits = connection.is_some_and(|connection| connection.awaits(id));
            let decides = frame
                .result
                .as_ref()
                .is_some_and(|result| result.decision.is_some());
            !(asked && (decides || !awaits))
        }
    }
}
