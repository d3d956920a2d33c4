//! JSON Web Tokens, as codex 0.169.0 takes them: HS256 and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::Sha256;

use super::Denied;

/// The shortest secret, in bytes.
pub(super) const SHORTEST_SECRET: usize = 32;

/// What a token must be.
pub(crate) struct Signed {
    pub(super) secret: Vec<u8>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
    /// By how many seconds the clocks may differ.
    pub(super) skew: i64,
}

/// The first part. Members that it doesn't need are still held to their types, as seen on the
/// real one.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(rename = "typ")]
    _typ: Option<String>,
    #[serde(rename = "jwk")]
    _jwk: Option<Map<String, Value>>,
}

/// The second part; a member that is there twice makes it unreadable.
#[derive(Deserialize)]
struct Claims {
    exp: i64,
    nbf: Option<i64>,
    iss: Option<String>,
    aud: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Signed {
    /// Is this token good at `now`, in seconds since 1970? The signature is looked at first, then
    /// the times, the issuer and the audience.
    pub(super) fn check(&self, token: &str, now: i64) -> Result<(), Denied> {
        let claims = self.claims(token).ok_or(Denied::Jwt)?;
        if now > claims.exp.saturating_add(self.skew) {
            return Err(Denied::Expired);
        }
        if claims
            .nbf
            .is_some_and(|from| now < from.saturating_sub(self.skew))
        {
            return Err(Denied::NotYet);
        }
        if self.issuer.is_some() && self.issuer != claims.iss {
            return Err(Denied::Issuer);
        }
        match &self.audience {
            Some(wanted) if !claims.aud.is_some_and(|aud| aud.has(wanted)) => Err(Denied::Audience),
            _ => Ok(()),
        }
    }

    /// The claims of a token that is signed with the secret.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if part::<Header>(header)?.alg != "HS256" {
            return None;
        }
        // A key of any length will do for HMAC.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Takes the same time whatever the signature is.
        mac.verify_slice(&signature).ok()?;
        part(claims)
    }
}

