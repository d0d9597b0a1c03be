//! Prepared statements and portals, as one connection keeps them.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use causeway_sql::{ScalarValue, Statement};

use super::rows::Formats;
use super::running::Running;

/// A parsed statement.
pub(super) struct Prepared {
    /// `None` for an empty text.
    pub(super) statement: Option<Statement>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) schema: Option<SchemaRef>,
}

/// A parameter, as the client declared it and as the engine takes it.
pub(super) struct Parameter {
    pub(super) oid: u32,
    pub(super) ty: DataType,
}

/// A statement with its parameters, and its rows once they are asked for.
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    pub(super) parameters: Vec<ScalarValue>,
    pub(super) formats: Formats,
    pub(super) progress: Progress,
}

/// How far a portal has been run.
pub(super) enum Progress {
    New,
    Running(Box<Running>),
    Done(String),
}
