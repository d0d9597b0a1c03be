//! What a plan will probably cost, before anything is asked: calls, rows and bytes of each scan.
//!
//! Owns: how estimates of scans combine. The keys of a join narrow the scans on its probe side, so those are estimated by the rows that the
//! build side is expected to have. Invariant: an estimate decides what a person is told and whether a budget is refused, never an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_core::{QueryContext, Source, Table};
use datafusion::common::JoinType;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;

use crate::Error;
use crate::error::{into_datafusion, sqlstate};
use crate::operators::first_rows::FirstRowsExec;
use crate::scan::estimate::{Cost, calls_with_keys, count_rows, requests_for, row_bytes, rows_with_keys};
use crate::scan::exec::RemoteScanExec;
use crate::scan::spec::ScanSpec;

/// A node of a plan with its cost.
#[derive(Debug)]
pub(crate) struct Costed {
    pub(crate) node: Arc<dyn ExecutionPlan>,
    /// `None` for what is no scan.
    pub(crate) cost: Option<Cost>,
    /// Rows that come out of it.
    rows: usize,
    pub(crate) children: Vec<Self>,
}

impl Costed {
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        costed(plan, None)
    }

    /// The inputs that are surely read: of an attempt and the whole plan only the attempt.
    fn inputs(&self) -> &[Self] {
        match self.children.as_slice() {
            [attempt, _] if self.node.is::<FirstRowsExec>() => std::slice::from_ref(attempt),
            all => all,
        }
    }

    /// All scans together.
    pub(crate) fn total(&self) -> Cost {
        let own = self.cost.unwrap_or_default();
        self.inputs()
            .iter()
            .fold(own, |sum, child| sum.plus(child.total()))
    }

    /// Calls that all scans together take when nothing ends them early. `may_stop`: whether an operator above may have enough of the rows.
    fn surely(&self, may_stop: bool) -> usize {
        if let Some(cost) = self.cost {
            // What narrows a scan late may leave one page of it.
            let is_narrowed = self
                .scan()
                .is_some_and(|scan| !scan.spec().dynamic_filters.is_empty());
            return if may_stop || is_narrowed {
                cost.calls.min(1)
            } else {
                cost.calls
            };
        }
        // These read all rows before they answer the first.
        let reads_all = self.node.is::<SortExec>() || self.node.is::<AggregateExec>();
        let may_stop = !reads_all && (may_stop || self.node.fetch().is_some());
        let is_join = self.node.is::<HashJoinExec>();
        let children = self.inputs().iter().enumerate();
        children
            .map(|(at, child)| child.surely(may_stop && !(is_join && at == 0)))
            .sum()
    }

    /// The scans of each source together.
    pub(crate) fn by_source(&self) -> BTreeMap<Arc<str>, (Arc<dyn Source>, Cost)> {
        let mut found = BTreeMap::new();
        self.gather(&mut found);
        found
    }

    fn gather(&self, found: &mut BTreeMap<Arc<str>, (Arc<dyn Source>, Cost)>) {
        if let (Some(scan), Some(cost)) = (self.scan(), self.cost) {
            let source = &scan.spec().source;
            let sum = found
                .entry(Arc::clone(source.name()))
                .or_insert_with(|| (Arc::clone(source), Cost::default()));
            sum.1 = sum.1.plus(cost);
        }
        for child in self.inputs() {
            child.gather(found);
        }
    }

    pub(crate) fn scan(&self) -> Option<&RemoteScanExec> {
        self.node.downcast_ref::<RemoteScanExec>()
    }
}

/// Rows that may come out of the plan.
pub(crate) fn rows_of(plan: &Arc<dyn ExecutionPlan>) -> usize {
    costed(plan, None).rows
}

/// Calls that all scans of the plan will probably take.
pub(crate) fn calls_of(plan: &Arc<dyn ExecutionPlan>) -> usize {
    Costed::of(plan).total().calls
}

/// Bytes that a scan's rows may have, as far as that is known without keys.
pub(crate) fn bytes_of(scan: &RemoteScanExec) -> usize {
    scan_cost(scan, None).bytes
}

/// `keys`: rows that the joins above will hand down keys of.
fn costed(plan: &Arc<dyn ExecutionPlan>, keys: Option<usize>) -> Costed {
    let node = Arc::clone(plan);
    if let Some(scan) = plan.downcast_ref::<RemoteScanExec>() {
        let cost = scan_cost(scan, keys);
        let rows = cost.rows;
        return Costed {
            node,
            cost: Some(cost),
            rows,
            children: Vec::new(),
        };
    }
    let children = match (plan.downcast_ref::<HashJoinExec>(), plan.children().as_slice()) {
        (Some(_), [build, probe]) => {
            let build = costed(build, keys);
            let handed_down = keys.map_or(build.rows, |keys| keys.min(build.rows));
            let probe = costed(probe, Some(handed_down));
            vec![build, probe]
        }
        (_, children) => children.iter().map(|child| costed(child, keys)).collect(),
    };
    let rows = rows_out(plan, &children);
    Costed {
        node,
        cost: None,
        rows,
        children,
    }
}

