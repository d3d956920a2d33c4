//! A session of a client, as the generator makes it: moves on a few threads.
//!
//! Moves name threads by [`Slot`], so that a session with a move less still makes sense: what
//! nobody started is left out when the session is [written out](super::render).

use serde_json::{Map, Value};

use super::methods::Method;

/// A name for whatever thread was put there last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The thread that most moves are about.
    A,
    /// A second one.
    B,
    /// A third one.
    C,
}

impl Slot {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// The name of its first thread in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
        }
    }
}

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// What the app-server finds.
    pub home: Home,
    /// What the client does.
    pub moves: Vec<Move>,
}

/// What the app-server finds when it starts, and who the client says it is.
#[derive(Clone, Debug)]
pub struct Home {
    /// Settings of `config.toml`.
    pub config: Map<String, Value>,
    /// The opposite of `capabilities.experimentalApi`.
    pub stable_api: bool,
}

/// One move of the client.
#[derive(Clone, Debug)]
pub enum Move {
    /// A request, and what has to be waited for.
    Call(Call),
    /// A turn, from its start to its end.
    Turn(Turn),
    /// A turn that stands still while something else is done.
    Held(Held),
    /// How approval requests are answered from here on.
    Approve {
        /// The decision on commands.
        command: Value,
        /// The decision on patches.
        file_change: Value,
    },
    /// The app-server is stopped and started again, its configuration changed before.
    Restart(Map<String, Value>),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method, with what it does to threads.
    pub method: &'static Method,
    /// The thread that it is about.
    pub thread: ThreadId,
    /// Where the thread goes that comes of it.
    pub to: Slot,
    /// The members of its params.
    pub members: Vec<Member>,
    /// What stands in place of the params.
    pub odd_params: Option<OddParams>,
}

/// What a request says of its thread.
#[derive(Clone, Debug)]
pub enum ThreadId {
    /// The thread in this slot.
    Of(Slot),
    /// This value, which is no thread's id.
    Wrong(Value),
    /// Nothing.
    Missing,
}

/// Params that are no object.
#[derive(Clone, Debug)]
pub enum OddParams {
    /// This value.
    Value(Value),
    /// There are none.
    Missing,
}

/// A member of params.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its value; [`Method`]'s table says what stands for turns and cursors.
    pub value: Value,
    /// Is it one that the protocol takes?
    pub valid: bool,
}

/// A turn.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its thread.
    pub thread: Slot,
    /// What the user says; `None`: the number of the turn.
    pub input: Option<Value>,
    /// Further members of the params.
    pub members: Vec<Member>,
    /// What the model does, reply by reply.
    pub replies: Vec<Value>,
    /// Is a thread that isn't loaded left so? Then the turn is refused.
    pub unprepared: bool,
}

/// A turn that stands still in the middle of a message.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its thread.
    pub thread: Slot,
    /// What is done meanwhile.
    pub meanwhile: Vec<Call>,
    /// How it goes on.
    pub end: End,
}

/// How a turn that stands still goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The rest of the message comes.
    GoesOn,
    /// The user says more.
    Steer,
    /// The user says more by another `turn/start`.
    StartAgain,
    /// The user interrupts it.
    Interrupt,
}
