//! The Aggregate API against the rows, and both positions of its switches.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Practice, Reply};
use crate::servicenow::Semantics;

fn count(group: &Value) -> usize {
    let text = group["stats"]["count"].as_str();
    text.and_then(|text| text.parse().ok()).expect("a count")
}

fn group_value(group: &Value, at: usize) -> &str {
    group["groupby_fields"][at]["value"].as_str().expect("a value")
}

/// Compares what a group says with what its rows add up to.
fn check_aggregates(group: &Value, rows: &[Value]) {
    let numbers: Vec<i64> = rows
        .iter()
        .map(|row| {
            row["reassignment_count"]
                .as_str()
                .expect("a text")
                .parse()
                .expect("a number")
        })
        .collect();
    let opened = rows
        .iter()
        .map(|row| row["opened_at"].as_str().expect("a text"))
        .min();
    assert_eq!(count(group), rows.len());
    assert_eq!(
        (&group["stats"]["sum"], &group["stats"]["max"]),
        (
            &json!({"reassignment_count": numbers.iter().sum::<i64>().to_string()}),
            &json!({"reassignment_count": numbers.iter().max().map(i64::to_string)}),
        )
    );
    assert_eq!(
        group["stats"]["min"],
        json!({"reassignment_count": numbers.iter().min().map(i64::to_string), "opened_at": opened})
    );
}

#[tokio::test]
async fn grouped_filtered_aggregates_equal_those_of_the_rows() {
    let practice = Practice::start().await;
    let query = "active=true%5Ereassignment_count%3E=0";
    let reply = practice
        .get(&format!(
            "stats/incident?sysparm_count=true&sysparm_query={query}&sysparm_group_by=priority,category\
             &sysparm_sum_fields=reassignment_count&sysparm_min_fields=reassignment_count,opened_at\
             &sysparm_max_fields=reassignment_count&sysparm_having=count%5Epriority%5E%3E%5E20"
        ))
        .await;
    let rows = practice
        .get(&format!(
            "table/incident?sysparm_query={query}&sysparm_fields=priority,category,reassignment_count,opened_at"
        ))
        .await
        .rows();
    let mut expected: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for row in rows {
        let text = |name: &str| row[name].as_str().expect("a text").to_lowercase();
        expected
            .entry((text("priority"), text("category")))
            .or_default()
            .push(row);
    }
    expected.retain(|_, rows| rows.len() > 20);
    let groups = reply.rows();
    assert!(groups.len() > 5);
    assert_eq!(groups.len(), expected.len());
    for group in &groups {
        let key = (
            group_value(group, 0).to_lowercase(),
            group_value(group, 1).to_lowercase(),
        );
        let rows = &expected[&key];
        check_aggregates(group, rows);
        assert_eq!(group["groupby_fields"][0]["field"], "priority");
    }
}

async fn with(change: impl FnOnce(&mut Semantics)) -> Practice {
    let mut semantics = Semantics::default();
    change(&mut semantics);
    Practice::with(semantics).await
}

#[tokio::test]
async fn counts_are_blind_to_row_acls_or_obey_them() {
    for obeys in [false, true] {
        let practice = with(|semantics| {
            semantics.row_acl.insert("problem".to_owned(), 3);
            semantics.stats_apply_row_acls = obeys;
        })
        .await;
        let stats = practice.get("stats/problem?sysparm_count=true").await.json();
        let delivered = practice
            .get("table/problem?sysparm_fields=sys_id")
            .await
            .rows()
            .len();
        assert!(delivered < 300);
        let expected = if obeys { delivered } else { 300 };
        assert_eq!(count(&stats["result"]), expected);
    }
}

#[tokio::test]
async fn hidden_columns_are_aggregated_or_left_out() {
    for obeys in [false, true] {
        let practice = with(|semantics| {
            semantics
                .hidden_fields
                .insert(("task".to_owned(), "priority".to_owned()));
            semantics.stats_apply_field_acls = obeys;
        })
        .await;
        let stats = practice
            .get("stats/incident?sysparm_count=true&sysparm_max_fields=priority,impact")
            .await
            .json();
        let highest = stats["result"]["stats"]["max"].as_object().expect("maxima");
        assert_eq!(highest.contains_key("priority"), !obeys);
        assert!(highest.contains_key("impact"));
    }
}

