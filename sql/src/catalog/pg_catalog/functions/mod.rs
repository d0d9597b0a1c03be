//! The functions that catalog questions of psql, drivers and tools call.
//!
//! Owns: their names, types and answers. Does not own: functions of statements over data. Invariant: an argument of any type is taken,
//! as PostgreSQL would cast it; an object that this person may not see has no description. Start at [`Function`].

mod fixed;
mod of_session;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use super::columns;
use super::rows::{self, Cell};

pub(super) use fixed::fixed;
pub(super) use of_session::{id_types, of_session};

/// Answers one row.
type Answer = dyn Fn(&Arguments, usize) -> Cell + Send + Sync;

/// Answers one row, or says why it can't.
type Attempt = dyn Fn(&Arguments, usize) -> Result<Cell> + Send + Sync;

/// Makes what answers the rows of one call.
type Call = dyn Fn() -> Box<Attempt> + Send + Sync;

/// A function over any arguments, row by row.
struct Function {
    name: &'static str,
    /// As PostgreSQL declares it.
    returns: &'static str,
    signature: Signature,
    call: Arc<Call>,
}

/// A function whose answer needs nothing but its arguments.
fn plain(
    name: &'static str,
    returns: &'static str,
    answer: impl Fn(&Arguments, usize) -> Cell + Send + Sync + 'static,
) -> ScalarUDF {
    let answer: Arc<Answer> = Arc::new(answer);
    prepared(name, returns, move || {
        let answer = Arc::clone(&answer);
        Box::new(move |arguments, row| answer(arguments, row))
    })
}

/// A function whose answer may be an error, and which may do something each time it is called.
fn attempted(
    name: &'static str,
    returns: &'static str,
    answer: impl Fn(&Arguments, usize) -> Result<Cell> + Send + Sync + 'static,
) -> ScalarUDF {
    let answer: Arc<Attempt> = Arc::new(answer);
    let call = move || -> Box<Attempt> {
        let answer = Arc::clone(&answer);
        Box::new(move |arguments, row| answer(arguments, row))
    };
    of_calls(name, returns, Volatility::Volatile, Arc::new(call))
}

/// A function that looks something up before the first row, and whose answer may be an error.
fn looked_up(
    name: &'static str,
    returns: &'static str,
    call: impl Fn() -> Box<Attempt> + Send + Sync + 'static,
) -> ScalarUDF {
    of_calls(name, returns, Volatility::Stable, Arc::new(call))
}

/// A function that looks something up before the first row.
fn prepared(
    name: &'static str,
    returns: &'static str,
    call: impl Fn() -> Box<Answer> + Send + Sync + 'static,
) -> ScalarUDF {
    let call = move || -> Box<Attempt> {
        let answer = call();
        Box::new(move |arguments, row| Ok(answer(arguments, row)))
    };
    of_calls(name, returns, Volatility::Stable, Arc::new(call))
}

fn of_calls(name: &'static str, returns: &'static str, volatility: Volatility, call: Arc<Call>) -> ScalarUDF {
    let any = TypeSignature::OneOf(vec![TypeSignature::VariadicAny, TypeSignature::Nullary]);
    ScalarUDF::from(Function {
        name,
        returns,
        signature: Signature::new(any, volatility),
        call,
    })
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(columns::field(self.name, self.returns).data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(columns::field(self.name, self.returns)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let count = if is_constant { 1 } else { args.number_rows };
        let arguments = args
            .args
            .into_iter()
            .map(|arg| arg.into_array(count))
            .collect::<Result<Vec<_>>>()?;
        let arguments = Arguments::of(&arguments);
        let answer = (self.call)();
        let cells = (0..count)
            .map(|row| answer(&arguments, row))
            .collect::<Result<Vec<_>>>()?;
        let column = rows::column(args.return_field.data_type(), cells.into_iter())?;
        Ok(match is_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?),
            false => ColumnarValue::Array(column),
        })
    }
}

/// The arguments of a call.
struct Arguments(Vec<Argument>);

/// One of them, as what it can be read as.
struct Argument {
    numbers: Option<ArrayRef>,
    texts: Option<ArrayRef>,
}

impl Arguments {
    fn of(arrays: &[ArrayRef]) -> Self {
        let as_type = |array: &ArrayRef, ty: &DataType| cast(array, ty).ok();
        let arguments = arrays.iter().map(|array| match array.data_type() {
            DataType::List(_) => Argument {
                numbers: None,
                texts: None,
            },
            _ => Argument {
                numbers: as_type(array, &DataType::Int64),
                texts: as_type(array, &DataType::Utf8),
            },
        });
        Self(arguments.collect())
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    fn number(&self, at: usize, row: usize) -> Option<i64> {
        let numbers = self.0.get(at)?.numbers.as_ref()?.as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    fn text(&self, at: usize, row: usize) -> Option<&str> {
        let texts = self.0.get(at)?.texts.as_ref()?.as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row))
    }

    fn boolean(&self, at: usize, row: usize) -> Option<bool> {
        Some(matches!(self.text(at, row)?, "t" | "true" | "1" | "on"))
    }
}

/// An unquoted or quoted name of one or more parts, as PostgreSQL folds it.
fn name_parts(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => part.push('"'),
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted => parts.push(std::mem::take(&mut part)),
            letter if is_quoted => part.push(letter),
            letter if !letter.is_whitespace() => part.extend(letter.to_lowercase()),
            _ => {}
        }
    }
    parts.push(part);
    parts
}

/// A name as it must be written.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    match is_plain {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_and_quoted_as_postgresql_does() {
        assert_eq!(name_parts("Salesforce.\"Ac\"\"c.x\""), ["salesforce", "Ac\"c.x"]);
        assert_eq!(quoted("account"), "account");
        assert_eq!(quoted("How many"), "\"How many\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
    }
}
