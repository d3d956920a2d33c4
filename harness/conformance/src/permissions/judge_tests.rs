use codex_wire::policy::{SandboxMode, SandboxPolicy};

use super::*;
use crate::permissions::reach::Deed;

fn asked(mode: SandboxMode) -> Asked {
    Asked {
        sandbox: mode.to_policy(),
        approval: "never".into(),
        reviewer: "user".into(),
        profile: None,
    }
}

fn reported(policy: &SandboxPolicy) -> Reported {
    Reported {
        mode: policy.mode_name().into(),
        reach: Some(Reach::of_policy(policy)),
        approval: "never".into(),
        reviewer: "user".into(),
        profile: None,
    }
}

fn told(policy: &SandboxPolicy) -> Told {
    let open = matches!(policy, SandboxPolicy::DangerFullAccess);
    Told {
        sandbox: Some(if open { "none" } else { "seccomp" }.into()),
        mode: Some(policy.mode_name().into()),
        text: Some(policy.mode_name().into()),
        network: Some(Reach::of_policy(policy).has(Deed::Connect)),
        never_asks: true,
    }
}

/// All three accounts agree on a policy.
fn agreed(policy: &SandboxPolicy) -> Seen {
    Seen::InForce {
        reported: Some(reported(policy)),
        told: Some(told(policy)),
        enforced: Reach::of_policy(policy),
    }
}

fn kinds(findings: &[Finding]) -> Vec<Kind> {
    findings.iter().map(|finding| finding.kind).collect()
}

const MODES: [SandboxMode; 3] = [
    SandboxMode::ReadOnly,
    SandboxMode::WorkspaceWrite,
    SandboxMode::DangerFullAccess,
];

#[test]
fn every_pair_of_modes_is_equal_wider_or_narrower() {
    for (a, asked_for) in MODES.into_iter().enumerate() {
        for (b, now) in MODES.into_iter().enumerate() {
            let findings = judge(&asked(asked_for), None, &agreed(&now.to_policy()));
            let expected: &[Kind] = match a.cmp(&b) {
                std::cmp::Ordering::Less => &[Kind::Widened],
                std::cmp::Ordering::Equal => &[],
                std::cmp::Ordering::Greater => &[Kind::Lost],
            };
            assert_eq!(kinds(&findings), expected, "{asked_for} became {now}");
        }
    }
}

#[test]
fn one_of_two_may_be_wider_here_and_narrower_there() {
    let now = SandboxPolicy::ReadOnly {
        network_access: true,
    };
    let findings = judge(&asked(SandboxMode::WorkspaceWrite), None, &agreed(&now));
    assert_eq!(kinds(&findings), [Kind::Widened, Kind::Lost]);
    assert_eq!(
        findings[0].message,
        "`workspace-write` became `read-only, network`: a command can also connect, which is more \
         than asked for"
    );
    assert_eq!(
        findings[1].message,
        "`workspace-write` became `read-only, network`: a command can't write in the workspace, \
         write to `/tmp`"
    );
}

#[test]
fn more_than_before_is_wider_also_where_it_was_asked_for() {
    let full = SandboxMode::DangerFullAccess;
    let before = Reach::of_policy(&SandboxMode::ReadOnly.to_policy());
    let findings = judge(&asked(full), Some(&before), &agreed(&full.to_policy()));
    assert_eq!(kinds(&findings), [Kind::Widened]);
    assert!(findings[0].message.ends_with("more than before"));
}

#[test]
fn a_sandbox_that_is_reported_and_not_enforced_is_wider_and_disagrees() {
    let policy = SandboxMode::ReadOnly.to_policy();
    let seen = Seen::InForce {
        reported: Some(reported(&policy)),
        told: Some(told(&policy)),
        enforced: Reach::of([Deed::Outside]),
    };
    let findings = judge(&asked(SandboxMode::ReadOnly), None, &seen);
    assert_eq!(kinds(&findings), [Kind::Widened, Kind::Disagreement]);
    assert_eq!(
        findings[1].message,
        "`read-only` is reported, and a command can write outside of it"
    );
}

