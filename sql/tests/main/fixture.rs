//! Two practice orgs and an engine over them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_core::http::AuthConfig;
use causeway_core::{Ledger, Principal, Source};
use causeway_salesforce::Salesforce;
use causeway_sandbox::{Options, salesforce, servicenow};
use causeway_servicenow::ServiceNow;
use causeway_sql::{Answer, Engine, EngineConfig, Error, Policy, Session, View};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;

/// The orgs, kept alive, and the engine.
pub(crate) struct World {
    pub(crate) salesforce: salesforce::Org,
    pub(crate) servicenow: servicenow::Instance,
    pub(crate) engine: Engine,
}

/// The rule of the demo: analysts see the opportunities of accounts that they see.
pub(crate) fn opportunity_policy() -> Policy {
    Policy {
        table: "salesforce.opportunity".to_owned(),
        roles: vec!["analyst".to_owned()],
        rows: Some(
            "accountid IN (SELECT u_salesforce_account_id FROM servicenow.customer_account)".to_owned(),
        ),
        ..Policy::default()
    }
}

pub(crate) fn person(user: &str, role: &str, domain: Option<&str>) -> Principal {
    Principal {
        user: user.to_owned(),
        roles: vec![role.to_owned()],
        domain: domain.map(str::to_owned),
        all_domains: role == "admin",
        ..Principal::default()
    }
}

fn people() -> Vec<Arc<Principal>> {
    let people = [
        person("admin", "admin", None),
        person("ana", "analyst", Some("TOP/ACME/EMEA")),
        person("ben", "analyst", Some("TOP/GLOBEX")),
        person("nobody", "analyst", None),
        person("lost", "analyst", Some("TOP/NOWHERE")),
    ];
    people.into_iter().map(Arc::new).collect()
}

pub(crate) async fn world() -> World {
    world_with(vec![opportunity_policy()]).await
}

pub(crate) async fn world_with(policies: Vec<Policy>) -> World {
    world_from(policies, |_| {}, |_| {}).await
}

/// A world of larger orgs, without policies.
pub(crate) async fn world_of_scale(scale: usize) -> World {
    let options = Options {
        scale,
        ..Options::default()
    };
    world_built(options, Vec::new(), |_| {}, |_| {}, |_, _| {}).await
}

/// A world whose Salesforce source is configured otherwise.
pub(crate) async fn world_of(change: impl FnOnce(&mut causeway_salesforce::Config)) -> World {
    world_from(vec![opportunity_policy()], change, |_| {}).await
}

/// A world whose ServiceNow source is configured otherwise.
pub(crate) async fn world_of_instance(change: impl FnOnce(&mut causeway_servicenow::Config)) -> World {
    world_from(vec![opportunity_policy()], |_| {}, change).await
}

/// A world whose engine is configured otherwise.
pub(crate) async fn world_of_engine(change: impl FnOnce(&mut EngineConfig, &salesforce::Org)) -> World {
    world_built(
        Options::default(),
        vec![opportunity_policy()],
        |_| {},
        |_| {},
        change,
    )
    .await
}

async fn world_from(
    policies: Vec<Policy>,
    change_salesforce: impl FnOnce(&mut causeway_salesforce::Config),
    change_servicenow: impl FnOnce(&mut causeway_servicenow::Config),
) -> World {
    world_built(
        Options::default(),
        policies,
        change_salesforce,
        change_servicenow,
        |_, _| {},
    )
    .await
}

async fn world_built(
    options: Options,
    policies: Vec<Policy>,
    change_salesforce: impl FnOnce(&mut causeway_salesforce::Config),
    change_servicenow: impl FnOnce(&mut causeway_servicenow::Config),
    change_engine: impl FnOnce(&mut EngineConfig, &salesforce::Org),
) -> World {
    let salesforce_org = salesforce::Org::start(options.clone(), salesforce::Semantics::default())
        .await
        .expect("the org starts");
    let instance = servicenow::Instance::start(options, servicenow::Semantics::default())
        .await
        .expect("the instance starts");
    let ledger = Ledger::default();
    let sources: Vec<Arc<dyn Source>> = vec![
        Arc::new(salesforce_source(
            "salesforce",
            &salesforce_org,
            &ledger,
            change_salesforce,
        )),
        Arc::new(servicenow_source(&instance, &ledger, change_servicenow)),
    ];
    let mut config = EngineConfig {
        sources,
        users: people(),
        policies,
        shipped_views: shipped_views(),
        ..EngineConfig::new(ledger)
    };
    change_engine(&mut config, &salesforce_org);
    let engine = Engine::try_new(config).expect("a valid configuration");
    World {
        salesforce: salesforce_org,
        servicenow: instance,
        engine,
    }
}

