//! The one operator that reads a remote table.
//!
//! Owns: waiting for join keys, splitting them over requests, re-filtering, order and fetch. Does not own: pages; see
//! [`causeway_core::scan`]. Invariant: it emits only rows that satisfy everything it accepted, in the order and up to the fetch
//! that it accepted.

mod explained;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Order, RemoteQuery};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::sort_pushdown::SortOrderPushdownResult;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, PlanProperties, apply_expression_roots};

use super::estimate;
use super::spec::ScanSpec;
use super::stream::{self, Run};
use crate::error::into_datafusion;

/// Reads a remote table.
#[derive(Debug)]
pub(crate) struct RemoteScanExec {
    spec: ScanSpec,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RemoteScanExec {
    pub(crate) fn try_new(spec: ScanSpec) -> Result<Self> {
        if !spec.stamp.is_of(&spec.query.table) {
            let fault = "a scan with the stamp of another table";
            return Err(DataFusionError::Internal(fault.to_owned()));
        }
        let fetched = spec.query.output_schema();
        let schema = Arc::new(fetched.project(&spec.output)?);
        let mut equivalences = EquivalenceProperties::new(Arc::clone(&schema));
        if let Some(ordering) = ordering(&spec, &schema) {
            equivalences.add_ordering(ordering);
        }
        let properties = PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            spec,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The same scan, waiting for the keys of joins. One that pushes nothing but filters and one that is cut after some rows take none: among
    /// fewer rows other rows would come first. A single group of all rows would become another.
    pub(crate) fn with_dynamic_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        dynamic: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Self> {
        self.with_spec(|spec| {
            let is_cut = spec.fetch.is_some() || spec.query.limit.is_some();
            let is_one_group = spec
                .query
                .grouping
                .as_ref()
                .is_some_and(|grouping| grouping.keys.is_empty());
            if spec.pushdown && !is_one_group && !is_cut && filters.iter().any(takes(spec)) {
                spec.key_filters = filters;
            }
            if spec.pushdown && spec.query.grouping.is_none() && !is_cut {
                spec.dynamic_filters = dynamic;
            }
        })
    }

    /// The same scan with a changed spec.
    pub(crate) fn with_spec(&self, change: impl FnOnce(&mut ScanSpec)) -> Result<Self> {
        let mut spec = self.spec.clone();
        change(&mut spec);
        Self::try_new(spec)
    }

    pub(crate) fn spec(&self) -> &ScanSpec {
        &self.spec
    }

    /// Table column behind an output column.
    pub(crate) fn table_column(&self, output: usize) -> Option<usize> {
        self.spec
            .query
            .columns
            .get(*self.spec.output.get(output)?)
            .copied()
    }

    /// The sort as remote sort keys, when the remote order equals Arrow's for every one of them.
    fn remote_order(&self, order: &[PhysicalSortExpr]) -> Option<Vec<Order>> {
        let table = &self.spec.query.table;
        let dialect = self.spec.source.dialect();
        let key = |sort: &PhysicalSortExpr| {
            let output = sort.expr.downcast_ref::<Column>()?.index();
            let column = self.table_column(output)?;
            dialect
                .sorts_like_arrow(table.columns.get(column)?)
                .then_some(Order {
                    column,
                    descending: sort.options.descending,
                    nulls_first: sort.options.nulls_first,
                })
        };
        order.iter().map(key).collect()
    }

    /// Whether the source refused to sort so before.
    fn refuses_order(&self, order: &[Order]) -> bool {
        let mut query = self.spec.query.clone();
        query.order = order.to_vec();
        self.spec.source.has_refused(&query)
    }

    /// The query that will be sent, before join keys arrive.
    pub(crate) fn planned_query(&self) -> RemoteQuery {
        let mut query = self.spec.query.clone();
        if let Some(fetch) = self.spec.fetch {
            let all_decided_remotely = self.spec.checks.is_empty() && query.is_exact();
            // A limit on groups would turn the error about too many of them into an answer without some.
            let may_limit = all_decided_remotely && self.spec.pushdown && query.grouping.is_none();
            query.limit = may_limit.then_some(fetch as u64);
            // The number of groups that may be asked for could follow the size of a page.
            query.page_rows = query.grouping.is_none().then_some(fetch);
        }
        query
    }

    /// Rows that the scan may return, from what earlier calls saw and the kinds of its filters.
    pub(crate) fn estimated_rows(&self) -> usize {
        if self
            .spec
            .query
            .grouping
            .as_ref()
            .is_some_and(|grouping| grouping.keys.is_empty())
        {
            return 1;
        }
        if self.spec.query.is_empty() {
            return 0;
        }
        let top = self.spec.worthwhile_top().map(|top| top.rows.max(1));
        let fetch = self.spec.fetch.or(top).unwrap_or(usize::MAX);
        self.spec.kept_rows().min(fetch)
    }

    /// How old the rows of an earlier scan are that answer this one, as far as is known before join keys arrive.
    pub(crate) fn cached(&self) -> Option<Duration> {
        Some(self.spec.reuse.cached(&self.planned_query())?.age())
    }

    /// API calls that the scan may make: a page for each full page of estimated rows.
    pub(crate) fn estimated_calls(&self) -> usize {
        if self.spec.query.is_empty() || self.spec.repeats || self.cached().is_some() {
            return 0;
        }
        if self.spec.query.grouping.is_some() {
            return 1;
        }
        match self.spec.worthwhile_top() {
            Some(top) => top.calls(&self.spec),
            None => self.spec.page_calls(self.estimated_rows()),
        }
    }
}

/// Whether a key filter is over columns by which the scan can be narrowed.
fn takes(spec: &ScanSpec) -> impl Fn(&Arc<dyn PhysicalExpr>) -> bool {
    let grouped = spec.query.grouping.is_some();
    let columns: BTreeSet<usize> = (0..spec.output.len())
        .filter(|output| spec.key_column(*output).is_some())
        .collect();
    move |filter| {
        !grouped
            || collect_columns(filter)
                .iter()
                .any(|column| columns.contains(&column.index()))
    }
}

/// The order of the output, as far as the remote sort keys are output columns.
fn ordering(spec: &ScanSpec, schema: &SchemaRef) -> Option<LexOrdering> {
    let keys = spec.query.order.iter().map_while(|order| {
        let fetched = |&at: &usize| spec.query.columns.get(at) == Some(&order.column);
        let position = spec.output.iter().position(fetched)?;
        Some(sort_key(order, schema.fields().get(position)?.name(), position))
    });
    LexOrdering::new(keys.collect::<Vec<_>>())
}

/// The order of the fetched columns; `None` when the scan isn't sorted.
fn fetched_ordering(query: &RemoteQuery) -> Option<LexOrdering> {
    let keys = query.order.iter().map_while(|order| {
        let position = query.columns.iter().position(|column| *column == order.column)?;
        Some(sort_key(
            order,
            &query.table.columns.get(order.column)?.name,
            position,
        ))
    });
    LexOrdering::new(keys.collect::<Vec<_>>())
}

fn sort_key(order: &Order, name: &str, position: usize) -> PhysicalSortExpr {
    let (descending, nulls_first) = (order.descending, order.nulls_first);
    PhysicalSortExpr {
        expr: Arc::new(Column::new(name, position)),
        options: SortOptions {
            descending,
            nulls_first,
        },
    }
}

impl ExecutionPlan for RemoteScanExec {
    fn name(&self) -> &'static str {
        "RemoteScanExec"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    /// Names the join filters as used, or the join would never fill them.
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.spec.key_filters.iter().map(Arc::clone), f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            return Ok(self);
        }
        Err(DataFusionError::Internal(
            "a remote scan has no children".to_owned(),
        ))
    }

