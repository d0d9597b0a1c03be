//! The first rows of a scan, when an operator above keeps only those.
//!
//! Owns: asking for the rows that come first in the order of one column, and judging what came. Does not own: the operator, which sorts
//! and cuts whatever arrives. Invariant: a source may disregard an order and put NULLs anywhere, so a row is left out only when enough
//! rows that were seen and checked come before it.

use std::sync::Arc;

use causeway_core::{Comparison, Op, Predicate, Pushed, QueryContext, RemoteQuery, first_in_order};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, make_comparator};
use datafusion::arrow::compute::{SortOptions, filter, is_not_null, sort_to_indices};
use datafusion::common::{Result, ScalarValue};

use super::lower;
use super::spec::{ScanSpec, Top, null_test, passing, pushed};

/// What one page showed.
pub(crate) enum First {
    /// The rows of the scan that the operator may keep, still to be checked.
    Rows(RecordBatch),
    /// A condition that keeps them all.
    Bounded(Pushed),
    Unknown,
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
