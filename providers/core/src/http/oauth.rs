//! Sign-in flows, as configuration and as the forms that are sent.
//!
//! Does not own: when a sign-in happens; see `auth`. Invariant: a secret is never printed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// How to sign in to a source, as written under `auth` in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthConfig {
    /// OAuth 2.0 JWT bearer: a signed assertion for a user.
    JwtBearer {
        /// Consumer key of the app.
        client_id: String,
        /// Secret of the app, where it has one.
        client_secret: Option<SecretString>,
        /// User that the token acts as.
        username: String,
        /// PEM file with the private key.
        private_key_file: Option<PathBuf>,
        /// The private key itself, for example from `${SF_KEY}`.
        private_key: Option<SecretString>,
        /// `aud` of the assertion, where the usual one does not fit.
        audience: Option<String>,
        /// Token endpoint, where it is not the source's own.
        token_url: Option<String>,
        /// `kid` of the assertion.
        key_id: Option<String>,
    },
    /// OAuth 2.0 client credentials.
    ClientCredentials {
        /// Consumer key of the app.
        client_id: String,
        /// Secret of the app.
        client_secret: SecretString,
        /// Token endpoint, where it is not the source's own.
        token_url: Option<String>,
    },
    /// OAuth 2.0 refresh token.
    RefreshToken {
        /// Consumer key of the app.
        client_id: String,
        /// Secret of the app, where it has one.
        client_secret: Option<SecretString>,
        /// The refresh token.
        refresh_token: SecretString,
        /// Token endpoint, where it is not the source's own.
        token_url: Option<String>,
    },
    /// OAuth 2.0 resource owner password.
    Password {
        /// Consumer key of the app.
        client_id: String,
        /// Secret of the app, where it has one.
        client_secret: Option<SecretString>,
        /// User.
        username: String,
        /// Password, followed by a security token where the system wants one.
        password: SecretString,
        /// Token endpoint, where it is not the source's own.
        token_url: Option<String>,
    },
    /// HTTP basic authentication.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// A bearer token that does not change; sent as `Authorization: Bearer` (RFC 6750, 2.1).
    BearerToken {
        /// The token.
        token: SecretString,
    },
    /// An API key in a header.
    ApiKey {
        /// The key.
        key: SecretString,
    },
}

impl AuthConfig {
    /// Name of the flow as configured.
    #[must_use]
    pub fn flow(&self) -> &'static str {
        match self {
            Self::JwtBearer { .. } => "jwt_bearer",
            Self::ClientCredentials { .. } => "client_credentials",
            Self::RefreshToken { .. } => "refresh_token",
            Self::Password { .. } => "password",
            Self::Basic { .. } => "basic",
            Self::BearerToken { .. } => "bearer_token",
            Self::ApiKey { .. } => "api_key",
        }
    }

    /// The configured token endpoint, where there is one.
    #[must_use]
    pub fn token_url(&self) -> Option<&str> {
        match self {
            Self::JwtBearer { token_url, .. }
            | Self::ClientCredentials { token_url, .. }
            | Self::RefreshToken { token_url, .. }
            | Self::Password { token_url, .. } => token_url.as_deref(),
            Self::Basic { .. } | Self::BearerToken { .. } | Self::ApiKey { .. } => None,
        }
    }

    /// Whether the credential goes with every call as it is, so that signing in again can't renew it.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(
            self,
            Self::Basic { .. } | Self::BearerToken { .. } | Self::ApiKey { .. }
        )
    }
}

/// What a system wants in a JWT assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtStyle {
    /// `aud` when none is configured; `None` stands for the client id.
    pub audience: Option<String>,
    /// Whether each assertion carries `iat` and a fresh `jti`, because it may be used only once.
    pub single_use: bool,
    /// Whether client id and secret go along in the form.
    pub sends_client: bool,
    /// Life of an assertion.
    pub lifetime: Duration,
}

/// How a system does OAuth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthStyle {
    /// Path of the token endpoint.
    pub token_path: &'static str,
    /// Its assertions.
    pub jwt: JwtStyle,
    /// Header that carries an API key.
    pub api_key_header: &'static str,
}

/// The private key of a JWT flow, read once.
pub(super) struct SigningKey(EncodingKey);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SigningKey(***)")
    }
}

