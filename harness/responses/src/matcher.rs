//! Which requests a reply is for.

mod value;
mod when;

pub use value::{Matcher, Pattern, TextMatcher};
pub(crate) use when::Evidence;
pub use when::When;
