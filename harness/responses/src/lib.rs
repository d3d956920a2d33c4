//! A scripted server for the Responses API: it plays the model.
//!
//! The script is a list of [`Reply`]s, made in code or read from YAML; each request to
//! `POST …/responses` takes one, event by event, at the pace, with the gates and with the faults
//! that it states. Every request is kept verbatim in the [`Journal`], and
//! [`MockResponses::verdict`] says what should not have happened: requests that nothing was
//! scripted for, tool outputs without a call, replies that were left over.
//!
//! ```
//! use mock_responses::{MockResponses, Reply};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let replies: Vec<Reply> = serde_saphyr::from_str(r#"
//! - call: { id: call-1, tool: exec_command, arguments: { cmd: "ls" } }
//! - stream: [It, " works"]
//!   usage: { input_tokens: 120, output_tokens: 7 }
//!   when: { output_of: { call-1: { contains: Cargo.toml } } }
//! "#)?;
//! let server = MockResponses::builder().replies(replies).start().await?;
//! let url = format!("{}/responses", server.base_url());
//! let client = reqwest::Client::new();
//! let ask = |body: &'static str| client.post(&url).body(body).send();
//!
//! let call = ask(r#"{"input": "what is here?"}"#).await?.text().await?;
//! assert!(call.contains(r#""arguments":"{\"cmd\":\"ls\"}""#));
//!
//! let answer = ask(r#"{"input": [
//!     {"type": "function_call", "call_id": "call-1", "name": "exec_command", "arguments": ""},
//!     {"type": "function_call_output", "call_id": "call-1", "output": "Cargo.toml src"}
//! ]}"#).await?.text().await?;
//! assert!(answer.contains(r#""delta":" works""#));
//!
//! assert_eq!(server.verdict(), []);
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Who gets which reply
//! Replies with `when` are tried first, in the script's order; each is given once, or as often as
//! `times` says. Otherwise the next reply without `when` is taken. A request of a subagent (header
//! `x-openai-subagent`) is another conversation: it only gets replies with a `when` that match.
//! A request that nothing is for is answered with status 400, which codex does not retry, and is a
//! violation: the message lists what was tried and which matcher failed.
//!
//! # What a reply is made of
//!
//! | key | what the model does |
//! | --- | --- |
//! | `message: TEXT` or `{text, id, phase}` | says something, as one finished item |
//! | `stream: [DELTA, …]` or `{deltas, id, phase}` | says something, delta by delta |
//! | `stream: {text, split: word \| N}` | the same, cut by word or after N characters |
//! | `refusal: TEXT` | declines |
//! | `web_search: QUERY` or `{query, id}` | searches the web, which the API does by itself |
//! | `reasoning: {summary: […], content: […], id}` | thinks first |
//! | `call: {id, tool, arguments, item_id}`, `calls: [CALL, …]` | calls functions |
//! | `custom_call: {id, tool, input, item_id}` | calls a freeform tool, e.g. `apply_patch` |
//! | `items: [{message: …}, {call: …}, …]` | several of the above, in this order |
//! | `error: CODE` or `{code, message}` | fails (`response.failed`), also after the items beside it |
//! | `incomplete: REASON` | stops early (`response.incomplete`), likewise |
//! | `events: [{type, …}, …]` | sends these events, verbatim; stands alone |
//! | `http: {status, headers, body}` | gives a plain HTTP answer; stands alone |
//!
//! Beside them: `usage` ([`Usage`]), `style` ([`Style`]), `when` ([`When`]), `times` ([`Times`]),
//! `thread` (a conversation's name: [`Reply::thread`]), `pace` ([`Pace`]), `hold` ([`Hold`], or a
//! list), `compress` ([`Builder::compress`]), `writes` ([`Writes`]: `per_event` or `coalesced`) and
//! `fault` ([`Fault`]). Calls take `split` too, which cuts their arguments into deltas. A reply
//! that is given more than once has the same ids each time.
//!
//! # Events
//! `stream` sends the whole sequence: created, in progress, item and part added, deltas, done,
//! completed. Other kinds send finished items alone, which codex 0.169.0 takes for an item that
//! starts and completes without deltas; `style: full` or `style: minimal` forces either.
//!
//! # Bytes
//! An HTTP library reads the requests; answers are written past it, byte for byte as they are laid
//! out when the script is built, so that answering is copying and anything can go wrong at any
//! byte: see [`Fault`]. Each event is a chunk of its own, and, with [`Writes::PerEvent`], a write
//! of its own.
//!
//! # Gates
//! A reply waits at a gate until [`MockResponses::release`] opens it (`gate: NAME`), or until the
//! client of what is being tested has received a certain frame (`until`), which whoever sees that
//! wire tells with [`MockResponses::signal`]. Races are written down like that, without a sleep;
//! a gate that is never released is in the verdict, by its name.
//!
//! # Control over HTTP
//! Tests in other languages see and change what happens under `/__mock/`: `GET` `state`,
//! `journal`, `journal/N`, `verdict`; `POST` `replies`, `gates/NAME`, `signal`, `reset`. The server
//! listens on the loopback interface only, unless [`Builder::beyond_loopback`] is set.
//!
//! # Features
//! `wiremock`: the script as a `wiremock::Respond`, the rules as a `wiremock::Match`.

mod fault;
mod gate;
mod journal;
mod matcher;
mod observe;
mod pace;
mod rules;
mod script;
mod server;
mod short;
#[cfg(feature = "wiremock")]
pub mod wiremock;

pub use fault::{DropWhen, Ending, Fault, Place, Random, Refuse, Slice, SliceAt, Within};
pub use gate::{ClientFrame, ClientReceived, Hold, UnknownGate};
pub use journal::{BodyError, Journal, Request};
pub use matcher::{Matcher, Pattern, TextMatcher, When};
pub use observe::{Event, Outcome, SseData};
pub use pace::{Pace, Pause, PauseError};
pub use rules::{UnknownRule, Violation};
pub use script::{
    Arguments, Call, CustomCall, Http, Message, ModelError, Phase, Reasoning, Reply, ScriptError,
    Split, Stream, Style, Times, Usage, WebSearch,
};
pub use server::{Builder, MockResponses, StartError, Writes};
