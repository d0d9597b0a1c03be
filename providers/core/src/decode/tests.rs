use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::*;
use crate::{Column, ColumnType, Table, TableName};

fn table(columns: &[(&str, ColumnType)]) -> Table {
    Table {
        source: "s".into(),
        name: TableName {
            name: "t".into(),
            remote: "T".into(),
            label: "T".into(),
        },
        columns: columns
            .iter()
            .map(|(name, ty)| Column::field(*name, *ty, ""))
            .collect(),
        key: vec![0],
        domain: None,
        url_template: String::new(),
        required_filter: None,
    }
}

pub(super) fn layout(columns: &[(&str, ColumnType, Syntax)]) -> Layout {
    let table = table(
        &columns
            .iter()
            .map(|(name, ty, _)| (*name, *ty))
            .collect::<Vec<_>>(),
    );
    let outputs = columns.iter().map(|(name, _, syntax)| Output {
        path: name.split('.').map(str::to_owned).collect(),
        syntax: *syntax,
        empty_is_null: true,
        template: None,
    });
    Layout::new(table.schema(), "records", outputs.collect())
}

#[test]
fn every_written_form_of_a_value_reaches_its_column() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        ("N", ColumnType::Int64, Syntax::Integer),
        ("F", ColumnType::Float64, Syntax::Float),
        ("B", ColumnType::Boolean, Syntax::Boolean),
        ("D", ColumnType::Date, Syntax::Date),
        ("T", ColumnType::Timestamp, Syntax::Timestamp),
        ("Dur", ColumnType::Int64, Syntax::DurationSeconds),
    ]);
    let body = br#"{"totalSize":2,"records":[
        {"attributes":{"type":"X"},"Id":"a\"b","N":5.0,"F":"1.0E10","B":"true","D":"2024-01-02","T":"2024-01-02 03:04:05","Dur":"1970-01-01 00:02:17"},
        {"Id":"c","N":"7","F":3,"B":false,"D":"","T":null}]}"#;
    let decoded = layout.decode(body, "Id").expect("a whole page");
    assert_eq!(decoded.extras.get("totalSize"), Some(&Value::from(2)));
    let batch = &decoded.batch;
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "a\"b");
    assert_eq!(batch.column(1).as_primitive::<Int64Type>().values(), &[5, 7]);
    assert_eq!(
        batch.column(2).as_primitive::<Float64Type>().values(),
        &[1.0e10, 3.0]
    );
    assert!(batch.column(3).as_boolean().value(0) && !batch.column(3).as_boolean().value(1));
    assert_eq!(batch.column(4).as_primitive::<Date32Type>().value(0), 19_724);
    assert!(batch.column(4).is_null(1));
    assert_eq!(
        batch
            .column(5)
            .as_primitive::<TimestampMicrosecondType>()
            .value(0),
        1_704_164_645_000_000
    );
    assert_eq!(batch.column(6).as_primitive::<Int64Type>().value(0), 137);
    assert!(batch.column(6).is_null(1));
}

#[test]
fn a_value_that_does_not_fit_names_record_and_column() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        ("Amount", ColumnType::Float64, Syntax::Float),
    ]);
    let body = br#"{"records":[{"Id":"1","Amount":1},{"Id":"2","Amount":"abc"}]}"#;
    let error = layout.decode(body, "Id").expect_err("abc is no number");
    assert_eq!(
        error.to_string(),
        "record 2: column 'amount' holds 'abc', which is no number"
    );
}

#[test]
fn whole_numbers_beyond_a_double_are_refused_not_rounded() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        ("N", ColumnType::Int64, Syntax::Integer),
    ]);
    let error = layout
        .decode(br#"{"records":[{"Id":"1","N":1e300}]}"#, "Id")
        .expect_err("too large");
    assert!(matches!(error, DecodeError::BadValue { .. }), "{error}");
    let exact = layout
        .decode(br#"{"records":[{"Id":"1","N":9223372036854775807}]}"#, "Id")
        .expect("fits");
    assert_eq!(
        exact.batch.column(1).as_primitive::<Int64Type>().value(0),
        i64::MAX
    );
}

#[test]
fn damaged_pages_are_never_rows() {
    let layout = layout(&[("Id", ColumnType::Text, Syntax::Text)]);
    for body in [
        r#"{"records":[{"Id":"1"},"#,
        r#"{"records":[{"Id":"1"},]}"#,
        r#"{"records":[{"Id":"1"},""]}"#,
        r#"{"records":[{"Id":"1"}]} trailing"#,
        r#"{"records":{"Id":"1"}}"#,
        r#"{"status":"failure","error":{"message":"x"}}"#,
        r#"{"records":[{"Id":"1","Id":"2"}]}"#,
        "<html>hibernating</html>",
        "",
    ] {
        let error = layout.decode(body.as_bytes(), "Id").expect_err(body);
        assert!(matches!(error, DecodeError::Damaged(_)), "{body}: {error}");
    }
}

#[test]
fn nested_records_and_absent_parents_decode() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        ("Account.Name", ColumnType::Text, Syntax::Text),
        ("Account.Owner.Name", ColumnType::Text, Syntax::Text),
    ]);
    let body = br#"{"records":[{"Id":"1","Account":{"attributes":{},"Name":"A","Owner":null}},{"Id":"2","Account":null}]}"#;
    let decoded = layout.decode(body, "Id").expect("a whole page");
    assert_eq!(decoded.batch.column(1).as_string::<i32>().value(0), "A");
    assert!(decoded.batch.column(1).is_null(1) && decoded.batch.column(2).is_null(0));
    assert!(decoded.missing.is_empty());
}

