//! A turn in which the model sums up what it was shown, and is shown the summary from then on.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::emit::Scope;
use super::model_item::ModelItem;
use super::run::Turn;
use super::stream::Stop;
use super::{context as telling, input};
use crate::clock;
use crate::model::error::ModelError;
use crate::model::event::Event;
use crate::model::request::message;
use crate::model::{Answer, context};
use crate::protocol::input::UserInput;
use crate::protocol::item::{ContextCompaction, Item, Times};
use crate::protocol::reply::TokenUsage;
use crate::thread::Thread;
use crate::thread::record::{ItemKind, Record};

/// How many bytes are taken for a token where nobody has counted.
const BYTES_PER_TOKEN: usize = 4;

/// What a text of so many bytes is taken to have.
pub(super) fn tokens(bytes: usize) -> i64 {
    i64::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(i64::MAX)
}

/// Asks for the summary and puts it in place of the history.
pub(super) async fn run(turn: &mut Turn) -> Result<(), Stop> {
    let scope = turn.scope.clone();
    let mut item = Item::ContextCompaction(ContextCompaction {
        id: clock::new_id(),
        times: Times::started(clock::now_ms()),
    });
    scope.item_started(&mut item);
    let summary = turn.summarise().await?;
    let input = replacement(&scope, &summary);
    let bytes: usize = input.iter().map(|item| item.get().len()).sum();
    scope.keep(Record::Compacted(input));
    let total = scope.thread.state.borrow().usage;
    let estimate = TokenUsage {
        total_tokens: tokens(bytes),
        ..TokenUsage::default()
    };
    if let Some((_, last)) = &mut scope.thread.state.borrow_mut().last_usage {
        *last = estimate;
    }
    scope.tell_usage(total, estimate);
    scope.rate_limits();
    scope.item_completed(item);
    Ok(())
}

impl Turn {
    /// Asks for a summary of the history and waits for it; the answer leaves no items.
    async fn summarise(&mut self) -> Result<String, Stop> {
        self.compacting = true;
        let answer = self.summary().await;
        self.compacting = false;
        answer
    }

    async fn summary(&mut self) -> Result<String, Stop> {
        let endpoint = self.endpoint()?;
        let mut events = match self.post(&endpoint).await? {
            Answer::Events(events) => events,
            Answer::Refused(refusal) => return Err(Stop::Failed(ModelError::refused(&refusal))),
        };
        self.tell_known_usage();
        let mut summary = String::new();
        loop {
            let next = tokio::select! {
                biased;
                control = self.control.recv() => {
                    self.take(control)?;
                    continue;
                }
                event = events.next() => event,
            };
            match next {
                Ok(Event::ItemDone(item)) => {
                    let item = ModelItem::parse(&item).and_then(|item| item.to_item());
                    if let Some(Item::AgentMessage(message)) = item {
                        summary = message.text;
                    }
                }
                Ok(Event::Completed(completed)) => {
                    self.tell_usage(completed.usage);
                    return Ok(summary);
                }
                Ok(Event::Failed(failed)) => return Err(Stop::Failed(failed.error)),
                Ok(_) => {}
                Err(error) => return Err(Stop::Failed(error)),
            }
        }
    }
}

/// What the model is shown from now on: the user's words, the summary, and, before the last of the
/// user's words, settings and surroundings.
fn replacement(scope: &Scope, summary: &str) -> Vec<Box<RawValue>> {
    let mut words = words_of_user(&scope.thread);
    let last = words.pop();
    let settings = &scope.settings;
    let summary = format!("{}\n{summary}", context::SUMMARY);
    words
        .into_iter()
        .chain(telling::everything(settings))
        .chain(last)
        .chain([message("user", &[&summary])])
        .filter_map(|item| RawValue::from_string(item).ok())
        .collect()
}

/// Everything that the user has said, as messages to the model.
fn words_of_user(thread: &Thread) -> Vec<String> {
    let state = thread.state.borrow();
    let items = state.turns.iter().flat_map(|turn| &turn.items);
    items
        .filter(|item| item.kind == ItemKind::User)
        .filter_map(|item| {
            let item: Value = serde_json::from_str(item.item.get()).ok()?;
            let said: Vec<UserInput> = serde_json::from_value(item["content"].clone()).ok()?;
            input::to_model(&said)
        })
        .collect()
}

/// What is added to the history for the request, and to nothing else.
pub(super) fn question() -> String {
    json!({
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": context::COMPACTION}],
    })
    .to_string()
}