#[tokio::test]
async fn aggregates_of_nothing_are_empty_or_missing() {
    let path = "stats/incident?sysparm_count=true&sysparm_sum_fields=impact&sysparm_min_fields=impact&sysparm_query=number=nope";
    let stats = |reply: Reply| reply.json()["result"]["stats"].clone();
    let default = Practice::start().await;
    assert_eq!(
        stats(default.get(path).await),
        json!({"count": "0", "sum": {"impact": ""}, "min": {"impact": ""}})
    );
    let missing = with(|semantics| {
        semantics.stats_empty_key_missing = true;
        semantics.stats_empty_count_missing = true;
    })
    .await;
    let empty = stats(missing.get(path).await);
    assert_eq!(empty.get("count"), None);
    assert_eq!(empty["sum"].get("impact"), None);
    let some = stats(
        missing
            .get("stats/incident?sysparm_count=true&sysparm_max_fields=impact")
            .await,
    );
    assert_eq!(some, json!({"count": "5000", "max": {"impact": "3"}}));
}

#[tokio::test]
async fn null_and_empty_text_are_one_group_or_two() {
    let path = "stats/incident?sysparm_count=true&sysparm_group_by=short_description";
    let empty = async |practice: &Practice| -> Vec<usize> {
        let groups = practice.get(path).await.rows();
        let empty = groups.iter().filter(|group| group_value(group, 0).is_empty());
        empty.map(count).collect()
    };
    let one = empty(&Practice::start().await).await;
    let two = empty(&with(|semantics| semantics.stats_merge_null_and_empty = false).await).await;
    assert_eq!((one.len(), two.len()), (1, 2));
    assert_eq!(one[0], two.iter().sum::<usize>());
}

#[tokio::test]
async fn limits_bind_groups_only_by_switch() {
    let path = "stats/incident?sysparm_count=true&sysparm_group_by=priority&sysparm_limit=2&sysparm_offset=1";
    let values = async |practice: &Practice| -> Vec<String> {
        let groups = practice.get(path).await.rows();
        groups
            .iter()
            .map(|group| group_value(group, 0).to_owned())
            .collect()
    };
    let all = values(&Practice::start().await).await;
    assert_eq!(all.len(), 5);
    let some = values(&with(|semantics| semantics.stats_honour_limit = true).await).await;
    assert_eq!(some, all[1..3]);
}

#[tokio::test]
async fn averages_and_durations_have_two_spellings() {
    let path = "stats/u_everything?sysparm_avg_fields=u_rating&sysparm_sum_fields=u_glide_duration";
    let stats = |reply: Reply| reply.json()["result"]["stats"].clone();
    let plain = stats(Practice::start().await.get(path).await);
    let other = with(|semantics| {
        semantics.stats_scientific_average = true;
        semantics.stats_durations_as_dates = true;
    })
    .await;
    let other = stats(other.get(path).await);
    let average: f64 = plain["avg"]["u_rating"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a number");
    let text = other["avg"]["u_rating"].as_str().expect("a text");
    assert!(text.ends_with("E00"), "{text}");
    assert!((text.parse::<f64>().expect("a number") - average).abs() < 1e-4);
    let seconds: i64 = plain["sum"]["u_glide_duration"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    let date = chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
    assert_eq!(
        other["sum"]["u_glide_duration"],
        json!(date.format("%Y-%m-%d %H:%M:%S").to_string())
    );
}

#[tokio::test]
async fn an_exact_column_keeps_case_variants_in_groups_of_their_own() {
    let path =
        "stats/u_everything?sysparm_count=true&sysparm_group_by=u_choice&sysparm_query=u_choiceISNOTEMPTY";
    let values = async |practice: &Practice| -> BTreeSet<String> {
        let groups = practice.get(path).await.rows();
        groups
            .iter()
            .map(|group| group_value(group, 0).to_owned())
            .collect()
    };
    assert_eq!(values(&Practice::start().await).await.len(), 2);
    let exact = with(|semantics| {
        semantics
            .exact_text_columns
            .insert(("u_everything".to_owned(), "u_choice".to_owned()));
    })
    .await;
    assert_eq!(
        values(&exact).await,
        BTreeSet::from(["A", "a", "b"].map(str::to_owned))
    );
}
