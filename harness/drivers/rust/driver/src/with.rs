//! The members of a request.

use serde_json::{Map, Value, json};

use crate::{Failed, Options};

/// The `with` of a request.
#[derive(Clone, Debug, Default)]
pub struct With(pub Map<String, Value>);

impl With {
    /// A member that has to be a text.
    ///
    /// # Errors
    /// It is missing, or no text.
    pub fn text(&self, name: &str) -> Result<&str, Failed> {
        self.0
            .get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| Failed::Broken(format!("the request has no text `{name}`")))
    }

    /// A member that is false unless given.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.0.get(name) == Some(&Value::Bool(true))
    }

    /// A member that may be missing.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The input as items of the wire: a text is one.
    ///
    /// # Errors
    /// There is none.
    pub fn items(&self) -> Result<Value, Failed> {
        match self.0.get("input") {
            Some(Value::String(text)) => Ok(json!([{ "type": "text", "text": text }])),
            Some(items @ Value::Array(_)) => Ok(items.clone()),
            _ => Err(Failed::Broken("the request has no `input`".to_owned())),
        }
    }

    /// The permission options.
    #[must_use]
    pub fn options(&self) -> Options {
        let text = |name: &str| self.0.get(name).and_then(Value::as_str).map(str::to_owned);
        Options {
            approval_mode: text("approval_mode"),
            sandbox: text("sandbox"),
            sandbox_policy: self.0.get("sandbox_policy").cloned(),
            params: match self.0.get("params") {
                Some(Value::Object(params)) => params.clone(),
                _ => Map::new(),
            },
        }
    }
}
