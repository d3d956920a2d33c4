//! What exec prints for people: all of it on stderr, and the final message on stdout.

use std::io::IsTerminal as _;

use serde_json::{Value, json};

use super::args::{Args, Color};
use crate::config::ConfigToml;

/// Separates what the session runs with from the rest.
const RULE: &str = "--------";

/// What is told of the machine's programs, which the mock doesn't need.
const OF_THE_MACHINE: &str = "bubblewrap";

/// Prints for people.
#[derive(Debug)]
pub(super) struct Human {
    colours: bool,
    /// What the session runs with, for the lines that its start doesn't tell.
    sandbox: String,
    summaries: String,
    prompt: String,
    usage: Value,
    last_message: Option<String>,
    /// The difference of the turn as it was last printed.
    diff: String,
}

/// How a piece of text looks, in the codes of a terminal; each is put around those before it.
#[derive(Debug, Clone, Copy)]
enum Style {
    Bold,
    Dim,
    Italic,
    Red,
    Green,
    Yellow,
    Magenta,
    Cyan,
}

impl Style {
    fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Italic => 3,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Magenta => 35,
            Self::Cyan => 36,
        }
    }
}

impl Human {
    pub(super) fn new(args: &Args, config: &ConfigToml, prompt: &str) -> Self {
        let colours = match args.color {
            Some(Color::Always) => true,
            Some(Color::Never) => false,
            Some(Color::Auto) | None => {
                std::env::var_os("NO_COLOR").is_none() && std::io::stderr().is_terminal()
            }
        };
        let summaries = json!(config.model_reasoning_summary);
        Self {
            colours,
            sandbox: writable(args, config),
            summaries: summaries.as_str().unwrap_or("none").to_owned(),
            prompt: prompt.to_owned(),
            usage: Value::Null,
            last_message: None,
            diff: String::new(),
        }
    }

    /// What the session runs with, and what it was asked.
    pub(super) fn started(&self, reply: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
        say(&format!("OpenAI Codex v{}\n{RULE}", crate::CODEX_VERSION));
        let lines = [
            ("workdir", text(&reply["cwd"])),
            ("model", text(&reply["model"])),
            ("provider", text(&reply["modelProvider"])),
            ("approval", text(&reply["approvalPolicy"])),
            ("sandbox", self.sandbox_of(reply)),
            ("reasoning effort", text(&reply["reasoningEffort"])),
            ("reasoning summaries", self.summaries.clone()),
            ("session id", text(&reply["thread"]["id"])),
        ];
        for (name, value) in lines {
            say(&format!("{} {value}", self.bold(&format!("{name}:"))));
        }
        say(RULE);
        say(&format!(
            "{}\n{}",
            self.styled("user", &[Style::Cyan]),
            self.prompt
        ));
    }

    /// The text of the last message of the model.
    pub(super) fn last_message(&self) -> Option<&str> {
        self.last_message.as_deref()
    }

    /// Prints what a notification comes to. At the end of the turn the result says if it was
    /// completed.
    pub(super) fn take(&mut self, frame: &Value) -> Option<bool> {
        let params = &frame["params"];
        match frame["method"].as_str().unwrap_or_default() {
            "configWarning" => self.warning(&params["summary"]),
            "warning" => self.warning(&params["message"]),
            "item/started" => self.begun(&params["item"]),
            "item/completed" => self.done(&params["item"]),
            "turn/diff/updated" => self.difference(&params["diff"]),
            "thread/tokenUsage/updated" => self.usage = params["tokenUsage"]["total"].clone(),
            "error" => self.error(&params["error"]),
            "turn/completed" => return Some(self.end(&params["turn"])),
            _ => {}
        }
        None
    }

    /// What comes last, once the final message is in its file.
    pub(super) fn finish(&self) {
        if self.usage.is_object() {
            let used = grouped(used(&self.usage));
            say(&format!(
                "{}\n{used}",
                self.styled("tokens used", &[Style::Dim])
            ));
        }
        if let Some(message) = &self.last_message {
            super::print_text(message);
        }
    }

    fn warning(&self, message: &Value) {
        let message = message.as_str().unwrap_or_default();
        if !message.contains(OF_THE_MACHINE) {
            let label = self.styled("warning:", &[Style::Yellow, Style::Bold]);
            say(&format!("{label} {message}"));
        }
    }

    fn error(&self, error: &Value) {
        let label = self.styled("ERROR:", &[Style::Red, Style::Bold]);
        let message = error["message"].as_str().unwrap_or_default();
        say(&format!("{label} {message}"));
    }

