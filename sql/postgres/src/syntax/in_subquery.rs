//! `x IN (SELECT …)`, `x > ALL (SELECT …)` and comparisons of rows, where NULLs decide.
//!
//! DataFusion answers IN under OR, NOT and CASE as if it were never NULL, ANY and ALL over subqueries with mistakes of their own (55.2),
//! and compares rows as structs, for which NULL equals NULL. Here they become EXISTS and comparisons of columns, as PostgreSQL defines
//! them ("Subquery Expressions", "Row and Array Comparisons"). IN and NOT IN that stand alone in a filter stay: they are joins.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Ident, Query, SelectItem, SetExpr, TableFactor, UnaryOperator, Value,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::Step;
use crate::Error;
use crate::sqlstate;

/// The name of a subquery's rows in an EXISTS of ours.
const ROWS: &str = "causeway_rows";

type Result<T> = std::result::Result<T, Box<Error>>;

/// What must be known about a truth value, so that NULL may be taken for one side or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Whether it is true.
    True,
    /// Whether it is not false.
    NotFalse,
    /// Which of the three it is.
    Value,
}

impl Wanted {
    fn of_negation(self) -> Self {
        match self {
            Self::True => Self::NotFalse,
            Self::NotFalse => Self::True,
            Self::Value => Self::Value,
        }
    }
}

/// Rewrites the filter of a SELECT: a row passes when it is true.
pub(crate) fn in_filter(filter: &mut Expr) -> Step {
    match rewrite(filter, Wanted::True, true) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// Rewrites a value of the SELECT list, which DataFusion may move into a filter.
pub(crate) fn in_output(value: &mut Expr) -> Step {
    match rewrite(value, Wanted::Value, false) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

/// Rows compared with rows, and with lists of rows.
pub(crate) fn compared_rows(expr: &mut Expr) -> Step {
    let replaced = match expr {
        Expr::BinaryOp { left, op, right } => match (row_of(left), row_of(right)) {
            (Some(left), Some(right)) => compared(left, op, right),
            _ => return ControlFlow::Continue(()),
        },
        Expr::InList {
            expr: row,
            list,
            negated,
        } => match row_of(row) {
            Some(row) => in_list(row, list, *negated).map(Some),
            None => return ControlFlow::Continue(()),
        },
        _ => return ControlFlow::Continue(()),
    };
    match replaced {
        Ok(Some(replacement)) => *expr = nested(replacement),
        Ok(None) => {}
        Err(error) => return ControlFlow::Break(error),
    }
    ControlFlow::Continue(())
}

/// `alone`: nothing but AND stands between the expression and the filter.
fn rewrite(expr: &mut Expr, wanted: Wanted, alone: bool) -> Result<()> {
    if let Some(membership) = Membership::of(expr) {
        *expr = membership.replacement(wanted, alone)?;
        return Ok(());
    }
    match expr {
        Expr::Nested(inner) => rewrite(inner, wanted, alone),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: inner,
        } => {
            // NOT x IN (…) is x NOT IN (…), which may stay.
            if let Some(Membership {
                operator: Quantified::In { negated },
                ..
            }) = Membership::of(inner)
                && let Expr::InSubquery {
                    expr: left, subquery, ..
                } = unnested(inner)
            {
                *expr = Expr::InSubquery {
                    expr: left.clone(),
                    subquery: subquery.clone(),
                    negated: !negated,
                };
                return rewrite(expr, wanted, alone);
            }
            rewrite(inner, wanted.of_negation(), false)
        }
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::And | BinaryOperator::Or),
            right,
        } => {
            let alone = alone && *op == BinaryOperator::And;
            rewrite(left, wanted, alone)?;
            rewrite(right, wanted, alone)
        }
        Expr::IsTrue(inner) | Expr::IsNotTrue(inner) => rewrite(inner, Wanted::True, false),
        Expr::IsFalse(inner) | Expr::IsNotFalse(inner) => rewrite(inner, Wanted::NotFalse, false),
        other => parts(other)
            .into_iter()
            .try_for_each(|part| rewrite(part, Wanted::Value, false)),
    }
}

