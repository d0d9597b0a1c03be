//! How long the texts are that functions would make, found out before they are made.
//!
//! Owns: the bounds, and the estimates, which are never too low. Does not own: the texts; the functions make them.
//! Invariant: the functions ask for no more memory than that; a request for more than there is would end the server for everyone.
//! Start at [`bounded`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::row_wise;

/// The longest text that PostgreSQL makes.
const MOST_VALUE_BYTES: usize = 1 << 30;
/// The longest texts that one function makes of one batch of rows.
const MOST_BATCH_BYTES: usize = 256 << 20;
/// Rows of the largest batch, each of which gets its copy of a constant.
const BATCH_ROWS: usize = 8192;

/// DataFusion's functions whose texts can be much longer than their arguments, or double them again and again.
const GROWING: &[&str] = &[
    "array_to_string",
    "concat",
    "concat_ws",
    "lpad",
    "overlay",
    "repeat",
    "replace",
    "rpad",
];

/// The function, which makes nothing that is too long.
pub(crate) fn bounded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    if !GROWING.contains(&function.name()) {
        return function;
    }
    Arc::new(ScalarUDF::from(Bounded { function }))
}

/// What may still be made of one batch.
pub(crate) struct Budget {
    /// Times that each text is counted.
    copies: usize,
    left: usize,
}

impl Budget {
    /// The budget of one call of a function.
    pub(crate) fn of_call(args: &[ColumnarValue]) -> Self {
        Self::new(args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))))
    }

    /// The budget of one batch of texts; a constant is counted for each row that gets it.
    pub(crate) fn new(is_constant: bool) -> Self {
        Self {
            copies: if is_constant { BATCH_ROWS } else { 1 },
            left: MOST_BATCH_BYTES,
        }
    }

    /// Takes the bytes of one text.
    ///
    /// # Errors
    /// 54000 when it is too long, alone or together with those before it.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<()> {
        let left = self.left.checked_sub(bytes.saturating_mul(self.copies));
        let Some(left) = left.filter(|_| bytes <= MOST_VALUE_BYTES) else {
            return Err(too_large());
        };
        self.left = left;
        Ok(())
    }
}

fn too_large() -> DataFusionError {
    let hint = format!(
        "the texts that a function makes of one batch of rows may have {} MB, and a text that is the same for every row {} kB; make them shorter or read fewer rows",
        MOST_BATCH_BYTES >> 20,
        (MOST_BATCH_BYTES / BATCH_ROWS) >> 10
    );
    DataFusionError::from(crate::error::Error::new("54000", "requested length too large").with_hint(hint))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    function: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(given)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.function.return_type(given)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let ("lpad" | "rpad", Some(length)) = (self.name(), args.args.get_mut(1)) {
            without_negatives(length)?;
        }
        check(self.name(), &args)?;
        self.function.invoke_with_args(args)
    }
}

/// DataFusion reads a negative length of a row as a large one (docs/upstream.md, negative-lengths).
fn without_negatives(lengths: &mut ColumnarValue) -> Result<()> {
    if let ColumnarValue::Array(array) = lengths {
        let lengths = row_wise::unary::<Int64Type, Int64Type>(array, |length| Ok(length.max(0)))?;
        *array = Arc::new(lengths);
    }
    Ok(())
}

fn check(name: &str, args: &ScalarFunctionArgs) -> Result<()> {
    let mut budget = Budget::of_call(&args.args);
    let rows = if budget.copies == 1 { args.number_rows } else { 1 };
    let arguments = args.args.iter().map(Argument::of).collect::<Result<Vec<_>>>()?;
    for row in 0..rows {
        budget.take(bytes_of(name, &arguments, row)?)?;
    }
    Ok(())
}

/// Bytes of the text that the function makes of a row, or more.
fn bytes_of(name: &str, arguments: &[Argument], row: usize) -> Result<usize> {
    let text = |at: usize| arguments.get(at).map_or("", |argument| argument.text(row));
    let first = text(0);
    Ok(match name {
        "repeat" => first.len().saturating_mul(number(arguments, 1, row)),
        "lpad" | "rpad" => {
            let widest = text(2).chars().map(char::len_utf8).max().unwrap_or(1);
            let padding = number(arguments, 1, row).saturating_mul(widest);
            first.len().saturating_add(padding)
        }
        "replace" if text(1).is_empty() => first.len(),
        "replace" => {
            let found = first.matches(text(1)).count();
            first.len().saturating_add(found.saturating_mul(text(2).len()))
        }
        "array_to_string" => {
            let between = text(1).len().saturating_add(text(2).len());
            match arguments.first() {
                Some(argument) => argument.list_bytes(row, between)?,
                None => 0,
            }
        }
        _ => {
            let texts = arguments.iter().map(|argument| argument.text(row).len());
            let separators = if name == "concat_ws" {
                first.len().saturating_mul(arguments.len())
            } else {
                0
            };
            texts.fold(separators, usize::saturating_add)
        }
    })
}

/// A number of characters; none when it is negative.
fn number(arguments: &[Argument], at: usize, row: usize) -> usize {
    let number = arguments.get(at).map_or(0, |argument| argument.number(row));
    usize::try_from(number).unwrap_or_default()
}

/// One argument; a constant has one row.
struct Argument {
    values: Values,
    is_constant: bool,
}

enum Values {
    Texts(StringArray),
    Numbers(Int64Array),
    Lists(ArrayRef),
}

impl Argument {
    fn of(value: &ColumnarValue) -> Result<Self> {
        let (array, is_constant) = match value {
            ColumnarValue::Array(array) => (Arc::clone(array), false),
            ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
        };
        let values = if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
            Values::Numbers(numbers.clone())
        } else if array.data_type().is_list() {
            Values::Lists(array)
        } else {
            Values::Texts(row_wise::texts(&array)?)
        };
        Ok(Self { values, is_constant })
    }

    fn at(&self, row: usize) -> usize {
        if self.is_constant { 0 } else { row }
    }

    fn text(&self, row: usize) -> &str {
        let at = self.at(row);
        match &self.values {
            Values::Texts(texts) if texts.is_valid(at) => texts.value(at),
            _ => "",
        }
    }

    fn number(&self, row: usize) -> i64 {
        let at = self.at(row);
        match &self.values {
            Values::Numbers(numbers) if numbers.is_valid(at) => numbers.value(at),
            _ => 0,
        }
    }

    /// Bytes of a list's elements as texts, each with so many more.
    fn list_bytes(&self, row: usize, more: usize) -> Result<usize> {
        let Values::Lists(lists) = &self.values else {
            return Ok(0);
        };
        let Some(list) = lists
            .as_list_opt::<i32>()
            .filter(|lists| lists.is_valid(self.at(row)))
        else {
            return Ok(0);
        };
        let elements = row_wise::texts(&list.value(self.at(row)))?;
        let texts = elements.iter().flatten().map(str::len).sum::<usize>();
        Ok(texts.saturating_add(elements.len().saturating_mul(more)))
    }
}
