//! Reads pages of an engine's query from an instance that may not do what it is asked.
//!
//! Owns: what must be proven before a query is sent, and when an answer is doubted. Does not own: the proofs; see `verification`.
//! Invariant: no row is lost because a condition was ignored, refused or answered with nothing. Start at [`PageReader::page`].

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use causeway_core::{Error, Exchange, Grouping, Kind, OperatorClass, QueryContext, RemoteQuery, Table};
use serde_json::Value;

use crate::api::client::{Client, Fetched};
use crate::api::groups::{Part, doubtful_sums};
use crate::metadata::discovery::Discovery;
use crate::query::aggregate::AggregateRequest;
use crate::query::column_use::ColumnUse;
use crate::query::dialect::ServiceNowDialect;
use crate::query::position::Position;
use crate::query::request::ScanRequest;
use crate::query::wire::Sort;
use crate::types::Family;
use crate::verification::behaviour::{Behaviour, Literals, Unknown};
use crate::verification::honored::Verifier;

/// Reads one table for one query.
#[derive(Debug)]
pub(crate) struct PageReader<'a> {
    pub(crate) client: &'a Client,
    pub(crate) dialect: &'a ServiceNowDialect,
    pub(crate) discovery: &'a Discovery,
    pub(crate) verifier: &'a Verifier,
    pub(crate) context: &'a QueryContext,
    pub(crate) table: &'a Table,
}

