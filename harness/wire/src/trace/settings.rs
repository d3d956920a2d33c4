//! The settings of threads: what was asked for, what is reported, what the model is told.

use super::finding::Notes;
use super::sight::{self, Sandbox};
use super::table::{ExceptionId, RuleId};

/// Some settings of a thread; `None` where a setting is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    approval: Option<Box<str>>,
    reviewer: Option<Box<str>>,
    sandbox: Option<Sandboxed>,
    model: Option<Box<str>>,
    /// Is a permission profile asked for? What it means is the app-server's to say.
    profile: bool,
    /// Is a collaboration mode asked for? It may bring a model of its own.
    mode: bool,
    /// Does it bring configuration? What that sets is the app-server's to say.
    config: bool,
}

/// Where a thread is when it is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// In memory.
    Loaded,
    /// On disk.
    Stored,
    /// On disk, if at all: it never had a turn.
    NoTurn,
    /// The log doesn't say whether the app-server was started anew.
    Unknown,
}

/// A sandbox, spelled as for thread methods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sandboxed {
    mode: Box<str>,
    network: Option<bool>,
}

/// The names of sandboxes on turn methods and on thread methods.
const MODES: [(&str, &str); 4] = [
    ("readOnly", "read-only"),
    ("workspaceWrite", "workspace-write"),
    ("dangerFullAccess", "danger-full-access"),
    ("externalSandbox", "external-sandbox"),
];

/// Sandboxes that a fork and a cold resume were seen to forget.
const FORGOTTEN: [&str; 2] = ["workspace-write", "external-sandbox"];

impl Settings {
    /// What both kinds of methods spell alike.
    fn asked(params: &sight::Params<'_>) -> Self {
        Self {
            approval: params
                .approval_policy
                .as_ref()
                .map(|policy| approval(policy)),
            reviewer: params.approvals_reviewer.as_deref().map(reviewer),
            sandbox: None,
            model: name(params.model.as_deref()),
            profile: params.permissions.is_some(),
            mode: params.collaboration_mode.is_some(),
            config: params.config.is_some(),
        }
    }

    /// What a method of threads asks for. A policy beside the name may win over it.
    pub(super) fn asked_of_thread(params: &sight::Params<'_>) -> Self {
        let sandbox = params.sandbox.as_ref();
        let alone = sandbox.filter(|_| params.sandbox_policy.is_none());
        Self {
            sandbox: alone.map(sandboxed),
            ..Self::asked(params)
        }
    }

    /// What a method of turns asks for.
    pub(super) fn asked_of_turn(params: &sight::Params<'_>) -> Self {
        Self {
            sandbox: params.sandbox_policy.as_ref().map(sandboxed),
            ..Self::asked(params)
        }
    }

    /// What the reply of a thread method reports.
    pub(super) fn replied(answer: &sight::Answer<'_>) -> Self {
        Self {
            approval: answer
                .approval_policy
                .as_ref()
                .map(|policy| approval(policy)),
            reviewer: answer.approvals_reviewer.as_deref().map(reviewer),
            sandbox: answer.sandbox.as_ref().map(sandboxed),
            model: name(answer.model.as_deref()),
            ..Self::default()
        }
    }

    /// What `thread/settings/updated` reports.
    pub(super) fn updated(settings: &sight::Settings<'_>) -> Self {
        Self {
            approval: settings
                .approval_policy
                .as_ref()
                .map(|policy| approval(policy)),
            reviewer: settings.approvals_reviewer.as_deref().map(reviewer),
            sandbox: settings.sandbox_policy.as_ref().map(sandboxed),
            model: name(settings.model.as_deref()),
            ..Self::default()
        }
    }

    /// Does it ask for nothing?
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These settings with those that another one knows put over them.
    pub(super) fn with(&self, over: &Self) -> Self {
        if over.config {
            return over.clone();
        }
        let sandbox = if over.profile && over.sandbox.is_none() {
            None
        } else {
            over.sandbox.clone().or_else(|| self.sandbox.clone())
        };
        Self {
            approval: over.approval.clone().or_else(|| self.approval.clone()),
            reviewer: over.reviewer.clone().or_else(|| self.reviewer.clone()),
            sandbox,
            model: match &over.model {
                None if over.mode => None,
                model => model.clone().or_else(|| self.model.clone()),
            },
            profile: self.profile || over.profile,
            mode: self.mode || over.mode,
            config: self.config,
        }
    }

    /// Is the sandbox known to be read-only?
    pub(super) fn is_read_only(&self) -> bool {
        self.sandbox
            .as_ref()
            .is_some_and(|sandbox| &*sandbox.mode == "read-only")
    }

    /// The sandbox as the model is told of it.
    pub(super) fn mode(&self) -> Option<&str> {
        self.sandbox.as_ref().map(|sandbox| &*sandbox.mode)
    }

