//! What loading makes of good files, and what it says of bad ones.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scenario::model::{Action, Matcher};
use crate::scenario::{select, steps};

fn unreadable(_: &Path) -> Result<String, String> {
    Err("no such file".to_owned())
}

fn load_one(text: &str) -> Result<Vec<Case>, Vec<LoadError>> {
    load_text(
        Path::new("scenarios/area/x.yaml"),
        "area/x",
        text,
        &unreadable,
    )
}

fn good(text: &str) -> Vec<Case> {
    load_one(text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// The reports of a bad file, as people see them without colours.
fn bad(text: &str) -> String {
    let errors = load_one(text).expect_err("this file should be refused");
    errors
        .iter()
        .map(|error| error.render(false))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A scenario with these lines instead of its steps.
fn with(rest: &str) -> String {
    format!("name: n\n{rest}")
}

/// A scenario with these steps behind a thread `main` and its turn `turn`.
fn steps(rest: &str) -> String {
    let mut text = "name: n\nsteps:\n  - thread_start:\n    as: main\n".to_owned();
    text.push_str("  - turn: { thread: main, input: hi }\n    as: turn\n");
    for line in rest.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

macro_rules! refused {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::with_settings!({
                snapshot_path => "../../../../snapshots/cli/load",
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, { insta::assert_snapshot!(stringify!($name), bad(&$text)) });
        }
    )*};
}

refused! {
    unknown_step: steps("- thred_start: {}\n- frobnicate: {}");
    unknown_members: "nam: n\nstep: []\nsteps: [logout: ~]\n";
    unknown_member_of_a_step: steps("- run: { thread: main, inptu: hi }\n- logout:\n  expct: {}");
    member_beside_its_step: steps("- run:\n  thread: main\n  input: hi");
    missing_members: "about: nothing else\n";
    missing_members_of_a_step: steps("- run: {}\n- file: { path: x }\n- send_line: { bare: true }");
    wrong_types: "name: 5\ntags: smoke\ntimeout: soon\nhome: { handshake: maybe }\nsteps: {}\n";
    not_a_map: "- a\n- b\n";
    not_a_step: steps("- logout\n- 7");
    two_steps_in_one: steps("- logout:\n  account:");
    an_empty_step: steps("- as: x");
    no_steps: with("steps: []\n");
    unknown_thread: steps("- run: { thread: mian, input: hi }\n- interrupt: trun");
    thread_named_later: "name: n\nsteps:\n- run: { thread: late, input: hi }\n\
                         - thread_start:\n  as: late\n";
    unknown_variable: steps("- file: { path: \"${workspce}/a\", text: \"${HOME}\" }");
    unclosed_variable: steps("- file: { path: \"${workspace\", exists: true }");
    variable_of_a_later_step: with(
        "files: { x: \"${main.thread.id}\" }\nsteps:\n- thread_start:\n  as: main\n"
    );
    bad_names: steps("- logout:\n  as: main\n- logout:\n  as: workspace\n- logout:\n  as: a b");
    duplicate_key: "name: a\nname: b\nsteps: [logout: ~]\n";
    a_tab: "name: a\nsteps:\n\t- logout:\n";
    an_empty_file: "# only a comment\n";
    two_documents: "name: a\nsteps: [logout: ~]\n---\nname: b\n";
    broken_yaml: "name: [a\nsteps:\n";
    an_unclosed_quote: "name: \"a\nsteps: [logout: ~]\n";
    variable_without_quotes: steps("- file: { path: ${workspace}, exists: true }");
    bad_pattern: steps("- logout:\n  expect: { message: { matches: \"a(b\" } }");
    bad_operators: steps("- logout:\n  expect: { a: { any_of: x }, b: { absent: 1 }, \
                          c: { any_of: [] }, d: { preset: { method: thread/stop } } }");
    gate_never_held: with("steps:\n- release: gaet\nmodel: [{ message: a, hold: { after_event: 1, gate: gate } }]\n");
    gate_of_a_refusal_never_released: with("steps: [logout: ~]\nmodel:\n- message: a\n  \
                                            fault: { refuse: { gate: up } }\n");
    bad_reply: with("model:\n- mesage: hello\n- message: a\n  pace: { before: soon }\n- {}\nsteps: [logout: ~]\n");
    bad_expect: with(
        "steps: [logout: ~]\nexpect:\n  model: { request: { first: {} } }\n  \
         frames: [{ from: nobody }]\nsnapshot: [client, all]\ntargets: [codx]\n"
    );
    bad_bytes: with("steps:\n- send_line: { hex: 7b f }\n- send_line: { text: a, hex: 7b }\n\
                     - signal: SIGHUP\n");
    bad_matrix: with(
        "matrix:\n  mode: { from: approval_mode }\n  home: [1]\n  size: 3\n  \
         twice: [a, a]\n  long: [two words]\n  map: [{ a: 1 }]\n  exclude: [{ mod: x }]\n\
         steps: [logout: ~]\n"
    );
    exclude_of_nothing: with(
        "matrix: { a: [x, y], exclude: [{ a: z }, { a: [x, y] }] }\nsteps: [logout: ~]\n"
    );
    exclude_of_everything: with(
        "matrix: { a: [x, y], exclude: [{ a: [x, y] }] }\nsteps: [logout: ~]\n"
    );
    matrix_without_the_member: with(
        "matrix: { a: [x, { name: y, z: 1 }] }\nsteps: [{ file: { path: \"${a.q}\", exists: true } }]\n"
    );
    too_many_cases: {
        let values = (0..18).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        let dims = ["a", "b", "c"].map(|name| format!("  {name}: [{values}]\n"));
        with(&format!("matrix:\n{}steps: [logout: ~]\n", dims.concat()))
    };
    include_of_nothing: with("include: parts/none.yaml\nsteps: [logout: ~]\n");
}

#[test]
fn a_file_that_is_not_text_or_too_large_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("latin.yaml"), b"name: a\nabout: \xff\n").unwrap();
    fs::write(path("large.yaml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    let report = load(&[path("latin.yaml"), path("large.yaml"), path("none.yaml")]);
    let messages: Vec<String> = report.errors.iter().map(ToString::to_string).collect();
    assert_eq!(messages[0], "not utf-8 from line 2, byte 15 on");
    assert_eq!(
        messages[1],
        "too large: 1048577 bytes, and 1048576 is the limit"
    );
    assert!(
        messages[2].starts_with("can't be read: "),
        "{}",
        messages[2]
    );
    assert!(report.cases.is_empty());
}

#[test]
fn a_directory_is_walked_in_order_and_a_bad_file_leaves_the_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("scenarios");
    for (name, text) in [
        ("b/two.yaml", "name: two\nsteps: [logout: ~]\n"),
        ("a/deep/one.yml", "name: one\nsteps: [logout: ~]\n"),
        ("a/bad.yaml", "name: bad\nsteps: [nothing: ~]\n"),
        ("a/_part.yaml", "tags: [x]\n"),
        ("a/notes.txt", "no scenario"),
    ] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let report = load(&[root.clone(), root.join("b/two.yaml")]);
    let ids: Vec<&str> = report.cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["a/deep/one", "b/two"]);
    assert_eq!((report.files, report.errors.len()), (3, 1));
    assert_eq!(report.errors[0].at().file, root.join("a/bad.yaml"));
    // The id is the same from wherever the file is named.
    assert_eq!(
        load(&[root.join("a/deep/one.yml")]).cases[0].id,
        "a/deep/one"
    );
}

