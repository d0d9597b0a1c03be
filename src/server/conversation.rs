//! What a signed-in client says: statements, one after the other.
//!
//! Owns: the simple protocol, transaction status, sending rows, notices and reported settings. The extended protocol is in
//! [`super::extended`]. Invariant: rows are sent as they come; a result is never held whole.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use causeway_core::QueryContext;
use causeway_sql::{Answer, Copy, Error, Session, Statement};
use pgwire::messages::PgWireBackendMessage as Reply;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse, ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::ParameterStatus;
use tokio_util::sync::CancellationToken;

use super::errors::{error_response, shutting_down, sqlstate, warning};
use super::prepared::{Portal, Prepared};
use super::registry::Interrupt;
use super::rows::{Encoder, Formats};
use super::running::Running;
use super::startup::{REPORTED, reported_value};
use super::wire::Writer;

/// How the connection goes on after a message.
pub(super) enum Flow {
    GoOn,
    /// The client said goodbye.
    Leave,
    /// The client is told why and disconnected.
    End(Error),
}

/// Why a message could not be handled: the statement failed, or the connection did.
pub(super) enum Failure {
    Statement(Error),
    Connection(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Statement(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

pub(super) struct Conversation {
    pub(super) session: Arc<Session>,
    pub(super) writer: Writer,
    pub(super) transaction: TransactionStatus,
    pub(super) statements: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    /// An extended-protocol message failed; everything up to Sync is skipped.
    skips_to_sync: bool,
    interrupt: Interrupt,
    /// Cancelled when the message that is being handled should end.
    pub(super) running: CancellationToken,
    shutdown: CancellationToken,
    reported: BTreeMap<&'static str, String>,
}

impl Conversation {
    pub(super) fn new(
        session: Arc<Session>,
        writer: Writer,
        interrupt: Interrupt,
        shutdown: CancellationToken,
        reported: BTreeMap<&'static str, String>,
    ) -> Self {
        Self {
            session,
            writer,
            transaction: TransactionStatus::Idle,
            statements: HashMap::new(),
            portals: HashMap::new(),
            skips_to_sync: false,
            interrupt,
            running: CancellationToken::new(),
            shutdown,
            reported,
        }
    }

    pub(super) fn writer(&mut self) -> &mut Writer {
        &mut self.writer
    }

    pub(super) fn shutdown_began(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    pub(super) fn into_writer(self) -> Writer {
        self.writer
    }

    /// Handles one message of the client.
    pub(super) async fn handle(&mut self, message: PgWireFrontendMessage) -> io::Result<Flow> {
        self.running = self.interrupt.renew();
        match message {
            PgWireFrontendMessage::Terminate(_) => return Ok(Flow::Leave),
            PgWireFrontendMessage::Sync(_) => {
                self.skips_to_sync = false;
                self.ready().await?;
            }
            PgWireFrontendMessage::Query(query) => {
                self.skips_to_sync = false;
                if let Err(failure) = self.simple(&query.query).await {
                    self.fail(failure)?;
                }
                self.ready().await?;
            }
            PgWireFrontendMessage::Flush(_) => self.writer.flush().await?,
            message if message.is_extended_query() => {
                if !self.skips_to_sync
                    && let Err(failure) = self.extended(message).await
                {
                    self.fail(failure)?;
                    self.skips_to_sync = true;
                    self.writer.flush().await?;
                }
            }
            _ => {
                let error = Error::new(sqlstate::PROTOCOL, "unexpected message");
                return Ok(Flow::End(error));
            }
        }
        Ok(Flow::GoOn)
    }

    /// Reports a failed statement, or passes a failed connection on.
    fn fail(&mut self, failure: Failure) -> io::Result<()> {
        let mut error = match failure {
            Failure::Connection(error) => return Err(error),
            Failure::Statement(error) => error,
        };
        if error.sqlstate == causeway_sql::sqlstate::CANCELLED && self.shutdown.is_cancelled() {
            error = Error::cancelled("shutdown of the server");
        }
        tracing::debug!(
            sqlstate = error.sqlstate,
            message = error.message,
            "statement failed"
        );
        if self.transaction == TransactionStatus::Transaction {
            self.transaction = TransactionStatus::Error;
        }
        self.writer.send(&error_response(&error))
    }

    async fn ready(&mut self) -> io::Result<()> {
        if self.transaction == TransactionStatus::Idle {
            // Portals live as long as their transaction, and without BEGIN that ends here.
            self.portals.clear();
        }
        self.writer
            .send(&Reply::ReadyForQuery(ReadyForQuery::new(self.transaction)))?;
        self.writer.flush().await
    }

    async fn simple(&mut self, sql: &str) -> Result<(), Failure> {
        let statements = self.session.parse(sql)?;
        if statements.is_empty() {
            return Ok(self
                .writer
                .send(&Reply::EmptyQueryResponse(EmptyQueryResponse::new()))?);
        }
        for statement in &statements {
            if self.shutdown.is_cancelled() {
                return Err(shutting_down().into());
            }
            self.check_transaction(statement)?;
            if let Some(copy) = Copy::of(statement)? {
                let answer = self.session.run(&copy.query, Vec::new()).await?;
                self.copy(&copy, answer).await?;
                continue;
            }
            let answer = self.session.run(statement, Vec::new()).await?;
            if answer.schema().is_none() {
                self.complete_command(statement, &answer)?;
                continue;
            }
            let zone = self.session.time_zone();
            let mut running = Running::start(answer, &Formats::text(), None, zone).await?;
            let description = running.encoder.description();
            self.writer.send(&Reply::RowDescription(description))?;
            self.send_rows(&mut running, None).await?;
        }
        Ok(())
    }

    /// In a failed transaction, only its end is accepted, and COMMIT is no other end than ROLLBACK. Only what is there is deallocated.
    pub(super) fn check_transaction(&self, statement: &Statement) -> Result<(), Error> {
        if let Some(name) = statement.deallocated()
            && name != "all"
            && !self.statements.contains_key(&name)
            && !self.session.is_prepared(&name)
        {
            let message = format!("prepared statement \"{name}\" does not exist");
            return Err(Error::new(sqlstate::NO_STATEMENT, message));
        }
        let ends = matches!(statement.tag(), "COMMIT" | "ROLLBACK");
        if self.transaction == TransactionStatus::Error && statement.tag() == "COMMIT" {
            self.session.roll_back();
        }
        if self.transaction == TransactionStatus::Error && !ends {
            return Err(Error::new(
                sqlstate::FAILED_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    /// Reports a statement without rows, and follows it: transactions have no effect on live data, but clients track their status.
    pub(super) fn complete_command(&mut self, statement: &Statement, answer: &Answer) -> Result<(), Failure> {
        let mut tag = answer.tag();
        match tag {
            "BEGIN" if self.transaction == TransactionStatus::Idle => {
                self.transaction = TransactionStatus::Transaction;
            }
            "BEGIN" => {
                let notice = warning(
                    sqlstate::ACTIVE_TRANSACTION,
                    "there is already a transaction in progress",
                );
                self.writer.send(&notice)?;
            }
            "ROLLBACK" if is_to_savepoint(statement.text()) => {
                self.transaction = TransactionStatus::Transaction
            }
            "COMMIT" | "ROLLBACK" => {
                if self.transaction == TransactionStatus::Idle {
                    let notice = warning(sqlstate::NO_TRANSACTION, "there is no transaction in progress");
                    self.writer.send(&notice)?;
                }
                if self.transaction == TransactionStatus::Error {
                    tag = "ROLLBACK";
                }
                self.transaction = TransactionStatus::Idle;
            }
            "DISCARD ALL" => {
                self.statements.clear();
                self.portals.clear();
            }
            "DEALLOCATE ALL" => self.statements.clear(),
            "DEALLOCATE" => {
                let name = statement.deallocated().unwrap_or_default();
                self.statements.remove(&name);
            }
            _ => {}
        }
        self.report_settings()?;
        self.notices(answer.context())?;
        Ok(self.writer.send(&complete(tag.to_owned()))?)
    }

    /// Sends rows up to `limit`; false when the limit was reached first.
    pub(super) async fn send_rows(
        &mut self,
        running: &mut Running,
        limit: Option<u64>,
    ) -> Result<bool, Failure> {
        let mut left = limit.unwrap_or(u64::MAX);
        loop {
            if left == 0 {
                return Ok(false);
            }
            let Some(batch) = self.next_batch(running).await? else {
                break;
            };
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(batch.num_rows());
            if wanted < batch.num_rows() {
                running.rest = Some(batch.slice(wanted, batch.num_rows() - wanted));
            }
            self.send_batch(&running.encoder, &batch.slice(0, wanted)).await?;
            left -= wanted as u64;
            running.sent += wanted as u64;
        }
        self.notices(&running.context)?;
        let tag = match running.tag.as_str() {
            tag @ ("SELECT" | "FETCH") => format!("{tag} {}", running.sent),
            tag => tag.to_owned(),
        };
        self.writer.send(&complete(tag))?;
        Ok(true)
    }

    /// The next rows of an answer, unless they are cancelled.
    pub(super) async fn next_batch(&mut self, running: &mut Running) -> Result<Option<RecordBatch>, Error> {
        let next = tokio::select! {
            biased;
            () = self.running.cancelled() => Some(Err(Error::cancelled("user request"))),
            next = running.next() => next,
        };
        next.transpose()
    }

    /// Encodes a batch, and sends it in pieces so that a slow client holds the stream back instead of filling memory.
    async fn send_batch(&mut self, encoder: &Encoder, batch: &RecordBatch) -> Result<(), Failure> {
        let columns = encoder.columns(batch)?;
        for row in 0..batch.num_rows() {
            encoder.row(&columns, row, self.writer.buffer())?;
            if self.writer.buffer().len() >= Writer::FLUSH_BYTES {
                self.flush_or_cancel().await?;
            }
        }
        // Even a few rows go out now: the next ones may be a page of a slow system away.
        self.flush_or_cancel().await
    }

    /// A client that does not read must not keep a cancelled statement alive; what is half sent goes out later.
    pub(super) async fn flush_or_cancel(&mut self) -> Result<(), Failure> {
        tokio::select! {
            biased;
            flushed = self.writer.flush() => Ok(flushed?),
            () = self.running.cancelled() => Err(Error::cancelled("user request").into()),
        }
    }

    pub(super) fn notices(&mut self, context: &QueryContext) -> io::Result<()> {
        for notice in context.take_notices() {
            self.writer.send(&warning("01000", notice))?;
        }
        Ok(())
    }

    /// Tells the client about settings that a statement changed.
    fn report_settings(&mut self) -> io::Result<()> {
        for name in REPORTED {
            let Some(value) = reported_value(&self.session, name) else {
                continue;
            };
            if self.reported.get(name) != Some(&value) {
                let status = ParameterStatus::new((*name).to_owned(), value.clone());
                self.writer.send(&Reply::ParameterStatus(status))?;
                self.reported.insert(name, value);
            }
        }
        Ok(())
    }
}

pub(super) fn complete(tag: String) -> Reply {
    Reply::CommandComplete(CommandComplete::new(tag))
}

/// Whether a ROLLBACK goes back to a savepoint only.
fn is_to_savepoint(text: &str) -> bool {
    text.split_whitespace()
        .any(|word| word.eq_ignore_ascii_case("to"))
}
