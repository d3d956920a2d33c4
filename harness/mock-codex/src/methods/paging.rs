//! Pages of turns and items, and the cursors between them.
//!
//! Cursors are opaque to clients; like codex's they name a line of the thread's file, see
//! [`crate::thread::ordinals`].

use serde::Serialize;
use serde_json::json;

use super::listing::invalid_cursor;
use crate::failure::Failure;

/// What a cursor goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Turns,
    Items,
}

impl Scope {
    fn kind(self) -> &'static str {
        match self {
            Self::Turns => "turns",
            Self::Items => "itemsByCreatedAtOrdinal",
        }
    }
}

/// A place between two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    /// Does the line itself lie behind it, in either direction?
    pub(super) include: bool,
}

impl Place {
    /// Reads a cursor of this thread and this scope.
    pub(super) fn parse(cursor: &str, thread: &str, scope: Scope) -> Result<Self, Failure> {
        let value: serde_json::Value =
            serde_json::from_str(cursor).map_err(|_| invalid_cursor(cursor))?;
        let line = value["rolloutOrdinal"]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok());
        let fits = value["scope"]["kind"] == scope.kind() && value["requestedThreadId"] == thread;
        match (line, value["includeAnchor"].as_bool()) {
            (Some(line), Some(include)) if fits => Ok(Self { line, include }),
            _ => Err(invalid_cursor(cursor)),
        }
    }

    /// The cursor of the place.
    pub(super) fn cursor(self, thread: &str, scope: Scope) -> String {
        json!({
            "requestedThreadId": thread,
            "rolloutOrdinal": self.line,
            "includeAnchor": self.include,
            "scope": {"kind": scope.kind()},
        })
        .to_string()
    }

    fn admits(self, line: usize, ascending: bool) -> bool {
        let beyond = if ascending {
            line > self.line
        } else {
            line < self.line
        };
        beyond || (self.include && line == self.line)
    }
}

/// Some rows in the order that was asked for.
#[derive(Debug)]
pub(super) struct Page<T> {
    rows: Vec<T>,
    more: bool,
}

/// A page as replies show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageView<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
    backwards_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The first rows behind a place. `rows` come oldest first.
    pub(super) fn cut(
        mut rows: Vec<T>,
        line: impl Fn(&T) -> usize,
        place: Option<Place>,
        ascending: bool,
        limit: usize,
    ) -> Self {
        if let Some(place) = place {
            rows.retain(|row| place.admits(line(row), ascending));
        }
        if !ascending {
            rows.reverse();
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, more }
    }

    /// The page with the places behind its end and before its beginning.
    pub(super) fn with_cursors(
        self,
        thread: &str,
        scope: Scope,
        line: impl Fn(&T) -> usize,
    ) -> PageView<T> {
        let cursor = |row: &T, include| {
            let line = line(row);
            Place { line, include }.cursor(thread, scope)
        };
        PageView {
            next_cursor: self
                .rows
                .last()
                .filter(|_| self.more)
                .map(|row| cursor(row, false)),
            backwards_cursor: self.rows.first().map(|row| cursor(row, true)),
            data: self.rows,
        }
    }
}

impl<T> PageView<T> {
    /// The same page with its rows shown.
    pub(super) fn map<U>(self, show: impl Fn(T) -> U) -> PageView<U> {
        PageView {
            data: self.data.into_iter().map(show).collect(),
            next_cursor: self.next_cursor,
            backwards_cursor: self.backwards_cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(place: Option<Place>, ascending: bool, limit: usize) -> (Vec<usize>, bool) {
        let page = Page::cut(vec![1, 14, 28], |line| *line, place, ascending, limit);
        (page.rows, page.more)
    }

    #[test]
    fn a_page_begins_behind_its_place() {
        let at = |line, include| Some(Place { line, include });
        assert_eq!(page(None, false, 2), (vec![28, 14], true));
        assert_eq!(page(at(14, false), false, 2), (vec![1], false));
        assert_eq!(page(at(14, true), false, 2), (vec![14, 1], false));
        assert_eq!(page(at(14, true), true, 9), (vec![14, 28], false));
        assert_eq!(page(at(28, false), true, 9), (vec![], false));
    }

    #[test]
    fn a_cursor_belongs_to_its_thread_and_its_scope() {
        let place = Place {
            line: 14,
            include: true,
        };
        let cursor = place.cursor("t", Scope::Turns);
        assert_eq!(Place::parse(&cursor, "t", Scope::Turns).unwrap(), place);
        assert!(Place::parse(&cursor, "t", Scope::Items).is_err());
        assert!(Place::parse(&cursor, "other", Scope::Turns).is_err());
        assert!(Place::parse("zz", "t", Scope::Turns).is_err());
    }
}
