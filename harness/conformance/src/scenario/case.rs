//! One combination of a file, decoded into a [`Case`].

use serde_json::Value;

use super::format::{
    DISTURB, EXPECT, EXPECT_MODEL, FRAMES, HOME, MODEL_SERVER, SCENARIO, TRANSPORT,
};
use super::model::{
    Case, CaseExpect, Disturb, FrameCount, Home, Located, Location, Matcher, ModelServer,
    Projection, Side, Step, Transport,
};
use super::names::Names;
use super::problem::Problem;
use super::record::read_matcher;
use super::shape::{Checker, Fields, Record};
use super::source::Sources;
use super::step::{Steps, decode_steps};
use super::yaml::Node;
use super::{gates, replies};

/// What is known of a case before its file is decoded.
pub(crate) struct Frame<'a> {
    pub(crate) sources: &'a Sources,
    /// The case's id.
    pub(crate) id: String,
    /// The scenario's id.
    pub(crate) scenario: &'a str,
    /// The names of the matrix's dimensions.
    pub(crate) dimensions: Vec<String>,
}

impl Frame<'_> {
    fn at(&self, node: &Node) -> Location {
        self.sources.locate(node.span)
    }
}

/// Decodes a scenario whose includes and matrix variables are put in. All that is wrong goes to
/// `problems`; the case may only be used if there is nothing.
pub(crate) fn decode(root: &Node, frame: &Frame<'_>, problems: &mut Vec<Problem>) -> Case {
    let names = Names::new(frame.dimensions.clone());
    let record = check(root, SCENARIO, "a scenario", &names, problems);
    for part in [
        "home",
        "transport",
        "files",
        "model_server",
        "mock",
        "disturb",
    ] {
        record
            .get(part)
            .into_iter()
            .for_each(|node| names.check(node, problems));
    }
    let Steps { steps, names } = decode_steps(record.get("steps"), frame.sources, names, problems);
    for part in ["model", "expect"] {
        record
            .get(part)
            .into_iter()
            .for_each(|node| names.check(node, problems));
    }
    let model = record
        .get("model")
        .and_then(Node::elements)
        .unwrap_or_default();
    replies::check(model, problems);
    gates::check(model, record.get("steps"), problems);
    if record.get("steps").is_none() && root.members().is_some() {
        let hint = "`steps`: what is done, in order";
        problems.push(Problem::new(root.span, "a scenario needs `steps`", "no `steps`").hint(hint));
    }
    Case {
        id: frame.id.clone(),
        scenario: frame.scenario.to_owned(),
        at: frame.at(root),
        name: record.text("name"),
        about: record
            .maybe_text("about")
            .map(|about| about.trim().to_owned()),
        refs: record.texts("refs"),
        tags: record.texts("tags"),
        requires: record.texts("requires"),
        targets: record.texts("targets"),
        timeout: record.duration("timeout"),
        home: home(&read(&record, "home", HOME)),
        transport: record
            .get("transport")
            .map(|_| transport(&read(&record, "transport", TRANSPORT))),
        files: files(&record),
        model_server: model_server(&read(&record, "model_server", MODEL_SERVER)),
        model: model
            .iter()
            .map(|node| located(node, frame, Node::to_json))
            .collect(),
        disturb: record
            .get("disturb")
            .map(|_| disturb(&read(&record, "disturb", DISTURB))),
        mock: answers(record.get("mock"), problems),
        steps: steps.into_iter().collect::<Vec<Step>>(),
        expect: expect(&read(&record, "expect", EXPECT), frame),
        snapshot: record
            .texts("snapshot")
            .iter()
            .filter_map(|name| projection(name))
            .collect(),
    }
}

fn check<'n>(
    node: &'n Node,
    fields: Fields,
    of: &str,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Record<'n> {
    Checker { problems, names }.record(node, fields, of)
}

/// A map that was checked as a member of its record.
fn read<'n>(record: &Record<'n>, name: &str, fields: Fields) -> Record<'n> {
    match record.get(name) {
        Some(node) => check(node, fields, name, &Names::default(), &mut Vec::new()),
        None => Record::empty(record.node),
    }
}

fn located<T>(node: &Node, frame: &Frame<'_>, make: impl Fn(&Node) -> T) -> Located<T> {
    Located {
        value: make(node),
        at: frame.at(node),
    }
}

