//! Random walks: sessions that nobody thought of, on the mock and on the real app-server.
//!
//! A [`strategy`] makes sessions of valid and nearly valid moves, each a scenario. Both targets
//! run it, and what [`certify`](crate::certify) compares is compared. A session that differs is
//! shrunk to the smallest one that differs in the same way, and given out as a scenario file.
//!
//! The same seed gives the same sessions. What races in the real app-server is not generated;
//! where a difference doesn't repeat, it is told apart from those that do.

pub mod emit;
pub mod found;
pub mod methods;
pub mod render;
pub mod report;
pub mod session;
pub mod shrink;
pub mod strategy;
pub mod values;

mod judge;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt as _;
use proptest::strategy::{BoxedStrategy, Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::check::schema::SchemaCheck;
use crate::run::RunOptions;
use crate::target::Target;
use found::{Found, Signature};
use judge::{Judge, Verdict};
use session::Session;

/// How many smaller sessions are tried for each difference.
const TRIES: usize = 150;

/// How sessions are walked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The one that is walked for, and the one it is held against.
    pub targets: [Target; 2],
    /// How sessions are run; [`RunOptions::jobs`] of them at once.
    pub options: RunOptions,
    /// Where chance comes from.
    pub seed: u64,
    /// The number of the first session.
    pub first: u64,
    /// The most sessions.
    pub sessions: u64,
    /// Where the smallest session of each difference is written.
    pub out: Option<PathBuf>,
    /// What holds the app-servers' frames against the protocol.
    pub frames: Arc<SchemaCheck>,
    /// When no further session begins.
    pub until: Option<Instant>,
}

/// What came of walking.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The names of the targets.
    pub targets: [String; 2],
    /// Where chance came from.
    pub seed: u64,
    /// How many sessions came to what.
    pub counts: Counts,
    /// The differences, the same ones together.
    pub found: Vec<Found>,
    /// What differed once and not again: the numbers of the sessions.
    pub unsteady: Vec<u64>,
    /// Was it cut short?
    pub complete: bool,
}

/// How many sessions came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Equal on both.
    pub equal: u64,
    /// Differing, each time.
    pub differ: u64,
    /// Differing once, and not again.
    pub unsteady: u64,
    /// The one that it is held against didn't come to the end in time.
    pub stuck: u64,
    /// Something is missing that the session requires.
    pub skipped: u64,
    /// The environment failed.
    pub broken: u64,
}

impl Counts {
    /// All of them.
    pub fn all(self) -> u64 {
        self.equal + self.differ + self.unsteady + self.stuck + self.skipped + self.broken
    }
}

/// What happens during a walk, for those who show it.
#[derive(Clone, Copy, Debug)]
pub enum WalkEvent<'a> {
    /// A session came to its end.
    Session(Counts),
    /// A difference repeats; a smaller session is looked for.
    Shrinking {
        /// The session.
        session: u64,
    },
    /// A difference was found that was not known before.
    Found(&'a Found),
}

/// All sessions of a seed.
#[derive(Debug)]
pub struct Sessions {
    seed: u64,
    strategy: BoxedStrategy<Session>,
}

impl Sessions {
    /// Those of this seed.
    pub fn of(seed: u64) -> Self {
        let strategy = strategy::session().boxed();
        Self { seed, strategy }
    }

    /// The session with this number, as a scenario file.
    pub fn text(&self, number: u64) -> String {
        let scenario = render::scenario(&self.tree(number).current());
        let note = format!("Session {number} of the seed {}.", self.seed);
        emit::yaml(&scenario, &[note])
    }

    /// The session with this number, as a tree of smaller ones.
    pub fn tree(&self, number: u64) -> impl ValueTree<Value = Session> + use<> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        self.strategy
            .new_tree(&mut runner)
            .expect("no strategy of ours rejects anything")
    }
}

