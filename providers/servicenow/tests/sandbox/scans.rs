//! Whole scans: pages, hidden rows, values, long requests.

use std::sync::Arc;

use causeway_core::{Kind, Literal, Op, Predicate, Principal, Source as _};
use causeway_sandbox::servicenow::Semantics;
use serde_json::json;

use crate::bench::{self, Bench, context, is, strict};

#[tokio::test]
async fn a_small_filtered_query_costs_one_call() {
    let bench = Bench::start().await;
    bench
        .source
        .table(&strict(), "customer_account")
        .await
        .expect("a table");
    assert_eq!(bench.data_calls(), 2, "a table costs two calls");
    bench.instance.log().clear();
    let filter = is(0, Op::Eq, Literal::Text("Boxeo".into()));
    let rows = bench
        .rows(
            "customer_account",
            &["name", "u_salesforce_account_id"],
            &[filter],
        )
        .await
        .expect("rows");
    assert!(!rows.is_empty());
    assert_eq!(bench.data_calls(), 1);
    let sent = bench.instance.log().data_calls().remove(0);
    assert_eq!(sent.remote_query.as_deref(), Some("name=Boxeo^ORDERBYsys_id"));
}

#[tokio::test]
async fn a_reader_that_stops_soon_costs_one_small_page() {
    let bench = Bench::start().await;
    let query = bench.query("incident", &["number"], &[]).await;
    bench.instance.log().clear();
    let rows = bench
        .first_batch(causeway_core::RemoteQuery {
            page_rows: Some(5),
            ..query
        })
        .await;
    assert_eq!((rows, bench.data_calls()), (10, 1));
    let sent = bench.instance.log().data_calls().remove(0);
    assert!(
        sent.parameters.contains("sysparm_limit=10"),
        "{}",
        sent.parameters
    );
}

#[tokio::test]
async fn a_whole_scan_has_every_row_once() {
    let bench = Bench::start().await;
    let rows = bench
        .rows("incident", &["sys_id", "number"], &[])
        .await
        .expect("rows");
    assert_eq!(rows.len(), 5000);
    assert_eq!(
        bench.source.known_rows("incident").map(|count| count.rows),
        Some(5000)
    );
    let keys: std::collections::BTreeSet<String> = rows.iter().map(|row| format!("{:?}", row[0])).collect();
    assert_eq!(keys.len(), 5000);
    let pages = bench.instance.log().data_calls().len() - 2;
    assert_eq!(pages, 5);
}

#[tokio::test]
async fn short_and_empty_pages_do_not_end_a_scan() {
    for every in [2, 3, 7] {
        let hide = |bench: &Bench| {
            bench.instance.semantics().change(|semantics| {
                semantics.row_acl.insert("incident".to_owned(), every);
            });
        };
        // A single window covers the whole table, so what is visible in it is the truth.
        let whole = Bench::with(
            Semantics::default(),
            bench::client_credentials(),
            json!({"page_rows": 10_000}),
        )
        .await;
        hide(&whole);
        let mut truth = whole.rows("incident", &["sys_id"], &[]).await.expect("rows");
        assert!(truth.len() < 5000 - 5000 / 10);
        let paged = Bench::with(
            Semantics::default(),
            bench::client_credentials(),
            json!({"page_rows": 100}),
        )
        .await;
        hide(&paged);
        let mut found = paged.rows("incident", &["sys_id"], &[]).await.expect("rows");
        truth.sort_by(|a, b| a.partial_cmp(b).expect("texts"));
        found.sort_by(|a, b| a.partial_cmp(b).expect("texts"));
        assert_eq!(found, truth, "every {every}. row is hidden");
    }
    // Every row is hidden: nothing but empty pages, and still an end that is proven.
    let bench = Bench::with(
        Semantics::default(),
        bench::client_credentials(),
        json!({"page_rows": 1000}),
    )
    .await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.semantics().change(|semantics| {
        semantics.row_acl.insert("incident".to_owned(), 1);
    });
    bench.instance.log().clear();
    assert_eq!(
        bench
            .rows("incident", &["number"], &[])
            .await
            .expect("rows")
            .len(),
        0
    );
    assert_eq!(bench.data_calls(), 5);
}

#[tokio::test]
async fn pages_of_an_unsorted_instance_are_never_emitted() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.semantics().change(|semantics| {
        semantics
            .stripped_columns
            .insert(("incident".to_owned(), "sys_id".to_owned()));
        semantics.pages_overlap = true;
    });
    let error = bench
        .rows("incident", &["number"], &[])
        .await
        .expect_err("no proof of order");
    assert!(error.message.contains("query_range"), "{error}");
}

