use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use causeway_core::{Aggregate, Column, Table, TableName};

use super::*;
use crate::query::dialect::ServiceNowDialect;
use crate::types::Family;

const COUNT: Aggregate = Aggregate {
    function: AggregateFunction::Count,
    column: None,
};

fn of(function: AggregateFunction, column: usize) -> Aggregate {
    Aggregate {
        function,
        column: Some(column),
    }
}

fn query(keys: &[usize], aggregates: &[Aggregate]) -> RemoteQuery {
    let columns = [
        ("sys_id", "GUID"),
        ("state", "integer"),
        ("caller_id", "reference"),
        ("opened_at", "glide_date_time"),
    ];
    let column =
        |(name, of_type): &(&str, &str)| Column::field(*name, Family::of(of_type).column_type(), *of_type);
    let name = "incident".to_owned();
    let table = Table {
        source: "desk".into(),
        name: TableName {
            name: name.clone(),
            remote: name.clone(),
            label: name,
        },
        columns: columns.iter().map(column).collect(),
        key: vec![0],
        domain: None,
        url_template: String::new(),
        required_filter: None,
    };
    let mut query = RemoteQuery::new(Arc::new(table), Vec::new());
    query.grouping = Some(Grouping {
        keys: keys.to_vec(),
        aggregates: aggregates.to_vec(),
        having: Vec::new(),
    });
    query
}

fn stats(query: &RemoteQuery) -> AggregateRequest {
    let grouping = query.grouping.as_ref().expect("a grouping");
    AggregateRequest::of_query(&ServiceNowDialect::default(), query, grouping, &BTreeSet::new())
        .expect("sayable")
}

/// The rows of these answers: the first to the main request, the others to counts of a field's values.
fn answered(query: &RemoteQuery, parts: &[(Option<&str>, Value)]) -> Result<Vec<Vec<Option<i64>>>, Error> {
    let parts = parts.iter().map(|(present, body)| Part {
        present: present.map(str::to_owned),
        body: body.clone(),
    });
    let page = serde_json::to_vec(&parts.collect::<Vec<_>>()).expect("json");
    let grouping = query.grouping.as_ref().expect("a grouping");
    let batch = rows(&ServiceNowDialect::default(), query, grouping, &page)?;
    let value = |column: usize, row: usize| {
        let column = batch.column(column).as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let row = |row| {
        (0..batch.num_columns())
            .map(|column| value(column, row))
            .collect()
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

fn group(state: &str, stats: &Value) -> Value {
    json!({"stats": stats, "groupby_fields": [{"field": "state", "value": state}]})
}

#[test]
fn an_ungrouped_answer_is_one_row_even_of_nothing() {
    let query = query(
        &[],
        &[
            COUNT,
            of(AggregateFunction::Min, 1),
            of(AggregateFunction::Sum, 1),
        ],
    );
    for empty in [
        json!({"count": "0"}),
        json!({"count": "0", "min": {"state": ""}, "sum": {"state": ""}}),
    ] {
        let rows = answered(&query, &[(None, json!({"result": {"stats": empty}}))]);
        assert_eq!(rows.ok(), Some(vec![vec![Some(0), None, None]]));
    }
    let full =
        json!({"result": {"stats": {"count": "3", "min": {"state": "-1"}, "sum": {"state": "7.0000"}}}});
    assert_eq!(
        answered(&query, &[(None, full)]).ok(),
        Some(vec![vec![Some(3), Some(-1), Some(7)]])
    );
}

#[test]
fn groups_carry_their_keys_and_the_empty_one_is_null() {
    let query = query(&[1], &[COUNT]);
    let body = json!({"result": [group("2", &json!({"count": "5"})), group("", &json!({"count": "1"}))]});
    assert_eq!(
        answered(&query, &[(None, body)]).ok(),
        Some(vec![vec![Some(2), Some(5)], vec![None, Some(1)]])
    );
    assert_eq!(
        answered(&query, &[(None, json!({"result": []}))]).ok(),
        Some(vec![])
    );
}

#[test]
fn values_are_counted_by_group_and_a_group_without_any_has_none() {
    let query = query(&[1], &[of(AggregateFunction::Count, 2)]);
    let main = json!({"result": [group("1", &json!({"count": "5"})), group("2", &json!({"count": "4"}))]});
    let counted = json!({"result": [group("2", &json!({"count": "3"}))]});
    assert_eq!(
        answered(&query, &[(None, main.clone()), (Some("caller_id"), counted)]).ok(),
        Some(vec![vec![Some(1), Some(0)], vec![Some(2), Some(3)]])
    );
    let error = answered(&query, &[(None, main)]).expect_err("no count");
    assert_eq!(error.kind, Kind::Refused);
}

#[test]
fn a_sum_of_zero_is_a_sum_only_where_there_are_values() {
    let query = query(&[1], &[of(AggregateFunction::Sum, 1)]);
    let main = json!({"result": [group("0", &json!({"sum": {"state": "0"}})), group("", &json!({"sum": {"state": "0"}}))]});
    assert_eq!(doubtful_sums(&stats(&query), &main), BTreeSet::from(["state"]));
    let counted = json!({"result": [group("0", &json!({"count": "9"}))]});
    assert_eq!(
        answered(&query, &[(None, main), (Some("state"), counted)]).ok(),
        Some(vec![vec![Some(0), Some(0)], vec![None, None]])
    );
    let sure = json!({"result": [group("4", &json!({"sum": {"state": "40"}}))]});
    assert!(doubtful_sums(&stats(&query), &sure).is_empty());
}

#[test]
fn an_answer_that_is_not_what_was_asked_for_is_refused() {
    let grouped = query(&[1], &[COUNT]);
    let twice = [
        group("", &json!({"count": "1"})),
        group("", &json!({"count": "2"})),
    ];
    let total = query(&[], &[COUNT]);
    let many: Vec<Value> = (0..10_000)
        .map(|at| group(&at.to_string(), &json!({"count": "1"})))
        .collect();
    for (query, body) in [
        (&grouped, json!({"result": twice})),
        (&grouped, json!({"result": many})),
        (&grouped, json!({"result": {"stats": {"count": "5"}}})),
        (&grouped, json!({"result": [{"stats": {"count": "5"}}]})),
        (
            &grouped,
            json!({"result": [group("abc", &json!({"count": "5"}))]}),
        ),
        (
            &grouped,
            json!({"error": {"message": "Transaction cancelled"}, "result": []}),
        ),
        (&total, json!({"result": []})),
        (&total, json!({"result": {"stats": {}}})),
        (&total, json!({"result": {"stats": {"count": "many"}}})),
        (&total, json!({})),
    ] {
        let error = answered(query, &[(None, body.clone())]).expect_err("a refusal");
        assert_eq!(error.kind, Kind::Refused, "{error}");
    }
}
