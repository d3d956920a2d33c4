//! Why a request gets no reply.

use super::Script;
use super::entry::Mine;
use crate::journal::Request;
use crate::matcher::Evidence;

/// A request that no reply is for.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) rule: &'static str,
    pub(crate) message: String,
}

/// Says why: every reply was given, or none of those left is for this request.
pub(super) fn explain(
    script: &Script,
    request: &Request,
    evidence: &mut Evidence,
    thread: Option<&str>,
) -> Refusal {
    let mine = script.mine(thread);
    let mut tried = Vec::new();
    for (index, entry) in script.entries.iter().enumerate() {
        if entry.is_spent() {
            continue;
        }
        let reason = if entry.refuse.is_some() {
            "connections are to be refused first".to_owned()
        } else if !entry.is_for(mine, &script.threads) {
            not_mine(mine, entry.thread.as_deref())
        } else {
            match (&entry.when, request.subagent()) {
                (Some(when), _) => when.check(request, evidence).err().unwrap_or_default(),
                (None, Some(name)) => {
                    format!("has no `when`, and the request comes from the subagent `{name}`")
                }
                (None, None) => continue,
            }
        };
        tried.push(format!("reply {} (`{}`): {reason}", index + 1, entry.kinds));
    }
    if tried.is_empty() {
        let given = script.entries.len();
        let message = match given {
            0 => "no reply left: the script is empty".to_owned(),
            1 => "no reply left: the script's only reply was given".to_owned(),
            _ => format!("no reply left: all {given} replies of the script were given"),
        };
        return Refusal {
            rule: "no-reply-left",
            message,
        };
    }
    let message = format!("replies left, but none matches: {}", tried.join("; "));
    Refusal {
        rule: "no-reply-matches",
        message,
    }
}

/// Why a reply is for another conversation.
fn not_mine(mine: Mine<'_>, wanted: Option<&str>) -> String {
    let mine = match mine {
        Mine::Named(name) => format!("is `{name}`"),
        Mine::Unnamed | Mine::OnlyOne => "has none yet".to_owned(),
    };
    match wanted {
        Some(wanted) => format!("is for the thread `{wanted}`, and the request's thread {mine}"),
        None => format!("has no `thread`, and the request's thread {mine}"),
    }
}
