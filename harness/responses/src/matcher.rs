//! Which requests a reply is for.

mod lazy;
mod value;
mod when;

pub use value::{Matcher, Pattern, TextMatcher};
pub use when::When;
pub(crate) use when::{Evidence, Interest};
