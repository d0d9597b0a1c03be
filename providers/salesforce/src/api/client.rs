//! The calls: describes, queries, further pages, and queries that are too long for a URL.
//!
//! Owns: what each call looks like on the wire. Does not own: sign-in, retries and limits, which are the transport's.
//! Invariant: a further page is read from the same host only.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use causeway_core::http::{Request, Response, Transport};
use causeway_core::{Cursor, Error, Kind, Next, QueryContext, QueryText, RawPage, SourceState};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::classify::{Health, failure};
use crate::metadata::cache::Answer;
use crate::metadata::layout;
use crate::query::soql::{LINE_BYTES, query_target};

/// Sends calls to one org.
#[derive(Debug)]
pub(crate) struct Client {
    name: Arc<str>,
    transport: Transport,
    base_path: String,
    health: Health,
}

/// The answer to `composite/batch`; results stay text until somebody needs them.
#[derive(Deserialize)]
struct BatchAnswer<'a> {
    #[serde(borrow)]
    results: Vec<BatchResult<'a>>,
}

/// One result, in the order of the requests.
#[derive(Deserialize)]
struct BatchResult<'a> {
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
}

/// The answer to `limits/recordCount`.
#[derive(Deserialize)]
struct RecordCounts {
    #[serde(rename = "sObjects")]
    objects: Vec<RecordCount>,
}

#[derive(Deserialize)]
struct RecordCount {
    name: String,
    count: u64,
}

/// A first page to ask for.
pub(crate) struct FirstPage<'a> {
    pub(crate) table: &'a str,
    pub(crate) soql: &'a str,
    /// The query as the ledger shows it.
    pub(crate) shown: QueryText,
    pub(crate) page_rows: Option<usize>,
}

impl Client {
    /// Requests that one batch holds.
    ///
    /// Source: REST API, "Composite Batch".
    pub(crate) const BATCH: usize = 25;

    pub(crate) fn new(name: &Arc<str>, transport: Transport, base_path: &str) -> Self {
        Self {
            name: Arc::clone(name),
            transport,
            base_path: base_path.to_owned(),
            health: Health::default(),
        }
    }

    pub(crate) async fn sign_in(&self, context: &QueryContext) -> Result<(), Error> {
        let outcome = self.transport.sign_in(context).await;
        self.health.note(&outcome);
        outcome
    }

    /// What the calls so far tell of the org.
    pub(crate) fn state(&self) -> SourceState {
        let usage = self.transport.usage();
        SourceState {
            calls_used: usage.map(|usage| usage.used),
            calls_left: usage.map(|usage| usage.allowed.saturating_sub(usage.used)),
            load: self.transport.load(),
            ..self.health.state()
        }
    }

    async fn send(&self, context: &QueryContext, request: &Request) -> Result<Response, Error> {
        let outcome = self.transport.send(context, request).await;
        self.health.note(&outcome);
        outcome
    }

    fn error(&self, kind: Kind, message: impl Into<String>) -> Error {
        Error::new(&self.name, kind, message)
    }

    /// Reads a description, unless it has not changed since.
    pub(crate) async fn describe<T: DeserializeOwned>(
        &self,
        context: &QueryContext,
        path: &str,
        resource: String,
        since: Option<String>,
    ) -> Result<Answer<T>, Error> {
        let mut request = Request::get(format!("{}/{path}", self.base_path), resource);
        if let Some(since) = since {
            request = request.with_header("if-modified-since", since);
        }
        let response = self.send(context, &request).await?;
        if response.status == 304 {
            return Ok(Answer::Unchanged);
        }
        let value = serde_json::from_slice(&response.body).map_err(|error| self.unreadable(error))?;
        Ok(Answer::Changed(
            value,
            response.header("last-modified").map(str::to_owned),
        ))
    }

    fn unreadable(&self, error: serde_json::Error) -> Error {
        self.error(
            Kind::Transient,
            "the answer is no description; check that the url is a salesforce org",
        )
        .with_cause(error)
    }

    /// Describes up to [`Client::BATCH`] objects in one call; objects that can't be described are left out.
    pub(crate) async fn describe_batch<T: DeserializeOwned>(
        &self,
        context: &QueryContext,
        objects: &[String],
    ) -> Result<Vec<T>, Error> {
        let requests = objects.iter().map(|object| format!("sobjects/{object}/describe"));
        let response = self
            .send(
                context,
                &self.batch(requests, format!("describe of {} objects", objects.len())),
            )
            .await?;
        let answer: BatchAnswer<'_> =
            serde_json::from_slice(&response.body).map_err(|error| self.unreadable(error))?;
        if answer.results.len() != objects.len() {
            return Err(self.error(
                Kind::Transient,
                "the answer to a batch of descriptions is not whole",
            ));
        }
        let mut described = Vec::with_capacity(objects.len());
        for (object, result) in objects.iter().zip(answer.results) {
            let text = result.result.map_or("null", RawValue::get);
            if result.status == 200 {
                described.push(serde_json::from_str(text).map_err(|error| self.unreadable(error))?);
                continue;
            }
            let error = failure(&self.name, result.status, text.as_bytes(), None);
            if matches!(error.kind, Kind::QuotaExhausted | Kind::Throttled | Kind::SignIn) {
                return Err(error);
            }
            tracing::warn!(source = %self.name, object, %error, "an object can't be described");
        }
        Ok(described)
    }

