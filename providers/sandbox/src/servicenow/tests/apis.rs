//! Batch, Aggregate, metadata and Attachment APIs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Practice, Reply, send};
use crate::servicenow::{Faults, credentials};

async fn batch(practice: &Practice, body: &Value) -> Reply {
    let url = format!("{}/api/now/v1/batch", practice.instance.url());
    let request = practice
        .client
        .post(url)
        .basic_auth(credentials::USERNAME, Some(credentials::PASSWORD));
    send(
        request
            .header("Content-Type", "application/json")
            .body(body.to_string()),
    )
    .await
}

fn inner(serviced: &Value) -> Value {
    let bytes = STANDARD
        .decode(serviced["body"].as_str().expect("a body"))
        .expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[tokio::test]
async fn a_batch_answers_each_request_in_base64() {
    let practice = Practice::start().await;
    let long = format!(
        "/api/now/table/incident?sysparm_fields=number&sysparm_query=numberIN{}",
        ["INC0000001"; 1_000].join(",")
    );
    let body = json!({"batch_request_id": 7, "rest_requests": [
        {"id": "a", "method": "GET", "url": long, "headers": [{"name": "Accept", "value": "application/json"}]},
        {"id": 2, "method": "GET", "url": "/api/now/table/nope", "exclude_response_headers": true},
        {"id": "c", "method": "GET", "url": "https://elsewhere/api/now/table/incident"},
    ]});
    let reply = batch(&practice, &body).await;
    assert_eq!(reply.status, 200);
    let answer = reply.json();
    assert_eq!(
        (
            answer["batch_request_id"].clone(),
            answer["unserviced_requests"].clone()
        ),
        (json!("7"), json!([]))
    );
    let serviced = answer["serviced_requests"].as_array().expect("a list");
    assert_eq!(inner(&serviced[0]), json!({"result": [{"number": "INC0000001"}]}));
    assert_eq!(serviced[0]["status_text"], "OK");
    assert!(
        serviced[0]["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .any(|header| header["name"] == "X-Total-Count")
    );
    assert_eq!(
        (serviced[1]["id"].clone(), serviced[1]["status_code"].clone()),
        (json!("2"), json!(400))
    );
    assert!(serviced[1].get("headers").is_none());
    assert_eq!(serviced[2]["status_code"], 400);
    let entry = practice.instance.log().entries().remove(0);
    assert_eq!(entry.rows, 1);
    assert!(
        entry
            .remote_query
            .expect("the inner query")
            .starts_with("numberININC0000001")
    );
}

#[tokio::test]
async fn a_batch_may_leave_requests_unserviced_and_carry_faults() {
    let practice = Practice::start().await;
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.batch_serviced_limit = Some(1));
    practice.instance.semantics().inject(Faults {
        partial_with_error: 1,
        ..Faults::default()
    });
    let url = "/api/now/table/problem?sysparm_limit=4";
    let answer = batch(
        &practice,
        &json!({"rest_requests": [{"id": "1", "url": url}, {"id": "2", "url": url}]}),
    )
    .await
    .json();
    assert_eq!(answer["unserviced_requests"], json!(["2"]));
    assert_eq!(inner(&answer["serviced_requests"][0])["status"], "failure");
    assert_eq!(batch(&practice, &json!([])).await.status, 400);
}

#[tokio::test]
async fn ungrouped_stats_are_an_object_of_texts() {
    let practice = Practice::start().await;
    let reply = practice.get("stats/incident?sysparm_count=true&sysparm_sum_fields=reassignment_count&sysparm_min_fields=opened_at,number&sysparm_max_fields=priority&sysparm_avg_fields=impact").await;
    let stats = reply.json()["result"]["stats"].clone();
    let rows = practice
        .get("table/incident?sysparm_fields=reassignment_count,opened_at,impact")
        .await;
    let sum: i64 = rows
        .column("reassignment_count")
        .iter()
        .filter_map(|text| text.parse::<i64>().ok())
        .sum();
    let impacts: Vec<f64> = rows
        .column("impact")
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    assert_eq!(stats["count"], "5000");
    assert_eq!(stats["sum"]["reassignment_count"], json!(sum.to_string()));
    assert_eq!(
        stats["min"],
        json!({"opened_at": rows.column("opened_at").iter().min(), "number": "INC0000001"})
    );
    assert_eq!(stats["max"]["priority"], "5");
    assert_eq!(
        stats["avg"]["impact"],
        json!(format!("{:.4}", impacts.iter().sum::<f64>() / 5_000.0))
    );
}

#[tokio::test]
async fn grouped_stats_are_a_list_that_merges_case_variants() {
    let practice = Practice::start().await;
    let reply = practice
        .get("stats/u_everything?sysparm_count=true&sysparm_group_by=u_choice&sysparm_display_value=all")
        .await;
    let groups = reply.rows();
    let values: Vec<&str> = groups
        .iter()
        .map(|group| group["groupby_fields"][0]["value"].as_str().expect("a value"))
        .collect();
    assert_eq!(values.len(), 3, "NULL, a and A together, b: {values:?}");
    let count: usize = groups
        .iter()
        .map(|group| {
            group["stats"]["count"]
                .as_str()
                .and_then(|text| text.parse::<usize>().ok())
                .expect("a count")
        })
        .sum();
    assert_eq!(count, 200);
    assert_eq!(groups[2]["groupby_fields"][0]["display_value"], "Beta");
}

#[tokio::test]
async fn having_and_order_by_work_on_groups() {
    let practice = Practice::start().await;
    let counts = async |rest: &str| -> Vec<usize> {
        let reply = practice
            .get(&format!(
                "stats/incident?sysparm_count=true&sysparm_group_by=priority{rest}"
            ))
            .await;
        reply
            .rows()
            .iter()
            .map(|group| {
                group["stats"]["count"]
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .expect("a count")
            })
            .collect()
    };
    let all = counts("").await;
    assert_eq!(all.len(), 5);
    let ordered = counts("&sysparm_order_by=COUNT%5EDESC").await;
    assert!(ordered.is_sorted_by(|left, right| left >= right) && ordered != all);
    let many = counts("&sysparm_having=count%5Epriority%5E%3E%5E1000").await;
    assert_eq!(
        many,
        all.into_iter().filter(|count| *count > 1_000).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn stats_without_an_aggregate_are_refused() {
    let practice = Practice::start().await;
    let reply = practice.get("stats/incident?sysparm_group_by=priority").await;
    assert_eq!(
        (reply.status, reply.json()["error"]["message"].clone()),
        (
            400,
            json!("No request parameter for aggregate operation specified")
        )
    );
    let empty = practice
        .get("stats/incident?sysparm_count=true&sysparm_max_fields=priority&sysparm_query=number=nope")
        .await;
    assert_eq!(
        empty.json(),
        json!({"result": {"stats": {"count": "0", "max": {"priority": ""}}}})
    );
}

#[tokio::test]
async fn ui_meta_includes_inherited_columns_until_it_is_taken_away() {
    let practice = Practice::start().await;
    let columns = practice.get("ui/meta/incident").await.json()["result"]["columns"].clone();
    assert_eq!(columns["caller_id"]["reference"], "sys_user");
    assert_eq!(columns["caller_id"]["reference_display_field"], "name");
    assert_eq!(columns["opened_at"]["type"], "glide_date_time");
    assert_eq!(
        columns["priority"]["choices"][0],
        json!({"value": "1", "label": "1 - Critical"})
    );
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.ui_meta_available = false);
    assert_eq!(practice.get("ui/meta/incident").await.status, 400);
}

#[tokio::test]
async fn the_table_list_and_every_type_are_there() {
    let practice = Practice::start().await;
    let tables = practice.get("doc/table/schema").await.column("value");
    assert!(
        ["incident", "customer_account", "domain", "u_everything"]
            .iter()
            .all(|name| tables.contains(&(*name).to_owned()))
    );
    let used = practice
        .read(
            "sys_dictionary",
            &[
                ("sysparm_query", "name=u_everything^elementISNOTEMPTY"),
                ("sysparm_fields", "internal_type"),
                ("sysparm_exclude_reference_link", "true"),
            ],
        )
        .await;
    let known = practice
        .get("table/sys_glide_object?sysparm_fields=name")
        .await
        .column("name");
    let types = used.column("internal_type");
    assert!(known.iter().all(|name| types.contains(name)));
    assert!(
        types.contains(&"holographic_note".to_owned()) && !known.contains(&"holographic_note".to_owned())
    );
}

#[tokio::test]
async fn attachments_have_metadata_and_content() {
    let practice = Practice::start().await;
    let reply = practice
        .get("attachment?sysparm_limit=2&sysparm_query=size_bytes%3E100")
        .await;
    let row = reply.rows().remove(0);
    let link = row["download_link"].as_str().expect("a link").to_owned();
    assert_eq!(
        link,
        format!(
            "{}/api/now/attachment/{}/file",
            practice.instance.url(),
            row["sys_id"].as_str().expect("a key")
        )
    );
    let content = send(
        practice
            .client
            .get(&link)
            .basic_auth(credentials::USERNAME, Some(credentials::PASSWORD)),
    )
    .await;
    assert_eq!(content.text.len().to_string(), row["size_bytes"]);
    assert_eq!(content.header("content-type"), row["content_type"].as_str());
    assert_eq!(practice.get("attachment/nope/file").await.status, 404);
}
