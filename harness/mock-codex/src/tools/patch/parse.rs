//! From a patch's text to its operations.

use std::iter::Peekable;

use super::{Hunk, Line, Operation, Patch};

const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";
const ENVIRONMENT: &str = "*** Environment ID: ";
const ADD: &str = "*** Add File: ";
const DELETE: &str = "*** Delete File: ";
const UPDATE: &str = "*** Update File: ";
const MOVE: &str = "*** Move to: ";
const END_OF_FILE: &str = "*** End of File";

/// How a patch may be wrapped, as if a shell had been asked to read it.
const HEREDOCS: [&str; 3] = ["<<EOF", "<<'EOF'", "<<\"EOF\""];

/// What is wrong with a patch's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    #[error("invalid patch: The first line of the patch must be '*** Begin Patch'")]
    NoBegin,
    #[error("invalid patch: The last line of the patch must be '*** End Patch'")]
    NoEnd,
    /// Lines count from 1, which is the one that begins the patch.
    #[error("invalid hunk at line {line}, {reason}")]
    Hunk { line: usize, reason: String },
}

/// The lines of the patch that are still to be read, with their numbers.
struct Lines<'a> {
    rest: Peekable<Box<dyn Iterator<Item = (usize, &'a str)> + 'a>>,
    /// The number of the last line that was taken.
    taken: usize,
}

impl<'a> Lines<'a> {
    fn peek(&mut self) -> Option<&'a str> {
        self.rest.peek().map(|(_, line)| *line)
    }

    fn take(&mut self) -> Option<&'a str> {
        let (number, line) = self.rest.next()?;
        self.taken = number;
        Some(line)
    }

    fn take_if(&mut self, wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
        self.peek().filter(|line| wanted(line))?;
        self.take()
    }

    /// What is wrong with the line behind the last one that was taken.
    fn wrong_next(&self, reason: String) -> ParseError {
        ParseError::Hunk {
            line: self.taken + 1,
            reason,
        }
    }
}

/// Reads a patch.
///
/// # Errors
/// In the words that the model is told behind `apply_patch verification failed: `.
pub(crate) fn parse(text: &str) -> Result<Patch, ParseError> {
    let lines: Vec<&str> = text.trim().lines().collect();
    let inner = enclosed(&lines).or_else(|error| match &lines[..] {
        [first, inner @ .., last]
            if inner.len() >= 2 && HEREDOCS.contains(first) && last.ends_with("EOF") =>
        {
            enclosed(inner)
        }
        _ => Err(error),
    })?;
    let numbered: Box<dyn Iterator<Item = _>> = Box::new((2..).zip(inner.iter().copied()));
    let mut lines = Lines {
        rest: numbered.peekable(),
        taken: 1,
    };
    let environment = lines
        .take_if(|line| line.trim().starts_with(ENVIRONMENT))
        .is_some();
    let mut operations = Vec::new();
    while let Some(header) = lines.take() {
        if header.trim() == END {
            break;
        }
        operations.push(operation(header.trim(), &mut lines)?);
    }
    Ok(Patch {
        operations,
        environment,
    })
}

/// The lines between the first and the last.
fn enclosed<'a, 'b>(lines: &'b [&'a str]) -> Result<&'b [&'a str], ParseError> {
    if lines.first().is_some_and(|first| first.trim() != BEGIN) {
        return Err(ParseError::NoBegin);
    }
    match lines {
        [_, inner @ .., last] if last.trim() == END => Ok(inner),
        _ => Err(ParseError::NoEnd),
    }
}

fn operation(header: &str, lines: &mut Lines<'_>) -> Result<Operation, ParseError> {
    let path = |prefix: &str| header.strip_prefix(prefix).map(str::to_owned);
    if let Some(path) = path(ADD) {
        let mut content = String::new();
        while let Some(line) = lines.take_if(|line| line.starts_with('+')) {
            content.push_str(&line[1..]);
            content.push('\n');
        }
        return Ok(Operation::Add { path, content });
    }
    if let Some(path) = path(DELETE) {
        return Ok(Operation::Delete { path });
    }
    if let Some(path) = path(UPDATE) {
        return update(path, lines);
    }
    Err(ParseError::Hunk {
        line: lines.taken,
        reason: format!(
            "'{header}' is not a valid hunk header. Valid hunk headers: '*** Add File: {{path}}', \
             '*** Delete File: {{path}}', '*** Update File: {{path}}'"
        ),
    })
}

