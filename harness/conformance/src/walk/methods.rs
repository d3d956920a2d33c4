//! The table of methods that sessions call.

use super::values::{
    APPROVALS, BOOLEANS, DIRECTION, EXCLUDE_TURNS, INSTRUCTIONS, MODEL, MemberKind, NO_BOOLEANS,
    PAGES, SANDBOX, SANDBOX_POLICY, THINKING, UNKNOWN,
};

/// A method, and what it does.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// How often it is called, in comparison with the others.
    pub weight: u32,
    /// Does it take a `threadId`?
    pub on_thread: bool,
    /// What becomes of the thread if all goes well.
    pub effect: Effect,
    /// Members that it needs.
    pub needs: &'static [MemberKind],
    /// Members that it can do without.
    pub takes: &'static [&'static [MemberKind]],
}

/// What a method does to a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that the next moves have to know.
    None,
    /// There is a new thread.
    Starts,
    /// There is a new thread with the history of this one.
    Forks,
    /// It is loaded, and the client subscribed.
    Loads,
    /// The client isn't subscribed any more.
    Unsubscribes,
    /// It isn't loaded any more.
    Unloads,
    /// Turns are taken back.
    Reverts,
    /// A turn that compacts it begins.
    Compacts,
    /// A turn with the user's command begins.
    RunsCommand,
    /// A list, maybe with a cursor.
    Lists,
    /// The account is another one.
    ChangesAccount,
}

use Effect as E;
use MemberKind as M;

/// A row of the table.
const fn row(name: &'static str, weight: u32, effect: Effect) -> Method {
    Method {
        name,
        weight,
        on_thread: true,
        effect,
        needs: &[],
        takes: &[UNKNOWN],
    }
}

/// Likewise, for a method that isn't about a thread.
const fn apart(name: &'static str, weight: u32) -> Method {
    Method {
        on_thread: false,
        ..row(name, weight, E::None)
    }
}

