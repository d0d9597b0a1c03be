//! The first rows of a scan, when an operator above keeps only those.
//!
//! Owns: asking for the rows that come first in the order of one column, and judging what came. Does not own: the operator, which sorts
//! and cuts whatever arrives. Invariant: a source may disregard an order and put NULLs anywhere, so a row is left out only when enough
//! rows that were seen and checked come before it.

use std::sync::Arc;

use causeway_core::{
    Comparison, Op, Order, Predicate, Pushed, QueryContext, RemoteQuery, first_in_order, translate,
};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, make_comparator};
use datafusion::arrow::compute::{SortOptions, filter, is_not_null, sort_to_indices};
use datafusion::common::{Result, ScalarValue};

use super::lower;
use super::spec::ScanSpec;
use super::stream::passing;

/// Rows that the operator above keeps: the first `rows` by an order whose most significant key is a column of the table.
#[derive(Debug, Clone)]
pub(crate) struct Top {
    pub(crate) rows: usize,
    pub(crate) key: Order,
    /// Whether there are no further keys, so that rows with the same key are interchangeable.
    pub(crate) is_only_key: bool,
}

/// What one page showed.
pub(crate) enum First {
    /// The rows of the scan that the operator may keep, still to be checked.
    Rows(RecordBatch),
    /// A condition that keeps them all.
    Bounded(Pushed),
    Unknown,
}

impl Top {
    fn options(&self) -> SortOptions {
        SortOptions {
            descending: self.key.descending,
            nulls_first: self.key.nulls_first,
        }
    }

    /// Whether rows without a value come before all others and may exist, and the source may put them elsewhere.
    fn begins_with_nulls(&self, spec: &ScanSpec) -> bool {
        self.key.nulls_first && !spec.not_null.contains(&self.key.column) && !self.is_kept(spec)
    }

    /// Whether the source surely sorts as asked. Such a sort is only offered here for the sake of further keys that it can't sort by.
    fn is_kept(&self, spec: &ScanSpec) -> bool {
        let column = spec.query.table.columns.get(self.key.column);
        column.is_some_and(|column| spec.source.dialect().sorts_like_arrow(column))
    }

    fn is_trusted(&self, spec: &ScanSpec) -> bool {
        let column = spec.query.table.columns.get(self.key.column);
        self.is_kept(spec) || column.is_some_and(|column| column.verification.range == Some(true))
    }

    /// The query for the page that comes first.
    pub(crate) fn first_query(&self, spec: &ScanSpec, query: &RemoteQuery) -> RemoteQuery {
        /// Some rows may not pass the checks.
        const FAILING: usize = 10;
        /// Some have equal keys, and a second call costs more than rows do.
        const EQUAL: usize = 90;
        let spare = match (self.is_only_key, spec.checks.is_empty()) {
            (true, true) => 0,
            (true, false) => FAILING,
            (false, _) => EQUAL,
        };
        let rows = self.rows.saturating_add(spare);
        let mut first = RemoteQuery {
            order: vec![self.key],
            page_rows: Some(rows),
            limit: self.is_kept(spec).then_some(rows as u64),
            ..query.clone()
        };
        if self.excludes_nulls(spec) {
            first
                .filters
                .extend(pushed(spec, &null_test(self.key.column, Op::IsNotNull)));
        }
        first
    }

    /// Whether the first page is asked for without NULLs, with which it could be filled.
    fn excludes_nulls(&self, spec: &ScanSpec) -> bool {
        !self.key.nulls_first && !spec.not_null.contains(&self.key.column) && !self.is_kept(spec)
    }

