//! CREATE VIEW and DROP VIEW.

use causeway_sql::{Error, Policy, ScalarValue, Session};

use crate::fixture::{opportunity_policy, rows, world, world_with};

async fn run(session: &Session, sql: &str) -> Result<String, Error> {
    session.sql(sql).await.map(|answer| answer.tag().to_owned())
}

async fn done(session: &Session, sql: &str) {
    if let Err(error) = run(session, sql).await {
        panic!("{sql}: {} {error} {:?}", error.sqlstate, error.cause);
    }
}

async fn code(session: &Session, sql: &str) -> String {
    match rows(session, sql).await {
        Ok(rows) => format!("{} rows", rows.len()),
        Err(error) => error.sqlstate.to_owned(),
    }
}

async fn value(session: &Session, sql: &str) -> String {
    rows(session, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))[0][0]
        .clone()
}

#[tokio::test]
async fn a_view_is_made_read_and_dropped() {
    let world = world().await;
    let session = world.session("ana").await;
    let create = "CREATE VIEW open_deals AS SELECT name, amount, accountid FROM salesforce.opportunity WHERE NOT isclosed";
    assert_eq!(run(&session, create).await.expect("made"), "CREATE VIEW");
    let count = "SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed";
    let by_hand = value(&session, count).await;
    for name in ["open_deals", "pg_temp.open_deals", "OPEN_DEALS"] {
        assert_eq!(
            value(&session, &format!("SELECT count(*) FROM {name}")).await,
            by_hand
        );
    }
    let joined = "SELECT d.name FROM open_deals d JOIN servicenow.customer_account a ON a.u_salesforce_account_id = d.accountid \
                  WHERE a.name = 'Boxeo' ORDER BY d.amount DESC LIMIT 2";
    assert_eq!(rows(&session, joined).await.expect("rows").len(), 2);
    assert_eq!(
        run(&session, "DROP VIEW open_deals").await.expect("dropped"),
        "DROP VIEW"
    );
    assert_eq!(code(&session, "SELECT * FROM open_deals").await, "42P01");
    assert_eq!(code(&session, "DROP VIEW open_deals").await, "42P01");
    assert_eq!(code(&session, "DROP VIEW IF EXISTS open_deals").await, "0 rows");
}

#[tokio::test]
async fn columns_have_the_names_and_types_that_postgresql_gives_them() {
    let world = world().await;
    let session = world.session("admin").await;
    done(
        &session,
        "CREATE TEMP VIEW figures (kind, \"How many\") AS SELECT type, count(*), sum(numberofemployees), 1 + 1 AS two, 'x' AS text, NULL AS nothing \
         FROM salesforce.account GROUP BY type",
    )
    .await;
    let columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'figures' ORDER BY ordinal_position";
    let columns = rows(&session, columns).await.expect("columns");
    let names: Vec<_> = columns.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["kind", "How many", "sum", "two", "text", "nothing"]);
    let answer = session.sql("SELECT * FROM figures").await.expect("a query");
    let types: Vec<_> = answer
        .schema()
        .expect("columns")
        .fields()
        .iter()
        .map(|field| field.data_type().to_string())
        .collect();
    assert_eq!(
        (types[1].as_str(), types[3].as_str(), types[5].as_str()),
        ("Int64", "Int32", "Utf8")
    );
    let derived = "SELECT sum(\"How many\"), sum(sum), max(two) FROM figures";
    let by_hand = "SELECT count(*), sum(numberofemployees), 2 FROM salesforce.account";
    assert_eq!(
        rows(&session, derived).await.expect("rows"),
        rows(&session, by_hand).await.expect("rows")
    );
}

