//! Rows that were read not long ago answer again, for the same person and where that was allowed.

use std::time::Duration;

use causeway_sql::Session;

use crate::fixture::{World, rows, world, world_of_engine};

async fn answer(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let mut found = rows(session, sql).await.expect(sql);
    found.sort();
    found
}

/// The answer, and the calls that it took.
async fn asked(world: &World, session: &Session, sql: &str) -> (Vec<Vec<String>>, usize) {
    world.forget_requests();
    let found = answer(session, sql).await;
    let (salesforce, servicenow) = world.calls();
    (found, salesforce + servicenow)
}

async fn with_age(world: &World, user: &str, age: &str) -> Session {
    let session = world.session(user).await;
    session.set("causeway.max_age", age).expect("a setting");
    session
}

#[tokio::test]
async fn rows_are_live_unless_an_age_is_allowed() {
    let world = world().await;
    let sql = "SELECT id, name FROM salesforce.account WHERE industry = 'Energy'";
    let session = world.session("admin").await;
    answer(&session, sql).await;
    assert_eq!(asked(&world, &session, sql).await.1, 1);
    session.set("causeway.max_age", "1h").expect("a setting");
    let (live, calls) = asked(&world, &session, sql).await;
    assert_eq!(calls, 1, "what was read before was not kept");
    assert_eq!(asked(&world, &session, sql).await, (live.clone(), 0));
    session.set("causeway.max_age", "0").expect("a setting");
    assert_eq!(asked(&world, &session, sql).await, (live, 1));
}

#[tokio::test]
async fn narrower_queries_are_answered_and_wider_ones_asked() {
    let world = world().await;
    let (cached, live) = (
        with_age(&world, "admin", "1h").await,
        world.session("admin").await,
    );
    let wide = "SELECT id, name, industry, numberofemployees, createddate FROM salesforce.account WHERE industry IN ('Energy', 'Retail') OR numberofemployees > 10";
    answer(&live, wide).await;
    answer(&cached, wide).await;
    let base = "FROM salesforce.account WHERE (industry IN ('Energy', 'Retail') OR numberofemployees > 10)";
    for sql in [
        format!("SELECT name {base}"),
        format!("SELECT name {base} AND industry = 'energy'"),
        format!("SELECT name {base} AND industry = 'Energy'"),
        format!("SELECT name {base} AND numberofemployees < 500 AND name LIKE 'A%'"),
        format!("SELECT name {base} AND createddate >= TIMESTAMPTZ '2023-01-01 00:00:00+00'"),
        format!("SELECT name {base} AND id = '0015e00003H1hA9AAJ'"),
        format!("SELECT count(DISTINCT name) {base} AND industry IS NULL"),
    ] {
        let expected = answer(&live, &sql).await;
        assert_eq!(asked(&world, &cached, &sql).await, (expected, 0), "{sql}");
    }
    for sql in [
        "SELECT name FROM salesforce.account".to_owned(),
        format!("SELECT name {base} AND website IS NULL"),
        format!("SELECT name, website {base}"),
    ] {
        let expected = answer(&live, &sql).await;
        assert_eq!(asked(&world, &cached, &sql).await, (expected, 1), "{sql}");
    }
}

#[tokio::test]
async fn joins_are_answered_from_both_sides() {
    let world = world().await;
    let cached = with_age(&world, "admin", "1h").await;
    let join = |name: &str| {
        format!(
            "SELECT a.name, o.name, o.amount FROM servicenow.customer_account a JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id WHERE a.name LIKE '{name}'"
        )
    };
    let live = answer(&world.session("admin").await, &join("Boxeo")).await;
    answer(&cached, &join("Box%")).await;
    let all = answer(&cached, &join("Box%")).await;
    assert_eq!(asked(&world, &cached, &join("Box%")).await, (all, 0));
    assert!(!live.is_empty());
    let (found, calls) = asked(&world, &cached, &join("Boxeo")).await;
    assert_eq!(found, live);
    assert!(
        calls <= 1,
        "the keys are among those that were asked for: {calls}"
    );
}

#[tokio::test]
async fn nobody_is_shown_what_another_read() {
    let world = world().await;
    let sql = "SELECT number, name FROM servicenow.customer_account";
    let mut seen = Vec::new();
    for user in ["admin", "ana", "ben"] {
        let live = answer(&world.session(user).await, sql).await;
        let cached = with_age(&world, user, "1h").await;
        assert_eq!(answer(&cached, sql).await, live, "{user}");
        let (again, calls) = asked(&world, &cached, sql).await;
        assert_eq!((again, calls), (live.clone(), 0), "{user}");
        seen.push(live.len());
    }
    assert!(
        seen[1] < seen[0] && seen[2] < seen[0] && seen[1] != seen[2],
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_source_may_allow_an_age_and_explain_shows_it() {
    let world = world_of_engine(|config, _| {
        config
            .cache_ages
            .insert("salesforce".to_owned(), Duration::from_secs(3600));
    })
    .await;
    let session = world.session("admin").await;
    let (sf, sn) = (
        "SELECT name FROM salesforce.account WHERE industry = 'Energy'",
        "SELECT number FROM servicenow.incident WHERE priority = 1",
    );
    for sql in [sf, sn] {
        answer(&session, sql).await;
    }
    assert_eq!(asked(&world, &session, sf).await.1, 0);
    assert!(asked(&world, &session, sn).await.1 > 0);
    let lines = answer(&session, &format!("EXPLAIN {sf}"))
        .await
        .concat()
        .join("\n");
    assert!(
        lines.contains("calls≈0") && lines.contains("  cached="),
        "{lines}"
    );
    assert!(lines.contains("Estimated: 0 api calls"), "{lines}");
    let requests = "SELECT method, answered_by FROM causeway.requests WHERE remote_query IS NOT NULL AND resource = 'account' ORDER BY started";
    let requests = rows(&session, requests).await.expect("the ledger");
    assert_eq!(requests, [["GET", "remote"], ["CACHE", "cache"]]);
}
