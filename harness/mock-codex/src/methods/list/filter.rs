//! Which threads a list is narrowed to.

use std::path::PathBuf;

use crate::config::{self, Requested};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{ThreadListParams, ThreadSourceKind};
use crate::protocol::reply::ThreadView;
use crate::server::parse_id;

/// Which threads are wanted.
pub(super) struct Filter {
    pub(super) providers: Vec<String>,
    pub(super) kinds: Vec<ThreadSourceKind>,
    pub(super) excluded: Vec<String>,
    pub(super) directories: Option<Vec<PathBuf>>,
    pub(super) term: Option<String>,
    pub(super) archived: bool,
    /// Does the list ask for what the mock's threads never are: in a section, or children?
    pub(super) nothing: bool,
}

impl Filter {
    pub(super) fn new(call: &Call, params: ThreadListParams) -> Result<Self, Failure> {
        let excluded = params.excluded_thread_ids.unwrap_or_default();
        let excluded = excluded.iter().map(|id| parse("excluded thread", id));
        let excluded = excluded.collect::<Result<_, _>>()?;
        if params.originators.is_some_and(|names| !names.is_empty()) {
            return Err(Failure::params(
                "originator filtering is not supported by the local app-server",
            ));
        }
        let (parent, ancestor) = (&params.parent_thread_id, &params.ancestor_thread_id);
        if parent.is_some() && ancestor.is_some() {
            return Err(Failure::invalid(
                "parentThreadId and ancestorThreadId are mutually exclusive",
            ));
        }
        if params.attached_to_thread_id.is_some() && (parent.is_some() || ancestor.is_some()) {
            return Err(Failure::invalid(
                "attachedToThreadId cannot be combined with parentThreadId or ancestorThreadId",
            ));
        }
        let relatives = [
            ("parent thread", params.parent_thread_id),
            ("ancestor thread", params.ancestor_thread_id),
            ("attached thread parent", params.attached_to_thread_id),
        ];
        let mut nothing = params.section_id.is_some();
        for (what, id) in relatives {
            nothing |= id.is_some();
            id.map(|id| parse_id(what, &id)).transpose()?;
        }
        let has_term = params.search_term.as_ref().is_some_and(|t| !t.is_empty());
        if params.include_attached_threads && !has_term {
            return Err(Failure::invalid(
                "includeAttachedThreads requires a non-empty searchTerm",
            ));
        }
        match params.project_id.as_deref() {
            None => {}
            Some("") => return Err(Failure::params("projectId must not be empty")),
            Some(project) => {
                return Err(Failure::params(format!("project not found: {project}")));
            }
        }
        let server = &call.server;
        Ok(Self {
            providers: match params.model_providers {
                Some(providers) => providers,
                None => vec![default_provider(call)],
            },
            kinds: params.source_kinds.unwrap_or_default(),
            excluded,
            directories: params.cwd.map(|cwd| cwd.directories(&server.started_in)),
            term: params.search_term,
            archived: params.archived == Some(true),
            nothing,
        })
    }

    pub(super) fn admits(&self, view: &ThreadView) -> bool {
        let Self {
            providers, kinds, ..
        } = self;
        // A thread without a first message shows among the archived alone.
        (self.archived || !view.preview.is_empty())
            && (providers.is_empty() || providers.contains(&view.model_provider))
            && (kinds.is_empty() || kinds.contains(&ThreadSourceKind::VsCode))
            && !self.excluded.contains(&view.id)
            && self
                .directories
                .as_ref()
                .is_none_or(|directories| directories.contains(&view.cwd))
            && self.term.as_ref().is_none_or(|term| {
                view.preview.contains(term)
                    || view.name.as_ref().is_some_and(|name| name.contains(term))
            })
    }
}

/// The provider that a list is narrowed to unless it names some: the one of a new thread, and
/// codex's own where the configuration can't be read.
fn default_provider(call: &Call) -> String {
    let configured = call.server.config().and_then(|config| {
        config::resolve(&config, &Requested::default(), &call.server.started_in)
    });
    configured.map_or_else(|_| "openai".to_owned(), |settings| settings.provider)
}

fn parse(what: &str, id: &str) -> Result<String, Failure> {
    parse_id(what, id).map_err(|failure| Failure::params(failure.into_object().message))
}
