//! What `push_dynamic_filters` makes of plans, and what it leaves alone.

use crate::Pushdown;
use crate::optimizer::before_after::Setting;
use crate::optimizer::fake_source::Abilities;

#[tokio::test]
async fn the_probe_side_of_a_join_waits_for_its_keys() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
     t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
        after
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity  keys=from the join
    ");
}

#[tokio::test]
async fn keys_pass_a_policy() {
    let setting = Setting::with(Abilities {
        rows: [("ticket", 5_000), ("opportunity", 50_000)].into(),
        ..Abilities::default()
    })
    .policy("crm.opportunity", "amount > 0");
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
     t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
          RowPolicy: only rows that this user may see
            CooperativeExec
              FakeScan: opportunity  calls≈15  q=SELECT id, amount FROM opportunity WHERE amount > 0  exact: amount > 0.0
        after
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈5  q=SELECT id, opportunity FROM ticket
          RowPolicy: only rows that this user may see
            CooperativeExec
              FakeScan: opportunity  calls≈15  q=SELECT id, amount FROM opportunity WHERE amount > 0  keys=from the join  exact: amount > 0.0
    ");
}

#[tokio::test]
async fn a_left_join_narrows_the_side_that_it_does_not_keep() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t LEFT JOIN crm.opportunity o ON o.id = \
     t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        HashJoinExec: mode=CollectLeft, join_type=Left, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
        after
        HashJoinExec: mode=CollectLeft, join_type=Left, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity  keys=from the join
    ");
}

#[tokio::test]
async fn a_full_join_narrows_neither_side() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t FULL JOIN crm.opportunity o ON o.id = \
     t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        unchanged
        HashJoinExec: mode=CollectLeft, join_type=Full, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
    ");
}

#[tokio::test]
async fn keys_pass_through_a_projection() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN (SELECT id AS key, amount FROM \
     crm.opportunity) o ON o.key = t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, key@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          ProjectionExec: expr=[id@0 as key, amount@1 as amount]
            CooperativeExec
              FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
        after
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, key@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          ProjectionExec: expr=[id@0 as key, amount@1 as amount]
            CooperativeExec
              FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity  keys=from the join
    ");
}

#[tokio::test]
async fn keys_of_an_expression_are_its_columns() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON lower(o.id) = \
     t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, lower(o.id)@2)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          ProjectionExec: expr=[id@0 as id, amount@1 as amount, lower(id@0) as lower(o.id)]
            CooperativeExec
              FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
        after
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, lower(o.id)@2)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          ProjectionExec: expr=[id@0 as id, amount@1 as amount, lower(id@0) as lower(o.id)]
            CooperativeExec
              FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity  keys=from the join
    ");
}

#[tokio::test]
async fn keys_of_a_group_pass_the_grouping() {
    let setting = Setting::with(Abilities {
        rows: [("ticket", 100), ("opportunity", 50_000)].into(),
        ..Abilities::default()
    });
    let sql = "SELECT t.id, o.total FROM desk.ticket t JOIN (SELECT accountid, sum(amount) AS \
     total FROM crm.opportunity GROUP BY accountid) o ON o.accountid = t.account";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(account@1, accountid@0)], projection=[id@0, total@3]
          CooperativeExec
            FakeScan: ticket  calls≈1  q=SELECT id, account FROM ticket
          ProjectionExec: expr=[accountid@0 as accountid, sum(crm.opportunity.amount)@1 as total]
            AggregateExec: mode=Single, gby=[accountid@0 as accountid], aggr=[sum(crm.opportunity.amount)]
              CooperativeExec
                FakeScan: opportunity  calls≈50  q=SELECT accountid, amount FROM opportunity
        after
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(account@1, accountid@0)], projection=[id@0, total@3]
          CooperativeExec
            FakeScan: ticket  calls≈1  q=SELECT id, account FROM ticket
          ProjectionExec: expr=[accountid@0 as accountid, sum(crm.opportunity.amount)@1 as total]
            AggregateExec: mode=Single, gby=[accountid@0 as accountid], aggr=[sum(crm.opportunity.amount)]
              CooperativeExec
                FakeScan: opportunity  calls≈50  q=SELECT accountid, amount FROM opportunity  keys=from the join
    ");
}

