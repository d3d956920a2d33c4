//! What a reviewer answers, and how people read it.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Deserialize;

/// What came of a review. All members are needed, also those that nobody reads (codex 0.169.0).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[allow(dead_code, reason = "an answer without them is no output")]
pub(super) struct Output {
    findings: Vec<Finding>,
    overall_correctness: String,
    overall_explanation: String,
    overall_confidence_score: f32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(dead_code, reason = "an answer without them is no output")]
struct Finding {
    title: String,
    body: String,
    confidence_score: f32,
    priority: i32,
    code_location: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Place {
    absolute_file_path: PathBuf,
    line_range: Lines,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Lines {
    start: u32,
    end: u32,
}

impl Output {
    /// Reads an answer: an object, also one in the middle of a text; else the text is all there is.
    pub(super) fn read(answer: &str) -> Self {
        let start = answer.find('{');
        let end = answer.rfind('}').map(|end| end + 1);
        let object = start
            .zip(end)
            .and_then(|(start, end)| answer.get(start..end));
        let read = |text: &str| serde_json::from_str(text).ok();
        read(answer)
            .or_else(|| object.and_then(read))
            .unwrap_or_else(|| Self {
                overall_explanation: answer.to_owned(),
                ..Self::default()
            })
    }

    /// The text for people; nothing, where there is nothing to say.
    pub(super) fn text(&self) -> Option<String> {
        let explanation = self.overall_explanation.trim();
        let parts = [explanation, &self.comments()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        (!parts.is_empty()).then(|| parts.join("\n\n"))
    }

    /// The text for the model.
    pub(super) fn results(&self) -> String {
        let mut text = self.overall_explanation.trim().to_owned();
        let comments = self.comments();
        if !comments.is_empty() {
            text.push_str("\n\n");
            text.push_str(&comments);
        }
        text
    }

    fn comments(&self) -> String {
        let mut text = match self.findings.len() {
            0 => return String::new(),
            1 => "Review comment:".to_owned(),
            _ => "Full review comments:".to_owned(),
        };
        for finding in &self.findings {
            let Place {
                absolute_file_path: path,
                line_range: Lines { start, end },
            } = &finding.code_location;
            // Writing to a string can't fail.
            let _ = write!(
                text,
                "\n\n- {} — {}:{start}-{end}",
                finding.title,
                path.display()
            );
            for line in finding.body.lines() {
                let _ = write!(text, "\n  {line}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(findings: &str, explanation: &str) -> String {
        format!(
            r#"{{"findings":[{findings}],"overall_correctness":"","overall_explanation":"{explanation}","overall_confidence_score":1}}"#
        )
    }

    fn finding(title: &str, body: &str) -> String {
        format!(
            r#"{{"title":"{title}","body":"{body}","confidence_score":0.5,"priority":1,"code_location":{{"absolute_file_path":"/x/a.rs","line_range":{{"start":1,"end":2}}}}}}"#
        )
    }

    #[test]
    fn findings_follow_the_explanation() {
        let both = format!("{},{}", finding("A", "b1\\n\\nb2"), finding("B", ""));
        assert_eq!(
            Output::read(&answer(&both, " Fine ")).text().unwrap(),
            "Fine\n\nFull review comments:\n\n- A — /x/a.rs:1-2\n  b1\n  \n  b2\n\n- B — \
             /x/a.rs:1-2"
        );
        let one = Output::read(&answer(&finding("A", "b"), ""));
        let comment = "Review comment:\n\n- A — /x/a.rs:1-2\n  b";
        assert_eq!(one.text().unwrap(), comment);
        assert_eq!(one.results(), format!("\n\n{comment}"));
    }

    #[test]
    fn what_is_no_output_is_a_text() {
        assert_eq!(Output::read(" plain \n").text().unwrap(), "plain");
        assert_eq!(
            Output::read("{\"findings\":[]}").text().unwrap(),
            "{\"findings\":[]}"
        );
        let within = format!("so: {} there", answer("", "inside"));
        assert_eq!(Output::read(&within).text().unwrap(), "inside");
        assert_eq!(Output::read(&answer("", "")).text(), None);
    }
}
