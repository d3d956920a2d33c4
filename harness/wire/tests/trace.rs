//! Every trace rule is broken by a mutant of a good log, and by nothing else in it.

use std::collections::BTreeSet;

use codex_wire::trace::{Finding, RULES, Tracer, log};
use serde_json::{Value, json};

/// A session without a fault.
const GOOD: &str = include_str!("trace/good.jsonl");

/// What a mutation does to a log.
type Change = fn(&mut Log);

/// Frames that can be found by their method and changed.
struct Log(Vec<Value>);

impl Log {
    fn good() -> Self {
        Self(
            GOOD.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        )
    }

    /// Where the `nth` frame with this method is, or the answer with this id.
    fn find(&self, what: &str, nth: usize) -> usize {
        let id: Option<Value> = serde_json::from_str(what).ok();
        let is = |line: &Value| {
            let frame = &line["frame"];
            let answers = frame.get("method").is_none() && line["dir"] == "server>client";
            frame["method"] == what || (answers && frame.get("id") == id.as_ref())
        };
        let mut found = (0..self.0.len()).filter(|at| is(&self.0[*at]));
        found
            .nth(nth)
            .unwrap_or_else(|| panic!("no `{what}` number {nth}"))
    }

    fn set(&mut self, (what, nth): (&str, usize), pointer: &str, value: Value) {
        let at = self.find(what, nth);
        *self.0[at]["frame"]
            .pointer_mut(pointer)
            .expect("it is there") = value;
    }

    fn take(&mut self, what: &str, nth: usize) -> Value {
        let at = self.find(what, nth);
        self.0.remove(at)
    }

    fn repeat(&mut self, what: &str, nth: usize) {
        let at = self.find(what, nth);
        self.0.insert(at, self.0[at].clone());
    }

    /// Takes a frame out and puts it before another one.
    fn put_before(&mut self, what: (&str, usize), other: (&str, usize)) {
        let frame = self.take(what.0, what.1);
        let at = self.find(other.0, other.1);
        self.0.insert(at, frame);
    }

    fn findings(&self) -> Vec<Finding> {
        let lines: Vec<String> = self.0.iter().map(Value::to_string).collect();
        let text = lines.join("\n");
        let mut found = Vec::new();
        let mut tracer = Tracer::default();
        log::judge(text.as_bytes(), &mut tracer, |finding, _| {
            found.push(finding);
        })
        .unwrap();
        found
    }
}