#[test]
fn a_column_that_no_record_carries_is_reported() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        ("Gone", ColumnType::Text, Syntax::Text),
    ]);
    let decoded = layout
        .decode(br#"{"records":[{"Id":"1"},{"__meta":{"q":"x"}}]}"#, "Id")
        .expect("a whole page");
    assert_eq!((decoded.batch.num_rows(), decoded.missing), (1, vec![1]));
}

#[test]
fn unknown_types_keep_their_json_text() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        ("Q", ColumnType::Text, Syntax::Json),
    ]);
    let body = br#"{"records":[{"Id":"1","Q":{"a": 300.0}},{"Id":"2","Q":"plain"},{"Id":"3","Q":7.50}]}"#;
    let decoded = layout.decode(body, "Id").expect("a whole page");
    let column = decoded.batch.column(1).as_string::<i32>();
    assert_eq!(
        column.iter().flatten().collect::<Vec<_>>(),
        [r#"{"a": 300.0}"#, "plain", "7.50"]
    );
}

#[test]
fn a_link_is_made_from_the_key() {
    let table = table(&[("Id", ColumnType::Text), ("record_url", ColumnType::Text)]);
    let id = |template| Output {
        path: vec!["Id".to_owned()],
        syntax: Syntax::Text,
        empty_is_null: true,
        template,
    };
    let layout = Layout::new(
        table.schema(),
        "records",
        vec![id(None), id(Some("https://x/{key}".to_owned()))],
    );
    let decoded = layout
        .decode(br#"{"records":[{"Id":"1"}]}"#, "Id")
        .expect("a whole page");
    assert_eq!(decoded.batch.column(1).as_string::<i32>().value(0), "https://x/1");
}

#[test]
fn the_envelope_tells_what_follows_before_the_rows_are_read() {
    let layout = layout(&[("Id", ColumnType::Text, Syntax::Text)]);
    let found = layout.peek(br#"{"totalSize":9,"done":false,"nextRecordsUrl":"/x","records":[{"Id":"#);
    assert_eq!(found.get("nextRecordsUrl"), Some(&Value::from("/x")));
}

#[test]
fn a_page_that_is_not_utf8_is_damaged() {
    let layout = layout(&[("Id", ColumnType::Text, Syntax::Text)]);
    let body = b"{\"records\":[{\"Id\":\"caf\xe9\"}]}";
    let error = layout.decode(body, "Id").expect_err("Latin-1");
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn an_escaped_key_is_the_same_key() {
    let layout = layout(&[("Id", ColumnType::Text, Syntax::Text)]);
    let decoded = layout
        .decode(br#"{"records":[{"\u0049d":"1"}]}"#, "Id")
        .expect("a whole page");
    assert_eq!(decoded.batch.column(0).as_string::<i32>().value(0), "1");
}

#[test]
fn a_decimal_keeps_every_digit_and_takes_none_that_it_has_no_room_for() {
    let layout = layout(&[
        ("Id", ColumnType::Text, Syntax::Text),
        (
            "Price",
            ColumnType::Decimal { scale: 2 },
            Syntax::Decimal { scale: 2 },
        ),
    ]);
    let body = br#"{"records":[{"Id":"a","Price":0.1},{"Id":"b","Price":"-12345678901234567890123.45"},{"Id":"c","Price":1.5e3},{"Id":"d","Price":null}]}"#;
    let decoded = layout.decode(body, "Id").expect("a whole page");
    let prices = decoded.batch.column(1).as_primitive::<Decimal128Type>();
    assert_eq!(
        prices.iter().collect::<Vec<_>>(),
        [
            Some(10),
            Some(-1_234_567_890_123_456_789_012_345),
            Some(150_000),
            None
        ]
    );
    let error = layout
        .decode(br#"{"records":[{"Id":"a","Price":0.125}]}"#, "Id")
        .expect_err("a third digit");
    assert_eq!(
        error.to_string(),
        "record a: column 'price' holds 0.125, which is no number of that many digits"
    );
}

#[test]
fn the_empty_text_is_a_value_where_the_system_says_so() {
    let table = table(&[
        ("Id", ColumnType::Text),
        ("Note", ColumnType::Text),
        ("N", ColumnType::Int64),
    ]);
    let output = |name: &str, syntax| Output {
        path: vec![name.to_owned()],
        syntax,
        empty_is_null: false,
        template: None,
    };
    let outputs = vec![
        output("Id", Syntax::Text),
        output("Note", Syntax::Text),
        output("N", Syntax::Integer),
    ];
    let layout = Layout::new(table.schema(), "records", outputs);
    let decoded = layout
        .decode(
            br#"{"records":[{"Id":"a","Note":"","N":1},{"Id":"b","Note":null,"N":null}]}"#,
            "Id",
        )
        .expect("a whole page");
    let notes = decoded.batch.column(1).as_string::<i32>();
    assert_eq!(notes.iter().collect::<Vec<_>>(), [Some(""), None]);
    assert!(
        layout
            .decode(br#"{"records":[{"Id":"a","Note":"","N":""}]}"#, "Id")
            .is_err()
    );
}
