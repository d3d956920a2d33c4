//! Framing holds for any cut of the stream and any frame.

use codex_wire::frame::{ErrorObject, Frame, Id};
use codex_wire::line::{FrameWriter, LineError, LineReader};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};

/// Feeds `bytes` to a reader in pieces of the given sizes and returns every line.
fn lines(bytes: &[u8], sizes: &[usize], max_line: usize) -> Result<Vec<Vec<u8>>, LineError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (bytes, sizes) = (bytes.to_vec(), sizes.to_vec());
    runtime.block_on(async move {
        let (mut sender, receiver) = tokio::io::duplex(64);
        let feed = tokio::spawn(async move {
            let mut rest = &bytes[..];
            let mut sizes = sizes.iter().copied().cycle();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
                rest = after;
                if sender.write_all(piece).await.is_err() {
                    return;
                }
            }
        });
        let mut reader = LineReader::with_max_line(BufReader::new(receiver), max_line);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await? {
            lines.push(line);
        }
        feed.await.expect("feeding does not panic");
        Ok(lines)
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![
        any::<i64>().prop_map(Id::Integer),
        ".*".prop_map(Id::String)
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        (id(), "[a-z/]{1,20}", json_value()).prop_map(|(id, m, p)| Frame::request(id, m, p)),
        ("[a-z/]{1,20}", prop::option::of(json_value()))
            .prop_map(|(m, p)| Frame::notification(m, p)),
        (id(), json_value()).prop_map(|(id, result)| Frame::response(id, result)),
        (id(), any::<i64>(), ".*", prop::option::of(json_value())).prop_map(
            |(id, code, message, data)| {
                // `null` data reads back as absent data.
                let data = data.filter(|data| !data.is_null());
                Frame::error(
                    id,
                    ErrorObject {
                        code,
                        data,
                        message,
                    },
                )
            }
        ),
    ]
}

proptest! {
    #[test]
    fn a_frame_reads_back_as_it_was(frame in frame()) {
        let line = frame.to_line();
        prop_assert_eq!(line.matches('\n').count(), 1, "one line, one end");
        prop_assert!(!line.contains("jsonrpc") || frame.to_value().to_string().contains("jsonrpc"));
        prop_assert_eq!(Frame::parse(line.as_bytes()).unwrap(), frame);
    }

    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        // An error is fine here, a panic is not.
        let _ = Frame::parse(&bytes);
    }

    #[test]
    fn lines_do_not_depend_on_the_cuts(
        texts in prop::collection::vec("[^\r\n]{0,60}", 0..8),
        crlf in any::<bool>(),
        sizes in prop::collection::vec(1usize..40, 1..6),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let stream: String = texts.iter().flat_map(|text| [text.as_str(), end]).collect();
        let read = lines(stream.as_bytes(), &sizes, 4096).unwrap();
        let read: Vec<_> = read.iter().map(|line| String::from_utf8(line.clone()).unwrap()).collect();
        prop_assert_eq!(read, texts);
    }

    #[test]
    fn the_limit_counts_the_line_without_its_end(length in 0usize..64, limit in 1usize..64) {
        let mut stream = vec![b'x'; length];
        stream.push(b'\n');
        match lines(&stream, &[7], limit) {
            Ok(read) => prop_assert!(length <= limit && read == vec![vec![b'x'; length]]),
            Err(LineError::TooLong { limit: told }) => prop_assert!(length > limit && told == limit),
            Err(LineError::Io(error)) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}

#[test]
fn a_last_line_without_an_end_counts() {
    assert_eq!(
        lines(b"a\nb", &[1], 10).unwrap(),
        [b"a".to_vec(), b"b".to_vec()]
    );
    assert_eq!(lines(b"", &[1], 10).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(
        lines(b"\n\n", &[1], 10).unwrap(),
        [b"".to_vec(), b"".to_vec()]
    );
}

#[test]
fn a_line_without_an_end_stops_at_the_limit() {
    let endless = vec![b'x'; 1 << 20];
    assert!(matches!(
        lines(&endless, &[64], 1000),
        Err(LineError::TooLong { limit: 1000 })
    ));
}

#[test]
fn ids_keep_their_type() {
    for id in [
        json!(1),
        json!(-3),
        json!("s-1"),
        json!(""),
        json!("1"),
        json!(i64::MAX),
    ] {
        let frame = Frame::from_value(json!({"id": id, "method": "m"})).unwrap();
        assert_eq!(frame.to_value()["id"], id);
    }
    for id in [
        json!(null),
        json!(1.5),
        json!(true),
        json!({}),
        json!(1u64 << 63),
    ] {
        assert!(
            Frame::from_value(json!({"id": id, "method": "m"})).is_err(),
            "{id}"
        );
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_frame_is_written_as_one_line() {
    let mut writer = FrameWriter::new(Vec::new());
    writer
        .write(&Frame::response(Id::from(1), json!({"text": "a\nb"})))
        .await
        .unwrap();
    assert_eq!(
        writer.into_inner(),
        b"{\"id\":1,\"result\":{\"text\":\"a\\nb\"}}\n"
    );
}

#[test]
fn an_error_has_the_member_order_of_the_app_server() {
    let error = ErrorObject {
        code: -32600,
        data: None,
        message: "Not initialized".into(),
    };
    let line = Frame::error(Id::from(1), error).to_line();
    assert_eq!(
        line,
        "{\"error\":{\"code\":-32600,\"message\":\"Not initialized\"},\"id\":1}\n"
    );
}
