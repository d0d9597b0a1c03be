//! A whole-object scan, beside downloading the same pages and dropping them. Wanted: at least 70 % of that rate.
//!
//! Run with `cargo bench --bench scan`. Both sides ask the practice orgs over loopback, one page after the other.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod practice;

use std::sync::Arc;
use std::time::Duration;

use causeway_core::{RemoteQuery, Source, scan};
use causeway_sandbox::log::Entry;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::TryStreamExt as _;
use practice::{INCIDENT, OPPORTUNITY, Orgs, context, sign_in, whole_scan};
use tokio::runtime::Runtime;

fn whole_objects(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    // Nine pages and more: enough for the first one not to matter.
    let orgs = runtime.block_on(Orgs::start(5));
    for (name, url, source, table, columns, log) in [
        (
            "salesforce",
            orgs.salesforce.url(),
            Orgs::salesforce_at(&orgs.salesforce.url()),
            "opportunity",
            OPPORTUNITY,
            orgs.salesforce.log(),
        ),
        (
            "servicenow",
            orgs.servicenow.url(),
            Orgs::servicenow_at(&orgs.servicenow.url()),
            "incident",
            INCIDENT,
            orgs.servicenow.log(),
        ),
    ] {
        let query = runtime.block_on(whole_scan(&source, table, columns));
        log.clear();
        let rows = runtime.block_on(read_all(&source, &query));
        let pages: Vec<String> = log.data_calls().iter().map(|call| address(&url, call)).collect();
        let token = runtime.block_on(sign_in(&url, name));
        let client = reqwest::Client::builder().build().expect("a client");
        assert!(pages.len() >= 9, "{name}: {} pages", pages.len());

        let mut group = criterion.benchmark_group(format!("scan/{name}"));
        group.throughput(Throughput::Elements(rows)).sample_size(10);
        group.measurement_time(Duration::from_secs(20));
        group.bench_function("to arrow", |bencher| {
            bencher.to_async(&runtime).iter(|| read_all(&source, &query));
        });
        group.bench_function("download only (reference)", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| download(&client, &token, &pages));
        });
        group.finish();
    }
}

async fn read_all(source: &Arc<dyn Source>, query: &RemoteQuery) -> u64 {
    let batches = scan(Arc::clone(source), context(), query.clone());
    batches
        .try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows() as u64) })
        .await
        .expect("the scan is whole")
}

/// Downloads the pages one after the other, as their order demands, and drops them.
async fn download(client: &reqwest::Client, token: &str, pages: &[String]) -> usize {
    let mut bytes = 0;
    for page in pages {
        let answer = client
            .get(page)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{page}");
        bytes += answer.bytes().await.expect("a body").len();
    }
    bytes
}

/// The address that a logged call asked for.
fn address(url: &str, call: &Entry) -> String {
    let mut address = reqwest::Url::parse(&format!("{url}{}", call.path)).expect("a logged path");
    let query_name = if call.path.starts_with("/services") {
        "q"
    } else {
        "sysparm_query"
    };
    if let Some(query) = &call.remote_query {
        address.query_pairs_mut().append_pair(query_name, query);
    }
    for parameter in call
        .parameters
        .split('&')
        .filter(|parameter| !parameter.is_empty())
    {
        let (name, value) = parameter.split_once('=').expect("a logged parameter");
        address.query_pairs_mut().append_pair(name, value);
    }
    address.into()
}

criterion_group!(benches, whole_objects);
criterion_main!(benches);
