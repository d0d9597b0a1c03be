//! What a remote query language can say, and how faithfully.
//!
//! Owns: the [`Dialect`] trait and its [`Verdict`]. Does not own: how verdicts combine; see [`translate`](crate::translate()).
//! Invariant: every default says no. A source claims what it can do, operator by operator.
//! Start at [`Dialect::atom`].

use std::borrow::Cow;

use crate::{AggregateFunction, Column, Condition, Error, Literal, Op, RemoteQuery, Table};

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

    /// The constant as records of the column hold it, when the source also writes it in another way; `None` when it is that already.
    fn normalized(&self, column: &Column, value: &Literal) -> Option<Literal> {
        let _ = (column, value);
        None
    }

    /// Whether the condition is certain to be sent whole, however many stand beside it. One that is not is checked again.
    fn sends_whole(&self, condition: &Condition) -> bool {
        let _ = condition;
        true
    }

    /// Whether the source sorts the column exactly as Arrow does, NULLs placed as asked.
    fn sorts_like_arrow(&self, column: &Column) -> bool {
        let _ = column;
        false
    }

    /// Whether rows can be asked for in the order of the column's values, for an answer that is checked: the source may disregard the
    /// order, and NULLs may stand anywhere in it. Otherwise why not; an empty reason is not shown.
    ///
    /// # Errors
    /// Returns the reason.
    fn sorts_values(&self, column: &Column) -> Result<(), &'static str> {
        let _ = column;
        Err("")
    }

    /// Whether the source groups by the column exactly as Arrow does: values that differ are never put together, and all NULLs
    /// are one group.
    fn groups_like_arrow(&self, column: &Column) -> bool {
        let _ = column;
        false
    }

    /// Whether the source computes the aggregate over the column, or over rows, bit for bit as Arrow does.
    fn aggregates_like_arrow(
        &self,
        table: &Table,
        function: AggregateFunction,
        column: Option<&Column>,
    ) -> bool {
        let _ = (table, function, column);
        false
    }

    /// Whether the source keeps precisely the groups whose count compares as [`Having`](crate::Having) says.
    fn filters_groups(&self) -> bool {
        false
    }

    /// Whether the keys of a join narrow the rows that are grouped.
    fn narrows_groups(&self) -> bool {
        false
    }

    /// Whether a sum over no values is surely NULL, so that they need not be counted too.
    fn sums_nothing_to_null(&self) -> bool {
        false
    }

    /// The condition that `column` of `table` is, or is not, among the values that `inner` selects as its only column.
    ///
    /// Shape: as exact as the conjuncts of `inner`, of which a negated one needs every one exact. NULL is never among the values.
    /// `None` when the source can't say it.
    fn semi_join(
        &self,
        table: &Table,
        column: &Column,
        inner: &RemoteQuery,
        negated: bool,
    ) -> Option<Condition> {
        let _ = (table, column, inner, negated);
        None
    }

    /// Conditions of [`Dialect::semi_join`] that one query may have.
    fn most_semi_joins(&self) -> usize {
        0
    }

    /// Whether this identity surely sees every record that a reference points to, so that a path to a parent shows a record exactly
    /// when a scan of the parent's table would.
    fn sees_every_parent(&self) -> bool {
        false
    }

    /// A column of `parent` as a column of the table that refers to it by `reference`; `None` when no path leads there.
    fn parent_column(&self, reference: &Column, parent: &Table, column: &Column) -> Option<Column> {
        let _ = (reference, parent, column);
        None
    }

    /// Bytes that a record of `table` takes in a page beside its fields, about.
    fn record_bytes(&self, table: &Table) -> usize {
        let _ = table;
        4
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
