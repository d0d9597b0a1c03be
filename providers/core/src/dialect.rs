//! What a remote language can say, and how faithfully.

use std::borrow::Cow;

use crate::{Column, Condition, Error, Literal, Op, RemoteQuery};

/// What becomes of one comparison: verdict and translation are one value, made by one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The condition returns precisely SQL's rows.
    Exact(Condition),
    /// The condition may return more; the reason is shown by EXPLAIN.
    Superset(Condition, Cow<'static, str>),
    /// It stays local; the reason is shown by EXPLAIN.
    Never(Cow<'static, str>),
}

/// The semantics of a remote query language. Every default says no.
pub trait Dialect: Send + Sync + std::fmt::Debug {
    /// Translates one comparison, or declines it.
    ///
    /// Shape: `values` is empty for the null tests, holds one value for most operators, one or more for IN.
    fn atom(&self, column: &Column, op: Op, values: &[Literal]) -> Verdict {
        let _ = (column, op, values);
        Verdict::Never(Cow::Borrowed("the source cannot filter"))
    }

    /// Whether columns that are no plain remote field may be offered to [`Dialect::atom`].
    fn filters_origin(&self, column: &Column) -> bool {
        let _ = column;
        false
    }

    /// Whether the source sorts the column exactly as Arrow does, NULLs placed as asked.
    fn sorts_like_arrow(&self, column: &Column) -> bool {
        let _ = column;
        false
    }

    /// Name of a scan in EXPLAIN.
    fn scan_name(&self) -> &'static str {
        "RemoteScan"
    }

    /// What EXPLAIN calls the text of [`Dialect::render`].
    fn query_label(&self) -> &'static str {
        "query"
    }

    /// Writes the query as a person would paste it into the remote system.
    ///
    /// # Errors
    /// Returns [`Kind::Malformed`](crate::Kind::Malformed) when a name or literal can't be written safely.
    fn render(&self, query: &RemoteQuery) -> Result<String, Error>;

    /// Bytes of the request line that `query` needs, percent-encoded.
    ///
    /// # Errors
    /// As [`Dialect::render`].
    fn request_bytes(&self, query: &RemoteQuery) -> Result<usize, Error>;
}
