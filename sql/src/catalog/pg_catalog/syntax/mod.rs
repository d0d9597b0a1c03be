//! Catalog questions in DataFusion's words.
//!
//! Owns: what clients write in questions about the catalog and DataFusion does not take: names in `pg_catalog`, casts to `reg…`,
//! functions in FROM, operators by schema, collations. Does not own: statements over data; see `postgres::syntax`. Invariant: a
//! question keeps its meaning, except that arrays of subqueries and some correlated values are NULL. Start at [`adapted`].

mod calls;
mod casts;
mod subqueries;

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Ident, ObjectName, Query, SelectItem, Value, VisitMut, VisitorMut,
};

use super::relations::{self, PG_CATALOG};
use causeway_postgres::{Error, distinguish_outputs, quantified};

/// Ends the names of columns that stand beside a wildcard, which may bring the same name again.
const REPEATED: char = '\u{200b}';

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
    if let ast::Statement::Query(query) = &mut statement {
        distinguish_outputs(&mut query.body);
    }
    Ok(statement)
}

/// The schema without the marks of repeated names.
pub(crate) fn unmarked(schema: &SchemaRef) -> SchemaRef {
    let is_marked = |name: &str| name.contains(REPEATED);
    if !schema.fields().iter().any(|field| is_marked(field.name())) {
        return SchemaRef::clone(schema);
    }
    let fields = schema.fields().iter().map(|field| {
        let name = field.name().split(REPEATED).next().unwrap_or_default();
        field.as_ref().clone().with_name(name)
    });
    SchemaRef::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
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

    fn pre_visit_select(&mut self, select: &mut ast::Select) -> Step {
        let is_wildcard =
            |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        if select.projection.iter().any(is_wildcard) {
            select.projection.iter_mut().enumerate().for_each(marked);
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } = item {
                subqueries::in_output(value);
            }
        }
        if let Some(filter) = &mut select.selection {
            subqueries::in_condition(filter);
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
            Expr::Collate { expr: inner, .. } => *expr = taken(inner),
            Expr::BinaryOp { left, op, right } => {
                if let BinaryOperator::PGCustomBinaryOperator(parts) = op
                    && let Some(known) = parts.last().and_then(|name| operator(name))
                {
                    *op = known;
                }
                casts::list_literal(left, right);
                casts::list_literal(right, left);
            }
            Expr::AnyOp { .. } | Expr::AllOp { .. } => return quantified(expr),
            Expr::Cast { .. } => return casts::cast(expr),
            Expr::TypedString(_) => casts::typed_text(expr),
            Expr::Function(_) => calls::call(expr),
            Expr::Identifier(ident) if ident.quote_style.is_none() => calls::register(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Takes an expression out of its place.
fn taken(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

/// Gives a plain column a name of its own.
fn marked((at, item): (usize, &mut SelectItem)) {
    let SelectItem::UnnamedExpr(expr) = item else {
        return;
    };
    let name = match &*expr {
        Expr::Identifier(ident) => ident.clone(),
        Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(last) => last.clone(),
            None => return,
        },
        _ => return,
    };
    let name = match name.quote_style {
        Some(_) => name.value,
        None => name.value.to_lowercase(),
    };
    *item = SelectItem::ExprWithAlias {
        expr: taken(expr),
        alias: Ident::with_quote('"', format!("{name}{REPEATED}{at}")),
    };
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
