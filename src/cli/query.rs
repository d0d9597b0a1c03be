//! `causeway query`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causeway_sql::{Answer, Engine, Session};
use futures::StreamExt as _;

use super::output::Printer;
use super::progress::Progress;
use super::{Failure, Format, stop_signal};
use crate::config;

pub(super) async fn run(path: &Path, format: Format, user: Option<&str>, sql: &str) -> Result<(), Failure> {
    let config = config::load(path)?;
    let user = match (user, config.credentials.as_slice()) {
        (Some(user), _) => user.to_owned(),
        (None, [(only, _)]) => only.clone(),
        (None, users) => {
            let names: Vec<&str> = users.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Failure::Other(format!(
                "the configuration has several users; say who asks with --user (one of {})",
                names.join(", ")
            )));
        }
    };
    let session = Engine::try_new(config.engine)?.session(&user).await?;
    let canceller = session.canceller();
    let asking = ask(&session, sql, format);
    tokio::pin!(asking);
    tokio::select! {
        done = &mut asking => return done,
        () = stop_signal() => canceller.cancel(),
    }
    asking.await
}

async fn ask(session: &Session, sql: &str, format: Format) -> Result<(), Failure> {
    let progress = Progress::start("planning");
    let answer = session.sql(sql).await?;
    let printed = print(answer, format, &progress).await;
    drop(progress);
    printed
}

/// Prints rows as they come; a table waits for all of them, as its columns are as wide as their widest value.
pub(super) async fn print(answer: Answer, format: Format, progress: &Progress) -> Result<(), Failure> {
    let context = Arc::clone(answer.context());
    let Some(schema) = answer.schema() else {
        println!("{}", answer.tag());
        return Ok(());
    };
    let mut printer = Printer::new(format, &schema);
    let mut rows = answer.stream().await?;
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        progress.update(printer.rows(), context.calls());
        tokio::select! {
            batch = rows.next() => match batch {
                Some(batch) => printer.batch(&batch?)?,
                None => break,
            },
            _ = ticks.tick() => {}
        }
    }
    printer.finish()?;
    warn(context.take_notices());
    Ok(())
}

fn warn(notices: Vec<String>) {
    for notice in notices {
        eprintln!("WARNING:  {notice}");
    }
}
