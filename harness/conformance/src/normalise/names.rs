//! Ids and their ordinal names.

use std::collections::HashMap;

use codex_wire::transcript::{Entry, Event};
use serde_json::{Map, Value};

use super::{apart, scan};

/// What an id stands for; its name in placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Role(pub &'static str);

const THREAD: Role = Role("thread");
const TURN: Role = Role("turn");
const ITEM: Role = Role("item");
const INSTALLATION: Role = Role("installation");
/// Of a process that the app-server started.
pub(super) const PROCESS: Role = Role("process");

/// Of a response that the scripted model gives to a request that only warms a connection up. Which
/// of two connections is the first one is a race.
const WARM_UP: Role = Role("warm-up");
/// How the scripted model's ids of such responses begin.
const WARM_UP_PREFIX: &str = "warm-";

/// Members that hold an id, and its role; the same in frames, metadata and headers.
const ROLES: &[(&str, Role)] = &[
    ("threadId", THREAD),
    ("thread_id", THREAD),
    ("thread-id", THREAD),
    ("sessionId", THREAD),
    ("session_id", THREAD),
    ("session-id", THREAD),
    ("forkedFromId", THREAD),
    ("parentThreadId", THREAD),
    ("reviewThreadId", THREAD),
    ("prompt_cache_key", THREAD),
    ("x-codex-parent-thread-id", THREAD),
    ("turnId", TURN),
    ("turn_id", TURN),
    ("rootTurnId", TURN),
    ("root_turn_id", TURN),
    ("itemId", ITEM),
    ("targetItemId", ITEM),
    ("reviewId", Role("review")),
    ("installationId", INSTALLATION),
    ("installation_id", INSTALLATION),
    ("x-codex-installation-id", INSTALLATION),
    ("context_window_id", Role("window")),
];

/// The names of ids, given in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: HashMap<String, String>,
    /// Ids of an app-server that are no UUIDs: looked for as they are.
    odd: Vec<String>,
    counts: HashMap<Role, usize>,
}

impl Names {
    /// The ids of a transcript: those of the client's wire in its order, then those that only the
    /// model sees. Threads that run at once are looked through one after the other.
    pub(super) fn collect(entries: &[Entry]) -> Self {
        let mut names = Self::default();
        let order = apart::steady_order(entries);
        let entries = || order.iter().map(|at| &entries[*at]);
        for entry in entries() {
            match &entry.event {
                Event::Client(frame) => names.walk(frame, false),
                Event::Server(frame) => names.walk(frame, true),
                _ => {}
            }
        }
        for entry in entries() {
            if let Event::ModelRequest(request) = &entry.event {
                for (member, value) in &request.headers {
                    names.member(member, value, false);
                }
                names.walk(&request.body, false);
            }
        }
        names.odd.sort_by_key(|id| std::cmp::Reverse(id.len()));
        names
    }

    /// The name of an id; a new one gets the next number of its role.
    pub(super) fn of(&mut self, id: &str, role: Role) -> String {
        if let Some(name) = self.given.get(id) {
            return name.clone();
        }
        let count = self.counts.entry(role).or_default();
        *count += 1;
        let name = format!("<{}-{count}>", role.0);
        self.given.insert(id.to_owned(), name.clone());
        name
    }

    /// The name of a process id, if the app-server chose it.
    pub(super) fn process(&self, id: &str) -> Option<&String> {
        self.given
            .get(id)
            .filter(|name| name.starts_with("<process-"))
    }

    /// The ids that are no UUIDs, the longest first, with their names.
    pub(super) fn odd(&self) -> impl Iterator<Item = (&str, &str)> {
        self.odd
            .iter()
            .filter_map(|id| Some((id.as_str(), self.given.get(id)?.as_str())))
    }

    fn walk(&mut self, value: &Value, by_server: bool) {
        match value {
            Value::Object(members) => {
                if let (Some(role), Some(Value::String(id))) = (role_of(members), members.get("id"))
                {
                    self.add(id, role, by_server);
                }
                for (member, value) in members {
                    match value {
                        Value::String(text) => self.member(member, text, by_server),
                        other => self.walk(other, by_server),
                    }
                }
            }
            Value::Array(elements) => elements.iter().for_each(|e| self.walk(e, by_server)),
            _ => {}
        }
    }

    fn member(&mut self, member: &str, text: &str, by_server: bool) {
        if by_server && member == "processId" && text.bytes().all(|b| b.is_ascii_digit()) {
            self.of(text, PROCESS);
        }
        if member == "previous_response_id" && text.starts_with(WARM_UP_PREFIX) {
            self.of(text, WARM_UP);
            if !self.odd.iter().any(|id| id == text) {
                self.odd.push(text.to_owned());
            }
        }
        if let Some((_, role)) = ROLES.iter().find(|(name, _)| *name == member) {
            self.add(text, *role, by_server && *role != ITEM);
        }
    }

    /// A UUID always gets a name. Another text gets one where the app-server chose it.
    fn add(&mut self, id: &str, role: Role, by_server: bool) {
        const LONG_ENOUGH_TO_BE_FOUND: usize = 8;
        if scan::is_uuid(id.as_bytes()) {
            self.of(id, role);
        } else if by_server
            && role != ITEM
            && id.len() >= LONG_ENOUGH_TO_BE_FOUND
            && !id.starts_with('<')
            && !self.given.contains_key(id)
        {
            self.of(id, role);
            self.odd.push(id.to_owned());
        }
    }
}

/// What an object with an `id` is, by its members.
fn role_of(members: &Map<String, Value>) -> Option<Role> {
    const TELLING: &[(&str, Role)] = &[
        ("sessionId", THREAD),
        ("rootTurnId", TURN),
        ("itemsView", TURN),
        ("type", ITEM),
    ];
    TELLING
        .iter()
        .find(|(member, _)| members.contains_key(*member))
        .map(|(_, role)| *role)
}
