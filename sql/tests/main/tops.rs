//! The first rows of an order, from an instance that may sort otherwise, or not at all.

use std::collections::BTreeSet;

use causeway_sandbox::servicenow::{InvalidQuery, Semantics};

use crate::fixture::{World, rows, world_with};

/// Each with the calls that it takes once its columns are proven; the whole table takes five.
const COSTS: &[(&str, usize)] = &[
    (
        "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC LIMIT 10",
        2,
    ),
    (
        "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC NULLS LAST LIMIT 10",
        1,
    ),
    (
        "SELECT number FROM servicenow.incident WHERE opened_at >= '2024-01-01' ORDER BY opened_at DESC LIMIT 10",
        1,
    ),
    (
        "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at, number LIMIT 10 OFFSET 5",
        1,
    ),
    (
        "SELECT number AS n, opened_at AS o FROM servicenow.incident ORDER BY o, upper(number) LIMIT 3",
        1,
    ),
    (
        "SELECT number FROM servicenow.incident WHERE active ORDER BY opened_at DESC NULLS LAST LIMIT 1",
        1,
    ),
    (
        "SELECT number FROM servicenow.incident WHERE short_description LIKE '%VPN%' ORDER BY opened_at LIMIT 5",
        1,
    ),
    (
        "SELECT number FROM servicenow.incident ORDER BY reassignment_count DESC NULLS LAST, number LIMIT 10",
        2,
    ),
    (
        "SELECT number FROM servicenow.incident ORDER BY priority, opened_at DESC, number LIMIT 20",
        2,
    ),
    (
        "SELECT number FROM servicenow.incident ORDER BY resolved_at, number LIMIT 10",
        1,
    ),
];

/// Statements that have one right answer.
const ORDERED: &[&str] = &[
    "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC, number LIMIT 10",
    "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC NULLS LAST, number LIMIT 3",
    "SELECT opened_at FROM servicenow.incident ORDER BY opened_at LIMIT 1",
    "SELECT opened_at FROM servicenow.incident ORDER BY opened_at DESC NULLS LAST LIMIT 1",
    "SELECT number, resolved_at FROM servicenow.incident ORDER BY resolved_at DESC, number LIMIT 4 OFFSET 2",
    "SELECT number, resolved_at FROM servicenow.incident ORDER BY resolved_at NULLS FIRST, number LIMIT 4",
    "SELECT number, resolved_at FROM servicenow.incident ORDER BY resolved_at, number LIMIT 12",
    "SELECT number FROM servicenow.incident WHERE resolved_at < '2024-03-01' ORDER BY resolved_at DESC, number LIMIT 5",
    "SELECT number FROM servicenow.incident WHERE priority = 1 AND NOT active ORDER BY opened_at DESC, number LIMIT 5",
    "SELECT number, state FROM servicenow.incident ORDER BY state, number LIMIT 30",
    "SELECT number, state FROM servicenow.incident ORDER BY state DESC NULLS LAST, number DESC LIMIT 30",
    "SELECT number, reassignment_count FROM servicenow.incident ORDER BY reassignment_count DESC NULLS LAST, number LIMIT 7",
    "SELECT number FROM servicenow.incident WHERE short_description = 'no such text' ORDER BY opened_at LIMIT 5",
];

async fn started(change: impl FnOnce(&mut Semantics)) -> World {
    let world = world_with(Vec::new()).await;
    // Tables are described, and proofs made, by an instance that may change afterwards.
    for table in ["incident", "u_everything"] {
        world
            .rows("admin", &format!("SELECT * FROM servicenow.{table} LIMIT 1"))
            .await;
    }
    world.servicenow.semantics().change(change);
    world
}

async fn answers(world: &World, pushdown: &str) -> Vec<Vec<Vec<String>>> {
    let session = world.session("admin").await;
    session.set("causeway.pushdown", pushdown).expect("a setting");
    let mut answers = Vec::new();
    for sql in ORDERED {
        let answer = rows(&session, sql).await;
        answers.push(answer.unwrap_or_else(|error| panic!("{pushdown}: {sql}: {error}")));
    }
    answers
}

fn of_incident(columns: &[&str]) -> BTreeSet<(String, String)> {
    let pair = |column: &&str| ("incident".to_owned(), (*column).to_owned());
    columns.iter().map(pair).collect()
}

const DATES: [&str; 4] = ["opened_at", "resolved_at", "state", "reassignment_count"];

#[tokio::test]
async fn the_first_rows_of_a_trusted_order_cost_a_call_and_one_more_where_nulls_come_first() {
    let world = world_with(Vec::new()).await;
    for (sql, calls) in COSTS {
        world.rows("admin", sql).await;
        world.forget_requests();
        world.rows("admin", sql).await;
        assert_eq!(world.calls(), (0, *calls), "{sql}: {:?}", world.remote_queries());
    }
}

