//! The instance behind the [`Source`] seam.
//!
//! Owns: which part of the crate answers which question, and what is learnt from refusals. Does not own: how pages are read; see
//! `page_reader`. Invariant: descriptions, choices and proofs are kept per remote user.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use causeway_core::{
    Cursor, Dialect, DomainTree, Error, Finding, Kind, Ledger, Next, Origin, Page, Principal, QueryContext,
    RawPage, Refusals, RemoteQuery, RequestLimits, RowCount, RowCounts, Source, SourceState, Table,
    TableName,
};

use crate::api::client::Client;
use crate::api::{groups, page};
use crate::config::{Config, Patterns};
use crate::metadata::choices::Choices;
use crate::metadata::discovery::Discovery;
use crate::page_reader::PageReader;
use crate::query::dialect::ServiceNowDialect;
use crate::query::position::Position;
use crate::query::request::wants_display;
use crate::verification::honored::Verifier;

/// One ServiceNow instance under one configured name.
#[derive(Debug)]
pub struct ServiceNow {
    name: Arc<str>,
    client: Client,
    dialect: ServiceNowDialect,
    discovery: Discovery,
    choices: Choices,
    verifier: Arc<Verifier>,
    assumes_full_read_access: bool,
    /// What the instance refused, so that the engine asks for something plainer.
    refusals: Refusals,
    page_rows: usize,
    concurrent_scans: usize,
    /// Rows of whole tables, as the latest scans were told.
    known_rows: RowCounts,
    /// Held while the instance is asked to count.
    counting: tokio::sync::Mutex<()>,
    state: Mutex<SourceState>,
}

impl ServiceNow {
    /// Makes the source `name`. Makes no call.
    ///
    /// # Errors
    /// [`Kind::Config`] when the configuration is unusable.
    pub fn try_new(name: &str, config: Config, ledger: Ledger) -> Result<Self, Error> {
        let name: Arc<str> = name.into();
        config
            .check()
            .map_err(|message| Error::new(&name, Kind::Config, message))?;
        let client = Client::try_new(&name, &config, ledger)?;
        let state = SourceState {
            state: "unused".to_owned(),
            ..SourceState::default()
        };
        let assumes_full_read_access = config.assume_full_read_access.unwrap_or(false);
        let verifier = Arc::new(Verifier::new(&name, assumes_full_read_access));
        let patterns = Patterns::new(config.tables.clone());
        Ok(Self {
            discovery: Discovery::new(&name, patterns, Arc::clone(&verifier)),
            choices: Choices::default(),
            verifier,
            assumes_full_read_access,
            refusals: Refusals::default(),
            dialect: ServiceNowDialect::new(config.text_pushdown.unwrap_or(true)),
            page_rows: config.page_rows(),
            concurrent_scans: config.transport_limits().concurrent_calls,
            known_rows: RowCounts::default(),
            counting: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
            client,
            name,
        })
    }

    /// Remembers how the latest call went.
    fn noted<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &outcome {
            Ok(_) => "ok".clone_into(&mut state.state),
            Err(error) => {
                state.last_error = Some(error.to_string());
                let is_ours = matches!(
                    error.kind,
                    Kind::UnknownTable | Kind::Budget | Kind::Malformed | Kind::Refused
                );
                if !is_ours {
                    "failing".clone_into(&mut state.state);
                }
            }
        }
        outcome
    }

    /// What was refused is not asked for again.
    fn learnt<T>(&self, query: &RemoteQuery, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome
            && error.kind == Kind::Refused
        {
            self.refusals.blame(query);
        }
        self.noted(outcome)
    }

    /// The first page of a reader that will probably stop soon is small, but not so small that a filter which is checked again,
    /// or rows that are hidden, would cost a second call.
    fn first_position(&self, query: &RemoteQuery) -> Position {
        const SMALLEST_PAGE: usize = 10;
        let limit = query
            .limit
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let hint = match (query.page_rows, limit) {
            (Some(hint), Some(limit)) => hint.min(limit),
            (Some(hint), None) => hint,
            (None, Some(limit)) => limit,
            (None, None) => self.page_rows,
        };
        Position::first(hint.max(SMALLEST_PAGE).min(self.page_rows))
    }

    fn reader<'a>(&'a self, context: &'a QueryContext, table: &'a Table) -> PageReader<'a> {
        PageReader {
            client: &self.client,
            dialect: &self.dialect,
            discovery: &self.discovery,
            verifier: &self.verifier,
            context,
            table,
        }
    }

    /// The query with stored values in place of labels.
    async fn resolved<'a>(
        &self,
        context: &QueryContext,
        query: &'a RemoteQuery,
    ) -> Result<Cow<'a, RemoteQuery>, Error> {
        self.choices
            .resolved(&self.client, &self.discovery, context, query)
            .await
    }

    fn position(&self, query: &RemoteQuery, cursor: Option<&Cursor>) -> Result<Position, Error> {
        match cursor {
            None => Ok(self.first_position(query)),
            Some(cursor) => Position::read(cursor)
                .ok_or_else(|| Error::new(&self.name, Kind::Internal, "a cursor is not of this source")),
        }
    }

    fn remember_rows(&self, query: &RemoteQuery, position: &Position, total: Option<u64>) {
        if let Some(total) = total
            && query.filters.is_empty()
            && query.keys.is_none()
            && position.after.is_none()
        {
            self.known_rows.note(&query.table.name.name, total);
        }
    }
}

