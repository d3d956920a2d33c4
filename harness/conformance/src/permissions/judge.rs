//! What is wrong about a moment: more or less authority than was asked for, and three accounts of
//! it that are not the same.

use super::asked::Asked;
use super::model::{Finding, Kind, Reported, Seen, Told, label};
use super::reach::Reach;

/// The mode of a sandbox that somebody else provides.
const EXTERNAL: &str = "external-sandbox";
/// The mode without one.
const FULL_ACCESS: &str = "danger-full-access";

/// What is wrong about a moment, the gravest first. `before` is what commands could do when the
/// permissions had just been set; `None` for that moment itself.
pub fn judge(asked: &Asked, before: Option<&Reach>, seen: &Seen) -> Vec<Finding> {
    let (reported, told, enforced) = match seen {
        Seen::NotThere { .. } => return Vec::new(),
        Seen::Failed { why } => return vec![finding(Kind::Failed, why.clone())],
        Seen::InForce {
            reported,
            told,
            enforced,
        } => (reported, told, enforced),
    };
    let mut findings = Vec::new();
    findings.extend(widened(asked, before, reported.as_ref(), enforced));
    findings.extend(lost(asked, reported.as_ref(), enforced));
    let Some(reported) = reported else {
        let message = "the client is told nothing of what is in force";
        findings.push(finding(Kind::Disagreement, message.into()));
        return sorted(findings);
    };
    findings.extend(changed(asked, reported));
    findings.extend(kept(reported, enforced));
    match told {
        Some(told) => findings.extend(told_otherwise(reported, told)),
        None => findings.push(finding(
            Kind::Disagreement,
            "the model is told nothing of what is in force".into(),
        )),
    }
    sorted(findings)
}

/// More than was asked for, or than before.
fn widened(
    asked: &Asked,
    before: Option<&Reach>,
    reported: Option<&Reported>,
    enforced: &Reach,
) -> Option<Finding> {
    let own = Reach::default();
    let said = reported.and_then(|reported| reported.reach.as_ref());
    let now = enforced.or(said.unwrap_or(&own));
    let (than, more) = match now.beyond(&asked.reach()) {
        more if more.is_empty() => ("before", now.beyond(before.unwrap_or(&now))),
        more => ("asked for", more),
    };
    (!more.is_empty()).then(|| {
        let message = format!(
            "{}: a command can also {}, which is more than {than}",
            became(asked, reported),
            more.words()
        );
        finding(Kind::Widened, message)
    })
}

/// Less than was asked for.
fn lost(asked: &Asked, reported: Option<&Reported>, enforced: &Reach) -> Option<Finding> {
    let mut less = asked.reach().beyond(enforced);
    if let Some(said) = reported.and_then(|reported| reported.reach.as_ref()) {
        less = less.or(&asked.reach().beyond(said));
    }
    (!less.is_empty()).then(|| {
        let message = format!(
            "{}: a command can't {}",
            became(asked, reported),
            less.words()
        );
        finding(Kind::Lost, message)
    })
}

/// Other settings than were asked for, that let commands do just the same.
fn changed(asked: &Asked, reported: &Reported) -> Vec<Finding> {
    let mut findings = Vec::new();
    let same_reach = reported
        .reach
        .as_ref()
        .is_none_or(|reach| *reach == asked.reach());
    if same_reach && reported.mode != asked.sandbox.mode_name() {
        findings.push(finding(Kind::Changed, became(asked, Some(reported))));
    }
    let settings = [
        (
            "approvalPolicy",
            Some(&asked.approval),
            Some(&reported.approval),
        ),
        (
            "approvalsReviewer",
            Some(&asked.reviewer),
            Some(&reported.reviewer),
        ),
        (
            "activePermissionProfile",
            asked.profile.as_ref(),
            reported.profile.as_ref(),
        ),
    ];
    for (name, asked, now) in settings {
        if let Some(asked) = asked
            && now != Some(asked)
        {
            let now = now.map_or("null", String::as_str);
            findings.push(finding(
                Kind::Changed,
                format!("`{name}` was `{asked}` and became `{now}`"),
            ));
        }
    }
    findings
}

/// Is what is reported what is enforced?
fn kept(reported: &Reported, enforced: &Reach) -> Option<Finding> {
    let Some(reach) = &reported.reach else {
        let message = format!("`{}` is reported, which nobody knows here", reported.mode);
        return Some(finding(Kind::Disagreement, message));
    };
    let (more, less) = (enforced.beyond(reach), reach.beyond(enforced));
    let mut words = Vec::new();
    if !more.is_empty() {
        words.push(format!("can {}", more.words()));
    }
    if !less.is_empty() {
        words.push(format!("can't {}", less.words()));
    }
    (!words.is_empty()).then(|| {
        let label = reported.label();
        let message = format!("`{label}` is reported, and a command {}", words.join(", "));
        finding(Kind::Disagreement, message)
    })
}

/// Is what is reported what the model is told?
fn told_otherwise(reported: &Reported, told: &Told) -> Vec<Finding> {
    let mode = reported.mode.as_str();
    // The text has no word of its own for an external sandbox, and what its network is is not
    // codex's to say.
    let external = mode == EXTERNAL;
    let in_text = if external { FULL_ACCESS } else { mode };
    let open = external || mode == FULL_ACCESS;
    let connects = (reported.reach.as_ref())
        .filter(|_| !external)
        .map(|reach| reach.has(super::reach::Deed::Connect));
    let mut wrong = Vec::new();
    if let Some(told) = told.mode.as_ref().filter(|told| *told != mode) {
        wrong.push(format!("`{told}` (`sandbox_mode`)"));
    }
    if let Some(told) = &told.sandbox
        && matches!(told.as_str(), "none" | "external") != open
    {
        wrong.push(format!("`{told}` (`sandbox`)"));
    }
    match &told.text {
        None => wrong.push("nothing about `sandbox_mode` (text)".to_owned()),
        Some(told) if told != in_text => wrong.push(format!("`{told}` (text)")),
        Some(_) => {}
    }
    if let (Some(told), Some(connects)) = (told.network, connects)
        && told != connects
    {
        let word = if told { "enabled" } else { "restricted" };
        wrong.push(format!("a network that is {word} (text)"));
    }
    let mut findings = Vec::new();
    if !wrong.is_empty() {
        let label = reported.label();
        let message = format!(
            "`{label}` is reported, the model is told {}",
            wrong.join(", ")
        );
        findings.push(finding(Kind::Disagreement, message));
    }
    if told.never_asks != (reported.approval == "never") {
        let not = if told.never_asks { "" } else { "not " };
        let message = format!(
            "approvals are reported as `{}`, the model is {not}told that they are `never`",
            reported.approval
        );
        findings.push(finding(Kind::Disagreement, message));
    }
    findings
}

/// `workspace-write` and what became of it.
fn became(asked: &Asked, reported: Option<&Reported>) -> String {
    let asked = label(asked.sandbox.mode_name(), Some(&asked.reach()));
    match reported.map(Reported::label) {
        Some(now) if now == asked => format!("`{asked}` is reported"),
        Some(now) => format!("`{asked}` became `{now}`"),
        None => format!("`{asked}` was asked for"),
    }
}

fn finding(kind: Kind, message: String) -> Finding {
    Finding { kind, message }
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| finding.kind);
    findings
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
