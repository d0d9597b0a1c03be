//! Sends the requests of a scan, and tells without decoding where the next page begins.
//!
//! Owns: the choice between GET and the batch API, pages of our own reads. Does not own: what statuses mean, see `classify`; rows of
//! the engine's queries, see `page`. Invariant: a page that ran out of time is asked for again with fewer rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use causeway_core::http::{JwtStyle, OAuthStyle, Request, Response, Transport};
use causeway_core::{Error, Exchange, Kind, Ledger, Load, QueryContext, QueryText};
use serde_json::{Map, Value};

use super::batch;
use super::classify::{Statuses, failure_of};
use super::peek::Keys;
use super::records::{Record, Records, parse};
use crate::config::Config;
use crate::query::position::{Position, Seen};
use crate::query::request::ScanRequest;

/// The instance cuts URLs at 8,192 bytes; the host takes a part of them.
const LONGEST_TARGET: usize = 7_900;

/// A page as it came, with what follows.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) body: Bytes,
    /// Rows behind the position's key, before access rules.
    pub(crate) total: Option<u64>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) next: Option<Position>,
    /// Whether neither a count nor a row says if more follows.
    pub(crate) is_unprovable: bool,
}

impl Fetched {
    /// Whether the instance says that nothing matches, or says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.total == Some(0) || self.is_unprovable
    }
}

/// Calls one instance.
#[derive(Debug)]
pub(crate) struct Client {
    origin: Arc<str>,
    transport: Transport,
    statuses: Statuses,
    page_rows: usize,
    /// Tables with the page size that the instance answers in time.
    slow_tables: Mutex<HashMap<String, usize>>,
}

fn total_count(response: &Response) -> Option<u64> {
    response.header("x-total-count")?.trim().parse().ok()
}

impl Client {
    /// Times that a damaged page of metadata, or a part of a batch, is asked for again.
    const REPEATS: u32 = 3;
    /// Pages are not made smaller than this for a slow instance.
    const SMALLEST_PAGE: usize = 25;

    pub(crate) fn try_new(origin: &Arc<str>, config: &Config, ledger: Ledger) -> Result<Self, Error> {
        let statuses = Statuses {
            fixed_credential: config.auth.is_fixed(),
        };
        let style = OAuthStyle {
            token_path: "/oauth_token.do",
            jwt: JwtStyle {
                audience: None,
                single_use: true,
                sends_client: true,
                lifetime: Duration::from_secs(240),
            },
            api_key_header: "x-sn-apikey",
        };
        let transport = Transport::try_new(
            origin,
            &config.url,
            (config.auth.clone(), style),
            Box::new(statuses),
            config.transport_limits(),
            ledger,
        )?;
        Ok(Self {
            origin: Arc::clone(origin),
            transport,
            statuses,
            page_rows: config.page_rows(),
            slow_tables: Mutex::default(),
        })
    }

    pub(crate) fn base(&self) -> &str {
        self.transport.base()
    }

    pub(crate) fn load(&self) -> Load {
        self.transport.load()
    }

    pub(crate) async fn sign_in(&self, context: &QueryContext) -> Result<(), Error> {
        self.transport.sign_in(context).await.map_err(explain_sign_in)
    }

    /// A request of our own that can't be written, which is our own fault.
    pub(crate) fn unwritable(&self, reason: String) -> Error {
        Error::new(&self.origin, Kind::Internal, reason)
    }

    async fn send(&self, context: &QueryContext, request: &Request) -> Result<Response, Error> {
        self.transport
            .send(context, request)
            .await
            .map_err(explain_sign_in)
    }

    /// Reads a JSON document that is no list of records.
    pub(crate) async fn document(
        &self,
        context: &QueryContext,
        target: String,
        resource: String,
    ) -> Result<Value, Error> {
        let response = self.send(context, &Request::get(target, resource)).await?;
        serde_json::from_slice(&response.body).map_err(|error| {
            Error::new(&self.origin, Kind::Transient, "the answer is no whole JSON").with_cause(error)
        })
    }

