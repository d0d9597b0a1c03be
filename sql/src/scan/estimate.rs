//! What one scan will probably take: calls, rows and bytes.
//!
//! Owns: how many rows a set of keys brings, how many requests it needs, how long a record is. Does not own: the share that filters keep
//! ([`super::selectivity`]), how the scans of a plan add up (`cost`). Invariant: an estimate never decides what an answer holds.

use std::sync::Arc;

use causeway_core::{ColumnType, KeySet, Literal, QueryContext, RemoteQuery, RowCount, Source, Table, keys};

use super::spec::{ScanSpec, UNKNOWN_TABLE};

/// What one scan, or all scans of a statement, will probably take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cost {
    pub(crate) calls: usize,
    /// Rows that are transferred.
    pub(crate) rows: usize,
    /// Bytes of the answers' bodies, before compression.
    pub(crate) bytes: usize,
}

impl Cost {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            rows: self.rows.saturating_add(other.rows),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// A number of bytes for people: `830 B`, `2.1 kB`, `14 MB`.
pub(crate) fn sized(bytes: usize) -> String {
    #[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut size = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 || unit == "GB" {
            let digits = usize::from(size < 10.0 && unit != "B");
            return format!("{size:.digits$} {unit}");
        }
        size /= 1000.0;
    }
    format!("{bytes} B")
}

/// Calls that so many requests with keys take, which bring so many rows together.
pub(crate) fn calls_with_keys(spec: &ScanSpec, requests: usize, rows: usize) -> usize {
    requests.max(rows.div_ceil(spec.source.page_rows().max(1))).max(1)
}

/// Rows that have one of so many values in a column: one each where values are unique, and as many as the table has for each record that
/// the column refers to, or each choice, where they were counted.
pub(crate) fn rows_with_keys(spec: &ScanSpec, column: usize, keys: usize) -> usize {
    const UNKNOWN: usize = 10;
    let table = &spec.query.table;
    let found = table.columns.get(column);
    if Some(column) == table.single_key() || found.is_some_and(|column| column.unique) {
        return keys;
    }
    let rows = counted(spec, &table.name.name);
    let choices = found.map(|column| column.choices).filter(|choices| *choices > 0);
    let per_key = match rows.zip(parents(spec, column).or(choices)) {
        Some((rows, parents)) if parents > 0 => rows.div_ceil(parents).max(1),
        _ => UNKNOWN,
    };
    keys.saturating_mul(per_key).min(rows.unwrap_or(usize::MAX))
}

fn counted(spec: &ScanSpec, table: &str) -> Option<usize> {
    let count = spec.source.known_rows(table)?;
    usize::try_from(count.rows).ok()
}

/// Records that a column may refer to.
fn parents(spec: &ScanSpec, column: usize) -> Option<usize> {
    let parent = spec.query.table.columns.get(column)?.references.first()?;
    counted(spec, &parent.to_lowercase())
}

/// About how many values a column has, so that joins are ordered by what they keep.
pub(crate) fn distinct_values(spec: &ScanSpec, column: usize) -> usize {
    /// Values of a code, and rows that share a reference where its target was never counted.
    const FEW: usize = 10;
    let rows = counted(spec, &spec.query.table.name.name).unwrap_or(UNKNOWN_TABLE);
    let Some(found) = spec.query.table.columns.get(column) else {
        return rows;
    };
    match found.ty {
        ColumnType::Boolean => 2,
        _ if found.choices > 0 => found.choices,
        ColumnType::Int64 => FEW,
        _ if !found.references.is_empty() => parents(spec, column).unwrap_or(rows.div_ceil(FEW)).min(rows),
        _ => rows,
    }
}

/// Requests that so many keys need.
pub(crate) fn requests_for(spec: &ScanSpec, column: usize, count: usize) -> usize {
    /// More than this are not written out for an estimate; they cost as much as these.
    const MOST_WRITTEN: usize = 2000;
    let Some(key) = spec.query.table.columns.get(column) else {
        return 1;
    };
    let written = count.min(MOST_WRITTEN);
    let literal = |at: usize| match key.ty {
        // As long as a record's key in either system.
        ColumnType::Text => Literal::Text(format!("{at:0>18}")),
        _ => Literal::Int(i64::try_from(at).unwrap_or(i64::MAX)),
    };
    let mut query = spec.query.clone();
    query.keys = Some(KeySet::equal(column, (0..written).map(literal).collect()));
    let requests = keys::split(spec.source.as_ref(), &query).map_or(1, |requests| requests.len());
    requests.saturating_mul(count.div_ceil(written.max(1)))
}

/// Bytes of one record in a page: names, values of a usual length, and what the source adds.
pub(crate) fn row_bytes(source: &Arc<dyn Source>, query: &RemoteQuery) -> usize {
    let table = &query.table;
    let grouped = query.grouping.iter().flat_map(|grouping| {
        let aggregated = grouping
            .aggregates
            .iter()
            .filter_map(|aggregate| aggregate.column);
        grouping.keys.iter().copied().chain(aggregated)
    });
    let columns = query.columns.iter().copied().chain(grouped);
    let fields = columns.filter_map(|at| {
        let column = table.columns.get(at)?;
        let value = match column.ty {
            ColumnType::Boolean | ColumnType::Int64 => 5,
            ColumnType::Float64 | ColumnType::Decimal { .. } | ColumnType::Date => 10,
            ColumnType::Text => 20,
            ColumnType::Timestamp | ColumnType::Time => 28,
        };
        Some(column.name.len() + value + 6)
    });
    fields.sum::<usize>() + source.dialect().record_bytes(table)
}

/// About how many rows a table has, from what is known or by a call that is not charged to the statement's budget.
pub(crate) async fn count_rows(
    source: &dyn Source,
    table: &Table,
    context: &QueryContext,
) -> Option<RowCount> {
    let asking = context.without_budget();
    let counted = source.count_rows(&asking, table).await;
    context.add_uncharged(asking.calls());
    counted.unwrap_or_else(|error| {
        tracing::warn!(source = %source.name(), table = table.name.name, %error, "rows can't be counted");
        None
    })
}
