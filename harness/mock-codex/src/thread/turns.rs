//! The turns of a thread, as they are kept and as they are shown.

use super::record::{ItemKind, StoredItem};
use crate::protocol::reply::{TurnError, TurnStatus, TurnView};

/// A turn and its completed items.
#[derive(Debug, Clone)]
pub(crate) struct TurnRecord {
    pub(crate) id: String,
    /// The turn that it is part of, where it is no turn of its own.
    pub(crate) root: Option<String>,
    /// The line that cursors name it by.
    pub(crate) line: usize,
    pub(crate) status: TurnStatus,
    pub(crate) error: Option<TurnError>,
    pub(crate) started_ms: i64,
    pub(crate) completed_ms: Option<i64>,
    pub(crate) duration_ms: Option<i64>,
    /// Did it end as the model's provider refused its request?
    pub(crate) refused: bool,
    pub(crate) items: Vec<StoredItem>,
}

/// How many items of a turn are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemsView {
    NotLoaded,
    /// The first user message and the last agent message, also one without anything in it.
    Summary,
    Full,
}

impl TurnRecord {
    /// The turn as replies and lists show it.
    pub(crate) fn view(&self, items: ItemsView) -> TurnView {
        let (items, items_view) = match items {
            ItemsView::NotLoaded => (Vec::new(), "notLoaded"),
            ItemsView::Full => (
                self.items.iter().map(|item| item.item.clone()).collect(),
                "full",
            ),
            ItemsView::Summary => {
                let first = self.items.iter().find(|item| item.kind == ItemKind::User);
                let is_message = |kind| matches!(kind, ItemKind::Agent | ItemKind::Blank);
                let last = self.items.iter().rfind(|item| is_message(item.kind));
                let items = first
                    .into_iter()
                    .chain(last)
                    .map(|item| item.item.clone())
                    .collect();
                (items, "summary")
            }
        };
        TurnView {
            id: self.id.clone(),
            root_turn_id: self.root.as_ref().unwrap_or(&self.id).clone(),
            items,
            items_view,
            status: self.status,
            error: self.error.clone(),
            started_at: Some(self.started_ms / 1000),
            completed_at: self.completed_ms.map(|ms| ms / 1000),
            duration_ms: self.duration_ms,
        }
    }

    /// The turn at its end: its last agent message if it was completed, and nothing else.
    pub(crate) fn closing_view(&self) -> TurnView {
        let mut view = self.view(ItemsView::NotLoaded);
        let last = self.items.iter().rfind(|item| item.kind == ItemKind::Agent);
        if let (Some(last), TurnStatus::Completed) = (last, self.status) {
            view.items = vec![last.item.clone()];
            view.items_view = "summary";
        }
        view
    }
}
