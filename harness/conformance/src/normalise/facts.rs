//! From a request to the model to the facts that it states.

use std::collections::BTreeSet;

use codex_wire::transcript::{Entry, Event};
use serde_json::{Map, Value, json};

/// Headers that HTTP itself, or its library, needs.
const HTTP: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "sec-websocket-key",
    "transfer-encoding",
];

/// Header and member with notes about the turn, as JSON in a string.
const TURN_METADATA: &str = "x-codex-turn-metadata";

/// What is kept of these notes.
const TOLD: &[&str] = &[
    "session_id",
    "thread_id",
    "turn_id",
    "root_turn_id",
    "request_kind",
    "sandbox",
    "sandbox_mode",
    "auto_review_enabled",
    "model",
];

/// Texts that the client sent: a prompt among them is its own, not the implementation's.
pub(super) type Said = BTreeSet<String>;

/// The texts in the client's frames.
pub(super) fn said_by_client(entries: &[Entry]) -> Said {
    fn walk(value: &Value, said: &mut Said) {
        match value {
            Value::String(text) => {
                said.insert(text.clone());
            }
            Value::Array(elements) => elements.iter().for_each(|e| walk(e, said)),
            Value::Object(members) => members.values().for_each(|m| walk(m, said)),
            _ => {}
        }
    }
    let mut said = Said::new();
    for entry in entries {
        if let Event::Client(frame) = &entry.event {
            walk(frame, &mut said);
        }
    }
    said
}

/// Where the app-server tells how the user and the model work together.
const MODES: [&str; 2] = [
    "/params/threadSettings/collaborationMode/settings/developer_instructions",
    "/result/collaborationMode/settings/developer_instructions",
];

/// The rule `mode-words`.
pub(super) fn of_mode(frame: &mut Value, said: &Said) {
    for place in MODES {
        if let Some(Value::String(words)) = frame.pointer_mut(place)
            && !said.contains(words.as_str())
        {
            "<words>".clone_into(words);
        }
    }
}

/// The rules `model-headers` and `telemetry`.
pub(super) fn headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !HTTP.contains(&name.as_str()))
        .map(|(name, value)| {
            let told = (name == TURN_METADATA).then(|| told(value)).flatten();
            (
                name.clone(),
                told.map_or_else(|| value.clone(), |told| told.to_string()),
            )
        })
        .collect();
    kept.sort();
    kept
}

/// The rules about bodies; what is a fact already stays.
pub(super) fn of_body(body: &mut Value, said: &Said) {
    let Value::Object(members) = body else {
        return;
    };
    if let Some(Value::Array(tools)) = members.get_mut("tools") {
        for tool in tools {
            let name = tool.get("name").or_else(|| tool.get("type"));
            if let Some(name) = name.cloned() {
                *tool = name;
            }
        }
    }
    if let Some(Value::Object(metadata)) = members.get_mut("client_metadata") {
        let told = metadata
            .get(TURN_METADATA)
            .and_then(Value::as_str)
            .and_then(told);
        if let Some(told) = told {
            metadata.insert(TURN_METADATA.into(), told);
        }
        metadata.sort_keys();
    }
    let metadata = &members.get("client_metadata").cloned().unwrap_or_default();
    let compacting = metadata[TURN_METADATA]["request_kind"] == "compaction";
    let compacted = metadata["x-codex-window-id"]
        .as_str()
        .is_some_and(|window| !window.ends_with(":0"));
    let reviews = metadata["x-openai-subagent"] == "guardian";
    // What goes on from a response does not begin with the instructions.
    let goes_on = members.contains_key("previous_response_id");
    if let Some(Value::Array(input)) = members.get_mut("input") {
        if let Some(question) = input.last_mut().filter(|_| compacting) {
            put_text(question, |_| Some("<compaction request>".to_owned()));
        }
        let of_user = |item: &&mut Value| item["role"] == "user";
        for item in input.iter_mut().filter(|_| compacted).filter(of_user) {
            put_text(item, |text| summary(text, said));
        }
        for (position, item) in input.iter_mut().enumerate() {
            if reviews && position > 0 && item["role"] == "developer" {
                put_text(item, guidance);
            }
            of_item(item, position == 0 && !goes_on, said);
        }
    }
}

