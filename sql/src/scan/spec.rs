//! What a scan of a remote table does, apart from how it is planned and run.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_core::{Comparison, Op, Order, Predicate, Pushed, RemoteQuery, Source, translate};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::SortOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;

use super::redact::without_record;
use super::reuse::Reuse;
use super::rows::kept_by;
use crate::error::source_error;
use crate::policy::Stamp;

/// Rows that a table is taken to have while nobody has counted them.
pub(crate) const UNKNOWN_TABLE: usize = 10_000;

/// What was decided about one predicate, for EXPLAIN.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    /// The remote system decides it.
    Exact(String),
    /// The remote system narrows, the scan decides; with the reason.
    Superset(String, String),
    /// The engine decides it; with the reason.
    Local(String, String),
}

/// What a scan does, apart from how it is planned.
#[derive(Debug, Clone)]
pub(crate) struct ScanSpec {
    pub(crate) source: Arc<dyn Source>,
    /// Its columns are what is fetched: the output and what the checks need.
    pub(crate) query: RemoteQuery,
    /// Predicates over the fetched columns that the remote system doesn't decide.
    pub(crate) checks: Vec<Arc<dyn PhysicalExpr>>,
    /// Output columns, as positions in the fetched ones.
    pub(crate) output: Vec<usize>,
    /// What the scan may tell the person; without it there is no scan.
    pub(crate) stamp: Stamp,
    pub(crate) notes: Vec<Note>,
    /// The filters that hash joins above fill with their keys; the scan waits for them. The joins check the rows themselves.
    pub(crate) key_filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Conditions that a part of the statement fills, which the scan waits for too. Whoever they come from checks the rows.
    pub(crate) dynamic_filters: Vec<Arc<dyn PhysicalExpr>>,
    pub(crate) fetch: Option<usize>,
    /// What an operator above keeps of the rows.
    pub(crate) top: Option<Top>,
    /// Table columns that the filters keep from being NULL.
    pub(crate) not_null: BTreeSet<usize>,
    /// The share of the table's rows that the filters are expected to keep.
    pub(crate) kept_share: f64,
    pub(crate) reuse: Reuse,
    /// Whether another scan of the statement reads all of these rows, so that they are probably not asked for again.
    pub(crate) repeats: bool,
    /// Whether sorts, limits and join keys may be taken over too (`causeway.pushdown = on`).
    pub(crate) pushdown: bool,
}

impl ScanSpec {
    /// What an operator above keeps, when asking for it first takes fewer calls than reading everything, or fewer rows in as many.
    pub(crate) fn worthwhile_top(&self) -> Option<&Top> {
        let top = self.top.as_ref()?;
        if top.rows > self.source.page_rows() / 2 {
            return None;
        }
        (top.calls(self) <= self.page_calls(self.kept_rows())).then_some(top)
    }

    /// Rows that the filters may keep.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub(crate) fn kept_rows(&self) -> usize {
        let count = self.source.known_rows(&self.query.table.name.name);
        /// The share that conditions keep which are not known yet: most are ranges.
        const KEPT_BY_DYNAMIC_FILTERS: f64 = 0.3;
        let known = count.map_or(UNKNOWN_TABLE as f64, |count| count.rows as f64);
        let dynamic = if self.dynamic_filters.is_empty() {
            1.0
        } else {
            KEPT_BY_DYNAMIC_FILTERS
        };
        (known * self.kept_share * dynamic).ceil().max(1.0) as usize
    }

    /// Table columns that the joins above hand down keys of.
    pub(crate) fn key_columns(&self) -> BTreeSet<usize> {
        let outputs = self.key_filters.iter().flat_map(collect_columns);
        outputs
            .filter_map(|column| self.key_column(column.index()))
            .collect()
    }

    /// Table column behind an output column, if the scan can be narrowed to values of it. Of groups that is a group key: each group has one
    /// value of it.
    pub(crate) fn key_column(&self, output: usize) -> Option<usize> {
        let at = *self.output.get(output)?;
        match &self.query.grouping {
            None => self.query.columns.get(at).copied(),
            Some(grouping) if self.source.dialect().narrows_groups() => grouping.keys.get(at).copied(),
            Some(_) => None,
        }
    }

    /// Fetches these columns, among which are all that it fetches now, in this order.
    pub(crate) fn refetch(&mut self, columns: &[usize]) {
        let old = std::mem::replace(&mut self.query.columns, columns.to_vec());
        let moved = |at: usize| {
            let column = old.get(at);
            column
                .and_then(|column| columns.iter().position(|new| new == column))
                .unwrap_or(at)
        };
        self.output = self.output.iter().map(|at| moved(*at)).collect();
        for check in &mut self.checks {
            let over = Arc::clone(check).transform(|part| {
                Ok(match part.downcast_ref::<Column>() {
                    Some(column) => {
                        let moved = Column::new(column.name(), moved(column.index()));
                        Transformed::yes(Arc::new(moved) as Arc<dyn PhysicalExpr>)
                    }
                    None => Transformed::no(part),
                })
            });
            // The visit itself never fails.
            if let Ok(over) = over.data() {
                *check = over;
            }
        }
    }

    pub(crate) fn page_calls(&self, rows: usize) -> usize {
        rows.div_ceil(self.source.page_rows().max(1)).max(1)
    }

    /// The error as the person may see it.
    pub(crate) fn source_error(&self, error: causeway_core::Error) -> DataFusionError {
        source_error(if self.stamp.tells_records() {
            error
        } else {
            without_record(error)
        })
    }
}

/// The rows that pass the scan's checks.
pub(crate) fn passing(spec: &ScanSpec, batch: &RecordBatch) -> Result<RecordBatch> {
    kept_by(&spec.checks, batch)
}

/// Rows that the operator above keeps: the first `rows` by an order whose most significant key is a column of the table.
#[derive(Debug, Clone)]
pub(crate) struct Top {
    pub(crate) rows: usize,
    pub(crate) key: Order,
    /// Whether there are no further keys, so that rows with the same key are interchangeable.
    pub(crate) is_only_key: bool,
}

impl Top {
    pub(crate) fn options(&self) -> SortOptions {
        SortOptions {
            descending: self.key.descending,
            nulls_first: self.key.nulls_first,
        }
    }

    /// Whether rows without a value come before all others and may exist, and the source may put them elsewhere.
    pub(crate) fn begins_with_nulls(&self, spec: &ScanSpec) -> bool {
        self.key.nulls_first && !spec.not_null.contains(&self.key.column) && !self.is_kept(spec)
    }

    /// Whether the source surely sorts as asked. Such a sort is only offered here for the sake of further keys that it can't sort by.
    pub(crate) fn is_kept(&self, spec: &ScanSpec) -> bool {
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
    pub(crate) fn excludes_nulls(&self, spec: &ScanSpec) -> bool {
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

/// `column IS NULL` or `column IS NOT NULL`.
pub(crate) fn null_test(column: usize, op: Op) -> Predicate {
    Predicate::Is(Comparison {
        column,
        op,
        values: Vec::new(),
    })
}

/// The predicate as one more condition that is only believed to narrow.
pub(crate) fn pushed(spec: &ScanSpec, predicate: &Predicate) -> Option<Pushed> {
    let table = Arc::clone(&spec.query.table);
    let mut pushed = translate(spec.source.dialect(), &table, predicate).ok()?;
    pushed.fidelity = causeway_core::Fidelity::Superset;
    Some(pushed)
}