#[test]
fn parts_come_before_the_scenario_and_cycles_are_refused() {
    let files = |path: &Path| match path.to_str().unwrap() {
        "scenarios/parts/base.yaml" => Ok("include: deeper.yaml\ntags: [base]\n\
            home: { config: { a: 1, list: [1] }, handshake: false }\nmodel: [message: first]\n"
            .to_owned()),
        "scenarios/parts/deeper.yaml" => Ok("tags: [deep]\n".to_owned()),
        "scenarios/parts/cycle.yaml" => Ok("include: cycle.yaml\n".to_owned()),
        "scenarios/parts/bad.yaml" => Ok("name: x\nstep: []\n".to_owned()),
        other => Err(format!("unexpected {other}")),
    };
    let text = |include| {
        format!(
            "name: n\ninclude: {include}\ntags: [own]\nhome: {{ config: {{ a: 2, list: [2] }} }}\n\
             model: [message: second]\nsteps: [logout: ~]\n"
        )
    };
    let load = |include| {
        load_text(
            Path::new("scenarios/area/x.yaml"),
            "area/x",
            &text(include),
            &files,
        )
    };
    let case = load("../parts/base.yaml").unwrap().remove(0);
    assert_eq!(case.tags, ["deep", "base", "own"]);
    assert_eq!(json!(case.home.config), json!({"a": 2, "list": [2]}));
    assert_eq!(case.home.handshake, Some(false));
    let model: Vec<_> = case.model.iter().map(|reply| reply.value.clone()).collect();
    assert_eq!(
        json!(model),
        json!([{"message": "first"}, {"message": "second"}])
    );
    assert!(case.model[0].at.file.ends_with("parts/base.yaml"));

    let messages = |include| -> Vec<String> {
        load(include)
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        messages("../parts/cycle.yaml"),
        ["`cycle.yaml` is included twice, or includes itself"]
    );
    assert_eq!(
        messages("../parts/bad.yaml"),
        [
            "an included file can't have `name`",
            "an included file can't have `step`"
        ]
    );
}

