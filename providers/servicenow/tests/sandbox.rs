//! ServiceNow as a source, against the practice instance over real HTTP.

#[cfg(test)]
#[path = "sandbox/bench.rs"]
mod bench;

use std::sync::Arc;

use causeway_core::{Kind, Literal, Op, Predicate, Principal, Source as _};
use causeway_sandbox::servicenow::{Access, Faults, Semantics, credentials};
use serde_json::json;

use bench::{Bench, context, is, strict};

#[tokio::test]
async fn every_flow_signs_in() {
    let secret = credentials::CLIENT_SECRET;
    let id = credentials::CLIENT_ID;
    let (user, password) = (credentials::USERNAME, credentials::PASSWORD);
    for auth in [
        json!({"flow": "basic", "username": user, "password": password}),
        json!({"flow": "api_key", "key": credentials::API_KEY}),
        json!({"flow": "password", "client_id": id, "client_secret": secret, "username": user, "password": password}),
        json!({"flow": "client_credentials", "client_id": id, "client_secret": secret}),
        json!({"flow": "refresh_token", "client_id": id, "client_secret": secret, "refresh_token": credentials::REFRESH_TOKEN}),
        json!({"flow": "jwt_bearer", "client_id": id, "client_secret": secret, "username": user,
               "private_key": credentials::PRIVATE_KEY_PEM, "key_id": credentials::KEY_ID}),
    ] {
        let bench = Bench::with(Semantics::default(), auth.clone(), json!({})).await;
        let context = strict();
        bench
            .source
            .sign_in(&context)
            .await
            .unwrap_or_else(|error| panic!("{auth}: {error}"));
        let table = bench
            .source
            .table(&context, "incident")
            .await
            .unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert!(table.column("short_description").is_some());
        assert_eq!(bench.source.state().state, "ok");
    }
}

#[tokio::test]
async fn a_refused_sign_in_says_where_the_reason_is() {
    let auth = json!({"flow": "client_credentials", "client_id": credentials::CLIENT_ID, "client_secret": "wrong-word"});
    let bench = Bench::with(Semantics::default(), auth, json!({})).await;
    let error = bench.source.sign_in(&strict()).await.expect_err("refused");
    assert_eq!(error.kind, Kind::SignIn);
    assert!(
        error.message.contains("System Log") && !error.message.contains("wrong-word"),
        "{error}"
    );
    let auth = json!({"flow": "basic", "username": credentials::USERNAME, "password": "wrong-word"});
    let bench = Bench::with(Semantics::default(), auth, json!({})).await;
    let error = bench
        .source
        .table(&strict(), "incident")
        .await
        .expect_err("refused");
    assert_eq!(error.kind, Kind::SignIn);
    assert!(error.message.contains("restrict basic authentication"), "{error}");
    assert_eq!(bench.data_calls(), 1, "a fixed credential is not tried twice");
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.inject(Faults {
        expire_tokens: 1,
        ..Faults::default()
    });
    let rows = bench
        .rows(
            "incident",
            &["number"],
            &[is(0, Op::Eq, Literal::Text("INC0000001".into()))],
        )
        .await;
    assert_eq!(rows.expect("rows").len(), 1);
}

#[tokio::test]
async fn a_remote_user_acts_by_their_own_assertion() {
    let auth = json!({"flow": "jwt_bearer", "client_id": credentials::CLIENT_ID, "client_secret": credentials::CLIENT_SECRET,
        "username": credentials::USERNAME, "private_key": credentials::PRIVATE_KEY_PEM, "key_id": credentials::KEY_ID});
    let bench = Bench::with(Semantics::default(), auth, json!({})).await;
    let principal = Principal {
        user: "ana".to_owned(),
        subjects: [("desk".to_owned(), "ana.lopez".to_owned())].into(),
        ..Principal::default()
    };
    let context = context(principal, false);
    let own = bench
        .rows_as(&context, "customer_account", &["name"], &[])
        .await
        .expect("rows")
        .len();
    let all = bench
        .rows("customer_account", &["name"], &[])
        .await
        .expect("rows")
        .len();
    assert!(0 < own && own < all, "{own} of {all}");
    assert!(
        bench
            .instance
            .log()
            .entries()
            .iter()
            .any(|entry| entry.user.as_deref() == Some("ana.lopez"))
    );
    assert_eq!(
        bench.source.described_tables(&Principal::default()).len(),
        1,
        "schemas are kept per identity"
    );
}

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
    assert_eq!(bench.source.known_rows("incident"), Some(5000));
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
async fn each_fault_is_survived_or_named() {
    let none = Faults::default;
    for (name, faults) in [
        (
            "error in a 200 body",
            Faults {
                partial_with_error: 1,
                ..none()
            },
        ),
        (
            "cut json",
            Faults {
                cut_json: 1,
                ..none()
            },
        ),
        (
            "stray element",
            Faults {
                stray_element: 1,
                ..none()
            },
        ),
        (
            "meta element",
            Faults {
                meta_element: 1,
                ..none()
            },
        ),
        (
            "html page",
            Faults {
                html_page: 1,
                ..none()
            },
        ),
        (
            "202 without body",
            Faults {
                accepted_empty: 1,
                ..none()
            },
        ),
        (
            "429",
            Faults {
                throttled: 1,
                ..none()
            },
        ),
        (
            "429 with Retry-After",
            Faults {
                throttled_retry_after: 1,
                ..none()
            },
        ),
        (
            "503",
            Faults {
                unavailable: 1,
                ..none()
            },
        ),
        (
            "the first page again",
            Faults {
                repeated_page: 1,
                after_calls: 2,
                ..none()
            },
        ),
        (
            "damage in the middle",
            Faults {
                cut_json: 2,
                after_calls: 2,
                ..none()
            },
        ),
    ] {
        let bench = Bench::start().await;
        bench.source.table(&strict(), "incident").await.expect("a table");
        bench.inject(faults);
        let rows = bench
            .rows("incident", &["sys_id"], &[])
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(rows.len(), 5000, "{name}");
    }
}