    /// The first setting in which a report differs from what is known: its name, what is known,
    /// what is reported.
    pub(super) fn differs(&self, reported: &Self) -> Option<(&'static str, String, String)> {
        let texts = [
            ("approvalPolicy", &self.approval, &reported.approval),
            ("approvalsReviewer", &self.reviewer, &reported.reviewer),
            ("model", &self.model, &reported.model),
        ];
        let text = texts.into_iter().find_map(|(name, known, reported)| {
            let (known, reported) = (known.as_deref()?, reported.as_deref()?);
            (known != reported).then(|| (name, known.to_owned(), reported.to_owned()))
        });
        text.or_else(|| {
            let (known, reported) = (self.sandbox.as_ref()?, reported.sandbox.as_ref()?);
            let network = match (known.network, reported.network) {
                (Some(known), Some(reported)) => known == reported,
                _ => true,
            };
            let same = known.mode == reported.mode && network;
            (!same).then(|| ("sandbox", known.to_string(), reported.to_string()))
        })
    }

    /// The reply to `thread/start`: what was asked for is in force, unless it was told that the
    /// administrator does not allow it.
    pub(super) fn judge_start(
        &self,
        (reported, required): (&Self, bool),
        since: usize,
        notes: &mut Notes<'_>,
    ) {
        if let Some((name, asked, reported)) = self.differs(reported) {
            let message = format!("`{name}` was asked to be `{asked}`, reported is `{reported}`");
            let why = required.then_some(ExceptionId::RequirementsAtStart);
            notes.judged(RuleId::SettingsReported, why, Some(since), message);
        }
    }

    /// The reply to `thread/fork`, where `self` is what the parent had, put under what was asked.
    pub(super) fn judge_fork(
        &self,
        asked: &Self,
        (reported, required): (&Self, bool),
        notes: &mut Notes<'_>,
    ) {
        let Some((name, known, now)) = self.with(asked).differs(reported) else {
            return;
        };
        let lost = name == "sandbox" && asked.sandbox.is_none() && self.is_forgotten();
        let message = format!("the fork's `{name}` is `{now}`, it should be `{known}`");
        let why = if required {
            Some(ExceptionId::RequirementsLater)
        } else if lost {
            Some(ExceptionId::LostOnFork)
        } else {
            (name == "model" && asked.model.is_none()).then_some(ExceptionId::ForkForgetsModel)
        };
        notes.judged(RuleId::SettingsKept, why, None, message);
    }

    /// The reply to `thread/resume`, where `self` is what the thread had.
    pub(super) fn judge_resume(
        &self,
        asked: &Self,
        (reported, required, life): (&Self, bool, Life),
        notes: &mut Notes<'_>,
    ) {
        let same = self.differs(reported).is_none();
        if life == Life::Loaded || (life == Life::Unknown && same) {
            if let Some((name, known, now)) = self.differs(reported) {
                let message =
                    format!("`{name}` of the loaded thread was `{known}`, reported is `{now}`");
                notes.broken(RuleId::SettingsReported, None, message);
            } else if let Some((name, asked, now)) = asked.differs(reported) {
                let message =
                    format!("`{name}` was asked to be `{asked}`, and stays `{now}` unsaid");
                notes.known(ExceptionId::ResumeLoadedIgnores, None, message);
            }
            return;
        }
        if let Some((name, known, now)) = self.with(asked).differs(reported) {
            let lost = name == "sandbox" && asked.sandbox.is_none() && self.is_forgotten();
            let message =
                format!("the resumed thread's `{name}` is `{now}`, it should be `{known}`");
            let why = if required {
                Some(ExceptionId::RequirementsLater)
            } else if life == Life::NoTurn {
                Some(ExceptionId::NoTurnNoSettings)
            } else {
                lost.then_some(ExceptionId::LostOnColdResume)
            };
            notes.judged(RuleId::SettingsKept, why, None, message);
        }
    }

    fn is_forgotten(&self) -> bool {
        self.mode().is_some_and(|mode| FORGOTTEN.contains(&mode))
    }
}

impl std::fmt::Display for Sandboxed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.mode)?;
        match self.network {
            Some(true) => f.write_str(" with network"),
            _ => Ok(()),
        }
    }
}

fn sandboxed(sandbox: &Sandbox<'_>) -> Sandboxed {
    match sandbox {
        Sandbox::Named(name) => Sandboxed {
            mode: (**name).into(),
            network: None,
        },
        Sandbox::Policy(policy) => {
            let kind = policy.r#type.as_deref().unwrap_or_default();
            let mode = MODES.iter().find(|(turn, _)| *turn == kind);
            Sandboxed {
                mode: mode.map_or(kind, |(_, thread)| thread).into(),
                network: (kind != "dangerFullAccess").then(|| {
                    policy
                        .network_access
                        .as_ref()
                        .is_some_and(|network| network.0)
                }),
            }
        }
    }
}

/// `on-failure` was given up in favour of `on-request`.
fn approval(policy: &sight::Policy<'_>) -> Box<str> {
    match &*policy.0 {
        "on-failure" => "on-request",
        name => name,
    }
    .into()
}

/// `guardian_subagent` is the former name of `auto_review`.
fn reviewer(name: &str) -> Box<str> {
    match name {
        "guardian_subagent" => "auto_review",
        name => name,
    }
    .into()
}

/// An empty name asks for nothing.
fn name(name: Option<&str>) -> Option<Box<str>> {
    name.filter(|name| !name.is_empty()).map(Into::into)
}