/// What begins most sessions.
pub const START: Method = Method {
    on_thread: false,
    takes: &[
        APPROVALS,
        SANDBOX,
        MODEL,
        INSTRUCTIONS,
        UNKNOWN,
        &[
            M("ephemeral", BOOLEANS, NO_BOOLEANS),
            M(
                "personality",
                &[r#""friendly""#, r#""none""#],
                &[r#""angry""#],
            ),
            M("threadSource", &[r#""user""#], &["5"]),
            M("historyMode", &[r#""paginated""#], &[r#""bogus""#]),
            M("sandboxPolicy", &[r#"{"type":"dangerFullAccess"}"#], &[]),
        ],
    ],
    ..row("thread/start", 6, E::Starts)
};

/// Every method that sessions call, but for those of turns.
pub static METHODS: &[Method] = &[
    START,
    Method {
        takes: &[
            APPROVALS,
            SANDBOX,
            MODEL,
            INSTRUCTIONS,
            EXCLUDE_TURNS,
            UNKNOWN,
            &[M(
                "initialTurnsPage",
                &[
                    "{}",
                    r#"{"limit":1}"#,
                    r#"{"sortDirection":"asc","itemsView":"full"}"#,
                ],
                &["5", r#"{"itemsView":"bogus"}"#],
            )],
        ],
        ..row("thread/resume", 12, E::Loads)
    },
    Method {
        takes: &[
            APPROVALS,
            SANDBOX,
            MODEL,
            INSTRUCTIONS,
            EXCLUDE_TURNS,
            UNKNOWN,
            &[
                M("ephemeral", BOOLEANS, NO_BOOLEANS),
                M(
                    "lastTurnId",
                    &[r#""@turn0""#, r#""@turn1""#],
                    &[r#""nope""#, "5"],
                ),
                M(
                    "beforeTurnId",
                    &[r#""@turn0""#, r#""@turn1""#],
                    &[r#""nope""#, "5"],
                ),
            ],
        ],
        ..row("thread/fork", 9, E::Forks)
    },
    Method {
        takes: &[&[M("includeTurns", BOOLEANS, NO_BOOLEANS)], UNKNOWN],
        ..row("thread/read", 9, E::None)
    },
    Method {
        takes: &[
            PAGES,
            DIRECTION,
            UNKNOWN,
            &[M(
                "itemsView",
                &[r#""full""#, r#""summary""#, r#""notLoaded""#],
                &[r#""all""#],
            )],
        ],
        ..row("thread/turns/list", 6, E::Lists)
    },
    Method {
        takes: &[
            PAGES,
            DIRECTION,
            UNKNOWN,
            &[M(
                "turnId",
                &[r#""@turn0""#, r#""@turn1""#],
                &[r#""nope""#, "5"],
            )],
        ],
        ..row("thread/items/list", 6, E::Lists)
    },
    Method {
        on_thread: false,
        takes: &[
            PAGES,
            DIRECTION,
            UNKNOWN,
            &[
                M("archived", BOOLEANS, NO_BOOLEANS),
                M(
                    "sortKey",
                    &[r#""created_at""#, r#""updated_at""#, r#""recency_at""#],
                    &[r#""name""#],
                ),
                M("cwd", &[r#""${workspace}""#, r#"["${outside}"]"#], &["5"]),
                M(
                    "modelProviders",
                    &["[]", r#"["mock_provider"]"#, r#"["other"]"#],
                    &[r#""x""#],
                ),
                M("searchTerm", &[r#""1""#, r#""nothing like it""#], &["5"]),
            ],
        ],
        ..row("thread/list", 6, E::Lists)
    },
    Method {
        on_thread: false,
        takes: &[PAGES],
        ..row("thread/loaded/list", 3, E::Lists)
    },
    row("thread/archive", 4, E::Unloads),
    row("thread/unarchive", 4, E::Unloads),
    row("thread/delete", 2, E::Unloads),
    row("thread/unsubscribe", 3, E::Unsubscribes),
    row("thread/compact/start", 3, E::Compacts),
    Method {
        needs: &[M(
            "name",
            &[r#""one name""#, r#""  another ""#],
            &[r#""""#, r#""  ""#, "5", "null"],
        )],
        ..row("thread/name/set", 4, E::None)
    },
    Method {
        needs: &[M(
            "beforeTurnId",
            &[r#""@turn0""#, r#""@turn1""#, r#""@turn2""#],
            &[r#""nope""#, "5"],
        )],
        ..row("thread/revert", 6, E::Reverts)
    },
    Method {
        takes: &[APPROVALS, SANDBOX_POLICY, MODEL, THINKING, UNKNOWN],
        ..row("thread/settings/update", 9, E::None)
    },
    Method {
        needs: &[M(
            "command",
            &[r#""echo hi""#, r#""exit 3""#],
            &[r#""""#, "5"],
        )],
        ..row("thread/shellCommand", 2, E::RunsCommand)
    },
    Method {
        needs: &[M(
            "items",
            &[
                r#"[{"type":"message","role":"user","content":[{"type":"input_text","text":"injected"}]}]"#,
                r#"[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"injected"}]}]"#,
                r#"[{"type":"bogus","x":1}]"#,
            ],
            &["[]", "[{}]", "5", r#"[{"type":"message"}]"#],
        )],
        ..row("thread/inject_items", 3, E::None)
    },
    Method {
        takes: &[
            &[
                M(
                    "gitInfo",
                    &[
                        r#"{"sha":"abc","branch":"main"}"#,
                        r#"{"branch":null}"#,
                        "{}",
                        "null",
                    ],
                    &["5"],
                ),
                M("daybreakEnabled", BOOLEANS, &[r#""yes""#]),
            ],
            UNKNOWN,
        ],
        ..row("thread/metadata/update", 3, E::None)
    },
    Method {
        needs: &[
            M(
                "objective",
                &[r#""ship it""#, r#"" ship ""#],
                &[r#""""#, "5"],
            ),
            // An active goal starts turns by itself.
            M(
                "status",
                &[r#""paused""#, r#""blocked""#, r#""complete""#],
                &[r#""bogus""#],
            ),
        ],
        takes: &[&[M(
            "tokenBudget",
            &["1000", "null"],
            &["0", "-5", r#""many""#],
        )]],
        ..row("thread/goal/set", 3, E::None)
    },
    row("thread/goal/get", 2, E::None),
    row("thread/goal/clear", 2, E::None),
    Method {
        takes: &[PAGES],
        ..row("thread/backgroundTerminals/list", 1, E::None)
    },
    row("thread/backgroundTerminals/clean", 1, E::None),
    Method {
        needs: &[M("turnId", &[r#""@turn0""#], &[r#""nope""#, r#""""#, "5"])],
        ..row("turn/interrupt", 2, E::None)
    },
    Method {
        needs: &[
            M(
                "expectedTurnId",
                &[r#""@turn0""#],
                &[r#""nope""#, r#""""#, "5"],
            ),
            M(
                "input",
                &[r#"[{"type":"text","text":"too late"}]"#],
                &["[]", r#""x""#, r#"[{"type":"bogus"}]"#],
            ),
        ],
        ..row("turn/steer", 2, E::None)
    },
    Method {
        takes: &[&[M("includeLayers", BOOLEANS, NO_BOOLEANS)]],
        ..apart("config/read", 3)
    },
    Method {
        needs: &[
            M(
                "keyPath",
                &[
                    r#""approval_policy""#,
                    r#""sandbox_mode""#,
                    r#""model""#,
                    r#""sandbox_workspace_write.network_access""#,
                ],
                &[r#""""#, "5", r#""nope.nope""#],
            ),
            M(
                "value",
                &[r#""never""#, r#""workspace-write""#, "true", "null"],
                &["5", r#"{"a":1}"#, r#""bogus""#],
            ),
            M(
                "mergeStrategy",
                &[r#""replace""#, r#""upsert""#],
                &[r#""bogus""#, "null"],
            ),
        ],
        takes: &[&[M("expectedVersion", &["null"], &[r#""sha256:0""#, "5"])]],
        ..apart("config/value/write", 3)
    },
    apart("configRequirements/read", 1),
    Method {
        takes: &[PAGES],
        ..apart("permissionProfile/list", 1)
    },
    apart("account/read", 1),
    Method {
        needs: &[
            M("type", &[r#""apiKey""#], &[r#""bogus""#]),
            M("apiKey", &[r#""key""#, r#""""#], &["5"]),
        ],
        effect: E::ChangesAccount,
        ..apart("account/login/start", 1)
    },
    Method {
        effect: E::ChangesAccount,
        ..apart("account/logout", 1)
    },
    apart("collaborationMode/list", 1),
    Method {
        needs: &[M(
            "path",
            &[r#""${workspace}/made.txt""#],
            &[r#""rel""#, r#""${workspace}/none""#, "5"],
        )],
        ..apart("fs/readFile", 2)
    },
    Method {
        needs: &[
            M(
                "path",
                &[r#""${workspace}/made.txt""#, r#""${outside}/made.txt""#],
                &[r#""rel""#, r#""${workspace}/none/x""#],
            ),
            M("dataBase64", &[r#""aGkK""#, r#""""#], &[r#""*""#, "5"]),
        ],
        ..apart("fs/writeFile", 2)
    },
    Method {
        needs: &[M(
            "command",
            &[
                r#"["echo","hi"]"#,
                r#"["sh","-c","exit 3"]"#,
                r#"["cat","made.txt"]"#,
            ],
            &["[]", r#""echo""#, "[5]"],
        )],
        takes: &[SANDBOX_POLICY, &[M("cwd", &[r#""${workspace}""#], &["5"])]],
        ..apart("command/exec", 2)
    },
    apart("thread/rollback", 1),
    apart("nope/nope", 1),
];
