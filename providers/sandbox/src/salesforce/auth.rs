//! Sign-in: the OAuth token endpoint, the SOAP login and the sessions they open.
//!
//! Owns: grants, their errors, opaque tokens. Invariant: a token says nothing; only this table knows its user.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use rand::Rng as _;
use serde_json::json;

use super::credentials::{
    CLIENT_ID, CLIENT_SECRET, ORGANIZATION_ID, PASSWORD, PUBLIC_KEY_PEM, REFRESH_TOKEN, SECURITY_TOKEN,
    USERNAME, USERNAMES,
};
use super::reply::{Call, Reply};
use super::value::Id;

/// Longest time that a JWT may still be valid, in seconds.
const JWT_LIFETIME: i64 = 300;

/// The open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, &'static str>>);

impl Sessions {
    /// Opens a session and returns its token.
    fn open(&self, user: &'static str) -> String {
        let random: String = rand::rng()
            .sample_iter(rand::distr::Alphanumeric)
            .take(80)
            .map(char::from)
            .collect();
        let token = format!("{}!AQ4A{random}", ORGANIZATION_ID.get(..15).unwrap_or_default());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.clone(), user);
        token
    }

    /// Finds the user of an `Authorization` header.
    pub(super) fn user(&self, header: Option<&str>) -> Option<&'static str> {
        let (scheme, token) = header?.split_once(' ')?;
        let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(token.trim()).copied().filter(|_| known)
    }

    /// Makes all tokens invalid.
    pub(super) fn expire(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// An OAuth error: its code and description.
type Refused = (&'static str, &'static str);

/// Answers `POST /services/oauth2/token`.
pub(super) fn token(sessions: &Sessions, call: &Call, own_url: &str) -> Reply {
    if call.method != "POST" {
        return refuse(("invalid_request", "HTTP method not supported"));
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&call.body)
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let grant = field("grant_type");
    let outcome = match grant {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => assertion(field("assertion"), own_url),
        "client_credentials" => client(call, &form).map(|()| USERNAME),
        "refresh_token" => client_id(&form).and_then(|()| {
            if field("refresh_token") == REFRESH_TOKEN {
                Ok(USERNAME)
            } else {
                Err(("invalid_grant", "expired access/refresh token"))
            }
        }),
        "password" => client(call, &form).and_then(|()| password(field("username"), field("password"))),
        "" => Err(("unsupported_grant_type", "grant type not supported")),
        _ => Err(("unsupported_grant_type", "grant type not supported")),
    };
    match outcome {
        Err(refused) => refuse(refused),
        Ok(user) => {
            let issued = chrono::Utc::now().timestamp_millis().to_string();
            let row = USERNAMES
                .iter()
                .position(|name| *name == user)
                .unwrap_or_default();
            let mut answer = json!({
                "access_token": sessions.open(user),
                "instance_url": own_url,
                "id": format!("{own_url}/id/{ORGANIZATION_ID}/{}", Id::new("005", row).as_str()),
                "token_type": "Bearer",
                "issued_at": issued,
                "signature": base64::engine::general_purpose::STANDARD.encode(issued.as_bytes()),
            });
            if grant != "urn:ietf:params:oauth:grant-type:jwt-bearer"
                && let Some(answer) = answer.as_object_mut()
            {
                answer.insert("scope".to_owned(), json!("api refresh_token"));
            }
            Reply::value(200, &answer)
        }
    }
}

fn refuse((error, description): Refused) -> Reply {
    Reply::value(400, &json!({ "error": error, "error_description": description }))
}

fn client_id(form: &HashMap<String, String>) -> Result<(), Refused> {
    match form.get("client_id") {
        Some(id) if id == CLIENT_ID => Ok(()),
        _ => Err(("invalid_client_id", "client identifier invalid")),
    }
}

/// Checks the client's id and secret, from the form or from HTTP Basic.
fn client(call: &Call, form: &HashMap<String, String>) -> Result<(), Refused> {
    let basic = call
        .header("authorization")
        .and_then(|header| header.strip_prefix("Basic "))
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let (id, secret) = match basic.as_deref().and_then(|text| text.split_once(':')) {
        Some((id, secret)) => (id, secret),
        None => (
            form.get("client_id").map(String::as_str).unwrap_or_default(),
            form.get("client_secret").map(String::as_str).unwrap_or_default(),
        ),
    };
    if id != CLIENT_ID {
        return Err(("invalid_client_id", "client identifier invalid"));
    }
    if secret != CLIENT_SECRET {
        return Err(("invalid_client", "invalid client credentials"));
    }
    Ok(())
}

/// Finds the user with this name and password, the security token appended to it.
fn password(user: &str, password: &str) -> Result<&'static str, Refused> {
    let expected = format!("{PASSWORD}{SECURITY_TOKEN}");
    known(user)
        .filter(|_| password == expected)
        .ok_or(("invalid_grant", "authentication failure"))
}

