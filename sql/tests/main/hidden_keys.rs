//! The keys of a policy's own join are values of rows that the policy may then hide.

use causeway_sql::Policy;

use crate::fixture::{World, opportunity_policy, rows, world, world_with};

/// An opportunity that ana does not see, and its account.
async fn hidden_opportunity(world: &World) -> (String, String) {
    let visible = world.rows("ana", "SELECT id FROM salesforce.opportunity").await;
    let all = "SELECT id, accountid FROM salesforce.opportunity WHERE accountid IS NOT NULL ORDER BY id";
    let hidden = world.rows("admin", all).await.into_iter();
    let mut hidden = hidden.filter(|row| !visible.iter().any(|seen| seen[0] == row[0]));
    let row = hidden.next().expect("a hidden opportunity");
    (row[0].clone(), row[1].clone())
}

async fn text(world: &World, user: &str, sql: &str) -> String {
    world.rows(user, sql).await.concat().join("\n")
}

const REQUESTS: &str = "SELECT remote_query FROM causeway.requests WHERE user_name = 'ana'";

#[tokio::test]
async fn keys_of_a_policys_join_are_shown_to_nobody_from_whom_rows_are_hidden() {
    let world = world().await;
    let (id, account) = hidden_opportunity(&world).await;
    world.forget_requests();
    let select = format!("SELECT * FROM salesforce.opportunity WHERE id = '{id}'");
    let mut shown = text(&world, "ana", &select).await;
    assert_eq!(shown, "");
    let sent = format!("{:?}", world.remote_queries());
    assert!(sent.contains(&account), "the key was not even sent: {sent}");
    for sql in [
        format!("EXPLAIN ANALYZE {select}"),
        format!("EXPLAIN {select}"),
        REQUESTS.to_owned(),
    ] {
        shown.push_str(&text(&world, "ana", &sql).await);
    }
    assert!(!shown.contains(&account[..15]), "{shown}");
    assert!(
        shown.contains("ORDERBYsys_id (and keys of a join)"),
        "what was asked apart from the keys is shown: {shown}"
    );
    let told = text(&world, "admin", REQUESTS).await;
    assert!(
        told.contains(&format!("u_salesforce_account_id={account}")),
        "{told}"
    );
}

/// Customer accounts follow the Salesforce accounts, for everyone.
fn customer_policy() -> Policy {
    Policy {
        table: "servicenow.customer_account".to_owned(),
        rows: Some(
            "u_salesforce_account_id IN (SELECT id FROM salesforce.account WHERE billingcountry = 'nowhere')"
                .to_owned(),
        ),
        ..Policy::default()
    }
}

const BOXEO: &str = "SELECT name FROM servicenow.customer_account WHERE name = 'Boxeo'";

async fn boxeos_account(world: &World) -> String {
    world
        .value("admin", "SELECT id FROM salesforce.account WHERE name = 'Boxeo'")
        .await
}

#[tokio::test]
async fn keys_that_go_to_salesforce_are_left_out_of_the_query_too() {
    let world = world_with(vec![customer_policy()]).await;
    let account = boxeos_account(&world).await;
    world.forget_requests();
    let mut shown = text(&world, "ana", &format!("EXPLAIN ANALYZE {BOXEO}")).await;
    let sent = format!("{:?}", world.remote_queries());
    assert!(sent.contains(&account), "the key was not even sent: {sent}");
    shown.push_str(&text(&world, "ana", REQUESTS).await);
    assert!(!shown.contains(&account[..15]), "{shown}");
    assert!(shown.contains("'nowhere' (and keys of a join)"), "{shown}");
    assert!(text(&world, "admin", REQUESTS).await.contains(&account));
}

#[tokio::test]
async fn a_failed_request_with_keys_is_not_described_to_those_from_whom_rows_are_hidden() {
    let world = world_with(vec![customer_policy()]).await;
    for (user, told) in [("ana", false), ("admin", true)] {
        let session = world.session(user).await;
        rows(&session, BOXEO).await.expect("a query");
        world
            .salesforce
            .semantics()
            .change_faults(|faults| faults.query_timeout = 1);
        let error = rows(&session, BOXEO).await.expect_err("a timeout");
        assert_eq!(error.sqlstate, "HV000", "{user}");
        assert_eq!(
            error.message.contains("QUERY_TIMEOUT"),
            told,
            "{user}: {}",
            error.message
        );
        assert_ne!(
            error.message.contains("is not shown"),
            told,
            "{user}: {}",
            error.message
        );
    }
}

#[tokio::test]
async fn the_bound_of_a_policys_sort_is_not_shown() {
    let largest = Policy {
        rows: Some(
            "accountid IN (SELECT id FROM salesforce.account ORDER BY name || 'x' DESC LIMIT 3)".to_owned(),
        ),
        roles: Vec::new(),
        ..opportunity_policy()
    };
    let world = world_with(vec![largest]).await;
    let explain = "EXPLAIN ANALYZE SELECT id FROM salesforce.opportunity";
    let told = text(&world, "admin", explain).await;
    assert!(told.contains("TopK") && told.contains("filter=["), "{told}");
    let shown = text(&world, "ana", explain).await;
    assert!(shown.contains("TopK") && !shown.contains("filter=["), "{shown}");
}
