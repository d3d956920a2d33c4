//! The model looks for tools that it was not offered: those of the client with `deferLoading`.
//!
//! codex 0.169.0 finds the tools for agents here too; the mock has no agents.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::emit::Scope;
use crate::model::metadata::Metadata;
use crate::protocol::dynamic_tool::{DynamicTool, Function};

/// How many tools are found where the model doesn't say how many it wants.
const USUAL: usize = 8;

#[derive(Deserialize)]
struct Wanted {
    query: String,
    #[serde(default)]
    limit: Option<usize>,
}

/// The tools for which most words of the query stand, in their namespaces. A search that can't be
/// read finds nothing, and so does a model that was not offered to search.
pub(super) fn find(scope: &Scope, arguments: &str) -> Vec<Value> {
    let settings = &scope.settings;
    if Metadata::of(&settings.model).is_none() {
        return Vec::new();
    }
    serde_json::from_str(arguments).map_or_else(
        |_| Vec::new(),
        |wanted| search(&settings.dynamic_tools, &wanted),
    )
}

fn search(tools: &[DynamicTool], wanted: &Wanted) -> Vec<Value> {
    let query = words(&wanted.query);
    let mut found: Vec<(usize, &DynamicTool, &Function)> = tools
        .iter()
        .flat_map(|tool| {
            tool.functions()
                .iter()
                .map(move |function| (tool, function))
        })
        .filter(|(_, function)| function.defer_loading)
        .map(|(tool, function)| (matches(&query, tool, function), tool, function))
        .filter(|(count, ..)| *count > 0)
        .collect();
    found.sort_by_key(|(count, ..)| usize::MAX - count);
    found.truncate(wanted.limit.unwrap_or(USUAL));
    let mut spaces: Vec<Value> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, tool, function) in found {
        let DynamicTool::Namespace {
            name, description, ..
        } = tool
        else {
            continue;
        };
        let place = *places.entry(name).or_insert_with(|| {
            spaces.push(json!({
                "type": "namespace",
                "name": name,
                "description": description,
                "tools": [],
            }));
            spaces.len() - 1
        });
        if let Some(tools) = spaces[place]["tools"].as_array_mut() {
            tools.push(function.offer());
        }
    }
    spaces
}

/// How many of the words stand for a tool: in its name, what is said of it, or its parameters.
fn matches(query: &[String], tool: &DynamicTool, function: &Function) -> usize {
    let parameters = function.input_schema["properties"].as_object();
    let parameters = parameters.into_iter().flat_map(|all| all.keys());
    let mut texts = vec![tool.name(), &function.name, &function.description];
    texts.extend(parameters.map(String::as_str));
    let known: Vec<String> = texts.into_iter().flat_map(words).collect();
    query.iter().filter(|word| known.contains(word)).count()
}

fn words(text: &str) -> Vec<String> {
    let letters = |c: char| !c.is_alphanumeric();
    let words = text.split(letters).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sky() -> Vec<DynamicTool> {
        let tool = |name: &str, about: &str, defer_loading| Function {
            name: name.into(),
            description: about.into(),
            input_schema: json!({"type": "object", "properties": {"city": {}}}),
            defer_loading,
        };
        vec![DynamicTool::Namespace {
            name: "sky".into(),
            description: "all above".into(),
            tools: vec![
                tool("moon", "tell its phase", true),
                tool("weather", "tell the weather", true),
                tool("stars", "tell the weather", false),
            ],
        }]
    }

    fn names(query: &str, limit: Option<usize>) -> Vec<String> {
        let wanted = Wanted {
            query: query.into(),
            limit,
        };
        let found = search(&sky(), &wanted);
        let tools = found.iter().filter_map(|space| space["tools"].as_array());
        let name = |tool: &Value| tool["name"].as_str().unwrap_or_default().to_owned();
        tools.flatten().map(name).collect()
    }

    #[test]
    fn what_most_words_stand_for_comes_first() {
        assert_eq!(names("tell the Weather", None), ["weather", "moon"]);
        assert_eq!(names("weather", None), ["weather"]);
        assert_eq!(names("sky", None), ["moon", "weather"]);
        assert_eq!(names("city", Some(1)), ["moon"]);
        assert!(names("", None).is_empty() && names("nothing", None).is_empty());
        assert!(names("sky", Some(0)).is_empty());
    }
}
