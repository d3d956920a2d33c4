//! Runs whose output is for people, and what they can be told on the command line.

use super::rows::{PLAIN, Row, run};

/// What nearly every run needs, outside of a repository.
const G: &str = "--skip-git-repo-check";

pub(crate) const PEOPLE: &[Row] = &[
    Row {
        name: "people-message",
        model: r#"[{"message": "one\ntwo", "usage": {"input_tokens": 123456, "cached_input_tokens": 100000, "output_tokens": 2345}}]"#,
        config: "model_reasoning_effort = \"high\"\nmodel_reasoning_summary = \"detailed\"\n",
        runs: &[run(&[G], "go")],
        ..PLAIN
    },
    Row {
        name: "people-commands",
        model: r#"[
            {"call": {"id": "c1", "tool": "exec_command", "arguments": {"cmd": "echo hi; sleep 0.3", "login": false}}},
            {"call": {"id": "c2", "tool": "exec_command", "arguments": {"cmd": "sleep 0.3; exit 3", "login": false}}},
            {"call": {"id": "c3", "tool": "exec_command", "arguments": {"cmd": "x", "workdir": "/nonexistent", "login": false}}},
            {"message": "done"},
            {"call": {"id": "c4", "tool": "exec_command", "arguments": {"cmd": "sleep 0.3; false", "login": false}}},
            {"message": "done"}
        ]"#,
        runs: &[
            run(
                &[
                    G,
                    "--sandbox",
                    "workspace-write",
                    "--add-dir",
                    "${root}/elsewhere",
                    "-c",
                    "sandbox_workspace_write.network_access=true",
                    "a prompt",
                ],
                "more",
            ),
            run(
                &[
                    G,
                    "--color",
                    "always",
                    "-s",
                    "workspace-write",
                    "-c",
                    "sandbox_workspace_write.exclude_slash_tmp=true",
                    "next",
                ],
                "",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "people-patch",
        model: r#"[
            {"custom_call": {"id": "p1", "tool": "apply_patch", "input": "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n"}},
            {"custom_call": {"id": "p2", "tool": "apply_patch", "input": "*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+bye\n*** Add File: b.txt\n+b\n*** End Patch\n"}},
            {"message": "patched"},
            {"custom_call": {"id": "p3", "tool": "apply_patch", "input": "*** Begin Patch\n*** Delete File: b.txt\n*** End Patch\n"}},
            {"message": "patched"}
        ]"#,
        runs: &[
            run(&[G, "-m", "gpt-5.5", "-s", "danger-full-access"], "go"),
            run(
                &[
                    G,
                    "-m",
                    "gpt-5.5",
                    "-s",
                    "danger-full-access",
                    "--color",
                    "always",
                ],
                "go",
            ),
        ],
        shown: &["workspace/new.txt"],
        ..PLAIN
    },
    Row {
        name: "people-reasoning",
        model: r#"[{"events": [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]}},
            {"type": "response.output_item.done", "output_index": 1, "item": {"type": "reasoning", "id": "r2", "summary": []}},
            {"type": "response.output_item.done", "output_index": 2, "item": {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "weather"}}},
            {"type": "response.output_item.done", "output_index": 3, "item": {"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": "first"}]}},
            {"type": "response.output_item.done", "output_index": 4, "item": {"type": "message", "role": "assistant", "id": "n", "content": [{"type": "output_text", "text": "done"}]}},
            {"type": "response.completed", "response": {"id": "r", "usage": null}}
        ]}]"#,
        runs: &[run(&[G, "--color", "always"], "go")],
        ..PLAIN
    },
    Row {
        name: "people-failures",
        model: r#"[
            {"http": {"status": 400, "body": {"error": {"message": "bad thing"}}}},
            {"message": "cut", "fault": {"close": {"after_event": 1}}},
            {"message": "whole"},
            {"message": "cut", "fault": {"close": {"after_event": 1}}},
            {"message": "cut", "fault": {"close": {"after_event": 1}}}
        ]"#,
        retries: 1,
        runs: &[
            run(&[G], "go"),
            run(&[G], "go"),
            run(&[G, "--color", "always"], "go"),
            run(&[G], ""),
            run(&[], "go"),
        ],
        ..PLAIN
    },
    Row {
        name: "people-last-message",
        model: r#"[{"message": "the last"}, {"events": [
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.completed", "response": {"id": "r", "usage": null}}
        ]}]"#,
        runs: &[
            run(&[G, "-o", "${root}/last"], "go"),
            run(&[G, "--output-last-message", "${root}/none"], "go"),
        ],
        shown: &["last", "none"],
        ..PLAIN
    },
    Row {
        name: "people-resume",
        model: r#"[{"message": "one"}, {"message": "two"}, {"message": "three"}]"#,
        runs: &[
            run(&[G], "go"),
            run(&[G, "resume", "--last", "a prompt"], ""),
            run(
                &[G, "-s", "danger-full-access", "resume", "--last"],
                "piped",
            ),
            run(
                &[G, "resume", "00000000-0000-0000-0000-000000000000", "x"],
                "",
            ),
        ],
        ..PLAIN
    },
    Row {
        name: "profile",
        model: r#"[{"message": "one"}, {"message": "two"}, {"message": "three"}, {"message": "four"}]"#,
        files: &[
            (
                "home/work.config.toml",
                "model = \"of-the-profile\"\nmodel_reasoning_effort = \"high\"\nsandbox_mode = \"workspace-write\"\n",
            ),
            ("home/odd.config.toml", "nope = 1\n"),
            ("home/wrong.config.toml", "model = 3\n"),
        ],
        runs: &[
            run(&[G, "-p", "work"], "go"),
            run(
                &[
                    G,
                    "--profile",
                    "work",
                    "-m",
                    "asked",
                    "-c",
                    "model_reasoning_effort=\"low\"",
                ],
                "go",
            ),
            run(&[G, "-p", "odd"], "go"),
            run(&[G, "-p", "none"], "go"),
            run(&[G, "-p", "wrong"], "go"),
            run(&[G, "-p", "a/b"], "go"),
        ],
        ..PLAIN
    },
    Row {
        name: "features",
        model: r#"[{"message": "one"}, {"message": "two"}]"#,
        runs: &[
            run(&[G, "--enable", "request_permissions_tool"], "go"),
            run(&[G, "--disable", "memories", "--trust"], "go"),
            run(&[G, "--enable", "nope"], "go"),
            run(&[G, "--oss"], "go"),
        ],
        ..PLAIN
    },
    Row {
        name: "approve-for-me",
        model: r#"[
            {"call": {"id": "c1", "tool": "exec_command", "arguments": {"cmd": "echo out; sleep 0.3", "login": false, "sandbox_permissions": "require_escalated", "justification": "x"}}},
            {"when": {"subagent": "guardian"}, "message": "{\"risk_level\":\"low\",\"user_authorization\":\"high\",\"outcome\":\"allow\",\"rationale\":\"fine\"}"},
            {"message": "done"}
        ]"#,
        runs: &[
            run(&[G, "--approve-for-me"], "go"),
            run(&[G, "--approve-for-me", "-s", "read-only"], "go"),
        ],
        ..PLAIN
    },
    Row {
        name: "without-config",
        model: r#"[{"message": "one"}]"#,
        config: "sandbox_mode = \"workspace-write\"\nnope = 1\n",
        runs: &[run(
            &[
                G,
                "--ignore-user-config",
                "-c",
                "model_providers.own={name=\"own\", base_url=\"${model}\", wire_api=\"responses\"}",
                "-c",
                "model_provider=\"own\"",
                "-m",
                "asked",
            ],
            "go",
        )],
        ..PLAIN
    },
];
