//! Answers must not depend on what was pushed.

use crate::fixture::{rows, world};

/// Queries over one table each, with awkward values on purpose. `ORDER BY` makes the answers comparable.
const QUERIES: &[&str] = &[
    "SELECT id, name FROM salesforce.account WHERE name = 'Boxeo' ORDER BY id",
    "SELECT id, name FROM salesforce.account WHERE name IN ('boxeo', 'O''Brien & Sons', 'Back\\slash \"Quoted\" Ltd') ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name LIKE 'Box%' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name LIKE '%\\%%' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name LIKE '%Cotton\\_W__l' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name ILIKE 'BOX%' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name <> 'Boxeo' AND name NOT IN ('BOXEO') ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name > 'W' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name = '' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE industry IS NULL ORDER BY id",
    "SELECT id FROM salesforce.account WHERE industry IS NOT NULL AND industry <> 'Energy' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name = 'Résumé Café' OR name = 'Zażółć 🚀 Rockets' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE name = 'Trailing blank ' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE id = '001000000000000' ORDER BY id",
    "SELECT id FROM salesforce.account WHERE id = 'not an id' ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE amount > 400000 ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE amount BETWEEN 1000 AND 50000.5 AND NOT isclosed ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE amount IS DISTINCT FROM 1000 ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE NOT (amount > 1000 OR amount IS NULL) ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE amount NOT IN (1, 2, 3) ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE amount NOT IN (1, NULL) ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE closedate >= '2024-06-01' AND closedate < DATE '2024-07-01' ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE closedate <> '2024-06-01' ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE createddate >= '2024-01-01T00:00:00Z' ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE createddate > TIMESTAMP '2024-01-01 00:00:00.5' ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE iswon IS TRUE ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE iswon IS NOT TRUE AND isclosed ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE iswon IS NULL ORDER BY id",
    "SELECT id FROM salesforce.opportunity WHERE stagename IN ('Closed Won', 'Prospecting') OR (amount > 100000 AND iswon = false) ORDER BY id",
    "SELECT count(*), count(amount), sum(probability), min(closedate), max(createddate) FROM salesforce.opportunity",
    "SELECT stagename, count(*) FROM salesforce.opportunity GROUP BY stagename ORDER BY 1",
    "SELECT id, closedate FROM salesforce.opportunity WHERE NOT isclosed ORDER BY closedate DESC NULLS LAST, id LIMIT 20",
    "SELECT amount FROM salesforce.opportunity ORDER BY amount DESC NULLS LAST LIMIT 10",
    "SELECT amount FROM salesforce.opportunity ORDER BY amount NULLS FIRST LIMIT 10",
    "SELECT count(*) FROM (SELECT id FROM salesforce.opportunity WHERE name = 'x' LIMIT 5) t",
    "SELECT count(*) FROM (SELECT id FROM salesforce.opportunity WHERE amount > 0 LIMIT 7) t",
    "SELECT * FROM salesforce.acme__everything__c ORDER BY id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name = 'Boxeo' ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name IN ('Caret^Comma,Co', 'Comma, Inc.') ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name = 'NULL' ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name = 'javascript:gs.getUserID()' ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name LIKE 'R_sum%' OR name LIKE '%Rockets' ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name = 'Resume Cafe' ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE name <> 'Boxeo' AND name NOT LIKE 'A%' ORDER BY sys_id",
    "SELECT sys_id FROM servicenow.customer_account WHERE u_salesforce_account_id IS NULL ORDER BY sys_id",
    "SELECT number FROM servicenow.incident WHERE priority = 1 AND active ORDER BY number",
    "SELECT number FROM servicenow.incident WHERE priority <= 2 AND NOT active ORDER BY number",
    "SELECT number FROM servicenow.incident WHERE priority NOT IN (1, 2, 3) ORDER BY number",
    "SELECT number FROM servicenow.incident WHERE assigned_to IS NULL AND priority = 3 ORDER BY number",
    "SELECT number FROM servicenow.incident WHERE opened_at >= '2024-06-01 00:00:00' AND opened_at < '2024-06-08' ORDER BY number",
    "SELECT number FROM servicenow.incident WHERE (priority = 1 OR priority = 2) AND (active OR resolved_at IS NOT NULL) ORDER BY number",
    "SELECT number FROM servicenow.incident WHERE (priority = 1 AND active) OR (priority = 5 AND NOT active) ORDER BY number",
    "SELECT priority, count(*) FROM servicenow.incident GROUP BY priority ORDER BY 1",
    "SELECT dv_priority, count(*) FROM servicenow.incident WHERE priority < 3 GROUP BY dv_priority ORDER BY 1",
    "SELECT number FROM servicenow.incident ORDER BY number DESC LIMIT 5",
    "SELECT count(*) FROM servicenow.task",
    "SELECT count(*) FROM (SELECT number FROM servicenow.incident WHERE active LIMIT 9) t",
    "SELECT * FROM servicenow.u_everything ORDER BY sys_id",
];

