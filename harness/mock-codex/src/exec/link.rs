//! Exec's own end of the app-server that it runs.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::connection::Client;
use crate::outbox::{Outflow, Outgoing, outbox};
use crate::server::Server;

/// A client within the process.
pub(super) struct Link {
    server: Rc<Server>,
    client: Rc<Client>,
    outflow: Outflow,
    /// What came while an answer was waited for.
    notices: VecDeque<Value>,
    next_id: i64,
}

impl Link {
    /// Connects to the server.
    pub(super) fn new(server: &Rc<Server>) -> Self {
        let (outbox, outflow) = outbox(usize::MAX);
        let client = Rc::new(Client::new(outbox));
        server.connect(&client);
        Self {
            server: Rc::clone(server),
            client,
            outflow,
            notices: VecDeque::new(),
            next_id: 1,
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Calls a method: its result, or its error object.
    pub(super) async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"id": id, "method": method, "params": params}));
        while let Some(mut frame) = self.frame().await {
            if frame["id"] != id || frame.get("method").is_some() {
                self.notices.push_back(frame);
            } else if frame.get("error").is_some() {
                return Err(frame["error"].take());
            } else {
                return Ok(frame["result"].take());
            }
        }
        Err(json!({"code": -32603, "message": "the app-server has ended"}))
    }

    /// The next notification. What the server asks is refused: nobody is there to answer.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            let frame = match self.notices.pop_front() {
                Some(frame) => frame,
                None => self.frame().await?,
            };
            let Some(id) = frame.get("id") else {
                return Some(frame);
            };
            let error = json!({"code": -32601, "message": "not supported in exec mode"});
            let answer = json!({"id": id, "error": error});
            self.send(&answer);
        }
    }

    async fn frame(&mut self) -> Option<Value> {
        loop {
            // Frames of this server are JSON.
            if let Outgoing::Frame(frame) = self.outflow.next().await?
                && let Ok(frame) = serde_json::from_slice(&frame)
            {
                return Some(frame);
            }
        }
    }

    fn send(&self, frame: &Value) {
        self.client
            .receive(&self.server, frame.to_string().as_bytes());
    }
}
