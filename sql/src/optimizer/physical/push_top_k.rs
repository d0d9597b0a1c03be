//! A physical rule: tells a scan how many of its rows the top-k above it keeps, and in which order.
//!
//! The top-k stays where it is and sorts whatever comes, so that the scan may leave out rows and need not sort them. Runs after the plan
//! has got its shape.

use std::sync::Arc;

use causeway_core::Order;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;

use crate::policy::PolicyExec;
use crate::scan::exec::RemoteScanExec;
use crate::scan::spec::{Note, Top};

/// Hands top-ks down to the scans.
pub(crate) fn push_top_k(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let Some(sort) = node.downcast_ref::<SortExec>() else {
            return Ok(Transformed::no(node));
        };
        let key = sort.expr().first();
        let (Some(rows), Some(column)) = (sort.fetch(), key.expr.downcast_ref::<Column>()) else {
            return Ok(Transformed::no(node));
        };
        let offer = Offer {
            rows,
            descending: key.options.descending,
            nulls_first: key.options.nulls_first,
            is_only_key: sort.expr().len() == 1,
        };
        match offer.made_to(sort.input(), column.index())? {
            Some(input) => Ok(Transformed::yes(replace_children_if_necessary(
                node,
                vec![input],
            )?)),
            None => Ok(Transformed::no(node)),
        }
    })
    .data()
}

/// A top-k by a column of some operator's output.
struct Offer {
    rows: usize,
    descending: bool,
    nulls_first: bool,
    is_only_key: bool,
}

impl Offer {
    /// The operator with the scan below it told; `None` when they are not the scan's rows one by one, or it can do nothing with it.
    fn made_to(
        &self,
        node: &Arc<dyn ExecutionPlan>,
        column: usize,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if let Some(scan) = node.downcast_ref::<RemoteScanExec>() {
            return Ok(self.taken_by(scan, column)?.map(|scan| Arc::new(scan) as _));
        }
        let below = match node.downcast_ref::<ProjectionExec>() {
            Some(projection) => {
                let expr = projection.expr().get(column);
                let inner = expr.and_then(|projected| projected.expr.downcast_ref::<Column>());
                inner.map(Column::index)
            }
            None => keeps_rows(node).then_some(column),
        };
        let children = node.children();
        let (Some(below), [child]) = (below, children.as_slice()) else {
            return Ok(None);
        };
        let child = self.made_to(child, below)?;
        child
            .map(|child| replace_children_if_necessary(Arc::clone(node), vec![child]))
            .transpose()
    }

    fn taken_by(&self, scan: &RemoteScanExec, output: usize) -> Result<Option<RemoteScanExec>> {
        let spec = scan.spec();
        let is_plain = spec.pushdown && spec.fetch.is_none() && spec.query.grouping.is_none();
        let Some(at) = scan.table_column(output).filter(|_| is_plain) else {
            return Ok(None);
        };
        let Some(column) = spec.query.table.columns.get(at) else {
            return Ok(None);
        };
        match spec.source.dialect().sorts_values(column) {
            Ok(()) => {
                let top = Top {
                    rows: self.rows,
                    key: Order {
                        column: at,
                        descending: self.descending,
                        nulls_first: self.nulls_first,
                    },
                    is_only_key: self.is_only_key,
                };
                scan.with_spec(|spec| spec.top = Some(top)).map(Some)
            }
            Err("") => Ok(None),
            Err(reason) => {
                let direction = if self.descending { " DESC" } else { "" };
                let text = format!("ORDER BY {}{direction}", column.name);
                let note = Note::Local(text, reason.to_owned());
                scan.with_spec(|spec| spec.notes.push(note)).map(Some)
            }
        }
    }
}

/// Whether the operator hands on every row of its input, in whatever order. A policy's filters stand below its barrier.
fn keeps_rows(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.downcast_ref::<CooperativeExec>().is_some()
        || node.downcast_ref::<PolicyExec>().is_some()
        || node.downcast_ref::<CoalescePartitionsExec>().is_some()
        || node.downcast_ref::<RepartitionExec>().is_some()
}

