use std::time::{Duration, SystemTime};

use tokio_postgres::types::Type;

use crate::practice::{Practice, failure, texts};

#[tokio::test(flavor = "multi_thread")]
async fn values_have_postgresqls_text_forms() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    for (sql, expected) in [
        ("SELECT true, false, NULL", vec![Some("t"), Some("f"), None]),
        (
            "SELECT 1, -9223372036854775808",
            vec![Some("1"), Some("-9223372036854775808")],
        ),
        (
            "SELECT 1.5::float8, 1e20::float8, 'NaN'::float8",
            vec![Some("1.5"), Some("1e+20"), Some("NaN")],
        ),
        (
            "SELECT '-Infinity'::float8, 0.00001::float8",
            vec![Some("-Infinity"), Some("1e-05")],
        ),
        ("SELECT 12.340::numeric(10,3)", vec![Some("12.340")]),
        (
            "SELECT 'it''s', '', 'ą🚀'",
            vec![Some("it's"), Some(""), Some("ą🚀")],
        ),
        (
            "SELECT date '2024-02-29', time '23:59:59.5'",
            vec![Some("2024-02-29"), Some("23:59:59.5")],
        ),
        (
            "SELECT timestamp '2024-01-02 03:04:05'",
            vec![Some("2024-01-02 03:04:05")],
        ),
        (
            "SELECT timestamptz '2024-01-02 03:04:05.120+02'",
            vec![Some("2024-01-02 01:04:05.12+00")],
        ),
    ] {
        let expected: Vec<Option<String>> =
            expected.into_iter().map(|text| text.map(str::to_owned)).collect();
        assert_eq!(texts(&ana, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_have_postgresqls_types() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let statement = ana
        .prepare(
            "SELECT id, isclosed, amount, closedate, createddate, 1::bigint AS n FROM salesforce.opportunity",
        )
        .await
        .expect("prepared");
    let types: Vec<&Type> = statement.columns().iter().map(|column| column.type_()).collect();
    assert_eq!(
        types,
        [
            &Type::TEXT,
            &Type::BOOL,
            &Type::FLOAT8,
            &Type::DATE,
            &Type::TIMESTAMPTZ,
            &Type::INT8
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_parameters_come_back_as_they_were_sent() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(1_704_164_645_123_456);
    let types = [
        Type::BOOL,
        Type::INT2,
        Type::INT4,
        Type::INT8,
        Type::FLOAT4,
        Type::FLOAT8,
        Type::TEXT,
        Type::TIMESTAMPTZ,
        Type::TIMESTAMP,
    ];
    let statement = ana
        .prepare_typed("SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::timestamptz, $9::timestamp", &types)
        .await
        .expect("prepared");
    assert_eq!(statement.params(), types);
    let row = ana
        .query_one(
            &statement,
            &[
                &true,
                &-2_i16,
                &3_i32,
                &i64::MAX,
                &1.5_f32,
                &f64::NEG_INFINITY,
                &"ą'🚀",
                &moment,
                &moment,
            ],
        )
        .await
        .expect("a row");
    assert!(row.get::<_, bool>(0));
    assert_eq!(
        (row.get::<_, i16>(1), row.get::<_, i32>(2), row.get::<_, i64>(3)),
        (-2, 3, i64::MAX)
    );
    assert_eq!(
        (row.get::<_, f32>(4), row.get::<_, f64>(5)),
        (1.5, f64::NEG_INFINITY)
    );
    assert_eq!(row.get::<_, &str>(6), "ą'🚀");
    assert_eq!(
        (row.get::<_, SystemTime>(7), row.get::<_, SystemTime>(8)),
        (moment, moment)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nulls_travel_in_both_directions() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let statement = ana
        .prepare_typed("SELECT $1::text, $2::int8", &[Type::TEXT, Type::INT8])
        .await
        .expect("prepared");
    let row = ana
        .query_one(&statement, &[&None::<&str>, &None::<i64>])
        .await
        .expect("a row");
    assert_eq!(
        (row.get::<_, Option<&str>>(0), row.get::<_, Option<i64>>(1)),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parameter_types_are_inferred_from_columns() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let sql = "SELECT name FROM salesforce.opportunity WHERE amount > $1 AND isclosed = $2 AND name LIKE $3 \
               AND createddate > $4 LIMIT 2";
    let statement = ana.prepare(sql).await.expect("prepared");
    assert_eq!(
        statement.params(),
        [Type::FLOAT8, Type::BOOL, Type::TEXT, Type::TIMESTAMPTZ]
    );
    let epoch = SystemTime::UNIX_EPOCH;
    let rows = ana
        .query(&statement, &[&1.0_f64, &false, &"Boxeo%", &epoch])
        .await
        .expect("rows");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.get::<_, &str>(0).starts_with("Boxeo")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_does_not_parse_is_named() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    // The client sends what it believes is text; the server takes it for what the statement wants.
    let error = ana
        .query_typed(
            "SELECT count(*) FROM salesforce.opportunity WHERE closedate = $1::date",
            &[(&"soon", Type::TEXT)],
        )
        .await
        .expect_err("no date");
    let (sqlstate, _) = failure(&error);
    assert!(sqlstate.starts_with("22"), "{error:?}");
}