const HIDDEN: &str = "every second row is hidden";

#[tokio::test]
async fn the_first_rows_are_right_under_every_reading_of_an_order() {
    type Change = fn(&mut Semantics);
    let changes: [(&str, Change); 12] = [
        ("the likeliest", |_| {}),
        ("nulls sort last", |it| it.nulls_first = false),
        ("choices sort by label", |it| it.choices_sort_by_label = true),
        ("sorts and ranges are ignored", |it| {
            it.stripped_range_columns = of_incident(&DATES)
        }),
        ("all conditions are ignored", |it| {
            it.stripped_columns = of_incident(&DATES)
        }),
        ("tests for emptiness are ignored", |it| {
            it.stripped_match_columns = of_incident(&DATES)
        }),
        ("what is ignored empties the answer", |it| {
            it.invalid_query = InvalidQuery::NoRows;
            it.invalid_sort_empties = true;
            it.stripped_columns = of_incident(&DATES);
        }),
        ("what is ignored empties the answer, except sorts", |it| {
            it.invalid_query = InvalidQuery::NoRows;
            it.stripped_range_columns = of_incident(&DATES);
        }),
        ("orders are refused", |it| {
            it.forbidden_query_columns = of_incident(&["opened_at", "reassignment_count"])
        }),
        (HIDDEN, |it| it.row_acl = [("incident".to_owned(), 2)].into()),
        ("literals are read far west", |it| {
            it.literal_zone_offset_minutes = -720
        }),
        ("pages overlap", |it| it.pages_overlap = true),
    ];
    let all_rows = answers(&started(|_| {}).await, "off").await;
    for (name, change) in changes {
        let world = started(change).await;
        let local = match name {
            HIDDEN => answers(&world, "off").await,
            _ => all_rows.clone(),
        };
        for round in ["first", "second"] {
            let pushed = answers(&world, "on").await;
            for ((sql, pushed), local) in ORDERED.iter().zip(pushed).zip(&local) {
                assert_eq!(pushed, *local, "{name}, {round} time: {sql}");
            }
        }
    }
}

#[tokio::test]
async fn an_order_that_is_not_honoured_is_told_and_not_asked_for_again() {
    let world = started(|semantics| semantics.stripped_range_columns = of_incident(&["opened_at"])).await;
    let sql = "SELECT number FROM servicenow.incident ORDER BY opened_at DESC LIMIT 10";
    world.rows("admin", sql).await;
    world.forget_requests();
    world.rows("admin", sql).await;
    assert_eq!(world.calls(), (0, 5), "{:?}", world.remote_queries());
    let plan = format!("{:?}", world.rows("admin", &format!("EXPLAIN {sql}")).await);
    let reason = "local (the instance ignores or refuses to sort by this column for this user): ORDER BY opened_at DESC";
    assert!(plan.contains(reason), "{plan}");
    let findings = world
        .value(
            "admin",
            "SELECT findings FROM causeway.sources WHERE name = 'servicenow'",
        )
        .await;
    assert!(findings.contains("opened_at (query_range)"), "{findings}");
}

#[tokio::test]
async fn a_budget_of_calls_is_not_spent_on_proofs_of_an_order() {
    let world = started(|_| {}).await;
    let session = world.session("admin").await;
    session.set("causeway.max_api_calls", "2").expect("a setting");
    let sql = "SELECT number FROM servicenow.incident ORDER BY opened_at DESC NULLS LAST LIMIT 10";
    assert_eq!(rows(&session, sql).await.expect(sql).len(), 10);
}

/// Domains narrow and are checked again below the barrier, so the first rows that pass are the first that the person may see.
#[tokio::test]
async fn the_first_rows_cost_no_whole_scan_behind_a_persons_domains() {
    let world = world_with(Vec::new()).await;
    let first = "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC NULLS LAST, number LIMIT 5";
    let session = world.session("ana").await;
    session.set("causeway.pushdown", "off").expect("a setting");
    let expected = rows(&session, first).await.expect(first);
    session.set("causeway.pushdown", "on").expect("a setting");
    assert_eq!(rows(&session, first).await.expect(first), expected);
    world.forget_requests();
    assert_eq!(rows(&session, first).await.expect(first), expected);
    let (_, calls) = world.calls();
    assert!(calls <= 2, "{:?}", world.remote_queries());
    let everything = rows(&world.session("admin").await, first).await.expect(first);
    assert_ne!(everything, expected, "the first rows of all are not ana's");
}
