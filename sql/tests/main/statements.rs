use std::sync::Arc;
use std::time::Duration;

use causeway_sql::ScalarValue;
use datafusion::arrow::datatypes::DataType;
use futures::TryStreamExt as _;

use crate::fixture::{collected, rows, texts, until, world};

#[tokio::test]
async fn opening_a_session_and_asking_nothing_remote_costs_no_call() {
    let world = world().await;
    let session = world.session("ana").await;
    assert_eq!(rows(&session, "SELECT 1 + 1").await.expect("a query"), [["2"]]);
    assert_eq!(
        rows(&session, "SHOW causeway.pushdown").await.expect("a setting"),
        [["on"]]
    );
    rows(&session, "SELECT nspname FROM pg_catalog.pg_namespace")
        .await
        .expect("a query");
    assert_eq!(world.calls(), (0, 0));
}

#[tokio::test]
async fn unknown_names_come_with_a_suggestion() {
    let world = world().await;
    world
        .rows("admin", "SELECT count(*) FROM salesforce.opportunity WHERE false")
        .await;
    let error = world
        .error("admin", "SELECT stagenam FROM salesforce.opportunity")
        .await;
    assert_eq!(
        (error.sqlstate, error.hint.as_deref()),
        ("42703", Some("did you mean \"stagename\"?")),
        "{}",
        error.message
    );
    let error = world.error("admin", "SELECT 1 FROM salesforce.opportunit").await;
    assert_eq!(error.sqlstate, "42P01", "{}", error.message);
    assert!(
        error.message.contains("did you mean 'opportunity'?"),
        "{}",
        error.message
    );
    let error = world.error("admin", "SELECT 1 FROM servicenow.incidnt").await;
    assert_eq!(error.sqlstate, "42P01", "{}", error.message);
    assert!(
        error.message.contains("did you mean 'incident'?"),
        "{}",
        error.message
    );
    let error = world.error("admin", "SELECT 1 FROM nosuch.table_at_all").await;
    assert_eq!(error.sqlstate, "42P01", "{}", error.message);
    let error = world.error("admin", "SELECT no_such_function(1)").await;
    assert_eq!(error.sqlstate, "42883", "{}", error.message);
}

#[tokio::test]
async fn unqualified_names_follow_the_search_path() {
    let world = world().await;
    let session = world.session("admin").await;
    assert_eq!(
        rows(&session, "SELECT count(*) FROM incident")
            .await
            .expect("found in servicenow"),
        [["5000"]]
    );
    rows(&session, "SET search_path = salesforce")
        .await
        .expect("a setting");
    let error = rows(&session, "SELECT count(*) FROM incident")
        .await
        .expect_err("not on the path");
    assert_eq!(error.sqlstate, "42P01", "{}", error.message);
}

#[tokio::test]
async fn parameters_are_typed_by_what_they_are_compared_with() {
    let world = world().await;
    let session = world.session("admin").await;
    let statements = session
        .parse("SELECT id FROM salesforce.opportunity WHERE amount > $1 AND closedate < $2")
        .expect("valid");
    let description = session.describe(&statements[0], &[]).await.expect("describable");
    assert_eq!(format!("{:?}", description.parameters), "[Float64, Date32]");
    let parameters = vec![
        ScalarValue::Float64(Some(400_000.0)),
        ScalarValue::Date32(Some(20_000)),
    ];
    let answer = session.run(&statements[0], parameters).await.expect("runs");
    let found: usize = answer
        .stream()
        .await
        .expect("rows")
        .try_fold(0, |sum, batch| async move { Ok(sum + batch.num_rows()) })
        .await
        .expect("rows");
    let literal = rows(
        &session,
        "SELECT id FROM salesforce.opportunity WHERE amount > 400000 AND closedate < DATE '2024-10-04'",
    )
    .await;
    assert_eq!(found, literal.expect("a query").len());
}

