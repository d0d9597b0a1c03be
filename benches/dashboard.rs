//! 200 clients that refresh a mixed dashboard for 60 seconds. Wanted: no error, and never two identical calls under way at the same time.
//!
//! Run with `cargo bench --bench dashboard`. Prints statements, latencies and calls; `CAUSEWAY_CLIENTS` (200) and `CAUSEWAY_SECONDS` (60)
//! change the load. The practice orgs answer after 40 ms and are in this process; the server is a process of its own.

#[path = "support/server.rs"]
mod server;

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use causeway_sandbox::{Options, salesforce, servicenow};
use server::{PASSWORD, free_address, start};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// What the dashboard shows. Each answer is a page or less, so that equal texts are equal calls.
const STATEMENTS: &[&str] = &[
    "SELECT a.name, o.name, o.amount FROM servicenow.customer_account a JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id WHERE a.name = 'Boxeo' AND NOT o.isclosed",
    "SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed",
    "SELECT stagename, amount FROM salesforce.opportunity WHERE amount > 240000 AND NOT isclosed",
    "SELECT number, short_description FROM servicenow.incident WHERE priority = 1 AND active",
    "SELECT number, opened_at FROM servicenow.incident ORDER BY opened_at DESC NULLS LAST LIMIT 10",
    "SELECT id, name FROM salesforce.account WHERE industry = 'Energy'",
    "SELECT name, city FROM servicenow.customer_account WHERE name LIKE 'Umber%'",
    "SELECT name, stagename FROM salesforce.opportunity WHERE id = (SELECT max(id) FROM salesforce.opportunity WHERE closedate = DATE '2024-06-21')",
];

fn main() -> ExitCode {
    // `cargo test --benches` only asks whether the bench starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let (clients, seconds) = (number("CAUSEWAY_CLIENTS", 200), number("CAUSEWAY_SECONDS", 60));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    ExitCode::from(u8::from(
        !runtime.block_on(measure(clients, Duration::from_secs(seconds))),
    ))
}

async fn measure(clients: u64, time: Duration) -> bool {
    let options = Options {
        latency: Duration::from_millis(40),
        ..Options::default()
    };
    let org = salesforce::Org::start(options.clone(), salesforce::Semantics::default())
        .await
        .expect("the org starts");
    let instance = servicenow::Instance::start(options, servicenow::Semantics::default())
        .await
        .expect("the instance starts");
    let address = free_address();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("causeway.toml");
    std::fs::write(
        &file,
        server::configuration(address, &org.url(), &instance.url(), clients + 10),
    )
    .expect("a file");
    let _server = start(address, &["serve", "--config", &file.to_string_lossy()]);
    let mut tasks = JoinSet::new();
    let watcher = connect(address, &mut tasks).await;
    for sql in STATEMENTS {
        watcher.simple_query(sql).await.expect("an answer");
    }
    org.log().clear();
    instance.log().clear();

    let (latencies, errors) = load(address, clients, time, &mut tasks).await;
    let calls = org.log().data_calls().len() + instance.log().data_calls().len();
    let overlaps = overlapping(&watcher).await;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} statements of {clients} clients in {} s: {} errors, p50 {:.0} ms, p99 {:.0} ms; {calls} api calls, {:.2} for each statement; {overlaps} identical calls at the same time",
        latencies.len(),
        time.as_secs(),
        errors.len(),
        percentile_ms(&latencies, 0.5),
        percentile_ms(&latencies, 0.99),
        calls as f64 / latencies.len().max(1) as f64,
    )
    .expect("a standard output");
    if let Some(error) = errors.first() {
        writeln!(out, "the first error: {error}").expect("a standard output");
    }
    errors.is_empty() && overlaps == 0
}

/// What `clients` that refresh for `time` see: times of answers, shortest first, and errors.
async fn load(
    address: SocketAddr,
    clients: u64,
    time: Duration,
    tasks: &mut JoinSet<()>,
) -> (Vec<Duration>, Vec<String>) {
    let mut load = JoinSet::new();
    let end = Instant::now() + time;
    for number in 0..clients {
        let client = connect(address, tasks).await;
        load.spawn(refresh(client, number, end));
    }
    let (times, errors): (Vec<_>, Vec<_>) = load.join_all().await.into_iter().unzip();
    let mut latencies = times.concat();
    latencies.sort();
    (latencies, errors.concat())
}

fn percentile_ms(sorted: &[Duration], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share) as usize;
    let found = sorted.get(at.min(sorted.len().saturating_sub(1)));
    found.map_or(0.0, Duration::as_secs_f64) * 1000.0
}

async fn connect(address: SocketAddr, tasks: &mut JoinSet<()>) -> Client {
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(address.port())
        .dbname("causeway")
        .user("bench")
        .password(PASSWORD)
        .connect(NoTls)
        .await
        .expect("the sign-in");
    tasks.spawn(async move {
        // The client sees what goes wrong.
        let _ = connection.await;
    });
    client
}

/// Runs statement after statement until the end, beginning at another one for each client.
async fn refresh(client: Client, number: u64, end: Instant) -> (Vec<Duration>, Vec<String>) {
    let (mut times, mut errors) = (Vec::new(), Vec::new());
    let mut statements = STATEMENTS.iter().cycle().skip(number as usize % STATEMENTS.len());
    while Instant::now() < end {
        let Some(sql) = statements.next() else { break };
        let started = Instant::now();
        match client.simple_query(sql).await {
            Ok(_) => times.push(started.elapsed()),
            Err(error) => errors.push(format!("{sql}: {error:?}")),
        }
    }
    (times, errors)
}

/// Calls that began while the same call was under way, among those that the ledger still holds.
async fn overlapping(watcher: &Client) -> usize {
    let rows = watcher
        .query(
            "SELECT source, resource, remote_query, started, milliseconds FROM causeway.requests \
             WHERE answered_by = 'remote' AND remote_query IS NOT NULL ORDER BY started",
            &[],
        )
        .await
        .expect("the ledger");
    let mut ends: HashMap<(String, String, String), std::time::SystemTime> = HashMap::new();
    let mut overlaps = 0;
    for row in rows {
        let key = (row.get(0), row.get(1), row.get(2));
        let (began, took): (std::time::SystemTime, f64) = (row.get(3), row.get(4));
        if ends.get(&key).is_some_and(|end| began < *end) {
            overlaps += 1;
        }
        ends.insert(key, began + Duration::from_secs_f64(took / 1000.0));
    }
    overlaps
}
