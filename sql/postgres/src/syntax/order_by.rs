//! What names in ORDER BY mean: a name alone is an output's, a name inside an expression is a column of FROM.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::column_names;
use super::{Step, fail, refuse};

/// Puts the position of an output in the place of its name, and names the places in which it did.
///
/// # Errors
/// 42702 for a name that several outputs have; 0A000 where DataFusion would take another column.
pub(crate) fn placed(query: &mut Query, places: &mut Vec<Span>) -> Step {
    let is_set = matches!(query.body.as_ref(), SetExpr::SetOperation { .. });
    let (Some(select), Some(order_by)) = (first_select(&query.body), query.order_by.as_mut()) else {
        return ControlFlow::Continue(());
    };
    let OrderByKind::Expressions(keys) = &mut order_by.kind else {
        return ControlFlow::Continue(());
    };
    for OrderByExpr { expr, .. } in keys {
        match expr {
            Expr::Identifier(ident) => {
                if let Some(position) = position(select, ident)? {
                    let span = ident.span;
                    places.push(span);
                    *expr = Expr::Value(Value::Number(position.to_string(), false).with_span(span));
                }
            }
            Expr::Value(_) | Expr::CompoundIdentifier(_) => {}
            _ if is_set => {
                return refuse("ORDER BY after UNION, INTERSECT or EXCEPT takes names and positions only");
            }
            expr => refuse_output_names(select, expr)?,
        }
    }
    ControlFlow::Continue(())
}

fn first_select(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::SetOperation { left, .. } => first_select(left),
        SetExpr::Query(query) => first_select(&query.body),
        _ => None,
    }
}

/// The position of the output that `ident` names; `None` where it is a column under its own name.
fn position(select: &Select, ident: &Ident) -> ControlFlow<Box<crate::Error>, Option<usize>> {
    let name = column_names::folded(ident);
    let mut found: Option<(usize, &Expr)> = None;
    for (at, item) in select.projection.iter().enumerate() {
        let expr = match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
            // Its columns have not been counted yet.
            _ => break,
        };
        if column_names::of_output(item).as_ref() != Some(&name) {
            continue;
        }
        match found {
            Some((_, other)) if other != expr => {
                fail("42702", format!("ORDER BY \"{name}\" is ambiguous"))
                    .map_continue(|()| None::<usize>)?;
            }
            Some(_) => {}
            None => found = Some((at + 1, expr)),
        }
    }
    let is_itself =
        |expr: &Expr| matches!(expr, Expr::Identifier(column) if column_names::folded(column) == name);
    ControlFlow::Continue(found.filter(|(_, expr)| !is_itself(expr)).map(|(at, _)| at))
}

/// DataFusion looks for names inside expressions among the outputs first.
fn refuse_output_names(select: &Select, expr: &Expr) -> Step {
    let renamed: Vec<String> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => {
                let name = column_names::folded(alias);
                let is_itself =
                    matches!(expr, Expr::Identifier(column) if column_names::folded(column) == name);
                (!is_itself).then_some(name)
            }
            _ => None,
        })
        .collect();
    if renamed.is_empty() {
        return ControlFlow::Continue(());
    }
    ast::visit_expressions(expr, |inner| match inner {
        Expr::Identifier(ident) if renamed.contains(&column_names::folded(ident)) => refuse(format!(
            "ORDER BY an expression of \"{ident}\" is not supported where an output has that name; give the output another name"
        )),
        _ => ControlFlow::Continue(()),
    })
}
