//! EXISTS, IN, ANY and ALL as questions whether a subquery has a row for which a comparison holds.
//!
//! Owns: what each asks, and what its answer is when the comparison is NULL (PostgreSQL, "Subquery Expressions"). Does not own: how the
//! question is answered (`outer`). Invariant: NULL is told from false wherever the difference can be seen. Start at [`Quantified`].

use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::{Expr, ExprSchemable as _, Operator, Subquery};

use crate::types::Typed;
use crate::typing::operators::resolve;

/// What must be known about a truth value, so that NULL may be taken for one side or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whether it is true.
    True,
    /// Whether it is not false.
    NotFalse,
    /// Which of the three it is.
    Value,
}

impl Wanted {
    pub(super) fn of_negation(self) -> Self {
        match self {
            Self::True => Self::NotFalse,
            Self::NotFalse => Self::True,
            Self::Value => Self::Value,
        }
    }
}

/// What is asked of a subquery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exists,
    Any(Operator),
    All(Operator),
}

/// A condition on the rows of a subquery.
#[derive(Debug, Clone)]
pub(super) struct Quantified {
    kind: Kind,
    left: Expr,
    pub(super) subquery: Subquery,
    negated: bool,
}

/// Whether there is a row whose comparison passes the test; or whether there is none.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) negated: bool,
    /// `None` asks for any row.
    test: Option<Test>,
}

#[derive(Debug, Clone)]
struct Test {
    left: Expr,
    op: Operator,
    test: fn(Box<Expr>) -> Expr,
}

impl Quantified {
    pub(super) fn of(expr: &Expr) -> Option<Self> {
        let (kind, left, subquery, negated) = match expr {
            Expr::Not(inner) => {
                let inner = Self::of(inner)?;
                return Some(Self {
                    negated: !inner.negated,
                    ..inner
                });
            }
            Expr::Exists(Exists { subquery, negated }) => (Kind::Exists, Expr::default(), subquery, *negated),
            Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            }) => (Kind::Any(Operator::Eq), expr.as_ref().clone(), subquery, *negated),
            Expr::SetComparison(SetComparison {
                expr,
                subquery,
                op,
                quantifier,
            }) => {
                let kind = match quantifier {
                    SetQuantifier::Any => Kind::Any(*op),
                    SetQuantifier::All => Kind::All(*op),
                };
                (kind, expr.as_ref().clone(), subquery, false)
            }
            _ => return None,
        };
        Some(Self {
            kind,
            left,
            subquery: subquery.clone(),
            negated,
        })
    }

    pub(super) fn is_exists(&self) -> bool {
        self.kind == Kind::Exists
    }

    /// With another left side.
    pub(super) fn with_left(self, left: impl FnOnce(Expr) -> Result<Expr>) -> Result<Self> {
        Ok(match self.kind {
            Kind::Exists => self,
            _ => Self {
                left: left(self.left)?,
                ..self
            },
        })
    }

    /// IN and EXISTS as DataFusion plans them, where it makes no difference that NULL is false for it.
    ///
    /// `alone`: nothing but AND stands between the condition and a filter.
    pub(super) fn kept(&self, wanted: Wanted, alone: bool) -> Option<Expr> {
        let is_right = match self.kind {
            Kind::Exists => wanted != Wanted::Value,
            // A constant is no key of the join, and DataFusion would forget the NULLs among the rows.
            _ => alone && wanted == Wanted::True && (!self.negated || self.left.any_column_refs()),
        };
        let is_row = crate::functions::rows::parts(&self.left).is_some();
        match self.kind {
            Kind::Exists if is_right => Some(Expr::Exists(Exists {
                subquery: self.subquery.clone(),
                negated: self.negated,
            })),
            Kind::Any(Operator::Eq) if is_right && !is_row => Some(Expr::InSubquery(InSubquery::new(
                Box::new(self.left.clone()),
                self.subquery.clone(),
                self.negated,
            ))),
            _ => None,
        }
    }

    /// What says whether the condition is true.
    pub(super) fn is_true(&self) -> Question {
        match self.negated {
            false => self.asked(true),
            true => self.asked(false),
        }
    }

    /// What says whether the condition is not false.
    pub(super) fn is_not_false(&self) -> Question {
        let is_false = match self.negated {
            false => self.asked(false),
            true => self.asked(true),
        };
        Question {
            negated: !is_false.negated,
            ..is_false
        }
    }

    /// What says whether the condition, were it not negated, is `truth`.
    fn asked(&self, truth: bool) -> Question {
        let (op, negated, test): (_, _, fn(Box<Expr>) -> Expr) = match (self.kind, truth) {
            (Kind::Exists, truth) => {
                return Question {
                    negated: !truth,
                    test: None,
                };
            }
            (Kind::Any(op), true) => (op, false, |it| *it),
            (Kind::Any(op), false) => (op, true, Expr::IsNotFalse),
            (Kind::All(op), true) => (op, true, Expr::IsNotTrue),
            (Kind::All(op), false) => (op, false, Expr::IsFalse),
        };
        let left = self.left.clone();
        Question {
            negated,
            test: Some(Test { left, op, test }),
        }
    }
}

impl Question {
    pub(super) fn asks_for_any(&self) -> bool {
        self.test.is_none()
    }

    /// The test of a row that shows `value`; the left side is over `outer`, the value over `rows`.
    pub(super) fn condition(&self, value: Expr, outer: &DFSchema, rows: &DFSchema) -> Result<Option<Expr>> {
        let Some(test) = &self.test else {
            return Ok(None);
        };
        let left = Typed {
            ty: test.left.get_type(outer)?,
            expr: test.left.clone(),
        };
        let right = Typed {
            ty: value.get_type(rows)?,
            expr: value,
        };
        Ok(Some((test.test)(Box::new(resolve(left, test.op, right)?))))
    }
}

/// The truth value of which it is known whether it is true, and whether it is not false.
pub(super) fn of_three(is_true: Expr, is_not_false: Expr) -> Result<Expr> {
    use datafusion::logical_expr::{lit, when};
    when(is_true, lit(true))
        .when(is_not_false, lit(ScalarValue::Boolean(None)))
        .otherwise(lit(false))
}
