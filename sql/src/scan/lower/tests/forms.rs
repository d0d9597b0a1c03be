//! Each form of SQL beside the predicate that it becomes. `~` marks what is wider than the SQL, `local` what stays here.

use causeway_core::{Comparison, Literal, Predicate, time};

use super::fixture::{context, context_in, optimised, table};
use crate::scan::lower::{is_leakproof, lower};

fn written(predicate: &Predicate) -> String {
    let joined = |parts: &[Predicate], word: &str| match parts {
        [] => "true".to_owned(),
        parts => format!("({})", parts.iter().map(written).collect::<Vec<_>>().join(word)),
    };
    match predicate {
        Predicate::All(parts) => joined(parts, " AND "),
        Predicate::Any(parts) => joined(parts, " OR "),
        Predicate::Is(Comparison { column, op, values }) => {
            let values: Vec<String> = values.iter().map(literal).collect();
            let name = &table().columns[*column].name;
            format!("{name} {} {}", op.sql(), values.join(","))
                .trim_end()
                .to_owned()
        }
        Predicate::Implies(inner) => format!("~{}", written(inner)),
        Predicate::Never => "never".to_owned(),
        Predicate::Opaque(_) => "local".to_owned(),
    }
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Boolean(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => format!("{value:?}"),
        Literal::Decimal(value) => value.to_string(),
        Literal::Text(value) => format!("'{value}'"),
        Literal::Date(days) => time::format_date(*days).expect("a date"),
        Literal::Timestamp(micros) => {
            time::format_timestamp(*micros, "%Y-%m-%dT%H:%M:%S%.f").expect("a moment")
        }
        Literal::Time(micros) => format!("{micros}µs"),
    }
}

async fn assert_forms(forms: &[(&str, &str)]) {
    assert_forms_in("UTC", forms).await;
}

