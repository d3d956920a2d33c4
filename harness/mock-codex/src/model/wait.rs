//! How long a server asks to wait before the next try.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

use crate::clock;

/// What a `Retry-After` header says: whole seconds, or a date. Anything else says nothing.
pub(super) fn in_header(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    let ms = date.as_millisecond() - clock::now_ms();
    Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

/// What the message of an exceeded rate limit says: `… try again in 1.5s`, also in `ms` and
/// `seconds`.
pub(super) fn in_message(message: &str) -> Option<Duration> {
    const BEFORE: &str = "try again in";
    let message = message.to_ascii_lowercase();
    let said = message[message.find(BEFORE)? + BEFORE.len()..].trim_start();
    let end = said.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = said[..end].parse().ok()?;
    let unit = said[end..].trim_start();
    let seconds = if unit.starts_with("ms") {
        number / 1000.0
    } else if unit.starts_with('s') {
        number
    } else {
        return None;
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_seconds_or_a_date() {
        assert_eq!(in_header("2"), Some(Duration::from_secs(2)));
        assert_eq!(in_header("0"), Some(Duration::ZERO));
        assert_eq!(
            in_header("Sat, 21 Nov 1998 10:00:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(in_header("1.5"), None);
        assert_eq!(in_header("soon"), None);
    }

    #[test]
    fn a_message_has_a_number_and_a_unit() {
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(in_message("Please try again in 500ms."), ms(500));
        assert_eq!(
            in_message("Limit reached. Try again in 1.5s. Visit"),
            ms(1500)
        );
        assert_eq!(in_message("try again in 1 seconds"), ms(1000));
        assert_eq!(in_message("try again in 2 minutes"), None);
        assert_eq!(in_message("try again in a while"), None);
        assert_eq!(in_message("slow"), None);
    }
}