#[test]
fn a_matrix_puts_its_values_in_and_null_removes_the_member() {
    let text = "name: ${mode} with ${sandbox}\n\
        matrix:\n  method: { from: preset_methods }\n  mode: [~, deny_all]\n  \
        sandbox: [{ name: ro, wire: read-only, n: 3 }, { name: no, wire: ~, n: ~ }]\n  \
        exclude: [{ method: [thread_resume, thread_fork, run] }]\n\
        steps:\n- ${method}:\n    approval_mode: ${mode}\n    params:\n      \
        s: ${sandbox.wire}\n      n: ${sandbox.n}\n      t: <${method.method}>\n      \
        l: [1, \"${mode}\"]\n      e: $${mode}\n";
    let cases = good(text);
    let ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "area/x[method=thread_start,mode=none,sandbox=ro]",
            "area/x[method=thread_start,mode=none,sandbox=no]",
            "area/x[method=thread_start,mode=deny_all,sandbox=ro]",
            "area/x[method=thread_start,mode=deny_all,sandbox=no]",
        ]
    );
    assert_eq!(cases[0].name, "none with ro");
    let params = |case: &Case| match &case.steps[0].action {
        Action::ThreadStart(permissions) => {
            (permissions.approval_mode.clone(), json!(permissions.params))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        params(&cases[0]),
        (
            None,
            json!({"s": "read-only", "n": 3, "t": "<thread/start>", "l": [1], "e": "$${mode}"})
        )
    );
    assert_eq!(
        params(&cases[3]),
        (
            Some(json!("deny_all")),
            json!({"t": "<thread/start>", "l": [1, "deny_all"], "e": "$${mode}"})
        )
    );
}

#[test]
fn operators_are_told_from_objects() {
    let text = steps(
        "- logout:\n  expect: { sandbox: { type: readOnly }, id: { type: string }, \
         list: [{ not: ~ }], any: { equals: { not: 1 } }, two: { not: 1, length: 2 } }",
    );
    let case = good(&text).remove(0);
    let b = Box::new;
    let object = |members: Vec<(&str, Matcher)>| {
        Matcher::Object(
            members
                .into_iter()
                .map(|(name, m)| (name.to_owned(), m))
                .collect(),
        )
    };
    let equal = |value| Matcher::Equal(value);
    assert_eq!(
        case.steps[2].expect.as_ref().unwrap().value,
        object(vec![
            ("sandbox", object(vec![("type", equal(json!("readOnly")))])),
            ("id", Matcher::Type("string".to_owned())),
            (
                "list",
                Matcher::Array(vec![Matcher::Not(b(equal(json!(null))))])
            ),
            ("any", equal(json!({"not": 1}))),
            (
                "two",
                object(vec![("not", equal(json!(1))), ("length", equal(json!(2)))])
            ),
        ])
    );
}

#[test]
fn a_gate_that_opens_by_itself_needs_no_release_and_may_have_one() {
    let reply = "hold: { after_event: 1, gate: g, until: { client_received: { method: m } } } }";
    let unnamed = "hold: { before: true, until: { client_received: { method: m } } } }";
    for steps in ["[logout: ~]", "[release: g]"] {
        good(&with(&format!(
            "steps: {steps}\nmodel:\n- {{ message: a, {reply}\n- {{ message: b, {unnamed}\n"
        )));
    }
    good(&with(
        "steps: [release: up]\nmodel: [{ message: a, fault: { refuse: { gate: up } } }]\n",
    ));
}

