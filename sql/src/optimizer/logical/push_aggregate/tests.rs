use crate::Pushdown;
use crate::optimizer::before_after::Setting;
use crate::optimizer::fake_source::Abilities;

#[tokio::test]
async fn a_count_over_exact_filters_is_asked_for() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT count(*) FROM crm.opportunity WHERE isclosed";
    setting.logical("push_aggregate", sql).await.is(r"
        before
        Projection: count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity, full_filters=[crm.opportunity.isclosed]
        after
        Projection: count(Int64(1)) AS count(*)
          Projection: opportunity #.a0 AS count(Int64(1))
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn groups_are_asked_for_with_their_aggregates() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT accountid, count(*), max(amount) FROM crm.opportunity GROUP BY accountid";
    setting.logical("push_aggregate", sql).await.is(r"
        before
        Projection: crm.opportunity.accountid, count(Int64(1)) AS count(*), max(crm.opportunity.amount)
          Aggregate: groupBy=[[crm.opportunity.accountid]], aggr=[[count(Int64(1)), max(crm.opportunity.amount)]]
            TableScan: crm.opportunity
        after
        Projection: crm.opportunity.accountid, count(Int64(1)) AS count(*), max(crm.opportunity.amount)
          Projection: opportunity #.accountid AS accountid, opportunity #.a0 AS count(Int64(1)), opportunity #.a1 AS max(crm.opportunity.amount)
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn a_sum_of_nothing_that_may_be_zero_is_counted_too() {
    let setting = Setting::with(Abilities {
        groups: true,
        ..Abilities::default()
    });
    let sql = "SELECT accountid, sum(amount) FROM crm.opportunity GROUP BY accountid";
    setting.logical("push_aggregate", sql).await.is(r"
        before
        Projection: crm.opportunity.accountid, sum(crm.opportunity.amount)
          Aggregate: groupBy=[[crm.opportunity.accountid]], aggr=[[sum(crm.opportunity.amount)]]
            TableScan: crm.opportunity
        after
        Projection: crm.opportunity.accountid, sum(crm.opportunity.amount)
          Projection: opportunity #.accountid AS accountid, CASE WHEN opportunity #.a1 > Int64(0) THEN opportunity #.a0 END AS sum(crm.opportunity.amount)
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn distinct_values_are_counted_there() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT count(DISTINCT accountid) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        before
        Projection: count(DISTINCT crm.opportunity.accountid)
          Aggregate: groupBy=[[]], aggr=[[count(DISTINCT crm.opportunity.accountid)]]
            TableScan: crm.opportunity
        after
        Projection: count(DISTINCT crm.opportunity.accountid)
          Projection: opportunity #.a0 AS count(DISTINCT crm.opportunity.accountid)
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn an_inexact_filter_keeps_the_rows_coming() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT count(*) FROM crm.opportunity WHERE name = 'x'";
    setting.logical("push_aggregate", sql).await.is(r#"
        unchanged
        Projection: count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity, full_filters=[crm.opportunity.name = Utf8("x")]
    "#);
}

#[tokio::test]
async fn a_local_filter_keeps_the_rows_coming() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT count(*) FROM crm.account WHERE note = 'x'";
    setting.logical("push_aggregate", sql).await.is(r#"
        unchanged
        Projection: count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            Filter: crm.account.note = Utf8("x")
              TableScan: crm.account
    "#);
}

#[tokio::test]
async fn a_policy_in_between_keeps_the_rows_coming() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    })
    .policy("crm.opportunity", "amount > 0");
    let sql = "SELECT count(*) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn a_masked_column_keeps_the_rows_coming() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    })
    .mask("crm.opportunity", "amount");
    let sql = "SELECT max(amount) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: max(crm.opportunity.amount)
          Aggregate: groupBy=[[]], aggr=[[max(crm.opportunity.amount)]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn one_group_for_each_record_saves_nothing() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT id, count(*) FROM crm.opportunity GROUP BY id";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: crm.opportunity.id, count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[crm.opportunity.id]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn a_column_that_is_grouped_differently_there_stays() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT name, count(*) FROM crm.opportunity GROUP BY name";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: crm.opportunity.name, count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[crm.opportunity.name]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn a_source_that_computes_differently_is_not_asked() {
    let setting = Setting::default();
    let sql = "SELECT count(*) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn a_filter_of_its_own_stays() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT count(*) FILTER (WHERE isclosed) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: count(Int64(1)) FILTER (WHERE crm.opportunity.isclosed) AS count(*) FILTER (WHERE crm.opportunity.isclosed)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1)) FILTER (WHERE crm.opportunity.isclosed)]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn an_average_stays() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    });
    let sql = "SELECT avg(amount) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: avg(crm.opportunity.amount)
          Aggregate: groupBy=[[]], aggr=[[avg(crm.opportunity.amount)]]
            TableScan: crm.opportunity
    ");
}

#[tokio::test]
async fn filters_alone_may_be_pushed() {
    let setting = Setting::with(Abilities {
        groups: true,
        sums_nothing_to_null: true,
        ..Abilities::default()
    })
    .pushdown(Pushdown::Filters);
    let sql = "SELECT count(*) FROM crm.opportunity";
    setting.logical("push_aggregate", sql).await.is(r"
        unchanged
        Projection: count(Int64(1)) AS count(*)
          Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
            TableScan: crm.opportunity
    ");
}
