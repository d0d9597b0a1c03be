//! The ledger against the practice orgs' own logs: every call, and nothing else.

use causeway_core::{Answered, Exchange};
use causeway_sandbox::log::Entry;
use causeway_sandbox::servicenow;
use tokio::task::JoinSet;

use crate::fixture::{World, rows, world_of};

/// A call as both sides can tell it: method, what was asked for, status and rows.
type Call = (String, String, Option<u32>, u64);

/// What a call to the Salesforce org asked for, from its path and query.
fn asked_of_salesforce(entry: &Entry) -> String {
    let parts: Vec<&str> = entry.path.trim_start_matches("/services/").split('/').collect();
    match (parts.as_slice(), &entry.remote_query) {
        (["oauth2", "token"], _) => "sign-in".to_owned(),
        (["data", _, "sobjects"], _) => "describe of all objects".to_owned(),
        (["data", _, "sobjects", object, "describe"], _) => format!("describe {}", object.to_lowercase()),
        (["data", _, "query", locator], _) => format!("more of {locator}"),
        (_, Some(soql)) => soql.clone(),
        _ => entry.path.clone(),
    }
}

/// The same of a row of the ledger.
fn recorded_of_salesforce(exchange: &Exchange) -> String {
    let record = &exchange.record;
    match &record.remote_query {
        Some(query) => query.seen(true).to_owned(),
        None => record.resource.clone(),
    }
}

/// Metadata that a description, labels or a probe read.
const METADATA: [&str; 6] = [
    "sys_db_object",
    "sys_dictionary",
    "sys_choice",
    "sys_documentation",
    "sys_glide_object",
    "domain",
];

/// What a call to the ServiceNow instance asked for: a table, or metadata.
fn asked_of_servicenow(entry: &Entry) -> String {
    let table = entry.path.rsplit('/').next().unwrap_or_default();
    if METADATA.contains(&table) {
        "metadata".to_owned()
    } else {
        table.to_owned()
    }
}

fn recorded_of_servicenow(exchange: &Exchange) -> String {
    let resource = exchange.record.resource.as_str();
    match resource.split_once(' ') {
        Some(("probe", table)) => table.to_owned(),
        Some(_) => "metadata".to_owned(),
        None => resource.to_owned(),
    }
}

fn logged(entries: &[Entry], asked: fn(&Entry) -> String) -> Vec<Call> {
    let call = |entry: &Entry| {
        let status = Some(u32::from(entry.status));
        (entry.method.clone(), asked(entry), status, entry.rows as u64)
    };
    sorted(entries.iter().map(call).collect())
}

fn recorded(world: &World, source: &str, asked: fn(&Exchange) -> String) -> Vec<Call> {
    let exchanges = world.engine.ledger().exchanges();
    let own = exchanges
        .iter()
        .filter(|one| one.record.source.as_ref() == source);
    let remote = own.filter(|one| one.record.answered == Answered::Remote);
    let call = |one: &Exchange| {
        let status = Some(one.status()).filter(|status| *status > 0);
        (one.record.method.to_owned(), asked(one), status, one.rows())
    };
    sorted(remote.map(|one| call(one)).collect())
}

fn sorted(mut calls: Vec<Call>) -> Vec<Call> {
    calls.sort();
    calls
}

const STATEMENTS: [&str; 14] = [
    "SELECT count(*) FROM salesforce.account",
    "SELECT id, name FROM salesforce.account",
    "SELECT name, amount FROM salesforce.opportunity WHERE NOT isclosed ORDER BY amount DESC LIMIT 5",
    "SELECT stagename, count(*), sum(amount) FROM salesforce.opportunity GROUP BY stagename",
    "SELECT c.name, a.name FROM salesforce.contact c JOIN salesforce.account a ON a.id = c.accountid LIMIT 20",
    "SELECT name FROM servicenow.customer_account WHERE name = 'Boxeo'",
    "SELECT a.name, o.name FROM servicenow.customer_account a JOIN salesforce.opportunity o \
     ON o.accountid = a.u_salesforce_account_id WHERE a.name = 'Boxeo'",
    "SELECT a.name, o.name FROM servicenow.customer_account a LEFT JOIN salesforce.opportunity o \
     ON o.accountid = a.u_salesforce_account_id AND o.isclosed",
    "SELECT number FROM servicenow.incident WHERE active AND priority = 1",
    "SELECT priority, count(*) FROM servicenow.incident GROUP BY priority",
    "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC LIMIT 3",
    "SELECT number FROM servicenow.customer_account WHERE u_salesforce_account_id IN \
     (SELECT accountid FROM salesforce.opportunity WHERE stagename = 'Closed Won')",
    "SELECT name FROM salesforce.account UNION ALL SELECT name FROM servicenow.customer_account",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM salesforce.opportunity WHERE amount > 1e12)",
];