    fn begun(&self, item: &Value) {
        match item["type"].as_str().unwrap_or_default() {
            "commandExecution" => say(&format!(
                "{}\n{} in {}",
                self.speaker("exec"),
                self.bold(item["command"].as_str().unwrap_or_default()),
                item["cwd"].as_str().unwrap_or_default(),
            )),
            "fileChange" => say(&self.bold("apply patch")),
            "webSearch" => self.web_search(item),
            _ => {}
        }
    }

    fn done(&mut self, item: &Value) {
        match item["type"].as_str().unwrap_or_default() {
            "agentMessage" => {
                let text = item["text"].as_str().unwrap_or_default();
                say(&format!("{}\n{text}", self.speaker("codex")));
                self.last_message = Some(text.to_owned());
            }
            "reasoning" => {
                if let Some(text) = super::events::reasoning(item) {
                    say(&self.styled(&text, &[Style::Dim]));
                }
            }
            "commandExecution" => self.command(item),
            "fileChange" => self.file_change(item),
            "webSearch" => self.web_search(item),
            _ => {}
        }
    }

    fn command(&self, item: &Value) {
        let took = item["durationMs"].as_i64().unwrap_or_default();
        let (text, style) = match item["status"].as_str() {
            Some("completed") => (format!(" succeeded in {took}ms:"), Style::Green),
            Some("failed") => {
                let code = item["exitCode"].as_i64().unwrap_or_default();
                (format!(" exited {code} in {took}ms:"), Style::Red)
            }
            _ => return,
        };
        say(&self.styled(&text, &[style]));
        if let Some(output) = item["aggregatedOutput"].as_str() {
            say(output);
        }
    }

    fn file_change(&self, item: &Value) {
        let status = item["status"].as_str().unwrap_or_default();
        say(&format!("{} {status}", self.bold("patch:")));
        for change in item["changes"].as_array().into_iter().flatten() {
            let path = change["path"].as_str().unwrap_or_default();
            say(&self.styled(path, &[Style::Dim]));
        }
    }

    fn web_search(&self, item: &Value) {
        let query = item["query"].as_str().unwrap_or_default();
        say(&format!("{} {query}", self.bold("web search:")));
    }

    /// The same difference comes several times; it is printed once.
    fn difference(&mut self, diff: &Value) {
        let diff = diff.as_str().unwrap_or_default();
        if diff != self.diff {
            say(diff);
            diff.clone_into(&mut self.diff);
        }
    }

    fn end(&self, turn: &Value) -> bool {
        match turn["status"].as_str() {
            Some("completed") => true,
            Some("failed") => {
                self.error(&turn["error"]);
                false
            }
            _ => false,
        }
    }

    fn sandbox_of(&self, reply: &Value) -> String {
        let sandbox = &reply["sandbox"];
        let network = match &sandbox["networkAccess"] {
            Value::Bool(true) => " (network access enabled)",
            _ => "",
        };
        match sandbox["type"].as_str() {
            Some("dangerFullAccess") => "danger-full-access".to_owned(),
            Some("workspaceWrite") => format!("{}{network}", self.sandbox),
            _ => format!("read-only{network}"),
        }
    }

    /// Who says or does what follows.
    fn speaker(&self, name: &str) -> String {
        self.styled(name, &[Style::Italic, Style::Magenta])
    }

    fn bold(&self, text: &str) -> String {
        self.styled(text, &[Style::Bold])
    }

    fn styled(&self, text: &str, styles: &[Style]) -> String {
        if !self.colours {
            return text.to_owned();
        }
        styles.iter().fold(text.to_owned(), |text, style| {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
        })
    }
}

/// Where commands may write under `workspace-write`.
fn writable(args: &Args, config: &ConfigToml) -> String {
    let details = config.sandbox_workspace_write.clone().unwrap_or_default();
    let named = [
        (true, "workdir"),
        (!details.exclude_slash_tmp, "/tmp"),
        (!details.exclude_tmpdir_env_var, "$TMPDIR"),
    ];
    let named = named.into_iter().filter(|(is, _)| *is);
    let roots = details.writable_roots.iter().chain(&args.add_dir);
    let places: Vec<String> = named
        .map(|(_, name)| name.to_owned())
        .chain(roots.map(|root| root.display().to_string()))
        .collect();
    format!("workspace-write [{}]", places.join(", "))
}

/// What is used of the input that wasn't cached, and the output.
fn used(total: &Value) -> i64 {
    let count = |name: &str| total[name].as_i64().unwrap_or_default();
    count("inputTokens") - count("cachedInputTokens") + count("outputTokens")
}

/// A number with a comma before each three digits.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn say(text: &str) {
    crate::complain(text);
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn large_numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