#[test]
fn each_way_of_telling_the_model_otherwise_is_a_disagreement() {
    let policy = SandboxMode::WorkspaceWrite.to_policy();
    let good = told(&policy);
    let rows: [(Told, &str); 6] = [
        (
            Told {
                mode: Some("read-only".into()),
                ..good.clone()
            },
            "told `read-only` (`sandbox_mode`)",
        ),
        (
            Told {
                sandbox: Some("none".into()),
                ..good.clone()
            },
            "told `none` (`sandbox`)",
        ),
        (
            Told {
                text: Some("read-only".into()),
                ..good.clone()
            },
            "told `read-only` (text)",
        ),
        (
            Told {
                text: None,
                ..good.clone()
            },
            "told nothing about `sandbox_mode`",
        ),
        (
            Told {
                network: Some(true),
                ..good.clone()
            },
            "told a network that is enabled (text)",
        ),
        (
            Told {
                never_asks: false,
                ..good.clone()
            },
            "the model is not told that they are `never`",
        ),
    ];
    for (told, part) in rows {
        let seen = Seen::InForce {
            reported: Some(reported(&policy)),
            told: Some(told),
            enforced: Reach::of_policy(&policy),
        };
        let findings = judge(&asked(SandboxMode::WorkspaceWrite), None, &seen);
        assert_eq!(kinds(&findings), [Kind::Disagreement], "{part}");
        assert!(findings[0].message.contains(part), "{findings:?}");
    }
    // Older versions say the mode in the text alone.
    let seen = Seen::InForce {
        reported: Some(reported(&policy)),
        told: Some(Told { mode: None, ..good }),
        enforced: Reach::of_policy(&policy),
    };
    assert_eq!(judge(&asked(SandboxMode::WorkspaceWrite), None, &seen), []);
}

#[test]
fn what_nobody_says_is_a_disagreement_and_what_did_not_run_a_failure() {
    let policy = SandboxMode::ReadOnly.to_policy();
    let asked = asked(SandboxMode::ReadOnly);
    let silent = |reported: Option<Reported>, told: Option<Told>| Seen::InForce {
        reported,
        told,
        enforced: Reach::default(),
    };
    for seen in [
        silent(None, Some(told(&policy))),
        silent(Some(reported(&policy)), None),
    ] {
        assert_eq!(kinds(&judge(&asked, None, &seen)), [Kind::Disagreement]);
    }
    let why = "it was late".to_owned();
    let failed = Seen::Failed { why: why.clone() };
    assert_eq!(kinds(&judge(&asked, None, &failed)), [Kind::Failed]);
    assert_eq!(judge(&asked, None, &Seen::NotThere { why }), []);
}

#[test]
fn other_approvals_and_profiles_are_changes() {
    let policy = SandboxMode::WorkspaceWrite.to_policy();
    let asked = Asked {
        profile: Some(":workspace".into()),
        reviewer: "auto_review".into(),
        ..asked(SandboxMode::WorkspaceWrite)
    };
    let findings = judge(&asked, None, &agreed(&policy));
    assert_eq!(kinds(&findings), [Kind::Changed, Kind::Changed]);
    assert_eq!(
        findings[1].message,
        "`activePermissionProfile` was `:workspace` and became `null`"
    );
}

#[test]
fn an_external_sandbox_is_told_in_its_own_words() {
    let policy: SandboxPolicy =
        serde_json::from_value(serde_json::json!({ "type": "externalSandbox" })).unwrap();
    let asked = Asked {
        sandbox: policy.clone(),
        ..asked(SandboxMode::ReadOnly)
    };
    let seen = |told: Told| Seen::InForce {
        reported: Some(reported(&policy)),
        told: Some(told),
        enforced: Reach::of(Deed::ALL),
    };
    let external = Told {
        sandbox: Some("external".into()),
        mode: Some("external-sandbox".into()),
        text: Some("danger-full-access".into()),
        network: Some(false),
        never_asks: true,
    };
    assert_eq!(judge(&asked, None, &seen(external)), []);
    let full = judge(&asked, None, &agreed(&SandboxPolicy::DangerFullAccess));
    assert_eq!(kinds(&full), [Kind::Changed]);
}
