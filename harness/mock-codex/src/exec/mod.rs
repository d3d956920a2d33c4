//! `codex exec`: one turn without a person, told as lines of JSON or for people.
//!
//! As with codex 0.169.0 it is a client of an app-server within the same process. What it prints
//! was recorded there.

mod args;
mod events;
mod human;
mod link;
mod prompt;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

pub(crate) use self::args::Args;
use self::events::Events;
use self::human::Human;
use self::link::Link;
use crate::config::Config;
use crate::server::{Server, Setup};

/// What exec calls itself.
const NAME: &str = "codex_exec";

/// What codex 0.169.0 says where no provider of open models is chosen; the mock has none.
const NO_OSS: &str = "No default OSS provider configured. Use --local-provider=provider or set \
    oss_provider to one of: lmstudio, ollama in config.toml";

/// What is printed of a turn.
#[derive(Debug)]
enum Output {
    /// For programs, with `--json`.
    Events(Events),
    People(Human),
}

impl Output {
    fn new(args: &Args, config: &Config, prompt: &str) -> Self {
        if args.json {
            Self::Events(Events::default())
        } else {
            Self::People(Human::new(args, &config.toml, prompt))
        }
    }

    /// The thread is there, as its reply says.
    fn started(&self, reply: &Value) {
        match self {
            Self::Events(events) => events.thread_started(thread_of(reply)),
            Self::People(human) => human.started(reply),
        }
    }

    fn take(&mut self, frame: &Value) -> Option<bool> {
        match self {
            Self::Events(events) => events.take(frame),
            Self::People(human) => human.take(frame),
        }
    }

    fn last_message(&self) -> Option<&str> {
        match self {
            Self::Events(events) => events.last_message(),
            Self::People(human) => human.last_message(),
        }
    }

    /// The turn was completed.
    fn finish(&self) {
        if let Self::People(human) = self {
            human.finish();
        }
    }
}

fn thread_of(reply: &Value) -> &str {
    reply["thread"]["id"].as_str().unwrap_or_default()
}

/// Why exec ends with exit code 1.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Said on stderr as it is.
    Plain(String),
    /// Said on stderr behind `Error: `.
    Error(String),
    /// The turn failed, or was cut off: the events say so.
    Turn,
}

impl Failed {
    /// Says what there is to say.
    pub(crate) fn tell(&self) {
        match self {
            Self::Plain(text) => crate::complain(text),
            Self::Error(text) => crate::complain(&format!("Error: {text}")),
            Self::Turn => {}
        }
    }
}

/// Does one turn.
pub(crate) fn run(args: &Args, mut setup: Setup) -> Result<(), Failed> {
    if let Some(name) = &args.profile {
        setup.config.add_profile(name);
    }
    if args.ignore_user_config {
        setup.config.ignore_file();
    }
    if let Some(directory) = &args.cd {
        let directory = fs::canonicalize(setup.started_in.join(directory));
        setup.started_in = directory.map_err(|error| Failed::Error(error.to_string()))?;
    }
    let config = setup.config.load().map_err(|problem| {
        Failed::Plain(format!("Error loading config.toml: {}", problem.details))
    })?;
    check_provider(args, &config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|error| Failed::Error(format!("failed to start: {error}")))?;
    let tasks = LocalSet::new();
    let server = tasks.block_on(&runtime, Server::new(setup));
    let server = Rc::new(server.map_err(Failed::Error)?);
    let started = prompt::read(args)
        .map_err(Failed::Plain)
        .and_then(|prompt| Ok((prompt, schema(args)?)));
    let (prompt, schema) = started?;
    let trusted = args.skip_git_repo_check || args.trust || args.bypass;
    if !trusted && !in_repository(&server.started_in) {
        return Err(Failed::Plain(
            "Not inside a trusted directory and --skip-git-repo-check was not specified."
                .to_owned(),
        ));
    }
    let result = tasks.block_on(&runtime, async {
        let mut interrupt =
            signal(SignalKind::interrupt()).map_err(|error| Failed::Error(error.to_string()))?;
        let output = Output::new(args, &config, &prompt);
        let turn = turn(args, &server, prompt, schema, output);
        let result = tokio::select! {
            result = turn => result,
            _ = interrupt.recv() => Err(Failed::Turn),
        };
        server.shut_down().await;
        result
    });
    drop(tasks);
    runtime.shutdown_background();
    result
}

fn check_provider(args: &Args, config: &Config) -> Result<(), Failed> {
    if args.oss {
        return Err(Failed::Error(NO_OSS.to_owned()));
    }
    let name = config.toml.model_provider.as_deref();
    match name.filter(|name| !config.knows_provider(name)) {
        Some(name) => Err(Failed::Error(format!("Model provider `{name}` not found"))),
        None => Ok(()),
    }
}

/// One turn, from the handshake to its end.
async fn turn(
    args: &Args,
    server: &Rc<Server>,
    prompt: String,
    schema: Option<Value>,
    mut output: Output,
) -> Result<(), Failed> {
    let mut link = Link::new(server);
    let version = crate::CODEX_VERSION;
    let handshake = json!({
        "clientInfo": {"name": NAME, "title": "Codex Exec", "version": version},
        "capabilities": {"experimentalApi": true},
    });
    link.call("initialize", &handshake)
        .await
        .map_err(|error| failed("initialize", &error))?;
    let reply = open_thread(args, &mut link).await?;
    output.started(&reply);
    let mut params = json!({"threadId": thread_of(&reply), "input": input(args, &prompt)});
    if let Some(schema) = schema {
        params["outputSchema"] = schema;
    }
    link.call("turn/start", &params)
        .await
        .map_err(|error| failed("turn/start", &error))?;
    let end = loop {
        let Some(frame) = link.next().await else {
            return Err(Failed::Turn);
        };
        if let Some(end) = output.take(&frame) {
            break end;
        }
    };
    if let (Some(path), true) = (&args.output_last_message, end) {
        write_last(path, output.last_message());
    }
    if !end {
        return Err(Failed::Turn);
    }
    output.finish();
    Ok(())
}

