//! `initialize`, and what the server says unasked after it.

use serde_json::{Value, json};

use super::threads;
use crate::config::Problem;
use crate::connection::Call;
use crate::failure::Failure;
use crate::home;
use crate::protocol::params::InitializeParams;
use crate::server::Server;
use crate::variant::Id as Variant;

const NO_BUBBLEWRAP: &str = "Codex could not find bubblewrap on PATH. Install bubblewrap with your \
    OS package manager. See the sandbox prerequisites: \
    https://developers.openai.com/codex/concepts/sandboxing#prerequisites. Codex will use the \
    bundled bubblewrap in the meantime.";

pub(super) fn initialize(call: &Call, params: InitializeParams) -> Result<(), Failure> {
    if call.client.identity().is_some() {
        return Err(Failure::invalid("Already initialized"));
    }
    let name = params.client_info.name;
    if name
        .bytes()
        .any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f)
    {
        return Err(Failure::invalid(format!(
            "Invalid clientInfo.name: '{name}'. Must be a valid HTTP header value."
        )));
    }
    let capabilities = params.capabilities.unwrap_or_default();
    let identity = call.server.introduce(&name, &params.client_info.version);
    let user_agent = identity.user_agent.clone();
    call.client.initialize(
        identity,
        capabilities.experimental_api,
        capabilities
            .opt_out_notification_methods
            .unwrap_or_default(),
    );
    call.reply(&answer(&call.server, &user_agent));
    warn_about_config(call);
    if !on_path("bwrap") {
        threads::warn_of_config(call, NO_BUBBLEWRAP);
    }
    call.client.notify(
        "remoteControl/status/changed",
        &remote_control(&call.server),
    );
    Ok(())
}

/// The reply, in the variant that is asked for.
fn answer(server: &Server, user_agent: &str) -> Value {
    let variants = &server.variants;
    if variants.has(Variant::NoIdentity) {
        return json!({"codexHome": server.home});
    }
    if variants.has(Variant::UserAgentAlone) {
        return json!({"userAgent": user_agent});
    }
    let user_agent = if variants.has(Variant::EmptyIdentity) {
        ""
    } else {
        user_agent
    };
    let mut answer = json!({
        "userAgent": user_agent,
        "codexHome": server.home,
        "platformFamily": "unix",
        "platformOs": std::env::consts::OS,
    });
    if variants.has(Variant::ServerInfo) {
        answer["serverInfo"] = json!({"name": "mock-codex", "version": crate::CODEX_VERSION});
    }
    answer
}

/// How the remote control stands: the mock has none.
pub(super) fn remote_control(server: &Server) -> Value {
    json!({
        "status": "disabled",
        "serverName": home::host_name(),
        "installationId": server.installation_id,
        "environmentId": null,
    })
}

fn warn_about_config(call: &Call) {
    let config = call.server.config.borrow_mut().load();
    let config = match config {
        Ok(config) => config,
        Err(problem) => return call.client.notify("configWarning", &problem.warning()),
    };
    let fallbacks = threads::usual_fallbacks(call).unwrap_or_default();
    let started_in = &call.server.started_in;
    let folders = config.disabled_folders(started_in);
    let in_project = match config.in_trusted_project(started_in) {
        Ok(in_project) => in_project,
        Err(problem) => return call.client.notify("configWarning", &problem.warning()),
    };
    let here = in_project.as_ref().unwrap_or(&config);
    let summaries = folders.into_iter().chain(fallbacks);
    let summaries = summaries.chain(here.profile_complaints());
    let summaries = summaries.chain(here.project_complaints());
    for summary in summaries.chain(here.complaint(None)) {
        threads::warn_of_config(call, &summary);
    }
    if let Some(problem) = config.problem().or_else(|| config.instructions_problem()) {
        let problem = Problem::plain(problem);
        call.client.notify("configWarning", &problem.warning());
    }
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    })
}
