//! Clients of the tests: one that parses events, and one that sees bytes.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io;
use std::time::Duration;

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use mock_responses::MockResponses;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Asks the model.
pub(crate) async fn post(server: &MockResponses, body: &Value) -> reqwest::Response {
    post_with(server, body, &[]).await
}

/// Asks the model with headers.
pub(crate) async fn post_with(
    server: &MockResponses,
    body: &Value,
    headers: &[(&str, &str)],
) -> reqwest::Response {
    let url = format!("{}/responses", server.base_url());
    let mut request = reqwest::Client::new().post(url).body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

/// Asks the model and parses the events of its answer.
pub(crate) async fn events(server: &MockResponses, body: &Value) -> Vec<Value> {
    let mut stream = post(server, body).await.bytes_stream().eventsource();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event.expect("an event");
        let data: Value = serde_json::from_str(&event.data).expect("JSON");
        assert_eq!(data["type"], event.event.as_str());
        events.push(data);
    }
    events
}

/// The types of events.
pub(crate) fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect()
}

/// A connection whose bytes the test sees.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    seen: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(server: &MockResponses) -> Self {
        let stream = TcpStream::connect(server.addr())
            .await
            .expect("a connection");
        Self {
            stream,
            seen: Vec::new(),
        }
    }

    /// Sends `POST /v1/responses`.
    pub(crate) async fn post(&mut self, body: &[u8]) {
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nHost: mock\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await.expect("write");
        self.stream.write_all(body).await.expect("write");
    }

    /// Reads until something has come; returns everything so far.
    pub(crate) async fn read_until(&mut self, needle: &[u8], deadline: Duration) -> String {
        let read = async {
            let mut searched = 0;
            loop {
                if self.seen[searched..]
                    .windows(needle.len())
                    .any(|window| window == needle)
                {
                    return;
                }
                searched = self.seen.len().saturating_sub(needle.len());
                let count = self.stream.read_buf(&mut self.seen).await.expect("read");
                assert!(
                    count > 0,
                    "closed before {:?}",
                    String::from_utf8_lossy(needle)
                );
            }
        };
        let read = tokio::time::timeout(deadline, read).await;
        read.unwrap_or_else(|_| panic!("nothing like {:?}", String::from_utf8_lossy(needle)));
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads to the end of the connection; returns everything, and how it ended.
    pub(crate) async fn read_to_end(&mut self, deadline: Duration) -> (String, io::Result<()>) {
        let read = async {
            loop {
                match self.stream.read_buf(&mut self.seen).await {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
        };
        let end = tokio::time::timeout(deadline, read).await.expect("an end");
        (String::from_utf8_lossy(&self.seen).into_owned(), end)
    }

    /// Everything that was read so far.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Sends bytes.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("write");
    }

    /// Reads to the end of the connection; returns every byte, and how it ended.
    pub(crate) async fn read_all(&mut self, deadline: Duration) -> (Vec<u8>, io::Result<()>) {
        let (_, end) = self.read_to_end(deadline).await;
        (self.seen.clone(), end)
    }

    /// Reads until it ends with this; returns how much had been read after each read.
    pub(crate) async fn read_ends(&mut self, last: &[u8], deadline: Duration) -> Vec<usize> {
        let read = async {
            let mut ends = Vec::new();
            while !self.seen.ends_with(last) {
                // Room for all there is, so that a read ends where a write did.
                self.seen.reserve(64 * 1024);
                let count = self.stream.read_buf(&mut self.seen).await.expect("read");
                assert!(count > 0, "closed early");
                ends.push(self.seen.len());
            }
            ends
        };
        tokio::time::timeout(deadline, read).await.expect("the end")
    }

    /// Reads until it ends with one of these, or the connection ends; tells whether it did.
    pub(crate) async fn read_to_either(&mut self, lasts: &[&[u8]], deadline: Duration) -> bool {
        let read = async {
            while !lasts.iter().any(|last| self.seen.ends_with(last)) {
                match self.stream.read_buf(&mut self.seen).await {
                    Ok(0) | Err(_) => return true,
                    Ok(_) => {}
                }
            }
            false
        };
        tokio::time::timeout(deadline, read).await.expect("an end")
    }

    /// Reads what there is.
    pub(crate) async fn read_some(&mut self, deadline: Duration) {
        let read = self.stream.read_buf(&mut self.seen);
        let read = tokio::time::timeout(deadline, read).await;
        assert!(read.expect("something").expect("read") > 0, "closed early");
    }
}