    /// About how many records these objects have.
    ///
    /// Source: REST API, "Record Count"; the figures are approximate, and objects without records may be left out.
    pub(crate) async fn record_counts(
        &self,
        context: &QueryContext,
        objects: &BTreeSet<String>,
    ) -> Result<Vec<(String, u64)>, Error> {
        let list = objects.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let target = format!("{}/limits/recordCount?sObjects={list}", self.base_path);
        let response = self.send(context, &Request::get(target, "record counts")).await?;
        let counts: RecordCounts =
            serde_json::from_slice(&response.body).map_err(|error| self.unreadable(error))?;
        Ok(counts
            .objects
            .into_iter()
            .map(|count| (count.name, count.count))
            .collect())
    }

    /// A batch of reads, by their paths below the version.
    fn batch(&self, paths: impl Iterator<Item = String>, resource: String) -> Request {
        let version = self.base_path.rsplit('/').next().unwrap_or_default();
        let requests: Vec<Value> = paths
            .map(|path| json!({"method": "GET", "url": format!("{version}/{path}")}))
            .collect();
        let calls = requests.len();
        let body = json!({"haltOnError": false, "batchRequests": requests}).to_string();
        // Each request in a batch counts. Source: REST API, "Composite Batch".
        Request::post(format!("{}/composite/batch", self.base_path), resource, body).with_quota_calls(calls)
    }

    /// Reads the first page of a query.
    pub(crate) async fn first_page(
        &self,
        context: &QueryContext,
        page: FirstPage<'_>,
    ) -> Result<RawPage, Error> {
        let target = query_target(&self.base_path, page.soql);
        if target.len() > LINE_BYTES {
            return self.long_query(context, &page).await;
        }
        let mut request = Request::get(target, page.table).with_remote_query(page.shown.clone());
        if let Some(rows) = page.page_rows {
            request = request.with_header("sforce-query-options", format!("batchSize={rows}"));
        }
        match self.send(context, &request).await {
            Ok(response) => self.page(response.body.clone(), response),
            // 414 or 431: a long token left less room than usual.
            Err(error) if error.kind == Kind::Malformed => self.long_query(context, &page).await,
            Err(error) => Err(error),
        }
    }

    /// Sends the query inside a body, and takes the page out of the answer without copying it.
    async fn long_query(&self, context: &QueryContext, page: &FirstPage<'_>) -> Result<RawPage, Error> {
        let target = query_target("", page.soql);
        let request = self
            .batch(
                std::iter::once(target.trim_start_matches('/').to_owned()),
                page.table.to_owned(),
            )
            .with_remote_query(page.shown.clone());
        let response = self.send(context, &request).await?;
        let damaged = || self.error(Kind::Transient, "the answer to a long query is not whole");
        let answer: BatchAnswer<'_> =
            serde_json::from_slice(&response.body).map_err(|error| damaged().with_cause(error))?;
        let [
            BatchResult {
                status,
                result: Some(result),
            },
        ] = answer.results.as_slice()
        else {
            return Err(damaged());
        };
        let inner = result.get().as_bytes();
        if *status != 200 {
            return Err(failure(&self.name, *status, inner, None));
        }
        let body = response.body.slice_ref(inner);
        self.page(body, response)
    }

    /// Reads the page that an earlier one pointed to.
    pub(crate) async fn next_page(
        &self,
        context: &QueryContext,
        table: &str,
        cursor: &Cursor,
    ) -> Result<RawPage, Error> {
        let locator = cursor.0.rsplit('/').next().unwrap_or_default();
        let request = Request::get(cursor.0.clone(), table).with_remote_query(format!("more of {locator}"));
        let response = self.send(context, &request).await?;
        self.page(response.body.clone(), response)
    }

    fn page(&self, body: Bytes, response: Response) -> Result<RawPage, Error> {
        let envelope = envelope(&body);
        Ok(RawPage {
            next: self.next(&envelope)?,
            total: envelope.get("totalSize").and_then(Value::as_u64),
            body,
            exchange: response.exchange,
        })
    }

    /// What the scalars of a page say about the next one.
    pub(crate) fn next(&self, envelope: &Map<String, Value>) -> Result<Next, Error> {
        let next = match (envelope.get("done"), envelope.get("nextRecordsUrl")) {
            (Some(Value::Bool(true)), None | Some(Value::Null)) => return Ok(Next::Done),
            (Some(Value::Bool(_)), Some(Value::String(next))) => next,
            // A damaged page, or one whose records come first.
            (None, _) => return Ok(Next::AfterDecode),
            _ => {
                return Err(self.error(
                    Kind::Transient,
                    "a page says neither that it is the last nor where the next one is",
                ));
            }
        };
        let same_host =
            next.starts_with("/services/data/") && next.bytes().all(|byte| byte.is_ascii_graphic());
        if !same_host {
            return Err(self.error(
                Kind::Remote,
                "the next page is at another address, which was not followed",
            ));
        }
        Ok(Next::At(Cursor(next.clone())))
    }
}

/// The scalars before the records.
fn envelope(body: &[u8]) -> Map<String, Value> {
    layout::empty().peek(body)
}
