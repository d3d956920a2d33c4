//! The table of rules, and the table of what codex is known to break them with.

/// What holds for any honest session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub id: &'static str,
    /// What holds, in one sentence.
    pub says: &'static str,
    /// Where that comes from.
    pub source: &'static str,
    /// Does it compare a frame with frames that came before or should come after? Then it is not
    /// applied to logs that leave frames out.
    pub whole: bool,
}

/// A rule that codex was seen to break, when, and why: told, but no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Its name; where the mock has a quirk for the same thing, the quirk's name.
    pub id: &'static str,
    /// The rule that is broken.
    pub rule: RuleId,
    /// What happens, in one sentence.
    pub says: &'static str,
    /// The codex versions that it was seen in.
    pub versions: &'static [&'static str],
}

macro_rules! rules {
    ($($name:ident $id:literal $source:literal $whole:ident $says:literal;)*) => {
        /// Names a row of [`RULES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RuleId { $(#[doc = $says] $name),* }

        /// All rules.
        pub const RULES: &[Rule] = &[
            $(Rule { id: $id, says: $says, source: $source, whole: matches!(stringify!($whole).as_bytes(), b"whole") }),*
        ];
    };
}

macro_rules! exceptions {
    ($($name:ident $id:literal $rule:ident $says:literal;)*) => {
        /// Names a row of [`EXCEPTIONS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ExceptionId { $(#[doc = $says] $name),* }

        /// All exceptions.
        pub const EXCEPTIONS: &[Exception] = &[
            $(Exception { id: $id, rule: RuleId::$rule, says: $says, versions: &["0.169.0"] }),*
        ];
    };
}

// `whole`: needs every frame; `frame`: one frame, or what the client asked for, is enough.
rules! {
    AnswerMatches "answer-matches-request" "JSON-RPC 2.0, section 5" frame
        "An answer carries the id of a request that is still open, so that each is answered once.";
    AnswerIdType "answer-id-type" "notes a, framing: ids are echoed with the same type" frame
        "An answer's id has the type of the request's.";
    RequestAnswered "request-answered" "JSON-RPC 2.0, section 5" whole
        "Every request is answered.";
    HandshakeFirst "handshake-first" "notes a, initialize: nothing is sent before" whole
        "Before the handshake the app-server sends nothing but answers.";
    SubscribedOnly "subscribed-only" "notes a, several clients" whole
        "Turns and items are told to clients that started, resumed or forked the thread, to no others.";
    ServerRequestNew "server-request-new" "notes e, command approvals: ids count from 0" frame
        "A server request has an id that no other open one has.";
    ServerRequestInTurn "server-request-in-turn" "notes e, command approvals" whole
        "A server request that names a turn names one that runs.";
    ServerRequestResolved "server-request-resolved" "notes e, command approvals: order" whole
        "A server request that was answered is resolved before its turn ends.";
    ResolvedWasAsked "resolved-was-asked" "notes e, command approvals: order" whole
        "What is resolved is a server request that is open, of that thread.";
    TurnReplied "turn-replied" "notes e, plain message" whole
        "The turn in the reply to `turn/start` is a new one, and the next to start.";
    TurnStartedOnce "turn-started-once" "notes e, plain message" whole
        "A turn starts once, and no other turn runs in its thread.";
    TurnCompletedOnce "turn-completed-once" "notes e, plain message" whole
        "A turn that has started is completed once.";
    AfterTurn "after-turn" "notes e, plain message" whole
        "Nothing of a turn comes after its `turn/completed`.";
    TurnStatus "turn-status" "notes e, plain message and model errors" frame
        "A completed turn is `completed`, `interrupted` or `failed`, and only a failed one has an error.";
    TurnItems "turn-items" "notes e, plain message: the last agent message" whole
        "The items in `turn/completed` were completed in that turn, with the same text.";
    ItemInTurn "item-in-turn" "notes e, plain message" whole
        "An item belongs to the turn that runs in its thread.";
    ItemStartedOnce "item-started-once" "notes e, plain message" whole
        "An item starts once.";
    ItemStartedFirst "item-started-first" "notes e, plain message" whole
        "Deltas and the end of an item come after its start, and nothing after its end.";
    ItemCompleted "item-completed" "notes e, plain message" whole
        "An item that has started is completed before its turn is.";
    ItemSame "item-same" "notes e, plain message" whole
        "An item keeps its type from start to end.";
    ItemFinal "item-final" "notes e, exec_command" frame
        "A completed item is not in progress, and a command is `completed` exactly with exit code 0.";
    DeltasAddUp "deltas-add-up" "notes e, plain message: deltas" whole
        "The deltas of an item are its final text.";
    TokenTotals "token-totals" "notes e, plain message: usage" frame
        "The token totals of a thread never fall.";
    TokensAdded "tokens-added" "notes e, plain message: usage" whole
        "A thread's new total is the one before and the last response.";
    StatusBalanced "status-balanced" "notes e, plain message" whole
        "A thread is active while a turn runs, and not when it is completed.";
    StatusNew "status-new" "notes b and e" whole
        "A change of a thread's status changes it.";
    EmittedInOrder "emitted-in-order" "notes a, framing: `emittedAtMs`" frame
        "What one client is told is stamped in order.";
    TimesInOrder "times-in-order" "notes e, plain message" frame
        "Nothing ends before it starts.";
    SettingsReported "settings-reported" "notes b and c" frame
        "The settings that are reported are those that were set last.";
    SettingsKept "settings-kept" "the contract: what must persist" frame
        "A resumed thread has the settings that it had, and a fork those of the thread it was made of.";
    SandboxTold "sandbox-told" "notes f, the table of presets" frame
        "The model is told the sandbox that is in force.";
    ReadOnlyWroteNothing "read-only-wrote-nothing" "the contract: what must be enforced" frame
        "A command in a sandbox that is read-only writes nothing.";
}

