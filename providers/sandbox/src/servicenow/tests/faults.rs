//! Every fault does what it says, once.

use std::time::Instant;

use serde_json::json;

use super::Practice;
use crate::servicenow::Faults;

const PATH: &str =
    "v2/table/incident?sysparm_limit=10&sysparm_fields=sys_id,priority&sysparm_query=ORDERBYsys_id";

async fn faulty(faults: Faults) -> Practice {
    let practice = Practice::start().await;
    practice.instance.semantics().inject(faults);
    practice
}

#[tokio::test]
async fn a_timeout_leaves_some_rows_and_an_error_on_200() {
    let practice = faulty(Faults {
        partial_with_error: 1,
        ..Faults::default()
    })
    .await;
    let reply = practice.get(PATH).await;
    assert_eq!((reply.status, reply.rows().len()), (200, 5));
    assert_eq!(
        reply.json()["error"]["message"],
        "Transaction cancelled: maximum execution time exceeded"
    );
    assert_eq!(reply.json()["status"], "failure");
    assert_eq!(practice.get(PATH).await.rows().len(), 10, "a fault is used up");
}

#[tokio::test]
async fn bodies_break_off_or_are_not_json() {
    let practice = faulty(Faults {
        cut_json: 1,
        html_page: 1,
        accepted_empty: 1,
        ..Faults::default()
    })
    .await;
    let cut = practice.get(PATH).await;
    assert_eq!(cut.status, 200);
    assert!(
        cut.text.starts_with("{\"result\":[{")
            && serde_json::from_str::<serde_json::Value>(&cut.text).is_err()
    );
    let html = practice.get(PATH).await;
    assert_eq!(html.status, 200);
    assert!(html.text.contains("hibernating"));
    let accepted = practice.get(PATH).await;
    assert_eq!((accepted.status, accepted.text.as_str()), (202, ""));
}

#[tokio::test]
async fn strange_elements_appear_among_the_rows() {
    let practice = faulty(Faults {
        stray_element: 1,
        meta_element: 1,
        wrong_typed_value: 1,
        ..Faults::default()
    })
    .await;
    assert_eq!(practice.get(PATH).await.rows().last(), Some(&json!("")));
    let meta = practice.get(PATH).await.rows();
    assert_eq!(
        (meta.len(), meta[10].clone()),
        (11, json!({"__meta": {"encodedQuery": "ORDERBYsys_id"}}))
    );
    let wrong = practice.get(PATH).await.column("priority");
    assert_eq!(wrong[0], "abc");
    assert!(wrong[1..].iter().all(|priority| priority.parse::<i64>().is_ok()));
}

#[tokio::test]
async fn refusals_tell_when_to_come_back_or_not() {
    let practice = faulty(Faults {
        throttled_retry_after: 1,
        throttled: 1,
        unavailable: 1,
        ..Faults::default()
    })
    .await;
    let told = practice.get(PATH).await;
    assert_eq!((told.status, told.header("retry-after")), (429, Some("1")));
    let untold = practice.get(PATH).await;
    assert_eq!(
        (
            untold.status,
            untold.header("retry-after"),
            untold.header("x-ratelimit-limit")
        ),
        (429, None, None)
    );
    assert_eq!(practice.get(PATH).await.status, 503);
}

#[tokio::test]
async fn a_repeated_page_ignores_key_range_and_order() {
    let practice = Practice::start().await;
    let first = practice
        .read(
            "problem",
            &[
                ("sysparm_query", "active=true^ORDERBYsys_id"),
                ("sysparm_limit", "20"),
                ("sysparm_fields", "sys_id"),
            ],
        )
        .await;
    let last = first.column("sys_id").remove(19);
    let query = format!("active=true^sys_id>{last}^ORDERBYsys_id");
    let next = [
        ("sysparm_query", query.as_str()),
        ("sysparm_limit", "20"),
        ("sysparm_fields", "sys_id,active"),
    ];
    practice.instance.semantics().inject(Faults {
        repeated_page: 1,
        ..Faults::default()
    });
    let repeated = practice.read("problem", &next).await;
    assert!(repeated.column("sys_id").iter().any(|id| *id < last));
    assert!(repeated.column("active").iter().all(|active| active == "true"));
    assert!(
        practice
            .read("problem", &next)
            .await
            .column("sys_id")
            .iter()
            .all(|id| *id > last)
    );
}

#[tokio::test]
async fn faults_can_wait_and_slow_down() {
    let practice = faulty(Faults {
        after_calls: 1,
        slow: 1,
        slow_ms: 300,
        ..Faults::default()
    })
    .await;
    let started = Instant::now();
    practice.get(PATH).await;
    let quick = started.elapsed();
    practice.get(PATH).await;
    assert!(started.elapsed() - quick >= std::time::Duration::from_millis(300));
    assert_eq!(practice.instance.semantics().faults().slow, 0);
    assert!(practice.instance.log().entries()[1].milliseconds >= 300.0);
}
