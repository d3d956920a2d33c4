//! Token usage.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// The token usage a response ends with.
///
/// The default is small and fixed, so that sums over a conversation are easy to predict:
/// 10 tokens in, 5 out, 15 in all.
///
/// ```
/// use mock_responses::Usage;
///
/// let usage: Usage = serde_saphyr::from_str("{ input_tokens: 200, cached_input_tokens: 150 }")?;
/// assert_eq!(usage.total(), 205);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Of the tokens read, those that came from the cache.
    pub cached_input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Of the tokens written, those spent on reasoning.
    pub reasoning_output_tokens: u64,
    /// All tokens; the sum of read and written unless given.
    pub total_tokens: Option<u64>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            input_tokens: 10,
            cached_input_tokens: 0,
            output_tokens: 5,
            reasoning_output_tokens: 0,
            total_tokens: None,
        }
    }
}

impl Usage {
    /// All tokens, as given or as the sum of those read and those written.
    pub fn total(&self) -> u64 {
        self.total_tokens
            .unwrap_or_else(|| self.input_tokens.saturating_add(self.output_tokens))
    }

    /// The usage as the Responses API spells it.
    pub(crate) fn to_wire(self) -> Value {
        json!({
            "input_tokens": self.input_tokens,
            "input_tokens_details": { "cached_tokens": self.cached_input_tokens },
            "output_tokens": self.output_tokens,
            "output_tokens_details": { "reasoning_tokens": self.reasoning_output_tokens },
            "total_tokens": self.total(),
        })
    }
}