/// One mutant for each rule: the rule, what is done, how.
const MUTANTS: &[(&str, &str, Change)] = &[
    ("answer-matches-request", "an answer twice", |log| {
        log.repeat("7", 0);
    }),
    ("answer-id-type", "a string id as a number", |log| {
        log.set(("thread/list", 0), "/id", json!("77"));
        log.set(("\"list\"", 0), "/id", json!(77));
    }),
    ("request-answered", "an answer lost", |log| {
        log.take("\"list\"", 0);
    }),
    ("handshake-first", "a notification too early", |log| {
        log.put_before(("configWarning", 0), ("1", 0));
    }),
    (
        "subscribed-only",
        "a delta of somebody else's thread",
        |log| {
            log.repeat("item/agentMessage/delta", 0);
            log.set(
                ("item/agentMessage/delta", 0),
                "/params/threadId",
                json!("T9"),
            );
        },
    ),
    ("server-request-new", "an id that is in use", |log| {
        log.set(
            ("item/commandExecution/requestApproval", 1),
            "/id",
            json!(0),
        );
        log.take("serverRequest/resolved", 1);
    }),
    (
        "server-request-in-turn",
        "a question in another turn",
        |log| {
            log.set(
                ("item/commandExecution/requestApproval", 1),
                "/params/turnId",
                json!("U9"),
            );
        },
    ),
    (
        "server-request-resolved",
        "a question never resolved",
        |log| {
            log.take("serverRequest/resolved", 1);
        },
    ),
    ("resolved-was-asked", "a resolution twice", |log| {
        log.repeat("serverRequest/resolved", 1);
    }),
    ("turn-replied", "a reply with another turn", |log| {
        log.set(("6", 0), "/result/turn/id", json!("U9"));
    }),
    ("turn-started-once", "a start twice", |log| {
        log.repeat("turn/started", 0);
    }),
    ("turn-completed-once", "an end twice", |log| {
        log.repeat("turn/completed", 0);
    }),
    (
        "turn-completed-once",
        "an end lost before the next turn",
        |log| {
            log.take("turn/completed", 0);
        },
    ),
    ("turn-completed-once", "the last end lost", |log| {
        log.take("turn/completed", 1);
    }),
    ("after-turn", "a delta too late", |log| {
        log.repeat("item/agentMessage/delta", 1);
        let late = log.take("item/agentMessage/delta", 2);
        let at = log.find("turn/completed", 0);
        log.0.insert(at + 1, late);
        let at = log.find("item/agentMessage/delta", 2);
        log.0[at]["frame"]["emittedAtMs"] = json!(1009);
    }),
    ("turn-status", "a failed turn without an error", |log| {
        log.set(
            ("turn/completed", 0),
            "/params/turn/status",
            json!("failed"),
        );
    }),
    ("turn-items", "another last message", |log| {
        log.set(
            ("turn/completed", 0),
            "/params/turn/items/0/text",
            json!("Hullo"),
        );
    }),
    ("item-in-turn", "a delta of another turn", |log| {
        log.repeat("item/agentMessage/delta", 1);
        log.set(
            ("item/agentMessage/delta", 1),
            "/params/turnId",
            json!("U9"),
        );
    }),
    ("item-started-once", "a start twice", |log| {
        log.repeat("item/started", 1);
    }),
    ("item-started-first", "a delta before its start", |log| {
        log.repeat("item/agentMessage/delta", 0);
        log.put_before(("item/agentMessage/delta", 0), ("item/started", 1));
        log.set(("item/agentMessage/delta", 0), "/emittedAtMs", json!(1002));
    }),
    ("item-started-first", "an end twice", |log| {
        log.repeat("item/completed", 1);
    }),
    ("item-completed", "an end lost", |log| {
        log.take("item/completed", 0);
    }),
    ("item-same", "an end of another type", |log| {
        log.set(("item/completed", 0), "/params/item/type", json!("plan"));
    }),
    ("item-final", "an end in progress", |log| {
        log.set(
            ("item/completed", 3),
            "/params/item/status",
            json!("inProgress"),
        );
    }),
    ("item-final", "a success with exit code 1", |log| {
        log.set(("item/completed", 2), "/params/item/exitCode", json!(1));
    }),
    ("deltas-add-up", "a delta lost", |log| {
        log.take("item/agentMessage/delta", 0);
    }),
    ("deltas-add-up", "deltas in another order", |log| {
        log.put_before(
            ("item/agentMessage/delta", 1),
            ("item/agentMessage/delta", 0),
        );
    }),
    ("token-totals", "a total that falls", |log| {
        let total = json!({"totalTokens": 14, "inputTokens": 9, "outputTokens": 5});
        log.set(
            ("thread/tokenUsage/updated", 1),
            "/params/tokenUsage/total",
            total,
        );
    }),
    ("tokens-added", "a response that isn't counted", |log| {
        let last = json!({"totalTokens": 15, "inputTokens": 10, "outputTokens": 5});
        log.set(
            ("thread/tokenUsage/updated", 1),
            "/params/tokenUsage/last",
            last,
        );
    }),
    ("status-balanced", "a turn that starts at rest", |log| {
        log.take("thread/status/changed", 4);
        log.take("thread/status/changed", 4);
    }),
    (
        "status-balanced",
        "a turn that ends before the rest",
        |log| {
            log.put_before(("turn/completed", 1), ("thread/status/changed", 5));
        },
    ),
    ("status-new", "a status twice", |log| {
        log.repeat("thread/status/changed", 0);
    }),
    ("emitted-in-order", "a stamp of the past", |log| {
        log.set(("thread/settings/updated", 0), "/emittedAtMs", json!(999));
    }),
    (
        "times-in-order",
        "an item that ends before it starts",
        |log| {
            log.set(
                ("item/completed", 1),
                "/params/item/completedAtMs",
                json!(1),
            );
        },
    ),
    (
        "times-in-order",
        "a turn that took less than nothing",
        |log| {
            log.set(("turn/completed", 0), "/params/turn/durationMs", json!(-1));
        },
    ),
    ("settings-reported", "a policy that nobody set", |log| {
        let pointer = "/params/threadSettings/approvalPolicy";
        log.set(("thread/settings/updated", 0), pointer, json!("untrusted"));
        log.set(("5", 0), "/result/approvalPolicy", json!("untrusted"));
    }),
    ("settings-kept", "a fork with full access", |log| {
        log.set(
            ("5", 0),
            "/result/sandbox",
            json!({"type": "dangerFullAccess"}),
        );
    }),
    ("sandbox-told", "a model that is told more", |log| {
        let text = "`sandbox_mode` is `danger-full-access`: all commands.";
        log.set(("POST", 0), "/body/input/0/content/0/text", json!(text));
    }),
    ("read-only-wrote-nothing", "a command that wrote", |log| {
        let command = "/bin/bash -lc 'touch x.txt'";
        log.set(
            ("item/completed", 2),
            "/params/item/command",
            json!(command),
        );
    }),
];

