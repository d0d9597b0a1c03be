//! One record by its id through the server, beside the bare HTTP call for it. Wanted: at most 3 ms more, in the median.
//!
//! Run with `cargo bench --bench overhead`. A PostgreSQL client on a connection that stays open, against a server in this
//! process; the bare call is what a hand-written program would send, with its answer parsed.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod practice;

use std::sync::Arc;
use std::time::Duration;

use causeway::identity::{Credential, Users};
use causeway::server::{Options, Server};
use causeway_core::{Ledger, Principal};
use causeway_sql::{Engine, EngineConfig};
use criterion::{Criterion, criterion_group, criterion_main};
use practice::{Orgs, sign_in};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

const USER: &str = "bench";
const PASSWORD: &str = "bench-practice";

fn one_record(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let orgs = runtime.block_on(Orgs::start(1));
    let mut tasks = JoinSet::new();
    let client = runtime.block_on(connect(&orgs, &mut tasks));
    let http = reqwest::Client::new();
    for (name, url, ids, sql) in [
        (
            "salesforce",
            orgs.salesforce.url(),
            "SELECT id FROM salesforce.account LIMIT 1",
            "SELECT name, industry, ownerid, createddate FROM salesforce.account WHERE id = $1",
        ),
        (
            "servicenow",
            orgs.servicenow.url(),
            "SELECT sys_id FROM servicenow.incident LIMIT 1",
            "SELECT number, short_description, priority, opened_at FROM servicenow.incident WHERE sys_id = $1",
        ),
    ] {
        let token = runtime.block_on(sign_in(&url, name));
        let (id, statement) = runtime.block_on(async {
            let id: String = client.query_one(ids, &[]).await.expect("a record").get(0);
            let statement = client.prepare(sql).await.expect("a right statement");
            (id, statement)
        });
        let address = address_of(name, &url, &id);
        let mut group = criterion.benchmark_group(format!("one record/{name}"));
        group.sample_size(100).measurement_time(Duration::from_secs(10));
        group.bench_function("through the server", |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let rows = client.query(&statement, &[&id]).await.expect("an answer");
                assert_eq!(rows.len(), 1);
            });
        });
        group.bench_function("bare call (reference)", |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let answer = http
                    .get(&address)
                    .bearer_auth(&token)
                    .send()
                    .await
                    .expect("an answer");
                let body = answer.bytes().await.expect("a body");
                serde_json::from_slice::<serde_json::Value>(&body).expect("JSON")
            });
        });
        group.finish();
    }
}

/// The address that a hand-written program would ask for the record `id`.
fn address_of(name: &str, url: &str, id: &str) -> String {
    let soql = format!("SELECT Name, Industry, OwnerId, CreatedDate, Id FROM Account WHERE Id = '{id}'");
    let encoded_query = format!("sys_id={id}");
    let (path, parameters): (_, &[(&str, &str)]) = match name {
        "salesforce" => ("/services/data/v62.0/query", &[("q", &soql)]),
        _ => (
            "/api/now/v2/table/incident",
            &[
                ("sysparm_query", &encoded_query),
                (
                    "sysparm_fields",
                    "number,short_description,priority,opened_at,sys_id",
                ),
                ("sysparm_limit", "10"),
            ],
        ),
    };
    reqwest::Url::parse_with_params(&format!("{url}{path}"), parameters)
        .expect("a right address")
        .into()
}

/// Starts a server over both orgs and connects to it; both live as long as `tasks`.
async fn connect(orgs: &Orgs, tasks: &mut JoinSet<()>) -> tokio_postgres::Client {
    let principal = Principal {
        user: USER.to_owned(),
        all_domains: true,
        ..Principal::default()
    };
    let mut config = EngineConfig::new(Ledger::default());
    config.sources = vec![
        Orgs::salesforce_at(&orgs.salesforce.url()),
        Orgs::servicenow_at(&orgs.servicenow.url()),
    ];
    config.users = vec![Arc::new(principal)];
    let engine = Engine::try_new(config).expect("a right configuration");
    let users = Users::new([(USER.to_owned(), Credential::Password(PASSWORD.to_owned().into()))]);
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        ..Options::default()
    };
    let server = Server::bind(options, engine, users).await.expect("a free port");
    let address = server.address();
    tasks.spawn(server.serve(std::future::pending()));
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(address.port())
        .dbname("causeway")
        .user(USER)
        .password(PASSWORD)
        .connect(tokio_postgres::NoTls)
        .await
        .expect("the sign-in");
    tasks.spawn(async move {
        connection.await.expect("the connection holds");
    });
    client
}

criterion_group!(benches, one_record);
criterion_main!(benches);