#[tokio::test]
async fn keys_of_an_aggregate_stop_at_the_grouping() {
    let setting = Setting::with(Abilities {
        rows: [("ticket", 100), ("opportunity", 50_000)].into(),
        ..Abilities::default()
    });
    let sql = "SELECT t.id FROM desk.ticket t JOIN (SELECT accountid, max(id) AS last FROM \
     crm.opportunity GROUP BY accountid) o ON o.last = t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        unchanged
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, last@0)], projection=[id@0]
          CooperativeExec
            FakeScan: ticket  calls≈1  q=SELECT id, opportunity FROM ticket
          ProjectionExec: expr=[max(crm.opportunity.id)@1 as last]
            AggregateExec: mode=Single, gby=[accountid@1 as accountid], aggr=[max(crm.opportunity.id)]
              CooperativeExec
                FakeScan: opportunity  calls≈50  q=SELECT id, accountid FROM opportunity
    ");
}

#[tokio::test]
async fn behind_a_limit_other_rows_would_move_up() {
    let setting = Setting::with(Abilities {
        rows: [("ticket", 5)].into(),
        ..Abilities::default()
    });
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN (SELECT id, amount FROM \
     crm.opportunity LIMIT 10) o ON o.id = t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        unchanged
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈1  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈1  q=SELECT id, amount FROM opportunity LIMIT 10  fetch=10
    ");
}

#[tokio::test]
async fn a_window_lets_keys_of_its_partitions_through() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.place FROM desk.ticket t JOIN (SELECT accountid, rank() OVER \
     (PARTITION BY accountid ORDER BY amount) AS place FROM crm.opportunity) o ON \
     o.accountid = t.account";
    setting.physical("push_dynamic_filters", sql).await.is(r#"
        before
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(account@1, accountid@0)], projection=[id@0, place@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, account FROM ticket
          ProjectionExec: expr=[accountid@0 as accountid, rank() PARTITION BY [crm.opportunity.accountid] ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW@2 as place]
            BoundedWindowAggExec: wdw=[rank() PARTITION BY [crm.opportunity.accountid] ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW: Field { "rank() PARTITION BY [crm.opportunity.accountid] ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW": UInt64 }, frame: RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW], mode=[Sorted]
              SortExec: expr=[accountid@0 ASC NULLS LAST, amount@1 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈10  q=SELECT accountid, amount FROM opportunity
        after
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(account@1, accountid@0)], projection=[id@0, place@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, account FROM ticket
          ProjectionExec: expr=[accountid@0 as accountid, rank() PARTITION BY [crm.opportunity.accountid] ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW@2 as place]
            BoundedWindowAggExec: wdw=[rank() PARTITION BY [crm.opportunity.accountid] ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW: Field { "rank() PARTITION BY [crm.opportunity.accountid] ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW": UInt64 }, frame: RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW], mode=[Sorted]
              SortExec: expr=[accountid@0 ASC NULLS LAST, amount@1 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈10  q=SELECT accountid, amount FROM opportunity  keys=from the join
    "#);
}

#[tokio::test]
async fn a_window_over_all_rows_keeps_keys_away() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.place FROM desk.ticket t JOIN (SELECT id, rank() OVER (ORDER BY \
     amount) AS place FROM crm.opportunity) o ON o.id = t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r#"
        unchanged
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, place@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          ProjectionExec: expr=[id@0 as id, rank() ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW@2 as place]
            BoundedWindowAggExec: wdw=[rank() ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW: Field { "rank() ORDER BY [crm.opportunity.amount ASC NULLS LAST] RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW": UInt64 }, frame: RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW], mode=[Sorted]
              SortExec: expr=[amount@1 ASC NULLS LAST], preserve_partitioning=[false]
                CooperativeExec
                  FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
    "#);
}

#[tokio::test]
async fn a_join_without_an_equality_fills_a_filter_from_its_left_side() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
     t.opportunity OR o.accountid = t.account";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        NestedLoopJoinExec: join_type=Inner, filter=id@2 = opportunity@1 OR accountid@3 = account@0, projection=[id@0, amount@5]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, account, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, accountid, amount FROM opportunity
        after
        NestedLoopJoinExec: join_type=Inner, filter=id@2 = opportunity@1 OR accountid@3 = account@0, projection=[id@0, amount@5]
          DynamicFilterExec: condition=id = opportunity OR accountid = account
            CooperativeExec
              FakeScan: ticket  calls≈10  q=SELECT id, account, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈3  q=SELECT id, accountid, amount FROM opportunity  narrowed=by other rows of the statement
    ");
}

