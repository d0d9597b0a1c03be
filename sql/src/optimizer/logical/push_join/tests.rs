//! What `push_join` makes of plans, and what it leaves alone.

use crate::Pushdown;
use crate::optimizer::before_after::Setting;
use crate::optimizer::fake_source::Abilities;

#[tokio::test]
async fn a_parent_along_a_reference_is_read_with_its_child() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid";
    setting.logical("push_join", sql).await.is(r"
        before
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
        after
        Projection: o.amount, a.name
          Projection: opportunity #.accountid AS accountid, opportunity #.amount AS amount, opportunity #.accountid AS id, opportunity #.account.name AS name
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn an_exact_filter_on_the_parent_goes_along() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid WHERE a.employees = 7";
    setting.logical("push_join", sql).await.is(r"
        before
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name], full_filters=[crm.account.employees = Int64(7)]
        after
        Projection: o.amount, a.name
          Projection: opportunity #.accountid AS accountid, opportunity #.amount AS amount, opportunity #.accountid AS id, opportunity #.account.name AS name
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn an_inexact_filter_on_the_parent_is_checked_on_its_path() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid WHERE a.name = 'x'";
    setting.logical("push_join", sql).await.is(r#"
        before
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name], full_filters=[crm.account.name = Utf8("x")]
        after
        Projection: o.amount, a.name
          Projection: opportunity #.accountid AS accountid, opportunity #.amount AS amount, opportunity #.accountid AS id, opportunity #.account.name AS name
            TableScan: opportunity #, full_filters=[opportunity #.account.name = Utf8("x")]
    "#);
}

#[tokio::test]
async fn a_local_filter_on_the_parent_stays_above() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid WHERE a.note = 'x'";
    setting.logical("push_join", sql).await.is(r#"
        before
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              Projection: crm.account.id, crm.account.name
                Filter: crm.account.note = Utf8("x")
                  TableScan: crm.account projection=[id, name, note]
        after
        Projection: o.amount, a.name
          Projection: opportunity #.accountid AS accountid, opportunity #.amount AS amount, opportunity #.accountid AS id, opportunity #.account.name AS name
            Filter: opportunity #.account.note = Utf8("x")
              TableScan: opportunity #
    "#);
}

#[tokio::test]
async fn a_parent_that_may_be_hidden_is_asked_for_by_its_own_scan() {
    let setting = Setting::with(Abilities {
        semi_joins: 0,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
    ");
}

#[tokio::test]
async fn a_parent_that_need_not_be_there_is_read_where_all_are_seen() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o LEFT JOIN crm.account a ON a.id = \
     o.accountid";
    setting.logical("push_join", sql).await.is(r"
        before
        Projection: o.amount, a.name
          Left Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
        after
        Projection: o.amount, a.name
          Projection: opportunity #.accountid AS accountid, opportunity #.amount AS amount, opportunity #.account.id AS id, opportunity #.account.name AS name
            TableScan: opportunity #
    ");
}

#[tokio::test]
async fn a_parent_that_need_not_be_there_is_joined_here_where_some_are_hidden() {
    let setting = Setting::with(Abilities {
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o LEFT JOIN crm.account a ON a.id = \
     o.accountid";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: o.amount, a.name
          Left Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
    ");
}

#[tokio::test]
async fn a_semi_join_is_a_condition() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT a.name FROM crm.account a WHERE a.id IN (SELECT accountid FROM \
     crm.opportunity WHERE isclosed)";
    setting.logical("push_join", sql).await.is(r"
        before
        Projection: a.name
          LeftSemi Join: a.id = __correlated_sq_1.accountid
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
            SubqueryAlias: __correlated_sq_1
              TableScan: crm.opportunity projection=[accountid], full_filters=[crm.opportunity.isclosed]
        after
        Projection: a.name
          Projection: account #.id AS id, account #.name AS name
            TableScan: account #
    ");
}

#[tokio::test]
async fn a_semi_join_over_an_inexact_filter_stays() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT a.name FROM crm.account a WHERE a.id IN (SELECT accountid FROM \
     crm.opportunity WHERE name = 'x')";
    setting.logical("push_join", sql).await.is(r#"
        unchanged
        Projection: a.name
          LeftSemi Join: a.id = __correlated_sq_1.accountid
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
            SubqueryAlias: __correlated_sq_1
              TableScan: crm.opportunity projection=[accountid], full_filters=[crm.opportunity.name = Utf8("x")]
    "#);
}

#[tokio::test]
async fn an_anti_join_over_the_key_is_a_condition() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT a.name FROM crm.account a WHERE NOT EXISTS (SELECT 1 FROM crm.opportunity \
     o WHERE o.accountid = a.id)";
    setting.logical("push_join", sql).await.is(r"
        before
        Projection: a.name
          LeftAnti Join: a.id = __correlated_sq_1.accountid
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
            SubqueryAlias: __correlated_sq_1
              SubqueryAlias: o
                TableScan: crm.opportunity projection=[accountid]
        after
        Projection: a.name
          Projection: account #.id AS id, account #.name AS name
            TableScan: account #
    ");
}

#[tokio::test]
async fn an_anti_join_over_a_key_that_may_be_null_stays() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount FROM crm.opportunity o WHERE NOT EXISTS (SELECT 1 FROM \
     crm.account a WHERE a.id = o.accountid)";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: o.amount
          LeftAnti Join: o.accountid = __correlated_sq_1.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: __correlated_sq_1
              SubqueryAlias: a
                TableScan: crm.account projection=[id]
    ");
}

#[tokio::test]
async fn not_in_a_list_that_may_hold_null_stays() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT a.name FROM crm.account a WHERE a.id NOT IN (SELECT accountid FROM \
     crm.opportunity)";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: a.name
          LeftAnti Join: a.id = __correlated_sq_1.accountid null_aware
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
            SubqueryAlias: __correlated_sq_1
              TableScan: crm.opportunity projection=[accountid]
    ");
}

#[tokio::test]
async fn a_join_of_two_sources_is_made_here() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT t.id, o.amount FROM desk.ticket t JOIN crm.opportunity o ON o.id = \
     t.opportunity";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: t.id, o.amount
          Inner Join: t.opportunity = o.id
            SubqueryAlias: t
              TableScan: desk.ticket projection=[id, opportunity]
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[id, amount]
    ");
}

#[tokio::test]
async fn a_second_condition_of_the_join_stays() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    });
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid AND a.employees > o.amount";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id Filter: CAST(a.employees AS Float64) > o.amount
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name, employees]
    ");
}

#[tokio::test]
async fn a_policy_in_between_keeps_the_join_here() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    })
    .policy("crm.account", "employees > 0");
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
    ");
}

#[tokio::test]
async fn filters_alone_may_be_pushed() {
    let setting = Setting::with(Abilities {
        sees_every_parent: true,
        semi_joins: 1,
        ..Abilities::default()
    })
    .pushdown(Pushdown::Filters);
    let sql = "SELECT o.amount, a.name FROM crm.opportunity o JOIN crm.account a ON a.id = \
     o.accountid";
    setting.logical("push_join", sql).await.is(r"
        unchanged
        Projection: o.amount, a.name
          Inner Join: o.accountid = a.id
            SubqueryAlias: o
              TableScan: crm.opportunity projection=[accountid, amount]
            SubqueryAlias: a
              TableScan: crm.account projection=[id, name]
    ");
}
