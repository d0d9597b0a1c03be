//! How conditions combine, what is dropped, orders, scripts and `name=value` pairs.

use super::super::switches::InvalidQuery;
use super::Practice;
use super::bench::Bench;

#[test]
fn or_binds_to_the_condition_before_it_and_nq_starts_over() {
    let bench = Bench::new();
    let chained = bench.set("incident", "priority=1^active=true^ORimpact=1");
    bench.assert_is("incident", "priority=1^ORpriority=2", "priority", |raw| {
        raw == "1" || raw == "2"
    });
    let left = bench.set("incident", "priority=1^active=true");
    let right = bench.set("incident", "priority=1^impact=1");
    assert_eq!(chained, left.union(&right).copied().collect());
    let groups = bench.set("incident", "priority=1^active=true^NQimpact=1");
    assert_eq!(
        groups,
        left.union(&bench.set("incident", "impact=1")).copied().collect()
    );
}

#[test]
fn what_is_unknown_widens_or_empties_by_regime() {
    let bench = Bench::new();
    let all = bench.rows("incident", "").len();
    for text in [
        "no_such_field=banana",
        "^^^",
        "prose without operators",
        "no_suchISNOTEMPTY",
        "u_retired_code=gone",
        "caller_id.nope=1",
    ] {
        assert_eq!(bench.rows("incident", text).len(), all, "{text}");
    }
    assert_eq!(
        bench.set("incident", "priority=1^ORnope=1"),
        bench.set("incident", "priority=1")
    );
    assert_eq!(
        bench.set("incident", "nope=1^ORpriority=1"),
        bench.set("incident", "priority=1")
    );
    assert_eq!(bench.rows("incident", "priority=1^NQnope=1").len(), all);
    let strict = Bench::with(|semantics| semantics.invalid_query = InvalidQuery::NoRows);
    assert!(strict.set("incident", "no_such_field=banana").is_empty());
    assert!(strict.set("incident", "prose without operators").is_empty());
    assert_eq!(strict.rows("incident", "^^^").len(), all);
}

#[test]
fn stripped_columns_lose_their_predicates_and_sorts() {
    let bench = Bench::with(|semantics| {
        semantics
            .stripped_columns
            .insert(("task".to_owned(), "priority".to_owned()));
        semantics
            .stripped_columns
            .insert(("incident".to_owned(), "sys_id".to_owned()));
    });
    assert_eq!(bench.rows("incident", "priority=1").len(), 5_000);
    assert!(bench.bind("incident", "ORDERBYsys_id").orders.is_empty());
    assert_eq!(bench.rows("incident", "sys_id>f").len(), 5_000);
    assert!(bench.rows("problem", "sys_id>f").len() < 300);
    let forbidden = Bench::with(|semantics| {
        semantics
            .forbidden_query_columns
            .insert(("incident".to_owned(), "category".to_owned()));
    });
    assert!(forbidden.bind("incident", "category=software").forbidden);
}

#[test]
fn orders_follow_type_collation_and_the_place_of_nulls() {
    let bench = Bench::new();
    let numbers = bench.texts("incident", "ORDERBYDESCreassignment_count", "reassignment_count");
    let parsed: Vec<Option<i64>> = numbers.iter().map(|text| text.parse().ok()).collect();
    assert!(parsed.is_sorted_by(|left, right| left >= right));
    let ascending = bench.texts("incident", "ORDERBYreassignment_count", "reassignment_count");
    assert_eq!(ascending[0], "");
    let last = Bench::with(|semantics| semantics.nulls_first = false);
    assert_ne!(
        last.texts("incident", "ORDERBYreassignment_count", "reassignment_count")[0],
        ""
    );
    let names = bench.texts(
        "customer_account",
        "nameSTARTSWITHboxeo^ORnameSTARTSWITHmegacorp^ORDERBYDESCname^ORDERBYsys_id",
        "name",
    );
    assert_eq!((names[0].as_str(), names.len()), ("Megacorp", 4));
}

#[test]
fn a_key_range_holds_in_every_group() {
    let bench = Bench::new();
    let ids: Vec<String> = bench.texts("incident", "ORDERBYsys_id", "sys_id");
    assert!(ids.is_sorted());
    let middle = &ids[2_500];
    let text = format!("priority=1^sys_id>{middle}^NQpriority=2^sys_id>{middle}^ORDERBYsys_id");
    let found = bench.texts("incident", &text, "sys_id");
    assert!(!found.is_empty() && found.iter().all(|id| id > middle));
    let expected = bench
        .set("incident", &format!("priorityIN1,2^sys_id>{middle}"))
        .len();
    assert_eq!(found.len(), expected);
    let leaky = bench.texts(
        "incident",
        &format!("priority=1^sys_id>{middle}^NQpriority=2^ORDERBYsys_id"),
        "sys_id",
    );
    assert!(leaky.iter().any(|id| id < middle));
}

#[test]
fn scripts_are_noticed_and_only_documented_ones_run() {
    let bench = Bench::new();
    let filter = bench.bind("sys_user", "sys_id= JAVASCRIPT:gs.getUserID()");
    assert_eq!(filter.script.as_deref(), Some(" JAVASCRIPT:gs.getUserID()"));
    let start = "javascript:gs.daysAgoStart(0)";
    assert!(
        bench
            .set("incident", &format!("opened_at>={start}^opened_at<{start}"))
            .is_empty()
    );
    assert_eq!(bench.rows("incident", &format!("opened_at<{start}")).len(), 5_000);
    assert!(
        bench
            .set("customer_account", "name=javascript:gs.print(1)")
            .is_empty()
    );
}

#[tokio::test]
async fn a_script_in_a_value_is_recorded_and_get_user_id_is_the_caller() {
    let practice = Practice::start().await;
    let reply = practice
        .read(
            "sys_user",
            &[
                ("sysparm_query", "sys_id=javascript:gs.getUserID()"),
                ("sysparm_fields", "user_name"),
            ],
        )
        .await;
    assert_eq!(reply.column("user_name"), ["causeway.reader"]);
    let entry = practice.instance.log().entries().remove(0);
    assert_eq!(
        entry.violation.as_deref(),
        Some("script in a query value: javascript:gs.getUserID()")
    );
}

#[tokio::test]
async fn other_parameters_filter_by_stored_or_displayed_value() {
    let practice = Practice::start().await;
    let stored = practice
        .get("table/incident?priority=1&sysparm_limit=1")
        .await
        .total();
    let shown = practice
        .get("table/incident?priority=1%20-%20Critical&sysparm_limit=1")
        .await
        .total();
    let queried = practice
        .get("table/incident?sysparm_query=priority=1&sysparm_limit=1")
        .await
        .total();
    assert_eq!((stored, shown), (queried, queried));
    assert_eq!(
        practice
            .get("table/incident?api=1&sysparm_bogus=x&sysparm_limit=1")
            .await
            .total(),
        5_000
    );
}
