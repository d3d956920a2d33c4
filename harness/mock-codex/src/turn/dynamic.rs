//! Calls of the client's own tools.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::{Value, json};

use super::emit::Scope;
use super::image;
use super::toolcall::{Outcome, ToolCall};
use crate::approval::Answer;
use crate::clock;
use crate::clock::Stopwatch;
use crate::protocol::item::{DynamicToolCall, Item, Times};

/// What the model is told of a call that the turn's end cut off.
const CANCELLED: &str = "dynamic tool call was cancelled before receiving a response";

/// What the model is told of a picture or a sound that lies elsewhere; the call fails.
const REMOTE_IMAGE: &str = "remote image URLs are not supported; use an inline data URL instead";
const REMOTE_AUDIO: &str = "audio URLs must use an inline data URL";

/// What stands for a sound.
const NO_AUDIO: &str = "audio content omitted because you do not support audio input";

/// What the client answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    content_items: Vec<ContentItem>,
    success: bool,
}

/// A part of an answer.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
enum ContentItem {
    #[serde(rename = "inputText")]
    Text { text: String },
    #[serde(rename = "inputImage")]
    Image { image_url: String },
    #[serde(rename = "inputAudio")]
    Audio { audio_url: String },
}

impl ContentItem {
    /// Why it can't be taken, if so.
    fn refusal(&self) -> Option<&'static str> {
        let (url, refusal) = match self {
            Self::Text { .. } => return None,
            Self::Image { image_url } => (image_url, REMOTE_IMAGE),
            Self::Audio { audio_url } => (audio_url, REMOTE_AUDIO),
        };
        (!url.starts_with("data:")).then_some(refusal)
    }

    /// As the client is told of it.
    fn view(&self) -> Value {
        match self {
            Self::Text { text } => json!({"type": "inputText", "text": text}),
            Self::Image { image_url } => json!({"type": "inputImage", "imageUrl": image_url}),
            Self::Audio { audio_url } => json!({"type": "inputAudio", "audioUrl": audio_url}),
        }
    }

    /// As the model is shown it; no model that the mock knows listens.
    fn part(&self) -> Value {
        match self {
            Self::Text { text } => json!({"type": "input_text", "text": text}),
            Self::Image { image_url } => image::part(image_url, None),
            Self::Audio { .. } => json!({"type": "input_text", "text": NO_AUDIO}),
        }
    }
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
        let items = items.iter().map(ContentItem::view).collect();
        complete(&scope, item, began, items, success);
    }
    told(items)
}

/// What the client's answer comes to.
fn judged(answer: Answer) -> (Vec<ContentItem>, bool) {
    let failed = |text: &str| {
        let text = text.to_owned();
        (vec![ContentItem::Text { text }], false)
    };
    let Ok(answer) = answer else {
        return failed("dynamic tool request failed");
    };
    let Ok(response) = Response::deserialize(&answer) else {
        return failed("dynamic tool response was invalid");
    };
    let refusal = response.content_items.iter().find_map(ContentItem::refusal);
    refusal.map_or((response.content_items, response.success), failed)
}

/// What the model is told: a text alone as such, anything else as a list.
fn told(mut items: Vec<ContentItem>) -> Outcome {
    match items.as_mut_slice() {
        [ContentItem::Text { text }] => Outcome::Output(std::mem::take(text)),
        items => Outcome::Parts(items.iter().map(ContentItem::part).collect()),
    }
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
