//! The statements about cursors, as a session runs them.
//!
//! Owns: what DECLARE, FETCH, MOVE and CLOSE say. Does not own: the cursors; see `cursors`. Invariant: a cursor's query may take what any
//! query may, and is cancelled by the statement that waits for it. Start at [`Session::declare`].

use std::sync::Arc;

use causeway_core::QueryContext;
use causeway_postgres::column_names::folded;
use causeway_postgres::moves;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, FetchDirection, Ident, ValueWithSpan};
use futures::StreamExt as _;

use super::answer::relabelled;
use super::cursors::{Cursor, Declaration, Direction};
use super::{Session, output_schema};
use crate::error::sqlstate;
use crate::query_log::QueryRecord;
use crate::{Answer, Error, Statement, execute};

/// The query of a DECLARE.
pub(super) fn declared_query(declare: &[ast::Declare]) -> Result<(&ast::Declare, Statement), Error> {
    let declared = match declare {
        [only] => only.for_query.as_ref().map(|query| (only, query)),
        _ => None,
    };
    let Some((declare, query)) = declared else {
        return Err(Error::new(
            sqlstate::SYNTAX,
            "DECLARE takes one cursor and its query",
        ));
    };
    let query = ast::Statement::Query(query.clone());
    Ok((declare, Statement::of_explained(query)))
}

impl Session {
    /// # Errors
    /// 25P01 outside a transaction unless the cursor holds, 42P03 for a name that is taken, any error of planning its query.
    pub(super) async fn declare(
        &self,
        declare: &[ast::Declare],
        parameters: Vec<ScalarValue>,
        context: &Arc<QueryContext>,
        record: &Arc<QueryRecord>,
    ) -> Result<(), Error> {
        let (declare, query) = declared_query(declare)?;
        let name = declare.names.first().map(folded).unwrap_or_default();
        let holds = declare.hold == Some(true);
        if !holds {
            self.check_block("DECLARE CURSOR")?;
        }
        if declare.binary == Some(true) {
            let message = "BINARY cursors are not supported; ask for binary columns with the protocol";
            return Err(Error::new(sqlstate::NOT_SUPPORTED, message));
        }
        let planning = async {
            let (state, plan) = self.planned(&query, parameters, context).await?;
            let pool = Arc::clone(&state.runtime_env().memory_pool);
            let rows = execute::run(state, plan)
                .await
                .map_err(causeway_postgres::unplannable)?;
            Ok::<_, Error>((rows, pool))
        };
        let (rows, pool) = self.limits().guard(planning).await??;
        let schema = output_schema(&query, &rows.schema());
        let shown = Arc::clone(&schema);
        let rows = rows.map(move |batch| relabelled(&batch?, &shown)).boxed();
        let scrolls = declare.scroll == Some(true);
        let (context, record) = (Arc::clone(context), Arc::clone(record));
        let cursor = Cursor::new((schema, rows), scrolls, context, record, &pool);
        self.cursors.declare(Declaration { name, holds }, cursor)
    }

    /// The columns of an open cursor.
    #[must_use]
    pub fn cursor_schema(&self, name: &str) -> Option<SchemaRef> {
        self.cursors.find(name).ok().map(|(_, schema)| schema)
    }

    /// FETCH and MOVE.
    ///
    /// # Errors
    /// 34000 for a cursor that doesn't exist, 55000 backwards without SCROLL, any error of its query.
    pub(super) async fn fetch(
        &self,
        name: &Ident,
        direction: &FetchDirection,
        into: Option<&ast::ObjectName>,
        record: &Arc<QueryRecord>,
    ) -> Result<Answer, Error> {
        let direction = direction_of(direction)?;
        let (cursor, _) = self.cursors.find(&folded(name))?;
        let mut cursor = cursor.lock().await;
        let batch = cursor.go(direction, &self.limits()).await?;
        let context = Arc::clone(&cursor.context);
        if moves(into) {
            let tag = format!("MOVE {}", batch.num_rows());
            return Ok(Answer::command(&tag, context, record));
        }
        Ok(Answer::batch("FETCH", batch, context, record))
    }

    /// The columns of a FETCH; `None` of a MOVE.
    pub(super) fn fetched_schema(
        &self,
        name: &Ident,
        into: Option<&ast::ObjectName>,
    ) -> Result<Option<SchemaRef>, Error> {
        let (_, schema) = self.cursors.find(&folded(name))?;
        Ok(Some(schema).filter(|_| !moves(into)))
    }

    /// # Errors
    /// 34000 for a cursor that doesn't exist.
    pub(super) fn close(&self, cursor: &ast::CloseCursor) -> Result<(), Error> {
        match cursor {
            ast::CloseCursor::All => self.cursors.close_all(),
            ast::CloseCursor::Specific { name } => self.cursors.close(&folded(name))?,
        }
        Ok(())
    }
}

fn direction_of(direction: &FetchDirection) -> Result<Direction, Error> {
    use FetchDirection as F;
    let number = |limit: &ValueWithSpan| {
        let digits = limit.value.to_string();
        let out_of_range = || {
            Error::new(
                "22003",
                format!("value \"{digits}\" is out of range for type bigint"),
            )
        };
        digits.parse::<i64>().map_err(|_| out_of_range())
    };
    let forward = |rows: i64| match rows {
        0.. => Direction::Forward(Some(rows.unsigned_abs())),
        _ => Direction::Backward(Some(rows.unsigned_abs())),
    };
    Ok(match direction {
        F::Next | F::Forward { limit: None } => Direction::Forward(Some(1)),
        F::Prior | F::Backward { limit: None } => Direction::Backward(Some(1)),
        F::First => Direction::Absolute(1),
        F::Last => Direction::Absolute(-1),
        F::All | F::ForwardAll => Direction::Forward(None),
        F::BackwardAll => Direction::Backward(None),
        F::Absolute { limit } => Direction::Absolute(number(limit)?),
        F::Relative { limit } => Direction::Relative(number(limit)?),
        F::Count { limit } | F::Forward { limit: Some(limit) } => forward(number(limit)?),
        F::Backward { limit: Some(limit) } => forward(number(limit)?.saturating_neg()),
    })
}
