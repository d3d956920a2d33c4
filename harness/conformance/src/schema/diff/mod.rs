//! What changed between two versions of the protocol, and whom it can break.
//!
//! Types are compared by what they mean: whether one stands in a place by its name or is written
//! out there makes no difference. A change is judged by who writes and who reads the type: what a
//! client writes must stay acceptable, and what it reads must stay as it was known.
//!
//! | change | breaks clients that read it | breaks clients that write it |
//! | --- | --- | --- |
//! | method, member, value added | value, server request | member, if it is required |
//! | method, member, value removed | method, member | method, member, value |
//! | newly required | | yes |
//! | no longer required | yes | |
//! | takes more | yes | |
//! | takes less | | yes |
//! | other | yes | yes |

mod authority;
mod compare;
mod reach;
pub mod report;
mod shape;

use std::collections::BTreeSet;

use codex_wire::schema::Schema;

pub use authority::Authority;

/// Everything that changed from one version to another.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The two versions.
    pub versions: [String; 2],
    /// The changes: those that bear on authority first, then those that can break a client, each
    /// sorted by their place.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What it bears on, if it is about what codex may do.
    pub authority: Option<Authority>,
    /// Whom it can break.
    pub breaks: Breaks,
    /// Where: a method, a definition, or a member below one (`v2/ThreadStartParams.sandbox`).
    pub place: String,
    /// What is there.
    pub subject: Subject,
    /// What became of it.
    pub what: What,
    /// Its name, where it is a value or an alternative; what it was and is, where it is a type.
    pub detail: String,
    /// Is it only for clients that ask for experimental methods, in both versions as far as they
    /// have it?
    pub experimental: bool,
    /// The methods whose frames have it.
    pub methods: BTreeSet<String>,
}

/// Whom a change can break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breaks {
    /// A client that reads it.
    pub readers: bool,
    /// A client that writes it.
    pub writers: bool,
}

impl Breaks {
    /// Somebody?
    pub fn any(self) -> bool {
        self.readers || self.writers
    }
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A method that clients call.
    Method,
    /// A notification of clients.
    ClientNotification,
    /// A notification of the app-server.
    Notification,
    /// A request of the app-server.
    ServerRequest,
    /// A member of an object.
    Member,
    /// A value of an enumeration, or an alternative that is told by its tag.
    Value,
    /// The kinds of values in a place.
    Type,
}

impl Subject {
    /// What it is called.
    pub fn words(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::ClientNotification => "client notification",
            Self::Notification => "notification",
            Self::ServerRequest => "server request",
            Self::Member => "member",
            Self::Value => "value",
            Self::Type => "type",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It wasn't there.
    Added,
    /// It isn't there any more.
    Removed,
    /// It was optional.
    NowRequired,
    /// It was required.
    NowOptional,
    /// It takes more than before.
    Widened,
    /// It takes less than before.
    Narrowed,
    /// It takes something else.
    Changed,
}

impl What {
    /// What it is called.
    pub fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::NowRequired => "now required",
            Self::NowOptional => "now optional",
            Self::Widened => "takes more",
            Self::Narrowed => "takes less",
            Self::Changed => "changed",
        }
    }
}

/// From which change on a comparison fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FailOn {
    /// A change that can break a client
    Breaking,
    /// A change of approvals, sandbox, permissions or logins, also one that breaks nobody
    Authority,
    /// Any change
    Any,
}

impl Diff {
    /// Compares two versions.
    pub fn between(before: &Schema, after: &Schema) -> Self {
        let mut changes = compare::changes(before, after);
        changes.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.place_cmp(b)));
        changes.dedup();
        Self {
            versions: [before.version().to_owned(), after.version().to_owned()],
            changes,
        }
    }

    /// Is there a change of this weight?
    pub fn has(&self, weight: FailOn) -> bool {
        self.changes.iter().any(|change| match weight {
            FailOn::Breaking => change.breaks.any(),
            FailOn::Authority => change.authority.is_some(),
            FailOn::Any => true,
        })
    }
}

impl Change {
    fn place_cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |it: &Self| (it.subject, it.place.clone(), it.what, it.detail.clone());
        key(self).cmp(&key(other))
    }
}

/// Authority first, then what breaks somebody.
fn rank(change: &Change) -> (bool, bool) {
    (change.authority.is_none(), !change.breaks.any())
}

#[cfg(test)]
mod tests;