/// The reply about the thread that is resumed, or a new one. A name or `--last` that finds nothing gives a new one.
async fn open_thread(args: &Args, link: &mut Link) -> Result<Value, Failed> {
    let (method, params) = match resumed(args, link).await? {
        Some(thread) => {
            let mut params = settings(args, link);
            params.insert("threadId".into(), thread.into());
            params.insert("excludeTurns".into(), true.into());
            ("thread/resume", params)
        }
        None => {
            let mut params = settings(args, link);
            params.insert("ephemeral".into(), args.ephemeral.into());
            if let Some(source) = &args.thread_source {
                params.insert("threadSource".into(), source.as_str().into());
            }
            ("thread/start", params)
        }
    };
    let reply = link.call(method, &Value::Object(params)).await;
    reply.map_err(|error| failed(method, &error))
}

/// What both methods are told.
fn settings(args: &Args, link: &Link) -> Map<String, Value> {
    let directory = &link.server().started_in;
    let mut settings = json!({"cwd": directory, "approvalPolicy": "never"});
    if let Some(model) = &args.model {
        settings["model"] = json!(model);
    }
    if args.approve_for_me {
        settings["approvalPolicy"] = json!("on-request");
        settings["approvalsReviewer"] = json!("auto_review");
        settings["sandbox"] = json!("workspace-write");
    } else if args.bypass {
        settings["sandbox"] = json!("danger-full-access");
    } else if let Some(sandbox) = args.sandbox {
        settings["sandbox"] = json!(sandbox.name());
    }
    if !args.add_dir.is_empty() {
        let roots = args.add_dir.iter().map(|root| directory.join(root));
        let roots: Vec<PathBuf> = std::iter::once(directory.clone()).chain(roots).collect();
        settings["runtimeWorkspaceRoots"] = json!(roots);
    }
    match settings {
        Value::Object(settings) => settings,
        _ => Map::new(),
    }
}

/// The id of the thread that the arguments name, if there is one.
async fn resumed(args: &Args, link: &mut Link) -> Result<Option<String>, Failed> {
    let Some(resume) = args.resume() else {
        return Ok(None);
    };
    let named = resume.session().map(str::to_owned);
    if let Some(id) = named
        .as_ref()
        .filter(|id| uuid::Uuid::try_parse(id).is_ok())
    {
        return Ok(Some(id.clone()));
    }
    let mut params = json!({"limit": 1000, "sortKey": "updated_at"});
    if !resume.all {
        params["cwd"] = json!(link.server().started_in);
    }
    let list = link.call("thread/list", &params).await;
    let list = list.map_err(|error| failed("thread/list", &error))?;
    let threads = list["data"].as_array().cloned().unwrap_or_default();
    let found = threads.iter().find(|thread| match &named {
        Some(name) => thread["name"].as_str() == Some(name),
        None => true,
    });
    Ok(found.and_then(|thread| Some(thread["id"].as_str()?.to_owned())))
}

/// Images first, then the text.
fn input(args: &Args, prompt: &str) -> Vec<Value> {
    let images = args
        .images()
        .map(|path| json!({"type": "localImage", "path": path}));
    let text = json!({"type": "text", "text": prompt});
    images.chain([text]).collect()
}

/// The schema of the final answer.
fn schema(args: &Args) -> Result<Option<Value>, Failed> {
    let Some(path) = &args.output_schema else {
        return Ok(None);
    };
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        Failed::Plain(format!(
            "Failed to read output schema file {shown}: {error}"
        ))
    })?;
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Failed::Plain(format!(
            "Output schema file {shown} is not valid JSON: {error}"
        ))
    })
}

fn write_last(path: &Path, message: Option<&str>) {
    if message.is_none() {
        crate::complain(&format!(
            "Warning: no last agent message; wrote empty content to {}",
            path.display()
        ));
    }
    if let Err(error) = fs::write(path, message.unwrap_or_default()) {
        crate::complain(&format!(
            "Failed to write last message file {}: {error}",
            path.display()
        ));
    }
}

fn in_repository(directory: &Path) -> bool {
    directory
        .ancestors()
        .any(|directory| directory.join(".git").exists())
}

/// An error of the app-server, in the words of exec.
fn failed(method: &str, error: &Value) -> Failed {
    let (code, message) = (
        &error["code"],
        error["message"].as_str().unwrap_or_default(),
    );
    if let Some(problem) = message.strip_prefix("failed to load configuration: ") {
        return Failed::Error(problem.to_owned());
    }
    Failed::Error(format!(
        "{method}: {method} failed: {message} (code {code})"
    ))
}

/// Prints one line; whoever doesn't read it doesn't want it.
fn print(line: &impl serde::Serialize) {
    // Plain data, all keys strings: this can't fail.
    print_text(&serde_json::to_string(line).unwrap_or_default());
}

/// The same for text.
fn print_text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
