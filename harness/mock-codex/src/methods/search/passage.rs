//! A text, the places of a term in it, and what is shown around one.

use std::ops::Range;

/// How many characters are shown before a place, and behind it.
const BEFORE: usize = 49;
const BEHIND: usize = 96;

/// What stands for the rest of a text.
const REST: &str = "...";

/// What a character is compared as.
type Fold = fn(char) -> Vec<char>;

/// As the same letter, large or small.
pub(super) fn same_letters(letter: char) -> Vec<char> {
    letter.to_lowercase().collect()
}

/// As the same letter or letters, however they are written: `ß` as `SS`.
pub(super) fn same_words(letter: char) -> Vec<char> {
    let large = letter.to_uppercase();
    large.flat_map(char::to_lowercase).collect()
}

/// A text to look through.
#[derive(Debug)]
pub(super) struct Passage {
    letters: Vec<char>,
    /// What each is compared as, with its place among the letters.
    folded: Vec<(char, usize)>,
    fold: Fold,
}

/// What is shown of a text around a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    /// Where the place is in it, in UTF-16 units.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Passage {
    /// A text as it is.
    pub(super) fn of(text: &str, fold: Fold) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let folded = (0..).zip(&letters).flat_map(|(at, &letter)| {
            let compared = fold(letter).into_iter();
            compared.map(move |letter| (letter, at))
        });
        Self {
            folded: folded.collect(),
            letters,
            fold,
        }
    }

    /// A text with a space wherever it has white space, and none at its ends.
    pub(super) fn spaced(text: &str, fold: Fold) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        Self::of(&words.join(" "), fold)
    }

    /// The first place of a term.
    pub(super) fn first(&self, term: &str) -> Option<Range<usize>> {
        self.places(&self.folded_term(term)).next()
    }

    /// All places of a term; none begins within another.
    pub(super) fn all(&self, term: &str) -> Vec<Range<usize>> {
        self.places(&self.folded_term(term)).collect()
    }

    fn folded_term(&self, term: &str) -> Vec<char> {
        term.chars().flat_map(self.fold).collect()
    }

    fn places(&self, term: &[char]) -> impl Iterator<Item = Range<usize>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let rest = self.folded.get(from..)?;
            let mut windows = rest.windows(term.len().max(1));
            let same = |window: &[(char, usize)]| window.iter().map(|(it, _)| it).eq(term);
            let at = from + windows.position(same)?;
            from = at + term.len();
            let last = self.folded[from - 1].1;
            Some(self.folded[at].1..last + 1)
        })
    }

    /// What is shown around a place.
    pub(super) fn excerpt(&self, place: &Range<usize>) -> Excerpt {
        let from = place.start.saturating_sub(BEFORE);
        let to = (place.end + BEHIND).min(self.letters.len());
        let lead = if from > 0 { REST } else { "" };
        let tail = if to < self.letters.len() { REST } else { "" };
        let shown = |range: Range<usize>| self.letters[range].iter().collect::<String>();
        let before = match lead {
            "" => shown(from..place.start),
            lead => format!("{lead} {}", shown(from..place.start)),
        };
        let found = shown(place.clone());
        let start = before.encode_utf16().count();
        let end = start + found.encode_utf16().count();
        let behind = match tail {
            "" => shown(place.end..to),
            tail => format!("{} {tail}", shown(place.end..to)),
        };
        Excerpt {
            text: before + &found + &behind,
            start,
            end,
        }
    }
}

impl Excerpt {
    /// The text without the white space that it was cut at.
    pub(super) fn trimmed(&self) -> String {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_found_in_any_case_and_never_within_another() {
        let letters = Passage::of("straße Äpfel aaaa", same_letters);
        assert_eq!(letters.first("STRASSE"), None);
        assert_eq!(letters.first("STRAßE"), Some(0..6));
        assert_eq!(letters.first("äpfel"), Some(7..12));
        assert_eq!(letters.all("aa"), [13..15, 15..17]);
        assert_eq!(letters.first("nothing"), None);
        assert_eq!(
            Passage::of("straße", same_words).first("STRASSE"),
            Some(0..6)
        );
    }

    #[test]
    fn an_excerpt_is_cut_at_both_ends() {
        let words: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
        let passage = Passage::spaced(&words.join("\n "), same_letters);
        let place = passage.first("050").unwrap();
        let excerpt = passage.excerpt(&place);
        assert_eq!((excerpt.start, excerpt.end), (53, 56));
        assert!(excerpt.text.starts_with("...  038 039"), "{excerpt:?}");
        assert!(excerpt.text.ends_with("073 074 ..."), "{excerpt:?}");
        assert!(excerpt.trimmed().starts_with("... 038 039"), "{excerpt:?}");
        let first = passage.excerpt(&passage.first("001").unwrap());
        assert_eq!((first.start, first.end), (4, 7));
        assert!(first.text.starts_with("000 001 002"), "{first:?}");
    }

    #[test]
    fn a_place_is_counted_in_utf16() {
        let passage = Passage::of("😀 end 😀", same_letters);
        let excerpt = passage.excerpt(&passage.first("end").unwrap());
        assert_eq!((excerpt.start, excerpt.end), (3, 6));
        let excerpt = passage.excerpt(&passage.all("😀")[1]);
        assert_eq!((excerpt.start, excerpt.end), (7, 9));
    }
}