impl SigningKey {
    /// Reads the key of a JWT flow; other flows have none.
    pub(super) fn read(auth: &AuthConfig) -> Result<Option<Self>, String> {
        let AuthConfig::JwtBearer {
            private_key_file,
            private_key,
            ..
        } = auth
        else {
            return Ok(None);
        };
        let pem = match (private_key_file, private_key) {
            (Some(path), None) => SecretString::from(
                std::fs::read_to_string(path)
                    .map_err(|error| format!("cannot read private_key_file '{}': {error}", path.display()))?,
            ),
            (None, Some(key)) => key.clone(),
            _ => return Err("jwt_bearer needs either private_key_file or private_key".to_owned()),
        };
        EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes())
            .map(|key| Some(Self(key)))
            .map_err(|_| "the private key is not an RSA key in PEM form".to_owned())
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// The fields of a token request.
#[derive(Default)]
struct Form(Vec<(&'static str, SecretString)>);

impl Form {
    fn put(&mut self, name: &'static str, value: &str) {
        self.0.push((name, SecretString::from(value.to_owned())));
    }

    fn client(&mut self, id: &str, secret: Option<&SecretString>) {
        self.put("client_id", id);
        if let Some(secret) = secret {
            self.put("client_secret", secret.expose_secret());
        }
    }
}

/// The form of a token request, or `None` for flows that need no token.
pub(super) fn token_form(
    auth: &AuthConfig,
    style: &OAuthStyle,
    key: Option<&SigningKey>,
    subject: Option<&str>,
    rotated: Option<&SecretString>,
) -> Result<Option<Vec<(&'static str, SecretString)>>, String> {
    let mut form = Form::default();
    match auth {
        AuthConfig::JwtBearer {
            client_id,
            client_secret,
            username,
            audience,
            key_id,
            ..
        } => {
            let key = key.ok_or("the private key was not read")?;
            let audience = audience.as_deref().or(style.jwt.audience.as_deref());
            let named = (
                client_id.as_str(),
                subject.unwrap_or(username),
                audience.unwrap_or(client_id),
            );
            let assertion = sign(key, &style.jwt, named, key_id.as_deref())?;
            if style.jwt.sends_client {
                form.client(client_id, client_secret.as_ref());
            }
            form.put("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
            form.put("assertion", &assertion);
        }
        AuthConfig::ClientCredentials {
            client_id,
            client_secret,
            ..
        } => {
            form.client(client_id, Some(client_secret));
            form.put("grant_type", "client_credentials");
        }
        AuthConfig::RefreshToken {
            client_id,
            client_secret,
            refresh_token,
            ..
        } => {
            form.client(client_id, client_secret.as_ref());
            form.put("grant_type", "refresh_token");
            form.put("refresh_token", rotated.unwrap_or(refresh_token).expose_secret());
        }
        AuthConfig::Password {
            client_id,
            client_secret,
            username,
            password,
            ..
        } => {
            form.client(client_id, client_secret.as_ref());
            form.put("grant_type", "password");
            form.put("username", username);
            form.put("password", password.expose_secret());
        }
        AuthConfig::Basic { .. } | AuthConfig::BearerToken { .. } | AuthConfig::ApiKey { .. } => {
            return Ok(None);
        }
    }
    Ok(Some(form.0))
}

fn sign(
    key: &SigningKey,
    style: &JwtStyle,
    (issuer, subject, audience): (&str, &str, &str),
    key_id: Option<&str>,
) -> Result<String, String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| "the clock is before 1970")?
        .as_secs();
    let claims = Claims {
        iss: issuer,
        sub: subject,
        aud: audience,
        exp: now + style.lifetime.as_secs(),
        iat: style.single_use.then_some(now),
        jti: style.single_use.then(unique_id),
    };
    let mut header = Header::new(Algorithm::RS256);
    header.kid = key_id.map(str::to_owned);
    jsonwebtoken::encode(&header, &claims, &key.0).map_err(|_| "cannot sign the assertion".to_owned())
}

/// An id that no other assertion of any process has: process, moment and a counter.
fn unique_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_nanos());
    format!(
        "{}-{nanos:x}-{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    )
}

/// The `Authorization` value of basic authentication.
pub(super) fn basic_header(username: &str, password: &SecretString) -> SecretString {
    let pair = format!("{username}:{}", password.expose_secret());
    SecretString::from(format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    ))
}
