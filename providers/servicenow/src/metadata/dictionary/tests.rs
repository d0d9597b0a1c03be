use serde_json::json;

use super::*;

fn row(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn entry(table: &str, element: &str, internal_type: &str) -> Entry {
    Entry::of_dictionary(&row(json!({
        "name": table, "element": element, "internal_type": internal_type, "column_label": element.to_uppercase(),
        "reference": "", "choice": "0", "virtual": "false",
    })))
}

fn made(entries: Vec<Entry>) -> Table {
    table(
        &"desk".into(),
        "https://acme.service-now.com",
        "incident",
        "Incident",
        entries,
    )
    .expect("a table")
}

fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.name.as_str()).collect()
}

fn incident() -> Lineage {
    Lineage {
        label: "Incident".to_owned(),
        tables: vec!["incident".to_owned(), "task".to_owned()],
    }
}

#[test]
fn a_child_inherits_and_wins_over_its_parent() {
    let entries = [
        entry("task", "state", "integer"),
        entry("incident", "state", "string"),
        entry("task", "number", "string"),
        entry("problem", "known_error", "boolean"),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
        let shuffled: Vec<&Entry> = order.iter().map(|&at| &entries[at]).collect();
        let columns = incident().inherited(shuffled);
        let found: Vec<(&str, &str)> = columns
            .iter()
            .map(|column| (column.element.as_str(), column.internal_type.as_str()))
            .collect();
        assert_eq!(found, [("number", "string"), ("state", "string")]);
    }
}

#[test]
fn ancestors_are_read_from_one_dot_walked_row() {
    let record = row(json!({
        "name": "incident", "label": "Incident", "super_class.name": "task", "super_class.super_class.name": "",
    }));
    assert_eq!(Lineage::of_row(&record), Some(incident()));
    let alone = row(json!({"name": "incident", "label": "Incident"}));
    assert_eq!(
        Lineage::of_row(&alone).map(|lineage| lineage.tables.len()),
        Some(1)
    );
}

#[test]
fn a_lineage_deeper_than_the_row_shows_is_not_guessed() {
    let mut record = row(json!({"name": "deepest"}));
    for depth in 1..=DEPTH {
        record.insert(ancestor_field(depth), json!(format!("level{depth}")));
    }
    assert_eq!(Lineage::of_row(&record), None);
}

#[test]
fn a_listing_gives_the_same_lineage_and_survives_loops() {
    let parents = HashMap::from([
        ("incident".to_owned(), ("Incident".to_owned(), "task".to_owned())),
        ("task".to_owned(), ("Task".to_owned(), String::new())),
        ("a".to_owned(), (String::new(), "b".to_owned())),
        ("b".to_owned(), (String::new(), "a".to_owned())),
    ]);
    assert_eq!(Lineage::of_listing("incident", &parents), incident());
    assert_eq!(Lineage::of_listing("a", &parents).tables, ["a", "b"]);
}

#[test]
fn columns_stand_as_key_plain_display_link() {
    let mut caller = entry("incident", "caller_id", "reference");
    "sys_user".clone_into(&mut caller.reference);
    let mut state = entry("task", "state", "integer");
    state.has_choices = true;
    let table = made(vec![
        state,
        entry("task", "sys_updated_on", "glide_date_time"),
        caller,
        entry("task", "sys_id", "GUID"),
        entry("task", "business_duration", "glide_duration"),
        entry("task", "sys_domain", "domain_id"),
    ]);
    assert_eq!(
        names(&table),
        [
            "sys_id",
            "business_duration",
            "caller_id",
            "state",
            "sys_domain",
            "sys_updated_on",
            "dv_business_duration",
            "dv_caller_id",
            "dv_state",
            "record_url"
        ]
    );
    assert_eq!((table.key.clone(), table.domain), (vec![0], Some(4)));
    assert_eq!(table.columns[2].references, ["sys_user"]);
    assert_eq!(table.columns[7].origin, Origin::Display("caller_id".to_owned()));
    assert!(table.columns[..6].iter().all(|column| column.filterable) && !table.columns[7].filterable);
    assert_eq!(
        table.url_template,
        "https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsys_id%3D{key}"
    );
}

#[test]
fn secrets_and_marker_rows_are_no_columns() {
    let table = made(vec![
        entry("task", "sys_id", "GUID"),
        entry("task", "", "collection"),
        entry("task", "secret", "password2"),
        entry("task", "cipher", "glide_encrypted"),
        entry("task", "odd name", "string"),
        entry("task", "future", "holographic_note"),
    ]);
    assert_eq!(names(&table), ["sys_id", "future", "record_url"]);
}

#[test]
fn a_plain_column_keeps_its_name_against_a_display_column() {
    let mut state = entry("task", "state", "string");
    state.has_choices = true;
    let table = made(vec![
        entry("task", "sys_id", "GUID"),
        state,
        entry("task", "dv_state", "integer"),
        entry("task", "record_url", "url"),
    ]);
    assert_eq!(names(&table), ["sys_id", "dv_state", "record_url", "state"]);
    assert_eq!(table.columns[1].remote_field(), Some("dv_state"));
}

#[test]
fn a_table_without_a_key_can_not_be_read() {
    let none = table(
        &"desk".into(),
        "https://x",
        "t",
        "T",
        vec![entry("t", "a", "string")],
    );
    assert!(none.is_none());
}

#[test]
fn ui_meta_lists_columns_with_their_flags() {
    let document = json!({"result": {"columns": {
        "sys_id": {"label": "Sys ID", "type": "GUID", "internal_type": "GUID", "filterable": true},
        "state": {"label": "State", "type": "integer", "choices": [{"label": "New", "value": "1"}], "filterable": false},
    }}});
    let table = made(meta_entries("incident", &document));
    assert_eq!(names(&table), ["sys_id", "state", "dv_state", "record_url"]);
    assert!(table.columns[0].filterable && !table.columns[1].filterable);
    assert_eq!(table.columns[1].label, "State");
    assert!(meta_entries("incident", &json!({"error": {}})).is_empty());
}

#[test]
fn a_sample_gives_text_and_the_columns_that_every_table_has() {
    let rows = [
        row(json!({"sys_id": "a", "u_x": "1", "sys_created_on": "2024-01-01 00:00:00"})),
        row(json!({"sys_id": "b", "sys_mod_count": "3", "__meta": {}})),
    ];
    let table = made(sample_entries("incident", &rows));
    assert_eq!(
        names(&table),
        ["sys_id", "u_x", "sys_created_on", "sys_mod_count", "record_url"]
    );
    let types: Vec<_> = table.columns.iter().map(|column| column.ty).collect();
    use causeway_core::ColumnType::{Int64, Text, Timestamp};
    assert_eq!(types, [Text, Text, Timestamp, Int64, Text]);
    assert!(!table.columns[1].filterable);
}

#[test]
fn references_among_metadata_are_read_in_both_shapes() {
    let record =
        row(json!({"internal_type": {"link": "https://x/string", "value": "string"}, "name": "task"}));
    assert_eq!(
        (
            text(&record, "internal_type"),
            text(&record, "name"),
            text(&record, "gone")
        ),
        ("string", "task", "")
    );
}
