use std::path::Path;

use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use serde_json::{Value, json};

use super::*;
use crate::metadata::dictionary::{Entry, table};

const FIRST: &str = "00000000000000000000000000000001";
const SECOND: &str = "00000000000000000000000000000002";

fn incident() -> Arc<Table> {
    let entry = |element: &str, internal_type: &str, reference: &str| Entry {
        table: "incident".to_owned(),
        element: element.to_owned(),
        internal_type: internal_type.to_owned(),
        reference: reference.to_owned(),
        filterable: true,
        ..Entry::default()
    };
    let entries = vec![
        entry("sys_id", "GUID", ""),
        entry("caller_id", "reference", "sys_user"),
        entry("number", "string", ""),
        entry("opened_at", "glide_date_time", ""),
        entry("priority", "integer", ""),
        entry("calendar_duration", "glide_duration", ""),
    ];
    Arc::new(table(&"desk".into(), "https://x", "incident", "Incident", entries).expect("a table"))
}

fn query(columns: &[&str]) -> RemoteQuery {
    let table = incident();
    let at = |name: &&str| table.column(name).expect("a column").0;
    RemoteQuery::new(Arc::clone(&table), columns.iter().map(at).collect())
}

fn decoded(columns: &[&str], after: Option<&str>, is_only: bool, body: &Value) -> Result<Rows, Error> {
    let query = query(columns);
    let display = columns.iter().any(|name| name.starts_with("dv_"));
    let position = Position {
        after: after.map(str::to_owned),
        ..Position::first(10)
    };
    decode(&query, display, &position, is_only, body.to_string().as_bytes())
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<&str>> {
    batch.column(column).as_string::<i32>().iter().collect()
}

#[test]
fn plain_values_reach_their_columns_and_the_link_is_made() {
    let body = json!({"result": [
        {"sys_id": FIRST, "number": "INC1", "priority": "3", "opened_at": "2024-01-02 03:04:05", "calendar_duration": "1970-01-01 00:02:17"},
        {"sys_id": SECOND, "number": "", "priority": "", "opened_at": "", "calendar_duration": ""},
    ]});
    let rows = decoded(
        &[
            "number",
            "priority",
            "opened_at",
            "calendar_duration",
            "record_url",
        ],
        None,
        true,
        &body,
    )
    .expect("a page");
    let batch = &rows.batch;
    assert!(rows.hidden.is_empty());
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 5));
    assert_eq!(texts(batch, 0), [Some("INC1"), None]);
    assert_eq!(
        batch
            .column(1)
            .as_primitive::<Int64Type>()
            .iter()
            .collect::<Vec<_>>(),
        [Some(3), None]
    );
    let opened: Vec<_> = batch
        .column(2)
        .as_primitive::<TimestampMicrosecondType>()
        .iter()
        .collect();
    assert_eq!(opened, [Some(1_704_164_645_000_000), None]);
    assert_eq!(
        batch
            .column(3)
            .as_primitive::<Int64Type>()
            .iter()
            .collect::<Vec<_>>(),
        [Some(137), None]
    );
    assert_eq!(
        texts(batch, 4)[0],
        Some("https://x/nav_to.do?uri=incident.do%3Fsys_id%3D00000000000000000000000000000001")
    );
}

#[test]
fn display_values_stand_beside_their_values() {
    let body = json!({"result": [
        {"sys_id": {"display_value": FIRST, "value": FIRST}, "caller_id": {"display_value": "Ana Lopez", "value": "c1"}},
        {"sys_id": {"display_value": SECOND, "value": SECOND}, "caller_id": ""},
    ]});
    let rows = decoded(&["caller_id", "dv_caller_id"], None, true, &body).expect("a page");
    assert_eq!(texts(&rows.batch, 0), [Some("c1"), None]);
    assert_eq!(texts(&rows.batch, 1), [Some("Ana Lopez"), None]);
}

#[test]
fn counting_rows_needs_no_column() {
    let rows = decoded(
        &[],
        None,
        true,
        &json!({"result": [{"sys_id": FIRST}, {"sys_id": SECOND}]}),
    )
    .expect("a page");
    assert_eq!((rows.batch.num_rows(), rows.batch.num_columns()), (2, 0));
}