impl Audience {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Several(several) => several.iter().any(|one| one == wanted),
        }
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_240_000;

    fn signed() -> Signed {
        Signed {
            secret: vec![b'x'; 40],
            issuer: None,
            audience: None,
            skew: 30,
        }
    }

    fn sign(header: &str, claims: &str, secret: &[u8]) -> String {
        let signed = [header, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    fn token(claims: &Value) -> String {
        let header = r#"{"alg":"HS256","typ":"JWT"}"#;
        sign(header, &claims.to_string(), &[b'x'; 40])
    }

    #[track_caller]
    fn check(policy: &Signed, token: &str, expected: Result<(), Denied>) {
        assert_eq!(policy.check(token, NOW), expected, "{token}");
    }

    /// Each row was observed on codex 0.169.0.
    #[test]
    fn claims_are_judged_as_codex_judges_them() {
        let rows = [
            (json!({"exp": NOW + 60}), Ok(())),
            (json!({"exp": NOW - 26}), Ok(())),
            (json!({"exp": NOW - 35}), Err(Denied::Expired)),
            (json!({"exp": -5}), Err(Denied::Expired)),
            (json!({"exp": i64::MAX}), Ok(())),
            (json!({"exp": i64::MAX as u64 + 1}), Err(Denied::Jwt)),
            (json!({"exp": 1_795_240_060.5}), Err(Denied::Jwt)),
            (json!({"exp": "1795240060"}), Err(Denied::Jwt)),
            (json!({"exp": null}), Err(Denied::Jwt)),
            (json!({}), Err(Denied::Jwt)),
            (json!([1]), Err(Denied::Jwt)),
            (json!({"exp": NOW + 90, "nbf": NOW + 20}), Ok(())),
            (
                json!({"exp": NOW + 90, "nbf": NOW + 40}),
                Err(Denied::NotYet),
            ),
            (json!({"exp": NOW + 90, "nbf": null}), Ok(())),
            (json!({"exp": NOW + 90, "nbf": 1.5}), Err(Denied::Jwt)),
            (
                json!({"exp": NOW - 90, "nbf": NOW + 90}),
                Err(Denied::Expired),
            ),
            (json!({"exp": NOW + 60, "iat": NOW + 9999}), Ok(())),
            (json!({"exp": NOW + 60, "iss": 5}), Err(Denied::Jwt)),
            (json!({"exp": NOW + 60, "aud": ["a", 5]}), Err(Denied::Jwt)),
            (json!({"exp": NOW + 60, "aud": ["a", "b"]}), Ok(())),
        ];
        for (claims, expected) in rows {
            check(&signed(), &token(&claims), expected);
        }
    }

    #[test]
    fn only_hs256_with_the_right_secret_counts() {
        let claims = json!({"exp": NOW + 60}).to_string();
        let with = |header: &str| sign(header, &claims, &[b'x'; 40]);
        for header in [
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS256","typ":"FOO","kid":"a","crit":["x"]}"#,
        ] {
            check(&signed(), &with(header), Ok(()));
        }
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"hs256"}"#,
            r#"{"alg":"HS256","typ":5}"#,
            r#"{"alg":"HS256","jwk":5}"#,
            r#"{"typ":"JWT"}"#,
        ] {
            check(&signed(), &with(header), Err(Denied::Jwt));
        }
        let header = r#"{"alg":"HS256"}"#;
        let good = with(header);
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        let twice = format!(r#"{{"exp":{0},"exp":{0}}}"#, NOW + 60);
        for bad in [
            sign(header, &claims, &[b'y'; 40]),
            sign(header, "nope", &[b'x'; 40]),
            sign(header, &twice, &[b'x'; 40]),
            format!("{unsigned}."),
            unsigned.to_owned(),
            format!("{good}="),
            format!("{good}.x"),
            good[..good.len() - 4].to_owned(),
            "abc".to_owned(),
            "a.b".to_owned(),
            String::new(),
        ] {
            check(&signed(), &bad, Err(Denied::Jwt));
        }
    }

    #[test]
    fn issuer_and_audience_are_compared_where_they_are_asked_for() {
        let policy = Signed {
            issuer: Some("iss1".into()),
            audience: Some("aud1".into()),
            ..signed()
        };
        let rows = [
            (json!("iss1"), json!("aud1"), Ok(())),
            (json!("iss1"), json!(["x", "aud1"]), Ok(())),
            (json!(null), json!("aud1"), Err(Denied::Issuer)),
            (json!("ISS1"), json!("aud1"), Err(Denied::Issuer)),
            (json!("q"), json!("q"), Err(Denied::Issuer)),
            (json!("iss1"), json!(null), Err(Denied::Audience)),
            (json!("iss1"), json!([]), Err(Denied::Audience)),
            (json!("iss1"), json!(5), Err(Denied::Jwt)),
            (json!(["iss1"]), json!("aud1"), Err(Denied::Jwt)),
        ];
        for (iss, aud, expected) in rows {
            let claims = json!({"exp": NOW + 60, "iss": iss, "aud": aud});
            check(&policy, &token(&claims), expected);
        }
        let late = json!({"exp": NOW - 60, "iss": "q", "aud": "q"});
        check(&policy, &token(&late), Err(Denied::Expired));
    }

    #[test]
    fn the_largest_skew_does_not_overflow() {
        let lax = Signed {
            skew: i64::MAX,
            ..signed()
        };
        check(
            &lax,
            &token(&json!({"exp": i64::MAX, "nbf": i64::MIN})),
            Ok(()),
        );
        check(&lax, &token(&json!({"exp": 1})), Ok(()));
        let late = Signed {
            skew: 3600,
            ..signed()
        };
        check(
            &late,
            &token(&json!({"exp": i64::MIN})),
            Err(Denied::Expired),
        );
        check(
            &late,
            &token(&json!({"exp": i64::MAX, "nbf": i64::MAX})),
            Err(Denied::NotYet),
        );
    }
}
