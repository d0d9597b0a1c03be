//! Catalog questions in DataFusion's words.
//!
//! Owns: what clients write in questions about the catalog and DataFusion does not take: names in `pg_catalog`, casts to `reg…`,
//! functions in FROM, operators by schema, collations. Does not own: statements over data; see `postgres::syntax`. Invariant: a
//! statement keeps its meaning. Start at [`adapted`].

mod calls;
mod casts;

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Ident, ObjectName, Query, SelectItem, Value, VisitMut, VisitorMut,
};

use super::relations::{self, PG_CATALOG};
use causeway_postgres::Error;

type Step = ControlFlow<Box<Error>>;

/// The question as DataFusion is asked to plan it.
///
/// # Errors
/// 22P02 for malformed array literals.
pub(crate) fn adapted(mut statement: ast::Statement) -> Result<ast::Statement, Error> {
    let mut adapter = Adapter {
        common_tables: HashSet::new(),
    };
    if let ControlFlow::Break(error) = VisitMut::visit(&mut statement, &mut adapter) {
        return Err(*error);
    }
    Ok(statement)
}

struct Adapter {
    /// Names of WITH queries.
    common_tables: HashSet<String>,
}

impl VisitorMut for Adapter {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Step {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.common_tables
            .extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }

    /// `user` is the name of columns too: without a FROM there are none.
    fn pre_visit_select(&mut self, select: &mut ast::Select) -> Step {
        if !select.from.is_empty() {
            return ControlFlow::Continue(());
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                calls::user(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> Step {
        calls::table_function(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Step {
        if let [part] = relation.0.as_slice()
            && let Some(name) = part.as_ident().map(|ident| ident.value.to_lowercase())
            && !self.common_tables.contains(&name)
            && relations::find(PG_CATALOG, &name).is_some()
        {
            *relation = ObjectName::from(vec![Ident::new(PG_CATALOG), Ident::new(name)]);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Step {
        match expr {
            Expr::Collate {
                expr: inner,
                collation,
            } => {
                known_collation(collation)?;
                *expr = taken(inner);
            }
            Expr::BinaryOp { left, op, right } => {
                if let BinaryOperator::PGCustomBinaryOperator(parts) = op
                    && let Some(known) = parts.last().and_then(|name| operator(name))
                {
                    *op = known;
                }
                casts::list_literal(left, right);
                casts::list_literal(right, left);
            }
            Expr::Cast { .. } => return casts::cast(expr),
            Expr::TypedString(_) => casts::typed_text(expr),
            Expr::Function(_) => calls::call(expr),
            Expr::Identifier(ident) if ident.quote_style.is_none() => calls::register(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Texts sort by their bytes here; the collations that say so change nothing.
fn known_collation(collation: &ObjectName) -> Step {
    const BYTEWISE: [&str; 7] = [
        "C",
        "POSIX",
        "default",
        "ucs_basic",
        "C.UTF-8",
        "C.utf8",
        "pg_c_utf8",
    ];
    let last = collation.0.last().and_then(|part| part.as_ident());
    let name = last
        .map(causeway_postgres::column_names::folded)
        .unwrap_or_default();
    if BYTEWISE.contains(&name.as_str()) {
        return ControlFlow::Continue(());
    }
    let message = format!("collation \"{name}\" for encoding \"UTF8\" does not exist");
    let error = Error::new("42704", message).with_hint("text sorts by its bytes; use COLLATE \"C\"");
    ControlFlow::Break(Box::new(error))
}

/// Takes an expression out of its place.
fn taken(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

/// The operator of `OPERATOR(pg_catalog.…)`.
fn operator(name: &str) -> Option<BinaryOperator> {
    Some(match name {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "||" => BinaryOperator::StringConcat,
        _ => return None,
    })
}
