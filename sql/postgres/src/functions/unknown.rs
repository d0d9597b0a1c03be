//! Calls of functions that are not there.
//!
//! Owns: the words for them. Does not own: the functions that are there; see the parent module. Invariant: a call of a function that
//! PostgreSQL has is no mistake, it is not supported. Start at [`register`].

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::{FunctionRegistry as _, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::sql::sqlparser::ast::{self, Expr, ObjectName, Statement};

use super::reasons::reason;
use crate::error::{Error, sqlstate};
use crate::syntax::column_names::folded;
use crate::types::type_name;

/// The names of all of PostgreSQL's functions, up to release 18.
static POSTGRES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("postgres_names.txt").lines().collect());

/// The names of all of PostgreSQL's functions.
#[cfg(test)]
pub(crate) fn postgresqls() -> impl Iterator<Item = &'static str> {
    POSTGRES.iter().copied()
}

/// Whether PostgreSQL has a function of this name.
pub(crate) fn is_postgresqls(name: &str) -> bool {
    POSTGRES.contains(name)
}

/// Lets a statement's calls of unknown functions be planned, so that their errors name the types of the arguments.
///
/// # Errors
/// Those of a state that takes no functions.
pub fn register(state: &mut SessionState, statement: &Statement) -> Result<()> {
    let mut names = HashSet::new();
    let _ = ast::visit_expressions(statement, |expr| {
        if let Expr::Function(function) = expr {
            names.insert(looked_up(&function.name));
        }
        ControlFlow::<()>::Continue(())
    });
    for name in names {
        let is_known = state.scalar_functions().contains_key(&name)
            || state.aggregate_functions().contains_key(&name)
            || state.window_functions().contains_key(&name);
        // `unnest` is a clause to DataFusion, not a function.
        if !is_known && name != "unnest" {
            state.register_udf(Arc::new(ScalarUDF::from(Unknown::new(name))))?;
        }
    }
    Ok(())
}

/// The name under which a call is looked up.
fn looked_up(name: &ObjectName) -> String {
    match name.0.as_slice() {
        [only] => only.as_ident().map_or_else(|| name.to_string(), folded),
        _ => name.to_string(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Unknown {
    name: String,
    signature: Signature,
}

impl Unknown {
    fn new(name: String) -> Self {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        Self {
            name,
            signature: Signature::one_of(any, Volatility::Volatile),
        }
    }

    /// 0A000 for what PostgreSQL has, 42883 for what it has not.
    fn error(&self, types: &[String]) -> DataFusionError {
        let name = &self.name;
        if is_postgresqls(name) {
            let error = Error::new(
                sqlstate::NOT_SUPPORTED,
                format!("the function {name} is not supported"),
            );
            return match reason(name) {
                Some(reason) => error.with_hint(reason).into(),
                None => error.into(),
            };
        }
        let message = format!("function {name}({}) does not exist", types.join(", "));
        DataFusionError::from(Error::new(sqlstate::UNDEFINED_FUNCTION, message).with_hint(
            "No function matches the given name and argument types. You might need to add explicit type casts.",
        ))
    }
}

impl ScalarUDFImpl for Unknown {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let types: Vec<String> = types.iter().map(type_name).collect();
        Err(self.error(&types))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let is_literal = |at: usize| {
            let literal = args.scalar_arguments.get(at).copied().flatten();
            literal.is_some_and(|value: &ScalarValue| value.try_as_str().is_some())
        };
        let types = args.arg_fields.iter().enumerate();
        let types: Vec<String> = types
            .map(|(at, field)| match is_literal(at) {
                true => "unknown".to_owned(),
                false => type_name(field.data_type()),
            })
            .collect();
        Err(self.error(&types))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(self.error(&[]))
    }
}
