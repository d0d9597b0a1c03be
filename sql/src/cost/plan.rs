//! What a plan will probably cost, before anything is asked: calls, rows and bytes of each scan.
//!
//! Owns: how estimates of scans combine. The keys of a join narrow the scans on its probe side, so those are priced by the rows that the
//! build side is expected to have. Invariant: an estimate decides what a person is told and whether a budget is refused, never an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_core::{ColumnType, KeySet, Literal, QueryContext, RemoteQuery, RowCount, Source, Table, keys};
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
use crate::scan::exec::RemoteScanExec;
use crate::scan::spec::ScanSpec;

/// What one scan, or all scans of a statement, will probably take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Price {
    pub(crate) calls: usize,
    /// Rows that are transferred.
    pub(crate) rows: usize,
    /// Bytes of the answers' bodies, before compression.
    pub(crate) bytes: usize,
}

impl Price {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            rows: self.rows.saturating_add(other.rows),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// Rows that a table is taken to have while nobody has counted them.
pub(crate) const UNKNOWN_TABLE: usize = 10_000;

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

/// A node of a plan with its price.
#[derive(Debug)]
pub(crate) struct Priced {
    pub(crate) node: Arc<dyn ExecutionPlan>,
    /// `None` for what is no scan.
    pub(crate) price: Option<Price>,
    /// Rows that come out of it.
    rows: usize,
    pub(crate) children: Vec<Self>,
}

impl Priced {
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        priced(plan, None)
    }

    /// The inputs that are surely read: of an attempt and the whole plan only the attempt.
    fn inputs(&self) -> &[Self] {
        match self.children.as_slice() {
            [attempt, _] if self.node.is::<FirstRowsExec>() => std::slice::from_ref(attempt),
            all => all,
        }
    }

    /// All scans together.
    pub(crate) fn total(&self) -> Price {
        let own = self.price.unwrap_or_default();
        self.inputs()
            .iter()
            .fold(own, |sum, child| sum.plus(child.total()))
    }

    /// Calls that all scans together take when nothing ends them early. `may_stop`: whether an operator above may have enough of the rows.
    fn surely(&self, may_stop: bool) -> usize {
        if let Some(price) = self.price {
            // What narrows a scan late may leave one page of it.
            let is_narrowed = self
                .scan()
                .is_some_and(|scan| !scan.spec().late_filters.is_empty());
            return if may_stop || is_narrowed {
                price.calls.min(1)
            } else {
                price.calls
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
    pub(crate) fn by_source(&self) -> BTreeMap<Arc<str>, (Arc<dyn Source>, Price)> {
        let mut found = BTreeMap::new();
        self.gather(&mut found);
        found
    }

    fn gather(&self, found: &mut BTreeMap<Arc<str>, (Arc<dyn Source>, Price)>) {
        if let (Some(scan), Some(price)) = (self.scan(), self.price) {
            let source = &scan.spec().source;
            let sum = found
                .entry(Arc::clone(source.name()))
                .or_insert_with(|| (Arc::clone(source), Price::default()));
            sum.1 = sum.1.plus(price);
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
    priced(plan, None).rows
}

/// Bytes that a scan's rows may have, as far as that is known without keys.
pub(crate) fn bytes_of(scan: &RemoteScanExec) -> usize {
    of_scan(scan, None).bytes
}

/// `keys`: rows that the joins above will hand down keys of.
fn priced(plan: &Arc<dyn ExecutionPlan>, keys: Option<usize>) -> Priced {
    let node = Arc::clone(plan);
    if let Some(scan) = plan.downcast_ref::<RemoteScanExec>() {
        let price = of_scan(scan, keys);
        let rows = price.rows;
        return Priced {
            node,
            price: Some(price),
            rows,
            children: Vec::new(),
        };
    }
    let children = match (plan.downcast_ref::<HashJoinExec>(), plan.children().as_slice()) {
        (Some(_), [build, probe]) => {
            let build = priced(build, keys);
            let handed_down = keys.map_or(build.rows, |keys| keys.min(build.rows));
            let probe = priced(probe, Some(handed_down));
            vec![build, probe]
        }
        (_, children) => children.iter().map(|child| priced(child, keys)).collect(),
    };
    let rows = rows_out(plan, &children);
    Priced {
        node,
        price: None,
        rows,
        children,
    }
}

/// Rows that come out of an operator. Rough: what counts is whether a join hands down ten keys or ten thousand.
fn rows_out(plan: &Arc<dyn ExecutionPlan>, children: &[Priced]) -> usize {
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

fn of_scan(scan: &RemoteScanExec, keys: Option<usize>) -> Price {
    let spec = scan.spec();
    let mut price = Price {
        calls: scan.estimated_calls(),
        rows: scan.estimated_rows(),
        bytes: 0,
    };
    if let Some(keys) = keys.filter(|_| !spec.key_filters.is_empty() && price.calls > 0) {
        price = price_of_keys(spec, price, keys);
    }
    price.bytes = price.rows.saturating_mul(row_bytes(&spec.source, &spec.query));
    price
}

/// A scan that is narrowed to so many keys, or the whole scan where that is fewer calls.
fn price_of_keys(spec: &ScanSpec, whole: Price, keys: usize) -> Price {
    if keys == 0 {
        return Price::default();
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
    Price {
        calls,
        rows,
        bytes: 0,
    }
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
    if column == table.key || found.is_some_and(|column| column.unique) {
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
fn requests_for(spec: &ScanSpec, column: usize, count: usize) -> usize {
    /// More than this are not written out for an estimate; they are priced like these.
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
fn row_bytes(source: &Arc<dyn Source>, query: &RemoteQuery) -> usize {
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
            ColumnType::Float64 | ColumnType::Date => 10,
            ColumnType::Text => 20,
            ColumnType::Timestamp | ColumnType::Time => 28,
        };
        Some(column.name.len() + value + 6)
    });
    fields.sum::<usize>() + source.dialect().record_bytes(table)
}

/// Asks for the row counts of tables that nobody knows, for a price that can be relied on. True when one was counted. What that takes is
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
    let calls = Priced::of(plan).surely(false);
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
