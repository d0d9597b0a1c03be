//! What a query costs is said before it is paid, and never more is paid than was allowed.

use serde_json::Value;

use crate::fixture::{rows, world, world_of_engine};

const DEMO: &str = "SELECT a.name, o.name FROM servicenow.customer_account a \
                    JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id WHERE a.name = 'Boxeo'";

async fn lines(world: &crate::fixture::World, user: &str, sql: &str) -> Vec<String> {
    world.rows(user, sql).await.concat()
}

#[tokio::test]
async fn explain_says_calls_rows_bytes_and_the_share_of_the_day() {
    let world = world().await;
    let lines = lines(&world, "admin", &format!("EXPLAIN {DEMO}")).await;
    let total = lines
        .iter()
        .find(|line| line.starts_with("Estimated: "))
        .expect("a total");
    assert!(
        total.starts_with("Estimated: 2 api calls, ") && total.contains(" remote rows, "),
        "{total}"
    );
    let share = lines
        .iter()
        .find(|line| line.starts_with("  salesforce: 1 calls, "))
        .expect("a share");
    assert!(
        share.contains(" % of the ") && share.contains(" that it allows in a day; "),
        "{share}"
    );
    assert!(
        lines.iter().any(|line| line == "  servicenow: 1 calls"),
        "{lines:?}"
    );
    let scans = lines.iter().filter(|line| line.contains("Scan: "));
    for scan in scans {
        assert!(scan.contains("  rows≈") && scan.contains("  bytes≈"), "{scan}");
    }
}

#[tokio::test]
async fn from_whom_rows_are_hidden_the_estimated_rows_are_too() {
    let world = world().await;
    for sql in [format!("EXPLAIN {DEMO}"), format!("EXPLAIN (FORMAT JSON) {DEMO}")] {
        let text = lines(&world, "ana", &sql).await.concat();
        for word in ["rows≈", "bytes≈", "remote rows", "\"Bytes\"", "\"Table Rows\""] {
            assert!(!text.contains(word), "'{word}' in\n{text}");
        }
        assert!(text.contains("api calls") || text.contains("\"Calls\""), "{text}");
    }
}

#[tokio::test]
async fn tables_are_counted_once_so_that_the_price_can_be_relied_on() {
    let world = world().await;
    let whole = "EXPLAIN SELECT description FROM salesforce.opportunity";
    let first = lines(&world, "admin", whole).await;
    let counted = world.remote_paths();
    assert_eq!(
        counted.iter().filter(|path| path.contains("recordCount")).count(),
        1,
        "{counted:?}"
    );
    world.forget_requests();
    let calls = |lines: &[String]| {
        let total = lines
            .iter()
            .find_map(|line| line.strip_prefix("Estimated: "))
            .expect("a total");
        total
            .split(' ')
            .next()
            .expect("a number")
            .parse::<usize>()
            .expect("a number")
    };
    assert_eq!(lines(&world, "admin", whole).await, first);
    assert_eq!(world.calls(), (0, 0), "the second price costs nothing");
    world
        .rows("admin", "SELECT description FROM salesforce.opportunity")
        .await;
    assert_eq!(world.calls().0, calls(&first), "the price was right");
}

#[tokio::test]
async fn explain_for_tools_is_one_json_document() {
    let world = world().await;
    let text = lines(&world, "admin", &format!("EXPLAIN (FORMAT JSON) {DEMO}")).await;
    assert_eq!(text.len(), 1);
    let document: Value = serde_json::from_str(&text[0]).expect("JSON");
    let top = &document[0];
    assert_eq!(top["Estimated"]["Calls"], 2);
    let names: Vec<&str> = top["Estimated"]["Sources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter_map(|source| source["Source"].as_str())
        .collect();
    assert_eq!(names, ["salesforce", "servicenow"]);
    let mut scans = Vec::new();
    scans_of(&top["Plan"], &mut scans);
    assert_eq!(scans.len(), 2);
    let opportunity = scans
        .iter()
        .find(|scan| scan["Relation Name"] == "opportunity")
        .expect("the scan");
    assert_eq!(opportunity["Keys From Join"], true);
    assert_eq!(
        opportunity["Remote Query"],
        "SELECT AccountId, Name FROM Opportunity"
    );
    let account = scans
        .iter()
        .find(|scan| scan["Relation Name"] == "customer_account")
        .expect("the scan");
    assert_eq!(account["Predicates"][0]["Fidelity"], "superset");
    let analyzed = lines(&world, "admin", &format!("EXPLAIN (ANALYZE, FORMAT JSON) {DEMO}")).await;
    let document: Value = serde_json::from_str(&analyzed[0]).expect("JSON");
    assert_eq!(document[0]["Actual"]["Calls"], 2);
    let error = world
        .error("admin", &format!("EXPLAIN (FORMAT XML) {DEMO}"))
        .await;
    assert_eq!(error.sqlstate, "0A000");
}

fn scans_of<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    if plan["Node Type"] == "Remote Scan" {
        found.push(plan);
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        scans_of(child, found);
    }
}

