//! Transcripts in memory.

use serde::Deserialize;
use serde_json::Value;

use super::Tracer;
use super::finding::Finding;
use super::lenient::{Opt, Text};
use super::sight::{Frame, Headers, ModelRequest, Moment, Sight};
use crate::transcript::{self, Entry, Event};

/// Judges a whole transcript; a finding's number is the position of its entry, counted from 1.
pub fn judge(transcript: &[Entry]) -> Vec<Finding> {
    let mut tracer = Tracer::default();
    for (at, entry) in transcript.iter().enumerate() {
        let (client, sight) = sight(&entry.event);
        let number = at + 1;
        tracer.see(Moment { number, client }, &sight);
    }
    tracer.end();
    tracer.take()
}

/// The client, and what was seen of it.
fn sight(event: &Event) -> (&str, Sight<'_>) {
    let sight = match event {
        Event::Of { client, event } => return (client, sight(event).1),
        Event::Client(frame) => read(frame).map_or(Sight::Other, Sight::Client),
        Event::Server(frame) => read(frame).map_or(Sight::Other, Sight::Server),
        Event::ClientRaw(text) => Sight::ClientRaw(Text(text.as_str().into())),
        Event::ModelRequest(request) => Sight::Model(asked(request)),
        Event::Process(_) => Sight::Restarted,
        Event::ServerRaw(_) | Event::ModelReply(_) | Event::Stderr(_) | Event::Step(_) => {
            Sight::Other
        }
    };
    ("", sight)
}

fn read(frame: &Value) -> Option<Frame<'_>> {
    Frame::deserialize(frame).ok()
}

fn asked(request: &transcript::ModelRequest) -> ModelRequest<'_> {
    ModelRequest {
        method: Opt(Some(Text(request.method.as_str().into()))),
        headers: Opt(Some(Headers::of(&request.headers))),
        body: Opt::deserialize(&request.body).unwrap_or_default(),
        ..ModelRequest::default()
    }
}
