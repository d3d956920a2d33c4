//! How exactly a pace is kept.

use std::time::{Duration, Instant};

use mock_responses::{MockResponses, Pause, Reply, Times};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::load;

const GAP: Duration = Duration::from_millis(5);
const CONNECTIONS: u32 = 64;
const EVENTS: u32 = 200;

/// Between the beginnings of two connections: they begin one after the other for as long as an
/// answer takes. If all began and ended together, one hiccup of the machine at the end would be in
/// every connection's mean, and each tick would have all of them to serve.
const STAGGER: Duration = Duration::from_micros(15_625);

/// What the connections of one round saw.
struct Round {
    mean: Duration,
    worst: Duration,
}

/// Measures the gaps between events that are to come 5 ms apart, on 64 connections; prints medians
/// over the rounds.
pub(crate) async fn measure(rounds: usize) {
    let mut seen = Vec::new();
    for _ in 0..rounds {
        seen.push(round().await);
    }
    let median = |value: fn(&Round) -> Duration| {
        let mut values: Vec<_> = seen.iter().map(value).collect();
        values.sort();
        values[values.len() / 2]
    };
    let (mean, worst) = (median(|round| round.mean), median(|round| round.worst));
    println!("\npace of {GAP:?} on {CONNECTIONS} connections: mean gap {mean:?}, p99 {worst:?}");
}

async fn round() -> Round {
    let deltas = (0..EVENTS).map(|number| format!("delta {number} "));
    let reply = Reply::stream(deltas)
        .pace(Pause::default(), GAP.into())
        .times(Times::Any);
    let builder = MockResponses::builder().replies(vec![reply]);
    let server = builder.start().await.expect("start");
    let request = load::request(1_000);
    let mut clients = JoinSet::new();
    let began = tokio::time::Instant::now();
    for number in 0..CONNECTIONS {
        let (addr, request) = (server.addr(), request.clone());
        clients.spawn(async move {
            let mut stream = load::connect(addr).await;
            tokio::time::sleep_until(began + STAGGER * number).await;
            stream.write_all(&request).await.expect("write");
            let mut answer = Vec::new();
            let mut times = Vec::new();
            let mut events = 0;
            while !answer.ends_with(b"\r\n0\r\n\r\n") {
                answer.clear();
                answer.reserve(64 * 1024);
                let read = stream.read_buf(&mut answer).await.expect("read");
                assert!(read > 0, "closed early");
                times.push(Instant::now());
                // Reads that come late see several events at once.
                let seen = String::from_utf8_lossy(&answer).matches("event: ").count();
                events += u32::try_from(seen).expect("few");
            }
            let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            (gaps, (times[times.len() - 1] - times[0]) / (events - 1))
        });
    }
    let (gaps, means): (Vec<_>, Vec<_>) = clients.join_all().await.into_iter().unzip();
    server.shutdown().await;
    let mut gaps = gaps.concat();
    gaps.sort();
    Round {
        mean: means.iter().sum::<Duration>() / CONNECTIONS,
        worst: gaps[gaps.len() * 99 / 100],
    }
}
