//! The session's time zone: how it is set, and what it does to what is asked of a remote system.

use crate::fixture::{rows, world};

async fn shown(session: &causeway_sql::Session) -> String {
    rows(session, "SHOW timezone").await.expect("a setting")[0][0].clone()
}

#[tokio::test]
async fn a_zone_is_set_in_every_form_that_postgresql_has() {
    let world = world().await;
    let session = world.session("admin").await;
    for (set, wanted) in [
        ("SET TIME ZONE 'Europe/Madrid'", "Europe/Madrid"),
        ("SET TIME ZONE 'europe/madrid'", "Europe/Madrid"),
        ("SET timezone = 'America/New_York'", "America/New_York"),
        ("SET timezone TO 'PST8PDT'", "PST8PDT"),
        ("SET TIME ZONE -5", "<-05>+05"),
        ("SET TIME ZONE 5.5", "<+05:30>-05:30"),
        ("SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE", "<-08>+08"),
        ("SET TIME ZONE 'XYZ+3'", "XYZ+3"),
        ("SET TIME ZONE LOCAL", "UTC"),
        ("SET TIME ZONE 'Asia/Tokyo'", "Asia/Tokyo"),
        ("SET TIME ZONE DEFAULT", "UTC"),
        ("SET TIME ZONE 'Asia/Tokyo'", "Asia/Tokyo"),
        ("RESET timezone", "UTC"),
    ] {
        rows(&session, set).await.expect(set);
        assert_eq!(shown(&session).await, wanted, "{set}");
    }
    for (set, sqlstate) in [
        ("SET TIME ZONE 'Europe/Atlantis'", "22023"),
        ("SET TIME ZONE INTERVAL '1 day'", "22023"),
    ] {
        assert_eq!(
            rows(&session, set).await.expect_err(set).sqlstate,
            sqlstate,
            "{set}"
        );
    }
}

#[tokio::test]
async fn a_local_setting_ends_with_its_transaction() {
    let world = world().await;
    let session = world.session("admin").await;
    let run = async |sql: &str| rows(&session, sql).await.expect(sql);
    run("SET LOCAL TIME ZONE 'Asia/Tokyo'").await;
    assert_eq!(shown(&session).await, "UTC", "there was no transaction");
    run("BEGIN").await;
    run("SET LOCAL TIME ZONE 'Asia/Tokyo'").await;
    assert_eq!(shown(&session).await, "Asia/Tokyo");
    run("COMMIT").await;
    assert_eq!(shown(&session).await, "UTC");
    run("BEGIN").await;
    run("SET TIME ZONE 'Europe/Madrid'").await;
    run("SET LOCAL timezone = 'Asia/Tokyo'").await;
    run("COMMIT").await;
    assert_eq!(shown(&session).await, "Europe/Madrid");
    run("BEGIN").await;
    run("SET TIME ZONE 'Asia/Tokyo'").await;
    run("ROLLBACK").await;
    assert_eq!(shown(&session).await, "Europe/Madrid");
}

#[tokio::test]
async fn constants_of_dates_are_asked_for_in_utc() {
    let world = world().await;
    let session = world.session("admin").await;
    for (zone, condition, wanted) in [
        (
            "UTC",
            "createddate >= to_timestamp('2024-01-01', 'YYYY-MM-DD')",
            "CreatedDate >= 2024-01-01T00:00:00Z",
        ),
        (
            "America/New_York",
            "createddate >= to_timestamp('2024-01-01', 'YYYY-MM-DD')",
            "CreatedDate >= 2024-01-01T05:00:00Z",
        ),
        (
            "America/New_York",
            "createddate < make_timestamptz(2024, 7, 1, 0, 0, 0)",
            "CreatedDate < 2024-07-01T04:00:00Z",
        ),
        (
            "America/New_York",
            "createddate >= '2024-07-01'",
            "CreatedDate >= 2024-07-01T04:00:00Z",
        ),
        (
            "America/New_York",
            "createddate::date = '2024-07-01'",
            "CreatedDate >= 2024-07-01T04:00:00Z AND CreatedDate < 2024-07-02T04:00:00Z",
        ),
        (
            "UTC",
            "createddate::date = '2024-07-01'",
            "CreatedDate >= 2024-07-01T00:00:00Z AND CreatedDate < 2024-07-02T00:00:00Z",
        ),
        (
            "America/New_York",
            "date_trunc('year', createddate) = '2024-01-01'",
            "CreatedDate >= 2024-01-01T05:00:00Z AND CreatedDate < 2025-01-01T05:00:00Z",
        ),
        (
            "America/New_York",
            "name = 'Boxeo' AND createddate::date < '2024-07-01'",
            "CreatedDate < 2024-07-01T04:00:00Z",
        ),
    ] {
        session.set("timezone", zone).expect("a zone");
        let explained = format!("EXPLAIN SELECT id FROM salesforce.account WHERE {condition}");
        let lines = rows(&session, &explained)
            .await
            .expect(condition)
            .concat()
            .join("\n");
        assert!(lines.contains(wanted), "{zone}: {condition}\n{lines}");
    }
}

#[tokio::test]
async fn rows_of_local_days_do_not_depend_on_who_looks_for_them() {
    let world = world().await;
    let session = world.session("admin").await;
    for zone in ["UTC", "America/New_York", "Asia/Kolkata"] {
        session.set("timezone", zone).expect("a zone");
        for condition in [
            "createddate::date BETWEEN '2023-01-05' AND '2023-03-31'",
            "date_trunc('month', createddate) = '2023-02-01'",
            "extract(year from createddate) = 2023",
            "createddate >= '2023-03-12' AND createddate < '2023-03-13 12:00'",
            "createddate::timestamp >= '2023-11-05 01:30'",
            "createddate + interval '1 day' < '2023-03-13'",
            "createddate AT TIME ZONE 'Europe/Madrid' < '2023-02-01'",
        ] {
            let sql = format!("SELECT id FROM salesforce.account WHERE {condition} ORDER BY id");
            let mut answers = Vec::new();
            for pushdown in ["on", "off"] {
                session.set("causeway.pushdown", pushdown).expect("a setting");
                answers.push(rows(&session, &sql).await.expect(&sql));
            }
            assert_eq!(answers[0], answers[1], "{zone}: {condition}");
        }
    }
}
