//! Differences of texts, as items and turns tell them.

use std::fmt::Write as _;
use std::path::Path;

use sha1::{Digest as _, Sha1};
use similar::TextDiff;

/// What stands for the blob of a file that is not there.
const NO_BLOB: &str = "0000000000000000000000000000000000000000";

/// The difference of two texts with `context` lines around, without a header.
pub(crate) fn unified(old: &str, new: &str, context: usize) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(context)
        .to_string()
}

/// One side of a file's difference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) path: &'a Path,
    /// `None` where the file is not there.
    pub(super) text: Option<&'a str>,
}

/// The difference of one file in git's form. Modes of files are not looked at, as codex 0.169.0 does.
pub(super) fn git(old: Side<'_>, new: Side<'_>) -> String {
    let (from, to) = (old.path.display(), new.path.display());
    let mut diff = format!("diff --git a/{from} b/{to}\n");
    match (old.text, new.text) {
        (None, _) => diff.push_str("new file mode 100644\n"),
        (_, None) => diff.push_str("deleted file mode 100644\n"),
        _ => {}
    }
    // Writing to a string can't fail.
    let blob = |side: Side<'_>| side.text.map_or_else(|| NO_BLOB.to_owned(), blob_id);
    let _ = writeln!(diff, "index {}..{}", blob(old), blob(new));
    let hunks = unified(
        old.text.unwrap_or_default(),
        new.text.unwrap_or_default(),
        3,
    );
    if !hunks.is_empty() {
        let name = |side: Side<'_>, letter| match side.text {
            Some(_) => format!("{letter}/{}", side.path.display()),
            None => "/dev/null".to_owned(),
        };
        let (from, to) = (name(old, 'a'), name(new, 'b'));
        let _ = write!(diff, "--- {from}\n+++ {to}\n{hunks}");
    }
    diff
}

/// What git calls a file of this text.
fn blob_id(text: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", text.len()));
    hash.update(text);
    let mut id = String::with_capacity(40);
    for byte in hash.finalize() {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_text_has_no_hunks() {
        let side = |text| Side {
            path: Path::new("a"),
            text,
        };
        assert_eq!(
            git(side(None), side(Some(""))),
            "diff --git a/a b/a\nnew file mode 100644\n\
             index 0000000000000000000000000000000000000000..e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n"
        );
        assert_eq!(
            git(side(Some("x\n")), side(Some("y"))),
            "diff --git a/a b/a\n\
             index 587be6b4c3f93f93c489c0111bba5596147a26cb..e25f1814e51579d5f55c0f1fe0135ddb28a47f4a\n\
             --- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n\\ No newline at end of file\n"
        );
    }
}
