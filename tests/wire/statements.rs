use futures::StreamExt as _;
use tokio_postgres::{AsyncMessage, NoTls, SimpleQueryMessage};

use crate::practice::{Practice, failure, texts};

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_answer_in_order_up_to_the_first_failure() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let messages = ana
        .simple_query("SELECT 1; SET causeway.strict = off; SELECT 2, 3")
        .await
        .expect("answers");
    let values: Vec<_> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(format!("row {}", row.get(0).unwrap_or_default())),
            SimpleQueryMessage::CommandComplete(rows) => Some(format!("done {rows}")),
            _ => None,
        })
        .collect();
    assert_eq!(values, ["row 1", "done 1", "done 0", "row 2", "done 1"]);
    let error = ana
        .simple_query("SELECT 1; SELECT nope; SELECT 2")
        .await
        .expect_err("no such column");
    assert_eq!(failure(&error).0, "42703");
    assert_eq!(texts(&ana, "SELECT 4").await, [Some("4".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_statement_is_no_error() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    assert!(ana.simple_query(" ; ").await.is_ok());
    assert!(ana.query("", &[]).await.expect("nothing").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_takes_only_its_end() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    ana.simple_query("BEGIN").await.expect("begun");
    ana.simple_query("SELECT nope").await.expect_err("no such column");
    for refused in ["SELECT 1", "SHOW causeway.strict"] {
        let error = ana.simple_query(refused).await.expect_err(refused);
        assert_eq!(failure(&error).0, "25P02");
    }
    let error = ana
        .prepare("SELECT 1")
        .await
        .expect_err("prepared in a failed transaction");
    assert_eq!(failure(&error).0, "25P02");
    ana.simple_query("COMMIT").await.expect("ended");
    assert_eq!(texts(&ana, "SELECT 1").await, [Some("1".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_syntax_error_points_at_its_place() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let error = ana
        .simple_query("SELECT * FORM salesforce.account")
        .await
        .expect_err("a misspelled word");
    let error = error.as_db_error().expect("from the server");
    assert_eq!(error.code().code(), "42601");
    assert!(
        matches!(
            error.position(),
            Some(tokio_postgres::error::ErrorPosition::Original(15))
        ),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelled_table_gets_a_suggestion() {
    let practice = Practice::start().await;
    // Suggestions cost no call: they come from the names that are known already.
    let context = practice.engine.query_context("ana").expect("a user");
    for source in practice.engine.sources() {
        source.tables(&context).await.expect("tables");
    }
    let ana = practice.connect("ana").await;
    let error = ana
        .simple_query("SELECT * FROM servicenow.incidnet")
        .await
        .expect_err("no such table");
    let error = error.as_db_error().expect("from the server");
    assert_eq!(error.code().code(), "42P01");
    let text = format!("{} {}", error.message(), error.hint().unwrap_or_default());
    assert!(text.contains("did you mean 'incident'"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_hands_out_its_rows_in_portions() {
    let practice = Practice::start().await;
    let mut admin = practice.connect("admin").await;
    let transaction = admin.client.transaction().await.expect("begun");
    let sql = "SELECT number FROM servicenow.incident ORDER BY number LIMIT 2500";
    let portal = transaction.bind(sql, &[]).await.expect("bound");
    let mut numbers: Vec<String> = Vec::new();
    for expected in [1000, 1000, 500, 0] {
        let rows = transaction.query_portal(&portal, 1000).await.expect("a portion");
        assert_eq!(rows.len(), expected);
        numbers.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    assert!(numbers.is_sorted(), "each row once, in order");
    assert_eq!(numbers.len(), 2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_runs_again_and_again() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let statement = ana
        .prepare("SELECT count(*) FROM servicenow.customer_account WHERE name = $1")
        .await
        .expect("prepared");
    for (name, expected) in [("Boxeo", 1_i64), ("nobody", 0), ("Boxeo", 1)] {
        let row = ana.query_one(&statement, &[&name]).await.expect("a row");
        assert_eq!(row.get::<_, i64>(0), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_arrive_before_the_scan_has_ended() {
    let practice = Practice::start_slow(150).await;
    let admin = practice.connect("admin").await;
    let rows = admin
        .query_raw("SELECT sys_id FROM servicenow.incident", [0_i32; 0])
        .await
        .expect("started");
    tokio::pin!(rows);
    rows.next().await.expect("a row").expect("a row");
    let calls_at_first_row = practice.servicenow_calls();
    let mut count = 1;
    while let Some(row) = rows.next().await {
        row.expect("a row");
        count += 1;
    }
    assert!(count > 3000, "{count} rows");
    assert!(
        practice.servicenow_calls() > calls_at_first_row,
        "the first row came after the last of {calls_at_first_row} calls"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_refused() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    for sql in [
        "DELETE FROM salesforce.account",
        "CREATE TABLE t (n int)",
        "COPY (SELECT 1) TO '/tmp/x'",
    ] {
        let error = ana.simple_query(sql).await.expect_err(sql);
        assert_eq!(failure(&error).0, "0A000", "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proven_whole_is_an_error_or_a_warning() {
    let practice = Practice::start().await;
    practice.orgs.servicenow.semantics().change(|semantics| {
        // A field ACL: the key is missing from every record, and a NULL would be a lie.
        let hidden = ("customer_account".to_owned(), "phone".to_owned());
        semantics.hidden_fields.insert(hidden);
    });
    let (client, mut connection) = practice
        .config("admin")
        .connect(NoTls)
        .await
        .expect("a connection");
    let mut warnings = Vec::new();
    let sql = "SELECT phone FROM servicenow.customer_account LIMIT 1";
    let asking = async {
        let error = client.simple_query(sql).await.expect_err("strict");
        client
            .simple_query("SET causeway.strict = off")
            .await
            .expect("set");
        client.simple_query(sql).await.expect("not strict");
        failure(&error)
    };
    tokio::pin!(asking);
    let refused = loop {
        tokio::select! {
            refused = &mut asking => break refused,
            message = futures::future::poll_fn(|context| connection.poll_message(context)) => {
                if let Some(Ok(AsyncMessage::Notice(notice))) = message {
                    warnings.push((notice.severity().to_owned(), notice.message().to_owned()));
                }
            }
        }
    };
    assert_eq!(refused.0, "HV000", "{refused:?}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let (severity, message) = &warnings[0];
    assert_eq!(severity, "WARNING");
    assert!(message.starts_with("servicenow.customer_account: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_made_and_read_over_both_protocols() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    let create = "CREATE VIEW deals AS SELECT name, amount FROM salesforce.opportunity WHERE NOT isclosed";
    ana.simple_query(create).await.expect("made");
    let count = texts(&ana, "SELECT count(*) FROM deals").await;
    let by_hand = texts(
        &ana,
        "SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed",
    )
    .await;
    assert_eq!(count, by_hand);
    ana.execute(
        "CREATE OR REPLACE TEMPORARY VIEW top AS SELECT name FROM deals WHERE amount > 240000",
        &[],
    )
    .await
    .expect("made by a prepared statement");
    let above = ana
        .query(
            "SELECT name FROM deals WHERE amount > $1 ORDER BY name",
            &[&240_000.0_f64],
        )
        .await
        .expect("rows");
    let top = ana
        .query("SELECT name FROM top ORDER BY name", &[])
        .await
        .expect("rows");
    let names =
        |rows: &[tokio_postgres::Row]| rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>();
    assert!(!top.is_empty());
    assert_eq!(names(&above), names(&top));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_its_sessions_and_ends_with_a_failed_transaction_or_when_it_is_dropped() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    ana.simple_query("CREATE VIEW deals AS SELECT name FROM salesforce.opportunity; CREATE VIEW top AS SELECT name FROM deals")
        .await
        .expect("made");
    let ben = practice.connect("ben").await;
    assert_eq!(
        failure(
            &ben.simple_query("SELECT * FROM deals")
                .await
                .expect_err("not his")
        )
        .0,
        "42P01"
    );
    // A failed transaction ends like one that is rolled back, whatever its end is called.
    ana.simple_query("BEGIN; CREATE VIEW gone AS SELECT 1 AS n")
        .await
        .expect("made");
    ana.simple_query("SELECT nope").await.expect_err("no such column");
    ana.simple_query("COMMIT").await.expect("ended");
    assert_eq!(
        failure(&ana.simple_query("SELECT * FROM gone").await.expect_err("gone")).0,
        "42P01"
    );
    ana.simple_query("DROP VIEW top, deals").await.expect("dropped");
    assert_eq!(
        failure(
            &ana.simple_query("SELECT * FROM deals")
                .await
                .expect_err("dropped")
        )
        .0,
        "42P01"
    );
}
