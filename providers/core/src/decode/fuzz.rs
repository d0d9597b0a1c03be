//! Pages of all kinds: whole ones read as they were written, and nothing else is taken for one.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use chrono::{DateTime, NaiveDate, NaiveTime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::tests::layout;
use super::*;
use crate::fuzz::{self, Damage};
use crate::{ColumnType, Decimal};

/// A key, which every record has, and a column of each syntax, two of them in a nested record.
const COLUMNS: [(&str, ColumnType, Syntax); 11] = [
    ("Key", ColumnType::Text, Syntax::Text),
    ("Id", ColumnType::Text, Syntax::Text),
    ("Count", ColumnType::Int64, Syntax::Integer),
    ("Amount", ColumnType::Float64, Syntax::Float),
    ("Open", ColumnType::Boolean, Syntax::Boolean),
    ("Day", ColumnType::Date, Syntax::Date),
    ("At", ColumnType::Timestamp, Syntax::Timestamp),
    ("Owner.Name", ColumnType::Text, Syntax::Text),
    ("Owner.Hour", ColumnType::Time, Syntax::Time),
    ("Extra", ColumnType::Text, Syntax::Json),
    (
        "Price",
        ColumnType::Decimal { scale: 6 },
        Syntax::Decimal { scale: 6 },
    ),
];

/// JSON text of a value, and what must be read from it.
type Cell = (String, Option<String>);

