//! Two practice orgs and engines over them.

use std::sync::Arc;

use causeway_core::http::AuthConfig;
use causeway_core::{Ledger, Principal, Source};
use causeway_salesforce::Salesforce;
use causeway_sandbox::{Options, salesforce, servicenow};
use causeway_servicenow::ServiceNow;
use causeway_sql::{Engine, EngineConfig, Session, Settings};

/// Which reading of the vendors' documentation holds.
#[derive(Clone, Default)]
pub(crate) struct Reading {
    pub(crate) salesforce: salesforce::Semantics,
    pub(crate) servicenow: servicenow::Semantics,
    /// `text_pushdown` of the Salesforce source.
    pub(crate) no_salesforce_text: bool,
}

/// How a session plans.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) partitions: usize,
    /// `causeway.pushdown`.
    pub(crate) pushdown: &'static str,
    /// `assume_full_read_access` of both sources, which holds for the users of the practice orgs.
    pub(crate) full_access: bool,
}

impl Mode {
    pub(crate) const fn new(partitions: usize, pushdown: &'static str) -> Self {
        Self {
            partitions,
            pushdown,
            full_access: false,
        }
    }

    const fn with_full_access(self) -> Self {
        Self {
            full_access: true,
            ..self
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "pushdown {}, {} partitions", self.pushdown, self.partitions)?;
        f.write_str(if self.full_access {
            ", full access assumed"
        } else {
            ""
        })
    }
}

/// Every mode; the first four push everything.
pub(crate) const MODES: [Mode; 8] = [
    Mode::new(1, "on"),
    Mode::new(4, "on"),
    Mode::new(1, "on").with_full_access(),
    Mode::new(4, "on").with_full_access(),
    Mode::new(1, "filters"),
    Mode::new(4, "filters"),
    Mode::new(1, "off"),
    Mode::new(4, "off"),
];

/// The orgs, which end with this.
pub(crate) struct Orgs {
    salesforce: salesforce::Org,
    servicenow: servicenow::Instance,
    reading: Reading,
}

impl Orgs {
    pub(crate) async fn start(reading: Reading) -> Self {
        let salesforce = salesforce::Org::start(Options::default(), reading.salesforce.clone())
            .await
            .expect("the org starts");
        let servicenow = servicenow::Instance::start(Options::default(), reading.servicenow.clone())
            .await
            .expect("the instance starts");
        Self {
            salesforce,
            servicenow,
            reading,
        }
    }

    /// A session of somebody who may see everything.
    pub(crate) async fn session(&self, mode: Mode) -> Session {
        let session = self.engine(mode).session("admin").await.expect("a known user");
        session
            .set("causeway.pushdown", mode.pushdown)
            .expect("a setting");
        session.set("statement_timeout", "120s").expect("a setting");
        session
    }

    /// An engine over the orgs.
    fn engine(&self, mode: Mode) -> Engine {
        let ledger = Ledger::default();
        let sources: Vec<Arc<dyn Source>> = vec![
            Arc::new(self.salesforce_source(&ledger, mode)),
            Arc::new(self.servicenow_source(&ledger, mode)),
        ];
        let admin = Principal {
            user: "admin".to_owned(),
            roles: vec!["admin".to_owned()],
            all_domains: true,
            ..Principal::default()
        };
        let mut defaults = Settings::default();
        defaults.target_partitions = mode.partitions;
        let config = EngineConfig {
            sources,
            users: vec![Arc::new(admin)],
            defaults,
            ..EngineConfig::new(ledger)
        };
        Engine::try_new(config).expect("a valid configuration")
    }

    fn salesforce_source(&self, ledger: &Ledger, mode: Mode) -> Salesforce {
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
        let mut config = causeway_salesforce::Config::new(self.salesforce.url(), auth);
        config.assume_full_read_access = Some(mode.full_access);
        config.text_pushdown = self.reading.no_salesforce_text.then_some(false);
        Salesforce::try_new("salesforce", config, ledger.clone()).expect("a valid source")
    }

    fn servicenow_source(&self, ledger: &Ledger, mode: Mode) -> ServiceNow {
        use servicenow::credentials::{PASSWORD, USERNAME};
        let auth = AuthConfig::Basic {
            username: USERNAME.to_owned(),
            password: PASSWORD.to_owned().into(),
        };
        let mut config = causeway_servicenow::Config::new(self.servicenow.url(), auth);
        config.assume_full_read_access = Some(mode.full_access);
        ServiceNow::try_new("servicenow", config, ledger.clone()).expect("a valid source")
    }

    /// What the ServiceNow instance's log calls a violation: a value that must never be sent.
    pub(crate) fn violations(&self) -> Vec<String> {
        let entries = self.servicenow.log().entries();
        entries.into_iter().filter_map(|entry| entry.violation).collect()
    }
}
