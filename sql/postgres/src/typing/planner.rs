//! Operators and functions, resolved while a statement is planned.
//!
//! Owns: what DataFusion would reject or replace before the analyzer sees it. Does not own: what an operator means; see `operators`.
//! Invariant: operands whose types are not known yet are left to the analyzer. Start at [`Operators`].

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable as _, GetFieldAccess, Operator, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::operators;
use crate::functions;
use crate::types::{Kind, Typed, fault};

/// Plans OVERLAY, arithmetic, comparisons and concatenations of operands whose types are known.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(op) = operator(&raw.op) else {
            return Ok(PlannerResult::Original(raw));
        };
        let typed = |expr: &Expr| {
            expr.get_type(schema).ok().map(|ty| Typed {
                expr: expr.clone(),
                ty,
            })
        };
        match typed(&raw.left).zip(typed(&raw.right)) {
            Some((left, right)) if is_ours(op, &left, &right) => {
                operators::resolve(left, op, right).map(PlannerResult::Planned)
            }
            // Parameters without a type yet, and lists.
            _ => Ok(PlannerResult::Original(raw)),
        }
    }

    /// `jsonb['key']` and `jsonb[1]` are steps of a path.
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let ty = raw.expr.get_type(schema);
        if !ty.is_ok_and(|ty| Kind::of(&ty) == Kind::Jsonb) {
            return Ok(PlannerResult::Original(raw));
        }
        let step = match raw.field_access {
            GetFieldAccess::NamedStructField { name } => Expr::Literal(name.cast_to(&DataType::Utf8)?, None),
            GetFieldAccess::ListIndex { key } => {
                let ty = key.get_type(schema)?;
                match Kind::of(&ty) {
                    Kind::Int2 | Kind::Int4 | Kind::Text | Kind::Unknown => cast(*key, DataType::Utf8),
                    other => {
                        let message = format!("subscript type {} is not supported", other.name());
                        return Err(fault("42804", message));
                    }
                }
            }
            GetFieldAccess::ListRange { .. } => {
                return Err(fault("42804", "jsonb subscript does not support slices"));
            }
        };
        let path = make_array(vec![step]);
        Ok(PlannerResult::Planned(
            operators::function("#>").call(vec![raw.expr, path]),
        ))
    }

    /// Otherwise DataFusion takes a function of its own, whatever is registered.
    fn plan_overlay(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let function = functions::adapted(&datafusion::functions::core::overlay());
        Ok(PlannerResult::Planned(function.call(args)))
    }
}

/// Whether both types are known here; a list may stand beside a value of `jsonb`.
fn is_ours(op: Operator, left: &Typed, right: &Typed) -> bool {
    let is_known = |side: &Typed| side.kind() != Kind::Other;
    let is_list = |side: &Typed| matches!(side.ty, DataType::List(_));
    (is_known(left) && is_known(right))
        || (op == Operator::StringConcat && (is_list(left) || is_list(right)))
        || matches!(left.kind(), Kind::Json | Kind::Jsonb)
}

fn operator(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::And => Operator::And,
        BinaryOperator::Or => Operator::Or,
        BinaryOperator::StringConcat => Operator::StringConcat,
        BinaryOperator::PGBitwiseShiftLeft => Operator::BitwiseShiftLeft,
        BinaryOperator::PGBitwiseShiftRight => Operator::BitwiseShiftRight,
        BinaryOperator::Arrow => Operator::Arrow,
        BinaryOperator::LongArrow => Operator::LongArrow,
        BinaryOperator::HashArrow => Operator::HashArrow,
        BinaryOperator::HashLongArrow => Operator::HashLongArrow,
        BinaryOperator::HashMinus => Operator::HashMinus,
        BinaryOperator::AtArrow => Operator::AtArrow,
        BinaryOperator::ArrowAt => Operator::ArrowAt,
        BinaryOperator::Question => Operator::Question,
        BinaryOperator::QuestionPipe => Operator::QuestionPipe,
        BinaryOperator::QuestionAnd => Operator::QuestionAnd,
        _ => return None,
    })
}
