//! What an SDK sent, judged whatever the scenario was about.

use std::collections::HashSet;

use codex_wire::frame::{Frame, Id};
use codex_wire::preset::{Choice, Method};
use serde_json::{Map, Value, json};

use crate::check::told;
use crate::client::driver::seen::{Seen, Sent};
use crate::client::permission;
use crate::run::Window;
use crate::run::outcome::Check;
use crate::scenario::model::{Case, Location, Permissions, Side};

/// The members that decide what codex may do.
const PERMISSIONS: [&str; 5] = [
    "approvalPolicy",
    "approvalsReviewer",
    "sandbox",
    "sandboxPolicy",
    "permissions",
];

/// Something wrong: what, and the entry that shows it.
struct Finding {
    message: String,
    entry: Option<usize>,
}

/// What is looked at.
struct Audit<'a> {
    seen: &'a Seen,
    windows: &'a [Window],
}

/// A check: its id, and what it finds.
type Rule = (&'static str, fn(&Audit<'_>) -> Vec<Finding>);

const RULES: [Rule; 5] = [
    ("sdk.handshake", handshake),
    ("sdk.frames", frames),
    ("sdk.refusals", refusals),
    ("sdk.options", options),
    ("sdk.answers", answers),
];

/// Every check on what an SDK sent. `whole`: the case came to its end, so that what is missing is
/// missing.
pub(crate) fn audit(seen: &Seen, windows: &[Window], whole: bool, case: &Case) -> Vec<Check> {
    let audit = Audit { seen, windows };
    let mut checks: Vec<Check> = RULES
        .iter()
        .flat_map(|(id, rule)| of_findings(id, rule(&audit), &case.at))
        .collect();
    if whole {
        checks.extend(of_findings("sdk.unanswered", unanswered(&audit), &case.at));
    }
    checks
}

/// One check that holds, or the first finding: those behind it mostly follow from it.
fn of_findings(id: &str, findings: Vec<Finding>, at: &Location) -> Vec<Check> {
    let more = findings.len().saturating_sub(1);
    let first = findings.into_iter().next();
    let passed = first.is_none();
    let Finding { mut message, entry } = first.unwrap_or(Finding {
        message: String::new(),
        entry: None,
    });
    if more > 0 {
        message = format!("{message} (and {more} more)");
    }
    vec![Check {
        id: id.to_owned(),
        passed,
        message,
        at: Some(at.clone()),
        entry,
    }]
}

impl<'a> Audit<'a> {
    /// What the SDK sent to app-servers.
    fn sent(&self) -> impl Iterator<Item = &'a Sent> {
        let processes = self.seen.processes();
        self.seen.since(0).iter().filter(move |sent| {
            sent.by == Side::Client
                && processes
                    .get(sent.process)
                    .is_some_and(crate::client::driver::seen::Started::is_app_server)
        })
    }

    /// What was sent in a window: up to the next one.
    fn within(&self, index: usize) -> &'a [Sent] {
        let from = self.windows[index].from;
        let to = self
            .windows
            .get(index + 1)
            .map_or(self.seen.len(), |next| next.from);
        self.seen
            .since(from)
            .get(..to.saturating_sub(from))
            .unwrap_or_default()
    }

    /// The window in which something was sent.
    fn window(&self, position: usize) -> Option<&'a Window> {
        self.windows
            .iter()
            .rev()
            .find(|window| window.from <= position)
    }
}

/// `initialize` first, then `initialized`, then the rest.
fn handshake(audit: &Audit<'_>) -> Vec<Finding> {
    let count = audit.seen.processes().len();
    (0..count)
        .filter_map(|process| {
            let mut sent = audit.sent().filter(|sent| sent.process == process);
            let first = sent.next()?;
            if first.value["method"] != "initialize" {
                let name = told::named(first);
                let message = format!("the first frame has to be `initialize`, the SDK sent {name}");
                return Some(Finding { message, entry: Some(first.entry) });
            }
            let second = sent.find(|sent| sent.value["method"].is_string())?;
            (second.value["method"] != "initialized").then(|| {
                let name = told::named(second);
                let message = format!(
                    "`initialized` has to follow `initialize`, the SDK sent {name}: a server may refuse everything before it"
                );
                Finding { message, entry: Some(second.entry) }
            })
        })
        .collect()
}

/// Lines are frames, with ids of the protocol, each used once.
fn frames(audit: &Audit<'_>) -> Vec<Finding> {
    let mut used: HashSet<(usize, Id)> = HashSet::new();
    let mut findings = Vec::new();
    for sent in audit.sent() {
        let mut add = |message: String| {
            findings.push(Finding {
                message,
                entry: Some(sent.entry),
            });
        };
        let id = &sent.value["id"];
        match &sent.frame {
            Some(Frame::Request(request)) => {
                if !used.insert((sent.process, request.id.clone())) {
                    add(format!(
                        "the id {} of `{}` was used before: answers can't be told apart",
                        request.id, request.method
                    ));
                }
            }
            Some(_) => {}
            None if sent.value.is_object() && !(id.is_null() || id.is_string() || id.is_i64()) => {
                add(format!(
                    "the id of {} has to be an integer or a string, it is `{id}`",
                    told::named(sent)
                ));
            }
            None => add(format!(
                "the SDK sent something that is no frame: {}",
                told::named(sent)
            )),
        }
    }
    findings
}

