//! Two lists for one expression: `x IN (1, 2) AND x IN (3, 4)`.
//!
//! DataFusion makes one list of the two (docs/upstream.md, merged-lists), and where that is empty a constant. That is wrong where `x` is
//! NULL: false instead of NULL under AND, true instead of NULL under OR of two NOT IN. In a filter false serves for NULL, so that there
//! AND may stay.
//!
//! Owns: a guard that keeps such lists apart. Does not own: what a single list means; see `membership`.
//! Invariant: the truth of the whole is that of its parts, NULL included. Start at [`with_nulls`].

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// The expression, with a test for NULL around lists that DataFusion would merge wrongly.
pub(crate) fn with_nulls(expr: Expr, is_filter: bool) -> Result<Expr> {
    if !expr.exists(|part| Ok(matches!(part, Expr::InList(_))))? {
        return Ok(expr);
    }
    let is_merged_or =
        matches!(&expr, Expr::BinaryExpr(binary) if binary.op == Operator::Or) && merged(&expr).is_some();
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if is_filter && !is_merged_or && matches!(op, Operator::And | Operator::Or) =>
        {
            let (left, right) = (with_nulls(*left, true)?, with_nulls(*right, true)?);
            Ok(Expr::BinaryExpr(BinaryExpr::new(
                Box::new(left),
                op,
                Box::new(right),
            )))
        }
        other => other.transform_up(guarded).data(),
    }
}

fn guarded(expr: Expr) -> Result<Transformed<Expr>> {
    let Some(subject) = merged(&expr) else {
        return Ok(Transformed::no(expr));
    };
    let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
    let when = (Box::new(Expr::IsNull(Box::new(subject))), Box::new(unknown));
    Ok(Transformed::yes(Expr::Case(Case::new(
        None,
        vec![when],
        Some(Box::new(expr)),
    ))))
}

/// The expression that both sides compare with a list, when the lists are merged.
fn merged(expr: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return None;
    };
    let (Expr::InList(left), Expr::InList(right)) = (left.as_ref(), right.as_ref()) else {
        return None;
    };
    let is_merged = match op {
        Operator::Or => left.negated && right.negated,
        Operator::And => !(left.negated && right.negated),
        _ => false,
    };
    (is_merged && left.expr == right.expr).then(|| left.expr.as_ref().clone())
}