impl PageReader<'_> {
    /// The page at `position`, of all rows that the query asks for and perhaps more.
    pub(crate) async fn page(&self, query: &RemoteQuery, position: &Position) -> Result<Fetched, Error> {
        let wanted = ScanRequest::of_query(self.dialect, query)?;
        self.prove(&wanted.filter.alternatives()).await?;
        let request = self.verified_request(query)?;
        let page = self.send(&request, position).await;
        let mut uses = request.filter.uses();
        if position.after.is_some() {
            uses.insert(key_range());
        }
        let is_doubtful = match &page {
            Err(error) => error.kind == Kind::Forbidden && !uses.is_empty(),
            Ok(page) => page.is_empty() && !self.believes_nothing(&uses).await?,
        };
        if !is_doubtful {
            let page = page?;
            self.learn_zone(query, &request, &page).await?;
            return Ok(page);
        }
        let scope = self.verifier.scope(self.context, self.table);
        if page.is_err() {
            self.verifier.forget(&scope, &uses);
        }
        match self.prove(&uses).await {
            // The table itself is closed to the account, whatever it is asked.
            Err(error) if error.kind == Kind::Forbidden => return page,
            proven => proven?,
        }
        let doubted = self.verifier.doubted(&scope);
        if position.after.is_some() && doubted.contains(&key_range()) {
            return Err(self.no_paging());
        }
        let safer = self.verified_request(query)?;
        if safer == request {
            return page;
        }
        let columns: Vec<&str> = uses
            .intersection(&doubted)
            .map(|used| used.column.as_str())
            .collect();
        tracing::warn!(source = %self.table.source, table = self.table.name.name, columns = columns.join(", "),
            "the instance does not honour conditions on these columns; reading without them");
        self.send(&safer, position).await
    }

    /// The first page in the order that the query asks for; `None` when it can't be had or does not show that there are no rows.
    pub(crate) async fn first_in_order(
        &self,
        query: &RemoteQuery,
        position: &Position,
    ) -> Result<Option<Fetched>, Error> {
        let wanted = ScanRequest::of_query(self.dialect, query)?;
        self.prove(&wanted.filter.alternatives()).await?;
        let request = self.verified_request(query)?;
        match self.send(&request, position).await {
            Err(error) if error.kind == Kind::Forbidden => {
                tracing::warn!(source = %self.table.source, table = self.table.name.name, %error, "an order is refused");
                // So that it is not asked for again, when it is the order that was refused.
                let order = request.order.as_ref().map(Sort::used);
                match self.prove(&order.into_iter().collect()).await {
                    Err(error) if error.kind != Kind::Forbidden => Err(error),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(error),
            Ok(page) if page.is_empty() && !self.believes_nothing(&request.uses()).await? => Ok(None),
            Ok(page) => Ok(Some(page)),
        }
    }

    /// Whether an order by this field is surely honoured. A query with a budget of calls keeps them for its rows.
    pub(crate) async fn honours_order(&self, field: &str) -> Result<bool, Error> {
        let scope = self.verifier.scope(self.context, self.table);
        let uses = BTreeSet::from([ColumnUse::new(field, OperatorClass::Range)]);
        if self.context.max_api_calls == 0 {
            self.prove(&uses).await?;
        }
        Ok(self.verifier.are_honoured(&scope, &uses))
    }

    /// Takes note that rows asked for in the order of this field came in another.
    pub(crate) fn note_disorder(&self, field: &str) {
        tracing::warn!(source = %self.table.source, table = self.table.name.name, field, "the instance does not sort by this column as asked");
        let scope = self.verifier.scope(self.context, self.table);
        self.verifier
            .note_disregarded(&scope, ColumnUse::new(field, OperatorClass::Range));
        self.discovery.note_verified(&scope.identity, Some(&scope.table));
    }

    /// The groups of a grouped query: a list of [`Part`] as JSON.
    pub(crate) async fn groups(
        &self,
        query: &RemoteQuery,
        grouping: &Grouping,
    ) -> Result<(Bytes, Arc<Exchange>), Error> {
        let doubted = self
            .verifier
            .doubted(&self.verifier.scope(self.context, self.table));
        let stats = AggregateRequest::of_query(self.dialect, query, grouping, &doubted)?;
        let (main, exchange) = self.stats(&stats, None).await?;
        let mut fields = stats.counted_fields();
        fields.extend(doubtful_sums(&stats, &main));
        let mut parts = vec![Part {
            present: None,
            body: main,
        }];
        for field in fields {
            let (body, _) = self.stats(&stats, Some(field)).await?;
            let present = Some(field.to_owned());
            parts.push(Part { present, body });
        }
        let page = serde_json::to_vec(&parts).map_err(|error| {
            Error::new(&self.table.source, Kind::Internal, "groups can't be written").with_cause(error)
        })?;
        Ok((page.into(), exchange))
    }

    /// One call of the aggregate API. An account may read rows and no aggregates; then the engine reads the rows.
    async fn stats(
        &self,
        stats: &AggregateRequest,
        present: Option<&str>,
    ) -> Result<(Value, Arc<Exchange>), Error> {
        let (target, text) = (stats.target(present), stats.query_text(present));
        let answer = self
            .client
            .whole_document(self.context, target, &self.table.name.name, text.into());
        answer.await.map_err(|mut error| {
            if matches!(error.kind, Kind::Forbidden | Kind::Remote | Kind::Malformed) {
                error.kind = Kind::Refused;
            }
            error
        })
    }

    async fn send(&self, request: &ScanRequest, position: &Position) -> Result<Fetched, Error> {
        self.client
            .page(self.context, request, position, &self.table.name.name)
            .await
    }

    /// The request without conditions that are known not to be honoured.
    fn verified_request(&self, query: &RemoteQuery) -> Result<ScanRequest, Error> {
        let doubted = self
            .verifier
            .doubted(&self.verifier.scope(self.context, self.table));
        ScanRequest::without(self.dialect, query, &doubted)
    }

    async fn prove(&self, uses: &BTreeSet<ColumnUse>) -> Result<(), Error> {
        if uses.is_empty() {
            return Ok(());
        }
        if self
            .verifier
            .prove(self.client, self.context, self.table, uses)
            .await?
        {
            let identity = self.verifier.identity(&self.context.principal);
            self.discovery
                .note_verified(&identity, Some(&self.table.name.name));
        }
        Ok(())
    }

    /// Whether an answer without rows means that there are none: the instance ignores what it does not honour, which never
    /// empties an answer, or it honours all of this.
    async fn believes_nothing(&self, uses: &BTreeSet<ColumnUse>) -> Result<bool, Error> {
        let scope = self.verifier.scope(self.context, self.table);
        if self.verifier.are_honoured(&scope, uses) {
            return Ok(true);
        }
        let known = self.verifier.known_behaviour(&scope.identity);
        if let Some(behaviour) = known.filter(|behaviour| behaviour.unknown != Unknown::Unclear) {
            return Ok(behaviour.unknown == Unknown::Ignored);
        }
        let behaviour = self.learn_behaviour().await?;
        Ok(behaviour.is_vacant || behaviour.unknown == Unknown::Ignored)
    }

    async fn learn_behaviour(&self) -> Result<Behaviour, Error> {
        let behaviour = self
            .verifier
            .behaviour(self.client, self.context, self.table)
            .await?;
        if behaviour.literals == Literals::Utc {
            let identity = self.verifier.identity(&self.context.principal);
            self.discovery.note_verified(&identity, None);
        }
        Ok(behaviour)
    }

    /// Asks in which zone literals are read, once a range that is 14 hours too wide costs more than the question: when it takes
    /// several pages. A query with a budget of calls keeps them for its rows.
    async fn learn_zone(
        &self,
        query: &RemoteQuery,
        request: &ScanRequest,
        page: &Fetched,
    ) -> Result<(), Error> {
        let identity = self.verifier.identity(&self.context.principal);
        let is_known = self
            .verifier
            .known_behaviour(&identity)
            .is_some_and(|behaviour| behaviour.literals != Literals::Unclear);
        if page.next.is_none() || self.context.max_api_calls > 0 || is_known {
            return Ok(());
        }
        let uses = request.filter.uses();
        let is_widened = |column: &causeway_core::Column| {
            let is_moment = Family::of(&column.remote_type) == Family::Moment && !column.verification.utc;
            is_moment
                && column
                    .remote_field()
                    .is_some_and(|field| uses.contains(&ColumnUse::new(field, OperatorClass::Range)))
        };
        if query.table.columns.iter().any(is_widened) {
            self.learn_behaviour().await?;
        }
        Ok(())
    }

    /// Finds out all that makes conditions on this table exact.
    pub(crate) async fn examine(&self) -> Result<(), Error> {
        if self
            .verifier
            .examine(self.client, self.context, self.table)
            .await?
        {
            let identity = self.verifier.identity(&self.context.principal);
            self.discovery.note_verified(&identity, None);
        }
        Ok(())
    }

    /// Finds out how the instance behaves; false when the table does not show it.
    pub(crate) async fn probe(&self) -> Result<bool, Error> {
        let behaviour = self.learn_behaviour().await?;
        Ok(behaviour.unknown != Unknown::Unclear && behaviour.literals != Literals::Unclear)
    }

    fn no_paging(&self) -> Error {
        let message =
            "the pages can't be told apart: the account lacks query_range access to sys_id on this table";
        Error::new(&self.table.source, Kind::Forbidden, message).with_table(&self.table.name.name)
    }
}

/// What every page but the first relies on.
fn key_range() -> ColumnUse {
    ColumnUse::new("sys_id", OperatorClass::Range)
}
