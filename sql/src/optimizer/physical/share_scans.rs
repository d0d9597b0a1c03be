//! A physical rule: scans of one statement that ask for the same rows tell each other what they brought.
//!
//! A table that a statement names twice, as common tables and self-joins do, is then asked once where one scan ends before the other
//! begins; two at the same time share their calls in flight. Invariant: only [`crate::scan::result_cache`] decides whether one holds the other's rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;

use crate::cost::plan;
use crate::operators::first_rows::FirstRowsExec;
use crate::scan::exec::RemoteScanExec;
use crate::scan::result_cache::ResultCache;
use crate::scan::spec::ScanSpec;

/// Bytes of rows that a statement keeps for its other scans.
const MOST_BYTES: usize = 32 << 20;

/// Marks scans that may answer each other.
pub(crate) fn share_scans(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let mut alike: HashMap<String, Alike> = HashMap::new();
    gather(&plan, 1, &mut alike);
    alike.retain(|_, scans| scans.count > 1);
    if alike.is_empty() {
        return Ok(plan);
    }
    let cache = Arc::new(ResultCache::new(MOST_BYTES));
    plan.transform_down(|node| {
        if node.is::<FirstRowsExec>() {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        let scan = node.downcast_ref::<RemoteScanExec>();
        let shared = scan.and_then(|scan| Some((scan, alike.get_mut(&rows_of(scan.spec())?)?)));
        let Some((scan, alike)) = shared else {
            return Ok(Transformed::no(node));
        };
        let is_kept = plan::bytes_of(scan) <= MOST_BYTES / 4;
        let scan = scan.with_spec(|spec| {
            spec.refetch(&alike.columns);
            spec.reuse.within = Some(Arc::clone(&cache));
            spec.repeats = alike.is_repeated_by(spec) && is_kept;
        })?;
        Ok(Transformed::yes(Arc::new(scan) as _))
    })
    .data()
}

/// Scans of the same rows.
#[derive(Default)]
struct Alike {
    count: usize,
    /// The columns that they want together.
    columns: Vec<usize>,
    /// How many of them wait for no keys, and so read all of the rows.
    whole: usize,
    /// Whether the one that will be asked has been passed.
    is_asked: bool,
}

impl Alike {
    /// Whether the scan, one after the other, only repeats what another reads.
    fn is_repeated_by(&mut self, spec: &ScanSpec) -> bool {
        let is_first_whole = reads_all(spec) && !self.is_asked;
        self.is_asked |= is_first_whole;
        self.whole > 0 && !is_first_whole
    }
}

/// `times`: how often the plan is run. The attempt of a limited join and the whole are not both read, so their scans share nothing.
fn gather(plan: &Arc<dyn ExecutionPlan>, times: usize, alike: &mut HashMap<String, Alike>) {
    if plan.is::<FirstRowsExec>() {
        return;
    }
    if let Some(scan) = plan.downcast_ref::<RemoteScanExec>()
        && let Some(rows) = rows_of(scan.spec())
    {
        let scans = alike.entry(rows).or_default();
        scans.count += times;
        scans.whole += usize::from(reads_all(scan.spec()));
        for column in &scan.spec().query.columns {
            if !scans.columns.contains(column) {
                scans.columns.push(*column);
            }
        }
    }
    let is_recursive = plan.is::<RecursiveQueryExec>();
    for (at, child) in plan.children().into_iter().enumerate() {
        let times = if is_recursive && at == 1 { times * 2 } else { times };
        gather(child, times, alike);
    }
}

/// Whether the scan waits for nothing that narrows it.
fn reads_all(spec: &ScanSpec) -> bool {
    spec.key_filters.is_empty() && spec.dynamic_filters.is_empty()
}

/// What tells the rows of one scan from another's, before join keys arrive; `None` for a scan that reads only some of them.
fn rows_of(spec: &ScanSpec) -> Option<String> {
    let is_whole = spec.pushdown && spec.fetch.is_none() && spec.top.is_none();
    let query = &spec.query;
    let mut filters: Vec<String> = query.filters.iter().map(|filter| format!("{filter:?}")).collect();
    filters.sort_unstable();
    // A parent's column is another at the same place of another scan's table.
    let paths = if query.is_along_paths() {
        format!("{:?}", query.table.columns)
    } else {
        String::new()
    };
    is_whole.then(|| {
        format!(
            "{} {} {filters:?} {:?} {paths}",
            query.table.source, query.table.name.name, query.grouping
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::Pushdown;
    use crate::optimizer::before_after::Setting;
    use crate::optimizer::fake_source::Abilities;

    #[tokio::test]
    async fn two_whole_scans_of_a_table_share_columns_and_rows() {
        let setting = Setting::with(Abilities {
            rows: [("account", 50)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT name FROM crm.account UNION ALL SELECT note FROM crm.account";
        setting.physical("share_scans", sql).await.is(r"
            before
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT name FROM account
              ProjectionExec: expr=[note@0 as name]
                CooperativeExec
                  FakeScan: account  calls≈1  q=SELECT note FROM account
            after
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT name, note FROM account
              ProjectionExec: expr=[note@0 as name]
                CooperativeExec
                  FakeScan: account  calls≈0  q=SELECT name, note FROM account  shared=with another scan of the statement
        ");
    }

    #[tokio::test]
    async fn other_filters_bring_other_rows() {
        let setting = Setting::with(Abilities {
            rows: [("account", 50)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.account WHERE employees = 1 UNION ALL SELECT id FROM \
         crm.account WHERE employees = 2";
        setting.physical("share_scans", sql).await.is(r"
            unchanged
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT id FROM account WHERE employees = 1  exact: employees = 1
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT id FROM account WHERE employees = 2  exact: employees = 2
        ");
    }

    #[tokio::test]
    async fn a_scan_that_is_cut_brings_only_some() {
        let setting = Setting::with(Abilities {
            rows: [("account", 50)].into(),
            ..Abilities::default()
        });
        let sql = "(SELECT id FROM crm.account LIMIT 3) UNION ALL SELECT id FROM crm.account";
        setting.physical("share_scans", sql).await.is(r"
            unchanged
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT id FROM account LIMIT 3  fetch=3
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT id FROM account
        ");
    }

    #[tokio::test]
    async fn what_is_too_large_to_keep_is_expected_to_be_asked_again() {
        let setting = Setting::with(Abilities {
            rows: [("account", 900_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT name FROM crm.account UNION ALL SELECT note FROM crm.account";
        setting.physical("share_scans", sql).await.is(r"
            before
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈900  q=SELECT name FROM account
              ProjectionExec: expr=[note@0 as name]
                CooperativeExec
                  FakeScan: account  calls≈900  q=SELECT note FROM account
            after
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈900  q=SELECT name, note FROM account
              ProjectionExec: expr=[note@0 as name]
                CooperativeExec
                  FakeScan: account  calls≈900  q=SELECT name, note FROM account
        ");
    }

    #[tokio::test]
    async fn filters_alone_may_be_pushed() {
        let setting = Setting::with(Abilities {
            rows: [("account", 50)].into(),
            ..Abilities::default()
        })
        .pushdown(Pushdown::Filters);
        let sql = "SELECT name FROM crm.account UNION ALL SELECT note FROM crm.account";
        setting.physical("share_scans", sql).await.is(r"
            unchanged
            UnionExec
              CooperativeExec
                FakeScan: account  calls≈1  q=SELECT name FROM account
              ProjectionExec: expr=[note@0 as name]
                CooperativeExec
                  FakeScan: account  calls≈1  q=SELECT note FROM account
        ");
    }
}
