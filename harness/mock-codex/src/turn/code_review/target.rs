//! What is reviewed: as people are told, and as the reviewer is asked.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::protocol::review::ReviewTarget;

/// How much of the name of a commit people are shown.
const SHORT: usize = 7;

impl ReviewTarget {
    /// The target without blanks around what was typed; fails with what is missing.
    pub(crate) fn checked(self) -> Result<Self, &'static str> {
        let given = |text: &str, missing| match text.trim() {
            "" => Err(missing),
            text => Ok(text.to_owned()),
        };
        Ok(match self {
            Self::UncommittedChanges => self,
            Self::BaseBranch { branch } => Self::BaseBranch {
                branch: given(&branch, "branch must not be empty")?,
            },
            Self::Commit { sha, title } => Self::Commit {
                sha: given(&sha, "sha must not be empty")?,
                title: title
                    .map(|title| title.trim().to_owned())
                    .filter(|title| !title.is_empty()),
            },
            Self::Custom { instructions } => Self::Custom {
                instructions: given(&instructions, "instructions must not be empty")?,
            },
        })
    }

    /// What people are told.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::UncommittedChanges => "current changes".to_owned(),
            Self::BaseBranch { branch } => format!("changes against '{branch}'"),
            Self::Commit { sha, title } => {
                let short: String = sha.chars().take(SHORT).collect();
                match title {
                    Some(title) => format!("commit {short}: {title}"),
                    None => format!("commit {short}"),
                }
            }
            Self::Custom { instructions } => instructions.clone(),
        }
    }

    /// What the reviewer is asked; fails where that can't be said.
    pub(crate) async fn question(&self, cwd: &Path) -> Result<String, String> {
        Ok(match self {
            Self::UncommittedChanges => "Review the current code changes, committed or not yet \
                 known to git, and say what you find."
                .to_owned(),
            Self::BaseBranch { .. } if git(cwd, &["rev-parse", "--git-dir"]).await.is_none() => {
                let cwd = cwd.display().to_string();
                return Err(format!("{cwd:?} is not a git repository"));
            }
            Self::BaseBranch { branch } => match common(cwd, branch).await? {
                Some(commit) => format!(
                    "Review the code changes against the base branch '{branch}'. They began at \
                     {commit}: see `git diff {commit}`."
                ),
                None => format!(
                    "Review the code changes against the base branch '{branch}'. Find out with git \
                     where they began."
                ),
            },
            Self::Commit { sha, title } => {
                let title = title.as_ref().map(|title| format!(" (\"{title}\")"));
                format!(
                    "Review the code changes introduced by commit {sha}{}. Say what you find.",
                    title.unwrap_or_default()
                )
            }
            Self::Custom { instructions } => instructions.clone(),
        })
    }
}

/// The commit from which on what is checked out and a branch differ; `None` without such a branch.
/// Where the branch follows one that is ahead of it, that one counts.
async fn common(cwd: &Path, branch: &str) -> Result<Option<String>, String> {
    let commit = |name: String| async move {
        let verify = ["rev-parse", "--verify", "--quiet", &name];
        git(cwd, &verify).await
    };
    let (Some(head), Some(mut base)) = (commit("HEAD".into()).await, commit(branch.into()).await)
    else {
        return Ok(None);
    };
    if let Some(followed) = commit(format!("{branch}@{{upstream}}")).await {
        let range = format!("{base}..{followed}");
        let ahead = git(cwd, &["rev-list", "--count", &range]).await;
        if ahead.is_some_and(|count| count != "0") {
            base = followed;
        }
    }
    let found = git(cwd, &["merge-base", &head, &base]).await;
    found.map(Some).ok_or_else(|| {
        format!(
            "git command `git -c safe.bareRepository=explicit -c core.hooksPath=/dev/null \
             merge-base {head} {base}` failed with status exit status: 1: "
        )
    })
}

/// What git says in a directory, if it says anything.
async fn git(cwd: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(cwd)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let said = said.trim();
    (output.status.success() && !said.is_empty()).then(|| said.to_owned())
}
