//! The table of rules, for people.

/// A difference between two honest runs, or two implementations, that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Why that is none of the client's business.
    pub because: &'static str,
}

/// Every rule, in the order in which they apply.
pub fn rules() -> &'static [Rule] {
    RULES
}

const fn rule(name: &'static str, does: &'static str, because: &'static str) -> Rule {
    Rule {
        name,
        does,
        because,
    }
}

const RULES: &[Rule] = &[
    // ---- frames
    rule(
        "host-notices",
        "leaves out the `configWarning` about bubblewrap",
        "it tells what is installed on the machine; on the next machine it does not come",
    ),
    rule(
        "model-lists",
        "leaves out the requests `GET …/models`",
        "the app-server asks for the list in the background where a command gives it its token, and \
         again as long as it gets none that it can read; how often and when races its turns",
    ),
    rule(
        "racing-replies",
        "puts the reply to `turn/start` before the status and the `turn/started` of that turn",
        "the turn begins in a task of its own, which now and then is quicker than the reply",
    ),
    rule(
        "racing-notices",
        "puts `thread/settings/updated` and `warning`, in this order, directly behind the reply to \
         the request that caused them",
        "the app-server sends them before or after that reply, as its tasks happen to run",
    ),
    rule(
        "late-goals",
        "puts `thread/goal/cleared` directly behind the reply, or its token usage, of the resume \
         that caused it",
        "it is the last thing that a resume sends, and the next request may be quicker",
    ),
    rule(
        "repeated-status",
        "leaves out a `thread/status/changed` to `notLoaded` of a thread whose last status it was",
        "archiving tells `notLoaded` once or twice; the second says nothing new",
    ),
    rule(
        "output-deltas",
        "joins the `outputDelta` frames of a command up to the next other frame of its item, puts \
         them directly before that one (or behind the end of the turn), and leaves them out where \
         `aggregatedOutput` has the same text",
        "the operating system decides how output is cut, and a quick command tells it as a whole \
         alone: how quick one is, is the machine's",
    ),
    rule(
        "late-items",
        "puts item frames that come after the end of their turn directly behind its \
         `turn/completed`",
        "a command that was left running reports when it likes, also between frames of a later turn",
    ),
    rule(
        "parallel-items",
        "sorts the frames of calls that one response of the model asked for: all starts first, then \
         item by item",
        "the calls run side by side; which one is first is the scheduler's choice",
    ),
    rule(
        "approval-status",
        "puts the status that ends an approval before the `item/completed` of the call",
        "after an answer the two are sent by different tasks; both orders were seen",
    ),
    rule(
        "racing-ends",
        "puts the reply to what a client asks of its command (input, its end) before the frame that \
         tells the command's end",
        "the command may be over before the reply to the request that ended it is sent",
    ),
    rule(
        "streamed-output",
        "joins the output of a command that the client started, stream by stream, and puts it \
         directly before the frame that tells the command's end",
        "the operating system decides how output is cut, and the two streams race each other",
    ),
    rule(
        "clock",
        "replaces each recorded moment by its position",
        "how long things take is not part of the protocol",
    ),
    rule(
        "clients-apart",
        "puts the wire of each further client behind the first one's",
        "which client sees something first is a race",
    ),
    rule(
        "threads-apart",
        "holds the frames of two threads that run at once, or of a thread and its helper, against \
         each other thread by thread, where two runs are compared (`certify`, `walk`)",
        "threads run side by side; which one is first is the scheduler's choice",
    ),
    // ---- values
    rule(
        "ids",
        "numbers ids by their first appearance and their role (`<thread-1>`, `<turn-2>`, \
         `<item-1>`, `<installation-1>`, …), also within strings; request ids, item ids that the \
         script chose, and ids that are no UUID in a client's frame stay",
        "the app-server makes ids up; that the same one comes back is what counts",
    ),
    rule(
        "places",
        "writes the directories of the run by their names: `${workspace}`, `${codex_home}`, …",
        "every run has its own",
    ),
    rule(
        "times",
        "writes a point in time as `<time s>` or `<time ms>`, by its unit, and a duration as \
         `<duration>`; null and impossible values stay, and so do dates that are not of a run",
        "time passes; the unit does not",
    ),
    rule(
        "rollout-dates",
        "replaces the date and time in the path of a thread's file",
        "it is the moment at which the thread was made",
    ),
    rule(
        "versions",
        "writes version, system and terminal in user agents, and `cliVersion`, as placeholders",
        "they name the build and the machine, which the snapshot's header records",
    ),
    rule(
        "host",
        "replaces the machine's name and platform",
        "they are the machine's",
    ),
    rule(
        "processes",
        "numbers the process ids that the app-server chose (`<process-1>`), also where the model is \
         told of them as a session",
        "they are random numbers",
    ),
    rule(
        "ports",
        "writes the port in a loopback address as `<port>`",
        "the scripted model listens wherever there is room",
    ),
    rule(
        "config-versions",
        "numbers the versions of configuration layers (`<config-1>`)",
        "they are digests of settings that name a port, which is another one in every run",
    ),
    rule(
        "login-addresses",
        "replaces client id, challenge and state in the address of a login by browser",
        "they are random numbers",
    ),
    rule(
        "catalog-words",
        "writes descriptions and other texts for people in the lists of models, features and bundled \
         skills as `<words>`",
        "the words are each implementation's own",
    ),
    rule(
        "review-words",
        "reduces what a reviewer of code is asked to what is reviewed (`<review of commit abc>`)",
        "the words are each implementation's own",
    ),
    rule(
        "mode-words",
        "writes the instructions of a collaboration mode as `<words>`; those of the client stay",
        "the words are each implementation's own",
    ),
    rule(
        "unordered-replies",
        "sorts the entries of a directory by name, and the settings of `config/read` by key",
        "file systems and hash maps have no order",
    ),
    rule(
        "command-figures",
        "replaces chunk id, times and token count in what the model is told of a command, and times \
         in what it is told of a goal",
        "they follow from the moment, and the token count from the length of paths",
    ),
    rule(
        "estimates",
        "writes the tokens that are left after a compaction as `<estimate>`",
        "nobody has counted them: they follow from the length of each implementation's own words",
    ),
    // ---- what the model is asked
    rule(
        "model-headers",
        "keeps every header of a model request but those of HTTP itself (`host`, \
         `content-length`, …) and sorts them",
        "the HTTP library adds them",
    ),
    rule(
        "telemetry",
        "keeps of the turn's metadata the ids, what is told of the sandbox, the kind of the request \
         and its model",
        "the rest are notes of the implementation to its own service",
    ),
    rule(
        "item-ids",
        "drops the `id` of input items, not `call_id`",
        "they are made up anew and refer to nothing",
    ),
    rule(
        "own-words",
        "writes the base prompt as `<base instructions>`, the list of skills as `<skills>`, and the \
         permissions and environment texts as the facts that they state; the question for a summary \
         as `<compaction request>`, and what is put before the summary as `<summary>`; what is told of a review as its \
         results, and what a reviewer of actions is asked as the planned action; what he is told beside it, and what \
         the model is told to do where he says no, as `<guidance>`; what makes the model \
         go on towards a goal as `<goal context>`; texts that \
         the client or the user gave stay",
        "the words are each implementation's own; what they tell the model is not",
    ),
    rule(
        "tools",
        "writes tools as their names",
        "descriptions and schemas are each implementation's own words",
    ),
    rule(
        "only-news",
        "shows of a request what differs from the previous request of that thread: the headers and \
         members that changed, and the input that was added",
        "the rest is the same, which is checked here",
    ),
];

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn names_are_unique_and_every_rule_says_why() {
        let mut seen = std::collections::BTreeSet::new();
        for rule in rules() {
            assert!(seen.insert(rule.name), "`{}` twice", rule.name);
            assert!(!rule.does.is_empty() && !rule.because.is_empty());
        }
    }
}
