//! BETWEEN, IN over lists, and IN over subqueries.
//!
//! Owns: in which type each part is compared. Does not own: comparisons themselves; see `operators`.
//! Invariant: they stay BETWEEN and IN where all parts are of one type, so that they can be pushed down. Start at [`Scope::in_list`].

use std::sync::Arc;

use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, Cast as PlainCast, InList, InSubquery};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, Operator, Subquery};

use super::operators::{comparable, resolve};
use super::scope::{Scope, binary};
use crate::functions::rows;
use crate::types::{Typed, fault};

impl Scope<'_> {
    pub(crate) fn between(&self, between: Between) -> Result<Expr> {
        let Between {
            expr,
            negated,
            low,
            high,
        } = between;
        let (expr, low, high) = (self.typed(*expr)?, self.typed(*low)?, self.typed(*high)?);
        let (above, below) = if negated {
            (Operator::Lt, Operator::Gt)
        } else {
            (Operator::GtEq, Operator::LtEq)
        };
        let (left, low) = comparable(expr.clone(), above, low)?;
        let (right, high) = comparable(expr, below, high)?;
        if left == right {
            return Ok(Expr::Between(Between::new(
                Box::new(left),
                negated,
                Box::new(low),
                Box::new(high),
            )));
        }
        // Each bound is compared in its own type.
        let (low, high) = (binary(left, above, low), binary(right, below, high));
        Ok(binary(
            low,
            if negated { Operator::Or } else { Operator::And },
            high,
        ))
    }

    pub(crate) fn in_list(&self, list: InList) -> Result<Expr> {
        let InList { expr, list, negated } = list;
        // DataFusion merges lists without regard to NULLs in them.
        let count = list.len();
        let list: Vec<Expr> = list.into_iter().filter(|item| !is_null(item)).collect();
        if list.len() < count {
            let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
            if list.is_empty() {
                return Ok(unknown);
            }
            let known = self.in_list(InList { expr, list, negated })?;
            let link = if negated { Operator::And } else { Operator::Or };
            return Ok(binary(known, link, unknown));
        }
        let expr = self.typed(*expr)?;
        let (op, link) = match negated {
            true => (Operator::NotEq, Operator::And),
            false => (Operator::Eq, Operator::Or),
        };
        if rows::parts(&expr.expr).is_some() {
            let items = self.all(list)?.into_iter();
            let tests = items.map(|item| resolve(expr.clone(), op, item));
            return joined(tests.collect::<Result<_>>()?, link, negated);
        }
        let mut items = Vec::with_capacity(list.len());
        let mut common: Option<Expr> = None;
        let mut is_uniform = true;
        for item in self.all(list)? {
            let (left, item) = comparable(expr.clone(), Operator::Eq, item)?;
            // What a row decides may be NULL there, which DataFusion forgets when it merges lists.
            is_uniform &= common.as_ref().is_none_or(|known| *known == left) && !item.any_column_refs();
            common.get_or_insert(left.clone());
            items.push((left, item));
        }
        if let (true, Some(common)) = (is_uniform, common) {
            let items = items.into_iter().map(|(_, item)| item).collect();
            return Ok(Expr::InList(InList::new(Box::new(common), items, negated)));
        }
        // Each item is compared in its own type.
        let tests = items.into_iter().map(|(left, item)| binary(left, op, item));
        joined(tests.collect(), link, negated)
    }

    pub(crate) fn in_subquery(&self, found: InSubquery) -> Result<Expr> {
        let InSubquery {
            expr,
            subquery,
            negated,
        } = found;
        let expr = self.typed(*expr)?;
        if rows::parts(&expr.expr).is_some() {
            // Compared column by column where the subquery is taken apart.
            return Ok(Expr::InSubquery(InSubquery::new(
                Box::new(expr.expr),
                subquery,
                negated,
            )));
        }
        let column = subquery.subquery.schema().columns().into_iter().next();
        let Some(column) = column else {
            return Err(fault("42601", "subquery has no columns"));
        };
        let ty = subquery.subquery.schema().field(0).data_type().clone();
        let inner = Typed {
            expr: Expr::Column(column.clone()),
            ty,
        };
        let (expr, compared) = comparable(expr, Operator::Eq, inner)?;
        let subquery = if compared == Expr::Column(column.clone()) {
            subquery
        } else {
            let name = column.name.clone();
            let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
                .project([compared.alias(name)])?
                .build()?;
            Subquery {
                subquery: Arc::new(plan),
                ..subquery
            }
        };
        Ok(Expr::InSubquery(InSubquery::new(
            Box::new(expr),
            subquery,
            negated,
        )))
    }
}

/// All of the tests, or any of them; what holds of no test where there is none.
fn joined(tests: Vec<Expr>, link: Operator, of_none: bool) -> Result<Expr> {
    let joined = tests.into_iter().reduce(|left, right| binary(left, link, right));
    Ok(joined.unwrap_or(Expr::Literal(ScalarValue::Boolean(Some(of_none)), None)))
}

/// A NULL that is written as such, of whatever type.
fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(PlainCast { expr, .. }) => is_null(expr),
        Expr::Alias(alias) => is_null(&alias.expr),
        _ => false,
    }
}
