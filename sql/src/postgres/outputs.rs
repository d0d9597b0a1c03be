//! Output columns that repeat a name.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem, SetExpr, Value};

/// Gives repeated outputs of the statement names of their own; people see the names that they wrote.
pub(super) fn distinguish_outputs(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => distinguish_items(&mut select.projection),
        SetExpr::SetOperation { left, right, .. } => {
            distinguish_outputs(left);
            distinguish_outputs(right);
        }
        SetExpr::Query(query) => distinguish_outputs(&mut query.body),
        _ => {}
    }
}

fn distinguish_items(items: &mut [SelectItem]) {
    let is_listed = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
        )
    };
    if !items.iter().all(is_listed) {
        return;
    }
    let mut seen = HashSet::new();
    for (at, item) in items.iter_mut().enumerate() {
        let name = match &*item {
            SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => ident.value.clone(),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
                parts.last().map(|ident| ident.value.clone()).unwrap_or_default()
            }
            SelectItem::UnnamedExpr(expr) => expr.to_string(),
            _ => continue,
        };
        if seen.insert(name.to_lowercase()) {
            continue;
        }
        let alias = Ident::with_quote('"', format!("{name}:{}", at + 1));
        match item {
            SelectItem::ExprWithAlias { alias: own, .. } => *own = alias,
            SelectItem::UnnamedExpr(expr) => {
                let expr = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
            _ => {}
        }
    }
}
