//! `thread/metadata/update` and `thread/memoryMode/set`: what is known about a thread beside its
//! turns.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::threads::no_rollout;
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::reply::{GitInfo, ThreadView};
use crate::protocol::thread_params::{
    Patch, ThreadMemoryModeSetParams, ThreadMetadataGitInfoUpdateParams, ThreadMetadataUpdateParams,
};
use crate::server::parse_id;
use crate::thread::catalog;
use crate::thread::record::{Record, Summary};
use crate::thread::store::Rollout;

pub(super) fn update(call: &Call, params: ThreadMetadataUpdateParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let git = params.git_info.map(GitChange::checked).transpose()?;
    let daybreak = params.daybreak_enabled;
    if git.is_none() && daybreak.is_none() && params.project_id.is_none() {
        return Err(Failure::invalid(
            "thread metadata update must include at least one field",
        ));
    }
    let view = match call.server.loaded(&id) {
        Some(thread) if thread.ephemeral => {
            return Err(unsupported_ephemeral(&id));
        }
        Some(thread) => {
            check_project(params.project_id.as_deref())?;
            thread.materialise()?;
            {
                let mut state = thread.state.borrow_mut();
                if let Some(git) = git {
                    state.git = git.applied(state.git.take());
                }
                state.daybreak = daybreak.or(state.daybreak);
            }
            thread.write_summary()?;
            ThreadView {
                can_accept_direct_input: None,
                ..thread.view(None)
            }
        }
        None => {
            let path = anywhere(&call.server.home, &id).ok_or_else(|| no_rollout(&id))?;
            check_project(params.project_id.as_deref())?;
            change_on_disk(&path, &id, |summary| {
                if let Some(git) = git {
                    summary.git = git.applied(summary.git.take());
                }
                summary.daybreak = daybreak.or(summary.daybreak);
            })?
        }
    };
    call.reply(&json!({"thread": view}));
    Ok(())
}

pub(super) fn set_memory_mode(
    call: &Call,
    params: ThreadMemoryModeSetParams,
) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    // The mock remembers nothing across threads, so that there is nothing to switch.
    match call.server.loaded(&id) {
        Some(thread) if thread.ephemeral => return Err(unsupported_ephemeral(&id)),
        None if catalog::find(&call.server.home, &id).is_none() => return Err(no_rollout(&id)),
        _ => {}
    }
    call.reply(&json!({}));
    Ok(())
}

fn unsupported_ephemeral(id: &str) -> Failure {
    Failure::invalid(format!(
        "ephemeral thread does not support metadata updates: {id}"
    ))
}

/// The file of a thread, archived or not.
pub(super) fn anywhere(home: &Path, id: &str) -> Option<PathBuf> {
    catalog::find(home, id).or_else(|| catalog::find_archived(home, id))
}

/// The mock has no projects, so that only the empty name, which takes a thread out of its
/// project, is one that it knows.
fn check_project(project: Option<&str>) -> Result<(), Failure> {
    match project {
        None | Some("") => Ok(()),
        Some(project) => Err(Failure::invalid(format!("project not found: {project}"))),
    }
}

fn change_on_disk(
    path: &Path,
    id: &str,
    change: impl FnOnce(&mut Summary),
) -> Result<ThreadView, Failure> {
    let mut glance = catalog::glance(path)?.ok_or_else(|| no_rollout(id))?;
    let summary = glance.summary.as_mut().ok_or_else(|| no_rollout(id))?;
    change(summary);
    Rollout::open(path)?.append(&Record::Summary(Box::new(summary.clone())))?;
    Ok(glance.view(path))
}

/// What becomes of each member.
struct GitChange {
    sha: Patch<String>,
    branch: Patch<String>,
    origin_url: Patch<String>,
}

impl GitChange {
    fn checked(params: ThreadMetadataGitInfoUpdateParams) -> Result<Self, Failure> {
        if params.sha.is_none() && params.branch.is_none() && params.origin_url.is_none() {
            return Err(Failure::invalid("gitInfo must include at least one field"));
        }
        Ok(Self {
            sha: trimmed("sha", params.sha)?,
            branch: trimmed("branch", params.branch)?,
            origin_url: trimmed("originUrl", params.origin_url)?,
        })
    }

    /// The members with what changes; none where nothing is left.
    fn applied(self, before: Option<GitInfo>) -> Option<GitInfo> {
        let before = before.unwrap_or_default();
        let after = GitInfo {
            sha: self.sha.unwrap_or(before.sha),
            branch: self.branch.unwrap_or(before.branch),
            origin_url: self.origin_url.unwrap_or(before.origin_url),
        };
        (after != GitInfo::default()).then_some(after)
    }
}

fn trimmed(member: &str, value: Patch<String>) -> Result<Patch<String>, Failure> {
    let Some(Some(text)) = value else {
        return Ok(value);
    };
    match text.trim() {
        "" => Err(Failure::invalid(format!(
            "gitInfo.{member} must not be empty"
        ))),
        text => Ok(Some(Some(text.to_owned()))),
    }
}
