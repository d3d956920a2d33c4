//! `fuzzyFileSearch` and its sessions.

mod search;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::search::{Entry, search, walk};
use super::{Method, Params, parse, ready};
use crate::connection::{Call, Client};
use crate::failure::Failure;

pub(super) const METHODS: &[Method] = methods! {
    "fuzzyFileSearch" FuzzyFileSearchParams => find;
    "fuzzyFileSearch/sessionStart" SessionStartParams => start;
    "fuzzyFileSearch/sessionUpdate" SessionUpdateParams => update;
    "fuzzyFileSearch/sessionStop" SessionStopParams => stop;
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FuzzyFileSearchParams {
    query: String,
    roots: Vec<String>,
    cancellation_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionStartParams {
    session_id: String,
    roots: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionUpdateParams {
    session_id: String,
    query: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionStopParams {
    session_id: String,
}

impl Params for FuzzyFileSearchParams {}

impl Params for SessionStartParams {
    fn experimental(&self) -> Option<&'static str> {
        Some("fuzzyFileSearch/sessionStart")
    }
}

impl Params for SessionUpdateParams {
    fn experimental(&self) -> Option<&'static str> {
        Some("fuzzyFileSearch/sessionUpdate")
    }
}

impl Params for SessionStopParams {
    fn experimental(&self) -> Option<&'static str> {
        Some("fuzzyFileSearch/sessionStop")
    }
}

/// The searches that go on.
#[derive(Debug, Default)]
pub(crate) struct Searches {
    /// What gives a search up, by the token that it was asked with.
    running: RefCell<HashMap<String, CancellationToken>>,
    /// The queries of the sessions, by their ids.
    sessions: RefCell<HashMap<String, watch::Sender<String>>>,
}

/// Another search with the same token takes the place of one that runs, which then finds nothing.
fn find(call: &Call, params: FuzzyFileSearchParams) -> Result<(), Failure> {
    let given_up = CancellationToken::new();
    if let Some(token) = params.cancellation_token {
        let mut running = call.server.searches.running.borrow_mut();
        if let Some(before) = running.insert(token, given_up.clone()) {
            before.cancel();
        }
    }
    let call = call.clone();
    tokio::task::spawn_local(async move {
        let started_in = call.server.started_in.clone();
        let (roots, query) = (params.roots, params.query);
        let searched =
            tokio::task::spawn_blocking(move || search(&walk(&started_in, &roots), &query));
        let found = tokio::select! {
            biased;
            () = given_up.cancelled() => Ok(Vec::new()),
            found = searched => found,
        };
        match found {
            Ok(found) => call.reply(&json!({"files": found})),
            Err(error) => call.fail(Failure::internal(error.to_string())),
        }
    });
    Ok(())
}

fn start(call: &Call, params: SessionStartParams) -> Result<(), Failure> {
    let SessionStartParams { session_id, roots } = params;
    if session_id.is_empty() {
        return Err(Failure::invalid("sessionId must not be empty"));
    }
    if roots.is_empty() {
        return Err(Failure::internal(
            "failed to start fuzzy file search session: at least one search directory is required",
        ));
    }
    let (sender, queries) = watch::channel(String::new());
    let mut sessions = call.server.searches.sessions.borrow_mut();
    // One of the same id before it ends with its sender.
    sessions.insert(session_id.clone(), sender);
    call.reply(&json!({}));
    let started_in = call.server.started_in.clone();
    let walked = tokio::task::spawn_blocking(move || walk(&started_in, &roots));
    let client = Rc::clone(&call.client);
    tokio::task::spawn_local(async move {
        if let Ok(entries) = walked.await {
            answer(&client, &session_id, entries.into(), queries).await;
        }
    });
    Ok(())
}

/// Answers the queries of a session; of several that wait, the last one.
async fn answer(
    client: &Client,
    session: &str,
    entries: Arc<[Entry]>,
    mut queries: watch::Receiver<String>,
) {
    loop {
        let query = queries.borrow_and_update().clone();
        let (entries, asked) = (Arc::clone(&entries), query.clone());
        let found = tokio::task::spawn_blocking(move || search(&entries, &asked)).await;
        let Ok(outdated) = queries.has_changed() else {
            return;
        };
        if let (Ok(found), false) = (found, outdated) {
            client.notify(
                "fuzzyFileSearch/sessionUpdated",
                &json!({"sessionId": session, "query": query, "files": found}),
            );
            client.notify(
                "fuzzyFileSearch/sessionCompleted",
                &json!({"sessionId": session}),
            );
        }
        if queries.changed().await.is_err() {
            return;
        }
    }
}

fn update(call: &Call, params: SessionUpdateParams) -> Result<(), Failure> {
    let sessions = call.server.searches.sessions.borrow();
    let session = sessions.get(&params.session_id).ok_or_else(|| {
        Failure::invalid(format!(
            "fuzzy file search session not found: {}",
            params.session_id
        ))
    })?;
    // It is answered also where the query is the same.
    session.send_replace(params.query);
    call.reply(&json!({}));
    Ok(())
}

fn stop(call: &Call, params: SessionStopParams) -> Result<(), Failure> {
    let mut sessions = call.server.searches.sessions.borrow_mut();
    sessions.remove(&params.session_id);
    call.reply(&json!({}));
    Ok(())
}
