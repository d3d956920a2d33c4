//! What a reviewer of code is asked: each implementation has its own words for it.

/// A kind of question: how it begins, and the end of what it is about.
struct Kind {
    begins: &'static str,
    until: &'static str,
    name: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        begins: "Review the current code changes",
        until: "",
        name: "current changes",
    },
    Kind {
        begins: "Review the code changes against the base branch '",
        until: "'. ",
        name: "changes against ",
    },
    Kind {
        begins: "Review the code changes introduced by commit ",
        until: ". ",
        name: "commit ",
    },
];

/// How the commit is told from which on there are changes.
const FROM: &str = "`git diff ";

/// The rule `review-words`: a question, reduced to what it is about, and since which commit.
pub(super) fn question(text: &str) -> Option<String> {
    KINDS.iter().find_map(|kind| {
        let rest = text.strip_prefix(kind.begins)?;
        let about = &rest[..rest.find(kind.until)?];
        let from = rest
            .split_once(FROM)
            .and_then(|(_, rest)| rest.split_once('`'));
        let is_commit =
            |it: &&str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_hexdigit());
        let from = from.map(|(commit, _)| commit).filter(is_commit);
        let since = from.map_or_else(String::new, |commit| format!(" since {commit}"));
        Some(format!("<review of {}{about}{since}>", kind.name))
    })
}

#[cfg(test)]
mod tests {
    use super::question;

    #[test]
    fn a_question_is_reduced_to_what_it_is_about() {
        let of = |text| question(text).unwrap();
        assert_eq!(
            of("Review the current code changes, please"),
            "<review of current changes>"
        );
        assert_eq!(
            of("Review the code changes against the base branch 'main'. Now."),
            "<review of changes against main>"
        );
        assert_eq!(
            of("Review the code changes introduced by commit a1 (\"b\"). Now."),
            "<review of commit a1 (\"b\")>"
        );
        assert_eq!(
            of("Review the code changes against the base branch 'main'. Run `git diff 0a1b` now."),
            "<review of changes against main since 0a1b>"
        );
        assert_eq!(question("Review this"), None);
    }
}
