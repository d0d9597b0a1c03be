//! Sessions that ask for the same at the same time, and what the system tables say of it.

use tokio::task::JoinSet;

use crate::fixture::{World, rows, world, world_of};

type Answers = JoinSet<Vec<Vec<String>>>;

/// Begins a statement of a person in a session of its own.
async fn begin(world: &World, answers: &mut Answers, user: &str, sql: &'static str) {
    let session = world.session(user).await;
    answers.spawn(async move {
        rows(&session, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    });
}

/// Waits until so many calls have reached the Salesforce org and so many reads wait for the answer to another's.
async fn until(world: &World, calls: usize, sharing: usize) {
    let salesforce = &world.engine.sources()[0];
    while (world.calls().0, salesforce.state().load.sharing) != (calls, sharing) {
        tokio::task::yield_now().await;
    }
}

const ACCOUNTS: &str = "SELECT id, name FROM salesforce.account";

#[tokio::test]
async fn sessions_of_one_person_that_ask_the_same_at_once_cost_one_call_a_page() {
    const SESSIONS: usize = 6;
    let world = world_of(|config| config.page_rows = Some(200)).await;
    world.rows("admin", ACCOUNTS).await;
    world.forget_requests();
    let mut wanted = world.rows("admin", ACCOUNTS).await;
    wanted.sort();
    let (pages, _) = world.calls();
    assert!(pages > 1, "one page proves little");
    world.forget_requests();
    let last = world
        .value("admin", "SELECT max(query_id) FROM causeway.requests")
        .await;
    let gate = world.salesforce.gate();
    gate.close();
    let mut answers = Answers::new();
    for _ in 0..SESSIONS {
        begin(&world, &mut answers, "admin", ACCOUNTS).await;
    }
    for page in 1..=pages {
        until(&world, page, SESSIONS - 1).await;
        gate.let_out(1);
    }
    for mut answer in answers.join_all().await {
        answer.sort();
        assert_eq!(answer, wanted);
    }
    assert_eq!(world.calls(), (pages, 0));
    gate.open();
    let told = format!(
        "SELECT answered_by, count(*), sum(rows), sum(CASE WHEN bytes > 0 THEN 1 ELSE 0 END) FROM causeway.requests \
         WHERE query_id > {last} GROUP BY answered_by ORDER BY 1"
    );
    let others = SESSIONS - 1;
    assert_eq!(
        world.rows("admin", &told).await,
        [
            [
                "remote".to_owned(),
                pages.to_string(),
                "500".to_owned(),
                pages.to_string()
            ],
            [
                "shared".to_owned(),
                (pages * others).to_string(),
                (500 * others).to_string(),
                "0".to_owned()
            ],
        ]
    );
}

#[tokio::test]
async fn two_people_who_ask_the_same_at_once_are_two_calls() {
    let world = world().await;
    world.rows("admin", ACCOUNTS).await;
    world.rows("ana", ACCOUNTS).await;
    world.forget_requests();
    let gate = world.salesforce.gate();
    gate.close();
    let mut answers = Answers::new();
    for user in ["admin", "ana", "admin"] {
        begin(&world, &mut answers, user, ACCOUNTS).await;
    }
    until(&world, 2, 1).await;
    gate.open();
    assert!(answers.join_all().await.iter().all(|answer| answer.len() == 500));
    assert_eq!(world.calls(), (2, 0));
}

#[tokio::test]
async fn explain_analyze_says_what_another_call_answered() {
    const ANALYZE: &str = "EXPLAIN ANALYZE SELECT id, name FROM salesforce.account";
    let world = world().await;
    world.rows("admin", ACCOUNTS).await;
    world.forget_requests();
    let gate = world.salesforce.gate();
    gate.close();
    let mut answers = Answers::new();
    begin(&world, &mut answers, "admin", ACCOUNTS).await;
    until(&world, 1, 0).await;
    begin(&world, &mut answers, "admin", ANALYZE).await;
    until(&world, 1, 1).await;
    gate.open();
    let answers = answers.join_all().await;
    let plan = answers
        .iter()
        .find(|answer| answer[0].len() == 1)
        .expect("a plan")
        .concat()
        .join("\n");
    assert!(plan.contains("API: 0 calls, 500 rows, 0 bytes"), "{plan}");
    assert!(plan.contains("rows=500 bytes=0 answered_by=shared"), "{plan}");
}

#[tokio::test]
async fn sources_show_what_runs_and_waits_and_how_long_calls_took() {
    let world = world_of(|config| config.concurrent_calls = Some(1)).await;
    let load = "SELECT running, waiting, p50_ms IS NULL, p50_ms <= p95_ms AND p95_ms <= p99_ms FROM causeway.sources \
                WHERE name = 'salesforce'";
    assert_eq!(world.rows("admin", load).await, [["0", "0", "true", "NULL"]]);
    for user in ["admin", "ana", "ben"] {
        world.rows(user, ACCOUNTS).await;
    }
    world.forget_requests();
    let gate = world.salesforce.gate();
    gate.close();
    let mut answers = Answers::new();
    for user in ["admin", "ana", "ben"] {
        begin(&world, &mut answers, user, ACCOUNTS).await;
    }
    while world.engine.sources()[0].state().load.waiting < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.rows("admin", load).await, [["1", "2", "false", "true"]]);
    gate.open();
    answers.join_all().await;
    assert_eq!(world.rows("admin", load).await, [["0", "0", "false", "true"]]);
}

#[tokio::test]
async fn a_query_that_would_go_into_the_reserve_fails_with_what_to_do() {
    let world = world_of(|config| config.reserve = serde_json::from_str("\"20%\"").ok()).await;
    world
        .salesforce
        .semantics()
        .change_semantics(|semantics| semantics.daily_api_requests = 5);
    // The description, and three scans.
    for _ in 0..3 {
        world.rows("admin", ACCOUNTS).await;
    }
    let error = world.error("admin", ACCOUNTS).await;
    assert_eq!(error.sqlstate, "53400", "{}", error.message);
    for part in [
        "4 of the 5 api calls",
        "20% (1 calls) are kept in reserve",
        "lower 'reserve'",
    ] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert_eq!(world.calls(), (4, 0));
    let quota = "SELECT api_calls_used, api_calls_left FROM causeway.sources WHERE name = 'salesforce'";
    assert_eq!(world.rows("admin", quota).await, [["4", "1"]]);
}
