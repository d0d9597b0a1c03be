//! What the benches share: practice orgs, sources over them, and the queries of a whole-object scan.
//!
//! The columns are those of a sales pipeline and of a service desk report, about twenty of every type.

#![allow(dead_code, reason = "each bench uses a part")]

use std::sync::Arc;

use causeway_core::{Ledger, Principal, QueryContext, RemoteQuery, Source};
use causeway_salesforce::Salesforce;
use causeway_sandbox::{Options, salesforce, servicenow};
use causeway_servicenow::ServiceNow;
use serde_json::json;

/// Columns of `salesforce.opportunity`.
pub(crate) const OPPORTUNITY: &[&str] = &[
    "id",
    "accountid",
    "name",
    "stagename",
    "amount",
    "probability",
    "expectedrevenue",
    "closedate",
    "type",
    "nextstep",
    "leadsource",
    "isclosed",
    "iswon",
    "forecastcategory",
    "ownerid",
    "laststagechangedate",
    "fiscalquarter",
    "fiscalyear",
    "contactid",
    "createddate",
    "systemmodstamp",
];

/// Columns of `servicenow.incident`.
pub(crate) const INCIDENT: &[&str] = &[
    "sys_id",
    "number",
    "short_description",
    "priority",
    "state",
    "impact",
    "urgency",
    "category",
    "active",
    "caller_id",
    "assigned_to",
    "assignment_group",
    "cmdb_ci",
    "opened_at",
    "resolved_at",
    "closed_at",
    "reassignment_count",
    "sys_domain",
    "sys_created_on",
    "sys_updated_on",
    "sys_mod_count",
];

/// Both practice orgs, running.
pub(crate) struct Orgs {
    /// The Salesforce org.
    pub(crate) salesforce: salesforce::Org,
    /// The ServiceNow instance.
    pub(crate) servicenow: servicenow::Instance,
}

impl Orgs {
    /// Starts both on free ports of loopback.
    pub(crate) async fn start(scale: usize) -> Self {
        Self::start_with(Options {
            scale,
            ..Options::default()
        })
        .await
    }

    /// Starts both with these options.
    pub(crate) async fn start_with(options: Options) -> Self {
        Self {
            salesforce: salesforce::Org::start(options.clone(), salesforce::Semantics::default())
                .await
                .expect("the practice salesforce org starts"),
            servicenow: servicenow::Instance::start(options, servicenow::Semantics::default())
                .await
                .expect("the practice servicenow instance starts"),
        }
    }

    /// The Salesforce source at `url`.
    pub(crate) fn salesforce_at(url: &str) -> Arc<dyn Source> {
        use salesforce::credentials::{CLIENT_ID, CLIENT_SECRET};
        let config = json!({
            "url": url,
            "auth": { "flow": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET },
        });
        let config = serde_json::from_value(config).expect("a right configuration");
        Arc::new(Salesforce::try_new("salesforce", config, Ledger::default()).expect("a right configuration"))
    }

    /// The ServiceNow source at `url`.
    pub(crate) fn servicenow_at(url: &str) -> Arc<dyn Source> {
        use servicenow::credentials::{CLIENT_ID, CLIENT_SECRET};
        let config = json!({
            "url": url,
            "auth": { "flow": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET },
        });
        let config = serde_json::from_value(config).expect("a right configuration");
        Arc::new(ServiceNow::try_new("servicenow", config, Ledger::default()).expect("a right configuration"))
    }
}

/// The context of one query without limits.
pub(crate) fn context() -> Arc<QueryContext> {
    Arc::new(QueryContext::new(1, Arc::new(Principal::default()), 0, true))
}

/// Asks for all rows of these columns.
pub(crate) async fn whole_scan(source: &Arc<dyn Source>, table: &str, columns: &[&str]) -> RemoteQuery {
    let table = source
        .table(&context(), table)
        .await
        .expect("the table is described");
    let at = |name: &&str| {
        let found = table.column(name);
        assert!(found.is_some(), "{} has no column {name}", table.name.name);
        found.map_or(0, |(at, _)| at)
    };
    let columns = columns.iter().map(at).collect();
    RemoteQuery::new(table, columns)
}

/// Signs in to the org at `url`, without any of our own code.
pub(crate) async fn sign_in(url: &str, name: &str) -> String {
    let (path, id, secret) = match name {
        "salesforce" => (
            "services/oauth2/token",
            salesforce::credentials::CLIENT_ID,
            salesforce::credentials::CLIENT_SECRET,
        ),
        _ => (
            "oauth_token.do",
            servicenow::credentials::CLIENT_ID,
            servicenow::credentials::CLIENT_SECRET,
        ),
    };
    let mut form = reqwest::Url::parse("form:").expect("an address");
    form.query_pairs_mut()
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", id)
        .append_pair("client_secret", secret);
    let answer = reqwest::Client::new()
        .post(format!("{url}/{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.query().unwrap_or_default().to_owned())
        .send()
        .await
        .expect("an answer");
    let answer: serde_json::Value =
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("a token answer");
    let token = answer.get("access_token").and_then(serde_json::Value::as_str);
    token.expect("a token").to_owned()
}
