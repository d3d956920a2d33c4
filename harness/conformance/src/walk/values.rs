//! The table of members, and of the values that they take.
//!
//! Values are JSON texts. Within them `@turn0`, `@turn1`, … stand for the ids of turns of the
//! thread, and `@cursor` for the cursor that the last list came with.

/// A member: its name, the values that the protocol takes, and some that it doesn't.
#[derive(Debug)]
pub struct MemberKind(
    pub &'static str,
    pub &'static [&'static str],
    pub &'static [&'static str],
);

use MemberKind as M;

/// Flags.
pub const BOOLEANS: &[&str] = &["true", "false"];
/// What is no flag.
pub const NO_BOOLEANS: &[&str] = &[r#""yes""#, "null", "1"];
/// How many elements a page has.
const LIMITS: &[&str] = &["1", "2", "0"];
/// What is no number of elements.
const NO_LIMITS: &[&str] = &["-1", r#""1""#, "1.5"];
/// Where a page begins.
const CURSORS: &[&str] = &[r#""@cursor""#, "null"];
/// What is no cursor.
const NO_CURSORS: &[&str] = &[r#""nope""#, "5"];
/// Which end of a list is first.
const ORDERS: &[&str] = &[r#""asc""#, r#""desc""#];
/// What is no order.
const NO_ORDERS: &[&str] = &[r#""up""#, "1"];

/// Who is asked, and when.
pub const APPROVALS: &[M] = &[
    M(
        "approvalPolicy",
        &[
            r#""never""#,
            r#""on-request""#,
            r#""untrusted""#,
            r#"{"granular":{"sandbox_approval":true,"rules":true,"mcp_elicitations":true}}"#,
            r#"{"granular":{"sandbox_approval":false,"rules":false,"mcp_elicitations":false}}"#,
        ],
        &[
            r#""on-failure""#,
            r#""onRequest""#,
            r#""Never""#,
            r#"{"granular":{}}"#,
            r#"{"granular":5}"#,
            "5",
            "{}",
        ],
    ),
    M(
        "approvalsReviewer",
        &[r#""user""#, r#""auto_review""#, r#""guardian_subagent""#],
        &[r#""autoReview""#, "true"],
    ),
];
/// The sandbox of a thread.
pub const SANDBOX: &[M] = &[
    M(
        "sandbox",
        &[
            r#""read-only""#,
            r#""workspace-write""#,
            r#""danger-full-access""#,
            "null",
        ],
        &[r#""bogus""#, r#""readOnly""#, "{}", r#"["read-only"]"#, "5"],
    ),
    M(
        "permissions",
        &[
            r#"":read-only""#,
            r#"":workspace""#,
            r#"":danger-full-access""#,
        ],
        &[r#"":nope""#, r#""nope""#, r#""""#, "{}"],
    ),
];
/// The sandbox from a turn on.
pub const SANDBOX_POLICY: &[M] = &[
    M(
        "sandboxPolicy",
        &[
            r#"{"type":"readOnly"}"#,
            r#"{"type":"readOnly","networkAccess":true}"#,
            r#"{"type":"workspaceWrite"}"#,
            r#"{"type":"workspaceWrite","writableRoots":["${outside}"]}"#,
            r#"{"type":"workspaceWrite","excludeSlashTmp":true,"excludeTmpdirEnvVar":true,"networkAccess":true}"#,
            r#"{"type":"dangerFullAccess"}"#,
            r#"{"type":"externalSandbox"}"#,
            r#"{"type":"externalSandbox","networkAccess":"enabled"}"#,
            "null",
        ],
        &[
            r#"{"type":"workspace-write"}"#,
            r#""danger-full-access""#,
            "{}",
            r#"{"type":"workspaceWrite","writableRoots":["rel"]}"#,
            r#"{"type":"readOnly","networkAccess":"yes"}"#,
            r#"{"type":"externalSandbox","networkAccess":true}"#,
            r#"{"type":5}"#,
        ],
    ),
    M(
        "permissions",
        &[
            r#"":read-only""#,
            r#"":workspace""#,
            r#"":danger-full-access""#,
        ],
        &[r#"":nope""#, r#""nope""#, "{}"],
    ),
];
/// Which model, and where.
pub const MODEL: &[M] = &[
    M(
        "model",
        &[r#""gpt-5.5""#, r#""mock-model""#, "null"],
        &["5", r#""""#],
    ),
    M(
        "cwd",
        &[r#""${workspace}""#, r#""${outside}""#],
        &[r#""relative""#, r#""/nonexistent/dir""#, "5"],
    ),
];
/// What a turn can say of how the model thinks.
pub const THINKING: &[M] = &[
    M(
        "effort",
        &[r#""low""#, r#""high""#, "null"],
        &[r#""""#, "5"],
    ),
    M(
        "summary",
        &[r#""auto""#, r#""none""#, r#""detailed""#],
        &[r#""bogus""#, "{}"],
    ),
    M(
        "personality",
        &[r#""friendly""#, r#""pragmatic""#, r#""none""#],
        &[r#""angry""#],
    ),
];
/// What a thread is told at its start.
pub const INSTRUCTIONS: &[M] = &[
    M("baseInstructions", &[r#""Be brief.""#, "null"], &["5"]),
    M("developerInstructions", &[r#""Be kind.""#], &["[]"]),
    M(
        "config",
        &[
            r#"{"model_reasoning_effort":"low"}"#,
            r#"{"sandbox_mode":"workspace-write"}"#,
            r#"{"approval_policy":"never"}"#,
            r#"{"sandbox_workspace_write":{"network_access":true}}"#,
            r#"{"sandbox_workspace_write.writable_roots":["${outside}"],"sandbox_mode":"workspace-write"}"#,
            r#"{"default_permissions":":workspace"}"#,
            r#"{"model":"gpt-5.5"}"#,
            "{}",
        ],
        &[
            r#"{"approval_policy":"bogus"}"#,
            r#"{"sandbox_mode":"bogus"}"#,
            r#"{"sandbox_mode":5}"#,
            r#"{"nope":1}"#,
            "[]",
            r#""sandbox_mode""#,
        ],
    ),
    M(
        "modelProvider",
        &[r#""mock_provider""#],
        &[r#""nope""#, "5"],
    ),
    M(
        "runtimeWorkspaceRoots",
        &[
            r#"["${workspace}"]"#,
            r#"["${workspace}","${outside}"]"#,
            "[]",
        ],
        &[r#"["rel"]"#, r#""x""#],
    ),
];
/// Whether turns come with a thread.
pub const EXCLUDE_TURNS: &[M] = &[M("excludeTurns", BOOLEANS, NO_BOOLEANS)];
/// A member that the protocol doesn't have.
pub const UNKNOWN: &[M] = &[M("unknownMember", &["1", "null"], &[])];
/// A page of a list.
pub const PAGES: &[M] = &[
    M("limit", LIMITS, NO_LIMITS),
    M("cursor", CURSORS, NO_CURSORS),
];
/// The order of a list.
pub const DIRECTION: &[M] = &[M("sortDirection", ORDERS, NO_ORDERS)];

/// Further members of `turn/start`.
pub const TURN: &[&[MemberKind]] = &[
    APPROVALS,
    SANDBOX_POLICY,
    MODEL,
    THINKING,
    &[
        M("clientUserMessageId", &[r#""mine-1""#], &["5"]),
        M(
            "outputSchema",
            &[r#"{"type":"object","properties":{"a":{"type":"string"}}}"#],
            &[r#""text""#],
        ),
        M("sandbox", &[r#""workspace-write""#], &[r#""bogus""#]),
        M(
            "collaborationMode",
            &[
                r#"{"mode":"plan","settings":{"model":"mock-model"}}"#,
                r#"{"mode":"default","settings":{"model":"mock-model","reasoning_effort":"low"}}"#,
            ],
            &[r#"{"mode":"nope","settings":{}}"#, r#""plan""#],
        ),
    ],
    UNKNOWN,
];