    /// What becomes of the order, for EXPLAIN.
    pub(crate) fn explained(&self, spec: &ScanSpec) -> String {
        let columns = &spec.query.table.columns;
        let name = columns.get(self.key.column).map_or("", |column| &column.name);
        let direction = if self.key.descending { " DESC" } else { "" };
        let then = if spec.worthwhile_top().is_none() {
            "all rows take no more calls"
        } else if self.begins_with_nulls(spec) {
            "it may be ignored and empty values may stand anywhere, so what comes first is read by a second query; NULLS LAST can save it"
        } else if self.is_kept(spec) {
            "the further keys are sorted by here"
        } else if self.is_trusted(spec) {
            "it is verified here"
        } else {
            "it may be ignored, so what comes first may be read by a second query"
        };
        format!("first {} ({then}): {name}{direction}", self.rows)
    }

    /// Calls that the scan takes, as far as is known before.
    pub(crate) fn calls(&self, spec: &ScanSpec) -> usize {
        if self.begins_with_nulls(spec) || !self.is_trusted(spec) {
            2
        } else {
            1
        }
    }
}

/// Asks for the first rows; once more, for many more of them, when too few pass.
pub(crate) async fn first(
    spec: &ScanSpec,
    context: &QueryContext,
    query: &RemoteQuery,
    top: &Top,
) -> Result<First> {
    const GROWTH: usize = 10;
    let mut asked = top.first_query(spec, query);
    let Some(page) = page(spec, context, &asked).await? else {
        return Ok(First::Unknown);
    };
    if page.is_conclusive(spec, top)? || page.batch.num_rows() == 0 {
        return page.judged(spec, context, top).await;
    }
    asked.page_rows = asked.page_rows.map(|rows| rows.saturating_mul(GROWTH));
    asked.limit = asked.limit.map(|rows| rows.saturating_mul(GROWTH as u64));
    match self::page(spec, context, &asked).await? {
        Some(page) => page.judged(spec, context, top).await,
        None => Ok(First::Unknown),
    }
}

async fn page(spec: &ScanSpec, context: &QueryContext, asked: &RemoteQuery) -> Result<Option<Page>> {
    let page = first_in_order(spec.source.as_ref(), context, asked).await;
    let Some((batch, is_whole)) = page.map_err(|error| spec.source_error(error))? else {
        return Ok(None);
    };
    Ok(Some(Page { batch, is_whole }))
}

/// The page that was asked for.
struct Page {
    batch: RecordBatch,
    /// Whether it holds every row that it could.
    is_whole: bool,
}

impl Page {
    /// The keys of its rows, and of those that pass the checks.
    fn keys(&self, spec: &ScanSpec, top: &Top) -> Result<Option<[ArrayRef; 2]>> {
        let mut columns = spec.query.columns.iter();
        let Some(position) = columns.position(|column| *column == top.key.column) else {
            return Ok(None);
        };
        let passing = passing(spec, &self.batch)?;
        let keys = |batch: &RecordBatch| batch.columns().get(position).map(Arc::clone);
        Ok(keys(&self.batch).zip(keys(&passing)).map(Into::into))
    }

    /// Whether a larger page would not tell more.
    fn is_conclusive(&self, spec: &ScanSpec, top: &Top) -> Result<bool> {
        let keys = self.keys(spec, top)?;
        Ok(self.is_whole || keys.is_none_or(|[_, kept]| kept.len() >= top.rows))
    }

