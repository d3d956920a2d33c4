//! Transcripts read back as they were written, and say which line is wrong.

use codex_wire::transcript::{
    Entry, Event, ModelReply, Process, Step, TranscriptError, read, write,
};
use proptest::prelude::*;
use serde_json::json;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any::<i64>().prop_map(|n| Event::Client(json!({"id": n, "method": "thread/start"}))),
        ".*".prop_map(|text| Event::Server(json!({"method": "warning", "params": {"m": text}}))),
        ".*".prop_map(Event::ClientRaw),
        ".*".prop_map(Event::ServerRaw),
        ".*".prop_map(Event::Stderr),
        any::<(usize, Option<usize>, u16)>().prop_map(|(request, reply, status)| {
            Event::ModelReply(ModelReply {
                request,
                reply,
                status,
            })
        }),
        any::<(Option<i32>, Option<i32>)>()
            .prop_map(|(code, signal)| Event::Process(Process::Exited { code, signal })),
        any::<(usize, usize)>().prop_map(|(index, line)| Event::Step(Step {
            index,
            verb: "run".into(),
            line
        })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        events in prop::collection::vec((any::<u64>(), event()), 0..20)
    ) {
        let entries: Vec<Entry> =
            events.into_iter().map(|(t_us, event)| Entry { t_us, event }).collect();
        let mut file = Vec::new();
        write(&entries, &mut file).unwrap();
        prop_assert_eq!(file.split(|&b| b == b'\n').count() - 1, entries.len());
        let back: Result<Vec<Entry>, _> = read(&file[..]).collect();
        prop_assert_eq!(back.unwrap(), entries);
    }
}

#[test]
fn a_bad_line_is_named() {
    let file = b"{\"t_us\":1,\"event\":{\"stderr\":\"x\"}}\n\n{\"t_us\":2}\n";
    let mut entries = read(&file[..]);
    assert!(entries.next().unwrap().is_ok());
    match entries.next().unwrap() {
        Err(TranscriptError::Line { line, .. }) => assert_eq!(line, 3),
        other => panic!("expected the third line to be refused, got {other:?}"),
    }
}
