//! What is wrong with a frame.

use std::fmt;

use serde_json::Value;

/// Who sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// The client.
    Client,
    /// The app-server.
    Server,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// How a frame departs from the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The schema has no such method for this sender.
    UnknownMethod,
    /// A member that the schema doesn't have.
    UnknownMember,
    /// A member that the schema requires is not there.
    MissingMember,
    /// A value that an enumeration doesn't have, or a tag that no alternative has.
    UnknownValue,
    /// A value of the wrong kind: a string for a number.
    WrongType,
    /// A number that is too small or too large.
    OutOfRange,
}

impl Fault {
    /// All of them, as lists of exceptions and reports name them.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::UnknownMethod, "unknown-method"),
        (Self::UnknownMember, "unknown-member"),
        (Self::MissingMember, "missing-member"),
        (Self::UnknownValue, "unknown-value"),
        (Self::WrongType, "wrong-type"),
        (Self::OutOfRange, "out-of-range"),
    ];

    /// Its name: `unknown-member`.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(fault, _)| *fault == self);
        found.map_or("", |(_, name)| name)
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(fault, _)| *fault)
    }
}

/// One place where a frame departs from the schema.
///
/// Displayed it is one sentence without its end, which says the place, what is there, and what the
/// schema has: ``/params/item/type: `agentMesage` is none of `userMessage`, `agentMessage` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who sent the frame.
    pub sender: Sender,
    /// The method, also of the request that a reply answers; empty where it isn't known.
    pub method: String,
    /// In which way it is wrong.
    pub fault: Fault,
    /// The place in the frame, as a JSON pointer; empty for the frame itself. For a missing or
    /// unknown member it is the place where that should be or is.
    pub path: String,
    /// The type that says otherwise: `v2/ThreadItem`, with members below it that have no name.
    pub of: String,
    /// What is there, shortened; for a missing member nothing.
    pub found: String,
    /// What the schema has in its place: values, or kinds of values.
    pub expected: Vec<String>,
}

/// The most values that a message lists.
const LISTED: usize = 12;

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path, of, found, ..
        } = self;
        let at = if path.is_empty() { "/" } else { path };
        match self.fault {
            Fault::UnknownMethod => {
                write!(f, "{at}: `{of}` has no method {found}")
            }
            Fault::UnknownMember => write!(f, "{at}: `{of}` has no such member"),
            Fault::MissingMember => write!(f, "{at}: `{of}` requires this member"),
            Fault::UnknownValue => {
                write!(f, "{at}: {found} is no value of `{of}`, which has ")?;
                let shown: Vec<String> = self
                    .expected
                    .iter()
                    .take(LISTED)
                    .map(|value| format!("`{value}`"))
                    .collect();
                f.write_str(&shown.join(", "))?;
                match self.expected.len().saturating_sub(LISTED) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Fault::WrongType | Fault::OutOfRange => {
                let expected = self.expected.join(" or ");
                write!(f, "{at}: {found} should be {expected} (`{of}`)")
            }
        }
    }
}

/// A value as a message shows it: between backticks, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    /// The most characters of it.
    const SHOWN: usize = 60;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => {
            let kind = if value.is_array() {
                "a list"
            } else {
                "an object"
            };
            return kind.to_owned();
        }
        other => other.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return format!("`{text}`");
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("`{start}…`")
}
