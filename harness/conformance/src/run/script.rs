//! The case's script, served as the model.

use std::collections::VecDeque;
use std::sync::Arc;

use codex_wire::transcript::{Event, ModelReply, ModelRequest};
use mock_responses::{ClientFrame, MockResponses, Reply, Request, StartError, Violation};
use serde_json::Value;

use crate::run::record::Recorder;
use crate::scenario::model::{Located, ModelServer};
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
    server: Arc<MockResponses>,
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
    /// Starts the model with an empty script; what it is asked goes into the transcript, and what
    /// the client receives opens the gates that wait for it.
    pub async fn start(
        recorder: &Recorder,
        script: &[Located<Value>],
        settings: ModelServer,
    ) -> Result<Self, StartError> {
        let transcript = recorder.clone();
        let mut builder = MockResponses::builder();
        if let Some(status) = settings.websocket_upgrade {
            builder = builder.websocket_upgrade(status);
        }
        let server = builder
            .observer(move |event| {
                if let Some(event) = to_entry(&event) {
                    transcript.push(event);
                }
            })
            .start()
            .await?;
        let server = Arc::new(server);
        // Not an owner: the server's observer holds the recorder.
        let told = Arc::downgrade(&server);
        recorder.listen(move |method, params| {
            if let Some(server) = told.upgrade() {
                server.signal(&ClientFrame { method, params });
            }
        });
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
        // While it is being told of a frame, the teller is its last owner, and ends it.
        if let Some(server) = Arc::into_inner(self.server) {
            server.shutdown().await;
        }
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::client::approval::Approvals;
    use crate::client::connection::{Connection, Waiting};
    use crate::scenario::model::Location;

    async fn read_until(stream: &mut TcpStream, seen: &mut String, wanted: &str) {
        let mut buffer = [0; 4096];
        while !seen.contains(wanted) {
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(length > 0, "no `{wanted}` in {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }

    #[tokio::test]
    async fn a_frame_that_the_client_receives_opens_the_gate_that_waits_for_it() {
        let until = json!({ "client_received": {
            "method": "item/started", "params": { "/item/type": "agentMessage" },
        }});
        let reply = Located {
            value: json!({ "stream": ["a"], "hold": { "after_event": 3, "until": until } }),
            at: Location {
                file: PathBuf::from("scenarios/area/x.yaml"),
                line: 1,
                column: 1,
            },
        };
        let recorder = Recorder::start();
        let script = [reply];
        let model = Model::start(&recorder, &script, ModelServer::default());
        let mut model = model.await.unwrap();
        model.feed(&Bindings::new()).unwrap();
        let (connection, _outgoing) =
            Connection::new(recorder.clone(), Approvals::default(), Waiting::default());

        let address = model.base_url();
        let address = address
            .trim_start_matches("http://")
            .trim_end_matches("/v1");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"POST /v1/responses HTTP/1.1\r\nhost: model\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(request).await.unwrap();
        let mut seen = String::new();
        read_until(&mut stream, &mut seen, "response.output_item.added").await;

        let item = |kind: &str| {
            let params = json!({ "item": { "type": kind } });
            let frame = json!({ "method": "item/started", "params": params });
            connection.receive(frame.to_string().as_bytes());
        };
        item("userMessage");
        assert_eq!(model.server.verdict()[0].rule, "gate-never-released");
        item("agentMessage");
        read_until(&mut stream, &mut seen, "response.completed").await;
        assert_eq!(model.verdict(&Bindings::new()), (vec![], vec![]));
        model.stop().await;
    }
}
