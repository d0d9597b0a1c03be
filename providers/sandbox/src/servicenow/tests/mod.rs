//! Tests of the instance: what it must answer, by the facts, over HTTP and in its query engine.

mod apis;
mod bench;
mod faults;
mod grammar;
mod queries;
mod sign_in;
mod stats_switches;
mod switches;
mod table;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{Instance, Semantics, credentials};
use crate::Options;

/// A running instance and a client of it.
struct Practice {
    instance: Instance,
    client: reqwest::Client,
}

/// An answer that was read to its end.
struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn rows(&self) -> Vec<Value> {
        self.json()["result"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| panic!("no list: {}", self.text))
    }

    /// The texts of one column.
    fn column(&self, name: &str) -> Vec<String> {
        self.rows()
            .iter()
            .map(|row| row[name].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn total(&self) -> usize {
        self.header("x-total-count")
            .expect("a total")
            .parse()
            .expect("a number")
    }
}

impl Practice {
    async fn start() -> Self {
        Self::with(Semantics::default()).await
    }

    async fn with(semantics: Semantics) -> Self {
        let instance = Instance::start(Options::default(), semantics)
            .await
            .expect("a free port");
        let client = reqwest::Client::new();
        Self { instance, client }
    }

    /// Reads `/api/now/{path}` as the integration user; the query must already be encoded.
    async fn get(&self, path: &str) -> Reply {
        self.get_as(credentials::USERNAME, credentials::PASSWORD, path)
            .await
    }

    async fn get_as(&self, user: &str, password: &str, path: &str) -> Reply {
        let url = format!("{}/api/now/{path}", self.instance.url());
        send(self.client.get(url).basic_auth(user, Some(password))).await
    }

    /// Reads a table with parameters that are encoded here.
    async fn read(&self, table: &str, parameters: &[(&str, &str)]) -> Reply {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        self.get(&format!("v2/table/{table}?{query}")).await
    }

    /// Posts a form to the token endpoint.
    async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = self
            .client
            .post(format!("{}/oauth_token.do", self.instance.url()));
        send(
            request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(body),
        )
        .await
    }
}

async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let text = response.text().await.expect("a whole body");
    Reply {
        status,
        headers,
        text,
    }
}
