//! Constants: a value of any Arrow type as a literal of a column's type, and back.

use causeway_core::{ColumnType, Decimal, Literal};
use datafusion::arrow::datatypes::DECIMAL128_MAX_PRECISION;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

pub(super) fn literal_of(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => literal_of(&alias.expr),
        _ => None,
    }
}

/// The value as a literal of the column's type, when it is exactly that.
pub(crate) fn literal(ty: ColumnType, value: &ScalarValue) -> Option<Literal> {
    match (ty, value) {
        (_, ScalarValue::Dictionary(_, inner)) => literal(ty, inner),
        (ColumnType::Text, _) => text_of(value).map(Literal::Text),
        (ColumnType::Boolean, ScalarValue::Boolean(Some(value))) => Some(Literal::Boolean(*value)),
        (ColumnType::Int64, _) => integer_of(value).map(Literal::Int),
        (ColumnType::Float64, ScalarValue::Float64(Some(value))) => Some(Literal::Float(*value)),
        (ColumnType::Decimal { .. }, ScalarValue::Decimal128(Some(value), _, scale)) => {
            Decimal::new(*value, *scale).map(Literal::Decimal)
        }
        (ColumnType::Date, ScalarValue::Date32(Some(days))) => Some(Literal::Date(*days)),
        (ColumnType::Timestamp, _) => micros_of(value).map(Literal::Timestamp),
        (ColumnType::Time, ScalarValue::Time64Microsecond(Some(micros))) => Some(Literal::Time(*micros)),
        (ColumnType::Time, ScalarValue::Time64Nanosecond(Some(nanos))) if nanos % 1000 == 0 => {
            Some(Literal::Time(nanos / 1000))
        }
        _ => None,
    }
}

/// The literal as a value of its Arrow type.
pub(crate) fn scalar(literal: &Literal) -> ScalarValue {
    match literal {
        Literal::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Literal::Int(value) => ScalarValue::Int64(Some(*value)),
        Literal::Float(value) => ScalarValue::Float64(Some(*value)),
        Literal::Decimal(number) => {
            let (value, scale) = number.parts();
            ScalarValue::Decimal128(Some(value), DECIMAL128_MAX_PRECISION, scale)
        }
        Literal::Text(value) => ScalarValue::Utf8(Some(value.clone())),
        Literal::Date(days) => ScalarValue::Date32(Some(*days)),
        Literal::Timestamp(micros) => ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into())),
        Literal::Time(micros) => ScalarValue::Time64Microsecond(Some(*micros)),
    }
}

pub(super) fn text_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Some(text.clone()),
        ScalarValue::Dictionary(_, inner) => text_of(inner),
        _ => None,
    }
}

pub(super) fn integer_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int8(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int16(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int32(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int64(Some(value)) => Some(*value),
        ScalarValue::UInt8(Some(value)) => Some(i64::from(*value)),
        ScalarValue::UInt16(Some(value)) => Some(i64::from(*value)),
        ScalarValue::UInt32(Some(value)) => Some(i64::from(*value)),
        ScalarValue::UInt64(Some(value)) => i64::try_from(*value).ok(),
        _ => None,
    }
}

/// An instant that is a whole number of microseconds.
fn micros_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampSecond(Some(seconds), Some(_)) => seconds.checked_mul(1_000_000),
        ScalarValue::TimestampMillisecond(Some(millis), Some(_)) => millis.checked_mul(1000),
        ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => Some(*micros),
        ScalarValue::TimestampNanosecond(Some(nanos), Some(_)) if nanos % 1000 == 0 => Some(nanos / 1000),
        _ => None,
    }
}
