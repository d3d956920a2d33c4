//! The arguments of `codex exec`, as far as programs pass them.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// Run one turn without a person
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "codex exec [OPTIONS] [PROMPT]\n       codex exec [OPTIONS] <COMMAND> [ARGS]"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(crate) struct Args {
    /// Print events to stdout as JSONL
    #[arg(long, alias = "experimental-json", global = true)]
    pub(crate) json: bool,

    /// Model the agent should use
    #[arg(short, long, value_name = "MODEL", global = true)]
    pub(crate) model: Option<String>,

    /// Select the sandbox policy to use when executing model-generated shell commands
    #[arg(short, long, value_name = "SANDBOX_MODE")]
    pub(crate) sandbox: Option<Sandbox>,

    /// Tell the agent to use the specified directory as its working root
    #[arg(short = 'C', long, value_name = "DIR")]
    pub(crate) cd: Option<PathBuf>,

    /// Additional directories that should be writable alongside the primary workspace
    #[arg(long, value_name = "DIR")]
    pub(crate) add_dir: Vec<PathBuf>,

    /// Allow running outside a Git repository
    #[arg(long, global = true)]
    pub(crate) skip_git_repo_check: bool,

    /// Trust the directory for this run
    #[arg(long, global = true)]
    pub(crate) trust: bool,

    /// Source classification to apply when creating a new thread
    #[arg(long, value_name = "SOURCE", global = true)]
    pub(crate) thread_source: Option<String>,

    /// Accepted and without effect: mock-codex has no such programs
    #[arg(long, value_name = "PROGRAM", global = true)]
    cyber_access_program: Option<String>,

    /// Run without persisting session files to disk
    #[arg(long, global = true)]
    pub(crate) ephemeral: bool,

    /// Skip all confirmation prompts and execute commands without sandboxing
    #[arg(
        long = "dangerously-bypass-approvals-and-sandbox",
        alias = "yolo",
        global = true
    )]
    pub(crate) bypass: bool,

    /// Let automatic review decide what may leave the sandbox of the workspace
    #[arg(long, conflicts_with_all = ["sandbox", "bypass"])]
    pub(crate) approve_for_me: bool,

    /// Do not load `$CODEX_HOME/config.toml`
    #[arg(long, global = true)]
    pub(crate) ignore_user_config: bool,

    /// Path to a JSON Schema file describing the model's final response shape
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) output_schema: Option<PathBuf>,

    /// Specifies file where the last message from the agent should be written
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) output_last_message: Option<PathBuf>,

    /// Optional image(s) to attach to the initial prompt
    #[arg(short, long = "image", value_name = "FILE", value_delimiter = ',', num_args = 1..)]
    image: Vec<PathBuf>,

    /// Layer `$CODEX_HOME/<name>.config.toml` on top of the base user config
    #[arg(short, long, value_name = "CONFIG_PROFILE_V2", value_parser = profile)]
    pub(crate) profile: Option<String>,

    /// Specifies color settings for use in the output
    #[arg(long, value_name = "COLOR")]
    pub(crate) color: Option<Color>,

    /// Enable a feature
    #[arg(long, value_name = "FEATURE", global = true)]
    pub(crate) enable: Vec<String>,

    /// Disable a feature
    #[arg(long, value_name = "FEATURE", global = true)]
    pub(crate) disable: Vec<String>,

    /// Use an open model; mock-codex has none
    #[arg(long)]
    pub(crate) oss: bool,

    /// Initial instructions for the agent; `-` or nothing: read from stdin
    #[arg(value_name = "PROMPT")]
    prompt: Option<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Resume a previous session by id or pick the most recent with --last
    Resume(Resume),
}

/// The arguments of `exec resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// Conversation/session id (UUID) or thread name
    #[arg(value_name = "SESSION_ID")]
    session_id: Option<String>,

    /// Prompt to send after resuming the session; `-`: read from stdin
    #[arg(value_name = "PROMPT")]
    prompt: Option<String>,

    /// Resume the most recent recorded session (newest) without specifying an id
    #[arg(long)]
    last: bool,

    /// Show all sessions (disables cwd filtering)
    #[arg(long)]
    pub(crate) all: bool,

    /// Optional image(s) to attach to the prompt sent after resuming
    #[arg(
        short,
        long = "image",
        value_name = "FILE",
        value_delimiter = ',',
        num_args = 1
    )]
    image: Vec<PathBuf>,
}

/// What `--sandbox` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Sandbox {
    ReadOnly,
    WorkspaceWrite,
    DangerFullAccess,
}

/// What `--color` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Color {
    Always,
    Never,
    Auto,
}

/// The name of a profile is part of a file's name.
fn profile(name: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(format!(
            "invalid --profile value `{name}`; pass a plain name such as `work`"
        ));
    }
    Ok(name.to_owned())
}

impl Sandbox {
    /// As on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::DangerFullAccess => "danger-full-access",
        }
    }
}

impl Args {
    /// The session to resume, if one is.
    pub(crate) fn resume(&self) -> Option<&Resume> {
        self.command.as_ref().map(|Command::Resume(resume)| resume)
    }

    /// The prompt that was given, if it was.
    pub(crate) fn prompt(&self) -> Option<&str> {
        match self.resume() {
            Some(resume) => resume.prompt(),
            None => self.prompt.as_deref(),
        }
    }

    /// The images of the prompt.
    pub(crate) fn images(&self) -> impl Iterator<Item = &PathBuf> {
        let resumed = self.resume().into_iter().flat_map(|resume| &resume.image);
        self.image.iter().chain(resumed)
    }
}

impl Resume {
    /// The session's id or name; none with `--last`.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session_id.as_deref().filter(|_| !self.last)
    }

    /// With `--last`, a single word is the prompt.
    fn prompt(&self) -> Option<&str> {
        let only = self.session_id.as_deref().filter(|_| self.last);
        self.prompt.as_deref().or(only)
    }
}
