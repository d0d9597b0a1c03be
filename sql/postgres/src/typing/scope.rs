//! The columns that an expression is about, by which its parts get their types.
//!
//! Owns: expressions with their types, conditions, and CASE. Does not own: operators and functions; see `operators` and `signatures`.
//! Invariant: what it returns has been typed in these columns. Start at [`Scope::typed`].

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable as _, Operator};

use super::operators::{comparable, condition, united};
use crate::functions::datetime::zone::Zone;
use crate::types::Typed;

/// The columns of a node's inputs.
pub(crate) struct Scope<'a> {
    pub(crate) schema: &'a DFSchema,
    /// The session's time zone.
    pub(crate) zone: &'a Zone,
}

impl Scope<'_> {
    pub(crate) fn typed(&self, expr: Expr) -> Result<Typed> {
        let ty = expr.get_type(self.schema)?;
        Ok(Typed { expr, ty })
    }

    pub(crate) fn all(&self, exprs: Vec<Expr>) -> Result<Vec<Typed>> {
        exprs.into_iter().map(|expr| self.typed(expr)).collect()
    }

    pub(crate) fn condition(&self, expr: Expr, place: &str) -> Result<Expr> {
        condition(self.typed(expr)?, place)
    }

    pub(crate) fn case(&self, case: Case) -> Result<Expr> {
        let Case {
            expr,
            when_then_expr,
            else_expr,
        } = case;
        let (mut whens, mut thens) = (Vec::new(), Vec::new());
        for (when, then) in when_then_expr {
            whens.push(*when);
            thens.push(*then);
        }
        let has_else = else_expr.is_some();
        thens.extend(else_expr.map(|expr| *expr));
        let (expr, whens) = match expr {
            None => {
                let whens = whens.into_iter().map(|when| self.condition(when, "CASE/WHEN"));
                (None, whens.collect::<Result<Vec<_>>>()?)
            }
            Some(expr) => {
                // `CASE x WHEN y` compares each time in the types at hand.
                let expr = self.typed(*expr)?;
                let tests = whens.into_iter().map(|when| {
                    let (left, right) = comparable(expr.clone(), Operator::Eq, self.typed(when)?)?;
                    Ok(binary(left, Operator::Eq, right))
                });
                (None, tests.collect::<Result<Vec<_>>>()?)
            }
        };
        let mut thens = united(self.all(thens)?, "CASE")?;
        let otherwise = if has_else { thens.pop().map(Box::new) } else { None };
        let pairs = whens
            .into_iter()
            .map(Box::new)
            .zip(thens.into_iter().map(Box::new))
            .collect();
        Ok(Expr::Case(Case::new(expr, pairs, otherwise)))
    }
}

/// The operation as it stands.
pub(crate) fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}