    /// Reads a JSON document that answers a query; one that arrives cut is asked for again.
    pub(crate) async fn whole_document(
        &self,
        context: &QueryContext,
        target: String,
        resource: &str,
        text: QueryText,
    ) -> Result<(Value, Arc<Exchange>), Error> {
        let mut repeats = 0;
        loop {
            let (body, _, exchange) = self.read(context, target.clone(), resource, text.clone()).await?;
            match serde_json::from_slice(&body) {
                Ok(document) => return Ok((document, exchange)),
                Err(error) if repeats < Self::REPEATS && context.spend_retry() => {
                    repeats += 1;
                    tracing::warn!(source = %self.origin, resource, %error, "asking again for a document that arrived cut");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => {
                    let message = "the answer is no whole JSON";
                    return Err(Error::new(&self.origin, Kind::Transient, message).with_cause(error));
                }
            }
        }
    }

    /// Fetches the page at `position`, or fewer of its rows when the instance runs out of time.
    pub(crate) async fn page(
        &self,
        context: &QueryContext,
        request: &ScanRequest,
        position: &Position,
        resource: &str,
    ) -> Result<Fetched, Error> {
        let mut position = position.clone();
        position.limit = position.limit.min(self.bearable_rows(&request.table));
        loop {
            let page = self.attempt(context, request, &position, resource).await?;
            let smaller = position.limit / 2;
            if smaller < Self::SMALLEST_PAGE || !ran_out_of_time(&page.body) || !context.spend_retry() {
                return Ok(page);
            }
            tracing::warn!(source = %self.origin, table = request.table, rows = smaller, "the instance ran out of time; asking for smaller pages");
            position.limit = smaller;
            let mut slow = self.slow_tables.lock().unwrap_or_else(PoisonError::into_inner);
            slow.insert(request.table.clone(), smaller);
        }
    }

    /// Rows that a page of the table may have: fewer once the instance has run out of time over it.
    fn bearable_rows(&self, table: &str) -> usize {
        let slow = self.slow_tables.lock().unwrap_or_else(PoisonError::into_inner);
        slow.get(table).copied().unwrap_or(usize::MAX)
    }

    async fn attempt(
        &self,
        context: &QueryContext,
        request: &ScanRequest,
        position: &Position,
        resource: &str,
    ) -> Result<Fetched, Error> {
        let text = request.shown_text(position);
        let (body, total, exchange) = self
            .read(context, request.target(position), resource, text)
            .await?;
        let keys = Keys::peek(&body, request.display);
        let seen = Seen {
            rows: keys.rows,
            last: keys.last.as_deref(),
            total,
        };
        // An instance that does not count can't prove the end; an empty page is the best sign of it.
        let is_unprovable = total.is_none() && position.counted && keys.rows == 0;
        let next = if is_unprovable {
            None
        } else {
            position.next(seen, self.page_rows)
        };
        Ok(Fetched {
            body,
            total,
            exchange,
            next,
            is_unprovable,
        })
    }

    /// Reads a target with its `X-Total-Count`, as a batch when it is too long for a URL.
    pub(crate) async fn read(
        &self,
        context: &QueryContext,
        target: String,
        resource: &str,
        text: QueryText,
    ) -> Result<(Bytes, Option<u64>, Arc<Exchange>), Error> {
        if target.len() > LONGEST_TARGET {
            return self.batched(context, &target, resource, text).await;
        }
        let request = Request::get(target, resource).with_remote_query(text);
        let response = self.send(context, &request).await?;
        let total = total_count(&response);
        Ok((response.body, total, response.exchange))
    }

    /// About how many records the table has, before access rules hide any; `None` when the instance does not count.
    pub(crate) async fn count(&self, context: &QueryContext, table: &str) -> Result<Option<u64>, Error> {
        let target = format!("/api/now/table/{table}?sysparm_fields=sys_id&sysparm_limit=1");
        let request = Request::get(target, format!("count of {table}"));
        let response = self.send(context, &request).await?;
        Ok(total_count(&response))
    }

    /// Reads through the batch API, whose requests may be as long as 5 MB. One request inside, so its status is the whole's.
    async fn batched(
        &self,
        context: &QueryContext,
        target: &str,
        resource: &str,
        text: QueryText,
    ) -> Result<(Bytes, Option<u64>, Arc<Exchange>), Error> {
        let request =
            Request::post("/api/now/v1/batch", resource, batch::envelope(target)).with_remote_query(text);
        let mut repeats = 0;
        loop {
            let response = self.send(context, &request).await?;
            let inner = batch::unpack(&self.origin, self.statuses, &response.body);
            match inner {
                Err(error)
                    if error.kind.is_transient() && repeats < Self::REPEATS && context.spend_retry() =>
                {
                    repeats += 1;
                    tracing::warn!(source = %self.origin, repeats, %error, "sending a batched read again");
                    tokio::time::sleep(error.retry_after.unwrap_or(Duration::from_millis(200 << repeats)))
                        .await;
                }
                Err(error) => return Err(error),
                Ok((body, total)) => return Ok((body, total, response.exchange)),
            }
        }
    }

    /// Reads all records of a request of our own, page by page, to the provable end.
    pub(crate) async fn records(
        &self,
        context: &QueryContext,
        request: &ScanRequest,
        resource: &str,
        limit: usize,
    ) -> Result<Records, Error> {
        let mut position = Position::first(limit);
        let mut records = Records::default();
        loop {
            let (rows, page) = self.whole_page(context, request, &position, resource).await?;
            if position.after.is_none() && position.offset == 0 {
                records.total = page.total.unwrap_or_default();
            }
            records.rows.extend(rows);
            match page.next {
                Some(next) if next == position => {
                    return Err(Error::new(
                        &self.origin,
                        Kind::Incomplete,
                        "the pages of metadata do not advance",
                    ));
                }
                Some(next) => position = next,
                None => return Ok(records),
            }
        }
    }

    /// Reads one page of a request of our own; a damaged one is asked for again.
    pub(crate) async fn whole_page(
        &self,
        context: &QueryContext,
        request: &ScanRequest,
        position: &Position,
        resource: &str,
    ) -> Result<(Vec<Record>, Fetched), Error> {
        let mut repeats = 0;
        loop {
            let page = self.page(context, request, position, resource).await?;
            match parse(&page.body) {
                Ok(rows) => {
                    page.exchange.set_rows(rows.len() as u64);
                    return Ok((rows, page));
                }
                Err(reason) if repeats < Self::REPEATS && context.spend_retry() => {
                    repeats += 1;
                    tracing::warn!(source = %self.origin, resource, reason, "fetching a damaged page again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(reason) => return Err(Error::new(&self.origin, Kind::Transient, reason)),
            }
        }
    }
}

/// Whether the page ends in the quota of the instance, with some rows and an error beside them.
fn ran_out_of_time(body: &[u8]) -> bool {
    const WORDS: &[u8] = b"Transaction cancelled";
    // The error stands before or behind the rows; a row that says the same is told apart by reading the page.
    let (head, tail) = (
        body.get(..body.len().min(400)),
        body.get(body.len().saturating_sub(400)..),
    );
    let is_near = |part: Option<&[u8]>| {
        part.is_some_and(|part| part.windows(WORDS.len()).any(|window| window == WORDS))
    };
    (is_near(head) || is_near(tail))
        && serde_json::from_slice::<Map<String, Value>>(body).is_ok_and(|page| failure_of(&page).is_some())
}

/// ServiceNow answers almost every cause with the same words.
fn explain_sign_in(mut error: Error) -> Error {
    if error.kind == Kind::SignIn && error.message.starts_with("sign-in by") {
        error
            .message
            .push_str("; servicenow hides the reason, its System Log > All shows it to an administrator");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_time_is_told_from_a_row_that_says_so() {
        let error = r#""error":{"message":"Transaction cancelled: maximum execution time exceeded"}"#;
        assert!(ran_out_of_time(
            format!(r#"{{{error},"result":[],"status":"failure"}}"#).as_bytes()
        ));
        assert!(ran_out_of_time(
            format!(r#"{{"result":[{{"a":"1"}}],{error}}}"#).as_bytes()
        ));
        assert!(!ran_out_of_time(br#"{"result":[{"a":"Transaction cancelled"}]}"#));
    }
}
