//! Rows that a scan brought not long ago, for the person who asked.
//!
//! Owns: which earlier scan answers a query, and how much is kept. Off unless a source's `cache` or `causeway.max_age` allows an age.
//! Invariant: rows are kept for one person and never shown to another; an entry answers a query only when it provably holds all of its rows,
//! and what the query asks beyond the entry is checked again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use causeway_core::{Column, KeySet, Literal, Pushed, RemoteQuery};
use datafusion::arrow::array::RecordBatch;

/// Recent scans of all people. Bounded by memory: the oldest go first.
#[derive(Debug)]
pub(crate) struct ResultCache {
    capacity: usize,
    kept: Mutex<Kept>,
    /// Bytes of rows that scans under way collect.
    collecting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
}

/// The rows of one scan, whole, before anything was checked again.
#[derive(Debug)]
pub(crate) struct Entry {
    user: String,
    query: RemoteQuery,
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// When the scan began.
    began: Instant,
}

/// An entry that answers a query.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    entry: Arc<Entry>,
    /// Table columns that its rows are needed with: the query's, then those that are checked.
    pub(crate) table_columns: Vec<usize>,
    /// Where they are in the entry's rows.
    columns: Vec<usize>,
    /// Positions of the query's filters that the entry was not asked with.
    pub(crate) unchecked: Vec<usize>,
}

impl Hit {
    /// How old the rows may be.
    pub(crate) fn age(&self) -> Duration {
        self.entry.began.elapsed()
    }

    /// Rows that it holds, before any check.
    pub(crate) fn held_rows(&self) -> u64 {
        let batches = self.entry.batches.iter();
        batches.map(|batch| batch.num_rows() as u64).sum()
    }

    /// The rows, with [`Hit::table_columns`] or all columns of a grouped query.
    pub(crate) fn batches(&self) -> Result<Vec<RecordBatch>, datafusion::arrow::error::ArrowError> {
        let batches = self.entry.batches.iter();
        batches.map(|batch| batch.project(&self.columns)).collect()
    }
}

