//! Names of what sub-selects and WITH queries put out, as PostgreSQL gives them: `SELECT max FROM (SELECT max(a) FROM t) s`.
//!
//! Owns: the list of column names after the alias of a sub-select, where DataFusion would name an output otherwise.
//! Does not own: the names themselves; see `column_names`. Invariant: an output has the same name inside and outside a sub-select, and
//! a name that two outputs have is ambiguous. Start at [`listed`].

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, Value,
};

use super::column_names::{of_body, of_output};
use super::duplicate_names::told_apart;
use super::relations::renamed;

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
///
/// `outputs` are the names of its columns, as far as they are known beside wildcards.
pub(crate) fn listed(alias: &mut TableAlias, query: &mut Query, outputs: Option<Vec<String>>) {
    let has_wildcard = of_body(&query.body).is_none();
    let repeats = |names: &Vec<String>| told_apart(names) != *names;
    let Some(names) = outputs.filter(|names| !has_wildcard || repeats(names)) else {
        name_beside_wildcards(&mut query.body);
        return;
    };
    let Some(names) = renamed(names, Some(alias)) else {
        return;
    };
    let is_partly_listed = !alias.columns.is_empty() && alias.columns.len() < names.len();
    let is_named = !alias.columns.is_empty() || are_plain(&query.body);
    if !is_partly_listed && !repeats(&names) && is_named {
        return;
    }
    let columns = told_apart(&names).into_iter().map(|name| TableAliasColumnDef {
        name: Ident::with_quote('"', name),
        data_type: None,
    });
    alias.columns = columns.collect();
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
