//! Arguments with names, `f(a => 1)` and `f(a := 1)`, in their places; and VARIADIC arrays, item by item.
//!
//! Owns: the names of parameters, and what stands for those that are left out. Does not own: types of arguments.
//! Invariant: a call with names means what the call without them means. Start at [`placed`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart, Value,
};

use super::literals::{cast, text};
use super::parser::tokens::VARIADIC;
use super::quantified::list_items;
use super::set_returning::function_name;
use super::step::{Step, fail, refuse};
use crate::error::sqlstate;

/// The parameters of a function that is called with names, and the values of those that may be left out.
fn parameters(function: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match function {
        "make_interval" => (
            &["years", "months", "weeks", "days", "hours", "mins", "secs"],
            &["0", "0", "0", "0", "0", "0", "0"],
        ),
        "make_date" => (&["year", "month", "day"], &[]),
        "make_time" => (&["hour", "min", "sec"], &[]),
        "make_timestamp" => (&["year", "month", "mday", "hour", "min", "sec"], &[]),
        "make_timestamptz" => (&["year", "month", "mday", "hour", "min", "sec", "timezone"], &[]),
        "jsonb_set" => (
            &["jsonb_in", "path", "replacement", "create_if_missing"],
            &["true"],
        ),
        "jsonb_set_lax" => (
            &[
                "jsonb_in",
                "path",
                "replacement",
                "create_if_missing",
                "null_value_treatment",
            ],
            &["true", "'use_json_null'"],
        ),
        "jsonb_insert" => (&["jsonb_in", "path", "replacement", "insert_after"], &["false"]),
        "parse_ident" => (&["str", "strict"], &["true"]),
        _ => return None,
    })
}

/// The functions that take any number of arguments, and so an array after VARIADIC.
const VARIADIC_FUNCTIONS: &[&str] = &[
    "concat",
    "concat_ws",
    "format",
    "json_build_array",
    "json_build_object",
    "json_extract_path",
    "json_extract_path_text",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "num_nonnulls",
    "num_nulls",
];

/// Puts the arguments of a call in their places.
///
/// # Errors
/// 42601 for a name that comes twice, 42883 for one that is no parameter, 0A000 for VARIADIC with an array that is not written out.
pub(crate) fn placed(expr: &mut Expr) -> Step {
    let Expr::Function(function) = expr else {
        return ControlFlow::Continue(());
    };
    let FunctionArguments::List(list) = &function.args else {
        return ControlFlow::Continue(());
    };
    if list.args.iter().all(|arg| matches!(arg, FunctionArg::Unnamed(_))) {
        return ControlFlow::Continue(());
    }
    if list
        .args
        .last()
        .is_some_and(|arg| name_of(arg).as_deref() == Some(VARIADIC))
    {
        return variadic(expr);
    }
    by_name(function)
}

fn name_of(arg: &FunctionArg) -> Option<String> {
    match arg {
        FunctionArg::Unnamed(_) => None,
        FunctionArg::Named { name, .. } => Some(name.value.to_lowercase()),
        FunctionArg::ExprNamed { name, .. } => Some(name.to_string().to_lowercase()),
    }
}

fn value_of(arg: FunctionArg) -> FunctionArgExpr {
    match arg {
        FunctionArg::Unnamed(value) => value,
        FunctionArg::Named { arg, .. } | FunctionArg::ExprNamed { arg, .. } => arg,
    }
}

fn by_name(function: &mut Function) -> Step {
    let name = function_name(&function.name);
    let FunctionArguments::List(list) = &mut function.args else {
        return ControlFlow::Continue(());
    };
    let Some((names, defaults)) = parameters(&name) else {
        return match function.name.0.first() {
            Some(ObjectNamePart::Identifier(_)) if !crate::functions::unknown::is_postgresqls(&name) => fail(
                sqlstate::UNDEFINED_FUNCTION,
                format!("function {name} does not exist"),
            ),
            _ => refuse(format!("named arguments of {name} are not supported")),
        };
    };
    let mut places: Vec<Option<FunctionArgExpr>> = vec![None; names.len()];
    for (at, argument) in std::mem::take(&mut list.args).into_iter().enumerate() {
        let place = match name_of(&argument) {
            None => Some(at),
            Some(name) => names.iter().position(|known| *known == name),
        };
        match place.and_then(|place| places.get_mut(place)) {
            Some(place @ None) => *place = Some(value_of(argument)),
            Some(Some(_)) => return fail(sqlstate::SYNTAX, "argument name is used more than once"),
            None => {
                let message = format!("function {name} with these arguments does not exist");
                return fail(sqlstate::UNDEFINED_FUNCTION, message);
            }
        }
    }
    let required = names.len() - defaults.len();
    for (at, place) in places.iter_mut().enumerate() {
        if place.is_none()
            && let Some(default) = at.checked_sub(required).and_then(|at| defaults.get(at))
        {
            *place = Some(FunctionArgExpr::Expr(constant(default)));
        }
    }
    if places.iter().take(required).any(Option::is_none) {
        let message = format!("function {name} with these arguments does not exist");
        return fail(sqlstate::UNDEFINED_FUNCTION, message);
    }
    list.args = places.into_iter().flatten().map(FunctionArg::Unnamed).collect();
    ControlFlow::Continue(())
}

fn constant(written: &str) -> Expr {
    match written {
        "true" | "false" => Expr::Value(Value::Boolean(written == "true").with_empty_span()),
        "0" => cast(
            Expr::Value(Value::Number("0".to_owned(), false).with_empty_span()),
            DataType::Integer(None),
        ),
        quoted => text(quoted.trim_matches('\'')),
    }
}

/// The items of the last argument in the place of the array.
fn variadic(expr: &mut Expr) -> Step {
    let Expr::Function(function) = expr else {
        return ControlFlow::Continue(());
    };
    let name = function_name(&function.name);
    let FunctionArguments::List(list) = &mut function.args else {
        return ControlFlow::Continue(());
    };
    let Some(FunctionArgExpr::Expr(array)) = list.args.pop().map(value_of) else {
        return ControlFlow::Continue(());
    };
    if !VARIADIC_FUNCTIONS.contains(&name.as_str()) {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(array)));
        return ControlFlow::Continue(());
    }
    if is_null(&array) {
        let ty = match name.as_str() {
            "num_nulls" | "num_nonnulls" => DataType::Integer(None),
            "json_build_array" | "json_build_object" | "json_extract_path" => DataType::JSON,
            "jsonb_build_array" | "jsonb_build_object" | "jsonb_extract_path" => DataType::JSONB,
            _ => DataType::Text,
        };
        *expr = cast(Expr::Value(Value::Null.with_empty_span()), ty);
        return ControlFlow::Continue(());
    }
    match list_items(&array) {
        Err(error) => ControlFlow::Break(Box::new(error)),
        Ok(Some(items)) => {
            let items = items
                .into_iter()
                .map(|item| FunctionArg::Unnamed(FunctionArgExpr::Expr(item)));
            list.args.extend(items);
            ControlFlow::Continue(())
        }
        Ok(None) => refuse("VARIADIC with an array that is not written out is not supported"),
    }
}

fn is_null(array: &Expr) -> bool {
    match array {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => is_null(inner),
        Expr::Value(value) => value.value == Value::Null,
        _ => false,
    }
}
