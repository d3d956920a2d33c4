//! `account/login/*`.

use std::cell::RefCell;

use rand::RngExt as _;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::super::Params;
use super::updated;
use crate::account::Login;
use crate::answers::{LoginKind, Outcome, ScriptedLogin};
use crate::connection::Call;
use crate::failure::Failure;
use crate::protocol::params::Unused;
use crate::server::Server;

/// Why a login by browser that somebody ended has failed.
pub(super) const NOT_COMPLETED: &str = "Login server error: Login was not completed";

/// The same for one that another login by browser took the place of.
const REPLACED: &str = "Login server error: Login cancelled";

/// The login that waits for a person, if one does.
#[derive(Debug, Default)]
pub(crate) struct Pending(RefCell<Option<Uuid>>);

#[derive(Debug, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum LoginAccountParams {
    ApiKey {
        api_key: String,
    },
    Chatgpt {
        #[serde(default, rename = "codexStreamlinedLogin")]
        _codex_streamlined_login: bool,
        #[serde(default, rename = "useHostedLoginSuccessPage")]
        _use_hosted_login_success_page: bool,
        #[serde(rename = "appBrand")]
        _app_brand: Option<LoginAppBrand>,
    },
    ChatgptDeviceCode,
    ChatgptAuthTokens {
        #[serde(rename = "accessToken")]
        _access_token: String,
        #[serde(rename = "chatgptAccountId")]
        _chatgpt_account_id: String,
        #[serde(rename = "chatgptPlanType")]
        _chatgpt_plan_type: Option<String>,
    },
    AmazonBedrock {
        #[serde(rename = "apiKey")]
        _api_key: String,
        #[serde(rename = "region")]
        _region: String,
    },
    AmazonBedrockAccessKeys {
        #[serde(rename = "accessKeyId")]
        _access_key_id: String,
        #[serde(rename = "secretAccessKey")]
        _secret_access_key: String,
        #[serde(rename = "sessionToken")]
        _session_token: Unused,
        #[serde(rename = "region")]
        _region: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum LoginAppBrand {
    Codex,
    Chatgpt,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelLoginAccountParams {
    login_id: String,
}

impl Params for CancelLoginAccountParams {}

impl Params for LoginAccountParams {
    fn experimental(&self) -> Option<&'static str> {
        match self {
            Self::ChatgptAuthTokens { .. } => Some("account/login/start.chatgptAuthTokens"),
            Self::AmazonBedrock { .. } => Some("account/login/start.amazonBedrock"),
            Self::AmazonBedrockAccessKeys { .. } => {
                Some("account/login/start.amazonBedrockAccessKeys")
            }
            Self::ApiKey { .. } | Self::Chatgpt { .. } | Self::ChatgptDeviceCode => None,
        }
    }
}

pub(super) fn start(call: &Call, params: LoginAccountParams) -> Result<(), Failure> {
    let forced = call.server.config()?.toml.forced_login_method.clone();
    match params {
        LoginAccountParams::ApiKey { api_key } => {
            if forced.as_deref() == Some("chatgpt") {
                return Err(Failure::invalid(
                    "API key login is disabled. Use ChatGPT login instead.",
                ));
            }
            with_api_key(call, api_key)
        }
        LoginAccountParams::Chatgpt { .. } | LoginAccountParams::ChatgptDeviceCode
            if forced.as_deref() == Some("api") =>
        {
            Err(Failure::invalid(
                "ChatGPT login is disabled. Use API key login instead.",
            ))
        }
        LoginAccountParams::Chatgpt { .. } => {
            by_browser(call);
            Ok(())
        }
        LoginAccountParams::ChatgptDeviceCode => by_device_code(call),
        LoginAccountParams::ChatgptAuthTokens { .. }
        | LoginAccountParams::AmazonBedrock { .. }
        | LoginAccountParams::AmazonBedrockAccessKeys { .. } => Err(Failure::unsupported(
            "mock-codex logs in by `apiKey`, `chatgpt` and `chatgptDeviceCode` alone; script an \
             answer to `account/login/start`",
        )),
    }
}

fn with_api_key(call: &Call, key: String) -> Result<(), Failure> {
    give_up(&call.server, NOT_COMPLETED);
    call.server
        .account
        .log_in(&Login::ApiKey(key))
        .map_err(|error| Failure::internal(format!("failed to save api key: {error}")))?;
    call.reply(&json!({"type": "apiKey"}));
    completed(&call.server, None, None);
    updated(&call.server);
    Ok(())
}

/// The address leads nowhere that the mock could watch: the script decides what comes of it, and
/// without one nothing does.
fn by_browser(call: &Call) {
    give_up(&call.server, REPLACED);
    let id = call.server.login.begin();
    let name = call
        .client
        .identity()
        .map_or("", |client| client.name.as_str());
    call.reply(&json!({"type": "chatgpt", "loginId": id.to_string(), "authUrl": auth_url(name)}));
    if let Some(scripted) = call.server.answers.login(LoginKind::Chatgpt) {
        finish(&call.server, id, scripted);
    }
}

/// Codes are given out by a service, and so are only to be had from a script.
fn by_device_code(call: &Call) -> Result<(), Failure> {
    let Some(scripted) = call.server.answers.login(LoginKind::ChatgptDeviceCode) else {
        return Err(Failure::internal(
            "failed to request device code: mock-codex has no service to ask; script the login \
             with {\"login\": \"chatgptDeviceCode\", \"outcome\": …}",
        ));
    };
    give_up(&call.server, NOT_COMPLETED);
    let id = call.server.login.begin();
    call.reply(&json!({
        "type": "chatgptDeviceCode",
        "loginId": id.to_string(),
        "verificationUrl": scripted.verification_url,
        "userCode": scripted.user_code,
    }));
    finish(&call.server, id, scripted);
    Ok(())
}

pub(super) fn cancel(call: &Call, params: CancelLoginAccountParams) -> Result<(), Failure> {
    let id = Uuid::try_parse(&params.login_id)
        .map_err(|_| Failure::invalid(format!("invalid login id: {}", params.login_id)))?;
    let found = call.server.login.end(id);
    let status = if found { "canceled" } else { "notFound" };
    call.reply(&json!({"status": status}));
    if found {
        completed(&call.server, Some(id), Some(NOT_COMPLETED));
    }
    Ok(())
}

/// Ends the login that waits for a person, and tells why.
pub(super) fn give_up(server: &Server, why: &str) {
    if let Some(id) = server.login.take() {
        completed(server, Some(id), Some(why));
    }
}

fn finish(server: &Server, id: Uuid, scripted: &ScriptedLogin) {
    let error = match scripted.outcome {
        Outcome::Never => return,
        Outcome::Completed => server
            .account
            .log_in(&Login::ChatGpt(scripted.account.clone()))
            .err()
            .map(|error| error.to_string()),
        Outcome::Failed | Outcome::Cancelled => Some(scripted.error()),
    };
    server.login.end(id);
    let done = error.is_none();
    completed(server, Some(id), error.as_deref());
    if done {
        updated(server);
    }
}

fn completed(server: &Server, id: Option<Uuid>, error: Option<&str>) {
    server.broadcast(
        "account/login/completed",
        &json!({
            "loginId": id.map(|id| id.to_string()),
            "success": error.is_none(),
            "error": error,
            "onboardingEntrypoint": null,
        }),
    );
}

/// An address like the real one's, with a client id that no service knows.
fn auth_url(client: &str) -> String {
    let mut random = rand::rng();
    let mut secret = || {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let any = |_| char::from(alphabet[random.random_range(0..alphabet.len())]);
        (0..43).map(any).collect::<String>()
    };
    let (challenge, state) = (secret(), secret());
    let originator: String = client
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    format!(
        "https://auth.openai.com/oauth/authorize?response_type=code&client_id=app_mock-codex\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A1455%2Fauth%2Fcallback\
         &code_challenge={challenge}&code_challenge_method=S256&state={state}\
         &scope=openid+profile+email+offline_access+api.connectors.read+api.connectors.invoke\
         &id_token_add_organizations=true&codex_cli_simplified_flow=true&originator={originator}"
    )
}

impl Pending {
    fn begin(&self) -> Uuid {
        let id = Uuid::new_v4();
        self.0.replace(Some(id));
        id
    }

    fn take(&self) -> Option<Uuid> {
        self.0.take()
    }

    /// Ends the login of that id; says whether it was the one that waits.
    fn end(&self, id: Uuid) -> bool {
        self.0
            .borrow_mut()
            .take_if(|pending| *pending == id)
            .is_some()
    }
}