exceptions! {
    SteerDropsStream "steer-drops-stream" ItemCompleted
        "Steering drops the model's running answer, and its half-streamed item is never completed.";
    RefusalHasNoEnd "refusal-has-no-end" ItemCompleted
        "An answer that has no text, only a refusal, is started and never completed.";
    ReviewHidesAnswer "review-hides-answer" ItemCompleted
        "What the reviewer answers is started and never completed; what it means comes as another item.";
    InterruptDropsItems "interrupt-drops-items" ItemCompleted
        "Interrupting a turn leaves its open items without an end.";
    BrokenStreamDropsItem "broken-stream-drops-item" ItemCompleted
        "An item that was half-streamed when the model's stream broke is never completed.";
    CommandLeftRunning "command-left-running" ItemCompleted
        "A command that still runs at the end of its turn stays open, and may end later or never.";
    RetryStartsAgain "retry-starts-again" ItemStartedOnce
        "After a broken stream the model is asked again, and an item with the same id starts again.";
    ModelRepeatsItem "model-repeats-item" ItemStartedOnce
        "A model that sends two messages with one id has both told.";
    ReviewBeforeTurn "review-before-its-turn" ItemInTurn
        "That a review begins is told before its turn starts.";
    ReviewTurn "review-starts-another-turn" TurnReplied
        "The turn that a review starts has an id of its own; the reply, items and `turn/completed` name its root.";
    CommandReportsLate "command-reports-late" AfterTurn
        "A command that was left running reports its output and its end after its turn.";
    InputToEarlierCommand "input-to-earlier-command" ItemStartedFirst
        "Input to a command that an earlier turn left running is told under the turn that writes it.";
    OutputToldLate "output-told-late" ItemStartedFirst
        "Of a command that prints much, pieces of the output may be told behind its end.";
    FirstOutputNotStreamed "first-output-not-streamed" DeltasAddUp
        "What a command prints in its first instant is in its final output alone.";
    TurnStartSteers "turn-start-steers-running-turn" TurnReplied
        "Starting a turn while one runs steers the running one and answers with its id.";
    ToolCallNotResolved "tool-call-not-resolved" ServerRequestResolved
        "A call of a client's own tool is never told as resolved.";
    InterruptLeavesQuestion "interrupt-leaves-question" ServerRequestResolved
        "A question that is open when its turn is interrupted is resolved when it is answered at last.";
    WindowFilled "window-filled" TokenTotals
        "When a request is too long for the model, the context counts as full: the total is all of it, and what it is made of is nothing.";
    UnloadedTwice "unloaded-twice" StatusNew
        "Archiving may tell twice that a thread is not loaded any more.";
    ResumeLoadedIgnores "resume-loaded-ignores-overrides" SettingsReported
        "Resuming a thread that is loaded ignores every setting of the request.";
    RequirementsAtStart "requirements-at-start" SettingsReported
        "What the administrator does not allow falls back when a thread starts, with a warning.";
    RequirementsLater "requirements-later" SettingsKept
        "What the administrator does not allow falls back when a thread is resumed or forked, with a warning.";
    LostOnFork "workspace-write-lost-on-fork" SettingsKept
        "A fork of a thread with a workspace-write or external sandbox gets the configured default sandbox.";
    ForkForgetsModel "fork-forgets-model" SettingsKept
        "A fork has the model of the configuration, not the one that a turn set.";
    LostOnColdResume "workspace-write-lost-on-cold-resume" SettingsKept
        "A thread with a workspace-write or external sandbox gets the configured default sandbox when it is resumed after a restart.";
    NoTurnNoSettings "no-turn-no-settings" SettingsKept
        "A thread without a turn has kept no settings when it is resumed from disk.";
    ExternalToldAsFull "external-told-as-full-access" SandboxTold
        "The text on permissions tells an external sandbox as `danger-full-access`.";
    ApprovedOutside "approved-runs-unsandboxed" ReadOnlyWroteNothing
        "An approved command runs outside the sandbox.";
    UserShellOutside "user-shell-unsandboxed" ReadOnlyWroteNothing
        "A command that the user runs is not in the sandbox of the thread.";
}

impl RuleId {
    /// Its row.
    pub fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }
}

impl ExceptionId {
    /// Its row.
    pub fn exception(self) -> &'static Exception {
        &EXCEPTIONS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_row_says_something() {
        let rules = RULES.iter().map(|rule| (rule.id, rule.says));
        let exceptions = EXCEPTIONS.iter().map(|row| (row.id, row.says));
        let mut seen = BTreeSet::new();
        for (id, says) in rules.chain(exceptions) {
            assert!(seen.insert(id), "`{id}` twice");
            assert!(says.ends_with('.'), "`{id}` has no sentence");
        }
    }
}
