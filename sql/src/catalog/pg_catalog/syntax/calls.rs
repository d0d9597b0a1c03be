//! Calls in catalog questions.
//!
//! Owns: functions by schema, words that are functions, and functions in FROM. Invariant: a function in FROM keeps its alias, and its
//! only column has the alias's name, as in PostgreSQL.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, Expr, FunctionArguments, Ident, ObjectName, TableAlias, TableAliasColumnDef, TableFactor,
};

use super::super::relations::{self, PG_CATALOG};
use causeway_postgres::{call as called, returns_set, statements};

/// A call of a function, with its plain name.
pub(super) fn call(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let Some(name) = plain_name(&function.name) else {
        return;
    };
    match (name.as_str(), &function.args) {
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
///
/// What returns a set is everybody's.
pub(super) fn table_function(factor: &mut TableFactor) {
    let called = match &*factor {
        TableFactor::Table {
            name, args: Some(_), ..
        }
        | TableFactor::Function { name, .. } => plain_name(name),
        _ => None,
    };
    if called.is_none_or(|name| returns_set(&name)) {
        return;
    }
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
    let text = match is_relation {
        true => format!("SELECT * FROM {PG_CATALOG}.{relation}"),
        false => format!("SELECT {name}({call})"),
    };
    let parsed = statements(&text).ok().and_then(|mut parsed| parsed.pop());
    let Some(ast::Statement::Query(subquery)) = parsed else {
        return;
    };
    let mut alias = alias.unwrap_or_else(|| named(name));
    if alias.columns.is_empty() && !is_relation {
        alias.columns.push(TableAliasColumnDef {
            name: alias.name.clone(),
            data_type: None,
        });
    }
    *factor = TableFactor::Derived {
        lateral: !is_relation,
        subquery,
        alias: Some(alias),
        sample: None,
    };
}

fn named(name: String) -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: Vec::new(),
        at: None,
    }
}
