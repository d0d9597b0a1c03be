//! What PostgreSQL answers, asked of the engine.
//!
//! The files beside this one hold the answers of PostgreSQL 15.18 (UTC, collation C), one query a line:
//! `query => type,type | value,value | value,value`, `query => !SQLSTATE`, or `statement => #command tag`.

use causeway_sql::{Session, Zone, text_form};
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{self as ty, DataType, IntervalUnit, TimeUnit};

use crate::fixture::{batches, world};

#[tokio::test]
async fn arithmetic_is_postgresqls() {
    check(include_str!("postgres/arithmetic.txt")).await;
}

#[tokio::test]
async fn casts_are_postgresqls() {
    check(include_str!("postgres/casts.txt")).await;
}

#[tokio::test]
async fn text_functions_are_postgresqls() {
    check(include_str!("postgres/text.txt")).await;
}

#[tokio::test]
async fn moments_are_postgresqls() {
    check(include_str!("postgres/moments.txt")).await;
}

#[tokio::test]
async fn aggregates_and_orders_are_postgresqls() {
    check(include_str!("postgres/aggregates.txt")).await;
}

#[tokio::test]
async fn whole_queries_are_postgresqls() {
    check(include_str!("postgres/queries.txt")).await;
}

#[tokio::test]
async fn everyday_queries_are_postgresqls() {
    check(include_str!("postgres/everyday.txt")).await;
}

#[tokio::test]
async fn names_orders_and_windows_are_postgresqls() {
    check(include_str!("postgres/structure.txt")).await;
}

#[tokio::test]
async fn cursors_prepared_statements_and_savepoints_are_postgresqls() {
    check(include_str!("postgres/sessions.txt")).await;
}

#[tokio::test]
async fn aggregate_functions_are_postgresqls() {
    check(include_str!("postgres/aggregate_functions.txt")).await;
}

#[tokio::test]
async fn window_functions_are_postgresqls() {
    check(include_str!("postgres/windows.txt")).await;
}

#[tokio::test]
async fn records_and_arguments_are_postgresqls() {
    check(include_str!("postgres/records.txt")).await;
}

#[tokio::test]
async fn mathematics_is_postgresqls() {
    check(include_str!("postgres/mathematics.txt")).await;
}

#[tokio::test]
async fn system_functions_and_forms_of_queries_are_postgresqls() {
    check(include_str!("postgres/system.txt")).await;
}

#[tokio::test]
async fn groups_of_equal_values_are_postgresqls() {
    check(include_str!("postgres/groups.txt")).await;
}

#[tokio::test]
async fn recursive_queries_are_postgresqls() {
    check(include_str!("postgres/recursion.txt")).await;
}

#[tokio::test]
async fn regular_expressions_and_quoting_are_postgresqls() {
    check(include_str!("postgres/expressions.txt")).await;
}

#[tokio::test]
async fn arrays_are_postgresqls() {
    check(include_str!("postgres/arrays.txt")).await;
}

#[tokio::test]
async fn json_is_postgresqls() {
    check(include_str!("postgres/json.txt")).await;
}

#[tokio::test]
async fn series_are_postgresqls() {
    check(include_str!("postgres/series.txt")).await;
}

/// The rows that the subqueries are asked over: keys without a match, keys that are NULL, values that are NULL.
const SUBQUERY_TABLES: &str = "WITH a(id,k,x) AS (VALUES (1,1,10),(2,1,NULL),(3,2,20),(4,NULL,30),(5,3,NULL)), \
    b(id,k,y,s) AS (VALUES (1,1,5,'p'),(2,1,15,'q'),(3,2,NULL,'r'),(4,2,20,'s'),(5,NULL,30,'t'),(6,4,40,NULL)), \
    c(k,z) AS (VALUES (1,100),(2,200),(2,201),(NULL,300)) ";

#[tokio::test]
async fn subqueries_are_postgresqls() {
    let cases = include_str!("postgres/subqueries.txt").lines();
    let cases: String = cases.map(|case| format!("{SUBQUERY_TABLES}{case}\n")).collect();
    check(&cases).await;
}

#[tokio::test]
async fn dates_and_times_are_postgresqls() {
    check(include_str!("postgres/datetime.txt")).await;
}

#[tokio::test]
async fn formats_are_postgresqls() {
    check(include_str!("postgres/formatting.txt")).await;
}

#[tokio::test]
async fn every_spelling_of_a_moment_is_read_as_postgresql_reads_it() {
    check(include_str!("postgres/input.txt")).await;
}