/// What a reviewer of actions is told between the questions.
fn guidance(text: &str) -> Option<String> {
    tag_of(text).is_none().then(|| "<guidance>".to_owned())
}

/// Changes the text of a message of the user, or of the implementation, that has one.
fn put_text(item: &mut Value, change: impl Fn(&str) -> Option<String>) {
    if item["type"] != "message" || item["role"] == "assistant" {
        return;
    }
    let text = item["content"][0]["text"].as_str();
    if let Some(text) = text.and_then(change) {
        item["content"][0]["text"] = text.into();
    }
}

/// A summary without the words before it, which take one line.
fn summary(text: &str, said: &Said) -> Option<String> {
    if said.contains(text) || tag_of(text).is_some() {
        return None;
    }
    let (_, summary) = text.split_once('\n')?;
    Some(format!("<summary>\n{summary}"))
}

fn told(metadata: &str) -> Option<Value> {
    let Ok(Value::Object(mut metadata)) = serde_json::from_str(metadata) else {
        return None;
    };
    metadata.retain(|name, _| TOLD.contains(&name.as_str()));
    metadata.sort_keys();
    Some(Value::Object(metadata))
}

fn of_item(item: &mut Value, first: bool, said: &Said) {
    let Value::Object(members) = item else {
        return;
    };
    members.shift_remove("id");
    match members.get("type").and_then(Value::as_str) {
        Some("message") => *item = of_message(members, first, said),
        Some("function_call") => {
            if let Some(Value::String(arguments)) = members.get("arguments")
                && let Ok(parsed @ Value::Object(_)) = serde_json::from_str(arguments)
            {
                members.insert("arguments".into(), parsed);
            }
        }
        _ => {}
    }
}

/// `{role: content}`, where a content of one text is that text.
fn of_message(members: &mut Map<String, Value>, first: bool, said: &Said) -> Value {
    let role = members.shift_remove("role");
    let role = role
        .as_ref()
        .and_then(Value::as_str)
        .unwrap_or("message")
        .to_owned();
    let content = match members.shift_remove("content") {
        Some(Value::Array(parts)) if planned_action(&parts).is_some() => {
            planned_action(&parts).unwrap_or_default()
        }
        Some(Value::Array(parts)) => {
            let mut parts: Vec<Value> = parts
                .into_iter()
                .map(|part| of_part(part, &role, first, said))
                .collect();
            if parts.len() == 1 {
                parts.remove(0)
            } else {
                Value::Array(parts)
            }
        }
        other => other.unwrap_or(Value::Null),
    };
    members.shift_remove("type");
    let mut fact = Map::from_iter([(role, content)]);
    fact.append(members);
    Value::Object(fact)
}

/// What a turn that nobody asked for begins with.
const GOAL: &str = "<codex_internal_context source=\"goal\">";
/// What stands before the action that a reviewer is asked about.
const PLANNED: &str = "Planned action JSON:";

/// The action in a question to a reviewer, whatever parts it has.
fn planned_action(parts: &[Value]) -> Option<Value> {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["text"].as_str())
        .collect();
    let text = texts.concat();
    let (_, json) = text.split_once(PLANNED)?;
    let actions = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let action = { actions }.next()?.ok()?;
    Some(json!({ "planned action": action }))
}

#[expect(clippy::match_same_arms, reason = "the order of the rows matters")]
fn of_part(part: Value, role: &str, first: bool, said: &Said) -> Value {
    let (Some("input_text" | "output_text"), Some(text)) =
        (part["type"].as_str(), part["text"].as_str())
    else {
        return part;
    };
    let tag = tag_of(text);
    match (role, tag) {
        ("developer", Some("permissions instructions")) => permissions(text),
        ("user", Some("environment_context")) => environment(text),
        ("developer", Some(_) | None) if said.contains(text) => Value::from(text),
        ("developer", Some("skills_instructions")) => "<skills>".into(),
        ("developer", Some(tag)) => format!("<{tag}>").into(),
        ("developer", None) if first => "<base instructions>".into(),
        ("user", Some("user_action")) => user_action(text),
        ("user", _) if text.starts_with(GOAL) => "<goal context>".into(),
        ("user", Some(tag @ "turn_aborted")) => format!("<{tag}>").into(),
        _ => text.into(),
    }
}

