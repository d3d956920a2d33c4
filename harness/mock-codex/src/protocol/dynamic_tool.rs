//! Tools that the client brings.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A tool of the client, or several under one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum DynamicTool {
    Function(Function),
    Namespace {
        name: String,
        description: String,
        tools: Vec<Function>,
    },
}

// A JSON value with numbers of any size has no total order, but is equal to itself.
impl Eq for DynamicTool {}

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) input_schema: Value,
    /// Is it only to be found by a search?
    #[serde(default)]
    pub(crate) defer_loading: bool,
}

/// The definitions as `thread/start` takes them: also in the older form, in which a function names its
/// namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions(Vec<DynamicTool>);

/// Longest names that the Responses API takes: of tools, of namespaces.
const NAME_CHARS: usize = 128;

/// Namespaces of the Responses API itself.
const RESERVED: [&str; 14] = [
    "api_tool",
    "browser",
    "computer",
    "container",
    "file_search",
    "functions",
    "image_gen",
    "multi_tool_use",
    "python",
    "python_user_visible",
    "submodel_delegator",
    "terminal",
    "tool_search",
    "web",
];

impl<'de> Deserialize<'de> for Definitions {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut definitions = Self::default();
        for tool in Vec::<Map<String, Value>>::deserialize(deserializer)? {
            definitions
                .add(tool)
                .map_err(<D::Error as serde::de::Error>::custom)?;
        }
        Ok(definitions)
    }
}

impl Definitions {
    fn add(&mut self, tool: Map<String, Value>) -> Result<(), String> {
        let kind = tool
            .get("type")
            .map(|kind| kind.as_str().unwrap_or_default());
        match kind {
            None => {
                let (namespace, function) = older(tool)?;
                match namespace {
                    None => self.0.push(DynamicTool::Function(function)),
                    Some(name) => self.join(name, function),
                }
            }
            Some("function") => self.0.push(DynamicTool::Function(read(tool)?)),
            Some("namespace") => {
                let Value::Object(tool) = without_type(tool) else {
                    return Ok(());
                };
                let space: Namespace = read(tool)?;
                self.0.push(DynamicTool::Namespace {
                    name: space.name,
                    description: space.description,
                    tools: space.tools,
                });
            }
            Some(other) => {
                return Err(format!(
                    "unknown variant `{other}`, expected `function` or `namespace`"
                ));
            }
        }
        Ok(())
    }

    /// Adds a function to its namespace, which may be there already.
    fn join(&mut self, wanted: String, function: Function) {
        let known = self.0.iter_mut().find_map(|tool| match tool {
            DynamicTool::Namespace { name, tools, .. } if *name == wanted => Some(tools),
            _ => None,
        });
        match known {
            Some(tools) => tools.push(function),
            None => self.0.push(DynamicTool::Namespace {
                description: format!("Tools of {wanted}."),
                name: wanted,
                tools: vec![function],
            }),
        }
    }

    /// The tools, if they can all be offered.
    ///
    /// # Errors
    /// In the words that the client is told.
    pub(crate) fn checked(self) -> Result<Vec<DynamicTool>, String> {
        let mut names = BTreeSet::new();
        for tool in &self.0 {
            match tool {
                DynamicTool::Function(function) => {
                    function.check(None)?;
                    if !names.insert(function.name.clone()) {
                        return Err(format!("duplicate dynamic tool name: {}", function.name));
                    }
                }
                DynamicTool::Namespace { name, tools, .. } => {
                    check_name("namespace", name)?;
                    if RESERVED.contains(&name.as_str()) {
                        return Err(format!(
                            "dynamic tool namespace collides with a reserved Responses API \
                             namespace: {name}"
                        ));
                    }
                    if tools.is_empty() {
                        return Err(format!(
                            "dynamic tool namespace must contain at least one tool: {name}"
                        ));
                    }
                    for function in tools {
                        function.check(Some(name))?;
                    }
                }
            }
        }
        Ok(self.0)
    }
}

