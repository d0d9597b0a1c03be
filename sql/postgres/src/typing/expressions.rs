//! The walk over one expression, from its leaves up.
//!
//! Owns: which part of the room types which kind of expression. Does not own: how; see `operators`, `matching`, `membership`, `arguments`.
//! Invariant: running it again over its own result changes nothing. Start at the rewriter of [`Scope`].

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNodeRewriter};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{Cast as PlainCast, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlanBuilder, Subquery};

use super::scope::Scope;
use super::{casts, matching, operators};
use crate::functions::{Nullable, floats, rows};

impl TreeNodeRewriter for Scope<'_> {
    type Node = Expr;

    fn f_up(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        let rewritten = match expr {
            Expr::Literal(ScalarValue::Float64(Some(value)), metadata) => {
                Expr::Literal(ScalarValue::Float64(Some(floats::canonical(value))), metadata)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                operators::resolve(self.typed(*left)?, op, self.typed(*right)?)?
            }
            Expr::IsNull(operand) => rows::is_null(self.typed(*operand)?, false)?,
            Expr::IsNotNull(operand) => rows::is_null(self.typed(*operand)?, true)?,
            Expr::Negative(operand) => operators::negative(self.typed(*operand)?)?,
            Expr::Not(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_) => self.truth_test(expr)?,
            Expr::ScalarSubquery(subquery) => Expr::ScalarSubquery(nullable(subquery)?),
            Expr::Between(between) => self.between(between)?,
            Expr::InList(list) => self.in_list(list)?,
            Expr::InSubquery(found) => self.in_subquery(found)?,
            Expr::Case(case) => self.case(case)?,
            Expr::Like(Like {
                negated,
                expr,
                pattern,
                escape_char,
                case_insensitive,
            }) => matching::like(
                negated,
                case_insensitive,
                self.typed(*expr)?,
                self.typed(*pattern)?,
                escape_char,
            )?,
            Expr::SimilarTo(Like {
                negated,
                expr,
                pattern,
                escape_char,
                ..
            }) => matching::similar(negated, self.typed(*expr)?, self.typed(*pattern)?, escape_char)?,
            Expr::Cast(cast) => self.cast(cast)?,
            Expr::ScalarFunction(function) => self.scalar_function(function)?,
            Expr::AggregateFunction(function) => self.aggregate(function)?,
            Expr::WindowFunction(function) => self.window(*function)?,
            other => return Ok(Transformed::no(other)),
        };
        Ok(Transformed::yes(rewritten))
    }
}

impl Scope<'_> {
    /// NOT, IS TRUE and their kin.
    fn truth_test(&self, test: Expr) -> Result<Expr> {
        Ok(match test {
            Expr::Not(operand) => Expr::Not(Box::new(self.condition(*operand, "NOT")?)),
            Expr::IsTrue(operand) => Expr::IsTrue(Box::new(self.condition(*operand, "IS TRUE")?)),
            Expr::IsNotTrue(operand) => Expr::IsNotTrue(Box::new(self.condition(*operand, "IS NOT TRUE")?)),
            Expr::IsFalse(operand) => Expr::IsFalse(Box::new(self.condition(*operand, "IS FALSE")?)),
            Expr::IsNotFalse(operand) => {
                Expr::IsNotFalse(Box::new(self.condition(*operand, "IS NOT FALSE")?))
            }
            Expr::IsUnknown(operand) => Expr::IsUnknown(Box::new(self.condition(*operand, "IS UNKNOWN")?)),
            Expr::IsNotUnknown(operand) => {
                Expr::IsNotUnknown(Box::new(self.condition(*operand, "IS NOT UNKNOWN")?))
            }
            other => other,
        })
    }

    fn cast(&self, cast: PlainCast) -> Result<Expr> {
        let PlainCast { expr, field } = cast;
        let typed = self.typed(*expr)?;
        // An integer literal of the statement, which names its own type.
        if let (Expr::Literal(ScalarValue::Int64(Some(value)), _), DataType::Int32) =
            (&typed.expr, field.data_type())
            && let Ok(value) = i32::try_from(*value)
        {
            return Ok(Expr::Literal(ScalarValue::Int32(Some(value)), None));
        }
        casts::to_type(typed.expr, &typed.ty, field.data_type())
    }
}

/// A scalar subquery is NULL when it has no row, whatever its column says.
fn nullable(subquery: Subquery) -> Result<Subquery> {
    let schema = subquery.subquery.schema();
    let is_safe = schema.fields().iter().all(|field| field.is_nullable());
    if is_safe || !subquery.outer_ref_columns.is_empty() {
        return Ok(subquery);
    }
    let columns = schema.columns().into_iter().map(|column| {
        let name = column.name.clone();
        Nullable::of(Expr::Column(column)).alias(name)
    });
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .project(columns.collect::<Vec<_>>())?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    })
}
