//! Searches of the web, which the API does by itself.

use serde_json::json;

use super::{Expansion, Ids, next};
use crate::script::item::WebSearch;

impl Expansion {
    pub(super) fn web_search(&mut self, search: &WebSearch, ids: &mut Ids) {
        let id = search.id.clone();
        let id = id.unwrap_or_else(|| next(&mut ids.web_search, "ws"));
        let item = |status: &str| {
            json!({
                "type": "web_search_call",
                "id": id,
                "status": status,
                "action": { "type": "search", "query": search.query },
            })
        };
        if self.is_full() {
            self.added(&item("in_progress"));
            for state in ["in_progress", "searching", "completed"] {
                let kind = format!("response.web_search_call.{state}");
                self.push_part(&kind, &id, ("", 0), json!({}));
            }
        }
        self.done(item("completed"));
    }
}
