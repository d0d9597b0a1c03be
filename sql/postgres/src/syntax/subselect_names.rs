//! Names of what sub-selects and WITH queries put out, as PostgreSQL gives them: `SELECT max FROM (SELECT max(a) FROM t) s`.
//!
//! Owns: the list of column names after the alias of a sub-select, where DataFusion would name an output otherwise.
//! Does not own: the names themselves; see `column_names`. Invariant: an output has the same name inside and outside a sub-select, and
//! a name that two outputs have is ambiguous. Start at [`listed`].

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, Value,
};

use super::column_names::{of_body, of_output};
use super::duplicate_names::marked;

/// The alias of a sub-select that has none, which PostgreSQL 16 allows.
pub(crate) fn unnamed() -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::new("unnamed_subquery"),
        columns: Vec::new(),
        at: None,
    }
}

/// Names the columns of a sub-select after its alias, where they would have other names or the same one twice.
pub(crate) fn listed(alias: &mut TableAlias, query: &mut Query) {
    let Some(mut names) = of_body(&query.body) else {
        name_beside_wildcards(&mut query.body);
        return;
    };
    if names.len() < alias.columns.len() {
        return;
    }
    for (name, given) in names.iter_mut().zip(&alias.columns) {
        *name = super::column_names::folded(&given.name);
    }
    let is_repeated = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let repeated: Vec<bool> = names.iter().map(is_repeated).collect();
    let is_partly_listed = !alias.columns.is_empty() && alias.columns.len() < names.len();
    if !is_partly_listed && !repeated.contains(&true) && (!alias.columns.is_empty() || are_plain(&query.body))
    {
        return;
    }
    let columns = names.into_iter().zip(repeated).enumerate();
    alias.columns = columns
        .map(|(at, (name, is_repeated))| {
            let name = if is_repeated { marked(&name, at) } else { name };
            TableAliasColumnDef::from_name(Ident::with_quote('"', name).value)
        })
        .collect();
    for column in &mut alias.columns {
        column.name.quote_style = Some('"');
    }
}

/// Whether DataFusion gives the outputs the same names.
fn are_plain(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => select.projection.iter().all(|item| {
            matches!(
                item,
                SelectItem::ExprWithAlias { .. }
                    | SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            )
        }),
        SetExpr::SetOperation { left, .. } => are_plain(left),
        SetExpr::Query(query) => are_plain(&query.body),
        _ => false,
    }
}

/// Beside a wildcard the list of columns is not known yet: the outputs that have no name of their own get it where they stand.
fn name_beside_wildcards(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) = item
                    && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
                {
                    let name = of_output(item).unwrap_or_default();
                    let SelectItem::UnnamedExpr(expr) = item else {
                        continue;
                    };
                    let expr = std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()));
                    let alias = Ident::with_quote('"', name);
                    *item = SelectItem::ExprWithAlias { expr, alias };
                }
            }
        }
        SetExpr::SetOperation { left, .. } => name_beside_wildcards(left),
        SetExpr::Query(query) => name_beside_wildcards(&mut query.body),
        _ => {}
    }
}
