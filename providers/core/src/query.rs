//! The one value that pushdown grows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Condition, Fidelity, Literal, Pushed, Table};

/// What is asked of a remote table: plain, serialisable data, so that a scan can run anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemoteQuery {
    /// The table.
    pub table: Arc<Table>,
    /// Output columns, as positions in the table, without repeats.
    pub columns: Vec<usize>,
    /// Conjuncts with their fidelity.
    pub filters: Vec<Pushed>,
    /// Keys of a join, as one more conjunct.
    pub keys: Option<KeySet>,
    /// Sort keys, most significant first; only where the remote order equals Arrow's.
    pub order: Vec<Order>,
    /// A promise that no more rows are wanted; only when every conjunct is exact.
    pub limit: Option<u64>,
    /// A hint: the reader will probably stop after so many rows.
    pub page_rows: Option<usize>,
}

/// Values of one column, at least one of which must match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeySet {
    /// Position of the column in its table.
    pub column: usize,
    /// Distinct values.
    pub values: Vec<Literal>,
}

/// One sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Position of the column in its table.
    pub column: usize,
    /// Whether large values come first.
    pub descending: bool,
    /// Whether NULLs come first.
    pub nulls_first: bool,
}

impl RemoteQuery {
    /// Asks for whole rows of these columns.
    #[must_use]
    pub fn new(table: Arc<Table>, columns: Vec<usize>) -> Self {
        Self {
            table,
            columns,
            filters: Vec::new(),
            keys: None,
            order: Vec::new(),
            limit: None,
            page_rows: None,
        }
    }

    /// Whether every conjunct is exact, so that what arrives is what SQL wants.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.keys.is_none()
            && self
                .filters
                .iter()
                .all(|filter| filter.fidelity == Fidelity::Exact)
    }

    /// Whether no row can match, so that nothing needs to be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limit == Some(0)
            || self.keys.as_ref().is_some_and(|keys| keys.values.is_empty())
            || self
                .filters
                .iter()
                .any(|filter| filter.condition == Condition::Never)
    }
}