/// Statements that are refused where `v` is a view of an account's id and name, and `w` is one of `v`.
const WRONG: [(&str, &str); 30] = [
    ("CREATE VIEW v AS SELECT 1", "42P07"),
    ("CREATE VIEW x AS SELECT nope FROM salesforce.account", "42703"),
    ("CREATE VIEW x AS SELECT 1 FROM salesforce.nope", "42P01"),
    ("CREATE VIEW x AS SELECT * FROM x", "42P01"),
    ("CREATE OR REPLACE VIEW v AS SELECT id, name FROM v", "42P17"),
    (
        "CREATE OR REPLACE VIEW v AS SELECT id, id AS name FROM w",
        "42P17",
    ),
    (
        "CREATE OR REPLACE VIEW v AS SELECT id FROM salesforce.account",
        "42P16",
    ),
    (
        "CREATE OR REPLACE VIEW v AS SELECT id, type FROM salesforce.account",
        "42P16",
    ),
    (
        "CREATE OR REPLACE VIEW v AS SELECT id, 1 AS name FROM salesforce.account",
        "42P16",
    ),
    ("CREATE VIEW x AS SELECT id, id FROM salesforce.account", "42701"),
    ("CREATE VIEW x (a, b, c) AS SELECT 1, 2", "42601"),
    ("CREATE VIEW x (a, a) AS SELECT 1, 2", "42701"),
    ("CREATE VIEW x AS SELECT $1", "42P02"),
    ("CREATE VIEW x AS SELECT relname FROM pg_class", "0A000"),
    ("CREATE VIEW salesforce.x AS SELECT 1", "0A000"),
    ("CREATE VIEW views.x AS SELECT 1", "0A000"),
    ("CREATE TEMP VIEW views.x AS SELECT 1", "42P16"),
    ("CREATE MATERIALIZED VIEW x AS SELECT 1", "0A000"),
    (
        "CREATE VIEW x WITH (security_barrier = true) AS SELECT 1",
        "0A000",
    ),
    ("CREATE TABLE x AS SELECT 1", "0A000"),
    ("CREATE TABLE x (a int)", "0A000"),
    ("DROP TABLE x", "0A000"),
    ("DROP SCHEMA salesforce", "0A000"),
    ("DROP TABLE v", "42809"),
    ("DROP VIEW salesforce.account", "42809"),
    ("DROP VIEW views.work_queue", "42501"),
    ("DROP VIEW nothing, v", "42P01"),
    ("DROP VIEW v", "2BP01"),
    ("INSERT INTO v VALUES ('a', 'b')", "0A000"),
    ("DELETE FROM v", "0A000"),
];

#[tokio::test]
async fn what_is_wrong_is_said_when_the_view_is_made() {
    let world = world().await;
    let session = world.session("ana").await;
    done(
        &session,
        "CREATE VIEW v AS SELECT id, name FROM salesforce.account",
    )
    .await;
    done(&session, "CREATE VIEW w AS SELECT id FROM v").await;
    for (sql, expected) in WRONG {
        assert_eq!(code(&session, sql).await, expected, "{sql}");
    }
    assert!(code(&session, "CREATE VIEW x AS SELECT 1 WITH CHECK OPTION").await == "42601");
    assert_eq!(code(&session, "SELECT id, name FROM v LIMIT 1").await, "1 rows");
    done(
        &session,
        "CREATE OR REPLACE VIEW v AS SELECT id, name, type FROM salesforce.account",
    )
    .await;
    assert_eq!(code(&session, "SELECT type FROM v LIMIT 1").await, "1 rows");
    done(&session, "DROP VIEW v CASCADE").await;
    assert_eq!(code(&session, "SELECT * FROM w").await, "42P01");
}

