//! Which of a function's ways to be called a call means (PostgreSQL, "Function Type Resolution").
//!
//! Owns: the arguments in the types of the candidate that is meant, and the errors when there is none. Does not own: the choice; see
//! `functions::candidates`. Invariant: every argument has the type that the candidate takes. Start at [`chosen`].

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::Expr;

use crate::error::{Error, sqlstate};
pub(crate) use crate::functions::candidates::Candidate;
use crate::functions::candidates::meant;
use crate::syntax::quantified::literal_texts;
use crate::types::{Kind, Typed, fault};

/// The arguments in the types of the candidate that the call means.
///
/// # Errors
/// 42883 when no candidate fits, 42725 when several fit equally well.
pub(crate) fn chosen(
    name: &str,
    candidates: &[Candidate],
    args: Vec<Typed>,
) -> Result<(Vec<Kind>, Vec<Expr>)> {
    let given: Vec<Kind> = args.iter().map(Typed::kind).collect();
    let left = meant(candidates, &given);
    let [candidate] = left.as_slice() else {
        if left.is_empty() {
            return Err(undefined(name, &args));
        }
        let names = names(&args);
        return Err(fault("42725", format!("function {name}({names}) is not unique")));
    };
    let wanted: Vec<Kind> = (0..args.len()).filter_map(|place| candidate.at(place)).collect();
    let args = args.into_iter().zip(&wanted).map(|(arg, wanted)| match wanted {
        Kind::Any => Ok(arg.expr),
        Kind::Other if arg.kind() == Kind::Unknown => array_of_texts(arg.expr),
        Kind::Other => Ok(arg.expr),
        wanted if arg.kind() == *wanted && *wanted != Kind::Text => Ok(arg.expr),
        wanted => arg.to(&wanted.arrow()),
    });
    let args = args.collect::<Result<Vec<_>>>()?;
    Ok((wanted, args))
}

/// A quoted literal where an array is expected: its items are texts.
fn array_of_texts(literal: Expr) -> Result<Expr> {
    let text = literal
        .as_literal()
        .and_then(|value| value.try_as_str().flatten());
    let Some(text) = text else {
        let item = Field::new_list_field(DataType::Utf8, true);
        return Ok(Expr::Literal(
            ScalarValue::try_from(&DataType::List(Arc::new(item)))?,
            None,
        ));
    };
    let items = literal_texts(text)?.into_iter();
    let items: Vec<ScalarValue> = items.map(ScalarValue::Utf8).collect();
    let list = ScalarValue::new_list(&items, &DataType::Utf8, true);
    Ok(Expr::Literal(ScalarValue::List(list), None))
}

fn names(args: &[Typed]) -> String {
    let names: Vec<String> = args.iter().map(Typed::type_name).collect();
    names.join(", ")
}

/// 42883 for a call that fits no candidate.
fn undefined(name: &str, args: &[Typed]) -> DataFusionError {
    let message = format!("function {name}({}) does not exist", names(args));
    DataFusionError::from(Error::new(sqlstate::UNDEFINED_FUNCTION, message).with_hint(
        "No function matches the given name and argument types. You might need to add explicit type casts.",
    ))
}
