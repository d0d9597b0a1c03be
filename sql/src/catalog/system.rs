//! The system tables: what was asked, by whom, and what it cost.
//!
//! Invariant: a person sees their own queries and requests; the role `admin` sees everyone's.

use std::sync::Arc;

use async_trait::async_trait;
use causeway_core::{Exchange, Latency, Source, SourceState};
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::{MemTable, TableType};

use super::Person;

/// Names of the system tables.
pub(crate) const TABLES: [&str; 4] = ["queries", "requests", "sources", "tables"];

/// The schema `causeway`.
#[derive(Debug)]
pub(crate) struct SystemSchema {
    person: Arc<Person>,
}

impl SystemSchema {
    pub(crate) fn new(person: Arc<Person>) -> Self {
        Self { person }
    }
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        TABLES.map(str::to_owned).to_vec()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let Some(batch) = rows(&self.person, name) else {
            return Ok(None);
        };
        let batch = batch?;
        Ok(Some(Arc::new(MemTable::try_new(
            batch.schema(),
            vec![vec![batch]],
        )?)))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        TABLES.contains(&name)
    }
}

/// The columns of a system table.
pub(crate) fn schema(person: &Person, name: &str) -> Option<SchemaRef> {
    Some(rows(person, name)?.map_or_else(|_| Arc::new(Schema::empty()), |batch| batch.schema()))
}

fn rows(person: &Person, name: &str) -> Option<Result<RecordBatch>> {
    Some(match name {
        "requests" => requests(person),
        "queries" => queries(person),
        "sources" => sources(person),
        "tables" => tables(person),
        _ => return None,
    })
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn text<T: Into<String>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.map(|value| value.map(Into::into)).collect::<StringArray>())
}

fn integers(values: impl Iterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(
        values
            .map(|value| value.and_then(|value| i64::try_from(value).ok()))
            .collect::<Int64Array>(),
    )
}

