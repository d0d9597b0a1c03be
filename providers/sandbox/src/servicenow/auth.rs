//! Sign-in: the token endpoint, bearer tokens, basic authentication and API keys.
//!
//! Owns: tokens and used assertions. Does not own: what a user may read; see `access`.
//! Invariant: every refusal of the token endpoint looks the same, whatever its cause.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use base64::Engine as _;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::credentials::{self, User};
use super::exchange::{Answer, Call};
use super::switches::Semantics;

/// Clock skew that the verifier allows, in seconds.
const SKEW_SECONDS: u64 = 300;

#[derive(Debug)]
struct Token {
    value: String,
    refresh: String,
    expires: Instant,
}

/// Live tokens, refresh tokens and assertions that were used up.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    live: HashMap<&'static str, Token>,
    refresh: HashMap<String, &'static str>,
    used_assertions: HashSet<String>,
    issued: u64,
}

#[derive(Debug, serde::Deserialize)]
struct Claims {
    sub: String,
    jti: Option<String>,
}

/// The active user of this name.
fn user(name: &str) -> Option<&'static User> {
    credentials::USERS
        .iter()
        .find(|user| user.user_name == name && user.active)
}

impl Tokens {
    /// Answers `POST /oauth_token.do`; `audience` is this endpoint's own URL.
    pub(super) fn answer(&mut self, call: &Call, semantics: &Semantics, audience: &str, seed: u64) -> Answer {
        let form = call
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let mut fields: HashMap<String, String> =
            url::form_urlencoded::parse(&call.body).into_owned().collect();
        // OAuth libraries send the client's own credential in a header.
        if let Some((id, secret)) = call.header("authorization").and_then(basic) {
            fields.entry("client_id".to_owned()).or_insert(id);
            fields.entry("client_secret".to_owned()).or_insert(secret);
        }
        let granted = if form { self.grant(&fields, audience) } else { None };
        match granted {
            Some((user, with_refresh)) => self.issue(user, with_refresh, semantics, seed),
            None => Answer::json(
                401,
                br#"{"error_description":"access_denied","error":"server_error"}"#.to_vec(),
            ),
        }
    }

    /// The user that the fields entitle to a token, and whether a refresh token goes with it.
    fn grant(&mut self, fields: &HashMap<String, String>, audience: &str) -> Option<(&'static User, bool)> {
        let field = |name: &str| fields.get(name).map(String::as_str);
        let secret = field("client_secret");
        let client =
            field("client_id") == Some(credentials::CLIENT_ID) && secret == Some(credentials::CLIENT_SECRET);
        match field("grant_type")? {
            "password" if client => {
                let user = user(field("username")?)?;
                (field("password") == Some(user.password)).then_some((user, true))
            }
            "client_credentials" if client => Some((user(credentials::USERNAME)?, false)),
            "refresh_token" if client => {
                let token = field("refresh_token")?;
                let name = if token == credentials::REFRESH_TOKEN {
                    credentials::USERNAME
                } else {
                    self.refresh.get(token)?
                };
                Some((user(name)?, true))
            }
            // The secret may be left out for a public client; a wrong one is refused.
            "urn:ietf:params:oauth:grant-type:jwt-bearer" if client || secret.is_none() => {
                Some((self.verify(field("assertion")?, audience)?, true))
            }
            _ => None,
        }
    }

    /// Verifies key id, signature, issuer, audience, expiry and subject, and that the assertion is new.
    fn verify(&mut self, assertion: &str, audience: &str) -> Option<&'static User> {
        let header = jsonwebtoken::decode_header(assertion).ok()?;
        if header.kid.as_deref() != Some(credentials::KEY_ID) {
            return None;
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = SKEW_SECONDS;
        validation.set_issuer(&[credentials::CLIENT_ID]);
        validation.set_audience(&[credentials::CLIENT_ID, audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let key = DecodingKey::from_rsa_pem(credentials::PUBLIC_KEY_PEM.as_bytes()).ok()?;
        let claims = jsonwebtoken::decode::<Claims>(assertion, &key, &validation)
            .ok()?
            .claims;
        let user = user(&claims.sub)?;
        self.used_assertions.insert(claims.jti?).then_some(user)
    }

    /// A live token is given again, with what is left of its life.
    fn issue(&mut self, user: &'static User, with_refresh: bool, semantics: &Semantics, seed: u64) -> Answer {
        let now = Instant::now();
        self.live.retain(|_, token| token.expires > now);
        if !self.live.contains_key(user.user_name) {
            self.issued += 1;
            let secret = |what: &str| {
                let world = crate::world::World::new(seed, 1);
                let part = |index: u64| {
                    world.noise(what, usize::try_from(self.issued * 4 + index).unwrap_or_default())
                };
                format!("{:016x}{:016x}{:016x}", part(0), part(1), part(2))
            };
            let token = Token {
                value: secret("access token"),
                refresh: secret("refresh token"),
                expires: now + Duration::from_secs(semantics.token_seconds),
            };
            self.refresh.insert(token.refresh.clone(), user.user_name);
            self.live.insert(user.user_name, token);
        }
        let Some(token) = self.live.get(user.user_name) else {
            return Answer::unauthenticated();
        };
        let mut body = serde_json::json!({
            "access_token": token.value,
            "scope": "useraccount",
            "token_type": "Bearer",
            "expires_in": token.expires.duration_since(now).as_secs_f64().ceil() as u64,
        });
        if with_refresh && let Some(fields) = body.as_object_mut() {
            fields.insert("refresh_token".to_owned(), token.refresh.clone().into());
        }
        Answer::json(200, body.to_string().into_bytes())
    }

    /// Ends the life of all access tokens.
    pub(super) fn expire(&mut self) {
        self.live.clear();
    }

    /// The user that a call's credential belongs to.
    pub(super) fn authenticate(&self, call: &Call) -> Option<&'static User> {
        let key = call
            .header("x-sn-apikey")
            .or_else(|| call.parameter("x-sn-apikey"));
        if let Some(key) = key {
            return (key == credentials::API_KEY)
                .then(|| user(credentials::USERNAME))
                .flatten();
        }
        let authorization = call.header("authorization")?;
        let (scheme, credential) = authorization.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            let now = Instant::now();
            let (name, _) = self
                .live
                .iter()
                .find(|(_, token)| token.value == credential && token.expires > now)?;
            return user(name);
        }
        let (name, password) = basic(authorization)?;
        user(&name).filter(|user| user.password == password)
    }
}

/// Name and password of a basic `Authorization` header.
fn basic(authorization: &str) -> Option<(String, String)> {
    let (scheme, credential) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = base64::engine::general_purpose::STANDARD
        .decode(credential.trim())
        .ok()?;
    let (name, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
