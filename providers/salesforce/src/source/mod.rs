//! The org as a [`Source`].
//!
//! Owns: which calls answer which question, and what is learnt from refusals. Does not own: the calls, see [`api`](crate::api);
//! SOQL, see [`query`](crate::query). Invariant: descriptions are kept per identity.

mod description;
mod failure;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use causeway_core::http::{JwtStyle, OAuthStyle, Transport, TransportLimits};
use causeway_core::{
    Cursor, Dialect, Error, Kind, Ledger, Next, Page, Principal, QueryContext, QueryText, RawPage, Refusals,
    RemoteQuery, RequestLimits, RowCount, RowCounts, Source, SourceState, Table, TableName, matches_pattern,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::api::classify::SalesforceClassify;
use crate::api::client::{Client, FirstPage};
use crate::config::{Config, check_api_version};
use crate::metadata::cache::{Answer, View, Views};
use crate::metadata::describe::GlobalDescribe;
use crate::metadata::layout::{self, KEY_PATH};
use crate::query::dialect::SalesforceDialect;
use crate::query::soql::LINE_BYTES;

/// One Salesforce org under one configured name.
#[derive(Debug)]
pub struct Salesforce {
    name: Arc<str>,
    origin: String,
    objects: Vec<String>,
    page_rows: usize,
    concurrent_calls: usize,
    dialect: SalesforceDialect,
    client: Client,
    views: Views,
    /// Rows that whole scans counted, or the org itself.
    rows: RowCounts,
    /// Held while the org is asked to count.
    counting: tokio::sync::Mutex<()>,
    refusals: Refusals,
}

impl Salesforce {
    /// Rows of a page unless configured otherwise, which is also the most.
    const PAGE_ROWS: usize = 2000;
    /// The fewest rows that a page may be asked to have.
    const FEWEST_PAGE_ROWS: usize = 200;
    /// Batches of descriptions at the same time.
    const DESCRIBE_BATCHES: usize = 4;

    /// Makes the source; nothing is sent yet.
    ///
    /// # Errors
    /// [`Kind::Config`] when the configuration is wrong.
    pub fn try_new(name: &str, config: Config, ledger: Ledger) -> Result<Self, Error> {
        let name: Arc<str> = Arc::from(name);
        let wrong = |message: String| Error::new(&name, Kind::Config, message);
        check_api_version(&config.api_version).map_err(wrong)?;
        if config.auth.is_fixed() {
            let flow = config.auth.flow();
            return Err(wrong(format!(
                "flow '{flow}' does not exist for salesforce; use jwt_bearer, client_credentials, refresh_token or password"
            )));
        }
        let page_rows = config.page_rows.unwrap_or(Self::PAGE_ROWS);
        if !(Self::FEWEST_PAGE_ROWS..=Self::PAGE_ROWS).contains(&page_rows) {
            return Err(wrong(format!("page_rows {page_rows} is not within 200 to 2000")));
        }
        let url = url::Url::parse(&config.url)
            .map_err(|error| wrong(format!("url '{}' is not valid: {error}", config.url)))?;
        let dialect = SalesforceDialect::new(&config.api_version, config.text_pushdown.unwrap_or(true))
            .with_full_read_access(config.assume_full_read_access.unwrap_or(false));
        let concurrent_calls = config.concurrent_calls.unwrap_or(8).max(1);
        let transport = Transport::try_new(
            &name,
            &config.url,
            (config.auth, oauth_style(url.origin().ascii_serialization())),
            Box::new(SalesforceClassify),
            TransportLimits {
                concurrent_calls,
                calls_per_second: config.calls_per_second,
                timeout: Duration::from_secs(config.timeout_seconds.unwrap_or(120)),
                reserve: config.reserve,
            },
            ledger,
        )?;
        Ok(Self {
            origin: transport.base().to_owned(),
            objects: config.objects,
            page_rows,
            concurrent_calls,
            client: Client::new(&name, transport, dialect.base_path()),
            dialect,
            views: Views::default(),
            rows: RowCounts::default(),
            counting: tokio::sync::Mutex::default(),
            refusals: Refusals::default(),
            name,
        })
    }

    /// Refuses what the org would refuse, before it costs a call.
    fn check_required_filter(&self, query: &RemoteQuery) -> Result<(), Error> {
        match &query.table.required_filter {
            Some(filter) if query.filters.is_empty() && query.keys.is_none() => {
                let table = &query.table.name.name;
                let message =
                    format!("salesforce reads '{table}' only with a filter that it can be sent: {filter}");
                Err(Error::new(&self.name, Kind::Malformed, message).with_table(table))
            }
            _ => Ok(()),
        }
    }

    fn view(&self, principal: &Principal) -> Arc<View> {
        self.views.of(principal.subjects.get(self.name.as_ref()))
    }

    fn is_configured(&self, table: &str) -> bool {
        self.objects.iter().any(|pattern| matches_pattern(pattern, table))
    }

    /// The query as the ledger shows it.
    fn shown_text(&self, query: &RemoteQuery, soql: &str) -> Result<QueryText, Error> {
        if !query.has_keys() {
            return Ok(soql.into());
        }
        Ok(QueryText::with_keys(
            soql,
            self.dialect.render(&query.without_keys())?,
        ))
    }
}

fn oauth_style(origin: String) -> OAuthStyle {
    OAuthStyle {
        token_path: "/services/oauth2/token",
        jwt: JwtStyle {
            audience: Some(origin),
            single_use: false,
            sends_client: false,
            lifetime: Duration::from_secs(180),
        },
        api_key_header: "authorization",
    }
}

#[async_trait]
impl Source for Salesforce {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "salesforce"
    }

    fn url(&self) -> &str {
        &self.origin
    }

    fn state(&self) -> SourceState {
        self.client.state()
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    fn limits(&self) -> RequestLimits {
        RequestLimits {
            request_bytes: LINE_BYTES,
            concurrent_scans: self.concurrent_calls,
        }
    }

    async fn sign_in(&self, context: &QueryContext) -> Result<(), Error> {
        self.client.sign_in(context).await
    }

    async fn tables(&self, context: &QueryContext) -> Result<Arc<Vec<TableName>>, Error> {
        let view = self.view(&context.principal);
        view.names
            .get(async |since| {
                let resource = "describe of all objects".to_owned();
                let answer = self
                    .client
                    .describe::<GlobalDescribe>(context, "sobjects", resource, since)
                    .await?;
                Ok(match answer {
                    Answer::Unchanged => Answer::Unchanged,
                    Answer::Changed(global, last_modified) => {
                        let objects = global.sobjects.iter().filter(|object| object.queryable);
                        let mut names: Vec<TableName> = objects.map(|object| object.table_name()).collect();
                        names.retain(|table| self.is_configured(&table.name));
                        names.sort_by(|left, right| left.name.cmp(&right.name));
                        Answer::Changed(names, last_modified)
                    }
                })
            })
            .await
    }

    fn known_tables(&self, principal: &Principal) -> Option<Arc<Vec<TableName>>> {
        self.view(principal).names.known()
    }

    async fn table(&self, context: &QueryContext, name: &str) -> Result<Arc<Table>, Error> {
        let view = self.view(&context.principal);
        let name = name.to_lowercase();
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // A live list of all names is as good as asking.
        let unlisted = view
            .names
            .live()
            .is_some_and(|names| !names.iter().any(|table| table.name == name));
        if !is_name || unlisted || view.is_unknown(&name) || !self.is_configured(&name) {
            return Err(self.unknown(&view, &name));
        }
        let place = view.table(&name);
        match place
            .get(async |since| self.describe(context, &name, since).await)
            .await
        {
            Err(error) if error.kind == Kind::UnknownTable => {
                view.set_unknown(&name);
                Err(self.unknown(&view, &name).with_cause(error))
            }
            outcome => outcome,
        }
    }

    fn described_tables(&self, principal: &Principal) -> Vec<Arc<Table>> {
        self.view(principal).described()
    }

    async fn describe_all(&self, context: &QueryContext) -> Result<(), Error> {
        let view = self.view(&context.principal);
        let names = self.tables(context).await?;
        // Held across the calls on purpose: catalog questions come in flocks, and one of them is enough to ask.
        let _single_flight = view.bulk.lock().await;
        let missing: Vec<String> = names
            .iter()
            .filter(|table| view.table(&table.name).live().is_none())
            .map(|table| table.remote.clone())
            .collect();
        let chunks = missing
            .chunks(Client::BATCH)
            .map(|chunk| self.describe_chunk(context, &view, chunk));
        stream::iter(chunks.collect::<Vec<_>>())
            .buffer_unordered(Self::DESCRIBE_BATCHES)
            .try_collect::<()>()
            .await
    }

    fn known_rows(&self, table: &str) -> Option<RowCount> {
        self.rows.of(table)
    }

    /// One call counts the records of every object that was described so far.
    async fn count_rows(&self, context: &QueryContext, table: &Table) -> Result<Option<RowCount>, Error> {
        let _single_flight = self.counting.lock().await;
        let known = self.known_rows(&table.name.name);
        if known.is_some_and(|count| count.is_fresh()) {
            return Ok(known);
        }
        let mut objects = BTreeSet::from([table.name.remote.clone()]);
        let described = self.described_tables(&context.principal).into_iter();
        objects.extend(described.map(|table| table.name.remote.clone()));
        for (object, rows) in self.client.record_counts(context, &objects).await? {
            self.rows.note(&object.to_lowercase(), rows);
        }
        // What the org does not list has no records.
        if self
            .known_rows(&table.name.name)
            .is_none_or(|count| !count.is_fresh())
        {
            self.rows.note(&table.name.name, 0);
        }
        Ok(self.known_rows(&table.name.name))
    }

    fn page_rows(&self) -> usize {
        self.page_rows
    }

    async fn fetch(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        cursor: Option<&Cursor>,
    ) -> Result<RawPage, Error> {
        let table = &query.table.name.name;
        let outcome = match cursor {
            Some(cursor) => self.client.next_page(context, table, cursor).await,
            None => {
                self.check_required_filter(query)?;
                let wanted = query
                    .page_rows
                    .unwrap_or(self.page_rows)
                    .clamp(Self::FEWEST_PAGE_ROWS, self.page_rows);
                let soql = self.dialect.render(query)?;
                let page = FirstPage {
                    table,
                    soql: &soql,
                    shown: self.shown_text(query, &soql)?,
                    page_rows: Some(wanted).filter(|rows| *rows < Self::PAGE_ROWS),
                };
                self.client.first_page(context, page).await
            }
        };
        outcome.map_err(|error| self.learn(context, query, error))
    }

    async fn first_in_order(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
    ) -> Result<Option<RawPage>, Error> {
        if query.limit.is_none() || self.refusals.cover(query) {
            return Ok(None);
        }
        let page = self.fetch(context, query, None).await?;
        Ok(Some(RawPage {
            next: Next::AfterDecode,
            ..page
        }))
    }

    fn decode(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        _cursor: Option<&Cursor>,
        page: &RawPage,
    ) -> Result<Page, Error> {
        let decoded = layout::of(query)
            .decode(&page.body, KEY_PATH)
            .map_err(|error| self.decode_error(error))?;
        let next = match self.client.next(&decoded.extras)? {
            Next::At(cursor) => Some(cursor),
            Next::Done => None,
            Next::AfterDecode => {
                return Err(Error::new(
                    &self.name,
                    Kind::Transient,
                    "a page does not say whether it is the last",
                ));
            }
        };
        // Salesforce sends null for what is empty, so a column that no record carries is hidden, not empty.
        let missing: Vec<&str> = decoded
            .missing
            .iter()
            .filter_map(|&output| query.table.columns.get(*query.columns.get(output)?))
            .map(|column| column.name.as_str())
            .collect();
        if !missing.is_empty() {
            let message = format!("no record carries {}", missing.join(", "));
            context.doubt(&self.name, &query.table.name.name, message)?;
        }
        if let Some(total) = page.total
            && query.filters.is_empty()
            && query.keys.is_none()
            && query.grouping.is_none()
            && query.limit.is_none()
        {
            self.rows.note(&query.table.name.name, total);
        }
        Ok(Page {
            batch: decoded.batch,
            next,
        })
    }

    fn has_refused(&self, query: &RemoteQuery) -> bool {
        self.refusals.cover(query)
    }

    fn verdict(&self, _query: &RemoteQuery, rows: u64, total: Option<u64>) -> Result<(), String> {
        match total {
            Some(total) if total == rows => Ok(()),
            Some(total) => Err(format!(
                "the scan brought {rows} rows, but salesforce counted {total}"
            )),
            None => Err("salesforce did not say how many rows there are".to_owned()),
        }
    }
}