#[tokio::test]
async fn what_would_cost_too_much_is_refused_before_its_first_call() {
    let world = world().await;
    let session = world.session("admin").await;
    let whole = "SELECT description FROM salesforce.opportunity";
    // Columns and row counts are known then.
    rows(&session, &format!("EXPLAIN {whole}"))
        .await
        .expect("a price");
    world.forget_requests();
    rows(&session, "SET causeway.max_api_calls = 2")
        .await
        .expect("a setting");
    let error = rows(&session, whole).await.expect_err("too dear");
    assert_eq!(error.sqlstate, "53400");
    assert!(error.message.contains("about 3 api calls"), "{}", error.message);
    assert_eq!(world.calls(), (0, 0));
    assert_eq!(
        rows(&session, &format!("{whole} LIMIT 5"))
            .await
            .expect("cheap")
            .len(),
        5
    );
    rows(&session, "SET causeway.max_api_calls = 3")
        .await
        .expect("a setting");
    rows(&session, whole).await.expect("affordable");
}

#[tokio::test]
async fn a_role_has_a_ceiling_that_nobody_sets_higher() {
    let world = world_of_engine(|config, _| {
        config.ceilings.insert("analyst".to_owned(), 3);
    })
    .await;
    let session = world.session("ana").await;
    assert_eq!(session.setting("causeway.max_api_calls").as_deref(), Some("3"));
    rows(&session, "SET causeway.max_api_calls = 2")
        .await
        .expect("lower");
    for value in ["4", "0"] {
        let set = format!("SET causeway.max_api_calls = {value}");
        let error = rows(&session, &set).await.expect_err("higher");
        assert_eq!(error.sqlstate, "42501", "{value}");
        assert_eq!(
            error.hint.as_deref(),
            Some("your role may make up to 3 api calls in a query")
        );
    }
    for reset in ["RESET causeway.max_api_calls", "RESET ALL", "DISCARD ALL"] {
        rows(&session, reset).await.expect(reset);
        assert_eq!(
            session.setting("causeway.max_api_calls").as_deref(),
            Some("3"),
            "{reset}"
        );
    }
    let admin = world.session("admin").await;
    assert_eq!(admin.setting("causeway.max_api_calls").as_deref(), Some("0"));
}

#[tokio::test]
async fn counting_is_not_charged_and_early_ends_are_not_refused() {
    let world = world().await;
    let session = world.session("admin").await;
    // Tables are described and never counted.
    rows(&session, &format!("{DEMO} AND false"))
        .await
        .expect("a plan");
    session.set("causeway.max_api_calls", "2").expect("a setting");
    world.forget_requests();
    assert!(!rows(&session, DEMO).await.expect("two calls").is_empty());
    let (salesforce, servicenow) = world.calls();
    let made = "SELECT api_calls FROM causeway.queries WHERE text LIKE 'SELECT a.name%' AND text NOT LIKE '%false' ORDER BY query_id DESC LIMIT 1";
    let made = rows(&session, made).await.expect("the ledger");
    assert_eq!(
        made,
        [[(salesforce + servicenow).to_string()]],
        "but it is counted"
    );
    let first = "SELECT description FROM salesforce.opportunity WHERE length(description) > 3 LIMIT 5";
    assert_eq!(rows(&session, first).await.expect("it may end early").len(), 5);
    let all =
        "SELECT description FROM salesforce.opportunity WHERE length(description) > 3 ORDER BY 1 LIMIT 5";
    assert_eq!(
        rows(&session, all).await.expect_err("it reads all").sqlstate,
        "53400"
    );
}
