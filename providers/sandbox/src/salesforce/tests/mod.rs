//! The org over HTTP: every endpoint, every error, every fault.

mod resources;
mod sign_in;
mod wire;

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::credentials::{
    CLIENT_ID, CLIENT_SECRET, PASSWORD, PRIVATE_KEY_PEM, REFRESH_TOKEN, SECURITY_TOKEN, USERNAME,
};
use super::{HiddenField, Org, Semantics};
use crate::Options;

struct Client {
    org: Org,
    http: reqwest::Client,
    token: String,
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn code(&self) -> String {
        self.json()[0]["errorCode"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

async fn read(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    Answer {
        status,
        headers,
        body: response.text().await.unwrap(),
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl Client {
    async fn start() -> Self {
        Self::with(Options::default(), Semantics::default()).await
    }

    async fn with(options: Options, semantics: Semantics) -> Self {
        let org = Org::start(options, semantics).await.unwrap();
        let mut client = Self {
            org,
            http: reqwest::Client::new(),
            token: String::new(),
        };
        client.sign_in().await;
        client
    }

    async fn sign_in(&mut self) {
        let answer = self.grant(&client_credentials()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.token = answer.json()["access_token"].as_str().unwrap().to_owned();
    }

    async fn grant(&self, pairs: &[(&str, &str)]) -> Answer {
        let request = self
            .http
            .post(format!("{}/services/oauth2/token", self.org.url()));
        let request = request
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form(pairs));
        read(request.send().await.unwrap()).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self
            .http
            .get(format!("{}{path}", self.org.url()))
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send().await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_with(&format!("/services/data/v62.0{path}"), &[]).await
    }

    async fn query(&self, soql: &str) -> Answer {
        self.get(&format!("/query?{}", form(&[("q", soql)]))).await
    }

    async fn post(&self, path: &str, body: &Json) -> Answer {
        let request = self
            .http
            .post(format!("{}/services/data/v62.0{path}", self.org.url()))
            .bearer_auth(&self.token);
        let request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
        read(request.send().await.unwrap()).await
    }
}

fn client_credentials() -> [(&'static str, &'static str); 3] {
    [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ]
}

fn assertion(change: impl FnOnce(&mut Json)) -> String {
    let mut claims = json!({
        "iss": CLIENT_ID,
        "sub": USERNAME,
        "aud": "https://login.salesforce.com",
        "exp": chrono::Utc::now().timestamp() + 180,
    });
    change(&mut claims);
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(PRIVATE_KEY_PEM.as_bytes()).unwrap();
    jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256),
        &claims,
        &key,
    )
    .unwrap()
}

const JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
