//! How exactly a pace is kept.

use std::time::{Duration, Instant};

use mock_responses::{MockResponses, Pause, Reply, Times};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::load;

const GAP: Duration = Duration::from_millis(5);
const CONNECTIONS: usize = 64;
const EVENTS: usize = 200;

/// Measures the gaps between events that are to come 5 ms apart, on 64 connections.
pub(crate) async fn measure() {
    let deltas = (0..EVENTS).map(|number| format!("delta {number} "));
    let reply = Reply::stream(deltas)
        .pace(Pause::default(), GAP.into())
        .times(Times::Any);
    let server = MockResponses::builder()
        .replies(vec![reply])
        .start()
        .await
        .expect("start");
    let request = load::request(1_000);
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (addr, request) = (server.addr(), request.clone());
        clients.spawn(async move {
            let mut stream = load::connect(addr).await;
            stream.write_all(&request).await.expect("write");
            let mut answer = Vec::new();
            let mut times = Vec::new();
            let mut events = 0;
            while !answer.ends_with(b"\r\n0\r\n\r\n") {
                answer.clear();
                answer.reserve(64 * 1024);
                assert!(
                    stream.read_buf(&mut answer).await.expect("read") > 0,
                    "closed early"
                );
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
    let mut gaps = gaps.concat();
    gaps.sort();
    let count = u32::try_from(means.len()).expect("few");
    let mean = means.iter().sum::<Duration>() / count;
    let worst = gaps[gaps.len() * 99 / 100];
    println!("\npace of {GAP:?} on {CONNECTIONS} connections: mean gap {mean:?}, p99 {worst:?}");
    server.shutdown().await;
}
