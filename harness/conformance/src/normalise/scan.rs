//! Finding in a text what differs from run to run.

use super::names::Role;

/// What follows a marker and is replaced.
#[derive(Clone, Copy)]
enum Shape {
    /// These characters; `0` stands for any digit.
    Picture(&'static str),
    /// Digits, with a fraction or without.
    Number,
    /// Hexadecimal digits.
    Hex,
    /// Everything up to this character.
    Until(char),
    /// Everything up to this character, or to the end of the text.
    Rest(char),
    /// Digits that name a process.
    Process,
}

/// A marker, the shape of what follows it, and what is put in its place.
struct Mark(&'static str, Shape, &'static str);

const MARKS: &[Mark] = &[
    Mark("/sessions/", Shape::Picture("0000/00/00"), "<date>"),
    Mark("rollout-", Shape::Picture("0000-00-00T00-00-00"), "<time>"),
    Mark("127.0.0.1:", Shape::Number, "<port>"),
    Mark("127.0.0.1/", Shape::Number, "<port>"),
    Mark("127.0.0.1 ", Shape::Number, "<port>"),
    Mark("localhost:", Shape::Number, "<port>"),
    Mark("Wall time: ", Shape::Number, "<duration>"),
    Mark("aborted by user after ", Shape::Number, "<duration>"),
    Mark("}, duration: ", Shape::Number, "<duration>"),
    Mark("\nDuration: ", Shape::Number, "<duration>"),
    Mark("Chunk ID: ", Shape::Hex, "<chunk>"),
    Mark("Original token count: ", Shape::Number, "<count>"),
    Mark("original token count: ", Shape::Number, "<count>"),
    Mark("127.0.0.1%3A", Shape::Number, "<port>"),
    Mark("client_id=", Shape::Until('&'), "<client>"),
    Mark("code_challenge=", Shape::Until('&'), "<challenge>"),
    Mark("&state=", Shape::Until('&'), "<state>"),
    Mark("try again at ", Shape::Until('.'), "<time>"),
    Mark("\"createdAt\":", Shape::Number, "\"<time s>\""),
    Mark("\"updatedAt\":", Shape::Number, "\"<time s>\""),
    Mark("\"timeUsedSeconds\":", Shape::Number, "\"<duration>\""),
    Mark(
        "\"completionBudgetReport\":\"",
        Shape::Until('"'),
        "<words>",
    ),
    Mark(
        "The agent must not attempt to achieve the same outcome via workaround",
        Shape::Rest('\\'),
        " <guidance>",
    ),
    Mark(
        "The action was not executed because automatic approval review could not be completed",
        Shape::Rest('\\'),
        " <guidance>",
    ),
    Mark("session ID ", Shape::Process, ""),
    Mark("\"session_id\":", Shape::Process, ""),
    Mark("\"session_id\": ", Shape::Process, ""),
];

/// Replaces what follows the markers; `process` gives the placeholder of a process id.
pub(super) fn marked(text: &str, mut process: impl FnMut(&str) -> String) -> Option<String> {
    let mut out: Option<String> = None;
    for Mark(marker, shape, put) in MARKS {
        let now = out.as_deref().unwrap_or(text);
        if !now.contains(marker) {
            continue;
        }
        let mut next = String::with_capacity(now.len());
        let mut rest = now;
        while let Some(at) = rest.find(marker) {
            let (before, after) = rest.split_at(at + marker.len());
            next.push_str(before);
            let length = shape.length(after);
            match shape {
                Shape::Process if length > 0 => next.push_str(&process(&after[..length])),
                _ if length > 0 => next.push_str(put),
                _ => {}
            }
            rest = &after[length..];
        }
        next.push_str(rest);
        out = Some(next);
    }
    out
}

impl Shape {
    /// How many bytes at the start of `text` have this shape; 0: it is something else.
    fn length(self, text: &str) -> usize {
        let run = |of: fn(&u8) -> bool| text.bytes().take_while(of).count();
        match self {
            Self::Picture(picture) => {
                let fits = text.len() >= picture.len()
                    && picture.bytes().zip(text.bytes()).all(|(want, is)| {
                        if want == b'0' {
                            is.is_ascii_digit()
                        } else {
                            want == is
                        }
                    });
                if fits { picture.len() } else { 0 }
            }
            Self::Number => {
                let number = &text[..run(|b| b.is_ascii_digit() || *b == b'.')];
                number.trim_end_matches('.').len()
            }
            Self::Hex => run(u8::is_ascii_hexdigit),
            Self::Rest(_) if text.starts_with(" <") => 0,
            Self::Rest(end) => text.find(end).unwrap_or(text.len()),
            Self::Process => run(u8::is_ascii_digit),
            Self::Until(end) => match text.find(end) {
                Some(length) if !text.starts_with('<') => length,
                _ => 0,
            },
        }
    }
}

/// Replaces every UUID in `text`; `None` when there is none.
pub(super) fn uuids(text: &str, mut name: impl FnMut(&str) -> String) -> Option<String> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut at = 0;
    while at + UUID_LENGTH <= text.len() {
        if is_uuid(&text.as_bytes()[at..at + UUID_LENGTH]) {
            let out = out.get_or_insert_default();
            out.push_str(&text[copied..at]);
            out.push_str(&name(&text[at..at + UUID_LENGTH]));
            at += UUID_LENGTH;
            copied = at;
        } else {
            at += 1;
        }
    }
    if let Some(out) = &mut out {
        out.push_str(&text[copied..]);
    }
    out
}