/// The value in one of its written forms, or nothing in one of its two.
fn cell(syntax: Syntax) -> BoxedStrategy<Cell> {
    let nothing = select(vec!["null", r#""""#]).prop_map(|json| (json.to_owned(), None));
    prop_oneof![6 => value(syntax), 1 => nothing].boxed()
}

fn value(syntax: Syntax) -> BoxedStrategy<Cell> {
    match syntax {
        Syntax::Boolean => any::<(bool, Index)>()
            .prop_map(|(value, form)| one_of(&value, form, &[json!(value), json!(value.to_string())]))
            .boxed(),
        Syntax::Integer | Syntax::DurationSeconds => integer(),
        Syntax::Float => (-1e300..1e300_f64, any::<Index>())
            .prop_map(|(value, form)| one_of(&value, form, &[json!(value), json!(value.to_string())]))
            .boxed(),
        Syntax::Decimal { scale } => (-(10_i128.pow(37))..10_i128.pow(37), any::<bool>())
            .prop_map(move |(value, quoted)| {
                let text = Decimal::new(value, scale).expect("37 digits").to_string();
                let json = if quoted { json!(text).to_string() } else { text };
                (json, Some(value.to_string()))
            })
            .boxed(),
        Syntax::Text => prop_oneof![
            text(),
            any::<u64>().prop_map(|number| (number.to_string(), Some(number.to_string()))),
        ]
        .boxed(),
        Syntax::Json => prop_oneof![
            text(),
            select(vec![r#"{"a": [1.50, "x"]}"#, "[ ]", "7.50", "true"])
                .prop_map(|json| (json.to_owned(), Some(json.to_owned()))),
        ]
        .boxed(),
        Syntax::Date | Syntax::Timestamp | Syntax::Time => moment(syntax),
    }
}

fn text() -> BoxedStrategy<Cell> {
    let text = prop_oneof![any::<String>(), "[\\\\\"\\n\u{0}-\u{1f}{}\\[\\],:a]{1,8}"];
    text.prop_filter("the empty text is nothing", |text| !text.is_empty())
        .prop_map(|text| (json!(text).to_string(), Some(text)))
        .boxed()
}

fn integer() -> BoxedStrategy<Cell> {
    let whole = (any::<i64>(), any::<Index>())
        .prop_map(|(value, form)| one_of(&value, form, &[json!(value), json!(value.to_string())]));
    // Whole numbers that a double holds may be written as one.
    let decimal = (-(1_i64 << 53)..=1 << 53, any::<bool>()).prop_map(|(value, quoted)| {
        let text = format!("{value}.0");
        let json = if quoted { json!(text).to_string() } else { text };
        (json, Some(value.to_string()))
    });
    prop_oneof![whole, decimal].boxed()
}

/// Seconds of the years 0 to 9999, of which each type keeps its part.
fn moment(syntax: Syntax) -> BoxedStrategy<Cell> {
    let forms: &[&str] = match syntax {
        Syntax::Date => &["%Y-%m-%d"],
        Syntax::Time => &["%H:%M:%S", "%H:%M:%S.000Z"],
        _ => &[
            "%Y-%m-%dT%H:%M:%S.000+0000",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y-%m-%dT%H:%M:%S+00:00",
        ],
    };
    (-62_167_219_200..253_402_300_800_i64, select(forms))
        .prop_map(move |(seconds, form)| {
            let moment = DateTime::from_timestamp_secs(seconds).expect("a year of four digits");
            let number = match syntax {
                Syntax::Date => (moment.date_naive() - NaiveDate::default()).num_days(),
                Syntax::Time => (moment.time() - NaiveTime::MIN)
                    .num_microseconds()
                    .expect("less than a day"),
                _ => seconds * 1_000_000,
            };
            let json = json!(moment.format(form).to_string()).to_string();
            (json, Some(number.to_string()))
        })
        .boxed()
}

/// One of the forms of a value.
fn one_of(value: &impl ToString, form: Index, forms: &[Value]) -> Cell {
    (form.get(forms).to_string(), Some(value.to_string()))
}

/// A page as it is sent, and its rows.
#[derive(Debug, Clone)]
struct Written {
    body: String,
    rows: Vec<Vec<Option<String>>>,
}

/// A record: its cells, of which those marked are left out, the turn of its keys, and what else it carries.
fn record() -> impl Strategy<Value = (Vec<Cell>, Vec<bool>, usize, bool)> {
    let mut cells = COLUMNS.map(|(_, _, syntax)| cell(syntax)).to_vec();
    cells[0] = text();
    let absent = vec(prop::bool::weighted(0.1), COLUMNS.len()).prop_map(|mut absent| {
        absent[0] = false;
        absent
    });
    (cells, absent, 0..COLUMNS.len(), any::<bool>())
}

fn page() -> impl Strategy<Value = Written> {
    let extras = select(vec!["", r#""done":true,"#, r#""total" : {"records":[1]}, "#]);
    (vec(record(), 0..5), extras, any::<bool>()).prop_map(|(records, extras, has_meta)| {
        let mut rows = Vec::new();
        let mut texts: Vec<String> = Vec::new();
        for (cells, absent, turn, has_more) in records {
            texts.push(record_text(&cells, &absent, turn, has_more));
            let row = cells.into_iter().zip(absent);
            rows.push(
                row.map(|((_, value), absent)| value.filter(|_| !absent))
                    .collect(),
            );
        }
        if has_meta {
            texts.push(r#"{"__meta":{"encodedQuery":"x"}}"#.to_owned());
        }
        let body = format!(
            "{{{extras}\"records\": [{}] , \"after\":null}}",
            texts.join(" ,\n")
        );
        Written { body, rows }
    })
}

fn record_text(cells: &[Cell], absent: &[bool], turn: usize, has_more: bool) -> String {
    let (mut own, mut nested) = (Vec::new(), Vec::new());
    for (((name, ..), (json, _)), _) in COLUMNS
        .iter()
        .zip(cells)
        .zip(absent)
        .filter(|(_, absent)| !**absent)
    {
        match name.split_once('.') {
            Some((_, name)) => nested.push(format!("\"{name}\":{json}")),
            None => own.push(format!("\"{name}\" : {json}")),
        }
    }
    if has_more {
        own.push(r#""attributes":{"Id":"no column","type":[null,1e3]}"#.to_owned());
    }
    // An absent parent is written in three ways; a present one may carry nothing.
    own.push(match (nested.is_empty(), turn % 3) {
        (true, 0) => r#""Owner":null"#.to_owned(),
        (true, 1) => r#""Owner":"""#.to_owned(),
        _ => format!("\"Owner\":{{{}}}", nested.join(",")),
    });
    let turn = turn % own.len();
    own.rotate_left(turn);
    format!("{{{}}}", own.join(","))
}

/// The rows of a batch as texts: numbers and moments as numbers.
fn rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let cell = |column: &ArrayRef, row: usize| {
        use arrow_schema::DataType;
        Some(match column.data_type() {
            _ if column.is_null(row) => return None,
            DataType::Boolean => column.as_boolean().value(row).to_string(),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
            DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().value(row).to_string(),
            DataType::Date32 => column.as_primitive::<Date32Type>().value(row).to_string(),
            DataType::Timestamp(..) => {
                let column = column.as_primitive::<TimestampMicrosecondType>();
                column.value(row).to_string()
            }
            DataType::Time64(_) => column
                .as_primitive::<Time64MicrosecondType>()
                .value(row)
                .to_string(),
            _ => column.as_string::<i32>().value(row).to_owned(),
        })
    };
    let row = |at: usize| batch.columns().iter().map(|column| cell(column, at)).collect();
    (0..batch.num_rows()).map(row).collect()
}

#[test]
fn a_whole_page_reads_as_it_was_written() {
    let layout = layout(&COLUMNS);
    fuzz::run(1, &page(), |written| {
        let decoded = layout.decode(written.body.as_bytes(), "Key");
        let decoded = decoded.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(rows(&decoded.batch), written.rows);
        let page: Value = serde_json::from_str(&written.body).expect("json");
        for (key, value) in &decoded.extras {
            prop_assert_eq!(page.get(key), Some(value));
        }
        let known = usize::from(page.get("done").is_some()) + usize::from(page.get("total").is_some());
        prop_assert_eq!(decoded.extras.len(), known + 1);
        Ok(())
    });
}

#[test]
fn a_page_that_is_cut_anywhere_is_damaged() {
    let layout = layout(&COLUMNS);
    fuzz::run(1, &(page(), any::<Index>()), |(written, at)| {
        let body = written.body.as_bytes();
        let cut = layout.decode(&body[..at.index(body.len())], "Key");
        prop_assert!(matches!(cut, Err(DecodeError::Damaged(_))), "{cut:?}");
        Ok(())
    });
}

/// What a change to a page may put in.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\"",
    b"null",
    b"1e999",
    b"\\ud800",
    b"\"Key\":\"\",",
    b"-",
];

/// What serde_json makes of the columns `Id`, `Count` and `Open`; `None` where a value does not fit, or there is no page.
fn plain_reading(body: &[u8]) -> Option<Vec<[Option<String>; 3]>> {
    let page: Value = serde_json::from_slice(body).ok()?;
    let mut rows = Vec::new();
    for record in page.get("records")?.as_array()? {
        let record = record.as_object()?;
        if record.len() == 1 && record.contains_key("__meta") {
            continue;
        }
        let value = |key: &str| record.get(key).filter(|value| !value.is_null() && **value != "");
        let id = value("Id").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let count = match value("Count") {
            None => None,
            Some(Value::String(text)) => Some(whole(text.trim())?),
            Some(Value::Number(number)) => Some(whole(&number.to_string())?),
            Some(_) => return None,
        };
        let open = match value("Open") {
            None => None,
            Some(Value::Bool(true)) => Some(true),
            Some(Value::Bool(false)) => Some(false),
            Some(Value::String(text)) => Some(matches!(text.as_str(), "true" | "1")),
            Some(_) => return None,
        };
        rows.push([
            id,
            count.map(|count| count.to_string()),
            open.map(|open| open.to_string()),
        ]);
    }
    Some(rows)
}

fn whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number == number.trunc()).then_some(number as i64)
    })
}

/// What is read is what serde_json reads, whatever arrives; or it is an error that says something.
fn check_against_plain_reading(layout: &Layout, body: &[u8]) -> Result<(), TestCaseError> {
    let _envelope = layout.peek(body);
    match layout.decode(body, "Id") {
        Err(error) => prop_assert!(!error.to_string().is_empty()),
        // Where serde_json refuses, the fault is in a part that nobody asked for: it is skipped unread.
        Ok(decoded) => {
            if let Some(wanted) = plain_reading(body) {
                let read = rows(&decoded.batch).into_iter();
                let read: Vec<_> = read
                    .map(|row| [1, 2, 4].map(|at: usize| row[at].clone()))
                    .collect();
                prop_assert_eq!(read, wanted, "{}", String::from_utf8_lossy(body));
            }
        }
    }
    Ok(())
}

#[test]
fn a_changed_page_is_an_error_or_what_it_now_says() {
    let layout = layout(&COLUMNS);
    fuzz::run(1, &(page(), Damage::some(PIECES)), |(written, damages)| {
        let mut body = written.body.into_bytes();
        Damage::apply_all(&damages, &mut body);
        check_against_plain_reading(&layout, &body)
    });
}

#[test]
fn any_bytes_are_an_error_or_a_page() {
    let layout = layout(&COLUMNS);
    let token = select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"records\"",
        "\"Key\"",
        "\"Id\"",
        "\"Count\"",
        "\"Open\"",
        "\"Owner\"",
        "\"__meta\"",
        "\"\"",
        "null",
        "true",
        "1",
        "\"1\"",
        "-0.0",
        "1e400",
        "{\"records\":[",
        "{\"Key\":\"a\"}",
        "]}",
    ]);
    let soup = vec(token, 0..20).prop_map(|tokens| tokens.concat().into_bytes());
    fuzz::run(1, &prop_oneof![soup, vec(any::<u8>(), 0..200)], |body| {
        check_against_plain_reading(&layout, &body)
    });
}