pub(crate) fn salesforce_source(
    name: &str,
    org: &salesforce::Org,
    ledger: &Ledger,
    change: impl FnOnce(&mut causeway_salesforce::Config),
) -> Salesforce {
    use salesforce::credentials::{CLIENT_ID, PRIVATE_KEY_PEM, USERNAME};
    let auth = AuthConfig::JwtBearer {
        client_id: CLIENT_ID.to_owned(),
        client_secret: None,
        username: USERNAME.to_owned(),
        private_key_file: None,
        private_key: Some(PRIVATE_KEY_PEM.to_owned().into()),
        audience: None,
        token_url: None,
        key_id: None,
    };
    let mut config = causeway_salesforce::Config::new(org.url(), auth);
    change(&mut config);
    Salesforce::try_new(name, config, ledger.clone()).expect("a valid source")
}

fn servicenow_source(
    instance: &servicenow::Instance,
    ledger: &Ledger,
    change: impl FnOnce(&mut causeway_servicenow::Config),
) -> ServiceNow {
    use servicenow::credentials::{PASSWORD, USERNAME};
    let auth = AuthConfig::Basic {
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned().into(),
    };
    let mut config = causeway_servicenow::Config::new(instance.url(), auth);
    change(&mut config);
    ServiceNow::try_new("servicenow", config, ledger.clone()).expect("a valid source")
}

impl World {
    pub(crate) async fn session(&self, user: &str) -> Session {
        self.engine.session(user).await.expect("a known user")
    }

    /// Rows as text, NULL as `NULL`.
    pub(crate) async fn rows(&self, user: &str, sql: &str) -> Vec<Vec<String>> {
        rows(&self.session(user).await, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.cause))
    }

    /// The one value of a query that returns one.
    pub(crate) async fn value(&self, user: &str, sql: &str) -> String {
        let rows = self.rows(user, sql).await;
        assert_eq!(
            (rows.len(), rows.first().map(Vec::len)),
            (1, Some(1)),
            "{sql}: {rows:?}"
        );
        rows[0][0].clone()
    }

    pub(crate) async fn error(&self, user: &str, sql: &str) -> Error {
        match rows(&self.session(user).await, sql).await {
            Ok(rows) => panic!("{sql} should fail, gave {} rows", rows.len()),
            Err(error) => error,
        }
    }

    /// Forgets the requests so far.
    pub(crate) fn forget_requests(&self) {
        self.salesforce.log().clear();
        self.servicenow.log().clear();
    }

    /// Data calls that reached each org since then.
    /// Paths of all requests, with their parameters.
    pub(crate) fn remote_paths(&self) -> Vec<String> {
        let logs = [
            self.salesforce.log().data_calls(),
            self.servicenow.log().data_calls(),
        ];
        logs.into_iter().flatten().map(|entry| entry.path).collect()
    }

    pub(crate) fn calls(&self) -> (usize, usize) {
        (
            self.salesforce.log().data_calls().len(),
            self.servicenow.log().data_calls().len(),
        )
    }

    /// Remote queries that reached the orgs since then, by path.
    pub(crate) fn remote_queries(&self) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in self
            .salesforce
            .log()
            .entries()
            .into_iter()
            .chain(self.servicenow.log().entries())
        {
            if let Some(query) = entry.remote_query {
                found.entry(entry.path).or_default().push(query);
            }
        }
        found
    }
}

pub(crate) async fn batches(session: &Session, sql: &str) -> Result<Vec<RecordBatch>, Error> {
    collected(session.sql(sql).await?).await
}

pub(crate) async fn collected(answer: Answer) -> Result<Vec<RecordBatch>, Error> {
    answer.stream().await?.try_collect().await
}

/// Waits until `holds`, letting everything else go on meanwhile.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it comes true");
}

pub(crate) async fn rows(session: &Session, sql: &str) -> Result<Vec<Vec<String>>, Error> {
    Ok(texts(&batches(session, sql).await?))
}

pub(crate) fn texts(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("printable"))
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect(),
            );
        }
    }
    rows
}

/// The views that the product ships.
fn shipped_views() -> Vec<View> {
    let across = [
        ("account_360", include_str!("../../../src/views/account_360.sql")),
        ("work_queue", include_str!("../../../src/views/work_queue.sql")),
    ];
    let views = across.into_iter().chain(causeway_salesforce::VIEWS);
    let views = views.map(|(name, query)| View {
        name: name.to_owned(),
        query: query.to_owned(),
    });
    views.collect()
}