fn home(record: &Record<'_>) -> Home {
    Home {
        config: record.map("config"),
        overrides: record.map("overrides"),
        env: record.map("env"),
        experimental_api: record.flag("experimental_api"),
        handshake: record.flag("handshake"),
        first_start: record.flag("first_start"),
        opt_out: record.texts("opt_out"),
    }
}

fn transport(record: &Record<'_>) -> Transport {
    Transport {
        listen: record.text("listen"),
        arguments: record.texts("arguments"),
        token: record.maybe_text("token"),
        connect: record.flag("connect").unwrap_or(true),
    }
}

fn disturb(record: &Record<'_>) -> Disturb {
    Disturb {
        pieces: record.count("pieces").unwrap_or_default(),
        together: record.flag("together").unwrap_or(false),
        noise: record.count("noise").unwrap_or_default(),
        binary: record.flag("binary").unwrap_or(false),
        delay: record.duration("delay").unwrap_or_default(),
        long_line: record.count("long_line").unwrap_or_default(),
        end_at: record.maybe_text("end_at"),
    }
}

fn model_server(record: &Record<'_>) -> ModelServer {
    let status = record
        .any("websocket_upgrade")
        .and_then(|status| status.as_u64());
    ModelServer {
        websocket_upgrade: status.and_then(|status| u16::try_from(status).ok()),
    }
}

/// The answers of a script; the mock itself says what is wrong with them.
fn answers(node: Option<&Node>, problems: &mut Vec<Problem>) -> Vec<Value> {
    let Some(node) = node else { return Vec::new() };
    let entries = node.elements().unwrap_or_default();
    for entry in entries {
        let list = Value::Array(vec![entry.to_json()]);
        if let Err(what) = mock_codex::check_answers(&list.to_string()) {
            let what = what.strip_prefix("entry 1: ").unwrap_or(&what).to_owned();
            problems.push(Problem::new(entry.span, what, "can't be answered so"));
        }
    }
    entries.iter().map(Node::to_json).collect()
}

fn files(record: &Record<'_>) -> Vec<(String, String)> {
    let members = record
        .get("files")
        .and_then(Node::members)
        .unwrap_or_default();
    members
        .iter()
        .filter_map(|(key, node)| Some((key.text.clone(), node.text()?.to_owned())))
        .collect()
}

fn expect(record: &Record<'_>, frame: &Frame<'_>) -> CaseExpect {
    let matcher = |node: &Node| located(node, frame, read_matcher);
    let model = read(record, "model", EXPECT_MODEL);
    let members = |name| model.get(name).and_then(Node::members).unwrap_or_default();
    let frames = record
        .get("frames")
        .and_then(Node::elements)
        .unwrap_or_default();
    CaseExpect {
        open_error: record.get("open_error").map(matcher),
        model_requests: model.get("requests").map(matcher),
        model_outputs: members("outputs")
            .iter()
            .map(|(key, node)| (key.text.clone(), matcher(node)))
            .collect(),
        model_request: members("request")
            .iter()
            .filter_map(|(key, node)| Some((key.text.parse().ok()?, matcher(node))))
            .collect(),
        frames: frames
            .iter()
            .map(|node| located(node, frame, frame_count))
            .collect(),
        stderr: record.get("stderr").map(matcher),
        leftover_replies: record.flag("leftover_replies").unwrap_or(false),
        allow: record.texts("allow"),
        off_schema: record.texts("off_schema"),
    }
}

fn frame_count(node: &Node) -> FrameCount {
    let record = check(node, FRAMES, "frames", &Names::default(), &mut Vec::new());
    FrameCount {
        from: if record.text("from") == "client" {
            Side::Client
        } else {
            Side::Server
        },
        client: record.maybe_text("client"),
        method: record.maybe_text("method"),
        matching: record.matcher("where"),
        count: record
            .matcher("count")
            .unwrap_or_else(|| Matcher::Not(Box::new(Matcher::Equal(Value::from(0))))),
    }
}

fn projection(name: &str) -> Option<Projection> {
    match name {
        "client" => Some(Projection::Client),
        "server" => Some(Projection::Server),
        "model" => Some(Projection::Model),
        _ => None,
    }
}
