//! A new codex: what follows from it for the fixtures, the snapshots and the documents.
//!
//! Each step writes into the working tree through [`tree::Tree`], which overwrites nothing that
//! isn't committed, and remembers what it wrote, so that a second call goes on where the first one
//! was. Git is asked what is not committed, and otherwise left alone.

pub mod known;
pub mod page;
pub mod recorder;
pub mod state;
pub mod summary;
pub mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codex_wire::schema::{Schema, SchemaError};

use crate::known_failures::{self, KnownFailures};
use crate::requirements::{self, Requirements};
use crate::scenario::model::Case;
use crate::schema::diff::Diff;
use crate::schema::{self, LoadError};
use crate::target::Target;
use crate::target::capability::UnknownCapability;
use state::Compared;
use tree::{Tree, TreeError, Wrote};

/// What is adopted, and from where.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The directory that has `scenarios` and `fixtures`.
    pub root: &'a Path,
    /// The version that was.
    pub old: &'a str,
    /// The new one.
    pub new: &'a str,
    /// The first version behind the new one that is known already, if there is one.
    pub next: Option<&'a str>,
    /// Every case that there is.
    pub cases: &'a [Arc<Case>],
}

/// Why a step couldn't be done. What was done before stays, and a second call goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The working tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The schema of the version before.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The generator's schema.
    #[error("the generator of codex {version} wrote what is no schema: {source}")]
    Schema {
        /// The version.
        version: String,
        /// Why it is none.
        source: SchemaError,
    },
    /// There is no schema of the version before.
    #[error("there is no schema of codex {0} to compare with")]
    NoSchema(String),
    /// The known failures.
    #[error(transparent)]
    Known(#[from] known_failures::ListError),
    /// A case requires what nobody knows.
    #[error(transparent)]
    Capability(#[from] UnknownCapability),
}

/// Where the list of what codex gets wrong is, below the root.
pub const KNOWN: &str = "fixtures/known-failures/codex.yaml";

impl Plan<'_> {
    /// Where the page about the change is, below the root.
    pub fn page(&self) -> PathBuf {
        PathBuf::from(format!("docs/changes/codex-{}.md", self.new))
    }

    /// What may be written, below the root: none of it may have changes that aren't committed.
    pub fn writes(&self) -> Vec<PathBuf> {
        let below = |path: PathBuf| path.strip_prefix(self.root).map(Path::to_owned);
        let files = [
            schema::path_of(self.root, self.new),
            requirements::path_of(self.root, self.new),
        ];
        let mut all: Vec<PathBuf> = files.into_iter().filter_map(|it| below(it).ok()).collect();
        all.extend([
            PathBuf::from(KNOWN),
            PathBuf::from("snapshots"),
            self.page(),
        ]);
        all
    }

    /// The protocol: `text` is what the import gave.
    ///
    /// # Errors
    /// It is no schema, or can't be written.
    pub fn schema(&self, tree: &mut Tree, text: &str) -> Result<(Wrote, Diff), AdoptError> {
        let new = Schema::parse(text).map_err(|source| AdoptError::Schema {
            version: self.new.to_owned(),
            source,
        })?;
        let old = schema::load(self.root, self.old)?
            .ok_or_else(|| AdoptError::NoSchema(self.old.to_owned()))?;
        let wrote = tree.write(&schema::path_of(Path::new(""), self.new), text)?;
        Ok((wrote, Diff::between(&old, &new)))
    }

    /// What fails: closes the ranges of entries that don't hold any more, and adds what is new.
    ///
    /// # Errors
    /// The list can't be read or written.
    pub fn known(
        &self,
        tree: &mut Tree,
        compared: &Compared,
    ) -> Result<(Wrote, known::Changes), AdoptError> {
        if let Some(changes) = &compared.known {
            // The results name lines of the list as it was then.
            return Ok((Wrote::Same, changes.clone()));
        }
        let path = Path::new(KNOWN);
        let text = tree.read(path)?.unwrap_or_default();
        let (text, changes) = known::revised(&text, self.new, self.next, &compared.results);
        let wrote = if changes.is_empty() {
            Wrote::Same
        } else {
            // What can't be read again must not be written.
            KnownFailures::parse(&self.root.join(path), &text)?;
            tree.write(path, &text)?
        };
        if let Some(compared) = &mut tree.state.compared {
            compared.known = Some(changes.clone());
        }
        tree.keep()?;
        Ok((wrote, changes))
    }

    /// What a server and a client of the new version must pass.
    ///
    /// # Errors
    /// The known failures can't be read, or the file can't be written.
    pub fn requirements(&self, tree: &mut Tree) -> Result<(Wrote, Requirements), AdoptError> {
        let target = Target::Codex {
            version: self.new.to_owned(),
        };
        let known = KnownFailures::of(&target, &self.root.join("fixtures/known-failures"))?;
        let frozen = Requirements::freeze(self.new, self.cases, &known)?;
        let path = requirements::path_of(Path::new(""), self.new);
        Ok((tree.write_frozen(&path, &frozen.to_yaml())?, frozen))
    }

    /// The page about the change.
    ///
    /// # Errors
    /// It can't be written.
    pub fn write_page(
        &self,
        tree: &mut Tree,
        diff: &Diff,
        compared: &Compared,
    ) -> Result<Wrote, AdoptError> {
        let text = page::page(self, diff, &compared.page);
        Ok(tree.write(&self.page(), &text)?)
    }
}