/// Walks. `on_event` is called as things happen.
///
/// # Errors
/// A scenario can't be written.
pub async fn walk(plan: &Plan, on_event: impl FnMut(WalkEvent<'_>)) -> io::Result<Walk> {
    if let Some(directory) = &plan.out {
        fs::create_dir_all(directory)?;
    }
    let walker = Walker {
        plan,
        judge: Judge::new(plan),
        sessions: Sessions::of(plan.seed),
        on_event: RefCell::new(on_event),
        found: RefCell::default(),
        counts: RefCell::default(),
        unsteady: RefCell::default(),
        written: RefCell::new(Ok(())),
    };
    let last = plan.first.saturating_add(plan.sessions);
    let goes_on = || {
        let in_time = plan.until.is_none_or(|until| Instant::now() < until);
        in_time && !plan.options.cancel.is_cancelled()
    };
    let numbers = (plan.first..last).take_while(|_| goes_on());
    futures_util::stream::iter(numbers)
        .map(|number| walker.session(number))
        .buffer_unordered(plan.options.jobs.get())
        .collect::<()>()
        .await;
    walker.written.into_inner()?;
    let mut unsteady = walker.unsteady.into_inner();
    unsteady.sort_unstable();
    Ok(Walk {
        targets: plan.targets.each_ref().map(ToString::to_string),
        seed: plan.seed,
        counts: walker.counts.into_inner(),
        found: walker.found.into_inner().into_values().flatten().collect(),
        unsteady,
        complete: !plan.options.cancel.is_cancelled(),
    })
}

/// A walk under way. Its sessions take turns on one task.
struct Walker<'a, F> {
    plan: &'a Plan,
    judge: Judge<'a>,
    sessions: Sessions,
    on_event: RefCell<F>,
    /// By what makes them the same; `None` while it is looked into.
    found: RefCell<BTreeMap<Signature, Option<Found>>>,
    counts: RefCell<Counts>,
    unsteady: RefCell<Vec<u64>>,
    written: RefCell<io::Result<()>>,
}

impl<F: FnMut(WalkEvent<'_>)> Walker<'_, F> {
    async fn session(&self, number: u64) {
        let tree = self.sessions.tree(number);
        let verdict = self.judge.session(number, &tree.current()).await;
        if let Verdict::Differs(signature, _) = verdict {
            self.differs(number, tree, signature).await;
        } else {
            let mut counts = self.counts.borrow_mut();
            *match verdict {
                Verdict::Equal | Verdict::Differs(..) => &mut counts.equal,
                Verdict::Stuck => &mut counts.stuck,
                Verdict::Skipped => &mut counts.skipped,
                Verdict::Broken => &mut counts.broken,
                Verdict::Cancelled => return,
            } += 1;
        }
        let counts = *self.counts.borrow();
        self.tell(WalkEvent::Session(counts));
    }

    async fn differs(
        &self,
        number: u64,
        tree: impl ValueTree<Value = Session>,
        signature: Signature,
    ) {
        let known = self.found.borrow_mut().get_mut(&signature).map(|found| {
            if let Some(found) = found {
                found.sessions.push(number);
            }
        });
        if known.is_some() {
            self.counts.borrow_mut().differ += 1;
            return;
        }
        // Others that show the same meanwhile needn't look into it.
        self.found.borrow_mut().insert(signature.clone(), None);
        let whole = tree.current();
        if !self.judge.shows(number, &whole, &signature).await {
            self.found.borrow_mut().remove(&signature);
            self.counts.borrow_mut().unsteady += 1;
            self.unsteady.borrow_mut().push(number);
            return;
        }
        self.tell(WalkEvent::Shrinking { session: number });
        let shows = async |session: &Session| self.judge.shows(number, session, &signature).await;
        let smallest = shrink::shrink(tree, TRIES, shows).await.unwrap_or(whole);
        let found = self.judge.found(number, self.plan.seed, &smallest).await;
        self.counts.borrow_mut().differ += 1;
        if let Some(mut found) = found {
            self.write(&mut found);
            self.tell(WalkEvent::Found(&found));
            self.found.borrow_mut().insert(signature, Some(found));
        }
    }

    fn write(&self, found: &mut Found) {
        let Some(directory) = &self.plan.out else {
            return;
        };
        let session = found.sessions.first().copied().unwrap_or_default();
        let file = directory.join(format!("seed-{}-session-{session}.yaml", self.plan.seed));
        match fs::write(&file, &found.text) {
            Ok(()) => found.file = Some(file),
            Err(error) => {
                let message = format!("can't write `{}`: {error}", file.display());
                *self.written.borrow_mut() = Err(io::Error::new(error.kind(), message));
                self.plan.options.cancel.cancel();
            }
        }
    }

    fn tell(&self, event: WalkEvent<'_>) {
        (self.on_event.borrow_mut())(event);
    }
}

#[cfg(test)]
mod tests;
