//! COPY … TO STDOUT. The lines are those of PostgreSQL 15.18.

use futures::StreamExt as _;

use crate::practice::{Practice, failure};

async fn copied(client: &tokio_postgres::Client, statement: &str) -> Result<String, String> {
    let code = |error: tokio_postgres::Error| failure(&error).0;
    let mut stream = Box::pin(client.copy_out(statement).await.map_err(code)?);
    let mut text = String::new();
    while let Some(data) = stream.next().await {
        text.push_str(std::str::from_utf8(&data.map_err(code)?).expect("UTF-8"));
    }
    Ok(text)
}

/// Statements with what they copy, or the SQLSTATE.
const CASES: &[(&str, Result<&str, &str>)] = &[
    (
        r#"COPY (SELECT * FROM (VALUES (1,'a'),(2,E'b\tc\\d\n"e",'),(NULL,''),(4,NULL)) t(x,y)) TO STDOUT"#,
        Ok(r#"1	a
2	b\tc\\d\n"e",
\N	
4	\N
"#),
    ),
    (
        r#"COPY (SELECT * FROM (VALUES (1,'a'),(2,E'b\tc\\d\n"e",'),(NULL,''),(4,NULL)) t(x,y)) TO STDOUT WITH (FORMAT csv, HEADER)"#,
        Ok(r#"x,y
1,a
2,"b	c\d
""e"","
,""
4,
"#),
    ),
    (
        r#"COPY (SELECT * FROM (VALUES (1,'a'),(2,E'b\tc\\d\n"e",'),(NULL,''),(4,NULL)) t(x,"Y z")) TO STDOUT WITH (HEADER, NULL 'nil', DELIMITER '|')"#,
        Ok(r#"x|Y z
1|a
2|b\tc\\d\n"e",
nil|
4|nil
"#),
    ),
    (
        r#"COPY (SELECT * FROM (VALUES (1,'a"b'),(2,'c;d')) t(x,y)) TO STDOUT CSV HEADER QUOTE '''' DELIMITER ';'"#,
        Ok(r#"x;y
1;a"b
2;'c;d'
"#),
    ),
    (
        r#"COPY (SELECT '\.', 1) TO STDOUT CSV"#,
        Ok(r#"\.,1
"#),
    ),
    (
        r#"COPY (SELECT '\.') TO STDOUT CSV"#,
        Ok(r#""\."
"#),
    ),
    (
        r#"COPY (SELECT x, y FROM (VALUES (1,'a"b'),(2,NULL)) t(x,y)) TO STDOUT (FORMAT csv, FORCE_QUOTE (x,y), ESCAPE '\')"#,
        Ok(r#""1","a\"b"
"2",
"#),
    ),
    (
        r#"COPY (SELECT true, 1.5::float8, 1.50::numeric, date '2024-01-02', timestamp '2024-01-02 03:04:05.6', ARRAY[1,2]) TO STDOUT"#,
        Ok(r#"t	1.5	1.50	2024-01-02	2024-01-02 03:04:05.6	{1,2}
"#),
    ),
    (r#"COPY (SELECT 1) TO STDOUT (FORMAT xml)"#, Err("22023")),
    (r#"COPY (SELECT 1) TO STDOUT (DELIMITER 'a')"#, Err("22023")),
    (r#"COPY (SELECT 1) TO STDOUT (DELIMITER E'\n')"#, Err("22023")),
    (r#"COPY (SELECT 1) TO STDOUT (QUOTE '"')"#, Err("0A000")),
    (
        r#"COPY (SELECT 1) TO STDOUT (FORMAT csv, FORMAT text)"#,
        Err("42601"),
    ),
    (
        r#"COPY (SELECT 1) TO STDOUT (FORMAT binary, HEADER)"#,
        Err("0A000"),
    ),
    (r#"COPY (SELECT nosuch) TO STDOUT"#, Err("42703")),
    (
        r#"COPY (SELECT 1/x FROM (VALUES (1),(0)) t(x)) TO STDOUT"#,
        Err("22012"),
    ),
    (
        r#"COPY (SELECT 1 WHERE false) TO STDOUT CSV HEADER"#,
        Ok(r#"?column?
"#),
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_copied_as_postgresql_copies_them() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    for (statement, expected) in CASES {
        let found = copied(&ana, statement).await;
        let found = found.as_deref().map_err(String::as_str);
        assert_eq!(found, *expected, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_table_has_the_rows_that_its_person_sees() {
    let practice = Practice::start().await;
    for (user, other) in [("ana", "ben"), ("ben", "ana")] {
        let client = practice.connect(user).await;
        let lines = copied(&client, "COPY salesforce.account (id) TO STDOUT")
            .await
            .expect("lines");
        let rows = client
            .query("SELECT id FROM salesforce.account", &[])
            .await
            .expect("rows");
        assert_eq!(lines.lines().count(), rows.len(), "{user}, not {other}");
        assert!(!rows.is_empty());
    }
    let ana = practice.connect("ana").await;
    for refused in [
        "COPY salesforce.account FROM STDIN",
        "COPY salesforce.account TO '/tmp/x'",
    ] {
        let error = ana.simple_query(refused).await.expect_err(refused);
        assert_eq!(failure(&error).0, "0A000", "{refused}");
    }
}
