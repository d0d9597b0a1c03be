//! The source against the practice org: sign-in, describes, scans, faults, and what is pushed against what SQL keeps.

mod pushdown;
mod scans;
mod sharing;

use std::sync::Arc;

use arrow_array::RecordBatch;
use causeway_core::{
    Column, Condition, Error, Fidelity, Ledger, Literal, Op, Principal, Pushed, QueryContext, RemoteQuery,
    Source, Table, Verdict, scan,
};
use causeway_salesforce::{Config, Salesforce};
use causeway_sandbox::Options;
use causeway_sandbox::salesforce::{Org, Semantics, credentials};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

const EVERYTHING: &str = "acme__everything__c";

fn jwt() -> Value {
    json!({
        "flow": "jwt_bearer", "client_id": credentials::CLIENT_ID, "username": credentials::USERNAME,
        "private_key": credentials::PRIVATE_KEY_PEM,
    })
}

fn source_at(url: &str, auth: Value, more: Value) -> Salesforce {
    let mut config = serde_json::Map::from_iter([("url".to_owned(), url.into()), ("auth".to_owned(), auth)]);
    config.extend(more.as_object().cloned().into_iter().flatten());
    let config: Config = serde_json::from_value(config.into()).expect("a configuration");
    Salesforce::try_new("sf", config, Ledger::default()).expect("a source")
}

async fn start(semantics: Semantics) -> (Org, Arc<Salesforce>) {
    let org = Org::start(Options::default(), semantics)
        .await
        .expect("a practice org");
    let source = Arc::new(source_at(&org.url(), jwt(), json!({})));
    (org, source)
}

fn context() -> Arc<QueryContext> {
    Arc::new(QueryContext::new(1, Arc::new(Principal::default()), 0, true))
}

async fn table(source: &Salesforce, name: &str) -> Arc<Table> {
    source.table(&context(), name).await.expect(name)
}

fn all_columns(table: &Arc<Table>) -> RemoteQuery {
    RemoteQuery::new(Arc::clone(table), (0..table.columns.len()).collect())
}

async fn rows(source: &Arc<Salesforce>, query: RemoteQuery) -> Result<Vec<RecordBatch>, Error> {
    let source: Arc<dyn Source> = Arc::<Salesforce>::clone(source);
    scan(source, context(), query).try_collect().await
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn pushed(verdict: Verdict) -> Option<Pushed> {
    let (condition, fidelity): (Condition, Fidelity) = match verdict {
        Verdict::Exact(condition) => (condition, Fidelity::Exact),
        Verdict::Superset(condition, _) => (condition, Fidelity::Superset),
        Verdict::Never(_) => return None,
    };
    Some(Pushed {
        derived: false,
        condition,
        fidelity,
        reason: String::new(),
    })
}

fn ask(source: &Salesforce, column: &Column, op: Op, values: &[Literal]) -> Option<Pushed> {
    pushed(source.dialect().atom(column, op, values))
}