/// Rows that come out of an operator. Rough: what counts is whether a join hands down ten keys or ten thousand.
fn rows_out(plan: &Arc<dyn ExecutionPlan>, children: &[Costed]) -> usize {
    /// A filter that stays local keeps one row of so many.
    const FILTERED: usize = 5;
    let inputs: Vec<usize> = children.iter().map(|child| child.rows).collect();
    let most = inputs.iter().copied().max().unwrap_or(1);
    let rows = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        match (join.join_type(), inputs.as_slice()) {
            (JoinType::LeftSemi | JoinType::RightSemi, _) => inputs.iter().copied().min().unwrap_or(1),
            (JoinType::LeftAnti | JoinType::LeftMark, [left, _]) => *left,
            (JoinType::RightAnti | JoinType::RightMark, [_, right]) => *right,
            // The probe side was narrowed to what matches.
            (JoinType::Inner, [_, probe]) => *probe,
            _ => most,
        }
    } else if plan.is::<CrossJoinExec>() || plan.is::<NestedLoopJoinExec>() {
        inputs
            .iter()
            .fold(1, |product: usize, rows| product.saturating_mul(*rows))
    } else if plan.is::<UnionExec>() {
        inputs
            .iter()
            .fold(0, |sum: usize, rows| sum.saturating_add(*rows))
    } else if plan.is::<FilterExec>() {
        most.div_ceil(FILTERED)
    } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        if aggregate.group_expr().is_empty() {
            1
        } else {
            most
        }
    } else {
        most
    };
    plan.fetch().map_or(rows, |fetch| rows.min(fetch))
}

fn scan_cost(scan: &RemoteScanExec, keys: Option<usize>) -> Cost {
    let spec = scan.spec();
    let mut cost = Cost {
        calls: scan.estimated_calls(),
        rows: scan.estimated_rows(),
        bytes: 0,
    };
    if let Some(keys) = keys.filter(|_| !spec.key_filters.is_empty() && cost.calls > 0) {
        cost = cost_of_keys(spec, cost, keys);
    }
    cost.bytes = cost.rows.saturating_mul(row_bytes(&spec.source, &spec.query));
    cost
}

/// A scan that is narrowed to so many keys, or the whole scan where that is fewer calls.
fn cost_of_keys(spec: &ScanSpec, whole: Cost, keys: usize) -> Cost {
    if keys == 0 {
        return Cost::default();
    }
    // The column whose keys bring the fewest rows gets them, as far as one can tell before they arrive.
    let columns = spec.key_columns().into_iter();
    let column = columns.min_by_key(|column| rows_with_keys(spec, *column, keys));
    let rows = column.map_or(whole.rows, |column| {
        whole.rows.min(rows_with_keys(spec, column, keys))
    });
    let requests = column.map_or(1, |column| requests_for(spec, column, keys));
    let calls = calls_with_keys(spec, requests, rows);
    let is_known = spec.source.known_rows(&spec.query.table.name.name).is_some();
    if is_known && calls > whole.calls {
        return whole;
    }
    Cost {
        calls,
        rows,
        bytes: 0,
    }
}

/// Asks for the row counts of tables that nobody knows, for a cost that can be relied on. True when one was counted. What that takes is
/// not charged to the statement's budget, which is for its answer.
pub(crate) async fn count_tables(plan: &Arc<dyn ExecutionPlan>, context: &QueryContext) -> bool {
    let mut scans = Vec::new();
    scans_of(plan, &mut scans);
    let mut counted = false;
    for (source, table) in scans {
        let name = &table.name.name;
        if source.known_rows(name).is_some_and(|count| count.is_fresh()) {
            continue;
        }
        counted |= count_rows(source.as_ref(), &table, context).await.is_some();
    }
    counted
}

fn scans_of(plan: &Arc<dyn ExecutionPlan>, found: &mut Vec<(Arc<dyn Source>, Arc<Table>)>) {
    if let Some(scan) = plan.downcast_ref::<RemoteScanExec>() {
        let spec = scan.spec();
        found.push((Arc::clone(&spec.source), Arc::clone(&spec.query.table)));
    }
    for child in plan.children() {
        scans_of(child, found);
    }
}

/// Refuses a plan that will probably take more calls than the statement may make. Where a table was never counted, a guess of its size
/// refuses nothing.
pub(crate) fn within_budget(
    plan: &Arc<dyn ExecutionPlan>,
    context: &QueryContext,
) -> datafusion::common::Result<()> {
    let Some(most) = context.calls_left() else {
        return Ok(());
    };
    let mut scans = Vec::new();
    scans_of(plan, &mut scans);
    let all_counted = scans
        .iter()
        .all(|(source, table)| source.known_rows(&table.name.name).is_some());
    let calls = Costed::of(plan).surely(false);
    if !all_counted || calls <= most as usize {
        return Ok(());
    }
    let message = format!(
        "the query would make about {calls} api calls, and causeway.max_api_calls allows {}; none was made for its rows",
        context.max_api_calls
    );
    let error = Error::new(sqlstate::OVER_BUDGET, message)
        .with_hint("narrow the query, or raise causeway.max_api_calls; EXPLAIN shows the calls of each scan");
    Err(into_datafusion(error))
}