#[tokio::test]
async fn a_declared_parameter_keeps_its_type_beside_others() {
    let world = world().await;
    let session = world.session("admin").await;
    let statements = session
        .parse("SELECT count(*) FROM salesforce.opportunity WHERE closedate < $1 + INTERVAL '3 day' AND closedate >= $1 - 4")
        .expect("valid");
    let declared = [Some(DataType::Date32)];
    let description = session
        .describe(&statements[0], &declared)
        .await
        .expect("describable");
    assert_eq!(description.parameters, [DataType::Date32]);
    let parameters = vec![ScalarValue::Date32(Some(20_000))];
    let answer = session.run(&statements[0], parameters).await.expect("runs");
    let batches: Vec<_> = answer
        .stream()
        .await
        .expect("rows")
        .try_collect()
        .await
        .expect("rows");
    let literal = "SELECT count(*) FROM salesforce.opportunity WHERE closedate < DATE '2024-10-07' AND closedate >= DATE '2024-09-30'";
    let expected = rows(&session, literal).await.expect("a query");
    assert_ne!(expected, [["0"]]);
    assert_eq!(texts(&batches), expected);
}

#[tokio::test]
async fn explain_shows_the_remote_text_and_makes_no_data_call() {
    let world = world().await;
    let sql =
        "SELECT name FROM salesforce.account WHERE name = 'Boxeo' AND name > 'B' AND annualrevenue > 10";
    world.rows("admin", &format!("EXPLAIN {sql}")).await;
    world.forget_requests();
    let lines = world
        .rows("admin", &format!("EXPLAIN {sql}"))
        .await
        .concat()
        .join("\n");
    assert_eq!(world.calls(), (0, 0));
    for wanted in [
        "SalesforceScan: account",
        "soql=SELECT ",
        "Name = 'Boxeo'",
        "superset (",
        "local (",
        "exact: ",
        "Estimated: 1 api calls",
    ] {
        assert!(lines.contains(wanted), "no '{wanted}' in\n{lines}");
    }
    let lines = world
        .rows("admin", &format!("EXPLAIN ANALYZE {sql}"))
        .await
        .concat()
        .join("\n");
    assert_eq!(world.calls(), (1, 0));
    assert!(
        lines.contains("Actual: 1 rows") && lines.contains("API: 1 calls"),
        "{lines}"
    );
}

#[tokio::test]
async fn the_budget_stops_a_query() {
    let world = world().await;
    let session = world.session("admin").await;
    rows(&session, "SELECT count(*) FROM servicenow.incident")
        .await
        .expect("described");
    rows(&session, "SET causeway.max_api_calls = 2")
        .await
        .expect("a setting");
    let error = rows(&session, "SELECT count(sys_id) FROM servicenow.incident").await;
    let error = error.expect_err("5,000 incidents take more than two pages");
    assert_eq!(error.sqlstate, "53400", "{}", error.message);
}

#[tokio::test]
async fn a_statement_ends_at_its_timeout_and_when_it_is_cancelled() {
    let world = world().await;
    let session = world.session("admin").await;
    rows(&session, "SELECT count(*) FROM salesforce.account")
        .await
        .expect("described");
    world
        .salesforce
        .semantics()
        .change_faults(|faults| faults.slow = Duration::from_secs(30));
    rows(&session, "SET statement_timeout = '200ms'")
        .await
        .expect("a setting");
    let error = rows(&session, "SELECT count(*) FROM salesforce.account")
        .await
        .expect_err("slow");
    assert_eq!(
        (error.sqlstate, error.message.as_str()),
        ("57014", "canceling statement due to statement timeout")
    );
    rows(&session, "RESET statement_timeout")
        .await
        .expect("a setting");
    let answer = session.sql("SELECT count(*) FROM salesforce.account").await;
    let answer = answer.expect("a plan");
    let context = Arc::clone(answer.context());
    let canceller = session.canceller();
    let (outcome, ()) = tokio::join!(collected(answer), async {
        until(|| context.calls() > 0).await;
        canceller.cancel();
    });
    let error = outcome.expect_err("cancelled");
    assert_eq!(
        (error.sqlstate, error.message.as_str()),
        ("57014", "canceling statement due to user request")
    );
    let states =
        "SELECT state FROM causeway.queries WHERE text LIKE 'SELECT count%account' ORDER BY query_id";
    world
        .salesforce
        .semantics()
        .change_faults(|faults| faults.slow = Duration::ZERO);
    assert_eq!(
        rows(&session, states).await.expect("a query"),
        [["done"], ["cancelled"], ["cancelled"]]
    );
}