/// `name` of a text that is `<name>…</name>` as a whole.
fn tag_of(text: &str) -> Option<&str> {
    let (name, rest) = text.trim().strip_prefix('<')?.split_once('>')?;
    let name_end = rest.strip_suffix('>')?.rsplit_once("</")?.1;
    (name == name_end).then_some(name)
}

/// What the model is told of something that the user did beside the conversation.
fn user_action(text: &str) -> Value {
    json!({"user_action": {
        "action": between(text, "<action>", "</action>"),
        "results": between(text, "<results>", "</results>").map(str::trim),
    }})
}

/// What a permissions text states.
fn permissions(text: &str) -> Value {
    const NETWORK: &[(&str, &str)] = &[
        ("Network access is restricted", "restricted"),
        ("Network access is enabled", "enabled"),
    ];
    let mut facts = Map::new();
    if let Some(mode) = between(text, "`sandbox_mode` is `", "`") {
        facts.insert("sandbox_mode".into(), mode.into());
    }
    if let Some((_, network)) = NETWORK.iter().find(|(phrase, _)| text.contains(phrase)) {
        facts.insert("network".into(), (*network).into());
    }
    if let Some(policy) = approval_policy(text) {
        facts.insert("approval_policy".into(), policy.into());
    }
    let roots = between(text, "writable roots are ", ".\n")
        .or_else(|| between(text, "writable root is ", ".\n"));
    if let Some(roots) = roots {
        let roots: Vec<&str> = roots
            .split(", ")
            .map(|root| root.trim_matches('`'))
            .collect();
        facts.insert(WRITABLE_ROOTS.into(), roots.into());
    }
    let denied: Vec<Value> = text
        .lines()
        .skip_while(|line| !line.starts_with("## Denied filesystem reads"))
        .filter_map(|line| Some(line.strip_prefix("- ")?.replace('`', "").into()))
        .collect();
    if !denied.is_empty() {
        facts.insert("denied_reads".into(), denied.into());
    }
    json!({ "permissions": facts })
}

const WRITABLE_ROOTS: &str = "writable_roots";

fn approval_policy(text: &str) -> Option<&str> {
    between(text, "`approval_policy` is `", "`")
        .or_else(|| between(text, "Approval policy is currently ", "."))
        .or_else(|| text.contains("require_escalated").then_some("on-request"))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

/// Writable roots are told in the order of their paths, which differ from run to run: sorts them
/// once they have their names.
pub(super) fn sort_roots(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(sort_roots),
        Value::Object(members) => {
            for (member, value) in members {
                match value {
                    Value::Array(roots) if member == WRITABLE_ROOTS => {
                        roots.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                    }
                    other => sort_roots(other),
                }
            }
        }
        _ => {}
    }
}

/// The elements of an environment text.
fn environment(text: &str) -> Value {
    let mut rest = text.trim();
    match element(&mut rest) {
        Some((_, content)) if rest.is_empty() => {
            let members = match content {
                Value::Array(elements) => elements,
                other => vec![other],
            };
            // Elements of the top level are all different, so that an object holds them.
            let object: Map<String, Value> = members
                .into_iter()
                .filter_map(|member| match member {
                    Value::Object(members) => members.into_iter().next(),
                    _ => None,
                })
                .collect();
            json!({ "environment_context": object })
        }
        _ => text.into(),
    }
}

/// Reads `<name attributes>content</name>`: the content is a text or a list of `{name: content}`.
fn element(rest: &mut &str) -> Option<(String, Value)> {
    let (head, after) = rest.strip_prefix('<')?.split_once('>')?;
    let (head, empty) = match head.strip_suffix('/') {
        Some(head) => (head.trim_end(), true),
        None => (head, false),
    };
    *rest = after;
    let title = head.replace('"', "");
    if empty {
        return Some((title, Value::Null));
    }
    let name = head.split(' ').next()?;
    let end = format!("</{name}>");
    let mut children = Vec::new();
    loop {
        let inner = rest.trim_start();
        if let Some(after) = inner.strip_prefix(&end) {
            *rest = after;
            return Some((title, Value::Array(children)));
        }
        if inner.starts_with('<') {
            *rest = inner;
            let (name, content) = element(rest)?;
            children.push(json!({ name: content }));
        } else {
            let at = rest.find(&end)?;
            let text = rest[..at].to_owned();
            *rest = &rest[at + end.len()..];
            return Some((title, text.into()));
        }
    }
}
