//! Statements that try to see a row that they must not: each is run as ben, who must not see the account Boxeo nor its opportunities.

use crate::fixture::{World, rows, world};

/// The names that must never appear in anything that ben gets.
async fn secrets(world: &World) -> Vec<String> {
    let sql = "SELECT o.id FROM salesforce.opportunity o JOIN servicenow.customer_account a \
               ON a.u_salesforce_account_id = o.accountid WHERE a.name = 'Boxeo' \
               UNION ALL SELECT sys_id FROM servicenow.customer_account WHERE name = 'Boxeo'";
    let secrets: Vec<String> = world
        .rows("admin", sql)
        .await
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(secrets.len(), 8, "{secrets:?}");
    secrets
}

async fn assert_reveals_nothing(world: &World, secrets: &[String], sql: &str) {
    let session = world.session("ben").await;
    let shown = match rows(&session, sql).await {
        Ok(rows) => rows.into_iter().flatten().collect::<Vec<_>>().join("\n"),
        Err(error) => format!("{error} {:?} {:?}", error.detail, error.hint),
    };
    for secret in secrets {
        assert!(
            !shown.contains(secret.as_str()),
            "{sql} reveals {secret}: {shown}"
        );
    }
}

#[tokio::test]
async fn no_query_form_reveals_a_hidden_row() {
    let world = world().await;
    let secrets = secrets(&world).await;
    for sql in [
        "SELECT sys_id FROM servicenow.customer_account",
        "SELECT sys_id FROM servicenow.customer_account WHERE name = 'Boxeo' OR 1=1",
        "SELECT sys_id FROM servicenow.customer_account WHERE true OR sys_domain IS NULL",
        "SELECT sys_id FROM servicenow.customer_account WHERE sys_domain = 'global' OR sys_domain <> 'global'",
        "SELECT id FROM salesforce.opportunity",
        "SELECT id FROM salesforce.opportunity WHERE accountid = accountid OR 1=1",
        "SELECT id FROM salesforce.opportunity UNION SELECT sys_id FROM servicenow.customer_account",
        "SELECT (SELECT max(id) FROM salesforce.opportunity WHERE name LIKE '%Boxeo%')",
        "SELECT string_agg(id, ',') FROM salesforce.opportunity",
        "SELECT string_agg(sys_id, ',') OVER () FROM servicenow.customer_account",
        "WITH a AS (SELECT * FROM servicenow.customer_account) SELECT a.sys_id FROM a, a b",
        "SELECT b.sys_id FROM servicenow.customer_account a RIGHT JOIN servicenow.customer_account b ON false",
        "SELECT o.id FROM salesforce.account a LEFT JOIN salesforce.opportunity o ON o.accountid = a.id",
        "SELECT o.id FROM salesforce.account a FULL JOIN salesforce.opportunity o ON o.accountid = a.id",
        "SELECT x.id FROM salesforce.account a, LATERAL (SELECT id FROM salesforce.opportunity o WHERE o.accountid = a.id) x",
        "SELECT id FROM salesforce.opportunity EXCEPT SELECT id FROM salesforce.account",
        "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) FROM salesforce.opportunity) t",
        "SELECT id FROM salesforce.opportunity ORDER BY id DESC LIMIT 100000",
        "SELECT id FROM salesforce.opportunity OFFSET 0",
        "SELECT id::text || '' FROM salesforce.opportunity WHERE CASE WHEN true THEN true ELSE amount/0 > 1 END",
        "SELECT * FROM causeway_policy.target",
        "SELECT * FROM causeway.causeway_policy.target",
        "SELECT * FROM \"__policy\".target",
        "TABLE servicenow.customer_account",
    ] {
        assert_reveals_nothing(&world, &secrets, sql).await;
    }
}

#[tokio::test]
async fn no_error_reveals_a_value_of_a_hidden_row() {
    let world = world().await;
    let secrets = secrets(&world).await;
    for sql in [
        "SELECT id::int FROM salesforce.opportunity",
        "SELECT 1/(amount - amount)::bigint FROM salesforce.opportunity WHERE name LIKE '%Boxeo%'",
        "SELECT count(*) FROM servicenow.customer_account WHERE sys_id::bigint > 0",
        "SELECT count(*) FROM servicenow.customer_account WHERE CASE WHEN name = 'Boxeo' THEN sys_id::bigint ELSE 0 END = 0",
        "SELECT count(*) FROM salesforce.opportunity WHERE (id || 'x')::date IS NOT NULL",
    ] {
        assert_reveals_nothing(&world, &secrets, sql).await;
    }
    // The cast would fail on Boxeo's row; for ben it is never evaluated there.
    let harmless = "SELECT count(*) FROM servicenow.customer_account WHERE CASE WHEN name = 'Boxeo' THEN sys_id::bigint ELSE 0 END = 1";
    assert_eq!(world.value("ben", harmless).await, "0");
    assert_eq!(world.error("ana", harmless).await.sqlstate, "22P02");
}

