//! Both practice orgs, and the configuration that goes with them.
//!
//! Owns: what `causeway demo`, `causeway sandbox`, the tests and the examples run against. Nothing here guards anything real.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_sandbox::salesforce::{self, Org};
use causeway_sandbox::servicenow::{self, Instance};
use causeway_sandbox::{Options as SandboxOptions, StartError};

/// Password of every user in the practice configuration.
pub const PASSWORD: &str = "practice";

/// How to start the practice orgs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the practice Salesforce org; port 0 picks a free one.
    pub salesforce_listen: SocketAddr,
    /// Address of the practice ServiceNow instance.
    pub servicenow_listen: SocketAddr,
    /// Multiplies the row counts; 1 is 500 accounts and 3,000 opportunities.
    pub scale: usize,
    /// Seed of all data.
    pub seed: u64,
    /// Serves HTTPS with self-signed certificates.
    pub tls: bool,
    /// Time added to every data call.
    pub latency: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let free_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            salesforce_listen: free_port,
            servicenow_listen: free_port,
            scale: 1,
            seed: SandboxOptions::default().seed,
            tls: false,
            latency: Duration::ZERO,
        }
    }
}

/// Both practice orgs; dropping them stops them.
#[derive(Debug)]
pub struct Orgs {
    /// The practice Salesforce org.
    pub salesforce: Org,
    /// The practice ServiceNow instance.
    pub servicenow: Instance,
}

impl Orgs {
    /// Starts both.
    ///
    /// # Errors
    /// An address that is taken or not loopback.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let sandbox = |listen| SandboxOptions {
            seed: options.seed,
            scale: options.scale,
            listen,
            tls: options.tls,
            latency: options.latency,
        };
        Ok(Self {
            salesforce: Org::start(
                sandbox(options.salesforce_listen),
                salesforce::Semantics::default(),
            )
            .await?,
            servicenow: Instance::start(
                sandbox(options.servicenow_listen),
                servicenow::Semantics::default(),
            )
            .await?,
        })
    }

    /// A configuration for them, with a server on `listen` and the users `ana`, `ben` and `admin`.
    ///
    /// The Salesforce private key is expected beside it as `salesforce.pem`.
    #[must_use]
    pub fn configuration(&self, listen: SocketAddr) -> String {
        let (salesforce_url, servicenow_url) = (self.salesforce.url(), self.servicenow.url());
        let (client_id, username) = (
            salesforce::credentials::CLIENT_ID,
            salesforce::credentials::USERNAME,
        );
        let (reader, password) = (
            servicenow::credentials::USERNAME,
            servicenow::credentials::PASSWORD,
        );
        format!(
            r#"[server]
listen = "{listen}"

[sources.salesforce]
kind = "salesforce"
url = "{salesforce_url}"
auth = {{ flow = "jwt_bearer", client_id = "{client_id}", username = "{username}", private_key_file = "{KEY_FILE}" }}

[sources.servicenow]
kind = "servicenow"
url = "{servicenow_url}"
auth = {{ flow = "basic", username = "{reader}", password = "{password}" }}

[[users]]                              # sees the rows of EMEA and of the domains below it
name = "ana"
password = "{PASSWORD}"
domain = "TOP/ACME/EMEA"
roles = ["analyst"]

[[users]]                              # the same role, another domain
name = "ben"
password = "{PASSWORD}"
domain = "TOP/GLOBEX"
roles = ["analyst"]

[[users]]
name = "admin"
password = "{PASSWORD}"
all_domains = true
roles = ["admin"]

[[policies]]                           # Salesforce knows no domains: an opportunity is seen with its account
table = "salesforce.opportunity"
roles = ["analyst"]
rows = "accountid IN (SELECT u_salesforce_account_id FROM servicenow.customer_account)"
"#
        )
    }

    /// Writes `causeway.toml` and the key that it names into `folder`, and returns the former's path.
    ///
    /// # Errors
    /// The folder can't be written to.
    pub fn write_configuration(&self, folder: &Path) -> std::io::Result<PathBuf> {
        self.write_configuration_with(folder, SocketAddr::from(([127, 0, 0, 1], 5433)))
    }

    /// Like [`Orgs::write_configuration`], with the server on `listen`.
    ///
    /// # Errors
    /// The folder can't be written to.
    pub fn write_configuration_with(&self, folder: &Path, listen: SocketAddr) -> std::io::Result<PathBuf> {
        std::fs::write(folder.join(KEY_FILE), salesforce::credentials::PRIVATE_KEY_PEM)?;
        let path = folder.join("causeway.toml");
        std::fs::write(&path, self.configuration(listen))?;
        Ok(path)
    }
}

const KEY_FILE: &str = "salesforce.pem";