fn update(path: String, lines: &mut Lines<'_>) -> Result<Operation, ParseError> {
    let header = lines.taken;
    let move_to = lines
        .take_if(|line| line.starts_with(MOVE) && line != MOVE)
        .map(|line| line[MOVE.len()..].to_owned());
    if let Some(line) = lines.peek().filter(|line| *line == MOVE) {
        return Err(lines.wrong_next(unexpected(line)));
    }
    let mut hunks = Vec::new();
    while let Some(line) = lines.peek() {
        if line.trim().is_empty() {
            lines.take();
        } else if line.starts_with("***") && line != END_OF_FILE {
            break;
        } else {
            hunks.push(hunk(lines, hunks.is_empty())?);
        }
    }
    if hunks.is_empty() {
        return Err(ParseError::Hunk {
            line: header,
            reason: format!("Update file hunk for path '{path}' is empty"),
        });
    }
    Ok(Operation::Update {
        path,
        move_to,
        hunks,
    })
}

fn hunk(lines: &mut Lines<'_>, first: bool) -> Result<Hunk, ParseError> {
    let mut hunk = Hunk::default();
    if let Some(marker) = lines.take_if(|line| line == "@@" || line.starts_with("@@ ")) {
        let anchor = marker.strip_prefix("@@ ");
        hunk.anchor = anchor.filter(|it| !it.is_empty()).map(str::to_owned);
    } else if let Some(line) = lines.peek().filter(|_| !first) {
        return Err(lines.wrong_next(format!(
            "Expected update hunk to start with a @@ context marker, got: '{line}'"
        )));
    }
    while let Some(line) = lines.peek() {
        if line == END_OF_FILE && !hunk.lines.is_empty() {
            hunk.at_end = true;
            lines.take();
            break;
        }
        let Some(parsed) = hunk_line(line) else {
            if hunk.lines.is_empty() && !line.starts_with("***") {
                return Err(lines.wrong_next(unexpected(line)));
            }
            break;
        };
        hunk.lines.push(parsed);
        lines.take();
    }
    if hunk.lines.is_empty() {
        return Err(lines.wrong_next("Update hunk does not contain any lines".to_owned()));
    }
    Ok(hunk)
}

fn unexpected(line: &str) -> String {
    format!(
        "Unexpected line found in update hunk: '{line}'. Every line should start with ' ' (context \
         line), '+' (added line), or '-' (removed line)"
    )
}

fn hunk_line(line: &str) -> Option<Line> {
    let rest = || line[1..].to_owned();
    match line.chars().next() {
        None => Some(Line::Context(String::new())),
        Some(' ') => Some(Line::Context(rest())),
        Some('+') => Some(Line::Added(rest())),
        Some('-') => Some(Line::Removed(rest())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(inner: &str) -> String {
        parse(&format!("*** Begin Patch\n{inner}*** End Patch"))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_kind_of_operation_is_read() {
        let patch = parse(
            "*** Begin Patch\n*** Add File: a\n+x\n*** Delete File: b\n*** Update File: c\n\
             *** Move to: d\n@@ here\n one\n-two\n+three\n*** End of File\n*** End Patch\n",
        )
        .unwrap();
        assert_eq!(
            patch.operations,
            [
                Operation::Add {
                    path: "a".into(),
                    content: "x\n".into()
                },
                Operation::Delete { path: "b".into() },
                Operation::Update {
                    path: "c".into(),
                    move_to: Some("d".into()),
                    hunks: vec![Hunk {
                        anchor: Some("here".into()),
                        lines: vec![
                            Line::Context("one".into()),
                            Line::Removed("two".into()),
                            Line::Added("three".into()),
                        ],
                        at_end: true,
                    }],
                },
            ]
        );
    }

    #[test]
    fn a_wrong_line_is_named_with_its_number() {
        let starts = |inner: &str, start: &str| {
            let message = wrong(inner);
            assert!(message.starts_with(start), "{message}");
        };
        starts("hello\n", "invalid hunk at line 2, 'hello' is not a valid");
        starts(
            "*** Add File: a\n+x\n\n*** Add File: b\n",
            "invalid hunk at line 4, '' is not",
        );
        starts(
            "*** Update File: a\nfive\n",
            "invalid hunk at line 3, Unexpected line found in update hunk: 'five'",
        );
        starts(
            "*** Update File: a\n@@\n-five\nfive\n",
            "invalid hunk at line 5, Expected update hunk to start",
        );
        starts(
            "*** Update File: a\n@@\n",
            "invalid hunk at line 4, Update hunk does not",
        );
        starts(
            "*** Update File: a\n@@\n*** End of File\n",
            "invalid hunk at line 4, Update hunk does not",
        );
        starts(
            "*** Update File: a\n",
            "invalid hunk at line 2, Update file hunk for path 'a'",
        );
    }

    #[test]
    fn the_frame_is_needed() {
        assert_eq!(parse("x"), Err(ParseError::NoBegin));
        assert_eq!(parse(""), Err(ParseError::NoEnd));
        assert_eq!(parse("*** Begin Patch"), Err(ParseError::NoEnd));
        assert!(parse("<<EOF\n*** Begin Patch\n*** End Patch\nEOF").is_ok());
    }
}