fn known(user: &str) -> Option<&'static str> {
    USERNAMES
        .iter()
        .copied()
        .find(|name| name.eq_ignore_ascii_case(user))
}

#[derive(Debug, serde::Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
}

/// Verifies a JWT: RS256 signature, issuer, audience, expiry and subject.
fn assertion(token: &str, own_url: &str) -> Result<&'static str, Refused> {
    let invalid = ("invalid_grant", "invalid assertion");
    let key = jsonwebtoken::DecodingKey::from_rsa_pem(PUBLIC_KEY_PEM.as_bytes()).map_err(|_| invalid)?;
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    // Expiry and audience are checked below, where each has its own message.
    rules.validate_exp = false;
    rules.validate_aud = false;
    let claims: Claims = jsonwebtoken::decode(token, &key, &rules)
        .map_err(|_| invalid)?
        .claims;
    if claims.iss != CLIENT_ID {
        return Err(("invalid_client_id", "client identifier invalid"));
    }
    let audience = claims.aud.trim_end_matches('/');
    if ![
        "https://login.salesforce.com",
        "https://test.salesforce.com",
        own_url,
    ]
    .contains(&audience)
    {
        return Err(("invalid_grant", "audience is invalid"));
    }
    let left = claims.exp - chrono::Utc::now().timestamp();
    if !(1..=JWT_LIFETIME).contains(&left) {
        return Err(("invalid_grant", "expired authorization code"));
    }
    known(&claims.sub).ok_or(("invalid_grant", "user hasn't approved this consumer"))
}

/// Answers `POST /services/Soap/u/{version}`, which signs in with user name and password.
pub(super) fn soap_login(sessions: &Sessions, call: &Call, own_url: &str) -> Reply {
    let text = String::from_utf8_lossy(&call.body);
    let user = element(&text, "username").unwrap_or_default();
    let given = element(&text, "password").unwrap_or_default();
    let version = call
        .path
        .rsplit('/')
        .find(|part| !part.is_empty())
        .unwrap_or("62.0");
    let body = match password(&user, &given) {
        Ok(user) => {
            let row = USERNAMES
                .iter()
                .position(|name| *name == user)
                .unwrap_or_default();
            let organization = ORGANIZATION_ID.get(..15).unwrap_or_default();
            format!(
                "<loginResponse><result><metadataServerUrl>{own_url}/services/Soap/m/{version}/{organization}</metadataServerUrl><passwordExpired>false</passwordExpired><sandbox>false</sandbox><serverUrl>{own_url}/services/Soap/u/{version}/{organization}</serverUrl><sessionId>{}</sessionId><userId>{}</userId><userInfo><organizationId>{ORGANIZATION_ID}</organizationId><userName>{user}</userName><sessionSecondsValid>7200</sessionSecondsValid></userInfo></result></loginResponse>",
                sessions.open(user),
                Id::new("005", row).as_str(),
            )
        }
        Err(_) => {
            let message = "INVALID_LOGIN: Invalid username, password, security token; or user locked out.";
            format!(
                "<soapenv:Fault><faultcode>sf:INVALID_LOGIN</faultcode><faultstring>{message}</faultstring><detail><sf:LoginFault xmlns:sf=\"urn:fault.partner.soap.sforce.com\"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>Invalid username, password, security token; or user locked out.</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
            )
        }
    };
    let status = if body.starts_with("<loginResponse") {
        200
    } else {
        500
    };
    let envelope = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    );
    Reply {
        status,
        content_type: "text/xml;charset=UTF-8",
        body: envelope.into_bytes(),
        ..Reply::default()
    }
}

/// Reads the text of the first XML element with this local name.
fn element(xml: &str, name: &str) -> Option<String> {
    let start = [format!("<{name}>"), format!(":{name}>")]
        .iter()
        .find_map(|tag| xml.find(tag.as_str()).map(|at| at + tag.len()))?;
    let rest = xml.get(start..)?;
    let text = rest.get(..rest.find('<')?)?;
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'");
    Some(text.replace("&amp;", "&"))
}
