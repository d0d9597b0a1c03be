//! Requests as a careful programmer's script makes them, without any of our code: plain HTTP, followed to the last page.

use std::collections::BTreeMap;

use causeway_sandbox::{salesforce, servicenow};
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::fixture::World;

/// Rows of a Table API page.
const PAGE_ROWS: u64 = 1000;
/// Keys that fit into the address of one request, with room for the rest of it.
const SOQL_KEYS: usize = 500;
const ENCODED_KEYS: usize = 200;

/// One request, or as many as its rows take.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// A SOQL text; `nextRecordsUrl` is followed.
    soql: Option<String>,
    /// A ServiceNow table. Its `sys_id` is always among the fields, since limits count rows that the account may not see: even
    /// a script that wants few rows must be able to go on. Without `limit` the pages are followed.
    table: Option<String>,
    /// A ServiceNow table whose rows are counted or summed by the Aggregate API.
    stats: Option<String>,
    /// The encoded query.
    query: String,
    /// The fields of a table.
    fields: String,
    /// Rows that are wanted at most.
    limit: Option<u64>,
    /// `true`, `false` or `all`, as `sysparm_display_value`.
    display: Option<String>,
    /// More parameters of the Aggregate API.
    parameters: BTreeMap<String, String>,
    /// A field whose distinct values later steps name as `{field}`.
    keep: Option<String>,
    /// Values that a row must have for its `keep` to count: the script looks again where the system compares loosely.
    only: BTreeMap<String, String>,
}

/// Makes requests to both practice orgs.
pub(crate) struct Script {
    http: Client,
    salesforce: String,
    servicenow: String,
    token: String,
    kept: BTreeMap<String, Vec<String>>,
}