/// What the SDK says to have refused was not sent, also not behind its back.
fn refusals(audit: &Audit<'_>) -> Vec<Finding> {
    let windows = audit.windows.iter().enumerate();
    windows
        .filter(|(_, window)| window.refused)
        .filter_map(|(index, window)| {
            let own = told::own(audit.seen, window.from)?;
            let within = audit
                .within(index)
                .iter()
                .any(|sent| sent.entry == own.entry);
            within.then(|| Finding {
                message: format!(
                    "step {} (`{}`) was refused by the SDK, but it had sent {}",
                    window.step,
                    window.verb,
                    told::named(own)
                ),
                entry: Some(own.entry),
            })
        })
        .collect()
}

/// The permission members of each request are those that the step's options stand for: none is
/// lost, misspelt, or put in without having been asked for.
fn options(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut pending = Pending::default();
    for (index, window) in audit.windows.iter().enumerate() {
        pending.begin(window);
        let asked = audit.within(index).iter().filter(|sent| {
            sent.by == Side::Client && matches!(sent.frame, Some(Frame::Request(_)))
        });
        for sent in asked {
            let method = sent.value["method"].as_str().unwrap_or_default();
            let given = settings(&sent.value["params"]);
            let none = Permissions::default();
            let wanted = pending.options(method, window).unwrap_or(&none);
            let Some(kind) = Method::ALL.into_iter().find(|kind| kind.name() == method) else {
                continue;
            };
            if let Some(message) = departs(kind, wanted, &given) {
                let message = format!("step {} (`{}`): {message}", window.step, window.verb);
                findings.push(Finding {
                    message,
                    entry: Some(sent.entry),
                });
            }
        }
    }
    findings
}

/// Steps whose request is still to come: an SDK may start its thread, or its process, only when
/// something is to be done with it.
#[derive(Default)]
struct Pending<'a>(Vec<&'a Window>);

impl<'a> Pending<'a> {
    /// A step begins. A new client has nothing of the old one's left to send.
    fn begin(&mut self, window: &'a Window) {
        if ["open", "close"].contains(&window.verb) {
            self.0.clear();
        }
        if window.permissions.is_some() && !window.refused {
            self.0.push(window);
        }
    }

    /// The options that a request within `window` stands for: those of the step itself, else of the
    /// earliest one that has not sent this request. A step may send it again.
    fn options(&mut self, method: &str, window: &'a Window) -> Option<&'a Permissions> {
        if window.method() == Some(method) {
            self.0.retain(|pending| !std::ptr::eq(*pending, window));
            return window.permissions.as_ref();
        }
        let sends = |pending: &&Window| pending.method() == Some(method);
        let found = self.0.iter().position(sends)?;
        self.0.remove(found).permissions.as_ref()
    }
}

/// The permission members of a request; `null` says the same as nothing.
fn settings(params: &Value) -> Map<String, Value> {
    let members = params.as_object().into_iter().flatten();
    members
        .filter(|(name, value)| PERMISSIONS.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// How a request's permission members depart from what its options stand for.
fn departs(method: Method, wanted: &Permissions, given: &Map<String, Value>) -> Option<String> {
    // Wrong options are for the SDK to refuse, which another check sees.
    let wire = permission::to_wire(wanted, method).ok()?;
    let expected = settings(&Value::Object(wire));
    let mut fitting = vec![expected.clone()];
    if wanted.approval_mode.as_ref().is_none_or(Value::is_null) {
        // A default of the method's own need not be sent.
        let default = Choice::default().to_wire(method).unwrap_or_default();
        let mut without = expected.clone();
        without.retain(|name, _| !default.contains_key(name) || wanted.params.contains_key(name));
        fitting.push(without);
    }
    if fitting.iter().any(|expected| same(expected, given)) {
        return None;
    }
    let name = method.name();
    let lost = expected
        .iter()
        .find(|(member, value)| given.get(*member).is_none_or(|given| !fits(value, given)));
    let added = given.keys().find(|member| !expected.contains_key(*member));
    Some(match (lost, added) {
        (Some((member, value)), _) if given.contains_key(member) => format!(
            "`{name}` has `{member}: {}`, the options stand for `{value}`",
            given[member]
        ),
        (Some((member, value)), None) => format!(
            "`{name}` lacks `{member}: {value}`, which was asked for: the thread runs with other permissions than its user thinks"
        ),
        (lost, added) => {
            let added = added.map_or_else(String::new, |member| {
                format!("`{member}: {}`", given[member])
            });
            let instead = lost.map_or_else(String::new, |(member, value)| {
                format!(" in place of `{member}: {value}`")
            });
            format!(
                "`{name}` has {added}{instead}, which nobody asked for: it replaces what the thread had, for example after a restart"
            )
        }
    })
}

fn same(expected: &Map<String, Value>, given: &Map<String, Value>) -> bool {
    expected.len() == given.len()
        && expected
            .iter()
            .all(|(name, value)| given.get(name).is_some_and(|given| fits(value, given)))
}

/// A policy may leave out members that it has the defaults of.
fn fits(expected: &Value, given: &Value) -> bool {
    match (expected, given) {
        (Value::Object(expected), Value::Object(given)) => {
            given.get("type") == expected.get("type")
                && given
                    .iter()
                    .all(|(name, value)| expected.get(name) == Some(value))
                && expected
                    .iter()
                    .all(|(name, value)| given.contains_key(name) || is_default(value))
        }
        _ => expected == given,
    }
}

fn is_default(value: &Value) -> bool {
    value.is_null() || *value == json!(false) || *value == json!([])
}

/// An approval request of the app-server, and what came back.
struct Asked<'a> {
    request: &'a Sent,
    method: &'a str,
    replies: Vec<&'a Sent>,
    window: Option<&'a Window>,
}

/// The methods of approval requests, with the kinds of scenarios.
const KINDS: [(&str, &str); 3] = [
    ("item/commandExecution/requestApproval", "command"),
    ("item/fileChange/requestApproval", "file_change"),
    ("item/permissions/requestApproval", "permissions"),
];

impl<'a> Audit<'a> {
    fn asked_by_server(&self) -> Vec<Asked<'a>> {
        let all = self.seen.since(0);
        let asked = all.iter().enumerate().filter_map(|(position, sent)| {
            let Some(Frame::Request(request)) = &sent.frame else {
                return None;
            };
            if sent.by != Side::Server {
                return None;
            }
            let replies = all[position..].iter().filter(|reply| {
                let answers = matches!(reply.frame, Some(Frame::Response(_) | Frame::Error(_)));
                answers
                    && reply.by == Side::Client
                    && reply.process == sent.process
                    && reply.frame.as_ref().and_then(Frame::id) == Some(&request.id)
            });
            Some(Asked {
                request: sent,
                method: &request.method,
                replies: replies.collect(),
                window: self.window(position),
            })
        });
        asked.collect()
    }
}

impl Asked<'_> {
    fn kind(&self) -> Option<&'static str> {
        let found = KINDS.iter().find(|(method, _)| *method == self.method);
        found.map(|(_, kind)| *kind)
    }

    /// The decision that a step gave for it: `Some(null)` leaves it open.
    fn given(&self) -> Option<&Value> {
        self.window?.answers.get(self.kind()?)
    }
}