#[tokio::test]
async fn a_view_belongs_to_its_session() {
    let world = world().await;
    let (first, second) = (world.session("ana").await, world.session("ana").await);
    done(&first, "CREATE VIEW mine AS SELECT 1 AS one").await;
    assert_eq!(code(&second, "SELECT * FROM mine").await, "42P01");
    assert_eq!(code(&second, "SELECT * FROM pg_temp.mine").await, "42P01");
    let listed = "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'mine'";
    assert_eq!(code(&first, listed).await, "1 rows");
    assert_eq!(code(&second, listed).await, "0 rows");
    done(&second, "CREATE VIEW mine AS SELECT 2 AS two").await;
    assert_eq!(value(&first, "SELECT one FROM mine").await, "1");
    done(&first, "DISCARD ALL").await;
    assert_eq!(code(&first, "SELECT * FROM mine").await, "42P01");
    assert_eq!(value(&second, "SELECT two FROM mine").await, "2");
    done(&second, "DISCARD TEMP").await;
    assert_eq!(code(&second, "SELECT * FROM mine").await, "42P01");
}

#[tokio::test]
async fn what_a_view_reads_is_settled_when_it_is_made() {
    let world = world().await;
    let session = world.session("admin").await;
    done(&session, "CREATE VIEW names AS SELECT name FROM opportunity").await;
    let all = value(&session, "SELECT count(*) FROM names").await;
    // Found first by unqualified names, but not by a view that is older.
    done(&session, "CREATE VIEW opportunity AS SELECT 'made up' AS name").await;
    assert_eq!(value(&session, "SELECT name FROM opportunity").await, "made up");
    assert_eq!(value(&session, "SELECT count(*) FROM names").await, all);
    assert_ne!(
        value(&session, "SELECT count(*) FROM salesforce.opportunity").await,
        "1"
    );
    assert_ne!(
        value(&session, "SELECT count(*) FROM views.open_opportunities").await,
        "1"
    );
    done(&session, "SET search_path = servicenow").await;
    assert_eq!(value(&session, "SELECT count(*) FROM names").await, all);
}

#[tokio::test]
async fn a_policy_and_a_view_of_everyone_do_not_see_the_views_of_a_session() {
    let unqualified = Policy {
        rows: Some("accountid IN (SELECT u_salesforce_account_id FROM customer_account)".to_owned()),
        ..opportunity_policy()
    };
    let world = world_with(vec![unqualified]).await;
    let session = world.session("ana").await;
    let counts = [
        "SELECT count(*) FROM salesforce.opportunity",
        "SELECT count(*) FROM views.open_opportunities",
    ];
    let mut before = Vec::new();
    for count in counts {
        before.push(value(&session, count).await);
    }
    done(
        &session,
        "CREATE VIEW customer_account AS SELECT id AS u_salesforce_account_id FROM salesforce.account",
    )
    .await;
    for (count, before) in counts.into_iter().zip(before) {
        assert_eq!(value(&session, count).await, before, "{count}");
    }
}