/// The answers of a session after `SET TIME ZONE 'America/New_York'`.
#[tokio::test]
async fn local_times_are_postgresqls() {
    check_in("America/New_York", include_str!("postgres/zones.txt")).await;
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused() {
    let world = world().await;
    let session = world.session("admin").await;
    let mut wrong = Vec::new();
    for query in include_str!("postgres/refused.txt").lines() {
        let answer = answer(&session, query).await;
        if answer != "!0A000" {
            wrong.push(format!("{query}\n  {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn check(cases: &str) {
    check_in("UTC", cases).await;
}

/// Each case in a session of that zone.
async fn check_in(zone: &str, cases: &str) {
    let world = world().await;
    let session = world.session("admin").await;
    session.set("timezone", zone).expect("a zone");
    let mut wrong = Vec::new();
    for case in cases.lines().filter(|line| !line.is_empty()) {
        let (query, expected) = case.rsplit_once(" => ").expect("a query and its answer");
        let answer = answer(&session, query).await;
        if answer != expected {
            wrong.push(format!(
                "{query}\n  PostgreSQL: {expected}\n  here:       {answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

/// Types and rows on one line, the SQLSTATE, or the command tag of what has no rows.
async fn answer(session: &Session, query: &str) -> String {
    match tag(session, query).await {
        Ok(Some(tag)) => return format!("#{tag}"),
        Ok(None) => {}
        Err(error) => return format!("!{}", error.sqlstate),
    }
    let (described, rows) = match (described(session, query).await, batches(session, query).await) {
        (Ok(described), Ok(rows)) => (described, rows),
        (_, Err(error)) | (Err(error), _) => return format!("!{}", error.sqlstate),
    };
    let mut lines = vec![described.join(",")];
    let zone = session.time_zone();
    for batch in rows {
        let types: Vec<String> = batch
            .columns()
            .iter()
            .map(|column| type_name(column.data_type()))
            .collect();
        assert_eq!(
            types, described,
            "{query} was described otherwise than it was answered"
        );
        for row in 0..batch.num_rows() {
            let values: Vec<String> = batch
                .columns()
                .iter()
                .map(|column| shown(column, row, &zone))
                .collect();
            lines.push(values.join(","));
        }
    }
    lines.join(" | ")
}

/// The tag of a command that describes no rows, once it has run.
async fn tag(session: &Session, query: &str) -> Result<Option<String>, causeway_sql::Error> {
    let statements = session.parse(query)?;
    if session.describe(&statements[0], &[]).await?.schema.is_some() {
        return Ok(None);
    }
    let answer = session.run(&statements[0], Vec::new()).await?;
    Ok(Some(answer.tag().to_owned()))
}

async fn described(session: &Session, query: &str) -> Result<Vec<String>, causeway_sql::Error> {
    let statements = session.parse(query)?;
    let description = session.describe(&statements[0], &[]).await?;
    let schema = description.schema.expect("a query");
    Ok(schema
        .fields()
        .iter()
        .map(|field| type_name(field.data_type()))
        .collect())
}

fn type_name(ty: &DataType) -> String {
    if let Some(carried) = causeway_sql::carried_type(ty) {
        return format!("{carried:?}").to_lowercase();
    }
    match ty {
        DataType::Boolean => "bool",
        DataType::Int16 => "int2",
        DataType::Int32 => "int4",
        DataType::Int64 | DataType::UInt64 => "int8",
        DataType::Float32 => "float4",
        DataType::Float64 => "float8",
        DataType::Decimal128(..) => "numeric",
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => "text",
        DataType::Date32 => "date",
        DataType::Time64(TimeUnit::Microsecond) => "time",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamptz",
        DataType::Interval(IntervalUnit::MonthDayNano) => "interval",
        DataType::Struct(_) => "record",
        DataType::List(item) => return format!("{}[]", type_name(item.data_type())),
        other => return other.to_string(),
    }
    .to_owned()
}

/// As psql shows it; numerics without trailing zeros.
fn shown(array: &ArrayRef, row: usize, zone: &Zone) -> String {
    if array.is_null(row) || array.data_type().is_null() {
        return "NULL".to_owned();
    }
    if let Some(texts) = causeway_sql::carrying(array) {
        return texts.as_string::<i32>().value(row).to_owned();
    }
    if let DataType::Struct(_) = array.data_type() {
        let texts = causeway_sql::text_of(array, zone).expect("text");
        return texts.as_string::<i32>().value(row).to_owned();
    }
    let mut text = String::new();
    match array.data_type() {
        DataType::FixedSizeBinary(16) => text_form::uuid(&mut text, array.as_fixed_size_binary().value(row)),
        DataType::Boolean => return if array.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Int16 => return array.as_primitive::<ty::Int16Type>().value(row).to_string(),
        DataType::Int32 => return array.as_primitive::<ty::Int32Type>().value(row).to_string(),
        DataType::Int64 => return array.as_primitive::<ty::Int64Type>().value(row).to_string(),
        DataType::UInt64 => return array.as_primitive::<ty::UInt64Type>().value(row).to_string(),
        DataType::Utf8 => return array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => return array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => return array.as_string_view().value(row).to_owned(),
        // The elements of the cases need no quotes.
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let items: Vec<String> = (0..items.len()).map(|item| shown(&items, item, zone)).collect();
            return format!("{{{}}}", items.join(","));
        }
        DataType::Float32 => text_form::float4(&mut text, array.as_primitive::<ty::Float32Type>().value(row)),
        DataType::Float64 => text_form::float8(&mut text, array.as_primitive::<ty::Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let value = array.as_primitive::<ty::Decimal128Type>().value(row);
            text_form::numeric(&mut text, value, *scale).expect("text");
            if text.contains('.') {
                text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
            }
            Ok(())
        }
        DataType::Date32 => {
            text_form::date(&mut text, array.as_primitive::<ty::Date32Type>().value(row)).map(|_| ())
        }
        DataType::Time64(_) => text_form::time(
            &mut text,
            array.as_primitive::<ty::Time64MicrosecondType>().value(row),
        ),
        DataType::Timestamp(_, has_zone) => {
            let value = array.as_primitive::<ty::TimestampMicrosecondType>().value(row);
            text_form::timestamp(&mut text, value, has_zone.as_ref().map(|_| zone)).map(|_| ())
        }
        DataType::Interval(_) => text_form::interval(
            &mut text,
            array.as_primitive::<ty::IntervalMonthDayNanoType>().value(row),
        ),
        other => return format!("a value of {other}"),
    }
    .expect("text");
    text
}
