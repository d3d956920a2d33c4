//! A look at one transcript.

use std::collections::HashMap;

use codex_wire::schema::{Kind, Schema, Sender, Touched};
use codex_wire::transcript::{Entry, Event};
use serde_json::Value;

use super::{Area, Names, add_member, add_value};

/// Notes what a transcript has.
pub(super) fn at(schema: Option<&Schema>, names: &mut Names, transcript: &[Entry]) {
    let mut look = Look {
        schema,
        names,
        asked: HashMap::new(),
    };
    for entry in transcript {
        let (client, event) = match &entry.event {
            Event::Of { client, event } => (client.as_str(), &**event),
            event => ("", event),
        };
        match event {
            Event::Client(frame) => look.frame(client, Sender::Client, frame),
            Event::Server(frame) => look.frame(client, Sender::Server, frame),
            _ => {}
        }
    }
}

struct Look<'a> {
    schema: Option<&'a Schema>,
    names: &'a mut Names,
    /// The methods of requests, by the client, who asked, and the id.
    asked: HashMap<(String, Sender, String), String>,
}

impl Look<'_> {
    fn frame(&mut self, client: &str, sender: Sender, frame: &Value) {
        let id = frame.get("id").map(Value::to_string);
        let Some(method) = frame["method"].as_str() else {
            let asker = match sender {
                Sender::Client => Sender::Server,
                Sender::Server => Sender::Client,
            };
            let request = (client.to_owned(), asker, id.unwrap_or_default());
            return self.reply(&request, frame);
        };
        let (kind, area) = match (sender, &id) {
            (Sender::Client, Some(_)) => (Kind::ClientRequest, Some(Area::ClientMethods)),
            (Sender::Client, None) => (Kind::ClientNotification, None),
            (Sender::Server, Some(_)) => (Kind::ServerRequest, Some(Area::ServerRequests)),
            (Sender::Server, None) => (Kind::ServerNotification, Some(Area::Notifications)),
        };
        // What a scenario sends wrong on purpose is nothing of the protocol.
        let is_known = |schema: &Schema| schema.methods(kind).any(|known| known == method);
        let counts = sender == Sender::Server || self.schema.is_none_or(is_known);
        if let (Some(area), true) = (area, counts) {
            self.name(area, method);
        }
        if let Some(id) = id {
            let asked = (client.to_owned(), sender, id);
            self.asked.insert(asked, method.to_owned());
        }
        if let Some(schema) = self.schema {
            let names = &mut *self.names;
            let mut note = |touched: Touched<'_>| note(names, touched);
            schema.visit_params(kind, method, &frame["params"], &mut note);
        }
    }

    fn reply(&mut self, request: &(String, Sender, String), frame: &Value) {
        let asker = request.1;
        if let (Sender::Client, Some(code)) = (asker, frame["error"]["code"].as_i64()) {
            self.name(Area::ErrorCodes, &code.to_string());
        }
        let kind = match asker {
            Sender::Client => Kind::ClientRequest,
            Sender::Server => Kind::ServerRequest,
        };
        let (Some(method), Some(schema), Some(result)) =
            (self.asked.remove(request), self.schema, frame.get("result"))
        else {
            return;
        };
        let names = &mut *self.names;
        schema.visit_reply(kind, &method, result, &mut |touched| note(names, touched));
    }

    fn name(&mut self, area: Area, name: &str) {
        self.names.entry(area).or_default().insert(name.to_owned());
    }
}

fn note(names: &mut Names, touched: Touched<'_>) {
    match touched {
        Touched::Member(path, name) => add_member(names, path, name),
        Touched::Value(path, value) => add_value(names, path, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let frames = [
            (true, json!({ "id": 1, "method": "thread/start" })),
            (false, json!({ "id": 1, "error": { "code": -32600 } })),
            (false, json!({ "id": 7, "method": "item/tool/call" })),
            (false, json!({ "method": "turn/started" })),
            (true, json!({ "method": "initialized" })),
        ];
        let entries = frames.map(|(from_client, frame)| Entry {
            t_us: 0,
            event: if from_client {
                Event::Client(frame)
            } else {
                Event::Server(frame)
            },
        });
        let mut names = Names::new();
        at(None, &mut names, &entries);
        let one = |area| names[&area].iter().cloned().collect::<Vec<_>>();
        assert_eq!(one(Area::ClientMethods), ["thread/start"]);
        assert_eq!(one(Area::ErrorCodes), ["-32600"]);
        assert_eq!(one(Area::ServerRequests), ["item/tool/call"]);
        assert_eq!(one(Area::Notifications), ["turn/started"]);
    }

    #[test]
    fn frames_of_further_clients_count_too() {
        let frame = Event::Client(json!({ "id": 1, "method": "thread/list" }));
        let entry = Entry {
            t_us: 0,
            event: Event::Of {
                client: "other".into(),
                event: Box::new(frame),
            },
        };
        let mut names = Names::new();
        at(None, &mut names, &[entry]);
        assert!(names[&Area::ClientMethods].contains("thread/list"));
    }
}
