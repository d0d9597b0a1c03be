//! Answers of both sides in one form, and whether two of them are the same.
//!
//! Invariant: values are the same when PostgreSQL would print them alike; doubles, when their bits are.

use std::cmp::Ordering;
use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt32Type, UInt64Type,
};
use tokio_postgres::types::Type;

/// What kind of value a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Number(Number),
    Text,
    Date,
    /// With a time zone.
    Moment,
    LocalMoment,
    Time,
    /// NULL of no type in particular.
    Untyped,
}

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Smallint,
    Integer,
    Bigint,
    Numeric,
    Real,
    Double,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    /// A whole or decimal number, without trailing zeros.
    Exact(String),
    Double(f64),
    /// Everything else, as PostgreSQL prints it.
    Text(String),
}

/// What a statement answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// How two answers are compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Comparison {
    /// The columns that rows are ordered by, as far as the statement orders them.
    pub(crate) ordered_by: Vec<usize>,
    /// Whether that order leaves no choice.
    pub(crate) total: bool,
    /// Columns that are sums or averages of doubles, which depend on the order of adding.
    pub(crate) rounded: Vec<usize>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(true) => f.write_str("t"),
            Self::Boolean(false) => f.write_str("f"),
            Self::Exact(number) => f.write_str(number),
            Self::Double(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Cell {
    fn same(&self, other: &Self, rounded: bool) -> bool {
        match (self, other) {
            (Self::Double(one), Self::Double(other)) if rounded => nearly(*one, *other),
            (Self::Double(one), Self::Double(other)) => {
                one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan())
            }
            (Self::Double(one), Self::Exact(other)) | (Self::Exact(other), Self::Double(one)) => {
                other.parse::<f64>().is_ok_and(|other| {
                    if rounded {
                        nearly(*one, other)
                    } else {
                        *one == other
                    }
                })
            }
            (Self::Exact(one), Self::Exact(other)) if rounded => {
                one == other
                    || one
                        .parse::<f64>()
                        .ok()
                        .zip(other.parse::<f64>().ok())
                        .is_some_and(|(one, other)| nearly(one, other))
            }
            _ => self == other,
        }
    }

    /// Any total order; only for putting rows side by side.
    fn order(&self, other: &Self) -> Ordering {
        let number = |cell: &Self| match cell {
            Self::Double(number) => Some(*number),
            Self::Exact(number) => number.parse().ok(),
            _ => None,
        };
        match (number(self), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }
}

fn nearly(one: f64, other: f64) -> bool {
    if one.is_nan() || other.is_nan() {
        return one.is_nan() && other.is_nan();
    }
    one == other || (one - other).abs() <= 1e-9 * one.abs().max(other.abs())
}

impl Answer {
    /// Why the answers differ; `None` when they are the same.
    pub(crate) fn difference(&self, other: &Self, how: &Comparison) -> Option<String> {
        if self.kinds.len() != other.kinds.len() {
            return Some(format!("{} columns, not {}", other.kinds.len(), self.kinds.len()));
        }
        for (at, (one, other)) in self.kinds.iter().zip(&other.kinds).enumerate() {
            if one != other && *one != Kind::Untyped && *other != Kind::Untyped {
                return Some(format!("column {} is of kind {other:?}, not {one:?}", at + 1));
            }
        }
        if self.rows.len() != other.rows.len() {
            return Some(format!("{} rows, not {}", other.rows.len(), self.rows.len()));
        }
        if how.total {
            return first_difference(&self.rows, &other.rows, &how.rounded);
        }
        let keys = |answer: &Self| -> Vec<Vec<Cell>> {
            let key = |row: &Vec<Cell>| how.ordered_by.iter().map(|at| row[*at].clone()).collect();
            answer.rows.iter().map(key).collect()
        };
        if !how.ordered_by.is_empty()
            && let Some(difference) = first_difference(&keys(self), &keys(other), &[])
        {
            return Some(format!("in the order: {difference}"));
        }
        first_difference(
            &sorted(&self.rows, &how.rounded),
            &sorted(&other.rows, &how.rounded),
            &how.rounded,
        )
    }
}

/// Rows in an order that rounded columns decide last.
fn sorted(rows: &[Vec<Cell>], rounded: &[usize]) -> Vec<Vec<Cell>> {
    let mut rows = rows.to_vec();
    rows.sort_by(|one, other| {
        let columns = |wanted: bool| (0..one.len()).filter(move |at| rounded.contains(at) == wanted);
        columns(false)
            .chain(columns(true))
            .map(|at| one[at].order(&other[at]))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    rows
}

fn first_difference(rows: &[Vec<Cell>], others: &[Vec<Cell>], rounded: &[usize]) -> Option<String> {
    let same = |row: &[Cell], other: &[Cell]| {
        row.iter()
            .zip(other)
            .enumerate()
            .all(|(at, (one, other))| one.same(other, rounded.contains(&at)))
    };
    rows.iter()
        .zip(others)
        .enumerate()
        .find(|(_, (row, other))| !same(row, other))
        .map(|(at, (row, other))| format!("row {}: ({}), not ({})", at + 1, shown(other), shown(row)))
}

pub(crate) fn shown(row: &[Cell]) -> String {
    row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `12.50` and `12.5` are the same number.
fn exact(number: &str) -> Cell {
    if matches!(number, "NaN" | "Infinity" | "-Infinity") {
        return Cell::Double(number.parse().expect("a double"));
    }
    let trimmed = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    };
    Cell::Exact(if trimmed == "-0" { "0" } else { trimmed }.to_owned())
}

/// The kind of a column of PostgreSQL's.
pub(crate) fn postgres_kind(ty: &Type) -> Kind {
    match *ty {
        Type::BOOL => Kind::Boolean,
        Type::INT2 => Kind::Number(Number::Smallint),
        Type::INT4 => Kind::Number(Number::Integer),
        Type::INT8 => Kind::Number(Number::Bigint),
        Type::NUMERIC => Kind::Number(Number::Numeric),
        Type::FLOAT4 => Kind::Number(Number::Real),
        Type::FLOAT8 => Kind::Number(Number::Double),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Kind::Text,
        Type::DATE => Kind::Date,
        Type::TIMESTAMPTZ => Kind::Moment,
        Type::TIMESTAMP => Kind::LocalMoment,
        Type::TIME => Kind::Time,
        ref other => panic!("the comparison does not know PostgreSQL's type {other}"),
    }
}

/// A value from PostgreSQL's text form.
pub(crate) fn postgres_cell(ty: &Type, text: Option<&str>) -> Cell {
    let Some(text) = text else { return Cell::Null };
    match *ty {
        Type::BOOL => Cell::Boolean(text == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::NUMERIC => exact(text),
        Type::FLOAT4 | Type::FLOAT8 => Cell::Double(text.parse().expect("a double")),
        _ => Cell::Text(text.to_owned()),
    }
}

/// The kind of a column of ours.
pub(crate) fn arrow_kind(ty: &DataType) -> Kind {
    match ty {
        DataType::Null => Kind::Untyped,
        DataType::Boolean => Kind::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Date32 => Kind::Date,
        DataType::Timestamp(_, Some(_)) => Kind::Moment,
        DataType::Timestamp(_, None) => Kind::LocalMoment,
        DataType::Time64(_) => Kind::Time,
        DataType::Int8 | DataType::Int16 => Kind::Number(Number::Smallint),
        DataType::Int32 => Kind::Number(Number::Integer),
        DataType::Int64 | DataType::UInt64 => Kind::Number(Number::Bigint),
        DataType::Decimal128(..) => Kind::Number(Number::Numeric),
        DataType::Float32 => Kind::Number(Number::Real),
        DataType::Float64 => Kind::Number(Number::Double),
        other => panic!("the comparison does not know the type {other}"),
    }
}

/// The rows of a batch.
pub(crate) fn arrow_rows(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    let row = |row: usize| {
        let columns = batch.columns().iter();
        columns.map(|column| arrow_cell(column, row)).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn arrow_cell(array: &dyn Array, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    macro_rules! value {
        ($ty:ty) => {
            array.as_primitive::<$ty>().value(row)
        };
    }
    match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Boolean(array.as_boolean().value(row)),
        DataType::Int8 => exact(&value!(Int8Type).to_string()),
        DataType::Int16 => exact(&value!(Int16Type).to_string()),
        DataType::Int32 => exact(&value!(Int32Type).to_string()),
        DataType::Int64 => exact(&value!(Int64Type).to_string()),
        DataType::UInt32 => exact(&value!(UInt32Type).to_string()),
        DataType::UInt64 => exact(&value!(UInt64Type).to_string()),
        DataType::Float32 => Cell::Double(f64::from(value!(Float32Type))),
        DataType::Float64 => Cell::Double(value!(Float64Type)),
        DataType::Decimal128(_, scale) => exact_decimal(*scale, &value!(Decimal128Type).to_string()),
        DataType::Decimal256(_, scale) => exact_decimal(*scale, &value!(Decimal256Type).to_string()),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(row).to_owned()),
        DataType::Utf8View => Cell::Text(array.as_string_view().value(row).to_owned()),
        DataType::Date32 => {
            let date = NaiveDate::from_epoch_days(value!(Date32Type)).expect("a date");
            Cell::Text(date.to_string())
        }
        DataType::Timestamp(unit, zone) => {
            let (value, per_second) = match unit {
                TimeUnit::Second => (value!(TimestampSecondType), 1),
                TimeUnit::Millisecond => (value!(TimestampMillisecondType), 1_000),
                TimeUnit::Microsecond => (value!(TimestampMicrosecondType), 1_000_000),
                TimeUnit::Nanosecond => (value!(TimestampNanosecondType), 1_000_000_000),
            };
            let nanoseconds = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
            let moment = DateTime::from_timestamp(
                value.div_euclid(per_second),
                u32::try_from(nanoseconds).expect("below a second"),
            );
            Cell::Text(moment_text(moment.expect("a moment").naive_utc(), zone.is_some()))
        }
        DataType::Time64(unit) => {
            let nanoseconds = match unit {
                TimeUnit::Nanosecond => value!(Time64NanosecondType),
                _ => value!(Time64MicrosecondType) * 1000,
            };
            let seconds = u32::try_from(nanoseconds / 1_000_000_000).expect("a time of day");
            let rest = u32::try_from(nanoseconds % 1_000_000_000).expect("below a second");
            let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest).expect("a time");
            Cell::Text(trimmed(&time.format("%H:%M:%S%.6f").to_string()))
        }
        other => panic!("the comparison does not know the type {other}"),
    }
}

/// A decimal of these digits, so many of them after the point.
fn exact_decimal(scale: i8, digits: &str) -> Cell {
    let scale = usize::try_from(scale).expect("decimals after the point");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    exact(&format!("{sign}{whole}.{fraction}"))
}

fn moment_text(moment: NaiveDateTime, with_zone: bool) -> String {
    let text = trimmed(&moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string());
    if with_zone { format!("{text}+00") } else { text }
}

/// Without the zeros at the end of a second's fraction.
fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: &[&[Cell]]) -> Answer {
        Answer {
            kinds: vec![Kind::Number(Number::Numeric); rows[0].len()],
            rows: rows.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn an_order_counts_only_where_the_statement_gives_one() {
        let one = answer(&[&[exact("1"), exact("2")], &[exact("1"), exact("3")]]);
        let other = answer(&[&[exact("1"), exact("3")], &[exact("1"), exact("2")]]);
        let how = |ordered_by: Vec<usize>, total| Comparison {
            ordered_by,
            total,
            rounded: Vec::new(),
        };
        assert_eq!(one.difference(&other, &how(vec![0], false)), None);
        assert!(one.difference(&other, &how(vec![1], false)).is_some());
        assert!(one.difference(&other, &how(vec![0], true)).is_some());
    }

    #[test]
    fn doubles_are_compared_by_their_bits_unless_they_are_sums() {
        let near = 0.1 + 0.2;
        let (one, other) = (answer(&[&[Cell::Double(0.3)]]), answer(&[&[Cell::Double(near)]]));
        let rounded = Comparison {
            rounded: vec![0],
            ..Comparison::default()
        };
        assert!(one.difference(&other, &Comparison::default()).is_some());
        assert_eq!(one.difference(&other, &rounded), None);
        let zeros = (answer(&[&[Cell::Double(0.0)]]), answer(&[&[Cell::Double(-0.0)]]));
        assert!(zeros.0.difference(&zeros.1, &Comparison::default()).is_some());
    }

    #[test]
    fn numbers_of_several_types_are_the_same_number() {
        assert_eq!(exact("12.500"), exact("12.5"));
        assert_eq!(exact("100"), Cell::Exact("100".to_owned()));
        assert!(exact("2024").same(&Cell::Double(2024.0), false));
        assert!(!exact("2024").same(&Cell::Double(2024.5), false));
    }
}
