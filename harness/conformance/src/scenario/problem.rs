//! What is wrong with a file: collected while decoding, shown all at once.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};

use super::model::Location;
use super::source::{Sources, Span};

/// A defect, before it is tied to its source text.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) span: Span,
    /// What stands beside the caret.
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    /// Another place that has to do with it.
    pub(crate) also: Option<(Span, &'static str)>,
}

impl Problem {
    /// A defect at a place; `label` stands beside the caret.
    pub(crate) fn new(span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            label: label.into(),
            hint: None,
            also: None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Likewise, where there may be nothing to say.
    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Another place that has to do with it.
    #[must_use]
    pub(crate) fn also(mut self, span: Span, label: &'static str) -> Self {
        self.also = Some((span, label));
        self
    }

    /// Ties the defect to its text.
    pub(crate) fn locate(self, sources: &Sources) -> LoadError {
        let source = sources.get(self.span.source);
        let label = |span: Span, text: String| {
            let shown = sources.first_line(span);
            LabeledSpan::new(Some(text), shown.start, shown.end - shown.start)
        };
        let mut labels = vec![label(self.span, self.label)];
        if let Some((span, text)) = self
            .also
            .filter(|(span, _)| span.source == self.span.source)
        {
            labels.push(label(span, text.to_owned()));
        }
        LoadError {
            message: self.message,
            hint: self.hint,
            at: sources.locate(self.span),
            labels,
            text: NamedSource::new(source.file.display().to_string(), Arc::clone(&source.text)),
        }
    }
}

/// One defect of a scenario file, with its place, a label for the caret and a hint.
#[derive(Clone)]
pub struct LoadError {
    message: String,
    hint: Option<String>,
    at: Location,
    labels: Vec<LabeledSpan>,
    text: NamedSource<Arc<str>>,
}

impl LoadError {
    /// A defect of a file as a whole, which has no text to show.
    pub(crate) fn of_file(file: &std::path::Path, message: String, hint: Option<String>) -> Self {
        Self {
            message,
            hint,
            at: Location {
                file: file.to_owned(),
                line: 1,
                column: 1,
            },
            labels: Vec::new(),
            text: NamedSource::new(file.display().to_string(), "".into()),
        }
    }

    /// Where it is.
    pub fn at(&self) -> &Location {
        &self.at
    }

    /// What to do about it, if that can be said.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The report for people: message, place, the line with a caret, and the hint.
    pub fn render(&self, colours: bool) -> String {
        let theme = if colours {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let mut out = String::new();
        // Writing to a string can't fail.
        let _ = GraphicalReportHandler::new_themed(theme)
            .with_width(100)
            .render_report(&mut out, &Bare(self));
        if self.labels.is_empty() {
            let _ = writeln!(out, "  in {}", self.at.file.display());
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "  hint: {hint}");
        }
        out
    }
}

impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { file, line, column } = &self.at;
        write!(f, "{}:{line}:{column}: {}", file.display(), self.message)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LoadError {}

impl Diagnostic for LoadError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint
            .as_ref()
            .map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        (!self.labels.is_empty()).then_some(&self.text as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// The same error without its hint, which our reports print on a line of its own.
#[derive(Debug)]
struct Bare<'a>(&'a LoadError);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Bare<'_> {}

impl Diagnostic for Bare<'_> {
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

/// "did you mean …?" if one of `known` is close to `given`, else the list of what is known.
pub(crate) fn suggest(given: &str, known: &[&str]) -> Option<String> {
    match close(given, known) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", list(known))),
    }
}

/// The name that was probably meant: at most a third of it, and not all of a short one, differs.
pub(crate) fn close<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(given, name), *name))
        .filter(|(distance, name)| {
            let length = name.chars().count().max(given.chars().count());
            *distance <= 1.max(length / 3) && *distance < length.min(name.chars().count())
        })
        .min()
        .map(|(_, name)| name)
}

/// Names in backticks, with commas.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}