/// Replaces every SHA-256 digest that is marked as one; `None` when there is none.
pub(super) fn digests(text: &str, mut name: impl FnMut(&str) -> String) -> Option<String> {
    const MARK: &str = "sha256:";
    const LENGTH: usize = 64;
    let (before, rest) = text.split_once(MARK)?;
    let digest = rest.get(..LENGTH)?;
    if !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let named = name(digest);
    let after = &rest[LENGTH..];
    let after = digests(after, name).unwrap_or_else(|| after.to_owned());
    Some(format!("{before}{named}{after}"))
}

const UUID_LENGTH: usize = 36;

/// Is this a UUID in its usual form, in lower case?
pub(super) fn is_uuid(bytes: &[u8]) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    bytes.len() == UUID_LENGTH
        && DASHES.iter().all(|at| bytes[*at] == b'-')
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| DASHES.contains(&at) || matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `NAME/VERSION (SYSTEM) TERMINAL (CLIENT)` with placeholders; `None` when it looks different.
pub(super) fn user_agent(text: &str) -> Option<String> {
    let (name, rest) = text.split_once('/')?;
    let (_version, rest) = rest.split_once(" (")?;
    let (_system, rest) = rest.split_once(") ")?;
    let client = rest.find(" (").map_or("", |at| &rest[at..]);
    Some(format!("{name}/<version> (<system>) <terminal>{client}"))
}

/// The role of a digest.
pub(super) const CONFIG: Role = Role("config");

/// The role of an id that is known by nothing but its shape.
pub(super) const UNKNOWN: Role = Role("id");

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = marked(text, |id| format!("<p{id}>")).unwrap_or_else(|| text.to_owned());
        assert_eq!(got, want);
        assert_eq!(
            marked(&got, |_| unreachable!()).unwrap_or_else(|| got.clone()),
            got
        );
    }

    #[test]
    fn marks_are_replaced_once() {
        check("Wall time: 0.0000 seconds", "Wall time: <duration> seconds");
        check("Wall time: 0 seconds", "Wall time: <duration> seconds");
        check(
            "aborted by user after 0.1s",
            "aborted by user after <duration>s",
        );
        check(
            "Process running with session ID 49495\n",
            "Process running with session ID <p49495>\n",
        );
        check(
            "http://127.0.0.1:33087/v1, http://127.0.0.1:1/",
            "http://127.0.0.1:<port>/v1, http://127.0.0.1:<port>/",
        );
        check("connect to 127.0.0.1:80.", "connect to 127.0.0.1:<port>.");
        check(
            "a/sessions/2026/11/21/rollout-2026-11-21T05-52-08-x",
            "a/sessions/<date>/rollout-<time>-x",
        );
        check("try again at 10:26 PM.", "try again at <time>.");
        check("session ID of mine", "session ID of mine");
        check(
            r#"{"createdAt":1795282859,"timeUsedSeconds":0}"#,
            r#"{"createdAt":"<time s>","timeUsedSeconds":"<duration>"}"#,
        );
    }

    #[test]
    fn guidance_is_cut_to_its_first_words() {
        let words = "The agent must not attempt to achieve the same outcome via workaround";
        check(
            &format!("Reason: no\n{words}, or otherwise. Stop."),
            &format!("Reason: no\n{words} <guidance>"),
        );
        check(
            &format!(r#"Rejected(\"no\\n{words}.\") }}"#),
            &format!(r#"Rejected(\"no\\n{words} <guidance>\") }}"#),
        );
    }

    #[test]
    fn uuids_are_found_within_words_and_beside_other_letters() {
        let id = "01a1fca9-7ce8-7d72-b49f-436c55dacb21";
        let text = format!("é{id}é msg_{id}:0 {}", &id[1..]);
        let got = uuids(&text, |_| "#".into());
        assert_eq!(got, Some(format!("é#é msg_#:0 {}", &id[1..])));
        assert_eq!(uuids("none", |_| unreachable!()), None);
    }

    #[test]
    fn digests_are_named() {
        let text = format!("a sha256:{} sha256:{}b", "0".repeat(64), "1".repeat(64));
        let got = digests(&text, |digest| format!("<{}>", &digest[..1]));
        assert_eq!(got.as_deref(), Some("a <0> <1>b"));
        assert_eq!(digests("sha256:0", |_| unreachable!()), None);
    }

    #[test]
    fn user_agents_lose_version_system_and_terminal() {
        let agent = "probe/0.169.0 (Debian 12.0.0; x86_64) xterm (probe; 0.1)";
        let want = "probe/<version> (<system>) <terminal> (probe; 0.1)";
        assert_eq!(user_agent(agent).as_deref(), Some(want));
        assert_eq!(user_agent(want).as_deref(), Some(want));
        assert_eq!(user_agent("curl"), None);
    }
}
