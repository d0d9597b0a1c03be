//! Tables and columns as plain data.
//!
//! Owns: what a source described, under the names that SQL uses. Does not own: how it was found out.
//! Invariant: a flag that nobody set is off, so a column can do nothing that was not described.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DECIMAL128_MAX_PRECISION, DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

/// SQL type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnType {
    /// `boolean`
    Boolean,
    /// `bigint`
    Int64,
    /// `double precision`
    Float64,
    /// `numeric`, at most 38 digits, of which this many stand behind the point
    Decimal {
        /// Digits behind the point.
        scale: i8,
    },
    /// `text`
    Text,
    /// `date`
    Date,
    /// `timestamptz`, microseconds since 1970 in UTC
    Timestamp,
    /// `time`, microseconds since midnight
    Time,
}

impl ColumnType {
    /// The Arrow type that batches carry.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Decimal { scale } => DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale),
            Self::Text => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
        }
    }
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// A remote field, as its source names it: an API name, or a path in the source's own way.
    Field(String),
    /// The display value of a remote field.
    Display(String),
    /// The link that opens the record, made from the record's key.
    RecordUrl,
}

/// What the remote system was seen to do with conditions on a column, for the identity that the table was described for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether it honours equality and null tests; `None` when nobody tried.
    pub equality: Option<bool>,
    /// Whether it honours comparisons, patterns and sorts; `None` when nobody tried.
    pub range: Option<bool>,
    /// Whether it reads date-time literals in UTC; false when nobody tried.
    pub utc: bool,
}

/// What an operator asks of a column. Systems that allow or honour conditions by column do so for a class as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperatorClass {
    /// Equality, lists, null tests.
    Equality,
    /// Comparisons, patterns, sorts.
    Range,
}

impl Verification {
    /// Whether the system honours operators of this class; `None` when nobody tried.
    #[must_use]
    pub fn of(self, class: OperatorClass) -> Option<bool> {
        match class {
            OperatorClass::Equality => self.equality,
            OperatorClass::Range => self.range,
        }
    }
}

/// One column of a remote table, with what the remote system says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent flags as described by the remote system"
)]
pub struct Column {
    /// SQL name: the API name in lower case.
    pub name: String,
    /// Where its values come from.
    pub origin: Origin,
    /// SQL type.
    pub ty: ColumnType,
    /// Label that people see in the remote system.
    pub label: String,
    /// The remote system's own name of the type, as its own administrators know it.
    pub remote_type: String,
    /// Objects that a reference points to, by API name.
    pub references: Vec<String>,
    /// Name of the relationship that leads to the parent, where it can be traversed.
    pub relationship: Option<String>,
    /// The relationship by which it is reached, for a field of a parent; `None` for the record's own.
    #[serde(default)]
    pub through: Option<String>,
    /// Whether the remote system accepts it in a filter.
    pub filterable: bool,
    /// Whether the remote system accepts it in a sort.
    pub sortable: bool,
    /// Whether the remote system accepts it as a grouping key.
    pub groupable: bool,
    /// Whether the remote system accepts it in an aggregate.
    pub aggregatable: bool,
    /// Whether values are unique.
    pub unique: bool,
    /// Whether the remote system compares its text case-sensitively.
    pub case_sensitive: bool,
    /// Whether its value is computed by the remote system (a formula).
    pub calculated: bool,
    /// Whether the remote system has one value for NULL and the empty text, so that the empty text reads as NULL.
    #[serde(default)]
    pub empty_is_null: bool,
    /// About how many values it has, where they are chosen from a list; 0 where they are not.
    #[serde(default)]
    pub choices: usize,
    /// What was seen of conditions on it; nothing for systems that refuse what they don't honour.
    #[serde(default)]
    pub verification: Verification,
}

impl Column {
    /// Makes a column of the remote field `field` with every flag off.
    pub fn field(field: impl Into<String>, ty: ColumnType, remote_type: impl Into<String>) -> Self {
        let field = field.into();
        Self {
            name: field.to_lowercase(),
            label: field.clone(),
            origin: Origin::Field(field),
            ty,
            remote_type: remote_type.into(),
            references: Vec::new(),
            relationship: None,
            through: None,
            filterable: false,
            sortable: false,
            groupable: false,
            aggregatable: false,
            unique: false,
            case_sensitive: false,
            calculated: false,
            empty_is_null: false,
            choices: 0,
            verification: Verification::default(),
        }
    }

    /// Makes the `record_url` column.
    #[must_use]
    pub fn record_url() -> Self {
        Self {
            name: "record_url".to_owned(),
            label: "link to the record in its own system".to_owned(),
            origin: Origin::RecordUrl,
            ..Self::field("", ColumnType::Text, "")
        }
    }

    /// The remote field as its source names it; `None` for columns that are no remote field.
    #[must_use]
    pub fn remote_field(&self) -> Option<&str> {
        match &self.origin {
            Origin::Field(field) => Some(field),
            Origin::Display(_) | Origin::RecordUrl => None,
        }
    }
}

/// Name and label of a table, without its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableName {
    /// SQL name: the API name in lower case.
    pub name: String,
    /// API name.
    pub remote: String,
    /// Label that people see.
    pub label: String,
}

/// A remote table with its columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Configured name of its source, which is its SQL schema.
    pub source: Arc<str>,
    /// Its names.
    pub name: TableName,
    /// Columns in the order of `SELECT *`.
    pub columns: Vec<Column>,
    /// Positions in `columns` of the record's key: one column, or several that tell records apart together. None of them is NULL.
    pub key: Vec<usize>,
    /// Position of the column by which people see the record or not, such as its domain; see [`Source::row_scope`](crate::Source::row_scope).
    pub domain: Option<usize>,
    /// `record_url` of a record, with `{key}` in place of the record's key.
    pub url_template: String,
    /// Why a scan needs a filter, where the remote system demands one.
    pub required_filter: Option<String>,
}

impl Table {
    /// Finds a column by its SQL name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
    }

    /// The record's key, where it is one column.
    #[must_use]
    pub fn single_key(&self) -> Option<usize> {
        match self.key.as_slice() {
            [key] => Some(*key),
            _ => None,
        }
    }

    /// The Arrow schema of all columns; labels and API names are the comments. Every column is nullable except the key.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.schema_of(&(0..self.columns.len()).collect::<Vec<_>>())
    }

    /// The Arrow schema of the columns at these positions. Positions out of range are left out.
    #[must_use]
    pub fn schema_of(&self, columns: &[usize]) -> SchemaRef {
        let fields = columns.iter().filter_map(|&index| {
            let column = self.columns.get(index)?;
            Some(Field::new(
                &column.name,
                column.ty.arrow(),
                !self.key.contains(&index),
            ))
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// Gives later columns of the same SQL name a number: names that differ only in case, or a field that is called like one of ours.
/// In the order of the columns, so that the same description gives the same names.
pub fn make_names_unique(columns: &mut [Column]) {
    let mut taken = HashSet::new();
    for column in columns {
        let plain = column.name.clone();
        let mut number = 2;
        while !taken.insert(column.name.clone()) {
            column.name = format!("{plain}_{number}");
            number += 1;
        }
    }
}

/// The candidate that looks most like `wanted`, when one is close enough to suggest.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(wanted, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
