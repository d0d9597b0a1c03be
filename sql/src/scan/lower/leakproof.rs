//! Which filters may be evaluated below a row policy.

use causeway_core::{ColumnType, Table};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::column_index;
use super::shape::comparison;

/// Whether evaluating `expr` can neither fail nor call anything: only columns compared with constants. Such an expression may be
/// evaluated below a row policy without revealing a row.
pub(crate) fn is_leakproof(table: &Table, expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::Alias(alias) => is_leakproof(table, &alias.expr),
        Expr::Cast(cast) => cannot_fail(table, cast),
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => is_leakproof(table, inner),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let harmless = comparison(*op).is_some()
                || matches!(
                    op,
                    Operator::And | Operator::Or | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom
                );
            harmless && is_leakproof(table, left) && is_leakproof(table, right)
        }
        Expr::InList(list) => {
            is_leakproof(table, &list.expr) && list.list.iter().all(|value| is_leakproof(table, value))
        }
        Expr::Between(between) => [&between.expr, &between.low, &between.high]
            .into_iter()
            .all(|part| is_leakproof(table, part)),
        Expr::Like(like) => {
            is_leakproof(table, &like.expr) && matches!(like.pattern.as_ref(), Expr::Literal(..))
        }
        _ => false,
    }
}

/// Whether the cast has a result for every value: a `bigint` becomes a double by rounding, and a decimal of enough digits as it is.
/// Dates are no such case: the last of them are beyond the last timestamp.
fn cannot_fail(table: &Table, cast: &Cast) -> bool {
    let is_bigint = column_index(table, &cast.expr)
        .and_then(|index| table.columns.get(index))
        .is_some_and(|column| column.ty == ColumnType::Int64);
    is_bigint
        && match cast.field.data_type() {
            DataType::Float64 | DataType::Float32 => true,
            DataType::Decimal128(precision, scale) => {
                *scale >= 0 && i16::from(*precision) >= i16::from(*scale) + 19
            }
            _ => false,
        }
}