/// Each request of the app-server is answered once, and never with a grant that nobody gave.
fn answers(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for asked in audit.asked_by_server() {
        let mut add = |entry, message: String| {
            findings.push(Finding {
                message,
                entry: Some(entry),
            });
        };
        if let [_, second, ..] = &asked.replies[..] {
            add(
                second.entry,
                format!("`{}` was answered twice", asked.method),
            );
        }
        let (Some(reply), Some(kind)) = (asked.replies.first(), asked.kind()) else {
            continue;
        };
        let result = &reply.value["result"];
        let decision = if kind == "permissions" {
            result
        } else {
            &result["decision"]
        };
        match asked.given().filter(|given| !given.is_null()) {
            // What is no decision is for the SDK to refuse; if it goes out, the schema says so.
            Some(given) if kind != "permissions" && !is_decision(given) => {}
            Some(given) if given != decision => add(
                reply.entry,
                format!(
                    "`{}` was to be answered with `{given}`, the SDK sent `{decision}`",
                    asked.method
                ),
            ),
            None if grants(kind, decision) => add(
                reply.entry,
                format!(
                    "the SDK granted `{}` with `{decision}`, and nobody had told it to: {} its user never saw",
                    asked.method,
                    what(kind, &asked.request.value["params"])
                ),
            ),
            _ => {}
        }
    }
    findings
}

/// Is it one of the protocol's decisions?
fn is_decision(given: &Value) -> bool {
    let plain = ["accept", "acceptForSession", "decline", "cancel"];
    given.is_object() || plain.iter().any(|decision| given == decision)
}

fn grants(kind: &str, decision: &Value) -> bool {
    match kind {
        "permissions" => decision["permissions"]
            .as_object()
            .is_some_and(|granted| !granted.is_empty()),
        _ => !(decision.is_null() || decision == "decline" || decision == "cancel"),
    }
}

fn what(kind: &str, params: &Value) -> String {
    match (kind, params["command"].as_str()) {
        ("command", Some(command)) => format!("it ran `{command}`, which"),
        ("command", None) => "it ran a command, which".into(),
        ("file_change", _) => "it changed files in a way that".into(),
        _ => "it got wider permissions, which".into(),
    }
}

/// Requests of the app-server that nobody answered: their turns wait for ever.
fn unanswered(audit: &Audit<'_>) -> Vec<Finding> {
    let asked = audit.asked_by_server().into_iter();
    asked
        .filter(|asked| asked.replies.is_empty() && asked.given().is_none())
        .map(|asked| Finding {
            message: format!(
                "`{}` was never answered: a turn that asks for an approval waits for ever",
                asked.method
            ),
            entry: Some(asked.request.entry),
        })
        .collect()
}
