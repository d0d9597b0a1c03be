//! What a scan of a remote table does, apart from how it is planned and run.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_core::{RemoteQuery, Source};
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;

use super::reuse::Reuse;
use super::stream::without_record;
use super::top_k::Top;
use crate::cost::plan;
use crate::error::source_error;
use crate::policy::Stamp;

/// What was decided about one predicate, for EXPLAIN.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    /// The remote system decides it.
    Exact(String),
    /// The remote system narrows, the leaf decides; with the reason.
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
    pub(crate) late_filters: Vec<Arc<dyn PhysicalExpr>>,
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
        const KEPT_LATE: f64 = 0.3;
        let known = count.map_or(plan::UNKNOWN_TABLE as f64, |count| count.rows as f64);
        let late = if self.late_filters.is_empty() {
            1.0
        } else {
            KEPT_LATE
        };
        (known * self.kept_share * late).ceil().max(1.0) as usize
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
