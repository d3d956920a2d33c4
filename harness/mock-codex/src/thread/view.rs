//! Threads as replies show them.

use super::record::Unread;
use super::state::Thread;
use super::turns::ItemsView;
use crate::protocol::reply::{Environment, ReadState, ThreadReply, ThreadView};

impl Thread {
    /// The thread as replies show it, with the turns that are asked for.
    pub(crate) fn view(&self, turns: Option<ItemsView>) -> ThreadView {
        let state = self.state.borrow();
        let settings = &state.settings;
        ThreadView {
            environments: Some(vec![Environment::local(
                &settings.cwd,
                &settings.workspace_roots,
            )]),
            session_id: self.meta.session_id.clone(),
            forked_from_id: self.meta.forked_from.clone(),
            preview: state.preview.clone(),
            ephemeral: self.ephemeral,
            model_provider: settings.provider.clone(),
            model: Some(settings.model.clone()),
            reasoning_effort: settings.effort.clone(),
            created_at: self.meta.created_ms / 1000,
            updated_at: state.updated_ms / 1000,
            recency_at: state.recency_ms / 1000,
            status: state.status.clone(),
            path: self.path.clone(),
            cwd: settings.cwd.clone(),
            originator: self.meta.originator(),
            can_accept_direct_input: Some(true),
            thread_source: self.meta.thread_source.clone(),
            git_info: state.git.clone(),
            name: state.name.clone(),
            daybreak_enabled: state.daybreak,
            turns: turns.map_or_else(Vec::new, |items| {
                state.turns.iter().map(|turn| turn.view(items)).collect()
            }),
            ..ThreadView::blank(self.meta.id.clone())
        }
    }

    /// The reply of `thread/start` and `thread/fork`.
    pub(crate) fn reply(&self, turns: Option<ItemsView>) -> ThreadReply {
        let thread = self.view(turns);
        let state = self.state.borrow();
        let settings = &state.settings;
        ThreadReply {
            thread,
            model: settings.model.clone(),
            model_provider: settings.provider.clone(),
            service_tier: settings.service_tier.clone(),
            disabled_plugin_ids: settings.plugins.clone(),
            cwd: settings.cwd.clone(),
            runtime_workspace_roots: settings.workspace_roots.clone(),
            instruction_sources: settings.documents.sources.clone(),
            approval_policy: settings.approval_policy,
            approvals_reviewer: settings.reviewer,
            sandbox: settings.told_sandbox(),
            active_permission_profile: settings.profile_view(),
            reasoning_effort: settings.effort.clone(),
            collaboration_mode: None,
            multi_agent_mode: "explicitRequestOnly",
            page: None,
        }
    }
}

impl ReadState {
    /// The read state of a thread in which nothing new has happened.
    pub(crate) fn initial(id: &str) -> Self {
        Self {
            first_unread: None,
            revision: format!("initial:{id}"),
        }
    }
}

impl Unread {
    /// As replies show it.
    pub(crate) fn view(&self) -> ReadState {
        ReadState {
            first_unread: self.first.clone(),
            revision: self.revision.clone(),
        }
    }
}