#[tokio::test]
async fn explain_and_system_tables_reveal_no_counts() {
    let world = world().await;
    let secrets = secrets(&world).await;
    let probe = "SELECT id FROM salesforce.opportunity WHERE stagename = 'Closed Won'";
    for sql in [
        format!("EXPLAIN {probe}"),
        format!("EXPLAIN ANALYZE {probe}"),
        format!("EXPLAIN VERBOSE {probe}"),
    ] {
        assert_reveals_nothing(&world, &secrets, &sql).await;
    }
    let session = world.session("ben").await;
    rows(&session, probe).await.expect("a query");
    let counted = "SELECT count(rows), count(bytes), count(*) > 0 FROM causeway.requests";
    assert_eq!(
        rows(&session, counted).await.expect("a query"),
        [["0", "0", "true"]]
    );
    let others = "SELECT count(*) FROM causeway.queries WHERE user_name <> 'ben'";
    assert_eq!(rows(&session, others).await.expect("a query"), [["0"]]);
    assert_ne!(
        world
            .value(
                "admin",
                "SELECT count(*) FROM causeway.queries WHERE user_name = 'ben'"
            )
            .await,
        "0"
    );
}

#[tokio::test]
async fn nobody_changes_data_or_reaches_files() {
    let world = world().await;
    for sql in [
        "INSERT INTO salesforce.account (name) VALUES ('x')",
        "UPDATE salesforce.account SET name = 'x'",
        "DELETE FROM salesforce.account",
        "CREATE TABLE t (a int)",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/causeway-attack.csv'",
        "DROP TABLE salesforce.account",
        "SELECT 1 INTO t",
        "WITH x AS (INSERT INTO salesforce.account (name) VALUES ('x') RETURNING *) SELECT * FROM x",
        "PREPARE p AS DELETE FROM salesforce.account",
        "DECLARE c CURSOR WITH HOLD FOR DELETE FROM salesforce.account RETURNING id",
        "COPY salesforce.account FROM STDIN",
        "SET SESSION AUTHORIZATION admin",
        "SET ROLE admin",
        "SELECT * FROM '/etc/passwd'",
        "SET datafusion.catalog.has_header = true",
    ] {
        let error = world.error("ben", sql).await;
        assert!(
            ["0A000", "42601", "42P01", "42704"].contains(&error.sqlstate),
            "{sql}: {} {}",
            error.sqlstate,
            error.message
        );
    }
    let statements = world
        .session("ben")
        .await
        .parse("SELECT 1; DROP TABLE salesforce.account")
        .expect("two statements");
    assert_eq!(statements.len(), 2);
    assert!(
        world
            .session("ben")
            .await
            .run(&statements[1], Vec::new())
            .await
            .is_err()
    );
    for entry in world.salesforce.log().entries() {
        assert!(
            entry.method == "GET" || entry.path.contains("oauth"),
            "{} {}",
            entry.method,
            entry.path
        );
    }
}

#[tokio::test]
async fn what_lies_below_a_policy_is_not_counted_whatever_was_pushed() {
    let world = world().await;
    let session = world.session("ben").await;
    let hidden = world
        .value("admin", "SELECT count(*) FROM servicenow.incident")
        .await;
    let visible = world
        .value("ben", "SELECT count(*) FROM servicenow.incident")
        .await;
    assert_ne!(hidden, visible);
    for pushdown in ["on", "off"] {
        session.set("causeway.pushdown", pushdown).expect("a setting");
        for sql in [
            "EXPLAIN ANALYZE SELECT sys_id FROM servicenow.incident",
            "EXPLAIN SELECT sys_id FROM servicenow.incident",
            "SELECT remote_query FROM causeway.requests",
        ] {
            let shown = rows(&session, sql).await.expect(sql).concat().join("\n");
            assert!(
                !shown.contains(&format!("rows={hidden}")),
                "{pushdown} {sql}: {shown}"
            );
            assert!(!shown.contains("remote rows"), "{pushdown} {sql}: {shown}");
            assert!(!shown.contains("sys_id>"), "{pushdown} {sql}: {shown}");
        }
    }
}
