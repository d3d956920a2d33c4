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
}
