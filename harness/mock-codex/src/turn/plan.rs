//! A plan that the model proposes in plan mode: what its message says between the lines
//! `<proposed_plan>` and `</proposed_plan>` is an item of its own, as in codex 0.169.0.

use serde_json::json;

use super::emit::Scope;
use crate::clock;
use crate::protocol::item::{AgentMessage, Item, Plan, Times};

const OPENING: &str = "<proposed_plan>";
const CLOSING: &str = "</proposed_plan>";

/// A piece of a message.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Said(String),
    Opening,
    Planned(String),
}

/// Tells the plan from what surrounds it, in a text that comes in parts.
#[derive(Debug, Default)]
struct Parser {
    is_inside: bool,
    /// The beginning of a line that may become a tag.
    held: String,
    /// Is the line under way no tag?
    is_text: bool,
}

impl Parser {
    fn push(&mut self, part: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for text in part.split_inclusive('\n') {
            let ends = text.ends_with('\n');
            if self.is_text {
                self.text(text.to_owned(), &mut pieces);
            } else {
                self.held.push_str(text);
                if ends {
                    self.line(&mut pieces);
                } else if !may_become_tag(&self.held) {
                    self.is_text = true;
                    let held = std::mem::take(&mut self.held);
                    self.text(held, &mut pieces);
                }
            }
            if ends {
                self.is_text = false;
            }
        }
        pieces
    }

    /// What is left at the end of the text.
    fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.line(&mut pieces);
        pieces
    }

    fn line(&mut self, pieces: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        match held.trim() {
            OPENING if !self.is_inside => {
                self.is_inside = true;
                pieces.push(Piece::Opening);
            }
            CLOSING if self.is_inside => self.is_inside = false,
            _ => self.text(held, pieces),
        }
    }

    fn text(&self, text: String, pieces: &mut Vec<Piece>) {
        match (pieces.last_mut(), self.is_inside) {
            _ if text.is_empty() => {}
            (Some(Piece::Planned(last)), true) | (Some(Piece::Said(last)), false) => {
                last.push_str(&text);
            }
            (_, true) => pieces.push(Piece::Planned(text)),
            (_, false) => pieces.push(Piece::Said(text)),
        }
    }
}

fn may_become_tag(line: &str) -> bool {
    let line = line.trim_start();
    [OPENING, CLOSING]
        .iter()
        .any(|tag| tag.starts_with(line.trim_end()))
}

/// What a whole message says beside its plan, and the plan: the last one, if there are several.
fn split(text: &str) -> (String, Option<String>) {
    let mut parser = Parser::default();
    let mut pieces = parser.push(text);
    pieces.extend(parser.finish());
    let (mut said, mut plan) = (String::new(), None);
    for piece in pieces {
        match piece {
            Piece::Said(text) => said.push_str(&text),
            Piece::Opening => plan = Some(String::new()),
            Piece::Planned(text) => plan.get_or_insert_default().push_str(&text),
        }
    }
    (said, plan)
}

/// The plan of an answer, and the message that it is looked for in.
#[derive(Debug)]
pub(super) struct Proposal {
    plan: Plan,
    is_begun: bool,
    is_complete: bool,
    message: Option<Message>,
}

/// A message that comes in parts. It is told as soon as it says something beside a plan.
#[derive(Debug)]
struct Message {
    item: AgentMessage,
    parser: Parser,
    /// White space before the first word.
    blank: String,
    is_told: bool,
}

impl Message {
    fn new(item: &AgentMessage) -> Self {
        Self {
            item: AgentMessage {
                text: String::new(),
                ..item.clone()
            },
            parser: Parser::default(),
            blank: String::new(),
            is_told: false,
        }
    }

    fn tell(&mut self, scope: &Scope) {
        if !self.is_told {
            self.is_told = true;
            scope.item_started(&mut Item::AgentMessage(self.item.clone()));
        }
    }

    fn say(&mut self, scope: &Scope, text: &str) {
        self.blank.push_str(text);
        if !self.is_told && self.blank.trim().is_empty() {
            return;
        }
        self.tell(scope);
        let delta = std::mem::take(&mut self.blank);
        scope.about_item(
            "item/agentMessage/delta",
            &self.item.id,
            &json!({"delta": delta}),
        );
    }
}

impl Proposal {
    /// The plan of an answer that has not begun.
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            plan: Plan {
                id: format!("{}-plan", scope.turn),
                text: String::new(),
                times: Times::default(),
            },
            is_begun: false,
            is_complete: false,
            message: None,
        }
    }

    /// A message begins.
    pub(super) fn message_added(&mut self, item: &AgentMessage) {
        self.message = Some(Message::new(item));
    }

    /// More of a message.
    pub(super) fn text_added(&mut self, scope: &Scope, item: &str, text: &str) {
        if let Some(mut message) = self.message.take_if(|message| message.item.id == item) {
            let pieces = message.parser.push(text);
            self.tell(scope, &mut message, pieces);
            self.message = Some(message);
        }
    }

    /// A message is whole.
    pub(super) fn message_done(&mut self, scope: &Scope, mut item: AgentMessage) {
        let mut message = match self.message.take() {
            Some(mut message) if message.item.id == item.id => {
                let pieces = message.parser.finish();
                self.tell(scope, &mut message, pieces);
                message
            }
            _ => Message::new(&item),
        };
        let (said, plan) = split(&item.text);
        if let Some(plan) = plan {
            self.complete(scope, plan);
        }
        if said.trim().is_empty() {
            return;
        }
        message.tell(scope);
        item.text = said;
        item.times = message.item.times;
        scope.item_completed(Item::AgentMessage(item));
    }

    fn tell(&mut self, scope: &Scope, message: &mut Message, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Said(text) => message.say(scope, &text),
                Piece::Opening => self.begin(scope),
                Piece::Planned(delta) if !self.is_complete => {
                    scope.about_item("item/plan/delta", &self.plan.id, &json!({"delta": delta}));
                }
                Piece::Planned(_) => {}
            }
        }
    }

    fn begin(&mut self, scope: &Scope) {
        if !self.is_begun {
            self.is_begun = true;
            self.plan.times = Times::started(clock::now_ms());
            scope.item_started(&mut Item::Plan(self.plan.clone()));
        }
    }

    fn complete(&mut self, scope: &Scope, text: String) {
        self.begin(scope);
        if !self.is_complete {
            self.is_complete = true;
            let plan = self.plan.clone();
            scope.item_completed(Item::Plan(Plan { text, ..plan }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_count_on_lines_of_their_own_wherever_the_text_is_cut() {
        let text = "a\n <proposed_plan> \nx\n</proposed_plan>\nb <proposed_plan>\n";
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            let mut pieces = parser.push(&text[..cut]);
            pieces.extend(parser.push(&text[cut..]));
            pieces.extend(parser.finish());
            let (mut said, mut planned) = (String::new(), String::new());
            for piece in pieces {
                match piece {
                    Piece::Said(text) => said += &text,
                    Piece::Planned(text) => planned += &text,
                    Piece::Opening => {}
                }
            }
            assert_eq!((&*said, &*planned), ("a\nb <proposed_plan>\n", "x\n"));
        }
    }

    #[test]
    fn the_last_plan_counts_and_may_stay_open() {
        let text = "<proposed_plan>\none\n</proposed_plan>\n<proposed_plan>\ntwo";
        assert_eq!(split(text), (String::new(), Some("two".to_owned())));
        assert_eq!(split("no plan"), ("no plan".to_owned(), None));
    }
}