#[tokio::test]
async fn a_join_that_keeps_its_right_side_fills_none() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t FULL JOIN crm.opportunity o ON o.id = \
     t.opportunity OR o.accountid = t.account";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        unchanged
        NestedLoopJoinExec: join_type=Full, filter=id@2 = opportunity@1 OR accountid@3 = account@0, projection=[id@0, amount@5]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, account, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, accountid, amount FROM opportunity
    ");
}

#[tokio::test]
async fn a_volatile_condition_fills_none() {
    let setting = Setting::default();
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.amount > \
     random() * t.priority";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        unchanged
        ProjectionExec: expr=[id@0 as id, amount@2 as amount]
          NestedLoopJoinExec: join_type=Inner, filter=amount@0 > random() * join_proj_push_down_1@1, projection=[id@0, priority@1, amount@3]
            ProjectionExec: expr=[id@0 as id, priority@1 as priority, CAST(priority@1 AS Float64) as join_proj_push_down_1]
              CooperativeExec
                FakeScan: ticket  calls≈10  q=SELECT id, priority FROM ticket
            CooperativeExec
              FakeScan: opportunity  calls≈10  q=SELECT amount FROM opportunity
    ");
}

#[tokio::test]
async fn a_comparison_with_a_subquery_narrows_the_scan() {
    let setting = Setting::default();
    let sql = "SELECT id FROM crm.opportunity WHERE amount > (SELECT max(priority) FROM \
     desk.ticket)";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        before
        ScalarSubqueryExec: subqueries=1
          FilterExec: amount@1 > scalar_subquery(<pending>), projection=[id@0]
            CooperativeExec
              FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
          ProjectionExec: expr=[CAST(max(desk.ticket.priority)@0 AS Float64) as max(desk.ticket.priority)]
            AggregateExec: mode=Single, gby=[], aggr=[max(desk.ticket.priority)]
              CooperativeExec
                FakeScan: ticket  calls≈10  q=SELECT priority FROM ticket
        after
        ScalarSubqueryExec: subqueries=1
          FilterExec: amount@1 > scalar_subquery(<pending>), projection=[id@0]
            CooperativeExec
              FakeScan: opportunity  calls≈3  q=SELECT id, amount FROM opportunity  narrowed=by other rows of the statement
          ProjectionExec: expr=[CAST(max(desk.ticket.priority)@0 AS Float64) as max(desk.ticket.priority)]
            AggregateExec: mode=Single, gby=[], aggr=[max(desk.ticket.priority)]
              CooperativeExec
                FakeScan: ticket  calls≈10  q=SELECT priority FROM ticket
    ");
}

#[tokio::test]
async fn scans_without_pushdown_wait_for_nothing() {
    let setting = Setting::default().pushdown(Pushdown::Filters);
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
     t.opportunity";
    setting.physical("push_dynamic_filters", sql).await.is(r"
        unchanged
        HashJoinExec: mode=CollectLeft, join_type=Inner, on=[(opportunity@1, id@0)], projection=[id@0, amount@3]
          CooperativeExec
            FakeScan: ticket  calls≈10  q=SELECT id, opportunity FROM ticket
          CooperativeExec
            FakeScan: opportunity  calls≈10  q=SELECT id, amount FROM opportunity
    ");
}