#[tokio::test]
async fn lasting_faults_end_in_a_clear_error() {
    let none = Faults::default;
    for (faults, kind, words) in [
        (
            Faults {
                html_page: 99,
                ..none()
            },
            Kind::Unreachable,
            "asleep",
        ),
        (
            Faults {
                partial_with_error: 99,
                ..none()
            },
            Kind::Transient,
            "gave up in the middle",
        ),
        (
            Faults {
                throttled: 99,
                ..none()
            },
            Kind::Throttled,
            "queue",
        ),
        (
            Faults {
                wrong_typed_value: 99,
                ..none()
            },
            Kind::BadValue,
            "'abc'",
        ),
    ] {
        let bench = Bench::start().await;
        bench.source.table(&strict(), "incident").await.expect("a table");
        bench.inject(faults);
        let error = bench
            .rows("incident", &["priority", "number"], &[])
            .await
            .expect_err(words);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
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
    for twin in [
        "dv_u_reference",
        "dv_u_choice",
        "dv_u_rating",
        "dv_u_glide_duration",
    ] {
        assert!(names.contains(&twin), "{twin}");
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
    let long = plain.iter().position(|name| *name == "u_long").expect("a column");
    assert!(
        plain_rows
            .iter()
            .any(|row| row[long] == Some(Literal::Int(i64::MIN)))
    );
    let duration = plain
        .iter()
        .position(|name| *name == "u_glide_duration")
        .expect("a column");
    assert!(
        plain_rows
            .iter()
            .any(|row| row[duration] == Some(Literal::Int(-90)))
    );
    let twin = names
        .iter()
        .position(|name| *name == "dv_u_rating")
        .expect("a column");
    assert!(
        all_rows
            .iter()
            .any(|row| row[twin] == Some(Literal::Text("Good".into())))
    );
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
async fn a_slow_table_is_asked_for_smaller_pages() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.inject(Faults {
        partial_with_error: 1,
        after_calls: 1,
        ..Faults::default()
    });
    bench.instance.log().clear();
    let rows = bench.rows("incident", &["sys_id"], &[]).await.expect("rows");
    assert_eq!(rows.len(), 5000);
    let limits: Vec<bool> = bench
        .instance
        .log()
        .data_calls()
        .iter()
        .map(|call| call.parameters.contains("sysparm_limit=500"))
        .collect();
    assert_eq!(
        limits.iter().filter(|small| !**small).count(),
        2,
        "after the first failure all pages are small"
    );
}

#[tokio::test]
async fn a_predicate_that_the_instance_drops_only_widens() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.semantics().change(|semantics| {
        semantics
            .stripped_columns
            .insert(("incident".to_owned(), "number".to_owned()));
    });
    let filter = is(0, Op::Eq, Literal::Text("INC0000001".into()));
    let rows = bench
        .rows("incident", &["number"], &[filter])
        .await
        .expect("rows");
    assert_eq!(
        rows.len(),
        5000,
        "the engine checks the predicate again on all of them"
    );
}

#[tokio::test]
async fn a_forbidden_filter_column_is_an_error_not_an_empty_answer() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.semantics().change(|semantics| {
        semantics
            .forbidden_query_columns
            .insert(("incident".to_owned(), "number".to_owned()));
    });
    let filter = is(0, Op::Eq, Literal::Text("INC0000001".into()));
    let error = bench
        .rows("incident", &["number"], &[filter])
        .await
        .expect_err("refused");
    assert_eq!(error.kind, Kind::Forbidden);
    assert!(error.message.contains("do not have permission"), "{error}");
}

#[tokio::test]
async fn an_api_budget_ends_a_scan() {
    let bench = Bench::start().await;
    let query = bench.query("incident", &["number"], &[]).await;
    let few = Arc::new(causeway_core::QueryContext::new(1, Arc::default(), 2, true));
    let error = bench.collect(&few, query).await.expect_err("spent");
    assert_eq!(error.kind, Kind::Budget);
}

#[tokio::test]
async fn what_is_pushed_keeps_every_row_that_a_local_filter_keeps() {
    let readings = [
        Semantics::default(),
        Semantics {
            accents_fold: false,
            trailing_blanks_ignored: false,
            not_equal_returns_nulls: true,
            empty_string_stored_distinct: false,
            null_word_is_empty: false,
            like_wildcards: true,
            literal_zone_offset_minutes: 14 * 60,
            ..Semantics::default()
        },
        Semantics {
            literal_zone_offset_minutes: -12 * 60,
            ..Semantics::default()
        },
    ];
    for (at, semantics) in readings.into_iter().enumerate() {
        let is_default = at == 0;
        let bench = Bench::with(semantics, bench::client_credentials(), json!({})).await;
        let mut pushed = 0;
        pushed += bench.compare_pushed_with_local("u_everything").await;
        if is_default {
            pushed += bench.compare_pushed_with_local("customer_account").await;
        }
        assert!(pushed > 500, "{pushed} predicates were pushed");
        let violations: Vec<String> = bench
            .instance
            .log()
            .entries()
            .into_iter()
            .filter_map(|entry| entry.violation)
            .collect();
        assert!(violations.is_empty(), "{violations:?}");
    }
}
