//! A person's schemas in a DataFusion application's own context: whoever plans, the policies and the budget are ours.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use causeway::{Engine, Session};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};

use crate::practice::Practice;

/// Policies beside those of the practice configuration.
const POLICIES: &str = r#"
[[policies]]
table = "servicenow.customer_account"
roles = ["analyst"]
rows = "lower(name) <> 'megacorp' AND extract(year FROM sys_created_on) / 2 > 500"
mask_columns = { phone = "upper(left(phone, 2))" }
deny_columns = ["street"]
"#;

const ACCOUNTS: &str = "SELECT name FROM causeway.servicenow.customer_account ORDER BY name";

struct World {
    practice: Practice,
    engine: Engine,
}

impl World {
    async fn start() -> Self {
        let practice = Practice::start().await;
        let path = practice.orgs.write_configuration(practice.folder.path());
        let path = path.expect("a file");
        let config = std::fs::read_to_string(&path).expect("a text");
        std::fs::write(&path, config + POLICIES).expect("a file");
        let engine = Engine::from_config_file(path).await.expect("an engine");
        Self { practice, engine }
    }

    async fn session(&self, user: &str) -> Session {
        self.engine.session(user).await.expect("a known user")
    }
}

fn state(session: &Session) -> SessionState {
    let builder = SessionStateBuilder::new().with_default_features();
    session.extend(builder).expect("our rules").build()
}

/// An application's context with the schemas of the session.
fn application(session: &Session) -> SessionContext {
    let context = SessionContext::new_with_state(state(session));
    context.register_catalog("causeway", session.catalog().expect("a catalog"));
    context
}

fn texts(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter();
        let columns: Vec<_> = columns
            .map(|column| ArrayFormatter::try_new(column, &options).expect("printable"))
            .collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let cells = columns.iter().map(|column| column.value(row).to_string());
            cells.collect::<Vec<_>>()
        }));
    }
    rows
}

async fn rows(context: &SessionContext, sql: &str) -> Result<Vec<Vec<String>>, DataFusionError> {
    Ok(texts(&context.sql(sql).await?.collect().await?))
}

/// SQLSTATE, message and advice.
async fn failure(context: &SessionContext, sql: &str) -> (&'static str, String, String) {
    let error = rows(context, sql).await.expect_err(sql);
    let error = causeway::Error::from(error);
    (error.sqlstate, error.message, error.hint.unwrap_or_default())
}

/// What the session itself answers.
async fn own(session: &Session, sql: &str) -> Vec<Vec<String>> {
    use futures::TryStreamExt as _;
    let sql = sql.replace("causeway.servicenow.", "servicenow.");
    let answer = session.sql(&sql).await.expect("an answer");
    let batches: Vec<_> = answer
        .stream()
        .await
        .expect("rows")
        .try_collect()
        .await
        .expect("rows");
    texts(&batches)
}

fn local(name: &str, values: &[&str]) -> RecordBatch {
    let values: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
    RecordBatch::try_from_iter([(name, values)]).expect("a batch")
}