    async fn judged(self, spec: &ScanSpec, context: &QueryContext, top: &Top) -> Result<First> {
        let table = &spec.query.table;
        let Some([all, kept]) = self.keys(spec, top)? else {
            return Ok(First::Unknown);
        };
        // Where NULLs come last, the rows that have a value are enough when there are so many.
        if self.is_whole && (!top.excludes_nulls(spec) || kept.len() >= top.rows) {
            return Ok(First::Rows(self.batch));
        }
        let comes_sorted = is_sorted(&all, top.options())?;
        if !comes_sorted && !is_sorted(&without_nulls(&all)?, top.options())? {
            spec.source.note_disorder(context, table, top.key.column);
        }
        let Some(last) = last_of_first(&kept, top)? else {
            return Ok(First::Unknown);
        };
        if top.is_kept(spec) && comes_sorted && ends_beyond(&all, &last)? {
            return Ok(First::Rows(self.batch));
        }
        let is_enough = comes_sorted && !top.begins_with_nulls(spec) && reaches_beyond(&all, &last, top)?;
        if is_enough && !top.is_kept(spec) {
            let honoured = spec.source.honours_order(context, table, top.key.column).await;
            if honoured.map_err(|error| spec.source_error(error))? {
                return Ok(First::Rows(self.batch));
            }
        }
        let bound = bound(spec, top, &last).and_then(|bound| pushed(spec, &bound));
        // It holds a value of a row.
        let bound = bound.map(|bound| Pushed {
            derived: true,
            ..bound
        });
        Ok(bound.map_or(First::Unknown, First::Bounded))
    }
}

/// The last key among the first rows that are wanted; `None` when there are not so many.
fn last_of_first(keys: &ArrayRef, top: &Top) -> Result<Option<ScalarValue>> {
    if top.rows == 0 || keys.len() < top.rows {
        return Ok(None);
    }
    let first = sort_to_indices(keys, Some(top.options()), Some(top.rows))?;
    match first.values().last() {
        Some(&at) => ScalarValue::try_from_array(keys, at as usize).map(Some),
        None => Ok(None),
    }
}

/// Whether the sorted page shows an order at all, and no row behind it can be wanted.
fn reaches_beyond(keys: &ArrayRef, last: &ScalarValue, top: &Top) -> Result<bool> {
    let end = ScalarValue::try_from_array(keys, keys.len().saturating_sub(1))?;
    let start = ScalarValue::try_from_array(keys, 0)?;
    Ok(start != end && !end.is_null() && (top.is_only_key || ends_beyond(keys, last)?))
}

/// Whether the sorted page ends with another key than the last that is wanted.
fn ends_beyond(keys: &ArrayRef, last: &ScalarValue) -> Result<bool> {
    let end = ScalarValue::try_from_array(keys, keys.len().saturating_sub(1))?;
    Ok(end != *last)
}

fn without_nulls(keys: &ArrayRef) -> Result<ArrayRef> {
    Ok(filter(keys, &is_not_null(keys)?)?)
}

fn is_sorted(keys: &ArrayRef, options: SortOptions) -> Result<bool> {
    let compare = make_comparator(keys, keys, options)?;
    Ok((1..keys.len()).all(|at| compare(at - 1, at).is_le()))
}

/// The rows whose key is `last`, or comes before it.
fn bound(spec: &ScanSpec, top: &Top, last: &ScalarValue) -> Option<Predicate> {
    let column = top.key.column;
    let nulls = || null_test(column, Op::IsNull);
    if last.is_null() {
        // Where NULLs come last, that is every row.
        return top.key.nulls_first.then(nulls);
    }
    let op = if top.key.descending { Op::GtEq } else { Op::LtEq };
    let ty = spec.query.table.columns.get(column)?.ty;
    let bound = Predicate::Is(Comparison {
        column,
        op,
        values: vec![lower::literal(ty, last)?],
    });
    let may_begin_with_nulls = top.key.nulls_first && !spec.not_null.contains(&column);
    Some(if may_begin_with_nulls {
        Predicate::Any(vec![bound, nulls()])
    } else {
        bound
    })
}

fn null_test(column: usize, op: Op) -> Predicate {
    Predicate::Is(Comparison {
        column,
        op,
        values: Vec::new(),
    })
}

/// The predicate as one more condition that is only believed to narrow.
fn pushed(spec: &ScanSpec, predicate: &Predicate) -> Option<Pushed> {
    let table = Arc::clone(&spec.query.table);
    let mut pushed = translate(spec.source.dialect(), &table, predicate).ok()?;
    pushed.fidelity = causeway_core::Fidelity::Superset;
    Some(pushed)
}
