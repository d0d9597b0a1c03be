//! SQL over a ServiceNow instance that ignores conditions, or that is trusted with counts.

use crate::fixture::{World, rows, world, world_of_instance, world_with};

#[tokio::test]
async fn an_ignored_alternative_loses_no_row_and_explain_says_where_it_is_checked() {
    let world = world().await;
    let sql = "SELECT number FROM servicenow.incident WHERE category = 'network' OR priority = 1";
    let wanted = world.rows("admin", sql).await;
    assert!(!wanted.is_empty());
    let other = world_with(vec![]).await;
    other.servicenow.semantics().change(|semantics| {
        semantics
            .stripped_columns
            .insert(("incident".to_owned(), "category".to_owned()));
    });
    let session = other.session("admin").await;
    let found = rows(&session, sql).await.expect("rows");
    assert_eq!(sorted(found), sorted(wanted));
    let plan = rows(&session, &format!("EXPLAIN {sql}")).await.expect("a plan");
    assert!(
        format!("{plan:?}").contains("local (the instance ignores or refuses such conditions"),
        "{plan:?}"
    );
    let findings = "SELECT findings FROM causeway.sources WHERE name = 'servicenow'";
    let told = other.value("admin", findings).await;
    assert!(
        told.contains("columns of incident whose conditions are not honoured: category (query_match)"),
        "{told}"
    );
    assert_eq!(
        other.value("ana", findings).await,
        "NULL",
        "tables may be hidden from ana"
    );
}

fn sorted(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.sort();
    rows
}

/// Each with the requests that a careful person would send, or none where the instance would not compute the same.
const GROUPED: &[(&str, &[&str])] = &[
    (
        "SELECT count(*) FROM servicenow.incident",
        &["sysparm_count=true&sysparm_query="],
    ),
    (
        "SELECT count(*) FROM servicenow.incident WHERE active AND priority IN (1, 2)",
        &["sysparm_count=true&sysparm_query=active=true^priorityIN1,2"],
    ),
    (
        "SELECT priority, count(*), max(opened_at) FROM servicenow.incident GROUP BY priority",
        &["sysparm_count=true&sysparm_max_fields=opened_at&sysparm_group_by=priority&sysparm_query="],
    ),
    (
        "SELECT sum(reassignment_count) FROM servicenow.incident WHERE priority = 1",
        &["sysparm_count=true&sysparm_sum_fields=reassignment_count&sysparm_query=priority=1"],
    ),
    (
        "SELECT DISTINCT assignment_group FROM servicenow.incident",
        &["sysparm_count=true&sysparm_group_by=assignment_group&sysparm_query="],
    ),
    (
        "SELECT count(assigned_to) FROM servicenow.incident",
        &[
            "sysparm_count=true&sysparm_query=",
            "sysparm_count=true&sysparm_query=assigned_toISNOTEMPTY",
        ],
    ),
    (
        "SELECT priority, count(*) FROM servicenow.incident GROUP BY priority HAVING count(*) > 1000",
        &["sysparm_count=true&sysparm_group_by=priority&sysparm_query="],
    ),
    (
        "SELECT count(*) FROM servicenow.incident WHERE priority = 77",
        &["sysparm_count=true&sysparm_query=priority=77"],
    ),
    (
        "SELECT count(*) FROM servicenow.incident WHERE short_description = 'x'",
        &[],
    ),
    (
        "SELECT category, count(*) FROM servicenow.incident GROUP BY category",
        &[],
    ),
    (
        "SELECT count(DISTINCT priority) FROM servicenow.incident",
        &["sysparm_count=true&sysparm_group_by=priority&sysparm_query="],
    ),
    ("SELECT avg(priority) FROM servicenow.incident", &[]),
];

fn stats_calls(world: &World) -> Vec<String> {
    let calls = world.servicenow.log().data_calls().into_iter();
    let calls = calls.filter(|call| call.path.contains("/stats/"));
    let query = |call: &causeway_sandbox::log::Entry| call.remote_query.clone().unwrap_or_default();
    calls.map(|call| query(&call)).collect()
}

#[tokio::test]
async fn a_trusted_instance_computes_what_it_computes_alike_and_nothing_else() {
    let world = world_of_instance(|config| config.assume_full_read_access = Some(true)).await;
    let session = world.session("admin").await;
    for (sql, requests) in GROUPED {
        world.forget_requests();
        session.set("causeway.pushdown", "on").expect("a setting");
        let mut there = rows(&session, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(stats_calls(&world).len(), requests.len(), "{sql}");
        let plan = format!(
            "{:?}",
            rows(&session, &format!("EXPLAIN {sql}")).await.expect("a plan")
        );
        let shown = requests.iter().map(|request| format!("stats/incident?{request}"));
        let shown = shown.collect::<Vec<_>>().join(" and ");
        assert!(plan.contains(&shown), "{sql}: {plan}");
        assert_eq!(plan.contains("stats/"), !requests.is_empty(), "{sql}: {plan}");
        session.set("causeway.pushdown", "off").expect("a setting");
        let mut here = rows(&session, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        there.sort();
        here.sort();
        assert_eq!(there, here, "{sql}");
    }
}

#[tokio::test]
async fn counts_stay_here_for_those_whose_rows_a_policy_restricts() {
    let world = world_of_instance(|config| config.assume_full_read_access = Some(true)).await;
    let sql = "SELECT count(*) FROM servicenow.customer_account";
    let all = world.value("admin", sql).await;
    assert_eq!(stats_calls(&world).len(), 1);
    let own = world.value("ana", sql).await;
    assert_eq!(stats_calls(&world).len(), 1, "the count of all rows is not ana's");
    assert_ne!(own, all);
}

#[tokio::test]
async fn a_refused_count_is_computed_from_the_rows() {
    let world = world_of_instance(|config| config.assume_full_read_access = Some(true)).await;
    let sql = "SELECT count(*) FROM servicenow.incident WHERE priority = 1";
    let wanted = world.value("admin", sql).await;
    world.servicenow.semantics().change(|semantics| {
        semantics
            .forbidden_query_columns
            .insert(("incident".to_owned(), "priority".to_owned()));
    });
    assert_eq!(world.value("admin", sql).await, wanted);
}
