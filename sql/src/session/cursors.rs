//! Cursors: DECLARE, FETCH, MOVE and CLOSE.
//!
//! Owns: the cursors of a session, and where each stands. Does not own: the rows; a cursor's query is planned and run like any other, when
//! its first row is asked for. Invariant: a cursor that only goes forward keeps no row but its current one.
//! Source: PostgreSQL 15, `portalcmds.c` and `pquery.c`. Start at [`Cursors::declare`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use causeway_core::QueryContext;
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::Mutex as AsyncMutex;

use super::answer::Limits;
use crate::Error;
use crate::query_log::{QueryRecord, QueryState};

/// Rows of a cursor's query.
type Rows = BoxStream<'static, Result<RecordBatch, Error>>;

/// How far a FETCH or a MOVE goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// So many rows onward; `None` is all of them. Zero is the current row again.
    Forward(Option<u64>),
    Backward(Option<u64>),
    /// To the row of this number, from the end where it is negative.
    Absolute(i64),
    Relative(i64),
}

/// The cursors of one session.
#[derive(Default)]
pub(crate) struct Cursors(Mutex<Open>);

#[derive(Default)]
struct Open {
    cursors: BTreeMap<String, Kept>,
    /// Counts declarations, so that a savepoint can tell what came after it.
    declared: u64,
}

struct Kept {
    cursor: Arc<AsyncMutex<Cursor>>,
    schema: SchemaRef,
    holds: bool,
    number: u64,
    /// Whether the running transaction declared it.
    is_new: bool,
}

impl std::fmt::Debug for Cursors {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.with(|open| open.cursors.keys().cloned().collect());
        formatter.debug_tuple("Cursors").field(&names).finish()
    }
}

/// What DECLARE says of a cursor.
pub(crate) struct Declaration {
    pub(crate) name: String,
    /// Whether it outlives its transaction.
    pub(crate) holds: bool,
}

impl Cursors {
    fn with<T>(&self, work: impl FnOnce(&mut Open) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens a cursor over rows that nobody has asked for yet.
    ///
    /// # Errors
    /// 42P03 when the name is taken.
    pub(crate) fn declare(&self, declaration: Declaration, cursor: Cursor) -> Result<(), Error> {
        let Declaration { name, holds } = declaration;
        self.with(|open| {
            if open.cursors.contains_key(&name) {
                return Err(Error::new("42P03", format!("cursor \"{name}\" already exists")));
            }
            open.declared += 1;
            let kept = Kept {
                schema: Arc::clone(&cursor.schema),
                cursor: Arc::new(AsyncMutex::new(cursor)),
                holds,
                number: open.declared,
                is_new: true,
            };
            open.cursors.insert(name, kept);
            Ok(())
        })
    }

    /// A cursor, and the columns of its rows.
    ///
    /// # Errors
    /// 34000 when there is none of the name.
    pub(crate) fn find(&self, name: &str) -> Result<(Arc<AsyncMutex<Cursor>>, SchemaRef), Error> {
        let found = self.with(|open| {
            let kept = open.cursors.get(name)?;
            Some((Arc::clone(&kept.cursor), Arc::clone(&kept.schema)))
        });
        found.ok_or_else(|| unknown(name))
    }

    /// Closes a cursor, and with it ends its remote work.
    ///
    /// # Errors
    /// 34000 when there is none of the name.
    pub(crate) fn close(&self, name: &str) -> Result<(), Error> {
        let closed = self.with(|open| open.cursors.remove(name));
        closed.map(drop).ok_or_else(|| unknown(name))
    }

    pub(crate) fn close_all(&self) {
        self.with(|open| open.cursors.clear());
    }

    /// A transaction ends well: what holds stays.
    pub(crate) fn commit(&self) {
        self.with(|open| {
            open.cursors.retain(|_, kept| kept.holds);
            open.cursors.values_mut().for_each(|kept| kept.is_new = false);
        });
    }

    /// A transaction is rolled back: what it declared is gone.
    pub(crate) fn roll_back(&self) {
        self.with(|open| open.cursors.retain(|_, kept| kept.holds && !kept.is_new));
    }

    /// The number of declarations so far.
    pub(crate) fn declared(&self) -> u64 {
        self.with(|open| open.declared)
    }

    /// What was declared later is gone.
    pub(crate) fn roll_back_to(&self, declared: u64) {
        self.with(|open| open.cursors.retain(|_, kept| kept.number <= declared));
    }
}

fn unknown(name: &str) -> Error {
    Error::new("34000", format!("cursor \"{name}\" does not exist"))
}

/// One cursor: the rows that are still to come, those that are kept, and where it stands.
pub(crate) struct Cursor {
    schema: SchemaRef,
    rows: Option<Rows>,
    pub(crate) context: Arc<QueryContext>,
    record: Arc<QueryRecord>,
    /// Whether rows are kept to go back to.
    scrolls: bool,
    kept: Vec<RecordBatch>,
    /// Rows before the first one that is kept.
    dropped: u64,
    /// Rows read so far.
    read: u64,
    /// The row it stands on, from 1; 0 is before the first, and one more than there are is behind the last.
    position: u64,
    memory: MemoryReservation,
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.record.finish(QueryState::Done);
    }
}

