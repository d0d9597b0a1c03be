//! 5,000 ServiceNow accounts with their Salesforce opportunities, at 40 ms for each call, beside a hand-written client that asks for the same
//! with as many calls at once. Wanted: at most 1.3 times its time, and the first row before the last page.
//!
//! Run with `cargo bench --bench joins`. The hand-written client reads the accounts by keyset, one page after the other as their order
//! demands, splits the ids over requests of 16 kB, sends eight at a time, and joins in a hash map.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod practice;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Ledger, Principal};
use causeway_sandbox::Options;
use causeway_sql::{Engine, EngineConfig, Session};
use criterion::{Criterion, criterion_group, criterion_main};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use practice::{Orgs, sign_in};
use serde_json::Value;
use tokio::runtime::Runtime;

const LATENCY: Duration = Duration::from_millis(40);
const ACCOUNTS: usize = 5_000;
const SQL: &str = "SELECT a.name, o.name AS opportunity, o.stagename, o.amount, o.closedate \
                   FROM servicenow.customer_account a JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id";

async fn orgs() -> Orgs {
    let options = Options {
        scale: ACCOUNTS / 500,
        latency: LATENCY,
        ..Options::default()
    };
    Orgs::start_with(options).await
}

async fn session(orgs: &Orgs) -> Session {
    let mut config = EngineConfig::new(Ledger::default());
    config.sources = vec![
        Orgs::salesforce_at(&orgs.salesforce.url()),
        Orgs::servicenow_at(&orgs.servicenow.url()),
    ];
    config.users = vec![Arc::new(Principal {
        user: "bench".to_owned(),
        all_domains: true,
        ..Principal::default()
    })];
    let engine = Engine::try_new(config).expect("a right configuration");
    engine.session("bench").await.expect("a known user")
}

async fn by_engine(session: &Session) -> usize {
    let answer = session.sql(SQL).await.expect("a plan");
    let rows = answer.stream().await.expect("rows");
    let count = rows.try_fold(0, |count, batch| async move { Ok(count + batch.num_rows()) });
    count.await.expect("a whole answer")
}

/// The calls when the first row is there, and at the end.
async fn calls_at_first_row(orgs: &Orgs, session: &Session) -> (usize, usize) {
    orgs.salesforce.log().clear();
    let answer = session.sql(SQL).await.expect("a plan");
    let mut rows = answer.stream().await.expect("rows");
    while let Some(batch) = rows.try_next().await.expect("a whole answer") {
        if batch.num_rows() > 0 {
            break;
        }
    }
    let first = orgs.salesforce.log().data_calls().len();
    while rows.try_next().await.expect("a whole answer").is_some() {}
    (first, orgs.salesforce.log().data_calls().len())
}

struct ByHand {
    client: reqwest::Client,
    salesforce: String,
    salesforce_token: String,
    servicenow: String,
    servicenow_token: String,
}

impl ByHand {
    async fn new(orgs: &Orgs) -> Self {
        let (salesforce, servicenow) = (orgs.salesforce.url(), orgs.servicenow.url());
        Self {
            client: reqwest::Client::new(),
            salesforce_token: sign_in(&salesforce, "salesforce").await,
            servicenow_token: sign_in(&servicenow, "servicenow").await,
            salesforce,
            servicenow,
        }
    }

    async fn get(&self, address: reqwest::Url, token: &str) -> Value {
        let answer = self
            .client
            .get(address)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200);
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }

    /// Names by Salesforce id.
    async fn accounts(&self) -> HashMap<String, Vec<String>> {
        let mut names: HashMap<String, Vec<String>> = HashMap::new();
        let mut after = String::new();
        loop {
            let mut address = format!("{}/api/now/table/customer_account", self.servicenow)
                .parse::<reqwest::Url>()
                .expect("an address");
            let condition = match after.as_str() {
                "" => "u_salesforce_account_idISNOTEMPTY^ORDERBYsys_id".to_owned(),
                after => format!("u_salesforce_account_idISNOTEMPTY^sys_id>{after}^ORDERBYsys_id"),
            };
            address
                .query_pairs_mut()
                .append_pair("sysparm_query", &condition)
                .append_pair("sysparm_fields", "sys_id,name,u_salesforce_account_id")
                .append_pair("sysparm_limit", "1000");
            let page = self.get(address, &self.servicenow_token).await;
            let records = page.get("result").and_then(Value::as_array).expect("records");
            for record in records {
                let text = |field: &str| {
                    record
                        .get(field)
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned()
                };
                names
                    .entry(text("u_salesforce_account_id"))
                    .or_default()
                    .push(text("name"));
                after = text("sys_id");
            }
            if records.len() < 1000 {
                return names;
            }
        }
    }

    /// The joined rows of one request's keys.
    async fn opportunities(&self, ids: &[String], accounts: &HashMap<String, Vec<String>>) -> usize {
        let list = ids
            .iter()
            .map(|id| format!("'{id}'"))
            .collect::<Vec<_>>()
            .join(",");
        let soql = format!(
            "SELECT AccountId, Name, StageName, Amount, CloseDate FROM Opportunity WHERE AccountId IN ({list})"
        );
        let mut address = format!("{}/services/data/v62.0/query", self.salesforce)
            .parse::<reqwest::Url>()
            .expect("an address");
        address.query_pairs_mut().append_pair("q", &soql);
        let mut joined = 0;
        loop {
            let page = self.get(address.clone(), &self.salesforce_token).await;
            for record in page.get("records").and_then(Value::as_array).expect("records") {
                let id = record
                    .get("AccountId")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                joined += accounts.get(id).map_or(0, Vec::len);
            }
            match page.get("nextRecordsUrl").and_then(Value::as_str) {
                Some(next) => address = format!("{}{next}", self.salesforce).parse().expect("an address"),
                None => return joined,
            }
        }
    }

    async fn join(&self) -> usize {
        /// Ids of 18 characters, quoted and encoded, in 16 kB beside the rest of the query.
        const IDS: usize = 580;
        let accounts = self.accounts().await;
        let ids: Vec<String> = accounts
            .keys()
            .cloned()
            .collect::<HashSet<_>>()
            .into_iter()
            .collect();
        let chunks: Vec<Vec<String>> = ids.chunks(IDS).map(<[String]>::to_vec).collect();
        let joined = stream::iter(&chunks)
            .map(|chunk| self.opportunities(chunk, &accounts))
            .buffer_unordered(8);
        joined.fold(0, |sum, rows| async move { sum + rows }).await
    }
}

fn joins(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let orgs = runtime.block_on(orgs());
    let session = runtime.block_on(session(&orgs));
    let by_hand = runtime.block_on(ByHand::new(&orgs));
    let rows = runtime.block_on(by_engine(&session));
    assert_eq!(rows, runtime.block_on(by_hand.join()), "both join the same rows");
    let (first, all) = runtime.block_on(calls_at_first_row(&orgs, &session));
    assert!(first < all, "the first row comes after {first} of {all} calls");
    let mut group = criterion.benchmark_group(format!(
        "join of {ACCOUNTS} accounts, {rows} rows; first row after {first} of {all} calls"
    ));
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function("engine", |bencher| {
        bencher.to_async(&runtime).iter(|| by_engine(&session));
    });
    group.bench_function("by hand (reference)", |bencher| {
        bencher.to_async(&runtime).iter(|| by_hand.join());
    });
    group.finish();
}

criterion_group!(benches, joins);
criterion_main!(benches);
