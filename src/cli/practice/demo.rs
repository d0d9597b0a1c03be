//! `causeway demo`: everything at once, on loopback, without configuration.

use std::net::SocketAddr;
use std::time::Instant;

use causeway_core::Ledger;
use causeway_sql::{Engine, Error, Session};
use futures::StreamExt as _;

use super::{Failure, stop_signal};
use crate::cli::Format;
use crate::cli::progress::Progress;
use crate::cli::query::print;
use crate::config;
use crate::identity::Users;
use crate::practice::{self, Orgs, PASSWORD};
use crate::server::Server;

/// The query that Causeway exists for.
const JOIN: &str = include_str!("../../../sql/demo/account_opportunities.sql");
/// Counts that differ from person to person.
const VISIBLE: &str = include_str!("../../../sql/demo/visible_accounts.sql");

pub(super) async fn run(listen: SocketAddr, once: bool, scale: usize) -> Result<(), Failure> {
    let started = Instant::now();
    println!("Starting a practice Salesforce org and a practice ServiceNow instance …");
    let options = practice::Options {
        scale,
        ..practice::Options::default()
    };
    let orgs = Orgs::start(&options).await?;
    println!("  Salesforce  {}", orgs.salesforce.url());
    println!("  ServiceNow  {}", orgs.servicenow.url());
    let folder = Folder::create()?;
    let mut config = config::load(&orgs.write_configuration_with(&folder.0, listen)?)?;
    config.server.listen = free_address(listen).await;
    let engine = Engine::try_new(config.engine)?;
    let server = Server::bind(config.server, engine.clone(), Users::new(config.credentials)).await?;
    println!(
        "  PostgreSQL  {} (ready after {:.1} s)\n",
        server.address(),
        started.elapsed().as_secs_f64()
    );
    let address = server.address();
    let serving = server.serve(stop_signal());
    let showing = async {
        explain_to(&engine).await?;
        print_connections(address);
        Ok::<_, Failure>(())
    };
    tokio::pin!(serving);
    tokio::select! {
        shown = showing => shown?,
        () = &mut serving => return Ok(()),
    }
    if !once {
        println!("Serving. Ctrl-C ends.");
        serving.await;
    }
    Ok(())
}

/// Runs the demo queries and says what they show.
async fn explain_to(engine: &Engine) -> Result<(), Failure> {
    let admin = engine.session("admin").await?;
    let ana = engine.session("ana").await?;
    let ben = engine.session("ben").await?;
    println!(
        "The open opportunities of the account Boxeo. The account is in ServiceNow, they are in Salesforce.\n\
         admin, who may see everything, asks:\n"
    );
    println!("{}", JOIN.trim_end());
    println!();
    show(&admin, JOIN).await?;
    let first = engine.ledger().exchanges().len();
    println!("\nThe API calls that this took, with signing in and learning the columns:\n");
    print_calls(engine.ledger(), 0);
    show_quietly(&admin, JOIN).await?;
    println!("\nThe same query again, now that the columns are known:\n");
    print_calls(engine.ledger(), first);
    println!("\nana asks the same. Boxeo belongs to a domain that she sees:\n");
    show(&ana, JOIN).await?;
    println!(
        "\nben asks the same. Boxeo belongs to a domain that he does not see, so to him it does not exist:\n"
    );
    show(&ben, JOIN).await?;
    println!(
        "\nWhat each of them sees of all accounts, by the same SQL:\n\n{}",
        VISIBLE.trim_end()
    );
    for (name, session) in [("ana", &ana), ("ben", &ben)] {
        println!("\nas {name}:");
        show(session, VISIBLE).await?;
    }
    let opportunities = "SELECT count(*) FROM salesforce.opportunity";
    println!(
        "\nOpportunities, which a policy ties to the accounts: ana sees {}, ben {}.\n",
        value(&ana, opportunities).await?,
        value(&ben, opportunities).await?
    );
    Ok(())
}

/// Runs a statement and prints its rows as a table.
async fn show(session: &Session, sql: &str) -> Result<(), Failure> {
    let answer = session.sql(sql).await?;
    print(answer, Format::Table, &Progress::start("running")).await
}

/// The only value of the only row, as text.
async fn value(session: &Session, sql: &str) -> Result<String, Failure> {
    let mut rows = session.sql(sql).await?.stream().await?;
    while let Some(batch) = rows.next().await {
        if let Some(text) = crate::server::texts(&batch?)?
            .into_iter()
            .flatten()
            .flatten()
            .next()
        {
            return Ok(text);
        }
    }
    Err(Error::internal("a query for one value returned none").into())
}

async fn show_quietly(session: &Session, sql: &str) -> Result<(), Failure> {
    let mut rows = session.sql(sql).await?.stream().await?;
    while let Some(batch) = rows.next().await {
        batch?;
    }
    Ok(())
}

/// Prints the calls from the `first` on.
fn print_calls(ledger: &Ledger, first: usize) {
    for (at, exchange) in ledger.exchanges().iter().skip(first).enumerate() {
        let record = &exchange.record;
        println!(
            "  {:>2}. {:<4} {:<10} {:<28} {:>5} rows {:>7.1} ms",
            at + 1,
            record.method,
            record.source,
            record.resource,
            exchange.rows(),
            exchange.milliseconds()
        );
        if let Some(query) = &record.remote_query {
            println!("      {}", query.seen(true));
        }
    }
}

fn print_connections(address: SocketAddr) {
    let (host, port) = (address.ip(), address.port());
    println!("Connect as ana, ben or admin (all domains):\n");
    println!("  psql \"host={host} port={port} user=ana password={PASSWORD} dbname=causeway\"\n");
    println!(
        "and try: \\dt salesforce.*   \\d salesforce.opportunity   EXPLAIN SELECT …   SELECT * FROM causeway.requests;\n"
    );
}

/// The wanted address, or a free port beside it if somebody has it.
async fn free_address(wanted: SocketAddr) -> SocketAddr {
    match tokio::net::TcpListener::bind(wanted).await {
        Ok(_) => wanted,
        Err(error) => {
            println!("  ({wanted} can't be used: {error}; taking a free port)");
            SocketAddr::new(wanted.ip(), 0)
        }
    }
}

/// A folder for the configuration, removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn create() -> std::io::Result<Self> {
        let name = format!(
            "causeway-demo-{}-{:08x}",
            std::process::id(),
            rand::random::<u32>()
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "cannot remove the folder of the demo");
        }
    }
}
