//! The one value that pushdown grows.
//!
//! Owns: what is asked of a remote table. Does not own: how it is written; see [`Dialect`](crate::Dialect).
//! Invariant: it is plain data that can be serialised, so that a scan can run anywhere. Start at [`RemoteQuery`].

use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::{ColumnType, Condition, Fidelity, Literal, Op, Pushed, Table};

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
    /// Groups that the remote system makes of the rows; then `columns` is empty and the output is keys and aggregates.
    pub grouping: Option<Grouping>,
    /// Sort keys, most significant first; only where the remote order equals Arrow's.
    pub order: Vec<Order>,
    /// A promise that no more rows are wanted; only when every conjunct is exact, or for [`Source::first_in_order`](crate::Source::first_in_order).
    pub limit: Option<u64>,
    /// A hint: the reader will probably stop after so many rows.
    pub page_rows: Option<usize>,
}

/// Values of one column, at least one of which must match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeySet {
    /// Position of the column in its table.
    pub column: usize,
    /// How a record's value must match one of them.
    pub test: KeyTest,
    /// Distinct values, or patterns.
    pub values: Vec<Literal>,
    /// Whether records without a value are wanted too.
    pub or_null: bool,
}

/// How a value matches a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyTest {
    /// `=`
    Equal,
    /// `LIKE`; the keys are patterns
    Like,
    /// `ILIKE`; the keys are patterns
    ILike,
}

impl KeySet {
    /// Keys that a value must equal.
    #[must_use]
    pub fn equal(column: usize, values: Vec<Literal>) -> Self {
        Self {
            column,
            test: KeyTest::Equal,
            values,
            or_null: false,
        }
    }

    /// The same test of other values.
    #[must_use]
    pub fn with_values(&self, values: Vec<Literal>) -> Self {
        Self { values, ..*self }
    }
}

/// What the remote system computes over all matching rows; only when every conjunct is exact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grouping {
    /// Grouping keys, as positions in the table; without any there is one group, even of no row.
    pub keys: Vec<usize>,
    /// What is computed for each group.
    pub aggregates: Vec<Aggregate>,
    /// Groups that are kept: those for which every comparison holds.
    pub having: Vec<Having>,
}

/// A count compared with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Having {
    /// Position in [`Grouping::aggregates`] of a count.
    pub aggregate: usize,
    /// One of the six comparisons.
    pub op: Op,
    /// The constant.
    pub value: i64,
}

/// One aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Aggregate {
    /// The function.
    pub function: AggregateFunction,
    /// Position of its column in the table; `None` for `COUNT(*)`.
    pub column: Option<usize>,
}

/// What an aggregate computes, with SQL's rules for NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AggregateFunction {
    /// Rows, or values that are not NULL.
    Count,
    /// Distinct values that are not NULL.
    CountDistinct,
    /// Sum of the values.
    Sum,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
}

impl AggregateFunction {
    /// The function as SQL writes it.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Count | Self::CountDistinct => "COUNT",
            Self::Sum => "SUM",
            Self::Min => "MIN",
            Self::Max => "MAX",
        }
    }
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
            grouping: None,
            order: Vec::new(),
            limit: None,
            page_rows: None,
        }
    }

    /// The query without what other rows of the statement told: keys of joins, and conditions that hold their values.
    #[must_use]
    pub fn without_keys(&self) -> Self {
        let mut query = self.clone();
        query.keys = None;
        query.filters.retain(|filter| !filter.derived);
        query
    }

    /// Whether other rows of the statement narrow it.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys.is_some() || self.filters.iter().any(|filter| filter.derived)
    }

    /// The Arrow schema of its rows: the columns, or the keys and aggregates `a0`, `a1` … of a grouped query.
    #[must_use]
    pub fn output_schema(&self) -> SchemaRef {
        let Some(grouping) = &self.grouping else {
            return self.table.schema_of(&self.columns);
        };
        let keys = grouping.keys.iter().filter_map(|&key| {
            let column = self.table.columns.get(key)?;
            Some(Field::new(&column.name, column.ty.arrow(), true))
        });
        let aggregates = grouping.aggregates.iter().enumerate().map(|(at, aggregate)| {
            let counts = matches!(
                aggregate.function,
                AggregateFunction::Count | AggregateFunction::CountDistinct
            );
            Field::new(format!("a{at}"), self.aggregate_type(*aggregate).arrow(), !counts)
        });
        Arc::new(Schema::new(keys.chain(aggregates).collect::<Vec<_>>()))
    }

    /// The type of an aggregate's values: counts are whole numbers, the others have their column's type.
    #[must_use]
    pub fn aggregate_type(&self, aggregate: Aggregate) -> ColumnType {
        match aggregate.function {
            AggregateFunction::Count | AggregateFunction::CountDistinct => ColumnType::Int64,
            AggregateFunction::Sum | AggregateFunction::Min | AggregateFunction::Max => aggregate
                .column
                .and_then(|column| self.table.columns.get(column))
                .map_or(ColumnType::Int64, |column| column.ty),
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

    /// Whether it asks for fields of parents.
    #[must_use]
    pub fn is_along_paths(&self) -> bool {
        let mut columns = self
            .columns
            .iter()
            .filter_map(|&column| self.table.columns.get(column));
        columns.any(|column| column.through.is_some())
    }

    /// Whether no row can match, so that nothing needs to be asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limit == Some(0)
            || self
                .keys
                .as_ref()
                .is_some_and(|keys| keys.values.is_empty() && !keys.or_null)
            || self
                .filters
                .iter()
                .any(|filter| filter.condition == Condition::Never)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Atom, Constant, Operand, RemoteOp, Selection, TableName};

    fn name(name: &str) -> TableName {
        TableName {
            name: name.to_owned(),
            remote: name.to_owned(),
            label: String::new(),
        }
    }

    #[test]
    fn a_query_can_be_carried_elsewhere_with_every_kind_of_condition() {
        let table = Table {
            source: "crm".into(),
            name: name("contact"),
            columns: Vec::new(),
            key: vec![0],
            domain: None,
            url_template: String::new(),
            required_filter: None,
        };
        let text = |text: &str| Constant::text(text);
        let atoms = [
            Atom::test("F", RemoteOp::IsNull),
            Atom::with("F", RemoteOp::Eq, text("a^b'")),
            Atom::list(
                "F",
                RemoteOp::Other("INCLUDES".into()),
                vec![text("a"), Constant::plain(1)],
            ),
            Atom::new(
                "F",
                RemoteOp::In,
                Operand::Displayed {
                    texts: vec!["New".to_owned()],
                    stored: ColumnType::Int64,
                },
            ),
            Atom::new(
                "F",
                RemoteOp::NotIn,
                Operand::Selection(Selection {
                    table: name("account"),
                    field: "Id".to_owned(),
                    conditions: vec![Condition::Never],
                }),
            ),
        ];
        let conditions = atoms.map(Condition::Atom).to_vec();
        let pushed = Pushed {
            condition: Condition::All(vec![Condition::Any(conditions), Condition::Never]),
            fidelity: Fidelity::Superset,
            reason: "why".to_owned(),
            derived: true,
        };
        let query = RemoteQuery {
            filters: vec![pushed],
            ..RemoteQuery::new(Arc::new(table), vec![0])
        };
        let carried = serde_json::to_string(&query).expect("data");
        assert_eq!(serde_json::from_str::<RemoteQuery>(&carried).ok(), Some(query));
    }
}
