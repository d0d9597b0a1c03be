use causeway_sql::Policy;

use crate::fixture::{opportunity_policy, world, world_with};

/// What the practice world says of an account's domain, computed apart from the engine: domains 2 (EMEA), 3, 4 and global for ana;
/// 6 (GLOBEX), 7 and global for ben.
fn accounts_in(domains: &[Option<usize>]) -> usize {
    let world = causeway_sandbox::world::World::new(42, 1);
    (0..world.accounts())
        .filter(|&index| domains.contains(&world.account(index).domain))
        .count()
}

const EMEA: &[Option<usize>] = &[None, Some(2), Some(3), Some(4)];
const GLOBEX: &[Option<usize>] = &[None, Some(6), Some(7)];

#[tokio::test]
async fn each_person_sees_the_accounts_of_their_domains() {
    let world = world().await;
    let count = "SELECT count(*) FROM servicenow.customer_account";
    assert_eq!(world.value("admin", count).await, "500");
    assert_eq!(world.value("ana", count).await, accounts_in(EMEA).to_string());
    assert_eq!(world.value("ben", count).await, accounts_in(GLOBEX).to_string());
    assert_eq!(
        world.value("nobody", count).await,
        accounts_in(&[None]).to_string()
    );
}

#[tokio::test]
async fn opportunities_follow_the_accounts_that_a_person_sees() {
    let world = world().await;
    let boxeo = "SELECT count(*) FROM salesforce.opportunity o JOIN salesforce.account a ON a.id = o.accountid WHERE a.name = 'Boxeo'";
    assert_eq!(world.value("admin", boxeo).await, "7");
    assert_eq!(world.value("ana", boxeo).await, "7");
    assert_eq!(world.value("ben", boxeo).await, "0");
    let hidden = "SELECT count(*) FROM salesforce.opportunity WHERE accountid NOT IN \
                  (SELECT u_salesforce_account_id FROM servicenow.customer_account WHERE u_salesforce_account_id IS NOT NULL)";
    assert_eq!(world.value("ana", hidden).await, "0");
    assert_ne!(world.value("admin", hidden).await, "error");
}