#[test]
fn a_column_that_no_record_carries_is_reported() {
    let body = json!({"result": [{"sys_id": FIRST}]});
    let rows = decoded(&["number"], None, true, &body).expect("a page");
    assert_eq!(rows.hidden, ["number"]);
    let error =
        decoded(&["number"], None, true, &json!({"result": [{"number": "INC1"}]})).expect_err("no key");
    assert_eq!(error.kind, Kind::Forbidden);
}

#[test]
fn pages_must_advance_by_key() {
    let two = |a: &str, b: &str| json!({"result": [{"sys_id": a}, {"sys_id": b}]});
    assert!(decoded(&[], None, false, &two(FIRST, SECOND)).is_ok());
    assert!(decoded(&[], Some(FIRST), false, &two(SECOND, "global")).is_ok());
    for (after, body) in [
        (None, two(SECOND, FIRST)),
        (None, two(FIRST, FIRST)),
        (Some(FIRST), two(FIRST, SECOND)),
        (Some(SECOND), two(FIRST, SECOND)),
    ] {
        let error = decoded(&[], after, false, &body).expect_err("out of order");
        assert_eq!(error.kind, Kind::Transient);
        assert!(error.message.contains("query_range"), "{error}");
    }
}

#[test]
fn the_order_of_an_only_page_does_not_matter_but_repeats_do() {
    let two = |a: &str, b: &str| json!({"result": [{"sys_id": a}, {"sys_id": b}]});
    assert!(decoded(&[], None, true, &two(SECOND, FIRST)).is_ok());
    assert!(decoded(&[], None, true, &two(FIRST, FIRST)).is_err_and(|error| error.message.contains("twice")));
}

#[test]
fn a_failed_page_is_transient_even_with_rows() {
    for body in [
        json!({"error": {"message": "Transaction cancelled: maximum execution time exceeded"}, "result": [{"sys_id": FIRST}], "status": "failure"}),
        json!({"result": [{"sys_id": FIRST}], "status": "failure"}),
        json!({"result": [{"sys_id": FIRST}, ""]}),
        json!({"result": {"sys_id": FIRST}}),
        json!({"status": "ok"}),
        json!([]),
    ] {
        let error = decoded(&[], None, true, &body).expect_err("a failed page");
        assert_eq!(error.kind, Kind::Transient, "{body}");
    }
}

#[test]
fn a_value_that_does_not_parse_names_record_and_column() {
    let body = json!({"result": [{"sys_id": FIRST, "priority": "abc"}]});
    let error = decoded(&["priority"], None, true, &body).expect_err("a bad value");
    assert_eq!(error.kind, Kind::BadValue);
    assert!(
        error.message.contains(FIRST) && error.message.contains("'priority'"),
        "{error}"
    );
}

#[test]
fn recorded_pages_decode() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/payloads/servicenow");
    let Ok(problems) = std::fs::read(folder.join("01_table_problem_list.json")) else {
        eprintln!("skipped: {} is not here", folder.display());
        return;
    };
    let accounts = std::fs::read(folder.join("08_csm_account_list.json")).expect("beside the other");
    for (body, rows_wanted) in [(problems, 1), (accounts, 2)] {
        let parsed: Value = serde_json::from_slice(&body).expect("json");
        let first = parsed["result"][0].as_object().expect("a record");
        let entries = crate::metadata::dictionary::sample_entries("t", std::slice::from_ref(first));
        let table = Arc::new(table(&"desk".into(), "https://x", "t", "T", entries).expect("a table"));
        let columns: Vec<usize> = (0..table.columns.len()).collect();
        let query = RemoteQuery::new(Arc::clone(&table), columns);
        let rows = decode(&query, false, &Position::first(10), true, &body).expect("a page");
        assert_eq!(rows.batch.num_rows(), rows_wanted);
        assert!(rows.hidden.is_empty(), "{:?}", rows.hidden);
        let key = first["sys_id"].as_str();
        assert_eq!(texts(&rows.batch, table.key[0])[0], key);
        let (count, _) = table.column("sys_mod_count").expect("a column");
        assert!(rows.batch.column(count).as_primitive::<Int64Type>().value(0) >= 0);
    }
}