impl Cursor {
    pub(crate) fn new(
        (schema, rows): (SchemaRef, Rows),
        scrolls: bool,
        context: Arc<QueryContext>,
        record: Arc<QueryRecord>,
        pool: &Arc<dyn MemoryPool>,
    ) -> Self {
        Self {
            schema,
            rows: Some(rows),
            context,
            record,
            scrolls,
            kept: Vec::new(),
            dropped: 0,
            read: 0,
            position: 0,
            memory: MemoryConsumer::new("cursor").register(pool),
        }
    }

    /// Goes to other rows and returns them, in the order in which it met them.
    ///
    /// # Errors
    /// 55000 backwards without SCROLL; those of the query; 57014.
    pub(crate) async fn go(&mut self, direction: Direction, limits: &Limits) -> Result<RecordBatch, Error> {
        match direction {
            Direction::Forward(Some(0)) | Direction::Backward(Some(0)) | Direction::Relative(0) => {
                let position = self.position;
                self.rows_of(position..=position)
            }
            Direction::Forward(count) => self.forward(count, limits).await,
            Direction::Backward(count) => self.backward(count),
            Direction::Absolute(row) if row < 0 => {
                self.read_up_to(u64::MAX, limits).await?;
                let row = (self.read + 1).saturating_sub(row.unsigned_abs());
                self.stand_on(row, limits).await
            }
            Direction::Absolute(row) => self.stand_on(row.unsigned_abs(), limits).await,
            Direction::Relative(rows) => {
                let row = self.position.saturating_add_signed(rows);
                self.stand_on(row, limits).await
            }
        }
    }

    async fn forward(&mut self, count: Option<u64>, limits: &Limits) -> Result<RecordBatch, Error> {
        let first = self.position + 1;
        let last = count.map_or(u64::MAX, |count| self.position.saturating_add(count));
        self.read_up_to(last, limits).await?;
        let rows = self.rows_of(first..=last.min(self.read))?;
        self.position = if last <= self.read { last } else { self.read + 1 };
        self.forget();
        Ok(rows)
    }

    fn backward(&mut self, count: Option<u64>) -> Result<RecordBatch, Error> {
        self.check_scroll()?;
        let last = self.position.saturating_sub(1);
        let first = count.map_or(1, |count| self.position.saturating_sub(count).max(1));
        let rows = self.rows_of(first..=last)?;
        self.position = count.map_or(0, |count| self.position.saturating_sub(count));
        let backwards = (0..rows.num_rows())
            .rev()
            .filter_map(|row| u32::try_from(row).ok());
        Ok(take_record_batch(
            &rows,
            &UInt32Array::from_iter_values(backwards),
        )?)
    }

    /// Stands on one row and returns it, or behind the last one.
    async fn stand_on(&mut self, row: u64, limits: &Limits) -> Result<RecordBatch, Error> {
        if row < self.position {
            self.check_scroll()?;
        }
        self.read_up_to(row, limits).await?;
        self.position = row.min(self.read + 1);
        let found = self.rows_of(self.position..=self.position)?;
        self.forget();
        Ok(found)
    }

    fn check_scroll(&self) -> Result<(), Error> {
        match self.scrolls {
            true => Ok(()),
            false => Err(Error::new("55000", "cursor can only scan forward")
                .with_hint("Declare it with SCROLL option to enable backward scan.")),
        }
    }

    /// Reads until there are so many rows, or no more.
    async fn read_up_to(&mut self, row: u64, limits: &Limits) -> Result<(), Error> {
        while self.read < row {
            let Some(rows) = &mut self.rows else {
                return Ok(());
            };
            match limits.guard(rows.next()).await? {
                Some(Ok(batch)) => {
                    self.memory.try_grow(batch.get_array_memory_size())?;
                    self.read += batch.num_rows() as u64;
                    self.record.add_rows(batch.num_rows());
                    self.kept.push(batch);
                }
                Some(Err(error)) => {
                    self.rows = None;
                    self.record.finish(QueryState::Failed);
                    return Err(error);
                }
                None => {
                    self.rows = None;
                    self.record.finish(QueryState::Done);
                }
            }
        }
        Ok(())
    }

    /// The rows of these numbers, as far as there are such.
    fn rows_of(&self, wanted: std::ops::RangeInclusive<u64>) -> Result<RecordBatch, Error> {
        let (first, last) = (*wanted.start().max(&1), *wanted.end());
        let mut found = Vec::new();
        let mut before = self.dropped;
        for batch in &self.kept {
            let rows = batch.num_rows() as u64;
            let (from, to) = (first.max(before + 1), last.min(before + rows));
            if from <= to {
                let offset = usize::try_from(from - before - 1).map_err(Error::internal)?;
                let length = usize::try_from(to - from + 1).map_err(Error::internal)?;
                found.push(batch.slice(offset, length));
            }
            before += rows;
        }
        Ok(concat_batches(&self.schema, &found)?)
    }

    /// Lets go of the rows that can't be asked for again.
    fn forget(&mut self) {
        if self.scrolls {
            return;
        }
        while let Some(first) = self.kept.first()
            && self.dropped + (first.num_rows() as u64) < self.position
        {
            let over = self.kept.remove(0);
            self.dropped += over.num_rows() as u64;
            self.memory
                .shrink(over.get_array_memory_size().min(self.memory.size()));
        }
    }
}
