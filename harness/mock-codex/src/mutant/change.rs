//! Changing frames on their way out.

use std::cell::RefCell;

use bytes::Bytes;
use serde_json::Value;

use super::{Change, Frames, Mutant};

/// What one client's frames go through.
#[derive(Debug)]
pub(crate) struct Filter {
    frames: Frames,
    change: Change,
    /// A frame that waits for the next one.
    held: RefCell<Option<Bytes>>,
}

impl Filter {
    pub(super) fn of(mutant: &Mutant) -> Self {
        Self {
            frames: mutant.frames,
            change: mutant.change,
            held: RefCell::default(),
        }
    }

    /// What is sent in a frame's place, in order.
    pub(crate) fn pass(&self, frame: Bytes) -> Vec<Bytes> {
        let held = self.held.take();
        let mut out = match serde_json::from_slice::<Value>(&frame) {
            Ok(value) if self.concerns(&value) => self.changed(frame, value),
            _ => vec![frame],
        };
        out.extend(held);
        out
    }

    fn concerns(&self, frame: &Value) -> bool {
        let is = |method: &str| frame.get("method").is_some_and(|name| name == method);
        let at = |pointer: &str| frame.pointer(pointer).filter(|value| !value.is_null());
        match self.frames {
            Frames::Method(method) => is(method),
            Frames::Having(pointer) => at(pointer).is_some(),
            Frames::Where(method, pointer, value) => {
                is(method) && at(pointer).is_some_and(|found| found == value)
            }
            Frames::Switch(_) => false,
        }
    }

    fn changed(&self, frame: Bytes, mut value: Value) -> Vec<Bytes> {
        match self.change {
            Change::Drop => return Vec::new(),
            Change::Twice => return vec![frame.clone(), frame],
            Change::Late => {
                self.held.replace(Some(frame));
                return Vec::new();
            }
            Change::Nothing => return vec![frame],
            Change::Remove(pointer) => remove(&mut value, pointer),
            Change::Set(pointer, json) => {
                if let (Some(at), Ok(new)) = (value.pointer_mut(pointer), json.parse()) {
                    *at = new;
                }
            }
            Change::Quote(pointer) => replace(&mut value, pointer, |old| {
                old.is_number().then(|| old.to_string().into())
            }),
            Change::Add(pointer, more) => replace(&mut value, pointer, |old| {
                old.as_i64().map(|number| (number + more).into())
            }),
            Change::Cut(pointer) => replace(&mut value, pointer, |old| {
                let mut text = old.as_str()?.to_owned();
                text.pop();
                Some(text.into())
            }),
        }
        let mut line = value.to_string();
        line.push('\n');
        vec![line.into()]
    }
}

fn replace(frame: &mut Value, pointer: &str, new: impl FnOnce(&Value) -> Option<Value>) {
    if let Some(at) = frame.pointer_mut(pointer)
        && let Some(new) = new(at)
    {
        *at = new;
    }
}

fn remove(frame: &mut Value, pointer: &str) {
    let Some((parent, member)) = pointer.rsplit_once('/') else {
        return;
    };
    if let Some(Value::Object(members)) = frame.pointer_mut(parent) {
        members.shift_remove(member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(frames: Frames, change: Change, sent: &[&str]) -> Vec<String> {
        let filter = Filter {
            frames,
            change,
            held: RefCell::default(),
        };
        let text = |frame: Bytes| String::from_utf8(frame.to_vec()).unwrap().trim().to_owned();
        let frames = sent.iter().map(|frame| Bytes::from((*frame).to_owned()));
        frames
            .flat_map(|frame| filter.pass(frame))
            .map(text)
            .collect()
    }

    #[test]
    fn frames_are_dropped_doubled_held_and_changed() {
        let method = Frames::Method("a");
        let (a, b) = (r#"{"method":"a","id":1}"#, r#"{"method":"b","id":2}"#);
        assert_eq!(pass(method, Change::Drop, &[a, b]), [b]);
        assert_eq!(pass(method, Change::Twice, &[a, b]), [a, a, b]);
        assert_eq!(pass(method, Change::Late, &[a, b]), [b, a]);
        let changed = |change| pass(method, change, &[a]).remove(0);
        assert_eq!(changed(Change::Quote("/id")), r#"{"method":"a","id":"1"}"#);
        assert_eq!(changed(Change::Add("/id", 2)), r#"{"method":"a","id":3}"#);
        assert_eq!(changed(Change::Remove("/id")), r#"{"method":"a"}"#);
        assert_eq!(
            changed(Change::Set("/id", "null")),
            r#"{"method":"a","id":null}"#
        );
        assert_eq!(changed(Change::Cut("/method")), r#"{"method":"","id":1}"#);
    }

    #[test]
    fn only_frames_that_fit_are_changed() {
        let frames = Frames::Where("a", "/id", "x");
        let (yes, no) = (r#"{"method":"a","id":"x"}"#, r#"{"method":"a","id":"y"}"#);
        assert_eq!(pass(frames, Change::Drop, &[yes, no]), [no]);
        let having = Frames::Having("/result");
        let null = r#"{"id":1,"result":null}"#;
        assert_eq!(pass(having, Change::Drop, &[null]), [null]);
    }
}
