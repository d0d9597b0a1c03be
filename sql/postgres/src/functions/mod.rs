//! The functions that statements over data may call: DataFusion's where they answer what PostgreSQL's answer, our own elsewhere.
//!
//! What is not listed is not there, so that nothing can answer differently without saying so.
//!
//! Owns: the lists of what there is. Does not own: calls of what is not there, see `unknown`; which types a call
//! takes, see `typing::arguments`. Invariant: an answer is PostgreSQL's, or there is none. Start at [`scalar`].

pub(crate) mod aggregates;
pub(crate) mod arithmetic;
pub(crate) mod arrays;
pub(crate) mod average;
pub(crate) mod candidates;
pub(crate) mod datetime;
pub(crate) mod decimals;
pub(crate) mod division;
pub(crate) mod expressions;
pub(crate) mod floats;
mod formatting;
pub(crate) mod integer_arguments;
pub(crate) mod json;
pub(crate) mod known;
pub(crate) mod math;
pub(crate) mod mathematics;
pub(crate) mod moving_frame;
pub(crate) mod overload;
pub(crate) mod patterns;
pub(crate) mod preimages;
mod quoting;
mod reasons;
pub(crate) mod row_wise;
pub(crate) mod rows;
pub(crate) mod series;
pub(crate) mod strings;
mod system;
pub(crate) mod text_budget;
pub(crate) mod unknown;
pub(crate) mod variance;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Decimal128Type, IntervalMonthDayNanoType};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    WindowUDF,
};

use row_wise::argument;

/// DataFusion's scalar functions that give PostgreSQL's answers for arguments of the types in [`super::typing::signatures`].
const KEPT: &[&str] = &[
    "ascii",
    "bit_length",
    "btrim",
    "character_length",
    "coalesce",
    "concat",
    "concat_ws",
    "greatest",
    "initcap",
    "least",
    "left",
    "lower",
    "lpad",
    "ltrim",
    "now",
    "nullif",
    "octet_length",
    "overlay",
    "pi",
    "random",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "starts_with",
    "strpos",
    "to_hex",
    "translate",
    "upper",
    "array_has",
    "make_array",
    "array_to_string",
    "string_to_array",
    // What the session says about itself.
    "current_database",
    "current_schema",
    "current_schemas",
    "current_user",
    "session_user",
    "version",
];

/// `first_value` is what DISTINCT ON becomes; statements may call it as a window function only.
const KEPT_AGGREGATES: &[&str] = &[
    "array_agg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "count",
    "first_value",
    "grouping",
    "max",
    "min",
    "string_agg",
];

const KEPT_WINDOWS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// The scalar functions of a state.
pub(crate) fn scalar(base: &SessionState) -> Vec<Arc<ScalarUDF>> {
    let known = base.scalar_functions().iter();
    let kept = known.filter(|(name, function)| {
        KEPT.contains(&function.name()) || name.starts_with("pg_") || name.ends_with("_description")
    });
    let mut functions: Vec<Arc<ScalarUDF>> = kept.map(|(_, function)| adapted(function)).collect();
    let own = math::FloatFunction::ALL
        .iter()
        .map(|(name, ..)| ScalarUDF::from(math::FloatFunction::new(name)));
    functions.extend(own.map(Arc::new));
    let rounding = ["abs", "ceil", "floor", "round", "sign", "trunc"];
    functions.extend(rounding.map(|name| Arc::new(ScalarUDF::from(math::Rounding::new(name)))));
    let mut add = |function: ScalarUDF| functions.push(Arc::new(function));
    add(ScalarUDF::from(math::Rounding::new("ceil")).with_aliases(["ceiling"]));
    add(ScalarUDF::from(arithmetic::Arithmetic::new(
        datafusion::logical_expr::Operator::Modulo,
    ))
    .with_aliases(["mod"]));
    add(ScalarUDF::from(datetime::extract::Extract::new(true)));
    add(ScalarUDF::from(datetime::extract::Extract::new(false)));
    add(rows::row());
    add(rows::whole());
    functions.extend(overload::Listed::all(listed()).into_iter().map(Arc::new));
    functions
}

/// The functions of all chapters.
pub(crate) fn listed() -> impl Iterator<Item = &'static overload::Overload> {
    strings::FUNCTIONS
        .iter()
        .chain(arrays::FUNCTIONS)
        .chain(datetime::functions())
        .chain(formatting::FUNCTIONS)
        .chain(mathematics::FUNCTIONS)
        .chain(expressions::FUNCTIONS)
        .chain(quoting::FUNCTIONS)
        .chain(series::FUNCTIONS)
        .chain(system::FUNCTIONS)
        .chain(json::FUNCTIONS)
}

/// DataFusion's function for the types that statements give it, within the bounds of its results.
pub(crate) fn adapted(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    text_budget::bounded(integer_arguments::of(function))
}

/// The aggregates of a state.
pub(crate) fn aggregate(base: &SessionState) -> Vec<Arc<AggregateUDF>> {
    let known = base.aggregate_functions().values();
    let kept = known.filter(|function| KEPT_AGGREGATES.contains(&function.name()));
    let mut functions: Vec<Arc<AggregateUDF>> = kept.map(Arc::clone).collect();
    functions.push(Arc::new(AggregateUDF::from(aggregates::Sum::new())));
    functions.push(Arc::new(AggregateUDF::from(average::Average::new())));
    for name in variance::Variance::NAMES {
        functions.push(Arc::new(AggregateUDF::from(variance::Variance::new(name))));
    }
    functions
}

/// The window functions of a state.
pub(crate) fn window(base: &SessionState) -> Vec<Arc<WindowUDF>> {
    let known = base.window_functions().values();
    known
        .filter(|function| KEPT_WINDOWS.contains(&function.name()))
        .map(Arc::clone)
        .collect()
}

/// The length of an interval, by which intervals are compared.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct IntervalLength {
    signature: Signature,
}

impl IntervalLength {
    pub(crate) fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for IntervalLength {
    fn name(&self) -> &str {
        "interval_length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(38, 0))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        row_wise::over_arrays(&args, |arrays| {
            let lengths = row_wise::unary::<IntervalMonthDayNanoType, Decimal128Type>(
                argument(arrays, 0)?,
                |interval| Ok(datetime::intervals::Span::of(interval).length()),
            )?;
            Ok(Arc::new(lengths.with_precision_and_scale(38, 0)?))
        })
    }
}

/// The value itself, which may be NULL: what a scalar subquery without a row gives.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Nullable {
    signature: Signature,
}

impl Nullable {
    pub(crate) fn of(expr: Expr) -> Expr {
        let signature = Signature::any(1, Volatility::Immutable);
        ScalarUDF::from(Self { signature }).call(vec![expr])
    }
}

impl ScalarUDFImpl for Nullable {
    fn name(&self) -> &str {
        "nullable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types
            .first()
            .cloned()
            .ok_or_else(|| DataFusionError::Internal("an argument is missing".to_owned()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        args.args
            .into_iter()
            .next()
            .ok_or_else(|| DataFusionError::Internal("an argument is missing".to_owned()))
    }
}