#[test]
fn a_good_log_breaks_no_rule() {
    assert_eq!(Log::good().findings(), []);
}

#[test]
fn each_mutant_breaks_its_rule_and_no_other() {
    for (rule, mutant, change) in MUTANTS {
        let mut log = Log::good();
        change(&mut log);
        let found = log.findings();
        let broken: BTreeSet<_> = found.iter().map(|finding| finding.rule.id).collect();
        assert_eq!(broken, BTreeSet::from([*rule]), "{mutant}: {found:#?}");
        assert!(
            found.iter().all(|finding| finding.exception.is_none()),
            "{mutant}: {found:#?}"
        );
    }
}

#[test]
fn every_rule_has_a_mutant() {
    let broken: BTreeSet<_> = MUTANTS.iter().map(|(rule, ..)| *rule).collect();
    let rules: BTreeSet<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(broken, rules);
}

#[test]
fn a_log_that_leaves_frames_out_is_not_blamed_for_it() {
    let mut log = Log::good();
    let note = "postprocessed: token-usage notifications cut";
    log.0.insert(0, json!({"dir": "note", "frame": note}));
    log.take("item/started", 2);
    log.take("turn/completed", 0);
    assert_eq!(log.findings(), []);
}

/// The two wires race: the model may be asked before the client is told the turn's settings.
#[test]
fn a_model_may_be_told_what_the_client_is_told_later() {
    let mut log = Log::good();
    log.0.truncate(log.find("POST", 0) + 1);
    let started = log.find("turn/start", 0);
    log.0[started]["frame"]["params"]["sandboxPolicy"] = json!({"type": "externalSandbox"});
    let told = r#"{"thread_id":"T1","sandbox_mode":"danger-full-access"}"#;
    log.set(("POST", 0), "/headers/x-codex-turn-metadata", json!(told));
    let text = "`sandbox_mode` is `danger-full-access`: all commands.";
    log.set(("POST", 0), "/body/input/0/content/0/text", json!(text));
    let answer = log.take("3", 0);
    log.0.push(answer);
    let found = log.findings();
    let known = |finding: &Finding| {
        let why = finding.exception.map(|exception| exception.id);
        (finding.rule.id, why)
    };
    let expected = ("sandbox-told", Some("external-told-as-full-access"));
    assert_eq!(found.iter().map(known).collect::<Vec<_>>(), [expected; 2]);
}