    /// A plan that is run again has joins that fill no filter of its scans: a recursive query reads them whole.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = self.with_spec(|spec| {
            spec.key_filters = Vec::new();
            spec.dynamic_filters = Vec::new();
        })?;
        Ok(Arc::new(scan))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let asking = self.spec.stamp.asking(context.session_config());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let run = Run {
            query: self.planned_query(),
            context: asking.map_err(into_datafusion)?,
            ordering: fetched_ordering(&self.spec.query),
            memory: Arc::clone(context.memory_pool()),
        };
        let stream = stream::rows(self.spec.clone(), run, metrics);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Inexact(self.estimated_rows());
        for (output, column) in statistics.column_statistics.iter_mut().enumerate() {
            let at = self.table_column(output);
            let distinct = at.map(|at| estimate::distinct_values(&self.spec, at));
            column.distinct_count = distinct.map_or(Precision::Absent, Precision::Inexact);
        }
        Ok(Arc::new(statistics))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let fetch = match (self.spec.fetch, limit) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Some(Arc::new(self.with_spec(|spec| spec.fetch = fetch).ok()?))
    }

    fn fetch(&self) -> Option<usize> {
        self.spec.fetch
    }

    /// Takes nothing: static filters arrive as a logical plan, and the keys of joins by `optimizer::physical::push_dynamic_filters`.
    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::with_parent_pushdown_result(
            vec![PushedDown::No; pushed.parent_filters.len()],
        ))
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let grouped = self.spec.query.grouping.is_some();
        if !self.spec.pushdown || self.spec.fetch.is_some() || grouped {
            return Ok(SortOrderPushdownResult::Unsupported);
        }
        match self.remote_order(order) {
            Some(remote) if !remote.is_empty() && !self.refuses_order(&remote) => {
                let inner = self.with_spec(|spec| spec.query.order = remote)?;
                Ok(SortOrderPushdownResult::Exact {
                    inner: Arc::new(inner),
                })
            }
            _ => Ok(SortOrderPushdownResult::Unsupported),
        }
    }
}
