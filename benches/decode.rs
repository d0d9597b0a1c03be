//! One page of JSON to Arrow, beside `serde_json::Value` on the same bytes. Wanted: at least twice its speed.
//!
//! Run with `cargo bench --bench decode`. The pages come from the practice orgs: 2,000 opportunities, 1,000 incidents.
//! Neither side pays for dropping its result: freeing the tree would cost the reference more than reading does.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

mod practice;

use std::hint::black_box;
use std::sync::Arc;

use causeway_core::{RawPage, RemoteQuery, Source};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use practice::{INCIDENT, OPPORTUNITY, Orgs, context, whole_scan};

fn decode(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let orgs = runtime.block_on(Orgs::start(1));
    let salesforce = Orgs::salesforce_at(&orgs.salesforce.url());
    let servicenow = Orgs::servicenow_at(&orgs.servicenow.url());
    let labelled: Vec<&str> = INCIDENT
        .iter()
        .copied()
        .chain(["dv_state", "dv_assigned_to"])
        .collect();
    for (name, source, table, columns, rows) in [
        ("salesforce", &salesforce, "opportunity", OPPORTUNITY, 2000),
        ("servicenow", &servicenow, "incident", INCIDENT, 1000),
        ("servicenow with labels", &servicenow, "incident", &labelled, 1000),
    ] {
        let (query, page) = runtime.block_on(first_page(source, table, columns));
        assert_eq!(decoded_rows(source, &query, &page), rows, "{name}");
        compare(criterion, name, source, &query, &page);
    }
}

async fn first_page(source: &Arc<dyn Source>, table: &str, columns: &[&str]) -> (RemoteQuery, RawPage) {
    let query = whole_scan(source, table, columns).await;
    let page = source
        .fetch(&context(), &query, None)
        .await
        .expect("the first page");
    (query, page)
}

fn decoded_rows(source: &Arc<dyn Source>, query: &RemoteQuery, page: &RawPage) -> usize {
    let page = source
        .decode(&context(), query, None, page)
        .expect("the page decodes");
    page.batch.num_rows()
}

fn compare(
    criterion: &mut Criterion,
    name: &str,
    source: &Arc<dyn Source>,
    query: &RemoteQuery,
    page: &RawPage,
) {
    let mut group = criterion.benchmark_group(format!("decode/{name}"));
    group.throughput(Throughput::Bytes(page.body.len() as u64));
    let context = context();
    group.bench_function("arrow", |bencher| {
        bencher.iter_with_large_drop(|| {
            source
                .decode(&context, query, None, black_box(page))
                .expect("the page decodes")
        });
    });
    group.bench_function("serde_json::Value (reference)", |bencher| {
        bencher.iter_with_large_drop(|| {
            serde_json::from_slice::<serde_json::Value>(black_box(&page.body)).expect("the page is JSON")
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