#[derive(Deserialize)]
struct Namespace {
    name: String,
    description: String,
    tools: Vec<Function>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Older {
    namespace: Option<String>,
    name: String,
    description: String,
    input_schema: Value,
    #[serde(default)]
    defer_loading: bool,
}

fn older(tool: Map<String, Value>) -> Result<(Option<String>, Function), String> {
    let older: Older = read(tool)?;
    Ok((
        older.namespace,
        Function {
            name: older.name,
            description: older.description,
            input_schema: older.input_schema,
            defer_loading: older.defer_loading,
        },
    ))
}

fn read<T: serde::de::DeserializeOwned>(tool: Map<String, Value>) -> Result<T, String> {
    // codex 0.169.0 doesn't say which number it was.
    if tool.get("name").is_some_and(Value::is_number) {
        return Err("invalid type: number, expected a string".to_owned());
    }
    serde_json::from_value(Value::Object(tool)).map_err(|error| error.to_string())
}

/// The tools of a namespace may each have a type, which is that of a function.
fn without_type(mut space: Map<String, Value>) -> Value {
    space.remove("type");
    Value::Object(space)
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err(format!("dynamic tool {what} must not be empty"));
    }
    if name.trim() != name {
        return Err(format!(
            "dynamic tool {what} has leading/trailing whitespace: {name}"
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.chars().all(allowed) {
        return Err(format!(
            "dynamic tool {what} must match ^[a-zA-Z0-9_-]+$ to match Responses API: {name}"
        ));
    }
    if name.len() > NAME_CHARS {
        return Err(format!(
            "dynamic tool {what} must be at most {NAME_CHARS} characters to match Responses API: \
             {name}"
        ));
    }
    if name == "mcp" || name.starts_with("mcp__") {
        return Err(format!("dynamic tool {what} is reserved: {name}"));
    }
    Ok(())
}

impl Function {
    fn check(&self, namespace: Option<&str>) -> Result<(), String> {
        let Self { name, .. } = self;
        check_name("name", name)?;
        if self.defer_loading && namespace.is_none() {
            return Err(format!(
                "deferred dynamic tool must include a namespace: {name}"
            ));
        }
        let schema = &self.input_schema;
        let wrong = match schema {
            Value::String(text) => {
                format!("invalid type: string {text:?}, expected struct JsonSchema")
            }
            _ if schema["type"] == "null" => {
                "tool input schema must not be a singleton null type".to_owned()
            }
            _ => return Ok(()),
        };
        Err(format!(
            "dynamic tool input schema is not supported for {name}: {wrong}"
        ))
    }

    /// As the model is offered it, or finds it.
    pub(crate) fn offer(&self) -> Value {
        let mut offer = json!({
            "type": "function",
            "name": self.name,
            "description": self.description,
            "strict": false,
        });
        if self.defer_loading {
            offer["defer_loading"] = json!(true);
        }
        offer["parameters"] = self.input_schema.clone();
        offer
    }
}

impl DynamicTool {
    /// The name of the tool or of the namespace.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Function(function) => &function.name,
            Self::Namespace { name, .. } => name,
        }
    }

    /// The tool itself, or those of the namespace.
    pub(crate) fn functions(&self) -> &[Function] {
        match self {
            Self::Function(function) => std::slice::from_ref(function),
            Self::Namespace { tools, .. } => tools,
        }
    }

    /// As the model is offered it; nothing where it has to be searched for.
    pub(crate) fn offer(&self) -> Option<Value> {
        match self {
            Self::Function(function) => Some(function.offer()),
            Self::Namespace {
                name,
                description,
                tools,
            } => {
                let shown = tools.iter().filter(|tool| !tool.defer_loading);
                let shown: Vec<Value> = shown.map(Function::offer).collect();
                (!shown.is_empty()).then(|| {
                    json!({
                        "type": "namespace",
                        "name": name,
                        "description": description,
                        "tools": shown,
                    })
                })
            }
        }
    }

    /// The namespace that has to be searched for, and what it is for.
    pub(crate) fn deferred(&self) -> Option<(&str, &str)> {
        match self {
            Self::Namespace {
                name,
                description,
                tools,
            } if tools.iter().any(|tool| tool.defer_loading) => Some((name, description)),
            _ => None,
        }
    }

    /// Is it what a call of these names means?
    pub(crate) fn is(&self, namespace: Option<&str>, called: &str) -> bool {
        match self {
            Self::Function(function) => namespace.is_none() && function.name == called,
            Self::Namespace { name, tools, .. } => {
                namespace == Some(name) && tools.iter().any(|tool| tool.name == called)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(tools: Value) -> Result<Vec<DynamicTool>, String> {
        let definitions: Definitions =
            serde_json::from_value(tools).map_err(|error| error.to_string())?;
        definitions.checked()
    }

    fn tool(name: &str) -> Value {
        json!({"name": name, "description": "x", "inputSchema": {"type": "object"}})
    }

    #[test]
    fn both_forms_are_read() {
        let mut older = tool("weather");
        older["namespace"] = json!("sky");
        let newer = json!({"type": "namespace", "name": "sea", "description": "x", "tools": [
            {"type": "function", "name": "tide", "description": "x", "inputSchema": {}},
        ]});
        let tools = checked(json!([older, tool("time"), newer])).unwrap();
        assert!(tools[0].is(Some("sky"), "weather"));
        assert!(tools[1].is(None, "time"));
        assert!(tools[2].is(Some("sea"), "tide"));
        assert!(!tools[2].is(None, "tide"));
    }

    #[test]
    fn names_that_the_api_refuses_are_refused() {
        for (name, message) in [
            ("", "dynamic tool name must not be empty"),
            ("mcp", "dynamic tool name is reserved: mcp"),
        ] {
            assert_eq!(checked(json!([tool(name)])).unwrap_err(), message);
        }
        assert_eq!(
            checked(json!([tool("a"), tool("a")])).unwrap_err(),
            "duplicate dynamic tool name: a"
        );
    }
}
