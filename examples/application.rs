//! A DataFusion application: joins a table of its own, sales targets in a CSV file, with what one person sees of the remote systems.
//!
//! `cargo run --example application -- causeway.toml ana targets.csv` asks the configured systems; without arguments it starts practice orgs.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use causeway::{Engine, Session, practice};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{CsvReadOptions, SessionContext};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const REACHED: &str = "SELECT t.customer, t.target, sum(o.amount) AS open, count(*) AS opportunities \
     FROM targets t \
     JOIN causeway.servicenow.customer_account a ON a.name = t.customer \
     JOIN causeway.salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id \
     WHERE NOT o.isclosed GROUP BY t.customer, t.target ORDER BY t.customer";

/// The application's own context, with the person's schemas as the catalog `causeway`.
pub async fn application(session: &Session, targets: &Path) -> Result<SessionContext, Failure> {
    // The application's functions, rules and options go into the builder first.
    let builder = SessionStateBuilder::new().with_default_features();
    let application = SessionContext::new_with_state(session.extend(builder)?.build());
    application.register_catalog("causeway", session.catalog()?);
    let targets = targets.to_str().ok_or("the path is no UTF-8")?;
    application
        .register_csv("targets", targets, CsvReadOptions::new())
        .await?;
    Ok(application)
}

/// What `user` sees of the targets and their opportunities, and the API calls that it took.
pub async fn targets_reached(
    config: &Path,
    user: &str,
    targets: &Path,
) -> Result<(Vec<RecordBatch>, u32), Failure> {
    let engine = Engine::from_config_file(config).await?;
    let session = engine.session(user).await?;
    let application = application(&session, targets).await?;
    // Each query has its own budget; the second value tells what it has spent.
    let (context, query) = session.for_query(&application)?;
    let rows = context.sql(REACHED).await?.collect().await?;
    Ok((rows, query.calls()))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (batches, calls) = match arguments.as_slice() {
        [config, user, targets] => targets_reached(Path::new(config), user, Path::new(targets)).await?,
        _ => {
            let folder = tempfile::tempdir()?;
            let orgs = practice::Orgs::start(&practice::Options::default()).await?;
            let config = orgs.write_configuration(folder.path())?;
            let targets = folder.path().join("targets.csv");
            std::fs::write(&targets, "customer,target\nBoxeo,500000\n")?;
            targets_reached(&config, "ana", &targets).await?
        }
    };
    println!("{}", pretty_format_batches(&batches)?);
    println!("{calls} API calls");
    Ok(())
}