#[async_trait]
impl Source for ServiceNow {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "servicenow"
    }

    fn url(&self) -> &str {
        self.client.base()
    }

    fn state(&self) -> SourceState {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SourceState {
            load: self.client.load(),
            ..state
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        &self.dialect
    }

    fn limits(&self) -> RequestLimits {
        RequestLimits {
            // Below the 8,192 bytes where instances cut URLs, with room for the host.
            request_bytes: 7_600,
            concurrent_scans: self.concurrent_scans,
        }
    }

    fn page_rows(&self) -> usize {
        self.page_rows
    }

    async fn sign_in(&self, context: &QueryContext) -> Result<(), Error> {
        self.noted(self.client.sign_in(context).await)
    }

    async fn tables(&self, context: &QueryContext) -> Result<Arc<Vec<TableName>>, Error> {
        self.noted(self.discovery.tables(&self.client, context).await)
    }

    fn known_tables(&self, principal: &Principal) -> Option<Arc<Vec<TableName>>> {
        self.discovery.known_tables(principal)
    }

    async fn table(&self, context: &QueryContext, name: &str) -> Result<Arc<Table>, Error> {
        let described = self.discovery.table(&self.client, context, name).await;
        let table = self.noted(described)?;
        if !self.assumes_full_read_access {
            return Ok(table);
        }
        let reader = self.reader(context, &table);
        self.noted(reader.examine().await)?;
        self.discovery.table(&self.client, context, name).await
    }

    /// Probes the first table that shows anything, beginning with those that most instances have rows in.
    async fn probe(&self, context: &QueryContext) -> Result<(), Error> {
        const WELL_KNOWN: [&str; 3] = ["task", "sys_user", "incident"];
        const MOST_TABLES: usize = 3;
        let names = self.tables(context).await?;
        let is_named = |wanted: &&str| names.iter().any(|name| name.name == *wanted);
        let well_known = WELL_KNOWN.into_iter().filter(is_named);
        let others = names.iter().map(|name| name.name.as_str());
        let others = others.filter(|name| !WELL_KNOWN.contains(name));
        for name in well_known.chain(others).take(MOST_TABLES) {
            let table = self.table(context, name).await?;
            if self.noted(self.reader(context, &table).probe().await)? {
                break;
            }
        }
        Ok(())
    }

    fn findings(&self, principal: &Principal) -> Vec<Finding> {
        self.verifier.findings(&self.verifier.identity(principal))
    }

    fn described_tables(&self, principal: &Principal) -> Vec<Arc<Table>> {
        self.discovery.described_tables(principal)
    }

    async fn describe_all(&self, context: &QueryContext) -> Result<(), Error> {
        self.noted(self.discovery.describe_all(&self.client, context).await)
    }

    async fn domains(&self, context: &QueryContext) -> Result<Option<Arc<DomainTree>>, Error> {
        self.noted(self.discovery.domains(&self.client, context).await)
    }

    fn known_rows(&self, table: &str) -> Option<RowCount> {
        self.known_rows.of(table)
    }

    async fn count_rows(&self, context: &QueryContext, table: &Table) -> Result<Option<RowCount>, Error> {
        let _single_flight = self.counting.lock().await;
        let known = self.known_rows(&table.name.name);
        if known.is_some_and(|count| count.is_fresh()) {
            return Ok(known);
        }
        let counted = self.client.count(context, &table.name.remote).await;
        if let Some(rows) = self.noted(counted)? {
            self.known_rows.note(&table.name.name, rows);
        }
        Ok(self.known_rows(&table.name.name))
    }

    async fn fetch(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        cursor: Option<&Cursor>,
    ) -> Result<RawPage, Error> {
        let reader = self.reader(context, &query.table);
        if let Some(grouping) = &query.grouping {
            let groups = reader.groups(query, grouping).await;
            let (body, exchange) = self.learnt(query, groups)?;
            return Ok(RawPage {
                body,
                next: Next::Done,
                total: None,
                exchange,
            });
        }
        let position = self.position(query, cursor)?;
        let page = match self.resolved(context, query).await {
            Ok(sent) => reader.page(&sent, &position).await,
            Err(error) => Err(error),
        };
        let page = self.learnt(query, page)?;
        self.remember_rows(query, &position, page.total);
        if page.is_unprovable {
            let reason =
                "the instance does not count its records (no X-Total-Count), so the end can't be proven";
            context.doubt(&self.name, &query.table.name.name, reason.to_owned())?;
        }
        Ok(RawPage {
            body: page.body,
            next: page.next.map_or(Next::Done, |next| Next::At(next.cursor())),
            total: page.total,
            exchange: page.exchange,
        })
    }

    async fn first_in_order(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
    ) -> Result<Option<RawPage>, Error> {
        let position = self.first_position(query);
        let reader = self.reader(context, &query.table);
        let page = match self.resolved(context, query).await {
            Ok(sent) => reader.first_in_order(&sent, &position).await,
            Err(error) => Err(error),
        };
        // What is refused for is a filter: an order that can't be had is no error.
        let unordered = RemoteQuery {
            order: Vec::new(),
            ..query.clone()
        };
        // A page whose end can't be proven shows nothing about the rows that are not on it.
        let page = self.learnt(&unordered, page)?.filter(|page| !page.is_unprovable);
        Ok(page.map(|page| RawPage {
            body: page.body,
            next: page.next.map_or(Next::Done, |next| Next::At(next.cursor())),
            total: page.total,
            exchange: page.exchange,
        }))
    }

    async fn honours_order(
        &self,
        context: &QueryContext,
        table: &Table,
        column: usize,
    ) -> Result<bool, Error> {
        match order_field(table, column) {
            Some(field) => self.noted(self.reader(context, table).honours_order(field).await),
            None => Ok(false),
        }
    }

    fn note_disorder(&self, context: &QueryContext, table: &Table, column: usize) {
        if let Some(field) = order_field(table, column) {
            self.reader(context, table).note_disorder(field);
        }
    }

    fn has_refused(&self, query: &RemoteQuery) -> bool {
        self.refusals.cover(query)
    }

    fn decode(
        &self,
        context: &QueryContext,
        query: &RemoteQuery,
        cursor: Option<&Cursor>,
        page: &RawPage,
    ) -> Result<Page, Error> {
        if let Some(grouping) = &query.grouping {
            let batch = groups::rows(&self.dialect, query, grouping, &page.body);
            let batch = self.learnt(query, batch)?;
            return Ok(Page { batch, next: None });
        }
        let position = self.position(query, cursor)?;
        let is_only = cursor.is_none() && (page.next == Next::Done || !query.order.is_empty());
        let rows = page::decode(query, wants_display(query), &position, is_only, &page.body)?;
        for column in rows.hidden {
            let reason = format!(
                "column {column} is hidden from the integration user by a field ACL, or does not exist; its values read as NULL"
            );
            context.doubt(&self.name, &query.table.name.name, reason)?;
        }
        Ok(Page {
            batch: rows.batch,
            next: match &page.next {
                Next::At(next) => Some(next.clone()),
                Next::Done | Next::AfterDecode => None,
            },
        })
    }
}

/// The field of a column whose order shows whether sorts are honoured: one with a choice list may be sorted by its labels.
fn order_field(table: &Table, column: usize) -> Option<&str> {
    let field = table.columns.get(column)?.remote_field()?;
    let has_labels =
        |column: &causeway_core::Column| matches!(&column.origin, Origin::Display(shown) if shown == field);
    (!table.columns.iter().any(has_labels)).then_some(field)
}
