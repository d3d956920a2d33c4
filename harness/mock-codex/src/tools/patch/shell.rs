//! Patches that a command line asks for.

/// A command line that is a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InCommand {
    /// `apply_patch` reads it from a here-document, maybe after one `cd`.
    Asked {
        directory: Option<String>,
        text: String,
    },
    /// The patch itself, with no command that would read it.
    Bare,
}

const COMMANDS: [&str; 2] = ["apply_patch", "applypatch"];

/// The patch that a command line is, if it is one and nothing more.
pub(crate) fn find(line: &str) -> Option<InCommand> {
    if super::parse(line).is_ok() {
        return Some(InCommand::Bare);
    }
    let line = line.trim_start();
    let (directory, line) = match line.strip_prefix("cd ") {
        Some(rest) => {
            let (directory, rest) = word(rest.trim_start())?;
            let rest = rest.trim_start().strip_prefix("&&")?;
            (Some(directory), rest.trim_start())
        }
        None => (None, line),
    };
    let rest = COMMANDS.iter().find_map(|name| line.strip_prefix(name))?;
    let (delimiter, body) = word(rest.trim_start().strip_prefix("<<")?.trim_start())?;
    let body = body.trim_start_matches([' ', '\t']).strip_prefix('\n')?;
    let mut end = 0;
    for line in body.split_inclusive('\n') {
        if line.trim_end_matches('\n') == delimiter {
            let behind = &body[end + line.len()..];
            return behind.trim().is_empty().then(|| InCommand::Asked {
                directory,
                text: body[..end].trim_end_matches('\n').to_owned(),
            });
        }
        end += line.len();
    }
    None
}

/// The first word of a line, plain or in one pair of quotes, and what is behind it.
fn word(line: &str) -> Option<(String, &str)> {
    if let Some(quote) = line.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let (inside, rest) = line[1..].split_once(quote)?;
        let plain = quote == '\'' || !inside.contains(['$', '`', '\\']);
        return plain.then(|| (inside.to_owned(), rest));
    }
    let end = line
        .find(|c: char| c.is_whitespace() || "&;|<>()'\"$`\\".contains(c))
        .unwrap_or(line.len());
    (end > 0).then(|| (line[..end].to_owned(), &line[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<(Option<String>, String)> {
        match find(line)? {
            InCommand::Asked { directory, text } => Some((directory, text)),
            InCommand::Bare => None,
        }
    }

    #[test]
    fn a_here_document_is_found() {
        for (line, directory) in [
            ("apply_patch <<'EOF'\nx\ny\nEOF\n", None),
            ("applypatch << EOF\nx\ny\nEOF", None),
            (
                "cd 'a b' && apply_patch <<\"END\"\nx\ny\nEND\n",
                Some("a b"),
            ),
        ] {
            let expected = (directory.map(str::to_owned), "x\ny".to_owned());
            assert_eq!(asked(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn anything_more_makes_it_a_command() {
        for line in [
            "apply_patch",
            "apply_patch 'x'",
            "true && apply_patch <<EOF\nx\nEOF\n",
            "cd a; apply_patch <<EOF\nx\nEOF\n",
            "cd a && cd b && apply_patch <<EOF\nx\nEOF\n",
            "apply_patch <<EOF\nx\nEOF\necho more\n",
            "apply_patch <<EOF\nx\n",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
        let bare = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
        assert_eq!(find(bare), Some(InCommand::Bare));
    }
}
