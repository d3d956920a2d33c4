//! Calls of the client's own tools.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::{Value, json};

use super::emit::Scope;
use super::toolcall::{Outcome, ToolCall};
use crate::approval::Answer;
use crate::clock;
use crate::clock::Stopwatch;
use crate::protocol::item::{DynamicToolCall, Item, Times};

/// What the model is told of a call that the turn's end cut off.
const CANCELLED: &str = "dynamic tool call was cancelled before receiving a response";

/// What the client answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    content_items: Vec<ContentItem>,
    success: bool,
}

/// A part of an answer.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
enum ContentItem {
    InputText { text: String },
    InputImage { image_url: String },
}

/// The calls that wait for the client.
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    items: RefCell<Vec<(DynamicToolCall, Stopwatch)>>,
}

impl OpenCalls {
    fn add(&self, item: &DynamicToolCall) {
        self.items
            .borrow_mut()
            .push((item.clone(), Stopwatch::start()));
    }

    fn take(&self, id: &str) -> Option<(DynamicToolCall, Stopwatch)> {
        let mut items = self.items.borrow_mut();
        let at = items.iter().position(|(item, _)| item.id == id)?;
        Some(items.remove(at))
    }

    /// Ends a call that nobody waits for any more, if it is one of these; gives what the model is
    /// told of it.
    pub(super) fn cut_off(&self, scope: &Scope, id: &str) -> Option<&'static str> {
        let (item, began) = self.take(id)?;
        complete(scope, item, began, Vec::new(), false);
        Some(CANCELLED)
    }
}

/// Has the client carry a call out.
pub(super) async fn call(scope: Scope, call: ToolCall) -> Outcome {
    let arguments: Value = match serde_json::from_str(&call.arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            return Outcome::Output(format!("failed to parse function arguments: {error}"));
        }
    };
    let item = DynamicToolCall {
        id: call.id.clone(),
        namespace: call.namespace.clone(),
        tool: call.name.clone(),
        arguments: arguments.clone(),
        status: "inProgress",
        content_items: None,
        success: None,
        duration_ms: None,
        times: Times::started(clock::now_ms()),
    };
    scope.item_started(&mut Item::DynamicToolCall(item.clone()));
    scope.dynamic.add(&item);
    let params = json!({
        "threadId": scope.thread.id(),
        "turnId": &*scope.turn,
        "callId": call.id,
        "namespace": call.namespace,
        "tool": call.name,
        "arguments": arguments,
    });
    let answer = scope.ask("item/tool/call", params).await;
    let (items, success) = judged(answer);
    if let Some((item, began)) = scope.dynamic.take(&call.id) {
        complete(&scope, item, began, items.clone(), success);
    }
    told(&items)
}

/// What the client's answer comes to.
fn judged(answer: Answer) -> (Vec<Value>, bool) {
    let failed = |text: &str| (vec![json!({"type": "inputText", "text": text})], false);
    match answer.map(|answer| (Response::deserialize(&answer).ok(), answer)) {
        Err(_) => failed("dynamic tool request failed"),
        Ok((None, _)) => failed("dynamic tool response was invalid"),
        Ok((Some(response), _)) => {
            let items = response.content_items.iter().map(|item| match item {
                ContentItem::InputText { text } => json!({"type": "inputText", "text": text}),
                ContentItem::InputImage { image_url } => {
                    json!({"type": "inputImage", "imageUrl": image_url})
                }
            });
            (items.collect(), response.success)
        }
    }
}

/// What the model is told: a text alone as such, anything else as a list.
fn told(items: &[Value]) -> Outcome {
    if let [only] = items
        && let Some(text) = only["text"].as_str()
    {
        return Outcome::Output(text.to_owned());
    }
    let parts = items.iter().map(|item| match item["text"].as_str() {
        Some(text) => json!({"type": "input_text", "text": text}),
        None => json!({"type": "input_image", "image_url": item["imageUrl"], "detail": "high"}),
    });
    Outcome::Parts(parts.collect())
}

fn complete(
    scope: &Scope,
    mut item: DynamicToolCall,
    began: Stopwatch,
    content_items: Vec<Value>,
    success: bool,
) {
    item.status = if success { "completed" } else { "failed" };
    item.content_items = Some(content_items);
    item.success = Some(success);
    item.duration_ms = u64::try_from(began.elapsed().as_millis()).ok();
    scope.item_completed(Item::DynamicToolCall(item));
}
