//! Functions that return sets of rows, `generate_series(1, 3)`, in FROM and in the list of outputs.
//!
//! In a plan such a function gives a list for each row, and DataFusion's Unnest makes rows of the lists: several side by side, the shorter
//! ones filled up with NULL, as PostgreSQL does since version 10. Owns: the rewrite to that form, names of tables and columns, ORDINALITY.
//! Does not own: the lists; see `functions::series`. Invariant: where PostgreSQL allows no set, none gets here (`placement`).
//! Start at [`in_from`] and [`in_expression`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, DataType, Expr, Ident, ObjectName, SelectItem, SetExpr, TableAlias, TableFactor, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::literals::{call, cast};
use super::step::{Step, refuse};
use crate::functions::json::{KEYS, TEXTS, VALUES};
use crate::functions::series::{ELEMENTS, ORDINALS};

/// The functions that return sets.
const NAMES: &[&str] = &[
    KEYS,
    TEXTS,
    VALUES,
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "json_to_record",
    "json_to_recordset",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

/// Whether a function returns a set of rows.
#[must_use]
pub fn returns_set(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The name of a function as PostgreSQL looks it up.
pub(crate) fn function_name(name: &ObjectName) -> String {
    let name = name.to_string().to_lowercase();
    name.strip_prefix("pg_catalog.").unwrap_or(&name).to_owned()
}

/// A function in FROM.
struct Called {
    name: String,
    args: Vec<Expr>,
    with_ordinality: bool,
    alias: Option<TableAlias>,
}

/// Makes a sub-select of a function in FROM, which may use the columns of what stands before it.
///
/// # Errors
/// 0A000 for named arguments and for what sqlparser alone knows.
pub(crate) fn in_from(factor: &mut TableFactor) -> Step {
    let called = match factor {
        TableFactor::Table {
            name,
            alias,
            args: Some(args),
            with_ordinality,
            ..
        } => Called {
            name: function_name(name),
            args: plain(std::mem::take(&mut args.args))?,
            with_ordinality: *with_ordinality,
            alias: alias.take(),
        },
        TableFactor::Function {
            name,
            args,
            alias,
            with_ordinality,
            ..
        } => Called {
            name: function_name(name),
            args: plain(std::mem::take(args))?,
            with_ordinality: *with_ordinality,
            alias: alias.take(),
        },
        TableFactor::UNNEST {
            alias,
            array_exprs,
            with_ordinality,
            with_offset: false,
            ..
        } => Called {
            name: "unnest".to_owned(),
            args: std::mem::take(array_exprs),
            with_ordinality: *with_ordinality,
            alias: alias.take(),
        },
        _ => return ControlFlow::Continue(()),
    };
    match sub_select(called) {
        Some(rows) => *factor = rows,
        None => return refuse("this function in FROM is not supported"),
    }
    ControlFlow::Continue(())
}

/// The arguments, none of which has a name.
fn plain(args: Vec<ast::FunctionArg>) -> ControlFlow<Box<crate::error::Error>, Vec<Expr>> {
    let mut exprs = Vec::with_capacity(args.len());
    for arg in args {
        match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => exprs.push(expr),
            other => {
                let refused = refuse(format!(
                    "the argument {other} of a function in FROM is not supported"
                ));
                refused.map_continue(|()| Vec::<Expr>::new())?;
            }
        }
    }
    ControlFlow::Continue(exprs)
}

fn sub_select(called: Called) -> Option<TableFactor> {
    let Called {
        name,
        args,
        with_ordinality,
        alias,
    } = called;
    let is_lateral = args.iter().any(has_columns);
    let lists = lists(&name, args);
    let alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', &name),
        columns: Vec::new(),
        at: None,
    });
    let ordinality = with_ordinality.then(|| {
        let lists = if returns_set(&name) {
            lists.clone()
        } else {
            Vec::new()
        };
        call(ORDINALS, lists)
    });
    let names = columns_of(&name, lists.len(), &alias);
    let mut items: Vec<SelectItem> = lists
        .into_iter()
        .zip(names)
        .map(|(expr, name)| match name {
            Some(alias) => SelectItem::ExprWithAlias { expr, alias },
            None => SelectItem::UnnamedExpr(expr),
        })
        .collect();
    items.extend(ordinality.map(|expr| SelectItem::ExprWithAlias {
        expr,
        alias: Ident::new("ordinality"),
    }));
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT 1").ok()?;
    let mut subquery = parser.parse_query().ok()?;
    let SetExpr::Select(select) = subquery.body.as_mut() else {
        return None;
    };
    select.projection = items;
    Some(TableFactor::Derived {
        lateral: is_lateral,
        subquery,
        alias: Some(alias),
        sample: None,
    })
}

/// The lists side by side of which a function's rows are made.
fn lists(name: &str, args: Vec<Expr>) -> Vec<Expr> {
    match name {
        "unnest" if args.len() > 1 => args.into_iter().map(|arg| call(name, vec![arg])).collect(),
        "json_each" | "jsonb_each" | "json_each_text" | "jsonb_each_text" => {
            let is_b = name.starts_with("jsonb");
            let ty = if is_b { DataType::JSONB } else { DataType::JSON };
            let typed = |arg: Expr| match is_literal(&arg) {
                true => cast(arg, ty.clone()),
                false => arg,
            };
            let args: Vec<Expr> = args.into_iter().map(typed).collect();
            let values = if name.ends_with("_text") { TEXTS } else { VALUES };
            vec![call(KEYS, args.clone()), call(values, args)]
        }
        _ => vec![call(name, args)],
    }
}

/// The names of a function's columns: its own, or else that of the relation if there is one column only.
fn columns_of(name: &str, columns: usize, alias: &TableAlias) -> Vec<Option<Ident>> {
    let own: &[&str] = match name {
        "json_array_elements"
        | "json_array_elements_text"
        | "jsonb_array_elements"
        | "jsonb_array_elements_text" => &["value"],
        "json_each" | "json_each_text" | "jsonb_each" | "jsonb_each_text" => &["key", "value"],
        _ if columns == 1 => return vec![Some(alias.name.clone())],
        _ => return vec![None; columns],
    };
    own.iter().map(|name| Some(Ident::new(*name))).collect()
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if value.value.clone().into_string().is_some())
}

/// Whether the expression names columns, of this query or of one around it.
fn has_columns(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Makes rows of the list that the function gives, where it returns a set.
pub(crate) fn in_expression(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let name = function_name(&function.name);
    if !returns_set(&name) && name != ORDINALS {
        return;
    }
    if name == ORDINALS {
        // The lists whose places are counted are no rows yet.
        without_unnest(function);
    }
    let mut list = std::mem::replace(expr, Expr::Value(ast::Value::Null.with_empty_span()));
    if let Expr::Function(function) = &mut list {
        let own = if name == "unnest" { ELEMENTS } else { name.as_str() };
        function.name = ObjectName::from(vec![Ident::new(own)]);
    }
    *expr = call("unnest", vec![list]);
}

fn without_unnest(function: &mut ast::Function) {
    let ast::FunctionArguments::List(list) = &mut function.args else {
        return;
    };
    for arg in &mut list.args {
        let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(Expr::Function(rows))) = arg else {
            continue;
        };
        let ast::FunctionArguments::List(inner) = &rows.args else {
            continue;
        };
        if let [inner] = inner.args.as_slice() {
            *arg = inner.clone();
        }
    }
}
