//! Scenarios: the file format, loading and expansion.
//!
//! A text becomes a tree with places (`yaml`), takes in its parts (`include`), is written out for
//! each combination of its matrix (`matrix`, `expand`) and decoded by tables (`format`, `steps`,
//! `matcher`) into a [`model::Case`]. Defects are collected on the way and reported all at once.

mod case;
mod expand;
mod format;
mod gates;
mod include;
mod load;
mod matcher;
mod matrix;
pub mod model;
mod names;
mod problem;
mod record;
pub mod reference;
mod replies;
pub mod schema;
mod select;
mod shape;
mod source;
mod step;
pub(crate) mod steps;
pub mod template;
mod yaml;

pub(crate) use load::load_text;
pub use load::{LoadReport, MAX_BYTES, load};
pub use problem::LoadError;
pub use select::select;
pub use steps::Group;