#[tokio::test]
async fn every_type_decodes_with_and_without_display_values() {
    let bench = Bench::start().await;
    let table = bench
        .source
        .table(&strict(), "u_everything")
        .await
        .expect("a table");
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    for secret in ["u_password", "u_password2", "u_glide_encrypted"] {
        assert!(!names.contains(&secret), "{secret}");
    }
    for display in [
        "dv_u_reference",
        "dv_u_choice",
        "dv_u_rating",
        "dv_u_glide_duration",
    ] {
        assert!(names.contains(&display), "{display}");
    }
    let plain: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| !name.starts_with("dv_"))
        .collect();
    let plain_rows = bench.rows("u_everything", &plain, &[]).await.expect("plain rows");
    let all_rows = bench.rows("u_everything", &names, &[]).await.expect("all rows");
    assert_eq!((plain_rows.len(), all_rows.len()), (200, 200));
    // Values are the same in both modes, column by column.
    for (at, name) in plain.iter().enumerate() {
        let there = names.iter().position(|other| other == name).expect("a column");
        let differs = plain_rows
            .iter()
            .zip(&all_rows)
            .find(|(plain, all)| plain[at] != all[there]);
        assert_eq!(
            differs.map(|(plain, all)| (plain[at].clone(), all[there].clone())),
            None,
            "{name}"
        );
    }
    let holds = |names: &[&str], rows: &[Vec<Option<Literal>>], name: &str, value: Literal| {
        let at = names.iter().position(|other| *other == name).expect("a column");
        rows.iter().any(|row| row[at].as_ref() == Some(&value))
    };
    assert!(holds(&plain, &plain_rows, "u_long", Literal::Int(i64::MIN)));
    assert!(holds(&plain, &plain_rows, "u_glide_duration", Literal::Int(-90)));
    assert!(holds(
        &names,
        &all_rows,
        "dv_u_rating",
        Literal::Text("Good".into())
    ));
}

#[tokio::test]
async fn a_hidden_column_reads_as_null_with_a_warning_or_fails_when_strict() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.semantics().change(|semantics| {
        semantics
            .hidden_fields
            .insert(("incident".to_owned(), "short_description".to_owned()));
    });
    let lenient = context(Principal::default(), false);
    let rows = bench
        .rows_as(&lenient, "incident", &["short_description"], &[])
        .await
        .expect("rows");
    assert!(rows.iter().all(|row| row[0].is_none()));
    let notices = lenient.take_notices();
    assert!(
        notices.len() == 1 && notices[0].contains("short_description is hidden"),
        "{notices:?}"
    );
    let error = bench
        .rows("incident", &["short_description"], &[])
        .await
        .expect_err("strict");
    assert_eq!(error.kind, Kind::Incomplete);
}

#[tokio::test]
async fn a_request_too_long_for_a_url_goes_as_a_batch() {
    let bench = Bench::start().await;
    let all = bench.rows("incident", &["sys_id"], &[]).await.expect("rows");
    let wanted: Vec<Literal> = all.iter().step_by(10).filter_map(|row| row[0].clone()).collect();
    bench.instance.log().clear();
    let filter = Predicate::Is(causeway_core::Comparison {
        column: 0,
        op: Op::In,
        values: wanted.clone(),
    });
    let rows = bench
        .rows("incident", &["sys_id"], &[filter])
        .await
        .expect("rows");
    assert_eq!(rows.len(), wanted.len());
    assert!(
        bench
            .instance
            .log()
            .entries()
            .iter()
            .any(|entry| entry.path.ends_with("/v1/batch"))
    );
    let query = bench.keyed("incident", "sys_id", wanted).await;
    let chunks = causeway_core::keys::split(bench.source.as_ref(), &query).expect("chunks");
    assert!(chunks.len() > 1);
    bench.instance.log().clear();
    let mut found = 0;
    for chunk in chunks {
        found += bench.collect(&strict(), chunk).await.expect("rows").len();
    }
    assert_eq!(found, rows.len());
    assert!(
        bench
            .instance
            .log()
            .data_calls()
            .iter()
            .all(|entry| entry.method == "GET")
    );
}

#[tokio::test]
async fn an_api_budget_ends_a_scan() {
    let bench = Bench::start().await;
    let query = bench.query("incident", &["number"], &[]).await;
    let few = Arc::new(causeway_core::QueryContext::new(1, Arc::default(), 2, true));
    let error = bench.collect(&few, query).await.expect_err("spent");
    assert_eq!(error.kind, Kind::Budget);
}