#[test]
fn every_short_form_is_read_like_its_first_member() {
    for kind in &steps::STEPS {
        if let steps::Body::Short(fields) = kind.body {
            assert!(!fields[0].is_empty(), "{}", kind.name);
        }
    }
    let case = good(&steps(
        "- await: turn/completed\n  as: done\n- interrupt: turn\n- signal: SIGKILL",
    ))
    .remove(0);
    assert!(matches!(&case.steps[2].action,
        Action::Await { method: Some(method), matching: None } if method == "turn/completed"));
    assert!(matches!(&case.steps[3].action, Action::Interrupt { turn } if turn == "turn"));
    assert!(matches!(&case.steps[4].action, Action::Signal { name } if name == "SIGKILL"));
    assert_eq!((case.steps[4].at.line, case.steps[4].at.column), (10, 5));
}

#[test]
fn filters_choose_by_text_id_area_and_tag() {
    let text = with("tags: [smoke]\nmatrix: { a: [x, xy] }\nsteps: [logout: ~]\n");
    let cases: Vec<Arc<Case>> = good(&text).into_iter().map(Arc::new).collect();
    let count = |filter: &str| select(&cases, &[filter]).len();
    let table = [
        ("a=x", 2),
        ("=area/x[a=x]", 1),
        ("=area/x", 0),
        ("@area", 2),
        ("@are", 0),
        ("tag:smoke", 2),
        ("tag:smok", 0),
        ("nothing", 0),
    ];
    for (filter, expected) in table {
        assert_eq!(count(filter), expected, "{filter}");
    }
    assert_eq!(select::<&str>(&cases, &[]).len(), 2);
}

/// Lines that look like a scenario's, so that random files get past the first check.
const LINES: [&str; 16] = [
    "name: n",
    "steps:",
    "- logout:",
    "  - thread_start: {}",
    "    as: a",
    "  expect: {x: [1]}",
    "matrix: {d: [a, ~]}",
    "model: [message: x]",
    "home: *x",
    "files: &x {a: b}",
    "${d}: ${a.b}",
    "\t",
    "? [a]",
    "--- !t",
    "expect: {model: {requests: {not: 2}}}",
    "include: .",
];

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(text in ".{0,200}|[-a:{}\\[\\]&*!|>'\"%@`#? \n\t,~$]{0,80}") {
        let _ = load_one(&text).map_err(|errors| {
            for error in &errors { drop(error.render(true)); }
        });
    }

    #[test]
    fn no_shuffled_scenario_makes_it_panic(lines in prop::collection::vec(0..LINES.len(), 0..12)) {
        let text: String = lines.into_iter().flat_map(|line| [LINES[line], "\n"]).collect();
        let _ = load_one(&text).map_err(|errors| {
            for error in &errors { drop(error.render(false)); }
        });
    }

    #[test]
    fn a_matrix_makes_the_product_without_what_is_excluded(
        sizes in prop::collection::vec(1_usize..5, 1..4),
        excluded in prop::collection::btree_set(0_usize..5, 0..3),
    ) {
        let values = |n: usize| (0..n).map(|v| format!("v{v}")).collect::<Vec<_>>().join(", ");
        let dims: Vec<String> =
            sizes.iter().enumerate().map(|(i, n)| format!("d{i}: [{}]", values(*n))).collect();
        let excluded: Vec<usize> = excluded.into_iter().filter(|v| *v < sizes[0]).collect();
        let rules: Vec<String> = excluded.iter().map(|v| format!("{{ d0: v{v} }}")).collect();
        let text = with(&format!(
            "matrix: {{ {}, exclude: [{}] }}\nsteps: [logout: ~]\n", dims.join(", "), rules.join(", ")
        ));
        let expected = (sizes[0] - excluded.len()) * sizes[1..].iter().product::<usize>();
        let cases = load_one(&text).unwrap_or_default();
        let ids: BTreeSet<&String> = cases.iter().map(|case| &case.id).collect();
        prop_assert_eq!(ids.len(), cases.len());
        prop_assert_eq!(cases.len(), expected);
    }
}
