//! Calls in catalog questions.
//!
//! Owns: functions by schema, words that are functions, and functions in FROM. Invariant: a function in FROM keeps its alias, and its
//! only column has the alias's name, as in PostgreSQL.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Expr, FunctionArguments, Ident, ObjectName, TableAlias, TableAliasColumnDef, TableFactor, Value,
};

use super::super::functions::SERIES;
use super::super::relations::{self, PG_CATALOG};
use causeway_postgres::{call as called, statements};

/// A call of a function, with its plain name.
pub(super) fn call(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let Some(name) = plain_name(&function.name) else {
        return;
    };
    match (name.as_str(), &function.args) {
        ("generate_subscripts", FunctionArguments::List(list)) => {
            let list = list.args.iter().find_map(|arg| match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(list)) => Some(list.clone()),
                _ => None,
            });
            if let Some(list) = list {
                let one = Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
                let length = called("cardinality", vec![list]);
                *expr = called("unnest", vec![called(SERIES, vec![one, length])]);
            }
        }
        (_, FunctionArguments::None) if is_register(&name) => *expr = called(&name, Vec::new()),
        _ if function.name.0.len() > 1 => function.name = ObjectName::from(vec![Ident::new(name)]),
        _ => {}
    }
}

/// A word that stands for a call, such as `current_schema`.
pub(super) fn register(expr: &mut Expr) {
    if let Expr::Identifier(ident) = &*expr {
        let name = ident.value.to_lowercase();
        // `user` is a column's name too often.
        if is_register(&name) && name != "user" {
            *expr = called(&name, Vec::new());
        }
    }
}

/// The word `user` in an expression without subqueries, in which it is no column.
pub(super) fn user(expr: &mut Expr) {
    let has_subquery = ast::visit_expressions(&*expr, |part| match part {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if has_subquery.is_break() {
        return;
    }
    let _ = ast::visit_expressions_mut(expr, |part| {
        if matches!(part, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("user"))
        {
            *part = called("user", Vec::new());
        }
        ControlFlow::<()>::Continue(())
    });
}

fn is_register(name: &str) -> bool {
    matches!(
        name,
        "current_user" | "session_user" | "current_role" | "user" | "current_catalog" | "current_schema"
    )
}

/// The last part of a name, as PostgreSQL folds it.
fn plain_name(name: &ObjectName) -> Option<String> {
    let last = name.0.last()?.as_ident()?;
    Some(match last.quote_style {
        Some(_) => last.value.clone(),
        None => last.value.to_lowercase(),
    })
}

/// A function in FROM: a relation of its own, or a subquery.
pub(super) fn table_function(factor: &mut TableFactor) {
    let (name, call, alias) = match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } => {
            let args: Vec<_> = args.args.iter().map(ToString::to_string).collect();
            (plain_name(name), args.join(", "), alias.take())
        }
        TableFactor::Function {
            name, args, alias, ..
        } => {
            let args: Vec<_> = args.iter().map(ToString::to_string).collect();
            (plain_name(name), args.join(", "), alias.take())
        }
        _ => return,
    };
    let Some(name) = name else { return };
    let relation = match name.as_str() {
        "pg_show_all_settings" => "pg_settings",
        "pg_stat_get_activity" => "pg_stat_activity",
        other => other,
    };
    let is_relation = relations::find(PG_CATALOG, relation).is_some();
    let text = match (is_relation, name.as_str()) {
        (true, _) => format!("SELECT * FROM {PG_CATALOG}.{relation}"),
        (false, "unnest") => format!("SELECT unnest({call})"),
        (false, "generate_series" | "generate_subscripts") => {
            let set = if name == "generate_series" {
                format!("unnest({SERIES}({call}))")
            } else {
                format!("generate_subscripts({call})")
            };
            format!("SELECT {set}")
        }
        (false, _) => format!("SELECT {name}({call})"),
    };
    let parsed = statements(&text).ok().and_then(|mut parsed| parsed.pop());
    let Some(ast::Statement::Query(subquery)) = parsed else {
        return;
    };
    let mut alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() && !is_relation {
        alias.columns.push(TableAliasColumnDef {
            name: alias.name.clone(),
            data_type: None,
        });
    }
    *factor = TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(alias),
        sample: None,
    };
}