impl ResultCache {
    /// Older rows are dropped when others come, whatever age was allowed.
    const LONGEST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: Mutex::default(),
            collecting: AtomicUsize::new(0),
        }
    }

    /// The youngest entry not older than `max_age` that holds all rows of `query`. `needs` tells which table columns the check of each of the
    /// query's filters needs; `None` when it can't be checked here.
    pub(crate) fn find(
        &self,
        user: &str,
        query: &RemoteQuery,
        max_age: Duration,
        needs: &dyn Fn(usize) -> Option<BTreeSet<usize>>,
    ) -> Option<Hit> {
        // Comparing keys takes time that others should not wait for.
        let young: Vec<Arc<Entry>> = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let young = kept.entries.iter().rev();
            young
                .take_while(|entry| entry.began.elapsed() <= max_age)
                .filter(|entry| entry.user == user && entry.query.table.name == query.table.name)
                .map(Arc::clone)
                .collect()
        };
        young.iter().find_map(|entry| answers(entry, query, needs))
    }

    /// Keeps the rows of a scan that was read to its end; too many are not kept.
    pub(crate) fn keep(&self, user: &str, query: RemoteQuery, batches: Vec<RecordBatch>, began: Instant) {
        let rows: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let bytes = rows + weight(&query);
        if bytes > self.largest() {
            return;
        }
        let entry = Arc::new(Entry {
            user: user.to_owned(),
            query,
            batches,
            bytes,
            began,
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // By age, so that a search may stop at the first that is too old.
        let at = kept.entries.partition_point(|other| other.began <= began);
        kept.entries.insert(at, entry);
        kept.bytes += bytes;
        let is_old = |entry: &Arc<Entry>| entry.began.elapsed() > Self::LONGEST_AGE;
        while kept.bytes > self.capacity || kept.entries.front().is_some_and(is_old) {
            let Some(oldest) = kept.entries.pop_front() else {
                break;
            };
            kept.bytes -= oldest.bytes;
        }
    }

    /// Takes room for rows on their way; false when the scans under way have taken it all.
    pub(crate) fn take_room(&self, bytes: usize) -> bool {
        let taken = self.collecting.fetch_add(bytes, Ordering::Relaxed);
        let fits = taken.saturating_add(bytes) <= self.capacity;
        if !fits {
            self.give_room(bytes);
        }
        fits
    }

    pub(crate) fn give_room(&self, bytes: usize) {
        self.collecting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes that the rows of one scan may have.
    pub(crate) fn largest(&self) -> usize {
        self.capacity / 4
    }
}

/// Bytes that an entry takes beside its rows, about.
fn weight(query: &RemoteQuery) -> usize {
    const ENTRY: usize = 2048;
    const KEY: usize = 64;
    let keys = query.keys.as_ref().map_or(0, |keys| keys.values.len());
    ENTRY + keys * KEY
}

/// How the entry answers the query, if it holds all of its rows.
fn answers(
    entry: &Arc<Entry>,
    query: &RemoteQuery,
    needs: &dyn Fn(usize) -> Option<BTreeSet<usize>>,
) -> Option<Hit> {
    let asked = &entry.query;
    let same_table = asked.table.source == query.table.source && asked.table.name == query.table.name;
    if !same_table {
        return None;
    }
    let is_among = |filter: &Pushed, filters: &[Pushed]| filters.contains(filter);
    if !asked
        .filters
        .iter()
        .all(|filter| is_among(filter, &query.filters))
    {
        return None;
    }
    let unchecked: Vec<usize> = (0..query.filters.len())
        .filter(|&at| {
            query
                .filters
                .get(at)
                // What other rows of the statement told is checked by the operator that it comes from.
                .is_some_and(|filter| !filter.derived && !is_among(filter, &asked.filters))
        })
        .collect();
    let has_more = |filter: &Pushed| !is_among(filter, &asked.filters);
    let is_narrower =
        query.filters.iter().any(has_more) || !same_keys(asked.keys.as_ref(), query.keys.as_ref());
    // The first of more rows, and groups of more rows, are others.
    if is_narrower && (asked.limit.is_some() || asked.grouping.is_some()) {
        return None;
    }
    let mut table_columns = query.columns.clone();
    for &at in &unchecked {
        let further = needs(at)?
            .into_iter()
            .filter(|column| !query.columns.contains(column));
        table_columns.extend(further);
    }
    let is_cut_alike = asked.limit.is_none() || asked.limit == query.limit;
    let is_sorted_alike = query.order.is_empty() || same_order(asked, query);
    if !is_cut_alike || !is_sorted_alike || !same_groups(asked, query) {
        return None;
    }
    let columns = match query.grouping {
        Some(_) => (0..query.output_schema().fields().len()).collect(),
        None => positions(asked, query, &table_columns)?,
    };
    if !holds_keys(asked.keys.as_ref(), query.keys.as_ref(), asked, query) {
        return None;
    }
    Some(Hit {
        entry: Arc::clone(entry),
        table_columns,
        columns,
        unchecked,
    })
}

/// Where the columns are in the rows of what was asked.
fn positions(asked: &RemoteQuery, query: &RemoteQuery, table_columns: &[usize]) -> Option<Vec<usize>> {
    let position = |&at: &usize| {
        let wanted = query.table.columns.get(at)?;
        let is_wanted = |at: &usize| {
            asked
                .table
                .columns
                .get(*at)
                .is_some_and(|found| is_same(found, wanted))
        };
        asked.columns.iter().position(is_wanted)
    };
    table_columns.iter().map(position).collect()
}

fn is_same(one: &Column, other: &Column) -> bool {
    one.origin == other.origin && one.ty == other.ty && one.name == other.name
}

/// Whether the keys are the same, in whatever order they arrived.
fn same_keys(one: Option<&KeySet>, other: Option<&KeySet>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return one.is_none() && other.is_none();
    };
    let alike = one.column == other.column
        && one.test == other.test
        && one.or_null == other.or_null
        && one.values.len() == other.values.len();
    alike && (one.values == other.values || are_among(&other.values, &one.values))
}

/// Whether all of the values are held; false when there are too many to compare each with each.
fn are_among(values: &[Literal], held: &[Literal]) -> bool {
    const MOST_COMPARISONS: usize = 1_000_000;
    held.len().saturating_mul(values.len()) <= MOST_COMPARISONS
        && values.iter().all(|value| held.contains(value))
}

/// Whether rows with the keys `wanted` are all among those with the keys `held`; without keys all rows are.
fn holds_keys(
    held: Option<&KeySet>,
    wanted: Option<&KeySet>,
    asked: &RemoteQuery,
    query: &RemoteQuery,
) -> bool {
    let Some(held) = held else { return true };
    let Some(wanted) = wanted else { return false };
    let column =
        |query: &RemoteQuery, at: usize| query.table.columns.get(at).map(|column| column.origin.clone());
    column(asked, held.column) == column(query, wanted.column)
        && held.test == wanted.test
        && (held.or_null || !wanted.or_null)
        && (held.values == wanted.values || are_among(&wanted.values, &held.values))
}

fn same_order(asked: &RemoteQuery, query: &RemoteQuery) -> bool {
    let named = |query: &RemoteQuery| -> Vec<_> {
        let keys = query.order.iter().map(|key| {
            let column = query
                .table
                .columns
                .get(key.column)
                .map(|column| column.origin.clone());
            (column, key.descending, key.nulls_first)
        });
        keys.collect()
    };
    named(asked) == named(query)
}

/// Groups are the same only over the same table value: their columns go by position.
fn same_groups(asked: &RemoteQuery, query: &RemoteQuery) -> bool {
    asked.grouping == query.grouping
        && (query.grouping.is_none() || asked.table.columns == query.table.columns)
}

#[cfg(test)]
mod tests;
