//! One item of a turn, from its start to its end.

use super::bounded::Digest;
use super::finding::Notes;
use super::lenient::Text;
use super::sight;
use super::table::{ExceptionId, RuleId};

/// An item that has started.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: Box<str>,
    kind: Box<str>,
    /// Did it start without a text?
    empty: bool,
    /// The frame of its start.
    pub(super) since: usize,
    /// What its deltas were, by their kind and position.
    streams: Vec<(Stream, Digest)>,
}

/// An item that has ended, as far as it may be asked for again.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) id: Box<str>,
    pub(super) text: Option<Digest>,
    pub(super) at: usize,
}

/// Which text of an item a delta belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Text,
    Output,
    Summary(usize),
    Content(usize),
}

impl Item {
    pub(super) fn start(id: &str, item: &sight::Item<'_>, at: usize) -> Self {
        Self {
            id: id.into(),
            kind: item.r#type.as_deref().unwrap_or_default().into(),
            empty: item.text.as_deref().is_none_or(str::is_empty),
            since: at,
            streams: Vec::new(),
        }
    }

    /// Is it a command, which may outlive its turn?
    pub(super) fn is_command(&self) -> bool {
        &*self.kind == "commandExecution"
    }

    /// Is it what the model says?
    pub(super) fn is_answer(&self) -> bool {
        &*self.kind == "agentMessage"
    }

    /// Is it that, and nothing was said?
    pub(super) fn is_empty_answer(&self) -> bool {
        self.is_answer() && self.empty && self.streams.is_empty()
    }

    /// Takes a delta.
    pub(super) fn delta(&mut self, method: &str, params: &sight::Params<'_>) {
        let position = |index: Option<i64>| index.and_then(|n| usize::try_from(n).ok());
        let stream = match method {
            "item/agentMessage/delta" | "item/plan/delta" => Stream::Text,
            "item/commandExecution/outputDelta" => Stream::Output,
            "item/reasoning/summaryTextDelta" => {
                Stream::Summary(position(*params.summary_index).unwrap_or(0))
            }
            "item/reasoning/textDelta" => {
                Stream::Content(position(*params.content_index).unwrap_or(0))
            }
            _ => return,
        };
        let Some(delta) = &*params.delta else { return };
        match self.streams.iter_mut().find(|(known, _)| *known == stream) {
            Some((_, digest)) => digest.add(delta),
            None => self.streams.push((stream, Digest::of(delta))),
        }
    }

    /// Judges its end.
    pub(super) fn end(&self, item: &sight::Item<'_>, notes: &mut Notes<'_>) -> Ended {
        let kind = item.r#type.as_deref().unwrap_or_default();
        if kind != &*self.kind {
            let message = format!(
                "item `{}` starts as `{}` and ends as `{kind}`: look at the `type` of both",
                self.id, self.kind
            );
            notes.broken(RuleId::ItemSame, Some(self.since), message);
        }
        for (stream, digest) in &self.streams {
            self.judge_stream(*stream, *digest, item, notes);
        }
        Ended {
            id: self.id.clone(),
            text: item.text.as_ref().map(|text| Digest::of(text)),
            at: notes.at.number,
        }
    }

    fn judge_stream(
        &self,
        stream: Stream,
        digest: Digest,
        item: &sight::Item<'_>,
        notes: &mut Notes<'_>,
    ) {
        let part = |all: &Option<Vec<Text<'_>>>, at: usize| {
            all.as_ref()
                .and_then(|all| all.get(at))
                .map(|text| text.to_string())
        };
        let (name, text) = match stream {
            Stream::Text => ("text".to_owned(), item.text.as_deref().map(str::to_owned)),
            Stream::Output => (
                "aggregatedOutput".to_owned(),
                item.aggregated_output.as_deref().map(str::to_owned),
            ),
            Stream::Summary(at) => (format!("summary[{at}]"), part(&item.summary, at)),
            Stream::Content(at) => (format!("content[{at}]"), part(&item.content, at)),
        };
        let text = text.unwrap_or_default();
        if digest == Digest::of(&text) || is_cut(&text) {
            return;
        }
        let why = (stream == Stream::Output && digest.ends(&text))
            .then_some(ExceptionId::FirstOutputNotStreamed);
        let message = format!(
            "the deltas of item `{}` are {} bytes, its `{name}` has {}: compare them",
            self.id,
            digest.length,
            text.len()
        );
        notes.judged(RuleId::DeltasAddUp, why, Some(self.since), message);
    }
}

/// What one completed item says of itself, wherever it is.
pub(super) fn judge_alone(item: &sight::Item<'_>, notes: &mut Notes<'_>) {
    let id = item.id.as_deref().unwrap_or_default();
    let status = item.status.as_deref();
    if status == Some("inProgress") {
        let message = format!("item `{id}` is completed with the status `inProgress`");
        notes.broken(RuleId::ItemFinal, None, message);
    }
    let is_command = item.r#type.as_deref() == Some("commandExecution");
    let succeeded = *item.exit_code == Some(0);
    if is_command && item.exit_code.is_some() && (status == Some("completed")) != succeeded {
        let message = format!(
            "command `{id}` is `{}` with exit code {}: look at `status` and `exitCode`",
            status.unwrap_or_default(),
            item.exit_code.unwrap_or_default()
        );
        notes.broken(RuleId::ItemFinal, None, message);
    }
    if let (Some(started), Some(completed)) = (*item.started_at_ms, *item.completed_at_ms)
        && completed < started
    {
        let message = format!(
            "item `{id}` ends {} ms before it starts",
            started - completed
        );
        notes.broken(RuleId::TimesInOrder, None, message);
    }
}

/// Was the text cut by whoever kept the log?
fn is_cut(text: &str) -> bool {
    text.ends_with("[cut]") || text.ends_with("more characters cut]")
}