#[tokio::test]
async fn a_domain_that_does_not_exist_is_an_error_not_everything() {
    let world = world().await;
    let error = world
        .error("lost", "SELECT count(*) FROM servicenow.customer_account")
        .await;
    assert!(
        error.message.contains("domain 'TOP/NOWHERE' does not exist"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn policies_of_one_table_hold_together() {
    let open_only = Policy {
        rows: Some("NOT isclosed OR isclosed IS NULL".to_owned()),
        ..opportunity_policy()
    };
    let world = world_with(vec![opportunity_policy(), open_only]).await;
    assert_eq!(
        world
            .value(
                "ana",
                "SELECT count(*) FROM salesforce.opportunity WHERE isclosed"
            )
            .await,
        "0"
    );
    let open = "SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed";
    let (ana, ben) = (world.value("ana", open).await, world.value("ben", open).await);
    assert!(ana != "0" && ben != "0" && ana != ben, "ana {ana}, ben {ben}");
}

#[tokio::test]
async fn a_denied_column_does_not_exist() {
    let deny = Policy {
        table: "salesforce.opportunity".to_owned(),
        deny_columns: vec!["Amount".to_owned()],
        ..Policy::default()
    };
    let world = world_with(vec![deny]).await;
    let error = world
        .error("ana", "SELECT amount FROM salesforce.opportunity LIMIT 1")
        .await;
    assert_eq!(error.sqlstate, "42703", "{}", error.message);
    let error = world
        .error(
            "ana",
            "SELECT id FROM salesforce.opportunity ORDER BY amount LIMIT 1",
        )
        .await;
    assert_eq!(error.sqlstate, "42703", "{}", error.message);
    let session = world.session("ana").await;
    let answer = session
        .sql("SELECT * FROM salesforce.opportunity LIMIT 1")
        .await
        .expect("a query");
    let schema = answer.schema().expect("columns");
    assert!(schema.column_with_name("amount").is_none() && schema.column_with_name("stagename").is_some());
}

#[tokio::test]
async fn a_masked_column_shows_the_mask_in_every_expression() {
    let mask = Policy {
        table: "salesforce.opportunity".to_owned(),
        mask_columns: [
            ("amount".to_owned(), "NULL".to_owned()),
            ("name".to_owned(), "left(name, 1) || '***'".to_owned()),
        ]
        .into(),
        ..Policy::default()
    };
    let world = world_with(vec![mask]).await;
    assert_eq!(
        world
            .value("ana", "SELECT count(amount) FROM salesforce.opportunity")
            .await,
        "0"
    );
    assert_eq!(
        world
            .value(
                "ana",
                "SELECT count(*) FROM salesforce.opportunity WHERE amount > 0"
            )
            .await,
        "0"
    );
    assert_eq!(
        world
            .value(
                "ana",
                "SELECT count(*) FROM salesforce.opportunity WHERE name NOT LIKE '_***'"
            )
            .await,
        "0"
    );
    let rows = world
        .rows("ana", "SELECT name, amount FROM salesforce.opportunity LIMIT 3")
        .await;
    assert_eq!(rows.len(), 3);
    assert!(
        rows.iter().all(|row| row[0].ends_with("***") && row[1] == "NULL"),
        "{rows:?}"
    );
}

#[tokio::test]
async fn policies_that_lead_in_a_circle_are_an_error() {
    let to_account = Policy {
        table: "salesforce.opportunity".to_owned(),
        rows: Some("accountid IN (SELECT id FROM salesforce.account)".to_owned()),
        ..Policy::default()
    };
    let back = Policy {
        table: "salesforce.account".to_owned(),
        rows: Some("id IN (SELECT accountid FROM salesforce.opportunity)".to_owned()),
        ..Policy::default()
    };
    let world = world_with(vec![to_account, back]).await;
    let error = world
        .error("ana", "SELECT count(*) FROM salesforce.account")
        .await;
    assert_eq!(error.sqlstate, "42P17", "{}", error.message);
}

#[tokio::test]
async fn what_is_made_from_a_denied_column_is_denied_too() {
    let deny = |table: &str, column: &str| Policy {
        table: table.to_owned(),
        deny_columns: vec![column.to_owned()],
        ..Policy::default()
    };
    let world = world_with(vec![
        deny("servicenow.incident", "assigned_to"),
        deny("salesforce.account", "id"),
    ])
    .await;
    for sql in [
        "SELECT assigned_to FROM servicenow.incident",
        "SELECT dv_assigned_to FROM servicenow.incident",
        "SELECT record_url FROM salesforce.account",
    ] {
        assert_eq!(world.error("ana", sql).await.sqlstate, "42703", "{sql}");
    }
}

#[tokio::test]
async fn a_policy_does_not_follow_the_search_path_of_the_person() {
    let unqualified = Policy {
        rows: Some("accountid IN (SELECT u_salesforce_account_id FROM customer_account)".to_owned()),
        ..opportunity_policy()
    };
    let world = world_with(vec![unqualified]).await;
    let session = world.session("ana").await;
    let count = "SELECT count(*) FROM salesforce.opportunity";
    let before = crate::fixture::rows(&session, count).await.expect("a query");
    session.set("search_path", "salesforce").expect("a setting");
    assert_eq!(
        crate::fixture::rows(&session, count).await.expect("a query"),
        before
    );
}

#[tokio::test]
async fn labels_of_references_are_null_for_those_bound_by_domains() {
    let world = world().await;
    let labels = "SELECT count(dv_assigned_to), count(dv_company), count(dv_parent), count(dv_state), count(*) \
                  FROM servicenow.incident";
    let all = world.rows("admin", labels).await;
    assert!(all[0][..4].iter().all(|count| count != "0"), "{all:?}");
    let own = world.rows("ana", labels).await;
    assert_eq!(own[0][..3], ["0", "0", "0"], "{own:?}");
    assert_eq!(own[0][3], own[0][4], "choices keep their labels");
    for hidden in [
        "SELECT number FROM servicenow.incident WHERE dv_assigned_to = 'Ana Lopez'",
        "SELECT number FROM servicenow.incident WHERE dv_assigned_to IS NOT NULL",
        "SELECT number FROM servicenow.incident ORDER BY dv_assigned_to IS NULL LIMIT 0",
        "SELECT dv_assigned_to FROM servicenow.incident GROUP BY 1 HAVING dv_assigned_to IS NOT NULL",
        "SELECT i.number FROM servicenow.incident i JOIN (VALUES ('Ana Lopez')) v(name) ON v.name = i.dv_assigned_to",
    ] {
        assert_eq!(
            world.rows("ana", hidden).await,
            Vec::<Vec<String>>::new(),
            "{hidden}"
        );
    }
    // They don't even travel.
    world.forget_requests();
    world
        .rows("ana", "SELECT number, dv_assigned_to FROM servicenow.incident")
        .await;
    let asked = world.servicenow.log().data_calls();
    assert!(!asked.is_empty());
    assert!(
        asked
            .iter()
            .all(|call| !call.parameters.contains("sysparm_display_value=all")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn labels_of_references_are_null_for_those_bound_by_a_policy_on_the_referenced_table() {
    let masked = Policy {
        table: "servicenow.sys_user".to_owned(),
        mask_columns: [("name".to_owned(), "'somebody'".to_owned())].into(),
        ..Policy::default()
    };
    let world = world_with(vec![masked]).await;
    let labels = "SELECT count(dv_assigned_to), count(dv_company), count(dv_state) FROM servicenow.incident";
    let shown = world.rows("admin", labels).await;
    assert_eq!(shown[0][0], "0", "{shown:?}");
    assert!(shown[0][1..].iter().all(|count| count != "0"), "{shown:?}");
}
