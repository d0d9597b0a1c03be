//! Which arguments PostgreSQL's functions take.
//!
//! Owns: a table of argument types, by function, for those that are DataFusion's. Does not own: what the functions compute; see
//! `functions`; which of several lists is meant; see `overloads`.
//! Invariant: a function that is in no table takes what DataFusion says it takes. Start at [`of_scalar`].

use datafusion::common::{DataFusionError, Result};

use crate::types::{Kind, fault};

use Kind::{
    Boolean, Date, Float4, Float8, Int2, Int4, Int8, Interval, Numeric, Text, Time, Timestamp, TimestampTz,
};

/// The argument lists of a function, preferred ones first; `None` for functions that take anything or are typed elsewhere.
#[allow(clippy::too_many_lines, reason = "one table")]
pub(crate) fn of_scalar(name: &str) -> Option<&'static [&'static [Kind]]> {
    Some(match name {
        "ascii" | "bit_length" | "char_length" | "character_length" | "initcap" | "length" | "lower"
        | "octet_length" | "reverse" | "upper" => &[&[Text]],
        "btrim" | "ltrim" | "rtrim" | "trim" => &[&[Text], &[Text, Text]],
        "left" | "right" | "repeat" => &[&[Text, Int4]],
        "lpad" | "rpad" => &[&[Text, Int4], &[Text, Int4, Text]],
        "position" | "strpos" | "starts_with" => &[&[Text, Text]],
        "replace" | "translate" => &[&[Text, Text, Text]],
        "overlay" => &[&[Text, Text, Int4], &[Text, Text, Int4, Int4]],
        "to_hex" => &[&[Int4], &[Int8]],
        "abs" => &[&[Float8], &[Int2], &[Int4], &[Int8], &[Numeric], &[Float4]],
        "sign" => &[&[Float8], &[Numeric]],
        "ceil" | "ceiling" | "floor" => &[&[Float8], &[Numeric]],
        "round" | "trunc" => &[&[Float8], &[Numeric], &[Numeric, Int4]],
        "degrees" | "radians" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "sinh" | "cosh"
        | "tanh" => &[&[Float8]],
        "atan2" => &[&[Float8, Float8]],
        "pi" | "random" | "now" => &[&[]],
        "date_part" | "extract" => &[
            &[Text, TimestampTz],
            &[Text, Date],
            &[Text, Timestamp],
            &[Text, Time],
            &[Text, Interval],
        ],
        _ => return None,
    })
}

/// The argument lists of an aggregate.
pub(crate) fn of_aggregate(name: &str) -> Option<&'static [&'static [Kind]]> {
    Some(match name {
        "sum" | "avg" => &[
            &[Float8],
            &[Int2],
            &[Int4],
            &[Int8],
            &[Numeric],
            &[Float4],
            &[Interval],
        ],
        "min" | "max" => &[
            &[Text],
            &[Int2],
            &[Int4],
            &[Int8],
            &[Numeric],
            &[Float4],
            &[Float8],
            &[Date],
            &[Timestamp],
            &[TimestampTz],
            &[Time],
            &[Interval],
        ],
        "bool_and" | "bool_or" => &[&[Boolean]],
        "bit_and" | "bit_or" | "bit_xor" => &[&[Int2], &[Int4], &[Int8]],
        "string_agg" => &[&[Text, Text]],
        "stddev" | "stddev_pop" | "var_pop" | "var_samp" => {
            &[&[Float8], &[Numeric], &[Int8], &[Int4], &[Int2]]
        }
        _ => return None,
    })
}

/// 0A000 for what PostgreSQL computes with more digits than a double has.
pub(crate) fn refuse_numeric(name: &str, kinds: &[Kind]) -> Result<()> {
    let is_exact = |kind: &Kind| *kind == Kind::Numeric || kind.is_integer();
    let concerned = name.starts_with("stddev") || name.starts_with("var");
    if concerned && kinds.iter().any(is_exact) {
        return Err(DataFusionError::from(
            crate::error::Error::new(
                crate::error::sqlstate::NOT_SUPPORTED,
                format!("{name} of a numeric is not supported"),
            )
            .with_hint("cast the argument to double precision"),
        ));
    }
    Ok(())
}

/// 42883 for a function that this database does not have.
pub(crate) fn unknown(name: &str) -> datafusion::common::DataFusionError {
    fault(
        crate::error::sqlstate::UNDEFINED_FUNCTION,
        format!("function {name} does not exist"),
    )
}