async fn assert_forms_in(zone: &str, forms: &[(&str, &str)]) {
    let (table, context) = (table(), context_in(zone));
    let mut wrong = Vec::new();
    for (sql, wanted) in forms {
        let filters = match optimised(&context, sql).await {
            Ok(filters) => filters,
            Err(error) => {
                wrong.push(format!("{sql}\n  {error}"));
                continue;
            }
        };
        let found: Vec<String> = filters
            .iter()
            .map(|filter| written(&lower(&table, filter)))
            .collect();
        let found = found.join(" & ");
        if found != *wanted {
            wrong.push(format!("{sql}\n  found  {found}\n  wanted {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn numbers_are_rounded_to_values_that_the_column_holds() {
    assert_forms(&[
        ("i = 5", "i = 5"),
        ("i > 5.5", "i >= 6"),
        ("i < 5.5", "i < 6"),
        ("i <= 5.0", "i <= 5"),
        ("i = 5.5", "never"),
        ("i <> 5.5", "i IS NOT NULL"),
        ("i IS DISTINCT FROM 5.5", "(i IS NOT NULL OR i IS NULL)"),
        ("i IN (1, 2.5)", "i = 1"),
        ("i NOT IN (1, 2.5)", "i <> 1 & i IS NOT NULL"),
        ("i > 9223372036854775808", "never"),
        ("i < 9223372036854775808", "i IS NOT NULL"),
        ("i < 1e300", "i IS NOT NULL"),
        ("i <= -1e300", "never"),
        ("i > 1e-300", "i >= 1"),
        ("f < 1e300", "f < 1e300"),
        ("f IN (0.1, 1e300)", "f IN 0.1,1e300"),
        ("f BETWEEN -1e300 AND 1e-300", "f >= -1e300 & f <= 1e-300"),
        ("i > 'NaN'::double precision", "never"),
        ("i = 9007199254740993.0", "i = 9007199254740993"),
        (
            "i = 9007199254740992::double precision",
            "(i >= 9007199254740992 AND i < 9007199254740994)",
        ),
        ("i::text = '05'", "local"),
        ("i + 1 > 5", "local"),
        ("i IN (1, NULL)", "i = 1"),
        ("i = 1 OR i = 2 OR s = 'a'", "(i IN 1,2 OR s = 'a')"),
        ("i = ANY(ARRAY[1, 2, 3])", "i IN 1,2,3"),
        ("f = 5", "f = 5.0"),
        ("f = 'NaN'", "local"),
        ("f = -0.0", "f = 0.0"),
        ("f = 0.1", "f = 0.1"),
        ("f <> 0.1::numeric", "f <> 0.1"),
        ("i > 5.5::real", "i >= 6"),
        ("f::bigint > 5", "local"),
        ("floor(f) = 3", "f >= 3.0 & f < 4.0"),
        ("floor(f) > 3.5", "local"),
        ("coalesce(i, 0) = 0", "(i = 0 OR i IS NULL)"),
        ("coalesce(i, 0) > 5", "i > 5"),
        ("nullif(i, 0) > 5", "((i <> 0 OR i IS NULL) AND i > 5)"),
    ])
    .await;
}

#[tokio::test]
async fn text_functions_become_patterns() {
    assert_forms(&[
        ("lower(s) = 'boxeo'", "~s ILIKE 'boxeo'"),
        ("lower(s) = 'Boxeo'", "never"),
        ("lower(s) <> 'boxeo'", "local"),
        ("lower(s) IN ('a', 'b')", "(~s ILIKE 'a' OR ~s ILIKE 'b')"),
        ("lower(s) LIKE 'b%'", "~s ILIKE 'b%'"),
        ("lower(s) NOT LIKE 'b%'", "local"),
        ("upper(s) = 'BOXEO'", "~s ILIKE 'BOXEO'"),
        ("upper(s) = 'ASSET'", "~s ILIKE 'A%ET'"),
        ("lower(s) = '50%'", "~s ILIKE '50\\%'"),
        ("s LIKE 'a!%%' ESCAPE '!'", "s LIKE 'a\\%%'"),
        ("s NOT LIKE 'a\\b!!' ESCAPE '!'", "s NOT LIKE 'a\\\\b!'"),
        ("s LIKE '%'", "s IS NOT NULL"),
        ("s ~~* 'a%'", "s ILIKE 'a%'"),
        ("s ~ '^ab'", "s LIKE 'ab%'"),
        ("s ~ '^(a|b)$'", "local"),
        ("starts_with(s, 'a%b')", "s LIKE 'a\\%b%'"),
        ("NOT starts_with(s, 'ab')", "s NOT LIKE 'ab%'"),
        ("left(s, 2) = 'ab'", "s LIKE 'ab%'"),
        ("left(s, 2) <> 'ab'", "s NOT LIKE 'ab%'"),
        ("left(s, 3) = 'ab'", "s = 'ab'"),
        ("left(s, 1) = 'ab'", "never"),
        ("left(s, -1) = 'ab'", "local"),
        ("right(s, 2) = 'ab'", "s LIKE '%ab'"),
        ("substr(s, 1, 2) = 'ab'", "s LIKE 'ab%'"),
        ("substring(s from 2 for 2) = 'ab'", "local"),
        ("position('ab' in s) > 0", "s LIKE '%ab%'"),
        ("strpos(s, 'ab') <> 0", "s LIKE '%ab%'"),
        ("strpos(s, 'ab') = 0", "s NOT LIKE '%ab%'"),
        ("strpos(s, 'ab') = 1", "s LIKE 'ab%'"),
        ("strpos(s, 'ab') > 3", "~s LIKE '%ab%'"),
        ("length(s) > 0", "s <> ''"),
        ("length(s) = 0", "s = ''"),
        ("length(s) >= 3", "~s <> ''"),
        ("length(s) < 3", "local"),
        ("coalesce(s, 'c') = 'v'", "s = 'v'"),
        ("coalesce(s, 'v') = 'v'", "(s = 'v' OR s IS NULL)"),
        ("coalesce(s, '') <> ''", "s <> ''"),
        ("nullif(s, '') IS NULL", "(s IS NULL OR s = '')"),
        ("nullif(s, '') IS NOT NULL", "s <> ''"),
        ("nullif(s, 'x') = 'v'", "(s = 'v' AND s <> 'x')"),
        ("record_url = 'https://org.example/r/17/view'", "~id = '17'"),
        ("record_url = 'https://org.example/17'", "never"),
        ("record_url LIKE 'https%'", "record_url LIKE 'https%'"),
    ])
    .await;
}

#[tokio::test]
async fn dates_become_half_open_ranges() {
    assert_forms(&[
        ("d >= TIMESTAMP '2024-01-01 12:00:00'", "d >= 2024-01-02"),
        ("d = TIMESTAMP '2024-01-01 12:00:00'", "never"),
        ("d = TIMESTAMP '2024-01-01 00:00:00'", "d = 2024-01-01"),
        ("d + interval '1 day' > DATE '2024-01-01'", "d > 2023-12-31"),
        ("d + 1 > DATE '2024-01-01'", "d > 2023-12-31"),
        ("d > DATE '2024-01-31' + interval '1 month'", "d > 2024-02-29"),
        ("d + interval '1 month' > DATE '2024-01-01'", "local"),
        ("d::text = '2024-01-01'", "local"),
        ("ts = '2024-01-01'", "ts = 2024-01-01T00:00:00"),
        ("ts::date = '2024-01-01'", "(ts >= 2024-01-01T00:00:00 AND ts < 2024-01-02T00:00:00)"),
        ("ts::date <> '2024-01-01'", "(ts < 2024-01-01T00:00:00 OR ts >= 2024-01-02T00:00:00)"),
        ("ts::date <= '2024-01-01'", "ts < 2024-01-02T00:00:00"),
        ("ts::date IS NULL", "ts IS NULL"),
        (
            "ts::date IN ('2024-01-01', '2024-03-01')",
            "((ts >= 2024-01-01T00:00:00 AND ts < 2024-01-02T00:00:00) OR (ts >= 2024-03-01T00:00:00 AND ts < 2024-03-02T00:00:00))",
        ),
        ("ts::date = TIMESTAMP '2024-01-01 00:00:01'", "never"),
        ("date_trunc('month', ts) = '2024-02-01'", "(ts >= 2024-02-01T00:00:00 AND ts < 2024-03-01T00:00:00)"),
        ("date_trunc('month', ts) = '2024-02-02'", "never"),
        ("date_trunc('month', ts) > '2024-02-02'", "ts >= 2024-03-01T00:00:00"),
        ("date_trunc('week', ts) = '2024-01-01'", "(ts >= 2024-01-01T00:00:00 AND ts < 2024-01-08T00:00:00)"),
        ("date_trunc('quarter', ts) < '2024-04-01'", "ts < 2024-04-01T00:00:00"),
        ("date_trunc('month', d) = DATE '2024-02-01'", "(d >= 2024-02-01 AND d < 2024-03-01)"),
        ("date_trunc('year', ts::date) = DATE '2024-01-01'", "(ts >= 2024-01-01T00:00:00 AND ts < 2025-01-01T00:00:00)"),
        ("extract(year from d) = 2024", "d >= 2024-01-01 & d < 2025-01-01"),
        ("date_part('year', d) = 2024", "d >= 2024-01-01 & d < 2025-01-01"),
        ("extract(year from d) <> 2023.9999999999999", "d IS NOT NULL"),
        ("date_part('year', d) > 2023.999999999999", "d >= 2024-01-01"),
        ("extract(year from ts) IN (2023, 2024)", "((ts >= 2023-01-01T00:00:00 AND ts < 2024-01-01T00:00:00) OR (ts >= 2024-01-01T00:00:00 AND ts < 2025-01-01T00:00:00))"),
        ("extract(year from d) = 2024 AND i = 1 AND ts - interval '1 day' < '2024-01-01'", "d >= 2024-01-01 & d < 2025-01-01 & i = 1 & ts < 2024-01-02T00:00:00"),
        ("extract(year from ts) > 2023.5", "ts >= 2024-01-01T00:00:00"),
        ("extract(month from ts) = 3", "local"),
        ("ts + interval '1 day' > '2024-01-02'", "ts > 2024-01-01T00:00:00"),
        ("ts - interval '1 month' > '2024-01-02'", "local"),
        ("ts::time = '10:00'", "local"),
        ("tm = '10:00:00'", "tm = 36000000000µs"),
        ("tm IN ('10:00', '11:00')", "tm IN 36000000000µs,39600000000µs"),
    ])
    .await;
}

#[tokio::test]
async fn local_days_are_ranges_of_utc() {
    assert_forms_in("America/New_York", &[
        ("ts >= '2024-07-01'", "ts >= 2024-07-01T04:00:00"),
        ("ts >= '2024-07-01 12:00+00'", "ts >= 2024-07-01T12:00:00"),
        ("ts::date = '2024-01-01'", "(ts >= 2024-01-01T05:00:00 AND ts < 2024-01-02T05:00:00)"),
        // Days of 23 and of 25 hours.
        ("ts::date = '2024-03-10'", "(ts >= 2024-03-10T05:00:00 AND ts < 2024-03-11T04:00:00)"),
        ("ts::date = '2024-11-03'", "(ts >= 2024-11-03T04:00:00 AND ts < 2024-11-04T05:00:00)"),
        ("ts::date <> '2024-01-01'", "(ts < 2024-01-01T05:00:00 OR ts >= 2024-01-02T05:00:00)"),
        ("ts::date > '2024-01-01'", "ts >= 2024-01-02T05:00:00"),
        ("ts::date IN ('2024-01-01', '2024-07-01')", "((ts >= 2024-01-01T05:00:00 AND ts < 2024-01-02T05:00:00) OR (ts >= 2024-07-01T04:00:00 AND ts < 2024-07-02T04:00:00))"),
        ("date_trunc('month', ts) = '2024-11-01'", "(ts >= 2024-11-01T04:00:00 AND ts < 2024-12-01T05:00:00)"),
        ("date_trunc('day', ts) = '2024-11-03'", "(ts >= 2024-11-03T04:00:00 AND ts < 2024-11-04T05:00:00)"),
        ("date_trunc('day', ts) = '2024-11-03 00:00+00'", "never"),
        ("date_trunc('week', ts) >= '2024-11-04'", "ts >= 2024-11-04T05:00:00"),
        ("date_trunc('day', ts, 'UTC') = '2024-11-03 00:00+00'", "(ts >= 2024-11-03T00:00:00 AND ts < 2024-11-04T00:00:00)"),
        ("date_trunc('hour', ts) = '2024-11-03 00:00'", "local"),
        ("extract(year from ts) = 2024", "ts >= 2024-01-01T05:00:00 & ts < 2025-01-01T05:00:00"),
        ("date_part('year', ts) >= 2024", "ts >= 2024-01-01T05:00:00"),
        ("ts AT TIME ZONE 'Europe/Madrid' >= '2024-07-01'", "ts >= 2024-06-30T22:00:00"),
        ("(ts AT TIME ZONE 'Europe/Madrid')::date = '2024-07-01'", "(ts >= 2024-06-30T22:00:00 AND ts < 2024-07-01T22:00:00)"),
        // That local time is in a gap, and that one comes twice.
        ("ts::timestamp >= '2024-03-10 02:30'", "ts >= 2024-03-10T07:00:00"),
        ("ts::timestamp >= '2024-11-03 01:30'", "local"),
        ("ts::timestamp >= '2024-11-03 01:00'", "ts >= 2024-11-03T05:00:00"),
        ("ts::timestamp >= '2024-11-03 02:00'", "ts >= 2024-11-03T07:00:00"),
        ("d >= timestamptz '2024-07-01 04:00+00'", "d >= 2024-07-01"),
        ("d >= timestamptz '2024-07-01 04:00:01+00'", "d >= 2024-07-02"),
        ("d < timestamp '2024-07-01 10:00'", "d < 2024-07-02"),
        ("ts + interval '1 hour' > '2024-07-01'", "ts > 2024-07-01T03:00:00"),
        ("ts + interval '1 day' > '2024-07-01'", "local"),
        ("ts::time = '10:00'", "local"),
        ("ts >= date '2024-07-01'", "ts >= 2024-07-01T04:00:00"),
        ("ts >= to_timestamp('2024-07-01', 'YYYY-MM-DD')", "ts >= 2024-07-01T04:00:00"),
    ])
    .await;
    // A day of 25 hours that ends with the hour that comes twice.
    assert_forms_in(
        "America/Sao_Paulo",
        &[
            (
                "ts::date = '2018-02-17'",
                "(ts >= 2018-02-17T02:00:00 AND ts < 2018-02-18T03:00:00)",
            ),
            (
                "ts::date = '2018-11-04'",
                "(ts >= 2018-11-04T03:00:00 AND ts < 2018-11-05T02:00:00)",
            ),
        ],
    )
    .await;
    // One minute after midnight clocks were set back there, into the day before.
    assert_forms_in(
        "America/St_Johns",
        &[
            ("ts::date = '2010-11-06'", "local"),
            ("ts::date = '2010-11-07'", "local"),
            ("date_trunc('day', ts) >= '2010-11-07'", "local"),
            (
                "ts::date = '2010-11-08'",
                "(ts >= 2010-11-08T03:30:00 AND ts < 2010-11-09T03:30:00)",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn truth_tests_reach_the_columns() {
    assert_forms(&[
        ("b IS NOT TRUE", "(b = false OR b IS NULL)"),
        ("b IS UNKNOWN", "b IS NULL"),
        ("(i > 1) IS TRUE", "i > 1"),
        ("(i > 1) IS NOT TRUE", "(i <= 1 OR i IS NULL)"),
        ("(i > 1) IS UNKNOWN", "i IS NULL"),
        ("NOT (i > 1 AND s = 'a')", "(i <= 1 OR s <> 'a')"),
        ("(i > 1 OR s = 'a') IS NOT TRUE", "((i <= 1 AND s <> 'a') OR (i IS NULL AND (s IS NULL OR s <> 'a')) OR (s IS NULL AND (i IS NULL OR i <= 1)))"),
        ("b = (i > 1)", "local"),
        ("i = i", "i IS NOT NULL"),
        ("CASE WHEN i > 1 THEN true ELSE false END", "i > 1"),
        ("CASE WHEN i > 1 THEN s = 'a' END", "(i > 1 AND s = 'a')"),
        ("lower(s) IS NULL", "s IS NULL"),
        ("(lower(s) = 'a') IS NOT TRUE", "(local OR s IS NULL)"),
    ])
    .await;
}

#[tokio::test]
async fn the_start_of_the_statement_is_a_constant() {
    let (table, context) = (table(), context());
    for sql in [
        "ts > now() - interval '30 days'",
        "d >= current_date - 7",
        "d < now() - interval '30 days'",
        "ts::date = current_date",
        "date_trunc('month', ts) = date_trunc('month', now())",
        "coalesce(ts, now()) >= now()",
    ] {
        for filter in optimised(&context, sql).await.expect(sql) {
            let predicate = lower(&table, &filter);
            assert!(super::model::is_exact(&predicate), "{sql}: {predicate:?}");
        }
    }
}

#[tokio::test]
async fn below_a_policy_go_comparisons_that_cannot_fail() {
    let (table, context) = (table(), context());
    for (sql, wanted) in [
        ("i > 5.5", true),
        ("i > 9223372036854775808", true),
        ("i IN (1, 2.5)", true),
        ("s LIKE 'a%' AND i = 5", true),
        // The last dates are beyond the last timestamp.
        ("d > TIMESTAMP '2024-01-01 12:00:00'", false),
        ("f = 0.1::numeric", true),
        ("i::smallint = 5::smallint OR i::int / 0 = 1", false),
        ("extract(year from ts) = 2024", true),
        ("floor(f) = 3", true),
        ("lower(s) = 'a'", false),
        ("i + 1 > 5", false),
        ("1 / i > 5", false),
    ] {
        let filters = optimised(&context, sql).await.expect(sql);
        let found = filters.iter().all(|filter| is_leakproof(&table, filter));
        assert_eq!(found, wanted, "{sql}: {filters:?}");
    }
}

#[test]
fn a_deep_nest_of_truth_tests_is_left_alone() {
    use datafusion::prelude::{col, lit};
    let mut nest = col("b");
    for depth in 0..60_i64 {
        nest = nest.or(col("i").gt(lit(depth))).is_not_true();
    }
    let predicate = format!("{:?}", lower(&table(), &nest));
    assert!(predicate.contains("nested too deeply"), "{predicate}");
}
