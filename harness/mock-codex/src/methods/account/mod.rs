//! `account/*`: who is logged in.

mod login;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Method, NoParams, Params, parse, ready};
use crate::account::Login;
use crate::connection::Call;
use crate::failure::Failure;
use crate::server::Server;

pub(crate) use self::login::Pending;

pub(super) const METHODS: &[Method] = methods! {
    "account/read" GetAccountParams => read;
    "account/logout" NoParams => logout;
    "account/login/start" login::LoginAccountParams => login::start;
    "account/login/cancel" login::CancelLoginAccountParams => login::cancel;
    "account/rateLimits/read" GetAccountRateLimitsParams => rate_limits;
    "account/usage/read" GetAccountTokenUsageParams => usage;
    "account/workspaceMessages/read" NoParams => workspace_messages;
    "account/securitySetup/read" NoParams => security_setup;
    "accountSession/list" AccountSessionsListParams => sessions;
    "getAuthStatus" GetAuthStatusParams => auth_status;
};

#[derive(Debug, Deserialize)]
struct GetAccountParams {
    #[serde(default, rename = "refreshToken")]
    _refresh_token: bool,
}

#[derive(Debug, Deserialize)]
struct AccountSessionsListParams {}

#[derive(Debug, Deserialize)]
struct GetAccountRateLimitsParams {}

#[derive(Debug, Deserialize)]
struct GetAccountTokenUsageParams {}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetAuthStatusParams {
    include_token: Option<bool>,
    #[serde(rename = "refreshToken")]
    _refresh_token: Option<bool>,
}

impl Params for GetAccountParams {}

impl Params for GetAccountRateLimitsParams {
    const OPTIONAL: bool = true;
}

impl Params for GetAccountTokenUsageParams {
    const OPTIONAL: bool = true;
}

impl Params for GetAuthStatusParams {}

impl Params for AccountSessionsListParams {
    fn experimental(&self) -> Option<&'static str> {
        Some("accountSession/list")
    }
}

/// Does the configured provider need a login?
fn is_needed(server: &Server) -> Result<bool, Failure> {
    let config = server.config()?;
    let name = config.toml.model_provider.as_deref().unwrap_or("openai");
    let provider = config.toml.model_providers.get(name);
    Ok(provider.is_none_or(|provider| provider.requires_openai_auth))
}

/// The account, where the provider needs one.
fn read(call: &Call, _: GetAccountParams) -> Result<(), Failure> {
    let needed = is_needed(&call.server)?;
    let login = call.server.account.login().filter(|_| needed);
    let account = login.map(|login| match login {
        Login::ApiKey(_) => json!({"type": "apiKey"}),
        Login::ChatGpt(account) => json!({
            "type": "chatgpt",
            "email": account.email,
            "planType": account.plan_type,
            "workspaceName": null,
        }),
    });
    call.reply(&json!({
        "account": account,
        "userId": null,
        "requiresOpenaiAuth": needed,
        "workspaceRouting": null,
    }));
    Ok(())
}

fn logout(call: &Call, _: NoParams) -> Result<(), Failure> {
    login::give_up(&call.server, login::NOT_COMPLETED);
    call.server
        .account
        .log_out()
        .map_err(|error| Failure::internal(format!("logout failed: {error}")))?;
    call.reply(&json!({}));
    updated(&call.server);
    Ok(())
}

/// Tells every client who is logged in now.
fn updated(server: &Server) {
    let login = server.account.login();
    let plan = match &login {
        Some(Login::ChatGpt(account)) => Some(account.plan_type.as_str()),
        _ => None,
    };
    server.broadcast(
        "account/updated",
        &json!({"authMode": login.as_ref().map(Login::mode), "planType": plan}),
    );
}

fn rate_limits(call: &Call, _: GetAccountRateLimitsParams) -> Result<(), Failure> {
    Err(for_chatgpt_alone(call, "rate limits"))
}

fn usage(call: &Call, _: GetAccountTokenUsageParams) -> Result<(), Failure> {
    Err(for_chatgpt_alone(call, "token usage"))
}

fn workspace_messages(call: &Call, _: NoParams) -> Result<(), Failure> {
    Err(for_chatgpt_alone(call, "workspace messages"))
}

/// What only an account of `ChatGPT` has; the mock can't know it of a scripted one either.
fn for_chatgpt_alone(call: &Call, what: &str) -> Failure {
    match call.server.account.login() {
        None => Failure::invalid(format!(
            "codex account authentication required to read {what}"
        )),
        Some(Login::ApiKey(_)) => {
            Failure::invalid(format!("chatgpt authentication required to read {what}"))
        }
        Some(Login::ChatGpt(_)) => Failure::unsupported(format!(
            "mock-codex has no {what} of its own; script an answer to the method"
        )),
    }
}

fn security_setup(call: &Call, _: NoParams) -> Result<(), Failure> {
    call.reply(&json!({"notice": null}));
    Ok(())
}

fn sessions(call: &Call, _: AccountSessionsListParams) -> Result<(), Failure> {
    call.reply(&json!({"activeSessionId": null, "sessions": []}));
    Ok(())
}

fn auth_status(call: &Call, params: GetAuthStatusParams) -> Result<(), Failure> {
    let needed = is_needed(&call.server)?;
    // An empty key counts for nobody here, though it is a login elsewhere (observed).
    let empty = Login::ApiKey(String::new());
    let login = call.server.account.login();
    let login = login.filter(|login| needed && *login != empty);
    let token = match &login {
        Some(Login::ApiKey(key)) if params.include_token == Some(true) => json!(key),
        _ => Value::Null,
    };
    call.reply(&json!({
        "authMethod": login.as_ref().map(Login::mode),
        "authToken": token,
        "requiresOpenaiAuth": needed,
    }));
    Ok(())
}
