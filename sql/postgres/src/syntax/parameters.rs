//! Parameters of the type that the client declared.
//!
//! DataFusion takes a parameter's type from what stands beside it: in `day <= $1 + interval '3 days'` an interval, whatever was declared
//! (docs/upstream.md, parameter-types).
//!
//! Owns: the cast around a parameter. Does not own: types that nobody declared; DataFusion infers those.
//! Invariant: a declared parameter has its declared type wherever it stands. Start at [`declared`].

use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::sql::sqlparser::ast::{self, CastKind, Expr, TimezoneInfo, Value};

use crate::types::Kind;

/// The parameter `name`, such as `$1`, as a value of its declared type; `None` when none was declared that SQL can name exactly.
pub(crate) fn declared(name: &str, types: &[Option<DataType>]) -> Option<Expr> {
    let number: usize = name.strip_prefix('$')?.parse().ok()?;
    let declared = types.get(number.checked_sub(1)?)?.as_ref()?;
    let parameter = Expr::Value(Value::Placeholder(name.to_owned()).with_empty_span());
    Some(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(parameter),
        data_type: sql_type(declared)?,
        array: false,
        format: None,
    })
}

fn sql_type(ty: &DataType) -> Option<ast::DataType> {
    match Kind::of(ty) {
        Kind::Json => return Some(ast::DataType::JSON),
        Kind::Jsonb => return Some(ast::DataType::JSONB),
        Kind::Uuid => return Some(ast::DataType::Uuid),
        _ => {}
    }
    Some(match ty {
        DataType::Boolean => ast::DataType::Boolean,
        DataType::Int16 => ast::DataType::SmallInt(None),
        DataType::Int32 => ast::DataType::Integer(None),
        DataType::Int64 => ast::DataType::BigInt(None),
        DataType::Float32 => ast::DataType::Real,
        DataType::Float64 => ast::DataType::DoublePrecision,
        DataType::Utf8 => ast::DataType::Text,
        DataType::Date32 => ast::DataType::Date,
        DataType::Time64(TimeUnit::Microsecond) => ast::DataType::Time(None, TimezoneInfo::None),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            ast::DataType::Timestamp(None, TimezoneInfo::None)
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            ast::DataType::Timestamp(None, TimezoneInfo::WithTimeZone)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => ast::DataType::Interval {
            fields: None,
            precision: None,
        },
        _ => return None,
    })
}
