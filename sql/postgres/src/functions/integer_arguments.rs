//! DataFusion's functions of text and a number of characters, for numbers of type `integer`.
//!
//! They take `bigint` only, and would have the text converted to another layout to make the types fit.
//!
//! Owns: the wrapper and its signature. Does not own: what the functions do, which is DataFusion's.
//! Invariant: a wrapped function answers as the plain one does for the same number. Start at [`of`].

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::types::Kind;

const COUNTED: &[&str] = &["left", "lpad", "overlay", "right", "rpad"];

/// The function, for the types that our statements give it.
pub(crate) fn of(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    if !COUNTED.contains(&function.name()) {
        return Arc::clone(function);
    }
    Arc::new(ScalarUDF::from(Counted {
        function: Arc::clone(function),
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Counted {
    function: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Counted {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let wanted = given.iter().map(|ty| match Kind::of(ty) {
            kind if kind.is_integer() => DataType::Int64,
            _ => DataType::Utf8,
        });
        Ok(wanted.collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.function.invoke_with_args(args)
    }
}
