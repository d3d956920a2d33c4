//! What a search of the web, which the API does by itself, looked at.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What was done, as the model tells it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Action {
    Search {
        #[serde(skip_serializing_if = "Option::is_none")]
        query: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        queries: Option<Vec<String>>,
    },
    OpenPage {
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    FindInPage {
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
    },
    #[serde(other)]
    Other,
}

impl Action {
    /// As clients see it.
    pub(super) fn to_client(&self) -> Value {
        match self {
            Self::Search { query, queries } => {
                json!({"type": "search", "query": query, "queries": queries})
            }
            Self::OpenPage { url } => json!({"type": "openPage", "url": url}),
            Self::FindInPage { url, pattern } => {
                json!({"type": "findInPage", "url": url, "pattern": pattern})
            }
            Self::Other => json!({"type": "other"}),
        }
    }

    /// In short, for people.
    pub(super) fn query(&self) -> String {
        match self {
            Self::Search { query, queries } => query
                .clone()
                .filter(|query| !query.is_empty())
                .unwrap_or_else(|| first_of(queries.as_deref().unwrap_or_default())),
            Self::OpenPage { url } => url.clone().unwrap_or_default(),
            Self::FindInPage { url, pattern } => match (pattern, url) {
                (Some(pattern), Some(url)) => format!("'{pattern}' in {url}"),
                (Some(pattern), None) => format!("'{pattern}'"),
                (None, url) => url.clone().unwrap_or_default(),
            },
            Self::Other => String::new(),
        }
    }
}

fn first_of(queries: &[String]) -> String {
    match queries {
        [] => String::new(),
        [one] => one.clone(),
        [first, ..] => format!("{first} ..."),
    }
}