#[tokio::test]
async fn psql_describes_one_table_with_one_call() {
    let world = world().await;
    let session = world.session("ana").await;
    let find = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
                LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                WHERE c.relname OPERATOR(pg_catalog.~) '^(opportunity)$' COLLATE pg_catalog.default \
                AND n.nspname OPERATOR(pg_catalog.~) '^(salesforce)$' COLLATE pg_catalog.default ORDER BY 2, 3";
    let found = rows(&session, find).await.expect("a catalog question");
    assert_eq!(found.len(), 1, "{found:?}");
    let columns = format!(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum) \
         FROM pg_catalog.pg_attribute a WHERE a.attrelid = '{}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        found[0][0]
    );
    let columns = rows(&session, &columns).await.expect("a catalog question");
    assert_eq!(world.calls(), (1, 0));
    let amount = columns
        .iter()
        .find(|column| column[0] == "amount")
        .expect("a column");
    assert_eq!(
        amount[1..],
        ["double precision", "Amount (Amount, currency(18,2))"]
    );
}

#[tokio::test]
async fn a_scalar_subquery_with_several_rows_is_an_error() {
    let world = world().await;
    for sql in [
        "SELECT (SELECT x FROM (VALUES (1), (2)) t(x))",
        "WITH t(x) AS (VALUES (1), (2)) SELECT (SELECT x FROM t)",
        "SELECT (SELECT name FROM salesforce.account)",
    ] {
        let error = world.error("admin", sql).await;
        assert_eq!(error.sqlstate, "21000", "{sql}: {}", error.message);
    }
}

#[tokio::test]
async fn a_join_over_rows_in_memory_is_cancelled_at_once() {
    let world = world().await;
    let session = world.session("admin").await;
    let incidents = rows(&session, "SELECT number FROM servicenow.incident").await;
    let incidents = incidents.expect("a query").len() as u64;
    let canceller = session.canceller();
    let sql = "SELECT count(*) FROM servicenow.incident a, servicenow.incident b, servicenow.incident c \
               WHERE a.number < b.number AND b.number < c.number";
    let answer = session.sql(sql).await.expect("a plan");
    let context = Arc::clone(answer.context());
    let (outcome, ()) = tokio::join!(collected(answer), async {
        until(|| context.rows() >= incidents).await;
        // The rows are here: what is left is to compare them, and the join has a turn of that.
        tokio::task::yield_now().await;
        canceller.cancel();
    });
    assert_eq!(outcome.expect_err("cancelled").sqlstate, "57014");
}

#[tokio::test]
async fn limits_take_whole_numbers_as_parameters() {
    let world = world().await;
    let session = world.session("admin").await;
    let statements = session
        .parse("SELECT id, $1 AS own FROM salesforce.account LIMIT $2")
        .expect("valid");
    let description = session
        .describe(
            &statements[0],
            &[Some(datafusion::arrow::datatypes::DataType::Boolean)],
        )
        .await;
    let description = description.expect("describable");
    assert_eq!(format!("{:?}", description.parameters), "[Boolean, Int64]");
    assert_eq!(
        description.schema.expect("columns").field(1).data_type(),
        &datafusion::arrow::datatypes::DataType::Boolean
    );
    let parameters = vec![ScalarValue::Boolean(Some(true)), ScalarValue::Int64(Some(3))];
    let answer = session.run(&statements[0], parameters).await.expect("runs");
    let batches: Vec<_> = answer
        .stream()
        .await
        .expect("rows")
        .try_collect()
        .await
        .expect("rows");
    assert_eq!(
        batches
            .iter()
            .map(datafusion::arrow::array::RecordBatch::num_rows)
            .sum::<usize>(),
        3
    );
}