/// The expressions inside one that is no connective, subqueries excepted.
fn parts(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. } => vec![inner],
        Expr::BinaryOp { left, right, .. }
        | Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right) => vec![left, right],
        Expr::InList { expr, list, .. } => std::iter::once(expr.as_mut()).chain(list).collect(),
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            let whens = conditions
                .iter_mut()
                .flat_map(|when| [&mut when.condition, &mut when.result]);
            let ends = operand.iter_mut().chain(else_result).map(AsMut::as_mut);
            whens.chain(ends).collect()
        }
        Expr::Function(ast::Function {
            args: ast::FunctionArguments::List(list),
            ..
        }) => list
            .args
            .iter_mut()
            .filter_map(|arg| match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Quantified {
    In { negated: bool },
    Any(BinaryOperator),
    All(BinaryOperator),
}

/// A comparison with the rows of a subquery.
struct Membership {
    row: Vec<Expr>,
    operator: Quantified,
    subquery: Query,
}

impl Membership {
    fn of(expr: &Expr) -> Option<Self> {
        let row = |expr: &Expr| row_of(expr).map_or_else(|| vec![expr.clone()], <[Expr]>::to_vec);
        match unnested(expr) {
            Expr::InSubquery {
                expr,
                subquery,
                negated,
            } => Some(Self {
                row: row(expr),
                operator: Quantified::In { negated: *negated },
                subquery: subquery.as_ref().clone(),
            }),
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => Some(Self {
                row: row(left),
                operator: match compare_op {
                    BinaryOperator::Eq => Quantified::In { negated: false },
                    other => Quantified::Any(other.clone()),
                },
                subquery: subquery_of(right)?,
            }),
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => Some(Self {
                row: row(left),
                operator: match compare_op {
                    BinaryOperator::NotEq => Quantified::In { negated: true },
                    other => Quantified::All(other.clone()),
                },
                subquery: subquery_of(right)?,
            }),
            _ => None,
        }
    }

    /// What says the same where no more than `wanted` is; IN itself where DataFusion gets that right.
    fn replacement(self, wanted: Wanted, alone: bool) -> Result<Expr> {
        if let Some(width) = width(&self.subquery)
            && width != self.row.len()
        {
            let amount = if width < self.row.len() { "few" } else { "many" };
            return Err(syntax(&format!("subquery has too {amount} columns")));
        }
        if let (Quantified::In { negated }, [left]) = (&self.operator, self.row.as_slice()) {
            // A join or the mark of one, for which NULL is false.
            let is_join = match (wanted, negated) {
                (Wanted::True, false) | (Wanted::NotFalse, true) => true,
                (Wanted::True, true) => alone,
                _ => false,
            };
            if is_join {
                return Ok(Expr::InSubquery {
                    expr: Box::new(left.clone()),
                    subquery: Box::new(self.subquery),
                    negated: *negated,
                });
            }
        }
        Ok(match wanted {
            Wanted::True => self.is_true()?,
            Wanted::NotFalse => self.is_not_false()?,
            Wanted::Value => Expr::Case {
                case_token: ast::helpers::attached_token::AttachedToken::empty(),
                end_token: ast::helpers::attached_token::AttachedToken::empty(),
                operand: None,
                conditions: vec![
                    ast::CaseWhen {
                        condition: self.is_true()?,
                        result: value(Value::Boolean(true)),
                    },
                    ast::CaseWhen {
                        condition: self.is_not_false()?,
                        result: value(Value::Null),
                    },
                ],
                else_result: Some(Box::new(value(Value::Boolean(false)))),
            },
        })
    }

    fn is_true(&self) -> Result<Expr> {
        match &self.operator {
            Quantified::In { negated: false } => self.exists(&BinaryOperator::Eq, |it| *it, false),
            Quantified::In { negated: true } => self.exists(&BinaryOperator::Eq, Expr::IsNotFalse, true),
            Quantified::Any(op) => self.exists(op, |it| *it, false),
            Quantified::All(op) => self.exists(op, Expr::IsNotTrue, true),
        }
    }

    fn is_not_false(&self) -> Result<Expr> {
        match &self.operator {
            Quantified::In { negated: false } => self.exists(&BinaryOperator::Eq, Expr::IsNotFalse, false),
            Quantified::In { negated: true } => self.exists(&BinaryOperator::Eq, |it| *it, true),
            Quantified::Any(op) => self.exists(op, Expr::IsNotFalse, false),
            Quantified::All(op) => self.exists(op, Expr::IsFalse, true),
        }
    }

    /// Whether the subquery has a row (or none) whose comparison passes the test.
    fn exists(&self, op: &BinaryOperator, test: fn(Box<Expr>) -> Expr, negated: bool) -> Result<Expr> {
        let names: Vec<String> = (1..=self.row.len())
            .map(|at| format!("causeway_column{at}"))
            .collect();
        let columns: Vec<Expr> = names
            .iter()
            .map(|name| Expr::CompoundIdentifier(vec![Ident::new(ROWS), Ident::new(name)]))
            .collect();
        let comparison = match (self.row.as_slice(), columns.as_slice()) {
            ([left], [right]) => binary(left.clone(), op.clone(), right.clone()),
            (row, columns) => compared(row, op, columns)?
                .ok_or_else(|| syntax("rows can't be compared with this operator"))?,
        };
        let text = format!("SELECT 1 FROM (SELECT 1) AS {ROWS} ({})", names.join(", "));
        let mut exists = Parser::new(&PostgreSqlDialect {})
            .try_with_sql(&text)
            .and_then(|mut parser| parser.parse_query())
            .map_err(|error| Box::new(Error::new(sqlstate::INTERNAL, error.to_string())))?;
        if let SetExpr::Select(select) = exists.body.as_mut() {
            select.selection = Some(test(Box::new(nested(comparison))));
            for from in &mut select.from {
                if let TableFactor::Derived { subquery, .. } = &mut from.relation {
                    **subquery = self.subquery.clone();
                }
            }
        }
        Ok(Expr::Exists {
            subquery: exists,
            negated,
        })
    }
}

fn unnested(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => unnested(inner),
        other => other,
    }
}

