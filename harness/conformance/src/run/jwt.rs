//! JSON Web Tokens, good and bad ones, as the `jwt` step makes them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::client::failure::Failure;
use crate::run::case::Run;
use crate::run::checks::{Done, Outcome};
use crate::run::refer::Refer;

impl Run<'_> {
    /// `jwt`: members of the header, claims, and claims that are seconds from now.
    pub(super) fn jwt(&self, secret: &str, parts: [&Map<String, Value>; 3]) -> Outcome {
        let refer = Refer(&self.bindings);
        let secret = refer.text(secret)?;
        let [header, claims, times] = parts.map(|part| refer.map(part));
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let mut claims = claims?;
        for (name, from_now) in times? {
            let from_now = from_now.as_i64().ok_or_else(|| {
                Failure::harness(format!("the time `{name}` is no number of seconds"))
            })?;
            claims.insert(name, (now + from_now).into());
        }
        Ok(Done::with(token(&secret, header?, claims).into()))
    }
}

/// A token signed by HS256, whatever its header says.
fn token(secret: &str, header: Map<String, Value>, claims: Map<String, Value>) -> String {
    let mut whole = json!({"alg": "HS256", "typ": "JWT"});
    for (name, value) in header {
        match (value, whole.as_object_mut()) {
            (Value::Null, Some(members)) => drop(members.shift_remove(&name)),
            (value, _) => whole[name] = value,
        }
    }
    let signed = [whole, Value::Object(claims)]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(signed.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    });
    // HMAC takes a key of any length.
    format!("{signed}.{}", mac.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_three_parts_and_the_members_that_were_asked_for() {
        let header = json!({"typ": null, "kid": "a"});
        let made = token(
            "secret",
            header.as_object().cloned().unwrap_or_default(),
            Map::new(),
        );
        let parts: Vec<&str> = made.split('.').collect();
        let read = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(read(parts[0]), r#"{"alg":"HS256","kid":"a"}"#);
        assert_eq!(read(parts[1]), "{}");
        assert_eq!(parts.len(), 3);
    }
}
