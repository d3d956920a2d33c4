//! Pages of a list whose cursors are positions.

use serde::Serialize;

use crate::failure::Failure;

/// A part of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self {
            data: Vec::new(),
            next_cursor: None,
        }
    }
}

/// Which part is wanted, and what the error calls the elements.
#[derive(Debug)]
pub(super) struct Paged {
    what: &'static str,
    cursor: Option<String>,
    limit: Option<u32>,
}

impl Paged {
    /// The part behind `cursor`, of at most `limit` elements; a limit of 0 counts as 1.
    pub(super) fn new(what: &'static str, cursor: Option<String>, limit: Option<u32>) -> Self {
        Self {
            what,
            cursor,
            limit,
        }
    }

    /// Cuts the part out of the whole list.
    ///
    /// # Errors
    /// A cursor that is no position in it.
    pub(super) fn of<T>(self, mut all: Vec<T>) -> Result<Page<T>, Failure> {
        let total = all.len();
        let start = match &self.cursor {
            None => 0,
            Some(cursor) => cursor
                .parse::<usize>()
                .map_err(|_| Failure::invalid(format!("invalid cursor: {cursor}")))?,
        };
        if start > total {
            return Err(Failure::invalid(format!(
                "cursor {start} exceeds total {} {total}",
                self.what
            )));
        }
        let limit = self.limit.map_or(total, |limit| limit.max(1) as usize);
        let end = start.saturating_add(limit).min(total);
        all.truncate(end);
        Ok(Page {
            data: all.split_off(start),
            next_cursor: (end < total).then(|| end.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(cursor: Option<&str>, limit: Option<u32>) -> Result<(Vec<u8>, Option<String>), String> {
        Paged::new("things", cursor.map(str::to_owned), limit)
            .of(vec![0, 1, 2])
            .map(|page| (page.data, page.next_cursor))
            .map_err(|failure| failure.into_object().message)
    }

    #[test]
    fn pages_follow_each_other() {
        assert_eq!(page(None, None), Ok((vec![0, 1, 2], None)));
        assert_eq!(page(None, Some(2)), Ok((vec![0, 1], Some("2".into()))));
        assert_eq!(page(Some("2"), Some(2)), Ok((vec![2], None)));
        assert_eq!(page(Some("3"), Some(u32::MAX)), Ok((vec![], None)));
        assert_eq!(page(None, Some(0)), Ok((vec![0], Some("1".into()))));
    }

    #[test]
    fn a_cursor_is_a_position_in_the_list() {
        assert_eq!(page(Some("-1"), None), Err("invalid cursor: -1".into()));
        let beyond = "cursor 4 exceeds total things 3";
        assert_eq!(page(Some("4"), None), Err(beyond.into()));
    }
}
