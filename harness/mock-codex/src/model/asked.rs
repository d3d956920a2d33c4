//! A request in the parts that go over either way, HTTP or a WebSocket.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::client::Pieces;
use crate::clock;

/// A request. Copies share its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The headers of the upgrade to a WebSocket, where one has to be made.
    pub(crate) upgrade_headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

/// The parts of a body, each of them JSON.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    /// The members before the input, with a comma behind them.
    pub(super) model: Bytes,
    /// The items, with commas between them.
    pub(super) input: Vec<Bytes>,
    /// The members behind the input, with a comma before them.
    pub(super) settings: Vec<Bytes>,
    pub(super) metadata: Value,
    /// It wants no answer: it only makes the way ready.
    pub(super) warms_up: bool,
}

impl Body {
    /// The body of a `POST`.
    pub(super) fn into_pieces(self) -> Pieces {
        let metadata = format!(",\"client_metadata\":{}}}", self.metadata);
        [Bytes::from_static(b"{"), self.model]
            .into_iter()
            .chain([Bytes::from_static(b"\"input\":[")])
            .chain(self.input)
            .chain([Bytes::from_static(b"]")])
            .chain(self.settings)
            .chain([Bytes::from(metadata)])
            .collect()
    }

    /// The text of a request over a WebSocket. It may go on from a response, with its id and what
    /// of the input is new.
    pub(super) fn to_frame(&self, go_on: Option<(&str, Bytes)>) -> String {
        let mut metadata = self.metadata.clone();
        metadata["x-codex-ws-stream-request-start-ms"] = json!(clock::now_ms().to_string());
        let (from, input) = match go_on {
            Some((response, new)) => (
                format!("\"previous_response_id\":{},", json!(response)),
                new,
            ),
            None => (String::new(), self.joined_input()),
        };
        let metadata = format!(",\"client_metadata\":{metadata}}}");
        let generate: &[u8] = if self.warms_up {
            b",\"generate\":false"
        } else {
            b""
        };
        let mut text = BytesMut::new();
        for part in [
            b"{\"type\":\"response.create\",",
            &self.model[..],
            from.as_bytes(),
            b"\"input\":[",
            &input,
            b"]",
            &self.settings.concat(),
            generate,
            metadata.as_bytes(),
        ] {
            text.extend_from_slice(part);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What must be the same for a request to go on from a response.
    pub(super) fn manner(&self) -> Bytes {
        [&self.model[..], &self.settings.concat()].concat().into()
    }

    /// The input in one piece.
    pub(crate) fn joined_input(&self) -> Bytes {
        self.input.concat().into()
    }
}
