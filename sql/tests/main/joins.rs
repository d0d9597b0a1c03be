use crate::fixture::world;

const DEMO: &str = include_str!("../../demo/account_opportunities.sql");

#[tokio::test]
async fn the_demo_join_costs_one_call_on_each_side() {
    let world = world().await;
    let first = world.rows("admin", DEMO).await;
    assert_eq!(first.len(), 4, "{first:?}");
    assert!(first.iter().all(|row| row[0] == "Boxeo"), "{first:?}");
    let (salesforce, servicenow) = world.calls();
    assert!(
        salesforce + servicenow <= 6,
        "cold: {salesforce} + {servicenow} calls: {:?}",
        world.remote_queries()
    );
    world.forget_requests();
    assert_eq!(world.rows("admin", DEMO).await, first);
    assert_eq!(world.calls(), (1, 1), "{:?}", world.remote_queries());
}

#[tokio::test]
async fn the_keys_of_the_first_system_reach_the_second() {
    let world = world().await;
    world.rows("admin", DEMO).await;
    world.forget_requests();
    world.rows("admin", DEMO).await;
    let queries = world.remote_queries();
    let soql = queries
        .iter()
        .find(|(path, _)| path.ends_with("/query"))
        .map(|(_, queries)| queries[0].clone())
        .expect("a query");
    assert!(
        soql.contains("IsClosed = FALSE") && soql.contains("AccountId "),
        "{soql}"
    );
}

#[tokio::test]
async fn no_account_means_no_call_for_its_opportunities() {
    let world = world().await;
    let sql = DEMO.replace("Boxeo", "No such account");
    world.rows("admin", &sql).await;
    world.forget_requests();
    assert!(world.rows("admin", &sql).await.is_empty());
    assert_eq!(world.calls(), (0, 1));
}

#[tokio::test]
async fn many_keys_are_split_over_requests_and_lose_nothing() {
    let world = world().await;
    let joined = "SELECT count(*), count(DISTINCT a.sys_id) FROM servicenow.customer_account a \
                  JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id WHERE a.name <> 'Megacorp'";
    let whole = "SELECT count(*), count(DISTINCT a.sys_id) FROM servicenow.customer_account a \
                 JOIN (SELECT * FROM salesforce.opportunity OFFSET 0) o ON o.accountid = a.u_salesforce_account_id \
                 WHERE a.name <> 'Megacorp'";
    assert_eq!(
        world.rows("admin", joined).await,
        world.rows("admin", whole).await
    );
}

#[tokio::test]
async fn every_kind_of_join_agrees_with_itself_without_pushdown() {
    let world = world().await;
    let session = world.session("admin").await;
    let join = |kind: &str| {
        format!(
            "SELECT a.number, o.id FROM servicenow.customer_account a {kind} JOIN \
             (SELECT * FROM salesforce.opportunity WHERE amount > 400000) o ON o.accountid = a.u_salesforce_account_id \
             ORDER BY 1, 2"
        )
    };
    let mut queries: Vec<String> = ["INNER", "LEFT", "RIGHT", "FULL"]
        .iter()
        .map(|kind| join(kind))
        .collect();
    queries.push(
        "SELECT number FROM servicenow.customer_account WHERE u_salesforce_account_id IN \
         (SELECT accountid FROM salesforce.opportunity WHERE stagename = 'Closed Won') ORDER BY 1"
            .to_owned(),
    );
    queries.push(
        "SELECT number FROM servicenow.customer_account a WHERE NOT EXISTS \
         (SELECT 1 FROM salesforce.opportunity o WHERE o.accountid = a.u_salesforce_account_id) ORDER BY 1"
            .to_owned(),
    );
    for sql in queries {
        session.set("causeway.pushdown", "on").expect("a setting");
        let pushed = crate::fixture::rows(&session, &sql).await.expect(&sql);
        session.set("causeway.pushdown", "off").expect("a setting");
        let local = crate::fixture::rows(&session, &sql).await.expect(&sql);
        assert!(!local.is_empty(), "{sql}");
        assert_eq!(pushed, local, "{sql}");
    }
}

#[tokio::test]
async fn a_text_key_that_several_requests_match_joins_once() {
    let world = world().await;
    // Salesforce compares text without case, so either variant answers to the request that holds the other.
    let filler = (0..900).map(|at| format!("('filler that no opportunity is named {at}')"));
    let names = ["('Boxeo - Gloves 2024')".to_owned()]
        .into_iter()
        .chain(filler)
        .chain(["('boxeo - gloves 2024')".to_owned()]);
    let values = names.collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT v.name, o.name FROM (VALUES {values}) v(name) JOIN salesforce.opportunity o ON o.name = v.name ORDER BY 1"
    );
    world
        .rows("admin", "SELECT name FROM salesforce.opportunity LIMIT 1")
        .await;
    world.forget_requests();
    let rows = world.rows("admin", &sql).await;
    let (salesforce, _) = world.calls();
    assert!(
        salesforce > 1,
        "the keys fit into one request: {salesforce} calls"
    );
    let wanted = ["Boxeo - Gloves 2024", "boxeo - gloves 2024"].map(|name| [name, name]);
    assert_eq!(rows, wanted);
}

#[tokio::test]
async fn a_subquery_without_a_value_leaves_nothing_to_ask_for() {
    let world = world().await;
    let sql = "SELECT name FROM salesforce.opportunity WHERE amount < \
               (SELECT min(revenue_per_year) FROM servicenow.customer_account WHERE name = 'nobody')";
    world.rows("admin", sql).await;
    world.forget_requests();
    assert!(world.rows("admin", sql).await.is_empty());
    assert_eq!(world.calls(), (0, 1), "{:?}", world.remote_queries());
}
