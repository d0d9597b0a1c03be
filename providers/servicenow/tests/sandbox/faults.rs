//! Answers that are damaged, late or refused.

use causeway_core::{Kind, Source as _};
use causeway_sandbox::servicenow::Faults;

use crate::bench::{Bench, strict};

#[tokio::test]
async fn each_fault_is_survived_or_named() {
    type Change = fn(&mut Faults);
    let faults: [(&str, Change); 11] = [
        ("error in a 200 body", |faults| faults.partial_with_error = 1),
        ("cut json", |faults| faults.cut_json = 1),
        ("stray element", |faults| faults.stray_element = 1),
        ("meta element", |faults| faults.meta_element = 1),
        ("html page", |faults| faults.html_page = 1),
        ("202 without body", |faults| faults.accepted_empty = 1),
        ("429", |faults| faults.throttled = 1),
        ("429 with Retry-After", |faults| faults.throttled_retry_after = 1),
        ("503", |faults| faults.unavailable = 1),
        ("the first page again", |faults| {
            faults.repeated_page = 1;
            faults.after_calls = 2;
        }),
        ("damage in the middle", |faults| {
            faults.cut_json = 2;
            faults.after_calls = 2;
        }),
    ];
    for (name, change) in faults {
        let mut faults = Faults::default();
        change(&mut faults);
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