#[tokio::test]
async fn answers_do_not_depend_on_what_was_pushed() {
    let world = world().await;
    let session = world.session("admin").await;
    for sql in QUERIES {
        session.set("causeway.pushdown", "on").expect("a setting");
        let pushed = rows(&session, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.cause));
        session.set("causeway.pushdown", "off").expect("a setting");
        let local = rows(&session, sql)
            .await
            .unwrap_or_else(|error| panic!("off: {sql}: {error}"));
        assert_eq!(pushed, local, "{sql}");
    }
    let violations: Vec<_> = world
        .servicenow
        .log()
        .entries()
        .into_iter()
        .filter_map(|entry| entry.violation)
        .collect();
    assert!(violations.is_empty(), "{violations:?}");
}

#[tokio::test]
async fn filters_alone_sends_predicates_and_nothing_else() {
    let world = world().await;
    let session = world.session("admin").await;
    let sorted = "SELECT id FROM salesforce.opportunity WHERE NOT isclosed ORDER BY amount DESC NULLS LAST, closedate LIMIT 3";
    let joined = "SELECT a.name, o.name FROM servicenow.customer_account a \
                  JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id WHERE o.isclosed AND a.name = 'Boxeo'";
    let mut answers = Vec::new();
    for mode in ["on", "filters"] {
        session.set("causeway.pushdown", mode).expect("a setting");
        for sql in [sorted, joined] {
            world.forget_requests();
            answers.push(rows(&session, sql).await.expect(sql));
        }
    }
    assert_eq!(answers[..2], answers[2..]);
    let sent: Vec<String> = world.remote_queries().into_values().flatten().collect();
    assert!(
        sent.iter()
            .any(|query| query.ends_with("FROM Opportunity WHERE IsClosed = TRUE")),
        "{sent:?}"
    );
    world.forget_requests();
    rows(&session, sorted).await.expect(sorted);
    let sent: Vec<String> = world.remote_queries().into_values().flatten().collect();
    assert!(
        sent.iter()
            .any(|query| query.ends_with("FROM Opportunity WHERE IsClosed = FALSE")),
        "{sent:?}"
    );
}

#[tokio::test]
async fn a_small_limit_reads_one_page() {
    let world = world().await;
    for (sql, calls) in [
        ("SELECT id FROM salesforce.opportunity LIMIT 3", (1, 0)),
        (
            "SELECT id FROM salesforce.opportunity WHERE NOT isclosed ORDER BY amount DESC NULLS LAST LIMIT 3",
            (1, 0),
        ),
        ("SELECT number FROM servicenow.incident LIMIT 3", (0, 1)),
        ("SELECT id FROM salesforce.opportunity LIMIT 0", (0, 0)),
        ("SELECT id FROM salesforce.account WHERE name = ''", (0, 0)),
    ] {
        world.rows("admin", sql).await;
        world.forget_requests();
        world.rows("admin", sql).await;
        assert_eq!(world.calls(), calls, "{sql}: {:?}", world.remote_queries());
    }
}