fn subquery_of(expr: &Expr) -> Option<Query> {
    match unnested(expr) {
        Expr::Subquery(query) => Some(query.as_ref().clone()),
        _ => None,
    }
}

/// The columns of a row of two or more.
fn row_of(expr: &Expr) -> Option<&[Expr]> {
    match unnested(expr) {
        Expr::Tuple(columns) if columns.len() > 1 => Some(columns),
        _ => None,
    }
}

/// A comparison of rows by their columns; `None` when the operator is no comparison.
fn compared(left: &[Expr], op: &BinaryOperator, right: &[Expr]) -> Result<Option<Expr>> {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    let strict = match op {
        Eq | NotEq | Lt | Gt => op.clone(),
        LtEq => Lt,
        GtEq => Gt,
        _ => return Ok(None),
    };
    if left.len() != right.len() {
        return Err(syntax("unequal number of entries in row expressions"));
    }
    let pairs = left.iter().cloned().zip(right.iter().cloned());
    Ok(pairs.rev().fold(None, |rest: Option<Expr>, (left, right)| {
        Some(match (rest, op) {
            (None, _) => binary(left, op.clone(), right),
            (Some(rest), Eq) => binary(binary(left, Eq, right), And, rest),
            (Some(rest), NotEq) => binary(binary(left, NotEq, right), Or, rest),
            // The first pair that differs decides.
            (Some(rest), _) => {
                let differs = binary(left.clone(), strict.clone(), right.clone());
                let tie = binary(binary(left, Eq, right), And, nested(rest));
                binary(differs, Or, nested(tie))
            }
        })
    }))
}

fn in_list(row: &[Expr], list: &[Expr], negated: bool) -> Result<Expr> {
    let mut any: Option<Expr> = None;
    for item in list {
        let item = row_of(item).ok_or_else(|| syntax("unequal number of entries in row expressions"))?;
        if let Some(equal) = compared(row, &BinaryOperator::Eq, item)?.map(nested) {
            any = Some(match any {
                Some(others) => binary(others, BinaryOperator::Or, equal),
                None => equal,
            });
        }
    }
    let any = any.ok_or_else(|| syntax("a list of rows is empty"))?;
    Ok(match negated {
        true => Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(nested(any)),
        },
        false => any,
    })
}

/// How many columns the subquery has, where it lists them.
fn width(subquery: &Query) -> Option<usize> {
    let SetExpr::Select(select) = subquery.body.as_ref() else {
        return None;
    };
    let is_one = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
        )
    };
    select
        .projection
        .iter()
        .all(is_one)
        .then_some(select.projection.len())
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

fn value(value: Value) -> Expr {
    Expr::Value(value.with_empty_span())
}

fn syntax(message: &str) -> Box<Error> {
    Box::new(Error::new(sqlstate::SYNTAX, message))
}