#[tokio::test]
async fn a_view_gives_nobody_more_than_its_tables() {
    let mask = Policy {
        table: "servicenow.incident".to_owned(),
        roles: vec!["analyst".to_owned()],
        deny_columns: vec!["assigned_to".to_owned()],
        mask_columns: [("short_description".to_owned(), "'***'".to_owned())].into(),
        ..Policy::default()
    };
    let world = world_with(vec![opportunity_policy(), mask]).await;
    let session = world.session("ben").await;
    for denied in ["assigned_to", "dv_assigned_to"] {
        let sql = format!("CREATE VIEW x AS SELECT {denied} FROM servicenow.incident");
        assert_eq!(code(&session, &sql).await, "42703", "{sql}");
    }
    done(&session, "CREATE VIEW seen AS SELECT short_description AS title, account FROM servicenow.incident i CROSS JOIN (SELECT 1 AS account) a").await;
    let shown = "SELECT count(*) FROM seen WHERE title <> '***'";
    assert_eq!(value(&session, shown).await, "0");
    done(
        &session,
        "CREATE VIEW deals AS SELECT id, accountid, amount FROM salesforce.opportunity",
    )
    .await;
    let boxeo = value(
        &world.session("admin").await,
        "SELECT id FROM salesforce.account WHERE name = 'Boxeo'",
    )
    .await;
    // What would fail on a hidden row is not evaluated on it.
    let fails = format!(
        "SELECT count(*) FROM deals WHERE CASE WHEN accountid = '{boxeo}' THEN 1 / (amount - amount)::int > 0 ELSE true END"
    );
    let plain = fails.replace("deals", "salesforce.opportunity");
    assert_eq!(code(&session, &fails).await, "1 rows");
    assert_eq!(value(&session, &fails).await, value(&session, &plain).await);
    let ana = world.session("ana").await;
    done(
        &ana,
        "CREATE VIEW deals AS SELECT id, accountid, amount FROM salesforce.opportunity",
    )
    .await;
    assert_eq!(code(&ana, &fails).await, "22012");
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_takes_its_views_with_it() {
    let world = world().await;
    let session = world.session("ana").await;
    done(&session, "CREATE VIEW kept AS SELECT 1 AS n").await;
    done(&session, "BEGIN").await;
    done(&session, "CREATE VIEW lost AS SELECT 2 AS n").await;
    done(&session, "CREATE OR REPLACE VIEW kept AS SELECT 3 AS n").await;
    assert_eq!(
        value(&session, "SELECT l.n + k.n FROM lost l CROSS JOIN kept k").await,
        "5"
    );
    done(&session, "ROLLBACK").await;
    assert_eq!(code(&session, "SELECT * FROM lost").await, "42P01");
    assert_eq!(value(&session, "SELECT n FROM kept").await, "1");
    done(&session, "BEGIN").await;
    done(&session, "DROP VIEW kept").await;
    done(&session, "COMMIT").await;
    assert_eq!(code(&session, "SELECT * FROM kept").await, "42P01");
}

#[tokio::test]
async fn filters_limits_and_counts_pass_through_a_view_of_a_session() {
    let world = world().await;
    let session = world.session("admin").await;
    done(&session, "CREATE VIEW a AS SELECT id, name, amount, stagename AS stage FROM salesforce.opportunity WHERE NOT isclosed").await;
    done(
        &session,
        "CREATE VIEW b (key, title, value, step) AS SELECT * FROM a WHERE amount > 1000",
    )
    .await;
    for (sql, wanted) in [
        (
            "SELECT title FROM b WHERE value > 240000",
            "IsClosed = FALSE AND Amount > 240000",
        ),
        ("SELECT count(*) FROM b", "SELECT COUNT("),
        (
            "SELECT title FROM b ORDER BY value DESC NULLS LAST LIMIT 2",
            "ORDER BY Amount DESC NULLS LAST LIMIT 2",
        ),
        ("SELECT title FROM b LIMIT 2", "LIMIT 2"),
    ] {
        world.forget_requests();
        rows(&session, sql).await.expect(sql);
        let queries = world.remote_queries();
        let queries: Vec<_> = queries.values().flatten().collect();
        let is_pushed = |text: &&String| {
            text.contains(wanted) && text.contains("IsClosed = FALSE") && text.contains("Amount > ")
        };
        assert!(
            queries.len() == 1 && queries.iter().all(is_pushed),
            "{sql}: {queries:?}"
        );
    }
    let statement = session
        .parse("SELECT title FROM b WHERE value > $1 AND title = $2")
        .expect("a statement")
        .remove(0);
    let described = session.describe(&statement, &[]).await.expect("a description");
    assert_eq!(described.parameters.len(), 2);
    let parameters = vec![
        ScalarValue::Float64(Some(0.0)),
        ScalarValue::Utf8(Some("Boxeo - Gloves 2024".to_owned())),
    ];
    let answer = session.run(&statement, parameters).await.expect("an answer");
    assert_eq!(answer.schema().expect("columns").field(0).name(), "title");
}

#[tokio::test]
async fn a_source_that_fails_is_not_a_view_that_is_missing() {
    let world = crate::fixture::world_of(|config| config.url = "http://127.0.0.1:9".to_owned()).await;
    let error = world.error("admin", "SELECT * FROM views.work_queue").await;
    assert_eq!(error.sqlstate, "HV00N", "{}", error.message);
}
