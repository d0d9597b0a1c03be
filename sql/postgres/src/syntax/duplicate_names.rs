//! Outputs that repeat a name.
//!
//! Owns: names that tell outputs apart inside a plan, and the way back to those that people see. Does not own: what an output is called;
//! see `column_names`. Invariant: an output that can be sorted by keeps its name. Start at [`distinguish_outputs`].

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, SelectItem, SetExpr, Value, VisitMut, VisitorMut};

/// Stands between a name and a number, in a name that exists inside plans only. It is an invisible character.
const MARK: char = '\u{2063}';

/// A name that no other output has: that of the output at `place`.
pub(crate) fn marked(name: &str, place: usize) -> String {
    format!("{name}{MARK}:{}", place + 1)
}

/// The names under which the columns of a sub-select stand in a plan: none of those that it has twice is just called so.
pub(crate) fn told_apart(names: &[String]) -> Vec<String> {
    let is_repeated = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
    let places = names.iter().enumerate();
    places
        .map(|(place, name)| match is_repeated(name) {
            true => marked(name, place),
            false => name.clone(),
        })
        .collect()
}

/// The name that people see.
#[must_use]
pub fn unmarked(name: &str) -> &str {
    name.rsplit_once(MARK).map_or(name, |(name, _)| name)
}

/// A message in which names are those that people see.
pub(crate) fn unmarked_text(text: &str) -> String {
    let mut parts = text.split(MARK);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.strip_prefix(':').unwrap_or(part);
        out.push_str(number.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// Gives repeated outputs of the statement names of their own; people see the names that they wrote.
pub fn distinguish_outputs(body: &mut SetExpr) {
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
            SelectItem::UnnamedExpr(expr) => planned_name(expr),
            _ => continue,
        };
        // DataFusion calls a cast column as the column, which ORDER BY may add to the outputs, and a subquery as its own output
        // (docs/upstream.md, duplicate-names).
        let is_misnamed = matches!(
            &*item,
            SelectItem::UnnamedExpr(Expr::Cast { .. } | Expr::Subquery(_) | Expr::Exists { .. })
        );
        if seen.insert(name.to_lowercase()) && !is_misnamed {
            continue;
        }
        let alias = Ident::with_quote('"', marked(&name, at));
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

/// What stands for DataFusion's name of an expression, which does not mention casts.
fn planned_name(expr: &Expr) -> String {
    let mut bare = expr.clone();
    let _ = VisitMut::visit(&mut bare, &mut WithoutCasts);
    match bare {
        Expr::Identifier(ident) => ident.value,
        Expr::CompoundIdentifier(mut parts) => parts.pop().map(|ident| ident.value).unwrap_or_default(),
        other => other.to_string(),
    }
}

struct WithoutCasts;

impl VisitorMut for WithoutCasts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = expr {
            *expr = std::mem::replace(inner.as_mut(), Expr::Value(Value::Null.with_empty_span()));
        }
        ControlFlow::Continue(())
    }
}
