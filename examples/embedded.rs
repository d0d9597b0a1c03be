//! An embedded session: the account and its open opportunities, as one person sees them.
//!
//! `cargo run --example embedded -- causeway.toml ana` asks the configured systems; without arguments it starts practice orgs.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use causeway::{Engine, practice};
use futures::TryStreamExt as _;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const OPEN_OPPORTUNITIES: &str = "SELECT a.name, o.name AS opportunity, o.stagename, o.amount \
     FROM servicenow.customer_account a \
     JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id \
     WHERE a.name = 'Boxeo' AND NOT o.isclosed ORDER BY o.closedate";

/// Runs the query as `user`. The rows are those of the person's domain and policies.
pub async fn open_opportunities(config: &Path, user: &str) -> Result<Vec<RecordBatch>, Failure> {
    let engine = Engine::from_config_file(config).await?;
    let session = engine.session(user).await?;
    let answer = session.sql(OPEN_OPPORTUNITIES).await?;
    // Rows are computed as the stream is read; dropping it stops the remote calls.
    Ok(answer.stream().await?.try_collect().await?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let batches = match (arguments.next(), arguments.next()) {
        (Some(config), Some(user)) => open_opportunities(Path::new(&config), &user).await?,
        _ => {
            let folder = tempfile::tempdir()?;
            let orgs = practice::Orgs::start(&practice::Options::default()).await?;
            let config = orgs.write_configuration(folder.path())?;
            open_opportunities(&config, "ana").await?
        }
    };
    println!("{}", pretty_format_batches(&batches)?);
    Ok(())
}