fn moments(values: impl Iterator<Item = chrono::DateTime<chrono::Utc>>) -> ArrayRef {
    let micros = values.map(|moment| moment.timestamp_micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// One row per HTTP call, and per read that another's call or the cache answered. Counts of remote rows and bytes are NULL for those from whom rows are hidden, and keys of joins are left
/// out of the queries.
fn requests(person: &Person) -> Result<RecordBatch> {
    let mut exchanges = person.deployment.ledger.exchanges();
    exchanges.retain(|exchange| person.is_admin() || exchange.record.user == person.principal.user);
    let counts = person.may_see_counts();
    let numbers = |of: &dyn Fn(&Exchange) -> Option<u64>| integers(exchanges.iter().map(|one| of(one)));
    let remote_queries = exchanges
        .iter()
        .map(|one| Some(one.record.remote_query.as_ref()?.seen(counts)));
    let milliseconds = exchanges.iter().map(|one| one.milliseconds());
    batch(vec![
        ("started", moments(exchanges.iter().map(|one| one.record.started))),
        ("query_id", numbers(&|one| Some(one.record.query_id))),
        ("user_name", text_of(&exchanges, |one| one.record.user.as_str())),
        ("source", text_of(&exchanges, |one| one.record.source.as_ref())),
        ("method", text_of(&exchanges, |one| one.record.method)),
        (
            "resource",
            text_of(&exchanges, |one| one.record.resource.as_str()),
        ),
        ("remote_query", text(remote_queries)),
        (
            "status",
            numbers(&|one| Some(u64::from(one.status())).filter(|status| *status > 0)),
        ),
        ("rows", numbers(&|one| counts.then(|| one.rows()))),
        ("bytes", numbers(&|one| counts.then(|| one.bytes()))),
        (
            "milliseconds",
            Arc::new(Float64Array::from_iter_values(milliseconds)),
        ),
        ("retries", numbers(&|one| Some(u64::from(one.retries())))),
        (
            "answered_by",
            text_of(&exchanges, |one| one.record.answered.name()),
        ),
    ])
}

fn text_of(exchanges: &[Arc<Exchange>], of: fn(&Exchange) -> &str) -> ArrayRef {
    text(exchanges.iter().map(|one| Some(of(one))))
}

/// One row per statement.
fn queries(person: &Person) -> Result<RecordBatch> {
    let mut queries = person.deployment.queries.all();
    queries.retain(|query| person.is_admin() || query.context.principal.user == person.principal.user);
    let counts = person.may_see_counts();
    batch(vec![
        (
            "query_id",
            integers(queries.iter().map(|one| Some(one.context.query_id))),
        ),
        ("started", moments(queries.iter().map(|one| one.started))),
        (
            "user_name",
            text(
                queries
                    .iter()
                    .map(|one| Some(one.context.principal.user.as_str())),
            ),
        ),
        ("state", text(queries.iter().map(|one| Some(one.state().name())))),
        ("text", text(queries.iter().map(|one| Some(one.text.as_str())))),
        (
            "milliseconds",
            Arc::new(Float64Array::from_iter_values(
                queries.iter().map(|one| one.duration().as_secs_f64() * 1000.0),
            )),
        ),
        ("rows", integers(queries.iter().map(|one| Some(one.rows())))),
        (
            "api_calls",
            integers(queries.iter().map(|one| Some(u64::from(one.context.calls())))),
        ),
        (
            "bytes",
            integers(queries.iter().map(|one| counts.then(|| one.context.bytes()))),
        ),
    ])
}

/// One row per source.
fn sources(person: &Person) -> Result<RecordBatch> {
    let states: Vec<_> = person
        .deployment
        .sources
        .iter()
        .map(|source| (source, source.state()))
        .collect();
    batch(vec![
        (
            "name",
            text(states.iter().map(|(source, _)| Some(source.name().as_ref()))),
        ),
        ("kind", text(states.iter().map(|(source, _)| Some(source.kind())))),
        ("url", text(states.iter().map(|(source, _)| Some(source.url())))),
        (
            "state",
            text(states.iter().map(|(_, state)| Some(state.state.as_str()))),
        ),
        (
            "api_calls_used",
            integers(states.iter().map(|(_, state)| state.calls_used)),
        ),
        (
            "api_calls_left",
            integers(states.iter().map(|(_, state)| state.calls_left)),
        ),
        (
            "running",
            integers(states.iter().map(|(_, state)| Some(state.load.running as u64))),
        ),
        (
            "waiting",
            integers(states.iter().map(|(_, state)| Some(state.load.waiting as u64))),
        ),
        ("p50_ms", latencies(&states, |latency| latency.p50)),
        ("p95_ms", latencies(&states, |latency| latency.p95)),
        ("p99_ms", latencies(&states, |latency| latency.p99)),
        // An error may describe a record that others must not see.
        (
            "last_error",
            text(
                states
                    .iter()
                    .map(|(_, state)| state.last_error.as_deref().filter(|_| person.is_admin())),
            ),
        ),
        (
            "findings",
            text(states.iter().map(|(source, _)| findings(person, source.as_ref()))),
        ),
    ])
}

/// One percentile of each source, in milliseconds; NULL where nothing was measured.
fn latencies(
    states: &[(&Arc<dyn Source>, SourceState)],
    percentile: fn(Latency) -> std::time::Duration,
) -> ArrayRef {
    let of = |state: &SourceState| Some(percentile(state.load.latency?).as_secs_f64() * 1000.0);
    Arc::new(
        states
            .iter()
            .map(|(_, state)| of(state))
            .collect::<Float64Array>(),
    )
}

/// What was found out about a source for this person; NULL while nothing was asked. Tables may be hidden from this person.
fn findings(person: &Person, source: &dyn Source) -> Option<String> {
    let mut found = source.findings(&person.principal);
    found.retain(|finding| finding.table.is_none() || person.is_admin());
    let told = found
        .iter()
        .map(|finding| format!("{}: {}", finding.name, finding.value));
    (!found.is_empty()).then(|| told.collect::<Vec<_>>().join("; "))
}

/// One row per table that is known so far; capabilities are known once a table has been described.
fn tables(person: &Person) -> Result<RecordBatch> {
    let mut found = Vec::new();
    for source in &person.deployment.sources {
        let described = source.described_tables(&person.principal);
        let known = source.known_tables(&person.principal);
        let mut names = known.map(|names| names.as_ref().clone()).unwrap_or_default();
        for table in &described {
            if !names.iter().any(|name| name.name == table.name.name) {
                names.push(table.name.clone());
            }
        }
        for name in names {
            let table = described.iter().find(|table| table.name.name == name.name);
            let capabilities = table.map(|table| {
                let count = |flag: fn(&causeway_core::Column) -> bool| {
                    table.columns.iter().filter(|column| flag(column)).count()
                };
                let (filterable, sortable) =
                    (count(|column| column.filterable), count(|column| column.sortable));
                format!(
                    "{} columns, {filterable} filterable, {sortable} sortable",
                    table.columns.len()
                )
            });
            let rows = source.known_rows(&name.name).map(|count| count.rows);
            let rows = rows.filter(|_| person.may_see_counts());
            found.push((Arc::clone(source.name()), name, rows, capabilities));
        }
    }
    batch(vec![
        (
            "source",
            text(found.iter().map(|(source, ..)| Some(source.as_ref()))),
        ),
        (
            "name",
            text(found.iter().map(|(_, name, ..)| Some(name.name.as_str()))),
        ),
        (
            "label",
            text(found.iter().map(|(_, name, ..)| Some(name.label.as_str()))),
        ),
        ("rows", integers(found.iter().map(|(_, _, rows, _)| *rows))),
        (
            "capabilities",
            text(found.iter().map(|(.., capabilities)| capabilities.as_deref())),
        ),
    ])
}