#[cfg(test)]
mod tests {
    use crate::Pushdown;
    use crate::optimizer::before_after::Setting;
    use crate::optimizer::fake_source::Abilities;

    #[tokio::test]
    async fn the_scan_learns_what_the_top_k_keeps() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.opportunity ORDER BY amount DESC LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            before
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 DESC], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
            after
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 DESC], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈2  q=SELECT id, amount FROM opportunity ORDER BY amount DESC  first 3 (it may be ignored and empty values may stand anywhere, so what comes first is read by a second query; NULLS LAST can save it): amount DESC
        ");
    }

    #[tokio::test]
    async fn further_keys_leave_it_to_the_first() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.opportunity ORDER BY amount DESC, id LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            before
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 DESC, id@0 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
            after
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 DESC, id@0 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈2  q=SELECT id, amount FROM opportunity ORDER BY amount DESC  first 3 (it may be ignored and empty values may stand anywhere, so what comes first is read by a second query; NULLS LAST can save it): amount DESC
        ");
    }

    #[tokio::test]
    async fn a_filter_of_a_policy_keeps_it_away_too() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("account", 50_000)].into(),
            ..Abilities::default()
        })
        .policy("crm.account", "note = 'x'");
        let sql = "SELECT id FROM crm.account ORDER BY employees DESC NULLS LAST LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r#"
            unchanged
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[employees@1 DESC NULLS LAST], preserve_partitioning=[false]
                RowPolicy: only rows that this user may see
                  FilterExec: note@1 = x, projection=[id@0, employees@2]
                    CooperativeExec
                      FakeScan: account  calls≈50  q=SELECT id, note, employees FROM account  local (notes can't be filtered by): "target".note = 'x'
        "#);
    }

    #[tokio::test]
    async fn a_source_that_gives_no_first_rows_is_not_told() {
        let setting = Setting::with(Abilities {
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.opportunity ORDER BY amount DESC LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            unchanged
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 DESC], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn an_order_that_the_source_has_differently_is_said_to_stay_here() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.opportunity ORDER BY name LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            before
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[name@1 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, name FROM opportunity
            after
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[name@1 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, name FROM opportunity  local (names are sorted without case there): ORDER BY name
        ");
    }

    #[tokio::test]
    async fn a_sort_of_all_rows_is_no_top_k() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.opportunity ORDER BY amount DESC";
        setting.physical("push_top_k", sql).await.is(r"
            unchanged
            ProjectionExec: expr=[id@0 as id]
              SortExec: expr=[amount@1 DESC], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn an_expression_is_no_column_of_the_scan() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.opportunity ORDER BY amount * 2 LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            unchanged
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 * 2 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn a_filter_in_between_keeps_it_away() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("account", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT id FROM crm.account WHERE note = 'x' ORDER BY employees LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r#"
            unchanged
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[employees@1 ASC NULLS LAST], preserve_partitioning=[false]
                FilterExec: note@1 = x, projection=[id@0, employees@2]
                  CooperativeExec
                    FakeScan: account  calls≈50  q=SELECT id, note, employees FROM account  local (notes can't be filtered by): "account".note = 'x'
        "#);
    }

    #[tokio::test]
    async fn a_join_in_between_keeps_it_away() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        });
        let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
         t.opportunity ORDER BY o.amount LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            unchanged
            SortExec: TopK(fetch=3), expr=[amount@1 ASC NULLS LAST], preserve_partitioning=[false]
              HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
                CooperativeExec
                  FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }

    #[tokio::test]
    async fn filters_alone_may_be_pushed() {
        let setting = Setting::with(Abilities {
            gives_first: true,
            rows: [("opportunity", 50_000)].into(),
            ..Abilities::default()
        })
        .pushdown(Pushdown::Filters);
        let sql = "SELECT id FROM crm.opportunity ORDER BY amount DESC LIMIT 3";
        setting.physical("push_top_k", sql).await.is(r"
            unchanged
            ProjectionExec: expr=[id@0 as id]
              SortExec: TopK(fetch=3), expr=[amount@1 DESC], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈50  q=SELECT id, amount FROM opportunity
        ");
    }
}
