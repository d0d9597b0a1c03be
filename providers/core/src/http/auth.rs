//! Access tokens, per identity.
//!
//! Owns: when a token is fetched, shared and renewed. Does not own: what a sign-in sends; see `oauth`.
//! Invariant: callers that need the same token cause one sign-in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::oauth::{SigningKey, basic_header, token_form};
use super::quota::Quota;
use super::{AuthConfig, OAuthStyle, checked_origin, network_error};
use crate::{Answered, Error, ExchangeRecord, Kind, Ledger, QueryContext};

/// What authorises a call.
#[derive(Debug, Clone)]
pub struct Token {
    header: &'static str,
    value: SecretString,
    /// Origin that calls with this token go to, where the token says so.
    pub instance_url: Option<String>,
    expires: Option<Instant>,
    generation: u64,
}

impl Token {
    pub(super) fn apply(&self, builder: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let mut value = match reqwest::header::HeaderValue::from_str(self.value.expose_secret()) {
            Ok(value) => value,
            // A credential with control characters can't be sent; without it the call is refused as unauthorised.
            Err(_) => return builder,
        };
        value.set_sensitive(true);
        builder.header(self.header, value)
    }

    fn is_live(&self) -> bool {
        self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

/// Gets tokens for one source. Holds its lock across the token request on purpose: that makes sign-in single-flight.
#[derive(Debug)]
pub struct Authenticator {
    origin: Arc<str>,
    http: reqwest::Client,
    token_url: String,
    auth: AuthConfig,
    style: OAuthStyle,
    key: Option<SigningKey>,
    ledger: Ledger,
    quota: Option<Arc<Quota>>,
    /// One slot per remote user that calls are made as; `None` is the configured one.
    slots: Mutex<HashMap<Option<String>, Arc<Mutex<Slot>>>>,
}

#[derive(Debug, Default)]
struct Slot {
    token: Option<Token>,
    generation: u64,
    rotated: Option<SecretString>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    instance_url: Option<String>,
    expires_in: Option<u64>,
    refresh_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
    error_description: Option<String>,
}

impl Authenticator {
    /// A token is renewed this long before it expires.
    const EARLY: Duration = Duration::from_secs(30);

    pub(super) fn try_new(
        origin: &Arc<str>,
        http: reqwest::Client,
        base: &str,
        auth: AuthConfig,
        style: OAuthStyle,
        ledger: Ledger,
    ) -> Result<Self, Error> {
        let config_error = |message| Error::new(origin, Kind::Config, message);
        let token_url = match auth.token_url() {
            None => format!("{base}{}", style.token_path),
            Some(url) => {
                checked_origin(url).map_err(config_error)?;
                url.to_owned()
            }
        };
        let key = SigningKey::read(&auth).map_err(config_error)?;
        let origin = Arc::clone(origin);
        Ok(Self {
            origin,
            http,
            token_url,
            auth,
            style,
            key,
            ledger,
            quota: None,
            slots: Mutex::default(),
        })
    }

    /// Counts sign-ins in a quota from now on.
    pub(super) fn count_in(&mut self, quota: &Arc<Quota>) {
        self.quota = Some(Arc::clone(quota));
    }

    /// The token for the identity of `context`, from the cache or fresh.
    ///
    /// # Errors
    /// [`Kind::SignIn`] when it is refused, [`Kind::Unreachable`] when nobody answers.
    pub async fn token(&self, context: &QueryContext) -> Result<Token, Error> {
        let subject = self.subject(context)?;
        let slot = self.slot(&subject).await;
        let mut slot = slot.lock().await;
        if let Some(token) = slot.token.as_ref().filter(|token| token.is_live()) {
            return Ok(token.clone());
        }
        let token = self.fetch(context, subject.as_deref(), &mut slot).await?;
        slot.token = Some(token.clone());
        Ok(token)
    }

    /// Forgets `token`, unless another caller has replaced it already.
    pub async fn invalidate(&self, context: &QueryContext, token: &Token) {
        let Ok(subject) = self.subject(context) else {
            return;
        };
        let slot = self.slot(&subject).await;
        let mut slot = slot.lock().await;
        if slot
            .token
            .as_ref()
            .is_some_and(|current| current.generation == token.generation)
        {
            slot.token = None;
        }
    }

    /// The remote user to act as. Only a JWT assertion can name another user than the configured one.
    pub(super) fn subject(&self, context: &QueryContext) -> Result<Option<String>, Error> {
        match context.principal.subjects.get(self.origin.as_ref()) {
            None => Ok(None),
            Some(subject) if matches!(self.auth, AuthConfig::JwtBearer { .. }) => Ok(Some(subject.clone())),
            Some(_) => {
                let message = format!(
                    "the user has a subject here, but flow '{}' cannot act as another user; use jwt_bearer",
                    self.auth.flow()
                );
                Err(Error::new(&self.origin, Kind::Config, message))
            }
        }
    }

    async fn slot(&self, subject: &Option<String>) -> Arc<Mutex<Slot>> {
        Arc::clone(self.slots.lock().await.entry(subject.clone()).or_default())
    }

    async fn fetch(
        &self,
        context: &QueryContext,
        subject: Option<&str>,
        slot: &mut Slot,
    ) -> Result<Token, Error> {
        let rotated = slot.rotated.as_ref();
        let form = token_form(&self.auth, &self.style, self.key.as_ref(), subject, rotated)
            .map_err(|message| Error::new(&self.origin, Kind::Config, message))?;
        slot.generation += 1;
        let generation = slot.generation;
        let fixed = |header, value| Token {
            header,
            value,
            instance_url: None,
            expires: None,
            generation,
        };
        let form = match (form, &self.auth) {
            (Some(form), _) => form,
            (None, AuthConfig::Basic { username, password }) => {
                return Ok(fixed("authorization", basic_header(username, password)));
            }
            (None, AuthConfig::BearerToken { token }) => return Ok(fixed("authorization", bearer(token))),
            (None, AuthConfig::ApiKey { key }) => return Ok(fixed(self.style.api_key_header, key.clone())),
            (None, _) => {
                return Err(Error::new(
                    &self.origin,
                    Kind::Internal,
                    "the sign-in flow has no form",
                ));
            }
        };
        let answer = self.request(context, &form).await?;
        let instance_url = match answer.instance_url {
            None => None,
            Some(url) => Some(
                checked_origin(&url).map_err(|message| Error::new(&self.origin, Kind::SignIn, message))?,
            ),
        };
        slot.rotated = answer.refresh_token.or(slot.rotated.take());
        let expires = answer.expires_in.map(|seconds| {
            Instant::now()
                + Duration::from_secs(seconds)
                    .saturating_sub(Self::EARLY)
                    .max(Duration::from_secs(1))
        });
        Ok(Token {
            header: "authorization",
            value: bearer(&answer.access_token),
            instance_url,
            expires,
            generation,
        })
    }

    async fn request(
        &self,
        context: &QueryContext,
        form: &[(&'static str, SecretString)],
    ) -> Result<TokenAnswer, Error> {
        let exchange = self.ledger.begin(ExchangeRecord {
            query_id: context.query_id,
            user: context.principal.user.clone(),
            source: Arc::clone(&self.origin),
            method: "POST",
            resource: "sign-in".to_owned(),
            remote_query: None,
            started: chrono::Utc::now(),
            answered: Answered::Remote,
        });
        if let Some(quota) = &self.quota {
            quota.count(1);
        }
        let started = Instant::now();
        let send = self
            .http
            .post(&self.token_url)
            .timeout(Duration::from_secs(30))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form_body(form))
            .send();
        let answer = send.await.map_err(|error| network_error(&self.origin, error))?;
        let status = answer.status().as_u16();
        let bytes = answer
            .bytes()
            .await
            .map_err(|error| network_error(&self.origin, error))?;
        exchange.finish(status, bytes.len() as u64, started.elapsed());
        if status == 200
            && let Ok(token) = serde_json::from_slice(&bytes)
        {
            return Ok(token);
        }
        Err(self.refusal(status, &bytes))
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Error {
        let flow = self.auth.flow();
        if matches!(status, 429 | 502 | 503 | 504) {
            return Error::new(
                &self.origin,
                Kind::Transient,
                format!("sign-in is not available now (status {status})"),
            );
        }
        let reason = match serde_json::from_slice::<TokenRefusal>(body) {
            Ok(TokenRefusal {
                error,
                error_description: Some(description),
            }) => format!("{error}: {description}"),
            Ok(TokenRefusal { error, .. }) => error,
            Err(_) => "the answer is no token; check the url".to_owned(),
        };
        let message = format!("sign-in by {flow} was refused (status {status}): {reason}");
        Error::new(&self.origin, Kind::SignIn, message)
    }
}

fn bearer(token: &SecretString) -> SecretString {
    SecretString::from(format!("Bearer {}", token.expose_secret()))
}

/// The form, percent-encoded. Kept out of the async function, since the serializer can't move between threads.
fn form_body(form: &[(&'static str, SecretString)]) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        body.append_pair(name, value.expose_secret());
    }
    body.finish()
}
