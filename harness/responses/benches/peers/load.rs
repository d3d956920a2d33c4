//! Load on a server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A load: so many connections, each asking one request after the other.
pub(crate) struct Load<'r> {
    pub(crate) addr: SocketAddr,
    pub(crate) request: &'r [u8],
    pub(crate) connections: usize,
    pub(crate) span: Duration,
}

/// What came of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Requests per second.
    pub(crate) rate: f64,
    /// The 99th percentile of the time from a request to the end of its answer.
    pub(crate) worst: Duration,
}

impl Load<'_> {
    pub(crate) async fn put(&self) -> Figures {
        let mut clients = JoinSet::new();
        let began = Instant::now();
        let end = began + self.span;
        for _ in 0..self.connections {
            let (addr, request) = (self.addr, self.request.to_vec());
            clients.spawn(async move {
                let mut stream = connect(addr).await;
                let mut answer = Vec::with_capacity(64 * 1024);
                let mut times = Vec::new();
                while Instant::now() < end {
                    times.push(ask(&mut stream, &request, &mut answer).await);
                }
                times
            });
        }
        let mut times = clients.join_all().await.concat();
        let took = began.elapsed();
        times.sort();
        #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = times.len() as f64 / took.as_secs_f64();
        Figures {
            rate,
            worst: times[times.len() * 99 / 100],
        }
    }
}

/// The medians of several rounds.
pub(crate) fn median(mut figures: Vec<Figures>) -> Figures {
    let middle = figures.len() / 2;
    figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let rate = figures[middle].rate;
    figures.sort_by_key(|figures| figures.worst);
    Figures {
        rate,
        worst: figures[middle].worst,
    }
}

/// Makes so many requests in all.
pub(crate) async fn count(addr: SocketAddr, request: &[u8], connections: u64, total: u64) {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let request = request.to_vec();
        clients.spawn(async move {
            let mut stream = connect(addr).await;
            let mut answer = Vec::with_capacity(64 * 1024);
            for _ in 0..total / connections {
                ask(&mut stream, &request, &mut answer).await;
            }
        });
    }
    clients.join_all().await;
}

pub(crate) async fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).await.expect("connect");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

/// Waits for the first byte of an answer.
pub(crate) async fn first_byte(addr: SocketAddr, request: &[u8]) {
    let mut stream = connect(addr).await;
    stream.write_all(request).await.expect("write");
    stream.read_u8().await.expect("read");
}

/// Makes a request, reads the whole answer, and says how long that took.
async fn ask(stream: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) -> Duration {
    let began = Instant::now();
    stream.write_all(request).await.expect("write");
    answer.clear();
    let mut end = None;
    loop {
        let read = stream.read_buf(answer).await.expect("read");
        assert!(read > 0, "the server closed the connection");
        if end.is_none() {
            end = head(answer);
        }
        let done = match end {
            Some(End::At(length)) => answer.len() >= length,
            Some(End::LastChunk) => answer.ends_with(b"\r\n0\r\n\r\n"),
            None => false,
        };
        if done {
            assert!(answer.starts_with(b"HTTP/1.1 200"), "not an answer");
            return began.elapsed();
        }
    }
}

/// Where an answer ends.
enum End {
    /// After so many bytes.
    At(usize),
    /// With the last chunk.
    LastChunk,
}

/// Once the head is there: where the answer ends.
fn head(answer: &[u8]) -> Option<End> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map(|length| length.parse::<usize>().expect("a length"));
    Some(length.map_or(End::LastChunk, |length| End::At(end + 4 + length)))
}

/// A request of about this many bytes, with as many items as a conversation would have.
pub(crate) fn request(size: usize) -> Vec<u8> {
    let item = serde_json::json!({
        "type": "message",
        "role": "user",
        "content": [{ "type": "input_text", "text": "lorem ipsum ".repeat(30) }],
    });
    let input = vec![item.clone(); (size / item.to_string().len()).max(1)];
    let body = serde_json::json!({ "model": "mock-model", "stream": true, "input": input });
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "POST /v1/responses HTTP/1.1\r\nhost: mock\r\ncontent-type: application/json\r\n\
         accept: text/event-stream\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body.into_bytes()].concat()
}
