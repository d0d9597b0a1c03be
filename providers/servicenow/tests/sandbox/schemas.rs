//! Tables and columns, with and without the dictionary.

use causeway_core::{Kind, Principal, Source as _};
use causeway_sandbox::servicenow::{Access, Semantics};
use serde_json::json;

use crate::bench::{self, Bench, strict};

#[tokio::test]
async fn a_schema_is_found_without_the_dictionary() {
    for (access, ui_meta) in [
        (Access::EmptyForNonAdmin, true),
        (Access::Forbidden, true),
        (Access::EmptyForNonAdmin, false),
    ] {
        let semantics = Semantics {
            dictionary_access: access,
            ui_meta_available: ui_meta,
            ..Semantics::default()
        };
        let bench = Bench::with(
            semantics,
            bench::client_credentials(),
            json!({"tables": ["*", "problem"]}),
        )
        .await;
        let table = bench.source.table(&strict(), "incident").await.expect("a table");
        let (_, active) = table.column("active").expect("an inherited column");
        assert_eq!(active.filterable, ui_meta);
        assert_eq!(active.ty == causeway_core::ColumnType::Boolean, ui_meta);
        let rows = bench
            .rows("incident", &["sys_id", "active"], &[])
            .await
            .expect("rows");
        assert_eq!(rows.len(), 5000);
        let names = bench.source.tables(&strict()).await.expect("names");
        let names: Vec<&str> = names.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["incident", "problem"]);
        let error = bench
            .source
            .table(&strict(), "incidnt")
            .await
            .expect_err("no such table");
        assert_eq!(error.kind, Kind::UnknownTable);
        assert!(error.message.contains("did you mean 'incident'"), "{error}");
    }
}

#[tokio::test]
async fn all_tables_are_described_in_a_few_calls() {
    let bench = Bench::start().await;
    let context = strict();
    bench.source.describe_all(&context).await.expect("described");
    assert_eq!(bench.data_calls(), 2);
    let names = bench.source.tables(&context).await.expect("names");
    let described = bench.source.described_tables(&Principal::default());
    assert_eq!(names.len(), described.len());
    let incident = bench.source.table(&context, "incident").await.expect("a table");
    assert_eq!(incident.name.label, "Incident");
    assert_eq!(bench.data_calls(), 2, "everything is known by now");
    let alone = Bench::start().await;
    assert_eq!(
        *alone
            .source
            .table(&context, "incident")
            .await
            .expect("a table")
            .columns,
        *incident.columns
    );
    let error = bench
        .source
        .table(&context, "incidnt")
        .await
        .expect_err("no such table");
    assert!(error.message.contains("did you mean 'incident'"), "{error}");
    assert_eq!(
        bench.data_calls(),
        2,
        "a listed instance is not asked for unknown tables"
    );
}

#[tokio::test]
async fn tables_outside_the_patterns_do_not_exist() {
    let bench = Bench::with(
        Semantics::default(),
        bench::client_credentials(),
        json!({"tables": ["customer_*"]}),
    )
    .await;
    let error = bench
        .source
        .table(&strict(), "incident")
        .await
        .expect_err("no such table");
    assert_eq!((error.kind, bench.data_calls()), (Kind::UnknownTable, 0));
    let names = bench.source.tables(&strict()).await.expect("names");
    assert!(!names.is_empty() && names.iter().all(|table| table.name.starts_with("customer_")));
}

#[tokio::test]
async fn the_domain_tree_is_read_once() {
    let bench = Bench::start().await;
    let tree = bench
        .source
        .domains(&strict())
        .await
        .expect("domains")
        .expect("a tree");
    assert_eq!(tree.find("TOP/ACME/EMEA").map(str::len), Ok(32));
    bench.source.domains(&strict()).await.expect("domains");
    assert_eq!(bench.data_calls(), 1);
}