impl Script {
    /// Signs in.
    pub(crate) async fn start(world: &World) -> Self {
        use salesforce::credentials::{CLIENT_ID, CLIENT_SECRET};
        let http = Client::new();
        let salesforce = world.salesforce.url();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
        ];
        let request = http
            .post(format!("{salesforce}/services/oauth2/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(encoded(&form));
        let answer = Answer::of(request).await;
        let token = answer.body["access_token"].as_str().expect("a token").to_owned();
        Self {
            http,
            salesforce,
            servicenow: world.servicenow.url(),
            token,
            kept: BTreeMap::new(),
        }
    }

    /// Makes the requests of a script, in order.
    pub(crate) async fn run(&mut self, steps: &[Step]) {
        self.kept.clear();
        for step in steps {
            let mut rows = Vec::new();
            for text in self.texts(step) {
                match (&step.soql, &step.table, &step.stats) {
                    (Some(_), None, None) => rows.extend(self.soql(&text).await),
                    (None, Some(table), None) => rows.extend(self.table(table, step, &text).await),
                    (None, None, Some(table)) => self.stats(table, step, &text).await,
                    _ => panic!("a step is one of soql, table and stats: {step:?}"),
                }
            }
            if let Some(field) = &step.keep {
                let wanted = |row: &&Value| {
                    step.only
                        .iter()
                        .all(|(field, value)| row[field] == value.as_str())
                };
                let values = rows.iter().filter(wanted).filter_map(|row| row[field].as_str());
                let mut values: Vec<_> = values
                    .filter(|value| !value.is_empty())
                    .map(str::to_owned)
                    .collect();
                values.sort();
                values.dedup();
                assert!(!values.is_empty(), "no value of {field}: {step:?}");
                self.kept.insert(field.clone(), values);
            }
        }
    }

    /// The query of a step, once for each part of the kept values that it names.
    fn texts(&self, step: &Step) -> Vec<String> {
        let text = step.soql.as_ref().unwrap_or(&step.query);
        let used = self
            .kept
            .iter()
            .find(|(field, _)| text.contains(&format!("{{{field}}}")));
        let Some((field, values)) = used else {
            return vec![text.clone()];
        };
        let (most, quote) = if step.soql.is_some() {
            (SOQL_KEYS, "'")
        } else {
            (ENCODED_KEYS, "")
        };
        let parts = values.chunks(most).map(|part| {
            let list: Vec<String> = part
                .iter()
                .map(|value| format!("{quote}{value}{quote}"))
                .collect();
            text.replace(&format!("{{{field}}}"), &list.join(","))
        });
        parts.collect()
    }

    async fn soql(&self, soql: &str) -> Vec<Value> {
        let mut path = format!("/services/data/v62.0/query?{}", encoded(&[("q", soql)]));
        let mut rows = Vec::new();
        loop {
            let request = self.http.get(format!("{}{path}", self.salesforce));
            let mut answer = Answer::of(request.bearer_auth(&self.token)).await;
            if let Value::Array(records) = answer.body["records"].take() {
                rows.extend(records);
            }
            match answer.body["nextRecordsUrl"].as_str() {
                Some(next) => path = next.to_owned(),
                None => return rows,
            }
        }
    }

    async fn table(&self, table: &str, step: &Step, query: &str) -> Vec<Value> {
        let paged = step.limit.is_none();
        let fields = format!("sys_id,{}", step.fields);
        let limit = step.limit.unwrap_or(PAGE_ROWS);
        let display = step.display.as_deref().unwrap_or("false");
        let mut rows: Vec<Value> = Vec::new();
        let mut after = String::new();
        loop {
            let place = if paged {
                format!("{after}ORDERBYsys_id")
            } else {
                String::new()
            };
            let query = [query, place.as_str()]
                .into_iter()
                .filter(|part| !part.is_empty());
            let query = query.collect::<Vec<_>>().join("^");
            let limit_text = limit.to_string();
            let request = self.servicenow(
                &format!("table/{table}"),
                &[
                    ("sysparm_query", query.as_str()),
                    ("sysparm_fields", fields.as_str()),
                    ("sysparm_limit", limit_text.as_str()),
                    ("sysparm_display_value", display),
                    ("sysparm_exclude_reference_link", "true"),
                ],
            );
            let mut answer = Answer::of(request).await;
            let Value::Array(page) = answer.body["result"].take() else {
                panic!("{table}: no rows");
            };
            rows.extend(page);
            if !paged || answer.total <= limit {
                return rows;
            }
            let key = &rows.last().expect("a page before the last has rows")["sys_id"];
            let key = key.as_str().or_else(|| key["value"].as_str()).expect("a key");
            after = format!("sys_id>{key}^");
        }
    }

    async fn stats(&self, table: &str, step: &Step, query: &str) {
        let mut parameters = vec![("sysparm_query", query)];
        parameters.extend(
            step.parameters
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        Answer::of(self.servicenow(&format!("stats/{table}"), &parameters)).await;
    }

    fn servicenow(&self, path: &str, parameters: &[(&str, &str)]) -> RequestBuilder {
        use servicenow::credentials::{PASSWORD, USERNAME};
        self.http
            .get(format!(
                "{}/api/now/v2/{path}?{}",
                self.servicenow,
                encoded(parameters)
            ))
            .basic_auth(USERNAME, Some(PASSWORD))
    }
}

/// A JSON answer.
struct Answer {
    body: Value,
    /// `X-Total-Count`.
    total: u64,
}

impl Answer {
    async fn of(request: RequestBuilder) -> Self {
        let request = request.header("accept", "application/json");
        let answer = request.send().await.expect("an answer");
        let url = answer.url().clone();
        let total = answer.headers().get("x-total-count");
        let total = total
            .and_then(|total| total.to_str().ok()?.parse().ok())
            .unwrap_or_default();
        let status = answer.status();
        let body = answer.text().await.expect("a body");
        assert_eq!(status, 200, "{url}: {body}");
        Self {
            body: serde_json::from_str(&body).expect("JSON"),
            total,
        }
    }
}

fn encoded(parameters: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("form:", parameters).expect("an address");
    url.query().unwrap_or_default().to_owned()
}
