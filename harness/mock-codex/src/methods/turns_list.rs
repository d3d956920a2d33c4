//! `thread/turns/list`, and the cursors into a thread's turns.

use super::listing::{PAGE, not_loaded};
use super::paging::{Page, PageView, Place, Scope};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::{SortDirection, ThreadTurnsListParams, TurnItemsView};
use crate::protocol::reply::TurnView;
use crate::protocol::thread_params::ThreadResumeInitialTurnsPageParams;
use crate::server::parse_id;
use crate::thread::state::State;
use crate::thread::turns::{ItemsView, TurnRecord};
use crate::thread::{Settings, Thread, catalog, store};

/// Which turns are shown, and how.
struct Wanted {
    place: Option<Place>,
    limit: Option<u32>,
    direction: Option<SortDirection>,
    view: Option<TurnItemsView>,
}

pub(super) fn list(call: &Call, params: ThreadTurnsListParams) -> Result<(), Failure> {
    let id = parse_id("thread", &params.thread_id)?;
    let cursor = params.cursor;
    let wanted = |cursor: Option<String>| {
        let place = cursor
            .map(|cursor| Place::parse(&cursor, &id, Scope::Turns))
            .transpose()?;
        Ok::<_, Failure>(Wanted {
            place,
            limit: params.limit,
            direction: params.sort_direction,
            view: params.items_view,
        })
    };
    let page = match call.server.loaded(&id) {
        Some(thread) if thread.ephemeral => {
            return Err(Failure::invalid(
                "ephemeral threads do not support thread/turns/list",
            ));
        }
        Some(thread) if thread.state.borrow().rollout.is_none() => {
            return Err(Failure::invalid(format!(
                "thread {id} is not materialized yet; thread/turns/list is unavailable before \
                 first user message"
            )));
        }
        Some(thread) => page(&id, &thread.state.borrow().turns, &wanted(cursor)?),
        None => {
            let home = &call.server.home;
            let path = catalog::find(home, &id)
                .or_else(|| catalog::find_archived(home, &id))
                .ok_or_else(|| not_loaded(&id))?;
            page(&id, &cold_turns(&path)?, &wanted(cursor)?)
        }
    };
    call.reply(&page);
    Ok(())
}

/// The page that `thread/resume` gives out with the thread.
pub(super) fn first_page(
    thread: &Thread,
    params: &ThreadResumeInitialTurnsPageParams,
) -> PageView<TurnView> {
    let wanted = Wanted {
        place: None,
        limit: params.limit,
        direction: params.sort_direction,
        view: params.items_view,
    };
    page(thread.id(), &thread.state.borrow().turns, &wanted)
}

fn page(id: &str, turns: &[TurnRecord], wanted: &Wanted) -> PageView<TurnView> {
    let ascending = wanted.direction == Some(SortDirection::Asc);
    let limit = wanted.limit.map_or(PAGE, |limit| (limit as usize).max(1));
    let line = |turn: &&TurnRecord| turn.line;
    let view = match wanted.view {
        Some(TurnItemsView::Full) => ItemsView::Full,
        Some(TurnItemsView::NotLoaded) => ItemsView::NotLoaded,
        Some(TurnItemsView::Summary) | None => ItemsView::Summary,
    };
    Page::cut(turns.iter().collect(), line, wanted.place, ascending, limit)
        .with_cursors(id, Scope::Turns, line)
        .map(|turn| turn.view(view))
}

/// The cursor that `thread/resume` gives for the turns before the newest.
pub(super) fn turns_cursor(thread: &Thread) -> Option<String> {
    let line = thread.state.borrow().turns.last()?.line;
    let place = Place {
        line,
        include: true,
    };
    Some(place.cursor(thread.id(), Scope::Turns))
}

/// The cursor that `thread/resume` gives for the items before the newest.
pub(super) fn items_cursor(thread: &Thread) -> Option<String> {
    let line = thread.state.borrow().ordinals.last_item()?;
    let place = Place {
        line,
        include: true,
    };
    Some(place.cursor(thread.id(), Scope::Items))
}

/// The turns of a thread that is not loaded.
pub(super) fn cold_turns(path: &std::path::Path) -> Result<Vec<TurnRecord>, Failure> {
    Ok(replayed(path)?.map_or_else(Vec::new, |state| state.turns))
}

/// What a thread's file tells of it, its settings left aside.
pub(super) fn replayed(path: &std::path::Path) -> Result<Option<State>, Failure> {
    let Some(loaded) = store::load(path)? else {
        return Ok(None);
    };
    let mut state = State::new(blank_settings(), loaded.meta.created_ms);
    for record in loaded.records {
        state.replay(record);
    }
    state.close_cut_turn();
    Ok(Some(state))
}

/// Settings for a replay that only looks at turns.
fn blank_settings() -> Settings {
    Settings {
        cwd: std::path::PathBuf::new(),
        workspace_roots: Vec::new(),
        model: String::new(),
        provider: String::new(),
        plugins: Vec::new(),
        service_tier: None,
        approval_policy: codex_wire::policy::ApprovalPolicy::OnRequest,
        reviewer: codex_wire::policy::ApprovalsReviewer::User,
        sandbox: codex_wire::policy::SandboxPolicy::ReadOnly {
            network_access: false,
        },
        profile: None,
        effort: None,
        summary: None,
        personality: None,
        base_instructions: None,
        developer_instructions: None,
        collaboration: crate::thread::settings::Collaboration::default(),
        policy_directory: None,
        dynamic_tools: Vec::new(),
        permission_tools: crate::thread::settings::PermissionTools::default(),
        documents: crate::config::Documents::default(),
        shell_environment: crate::config::ShellEnvironment::default(),
        window: crate::thread::settings::ContextWindow::default(),
    }
}