async fn run_all(world: &World) {
    for sql in STATEMENTS {
        world.rows("admin", sql).await;
    }
}

/// Repeats, a sign-in that has expired, throttling and a page that arrives damaged.
async fn run_with_faults(world: &World) {
    world.salesforce.semantics().change_faults(|faults| {
        faults.expire_tokens = true;
        faults.throttled = 1;
        faults.retry_after_seconds = Some(0);
        faults.not_json = 1;
    });
    let faults = servicenow::Faults {
        unavailable: 1,
        html_page: 1,
        ..servicenow::Faults::default()
    };
    world.servicenow.semantics().inject(faults);
    world.rows("admin", STATEMENTS[1]).await;
    world.rows("admin", STATEMENTS[8]).await;
}

/// Cancels a statement while its call is under way.
async fn run_cancelled(world: &World) {
    let calls = world.calls().0;
    world.salesforce.gate().close();
    let session = world.session("admin").await;
    let mut statements = JoinSet::new();
    statements.spawn(async move { rows(&session, "SELECT id FROM salesforce.contact").await });
    while world.calls().0 == calls {
        tokio::task::yield_now().await;
    }
    drop(statements);
    world.salesforce.gate().open();
}

#[tokio::test]
async fn the_ledger_and_the_orgs_logs_hold_the_same_calls() {
    let world = world_of(|config| config.page_rows = Some(200)).await;
    run_all(&world).await;
    run_with_faults(&world).await;
    run_cancelled(&world).await;
    let mut entries = world.salesforce.log().entries();
    let salesforce = recorded(&world, "salesforce", recorded_of_salesforce);
    let cancelled = entries.pop().expect("the call of the cancelled statement");
    let mut wanted = logged(&entries, asked_of_salesforce);
    // The org had answered, but nobody was there to hear it.
    wanted.push((cancelled.method.clone(), asked_of_salesforce(&cancelled), None, 0));
    assert_eq!(salesforce, sorted(wanted));
    for status in [401, 429] {
        assert!(
            salesforce.iter().any(|call| call.2 == Some(status)),
            "{salesforce:?}"
        );
    }
    let sign_ins = salesforce.iter().filter(|call| call.1 == "sign-in");
    assert_eq!(sign_ins.count(), 2);

    let instance = recorded(&world, "servicenow", recorded_of_servicenow);
    let wanted = logged(&world.servicenow.log().entries(), asked_of_servicenow);
    assert_eq!(instance, wanted);
    assert!(instance.iter().any(|call| call.2 == Some(503)), "{instance:?}");
}

#[tokio::test]
async fn queries_and_requests_count_the_same_calls_rows_and_bytes() {
    let world = world_of(|config| config.page_rows = Some(200)).await;
    run_all(&world).await;
    let mismatches = "SELECT q.text, q.api_calls, r.calls FROM causeway.queries q LEFT JOIN \
         (SELECT query_id, count(*) AS calls FROM causeway.requests WHERE answered_by = 'remote' AND resource <> 'sign-in' \
          GROUP BY query_id) r ON r.query_id = q.query_id \
         WHERE q.api_calls <> coalesce(r.calls, 0)";
    assert_eq!(world.rows("admin", mismatches).await, Vec::<Vec<String>>::new());
    let total: u64 = world
        .value(
            "admin",
            "SELECT count(*) FROM causeway.requests WHERE resource <> 'sign-in'",
        )
        .await
        .parse()
        .expect("a number");
    let (salesforce, servicenow) = world.calls();
    assert_eq!(total, (salesforce + servicenow) as u64);
}
