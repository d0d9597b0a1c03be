//! Whether a function is what its name says: PostgreSQL's of that name, or DataFusion's own.
//!
//! Who plans statements over our tables may have functions of their own, under names that mean something to us. Invariant: what is asked of
//! a remote system in place of a call is what the function would compute.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{AggregateUDF, Operator, ScalarUDF};

use super::datetime::arithmetic::MomentArithmetic;

struct Known {
    scalar: HashMap<String, Vec<Arc<ScalarUDF>>>,
    aggregate: HashMap<String, Vec<Arc<AggregateUDF>>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let base = SessionStateBuilder::new().with_default_features().build();
    let mut known = Known {
        scalar: HashMap::new(),
        aggregate: HashMap::new(),
    };
    let moments = [Operator::Plus, Operator::Minus].map(|op| Arc::new(MomentArithmetic::new(op).into()));
    let scalar = super::scalar(&base).into_iter().chain(moments);
    for function in scalar.chain(base.scalar_functions().values().map(Arc::clone)) {
        let name = function.name().to_owned();
        known.scalar.entry(name).or_default().push(function);
    }
    let aggregate = super::aggregate(&base).into_iter();
    for function in aggregate.chain(base.aggregate_functions().values().map(Arc::clone)) {
        let name = function.name().to_owned();
        known.aggregate.entry(name).or_default().push(function);
    }
    known
});

/// Whether the function is PostgreSQL's or DataFusion's of its name.
#[must_use]
pub fn is_known(function: &ScalarUDF) -> bool {
    let named = KNOWN.scalar.get(function.name());
    named.is_some_and(|named| named.iter().any(|known| known.as_ref() == function))
}

/// Whether the aggregate is PostgreSQL's or DataFusion's of its name.
#[must_use]
pub fn is_known_aggregate(function: &AggregateUDF) -> bool {
    let named = KNOWN.aggregate.get(function.name());
    named.is_some_and(|named| named.iter().any(|known| known.as_ref() == function))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};

    use super::*;

    #[test]
    fn a_name_alone_makes_no_function_known() {
        let first = |args: &[ColumnarValue]| Ok(args[0].clone());
        let lower = create_udf(
            "lower",
            vec![DataType::Utf8],
            DataType::Utf8,
            Volatility::Immutable,
            Arc::new(first),
        );
        assert!(!is_known(&lower));
        assert!(is_known(&datafusion::functions::string::lower()));
        let base = SessionStateBuilder::new().with_default_features().build();
        for state in [crate::state(&base), base] {
            for name in ["lower", "date_trunc", "date_part", "left", "strpos", "nullif"] {
                assert!(is_known(&state.scalar_functions()[name]), "{name}");
            }
            for name in ["count", "sum", "min", "max"] {
                assert!(is_known_aggregate(&state.aggregate_functions()[name]), "{name}");
            }
        }
    }
}
