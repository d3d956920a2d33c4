//! Calls of tools.

use serde_json::json;

use super::{Expansion, Ids, next};
use crate::script::item::{Call, CustomCall};

impl Expansion {
    pub(super) fn call(&mut self, call: &Call, ids: &mut Ids) {
        let arguments = call.arguments.as_str();
        let full = self.is_full();
        let id = call
            .item_id
            .clone()
            .or_else(|| full.then(|| next(&mut ids.call, "fc")));
        let item = |arguments: &str| {
            let mut item = json!({ "type": "function_call" });
            if let Some(id) = &id {
                item["id"] = id.as_str().into();
            }
            item["call_id"] = call.id.as_str().into();
            item["name"] = call.tool.as_str().into();
            item["arguments"] = arguments.into();
            item
        };
        if let (true, Some(id)) = (full, &id) {
            const DELTA: &str = "response.function_call_arguments.delta";
            const DONE: &str = "response.function_call_arguments.done";
            self.added(&item(""));
            for delta in call.split.pieces(arguments) {
                self.push_part(DELTA, id, ("", 0), json!({ "delta": delta }));
            }
            let rest = json!({ "name": call.tool, "arguments": arguments });
            self.push_part(DONE, id, ("", 0), rest);
        }
        self.done(item(arguments));
    }

    pub(super) fn custom_call(&mut self, call: &CustomCall, ids: &mut Ids) {
        let full = self.is_full();
        let id = call
            .item_id
            .clone()
            .or_else(|| full.then(|| next(&mut ids.custom_call, "ctc")));
        let item = |input: &str| {
            let mut item = json!({ "type": "custom_tool_call" });
            if let Some(id) = &id {
                item["id"] = id.as_str().into();
            }
            item["call_id"] = call.id.as_str().into();
            item["name"] = call.tool.as_str().into();
            item["input"] = input.into();
            item
        };
        if let (true, Some(id)) = (full, &id) {
            const DELTA: &str = "response.custom_tool_call_input.delta";
            const DONE: &str = "response.custom_tool_call_input.done";
            self.added(&item(""));
            for delta in call.split.pieces(&call.input) {
                self.push_part(DELTA, id, ("", 0), json!({ "delta": delta }));
            }
            self.push_part(DONE, id, ("", 0), json!({ "input": call.input }));
        }
        self.done(item(&call.input));
    }
}
