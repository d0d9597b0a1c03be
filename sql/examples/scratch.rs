#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]
use causeway_core::{Ledger, Principal, Source, http};
use causeway_sandbox::*;
use causeway_sql::{Engine, EngineConfig, Error, Session};
use futures::TryStreamExt as _;
use std::sync::Arc;

#[tokio::main]
async fn main() {
    let inst = servicenow::Instance::start(Options::default(), servicenow::Semantics::default())
        .await
        .unwrap();
    let ledger = Ledger::default();
    let org = salesforce::Org::start(Options::default(), salesforce::Semantics::default())
        .await
        .unwrap();
    let sfauth = http::AuthConfig::JwtBearer {
        client_id: salesforce::credentials::CLIENT_ID.into(),
        client_secret: None,
        username: salesforce::credentials::USERNAME.into(),
        private_key_file: None,
        private_key: Some(salesforce::credentials::PRIVATE_KEY_PEM.to_string().into()),
        audience: None,
        token_url: None,
        key_id: None,
    };
    let sfc: causeway_salesforce::Config = serde_json::from_value(
        serde_json::json!({"url": org.url(), "auth": {"flow":"basic","username":"x","password":"y"}}),
    )
    .unwrap();
    let sf: Arc<dyn Source> = Arc::new(
        causeway_salesforce::Salesforce::try_new(
            "salesforce",
            causeway_salesforce::Config { auth: sfauth, ..sfc },
            ledger.clone(),
        )
        .unwrap(),
    );
    let auth = http::AuthConfig::Basic {
        username: servicenow::credentials::USERNAME.into(),
        password: servicenow::credentials::PASSWORD.to_string().into(),
    };
    let config: causeway_servicenow::Config = causeway_servicenow::Config {
        url: inst.url(),
        tables: vec!["*".into()],
        auth,
        concurrent_calls: None,
        calls_per_second: None,
        timeout_seconds: None,
        page_rows: None,
        text_pushdown: None,
    };
    let source: Arc<dyn Source> =
        Arc::new(causeway_servicenow::ServiceNow::try_new("servicenow", config, ledger.clone()).unwrap());
    let person = |user: &str, domain: Option<&str>| {
        Arc::new(Principal {
            user: user.into(),
            domain: domain.map(Into::into),
            all_domains: domain.is_none(),
            roles: vec![if domain.is_none() { "admin" } else { "analyst" }.into()],
            ..Default::default()
        })
    };
    let engine = Engine::try_new(EngineConfig {
        sources: vec![sf, source],
        users: vec![person("admin", None), person("ana", Some("TOP/ACME/EMEA"))],
        ..EngineConfig::new(ledger)
    })
    .unwrap();
    let session = engine
        .session(&std::env::var("CUSER").unwrap_or("admin".into()))
        .await
        .unwrap();
    for sql in std::env::args().skip(1) {
        println!("> {sql}");
        inst.log().clear();
        org.log().clear();
        let began = std::time::Instant::now();
        match run(&session, &sql).await {
            Ok(text) => println!("{text}"),
            Err(error) => println!(
                "ERROR {}: {} {:?} {:?}\n{:?}",
                error.sqlstate, error.message, error.hint, error.position, error.cause
            ),
        }
        println!("{:?}", began.elapsed());
        for e in org.log().entries().into_iter().chain(inst.log().entries()) {
            println!(
                "   {} {} {} -> {} rows={} {} {:?}",
                e.method,
                e.path,
                e.remote_query.unwrap_or_default(),
                e.status,
                e.rows,
                e.parameters,
                e.violation
            );
        }
    }
}
async fn run(session: &Session, sql: &str) -> Result<String, Error> {
    let batches: Vec<_> = session.sql(sql).await?.stream().await?.try_collect().await?;
    Ok(datafusion::arrow::util::pretty::pretty_format_batches(&batches)
        .unwrap()
        .to_string())
}