/// A function of the application that answers the same whatever it is given.
fn always(name: &str, arguments: usize, value: ScalarValue) -> ScalarUDF {
    let ty = value.data_type();
    let body = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(value.clone()));
    create_udf(
        name,
        vec![DataType::Utf8; arguments],
        ty,
        Volatility::Immutable,
        Arc::new(body),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_see_their_own_rows_as_in_their_sessions() {
    let world = World::start().await;
    let mut seen = Vec::new();
    for user in ["ana", "ben", "admin"] {
        let session = world.session(user).await;
        let found = rows(&application(&session), ACCOUNTS).await.expect("rows");
        assert!(!found.is_empty());
        assert_eq!(found, own(&session, ACCOUNTS).await, "{user}");
        seen.push(found);
    }
    assert_ne!(seen[0], seen[1]);
    let everyone: Vec<_> = seen[2].iter().flatten().collect();
    assert!(everyone.iter().any(|name| *name == "Megacorp"));
    assert!(
        !seen[..2]
            .iter()
            .flatten()
            .flatten()
            .any(|name| name == "Megacorp")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn masks_and_denied_columns_are_those_of_the_person() {
    let world = World::start().await;
    let (ana, admin) = (world.session("ana").await, world.session("admin").await);
    let sql = "SELECT phone FROM causeway.servicenow.customer_account WHERE phone IS NOT NULL ORDER BY name";
    let masked = rows(&application(&ana), sql).await.expect("rows");
    assert!(!masked.is_empty());
    assert!(
        masked.iter().flatten().all(|phone| phone.chars().count() <= 2),
        "{masked:?}"
    );
    assert_eq!(masked, own(&ana, sql).await);
    let plain = rows(&application(&admin), sql).await.expect("rows");
    assert!(plain.iter().flatten().any(|phone| phone.chars().count() > 2));
    let sql = "SELECT street FROM causeway.servicenow.customer_account";
    let (_, message, _) = failure(&application(&ana), sql).await;
    assert!(message.contains("street"), "{message}");
    assert!(rows(&application(&admin), sql).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_with_a_table_of_the_application_asks_for_its_keys() {
    let world = World::start().await;
    let session = world.session("ana").await;
    let application = application(&session);
    let batch = local("customer", &["Boxeo", "Nobody & Sons"]);
    application.register_batch("targets", batch).expect("a table");
    let log = world.practice.orgs.servicenow.log();
    log.clear();
    let sql =
        "SELECT a.name FROM causeway.servicenow.customer_account a JOIN targets t ON a.name = t.customer";
    let (context, query) = session.for_query(&application).expect("an extended context");
    assert_eq!(rows(&context, sql).await.expect("rows"), [["Boxeo"]]);
    let asked: Vec<String> = log
        .data_calls()
        .into_iter()
        .filter_map(|entry| entry.remote_query)
        .filter(|query| query.contains("Boxeo"))
        .collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked[0].contains("nameINBoxeo,Nobody & Sons") || asked[0].contains("nameINNobody & Sons,Boxeo"),
        "{asked:?}"
    );
    assert_eq!(query.rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_frames_and_a_table_read_twice_answer_as_statements_do() {
    let world = World::start().await;
    let session = world.session("ana").await;
    let application = application(&session);
    let table = "causeway.servicenow.customer_account";
    let frame = application.table(table).await.expect("a table");
    let named = frame
        .filter(col("name").eq(lit("Boxeo")))
        .and_then(|frame| frame.select(vec![col("name")]))
        .expect("a plan");
    for _ in 0..2 {
        let found = named.clone().collect().await.expect("rows");
        assert_eq!(texts(&found), [["Boxeo"]]);
    }
    let (context, query) = session.for_query(&application).expect("an extended context");
    let sql = format!("SELECT count(*) FROM {table} a JOIN {table} b ON a.sys_id = b.sys_id");
    let accounts = own(&session, "SELECT count(*) FROM servicenow.customer_account").await;
    assert_eq!(rows(&context, &sql).await.expect("rows"), accounts);
    assert!(query.calls() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_query_has_a_budget_of_its_own() {
    let world = World::start().await;
    let session = world.session("ana").await;
    session.set("causeway.max_api_calls", "2").expect("a setting");
    let application = application(&session);
    let one = "SELECT count(name) FROM causeway.servicenow.customer_account WHERE name = 'Boxeo'";
    for _ in 0..3 {
        let (context, query) = session.for_query(&application).expect("an extended context");
        assert_eq!(rows(&context, one).await.expect("rows"), [["1"]]);
        assert!((1..=2).contains(&query.calls()));
    }
    let many = "SELECT count(o.name) FROM causeway.salesforce.opportunity o, causeway.servicenow.incident i, \
                causeway.salesforce.contact c, causeway.servicenow.customer_account a";
    let (context, query) = session.for_query(&application).expect("an extended context");
    let (sqlstate, message, _) = failure(&context, many).await;
    assert_eq!(sqlstate, "53400");
    assert!(
        message.contains("the query has made its 2 allowed api calls"),
        "{message}"
    );
    assert_eq!(query.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_did_half_is_told_what_is_missing() {
    let world = World::start().await;
    let (ana, ben) = (world.session("ana").await, world.session("ben").await);
    let log = world.practice.orgs.servicenow.log();

    let plain = SessionContext::new();
    plain.register_catalog("causeway", ana.catalog().expect("a catalog"));
    let (sqlstate, message, hint) = failure(&plain, ACCOUNTS).await;
    assert_eq!(sqlstate, "28000");
    assert_eq!(
        message,
        "a scan of servicenow.customer_account without an identity"
    );
    assert_eq!(
        hint,
        "make the state of the SessionContext with Session::extend, which says who asks"
    );
    let config =
        SessionConfig::new().with_extension(world.engine.query_context("ana").expect("a known user"));
    let by_hand = SessionContext::new_with_config(config);
    by_hand.register_catalog("causeway", ana.catalog().expect("a catalog"));
    assert_eq!(failure(&by_hand, ACCOUNTS).await.0, "28000");
    let error = ana.for_query(&plain).err().expect("no rules");
    assert_eq!(error.sqlstate, "55000");

    let others = SessionContext::new_with_state(state(&ben));
    others.register_catalog("causeway", ana.catalog().expect("a catalog"));
    let (sqlstate, message, _) = failure(&others, ACCOUNTS).await;
    assert_eq!(sqlstate, "42501");
    assert!(
        message.contains("of a session of \"ana\", and the query runs in one of \"ben\""),
        "{message}"
    );

    // A plan of one person is not run for another.
    let own = application(&ana);
    let plan = own
        .sql(ACCOUNTS)
        .await
        .expect("a plan")
        .create_physical_plan()
        .await
        .expect("a plan");
    log.clear();
    let taken = datafusion::physical_plan::collect(plan, others.task_ctx()).await;
    let error = causeway::Error::from(taken.expect_err("another person"));
    assert_eq!(error.sqlstate, "42501");
    assert_eq!(log.data_calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_application_overrides_changes_no_policy() {
    let world = World::start().await;
    let ana = world.session("ana").await;
    let expected = rows(&application(&ana), ACCOUNTS).await.expect("rows");
    let phones = "SELECT phone FROM causeway.servicenow.customer_account ORDER BY name, sys_id";
    let masked = rows(&application(&ana), phones).await.expect("rows");

    let application = application(&ana);
    let text = |value: &str| ScalarValue::Utf8(Some(value.to_owned()));
    application.register_udf(always("lower", 1, text("harmless")));
    application.register_udf(always("upper", 1, text("seen")));
    application.register_udf(always("left", 2, text("seen")));
    application.register_udf(always("extract", 2, ScalarValue::Float64(Some(9999.0))));
    // A catalog of the same name, with a table that the policy of opportunities names.
    let everything = local("u_salesforce_account_id", &["001000000000001AAA"]);
    application
        .register_batch("customer_account", everything)
        .expect("a table");
    assert_eq!(rows(&application, ACCOUNTS).await.expect("rows"), expected);
    assert_eq!(rows(&application, phones).await.expect("rows"), masked);

    // The statement's own call is the application's function, and is not taken for ours.
    let sql = "SELECT count(*) FROM causeway.servicenow.customer_account WHERE lower(name) = 'harmless'";
    let all = rows(&application, sql).await.expect("rows");
    assert_eq!(all, [[expected.len().to_string()]]);
    let sql = "SELECT count(*) FROM causeway.servicenow.customer_account WHERE lower(name) = 'boxeo'";
    assert_eq!(rows(&application, sql).await.expect("rows"), [["0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_keep_their_meaning_and_the_catalog_takes_nothing() {
    let world = World::start().await;
    let session = world.session("ana").await;
    let application = application(&session);
    let sql = "SELECT source, number, title FROM causeway.views.work_queue ORDER BY 1, 2, 3";
    let found = rows(&application, sql).await.expect("rows");
    let sql = "SELECT source, number, title FROM views.work_queue ORDER BY 1, 2, 3";
    assert_eq!(found, own(&session, sql).await);
    let (context, query) = session.for_query(&application).expect("an extended context");
    rows(&context, ACCOUNTS).await.expect("rows");
    let sql = format!(
        "SELECT count(*) > 0 FROM causeway.causeway.requests WHERE query_id = {}",
        query.query_id
    );
    assert_eq!(rows(&application, &sql).await.expect("rows"), [["true"]]);
    for sql in [
        "CREATE SCHEMA causeway.mine",
        "DROP TABLE causeway.servicenow.incident",
    ] {
        assert!(rows(&application, sql).await.is_err(), "{sql}");
    }
}
