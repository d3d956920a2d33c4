//! What is run: the table that the goldens belong to.

/// One home and what is run in it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The model's replies, as JSON.
    pub(crate) model: &'static str,
    /// The beginning of `config.toml`.
    pub(crate) config: &'static str,
    /// How often a stream is tried again.
    pub(crate) retries: u32,
    pub(crate) files: &'static [(&'static str, &'static str)],
    pub(crate) runs: &'static [Run],
    /// Files whose content is part of the result.
    pub(crate) shown: &'static [&'static str],
}

/// One run of `codex exec`.
pub(crate) struct Run {
    pub(crate) args: &'static [&'static str],
    pub(crate) stdin: &'static str,
}

pub(crate) const fn run(args: &'static [&'static str], stdin: &'static str) -> Run {
    Run { args, stdin }
}

/// As the SDKs call it.
const SDK: &[&str] = &["--experimental-json", "--skip-git-repo-check"];
const GO: &[Run] = &[run(SDK, "go")];

/// What rows are like unless they say otherwise.
pub(crate) const PLAIN: Row = Row {
    name: "",
    model: r#"[{"message": "hello"}]"#,
    config: "",
    retries: 0,
    files: &[],
    runs: GO,
    shown: &[],
};

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "message",
        ..PLAIN
    },
    Row {
        name: "json-alias",
        runs: &[run(&["--json", "--skip-git-repo-check"], "go")],
        ..PLAIN
    },
    Row {
        name: "known-model",
        runs: &[run(
            &["--json", "--skip-git-repo-check", "-m", "gpt-5.5"],
            "go",
        )],
        ..PLAIN
    },
    Row {
        name: "sdk-arguments",
        runs: &[run(
            &[
                "--experimental-json",
                "--config",
                "model_reasoning_effort=\"high\"",
                "--config",
                "sandbox_workspace_write.network_access=true",
                "--config",
                "web_search=\"disabled\"",
                "--config",
                "approval_policy=\"never\"",
                "--model",
                "gpt-5.5",
                "--sandbox",
                "workspace-write",
                "--cd",
                "${root}/elsewhere",
                "--add-dir",
                "${root}/workspace",
                "--skip-git-repo-check",
            ],
            "go",
        )],
        ..PLAIN
    },
    Row {
        name: "resume",
        model: r#"[{"message": "one"}, {"message": "two"}, {"message": "three"}, {"message": "four"}]"#,
        runs: &[
            run(SDK, "go"),
            run(
                &[
                    "--experimental-json",
                    "--sandbox",
                    "read-only",
                    "--skip-git-repo-check",
                    "--config",
                    "approval_policy=\"never\"",
                    "resume",
                    "${thread}",
                ],
                "again",
            ),
            run(
                &["--json", "--skip-git-repo-check", "resume", "--last"],
                "more",
            ),
            run(
                &[
                    "--skip-git-repo-check",
                    "resume",
                    "--last",
                    "--json",
                    "a prompt",
                ],
                "",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "resume-nothing",
        model: r#"[{"message": "one"}, {"message": "two"}]"#,
        runs: &[
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "resume",
                    "00000000-0000-0000-0000-000000000000",
                ],
                "x",
            ),
            run(
                &["--json", "--skip-git-repo-check", "resume", "no-such-name"],
                "x",
            ),
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "--cd",
                    "${root}/elsewhere",
                    "resume",
                    "--last",
                ],
                "x",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "ephemeral",
        runs: &[
            run(&["--json", "--skip-git-repo-check", "--ephemeral"], "go"),
            run(
                &["--json", "--skip-git-repo-check", "resume", "${thread}"],
                "go",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "prompts",
        model: r#"[{"message": "one"}, {"message": "two"}, {"message": "three"}]"#,
        runs: &[
            run(&["--json", "--skip-git-repo-check", "the prompt"], ""),
            run(&["--json", "--skip-git-repo-check", "the prompt"], "more"),
            run(&["--json", "--skip-git-repo-check", "-"], "dash"),
            run(SDK, ""),
            run(SDK, " \n"),
        ],
        ..PLAIN
    },
    Row {
        name: "commands",
        model: r#"[
            {"call": {"id": "c1", "tool": "exec_command", "arguments": {"cmd": "echo hi; sleep 0.3", "login": false}}},
            {"call": {"id": "c2", "tool": "exec_command", "arguments": {"cmd": "sleep 0.3; exit 3", "login": false}}},
            {"message": "done"}
        ]"#,
        runs: &[run(
            &[
                "--json",
                "--skip-git-repo-check",
                "--sandbox",
                "danger-full-access",
            ],
            "go",
        )],
        ..PLAIN
    },
    Row {
        name: "refused-commands",
        model: r#"[
            {"call": {"id": "c1", "tool": "exec_command", "arguments": {"cmd": "rm -rf /var/tmp/none", "login": false}}},
            {"call": {"id": "c2", "tool": "exec_command", "arguments": {"cmd": "true", "login": false, "sandbox_permissions": "require_escalated", "justification": "x"}}},
            {"message": "done"}
        ]"#,
        runs: &[run(
            &[
                "--json",
                "--skip-git-repo-check",
                "--config",
                "approval_policy=\"on-request\"",
            ],
            "go",
        )],
        ..PLAIN
    },
    Row {
        name: "patch",
        model: r#"[
            {"custom_call": {"id": "p1", "tool": "apply_patch", "input": "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n"}},
            {"message": "patched"}
        ]"#,
        runs: &[run(
            &[
                "--json",
                "--skip-git-repo-check",
                "-m",
                "gpt-5.5",
                "--sandbox",
                "danger-full-access",
            ],
            "go",
        )],
        shown: &["workspace/new.txt"],
        ..PLAIN
    },
    Row {
        name: "last-message",
        model: r#"[{"message": "the last"}, {"events": [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.completed", "response": {"id": "r", "usage": null}}
        ]}]"#,
        runs: &[
            run(
                &["--json", "--skip-git-repo-check", "-o", "${root}/last"],
                "go",
            ),
            run(
                &["--json", "--skip-git-repo-check", "-o", "${root}/none"],
                "go",
            ),
        ],
        shown: &["last", "none"],
        ..PLAIN
    },
    Row {
        name: "output-schema",
        model: r#"[{"message": "{\"a\":1}"}]"#,
        files: &[
            ("good.json", "{\"type\": \"object\"}"),
            ("bad.json", "nope"),
        ],
        runs: &[
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "--output-schema",
                    "${root}/good.json",
                ],
                "go",
            ),
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "--output-schema",
                    "${root}/bad.json",
                ],
                "go",
            ),
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "--output-schema",
                    "${root}/none.json",
                ],
                "go",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "reasoning",
        model: r#"[{"events": [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]}},
            {"type": "response.output_item.done", "output_index": 1, "item": {"type": "reasoning", "id": "r2", "summary": []}},
            {"type": "response.output_item.done", "output_index": 2, "item": {"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": "done"}]}},
            {"type": "response.completed", "response": {"id": "r", "usage": {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1}, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 5}}}
        ]}]"#,
        ..PLAIN
    },
    Row {
        name: "refused-by-the-model",
        model: r#"[{"http": {"status": 400, "body": {"error": {"message": "bad thing"}}}}]"#,
        ..PLAIN
    },
    Row {
        name: "model-fails",
        model: r#"[{"http": {"status": 500, "body": "oops"}}]"#,
        ..PLAIN
    },
    Row {
        name: "retried",
        model: r#"[{"message": "cut", "fault": {"close": {"after_event": 1}}}, {"message": "whole"}]"#,
        retries: 2,
        ..PLAIN
    },
    Row {
        name: "cut-off",
        model: r#"[{"message": "cut", "fault": {"close": {"after_event": 1}}}]"#,
        ..PLAIN
    },
    Row {
        name: "bad-arguments",
        model: "[]",
        runs: &[
            run(
                &["--json", "--skip-git-repo-check", "--sandbox", "bogus"],
                "go",
            ),
            run(&["--json", "--skip-git-repo-check", "--nope"], "go"),
            run(
                &["--json", "--experimental-json", "--skip-git-repo-check"],
                "go",
            ),
            run(
                &["--json", "--skip-git-repo-check", "--cd", "${root}/none"],
                "go",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "bad-settings",
        model: "[]",
        runs: &[
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "-c",
                    "approval_policy=\"untrusted\"",
                ],
                "go",
            ),
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "-c",
                    "approval_policy=\"bogus\"",
                ],
                "go",
            ),
            run(
                &[
                    "--json",
                    "--skip-git-repo-check",
                    "-c",
                    "model_provider=\"none\"",
                ],
                "go",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "unknown-setting",
        config: "nope = 1\n",
        ..PLAIN
    },
    Row {
        name: "no-repository",
        runs: &[run(&["--json"], "go")],
        ..PLAIN
    },
];
