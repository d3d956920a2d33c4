//! The case's script, served as the model.

use std::collections::VecDeque;
use std::sync::Arc;

use codex_wire::transcript::{Event, ModelReply, ModelRequest};
use mock_responses::{MockResponses, Reply, Request, StartError, Violation};
use serde_json::Value;

use crate::run::record::Recorder;
use crate::scenario::model::Located;
use crate::scenario::template::Bindings;

/// Headers whose values don't belong in a transcript.
const SECRET: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "cookie",
];

/// The scripted model of one run, and what of its script is still to come.
#[derive(Debug)]
pub struct Model {
    server: MockResponses,
    script: VecDeque<Located<Value>>,
}

/// A reply of the script that is none.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BadReply {
    /// The reply, and what is wrong with it.
    pub reply: Box<Located<Value>>,
    /// What is wrong.
    pub message: String,
}

impl Model {
    /// Starts the model with an empty script; what it is asked goes into the transcript.
    pub async fn start(recorder: &Recorder, script: &[Located<Value>]) -> Result<Self, StartError> {
        let recorder = recorder.clone();
        let server = MockResponses::builder()
            .observer(move |event| {
                if let Some(event) = to_entry(&event) {
                    recorder.push(event);
                }
            })
            .start()
            .await?;
        Ok(Self {
            server,
            script: script.iter().cloned().collect(),
        })
    }

    /// The `base_url` of the provider.
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// Hands over the replies, in order, up to the first that needs a value which no step has
    /// given yet.
    ///
    /// # Errors
    /// A reply that the model can't give.
    pub fn feed(&mut self, bindings: &Bindings) -> Result<(), BadReply> {
        while let Some(next) = self.script.pop_front() {
            let Ok(value) = bindings.resolve(&next.value) else {
                self.script.push_front(next);
                break;
            };
            let pushed = serde_json::from_value::<Reply>(value)
                .map_err(|error| error.to_string())
                .and_then(|reply| self.server.push(reply).map_err(|error| error.to_string()));
            if let Err(message) = pushed {
                return Err(BadReply {
                    reply: Box::new(next),
                    message,
                });
            }
        }
        Ok(())
    }

    /// Opens a gate of the script.
    pub fn release(&self, gate: &str) -> Result<(), String> {
        self.server.release(gate).map_err(|error| error.to_string())
    }

    /// What went wrong on the model's side, and the replies that could never be handed over.
    pub fn verdict(&self, bindings: &Bindings) -> (Vec<Violation>, Vec<String>) {
        let unfed = self
            .script
            .front()
            .and_then(|reply| bindings.resolve(&reply.value).err());
        (
            self.server.verdict(),
            unfed
                .map(|unbound| unbound.to_string())
                .into_iter()
                .collect(),
        )
    }

    /// Ends the server and waits for its connections to go.
    pub async fn stop(self) {
        self.server.shutdown().await;
    }
}

fn to_entry(event: &mock_responses::Event) -> Option<Event> {
    match event {
        mock_responses::Event::Request { request } => {
            Some(Event::ModelRequest(to_request(request)))
        }
        mock_responses::Event::Reply {
            request,
            reply,
            status,
        } => Some(Event::ModelReply(ModelReply {
            request: *request,
            reply: *reply,
            status: *status,
        })),
        _ => None,
    }
}

fn to_request(request: &Arc<Request>) -> ModelRequest {
    let query = request.query.as_deref().map(|query| format!("?{query}"));
    let headers = request.headers.iter().map(|(name, value)| {
        let secret = SECRET.contains(&name.as_str());
        (
            name.clone(),
            if secret {
                "[masked]".to_owned()
            } else {
                value.clone()
            },
        )
    });
    ModelRequest {
        index: request.index,
        method: request.method.clone(),
        path: format!("{}{}", request.path, query.unwrap_or_default()),
        headers: headers.collect(),
        body: request
            .json()
            .unwrap_or_else(|_| String::from_utf8_lossy(&request.body).into_owned().into()),
    }
}
