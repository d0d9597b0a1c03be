//! JSON functions that are more than a function: aggregates, and records in FROM.
//!
//! `json_agg(x ORDER BY y)` is `array_agg(x ORDER BY y)` as one JSON value, so that order, FILTER and OVER are those of `array_agg`.
//! `json_to_record(x) AS t(a int)` is a sub-select of the members of `x`. Owns: these rewrites. Does not own: the functions they are
//! made of; see `functions::json`. Invariant: names of outputs stay those of the statement. Start at [`aggregated`] and [`record`].

use datafusion::sql::sqlparser::ast::{
    self, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, TableAlias,
    TableFactor,
};

use super::literals::call;
use super::parser::statements;
use super::set_returning::function_name;
use super::step::{Step, refuse};
use crate::functions::json::{AGGREGATE, AGGREGATE_B, OBJECT_AGGREGATE, OBJECT_AGGREGATE_B};
use std::ops::ControlFlow;

/// Puts `array_agg` in the place of an aggregate that makes JSON.
pub(crate) fn aggregated(expr: &mut Expr) {
    let Expr::Function(function) = expr else {
        return;
    };
    let made = match function_name(&function.name).as_str() {
        "json_agg" => AGGREGATE,
        "jsonb_agg" => AGGREGATE_B,
        "json_object_agg" => OBJECT_AGGREGATE,
        "jsonb_object_agg" => OBJECT_AGGREGATE_B,
        _ => return,
    };
    let FunctionArguments::List(list) = &function.args else {
        return;
    };
    let wanted = if matches!(made, AGGREGATE | AGGREGATE_B) {
        1
    } else {
        2
    };
    if list.args.len() != wanted {
        return;
    }
    let of_each = list.args.clone().into_iter().map(|arg| {
        let mut aggregate = function.clone();
        aggregate.name = ObjectName::from(vec![Ident::new("array_agg")]);
        if let FunctionArguments::List(list) = &mut aggregate.args {
            list.args = vec![arg];
        }
        Expr::Function(aggregate)
    });
    *expr = call(made, of_each.collect());
}

/// The functions whose columns the statement lists.
fn is_record(name: &str) -> bool {
    matches!(
        name,
        "json_to_record" | "jsonb_to_record" | "json_to_recordset" | "jsonb_to_recordset"
    )
}

/// The members of `causeway.value` that the columns name, in the types of the columns.
fn items(columns: &[ast::TableAliasColumnDef]) -> ControlFlow<Box<crate::error::Error>, String> {
    let mut items = Vec::with_capacity(columns.len());
    for column in columns {
        let (Some(ty), key) = (&column.data_type, super::column_names::folded(&column.name)) else {
            continue;
        };
        if matches!(ty, DataType::Array(_)) {
            let refused = refuse(format!("a column of type {ty} made of JSON is not supported"));
            refused.map_continue(|()| String::new())?;
        }
        let is_json = matches!(ty, DataType::JSON | DataType::JSONB);
        let arrow = if is_json { "->" } else { "->>" };
        items.push(format!(
            "CAST(causeway.value {arrow} '{}' AS {ty})",
            key.replace('\'', "''")
        ));
    }
    ControlFlow::Continue(items.join(", "))
}

/// Makes a sub-select of `json_to_record(x) AS t(a integer, b text)` and its kin.
///
/// # Errors
/// 42601 without a list of columns; 0A000 for columns of an array type.
pub(crate) fn record(factor: &mut TableFactor) -> Step {
    let (name, args, alias) = match &*factor {
        TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } => (function_name(name), &args.args, alias),
        TableFactor::Function {
            name, args, alias, ..
        } => (function_name(name), args, alias),
        _ => return ControlFlow::Continue(()),
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] = args.as_slice() else {
        return ControlFlow::Continue(());
    };
    if !is_record(&name) {
        return ControlFlow::Continue(());
    }
    let columns = alias
        .as_ref()
        .map(|alias| alias.columns.as_slice())
        .unwrap_or_default();
    if columns.is_empty() || columns.iter().any(|column| column.data_type.is_none()) {
        return super::step::fail(
            "42601",
            "a column definition list is required for functions returning \"record\"",
        );
    }
    let items = items(columns)?;
    let ty = if name.starts_with("jsonb") {
        "jsonb"
    } else {
        "json"
    };
    let from = if name.ends_with("set") {
        format!("{ty}_array_elements(CAST({value} AS {ty})) AS causeway(value)")
    } else {
        format!("(SELECT CAST({value} AS {ty})) AS causeway(value)")
    };
    let parsed = statements(&format!("SELECT {items} FROM LATERAL {from}"));
    let parsed = parsed.or_else(|_| statements(&format!("SELECT {items} FROM {from}")));
    let Some(ast::Statement::Query(subquery)) = parsed.ok().and_then(|mut parsed| parsed.pop()) else {
        return refuse(format!("{name} of such an argument is not supported"));
    };
    let mut alias = alias.clone().unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: Vec::new(),
        at: None,
    });
    for column in &mut alias.columns {
        column.data_type = None;
    }
    *factor = TableFactor::Derived {
        lateral: true,
        subquery,
        alias: Some(alias),
        sample: None,
    };
    ControlFlow::Continue(())
}
