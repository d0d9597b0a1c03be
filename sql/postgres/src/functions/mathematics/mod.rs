//! Mathematical Functions (PostgreSQL's manual, chapter 9.3): those that are listed by their types.
//!
//! Owns: roots, powers and logarithms of doubles and numerics, divisors, scales, buckets. Does not own: rounding and trigonometry of one
//! type; see `math`. Invariant: a result of type numeric has the digits that PostgreSQL gives it. Start at [`FUNCTIONS`].

mod bits;
mod doubles;
mod integers;
mod numerics;
mod powers;

use datafusion::arrow::datatypes::DataType;

use super::overload::Overload;
use crate::types::Kind::{Float8, Int2, Int4, Int8, Numeric};
use crate::types::{OPEN_NUMERIC, decimal_shape};

/// The function that `~` is.
pub(crate) const BIT_NOT: &str = "causeway_bit_not";

#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new("sqrt", &[Float8], Float8, doubles::named),
    Overload::new("sqrt", &[Numeric], Numeric, powers::sqrt).giving(open),
    Overload::new("exp", &[Float8], Float8, doubles::named),
    Overload::new("exp", &[Numeric], Numeric, powers::exp).giving(open),
    Overload::new("ln", &[Float8], Float8, doubles::named),
    Overload::new("ln", &[Numeric], Numeric, powers::ln).giving(open),
    Overload::new("log", &[Float8], Float8, doubles::named),
    Overload::new("log", &[Numeric], Numeric, powers::log10).giving(open),
    Overload::new("log", &[Numeric, Numeric], Numeric, powers::log).giving(open),
    Overload::new("log10", &[Float8], Float8, doubles::named),
    Overload::new("log10", &[Numeric], Numeric, powers::log10).giving(open),
    Overload::new("power", &[Float8, Float8], Float8, doubles::power),
    Overload::new("power", &[Numeric, Numeric], Numeric, powers::power).giving(open),
    Overload::new("pow", &[Float8, Float8], Float8, doubles::power),
    Overload::new("pow", &[Numeric, Numeric], Numeric, powers::power).giving(open),
    Overload::new("cbrt", &[Float8], Float8, doubles::named),
    Overload::new("cot", &[Float8], Float8, doubles::named),
    Overload::new("asinh", &[Float8], Float8, doubles::named),
    Overload::new("acosh", &[Float8], Float8, doubles::named),
    Overload::new("atanh", &[Float8], Float8, doubles::named),
    Overload::new("sind", &[Float8], Float8, doubles::named),
    Overload::new("cosd", &[Float8], Float8, doubles::named),
    Overload::new("tand", &[Float8], Float8, doubles::named),
    Overload::new("<<", &[Int2, Int4], Int2, bits::left2),
    Overload::new("<<", &[Int4, Int4], Int4, bits::left4),
    Overload::new("<<", &[Int8, Int4], Int8, bits::left8),
    Overload::new(">>", &[Int2, Int4], Int2, bits::right2),
    Overload::new(">>", &[Int4, Int4], Int4, bits::right4),
    Overload::new(">>", &[Int8, Int4], Int8, bits::right8),
    Overload::new(BIT_NOT, &[Int2], Int2, bits::not2),
    Overload::new(BIT_NOT, &[Int4], Int4, bits::not4),
    Overload::new(BIT_NOT, &[Int8], Int8, bits::not8),
    Overload::new("gcd", &[Int4, Int4], Int4, integers::gcd4),
    Overload::new("gcd", &[Int8, Int8], Int8, integers::gcd8),
    Overload::new("gcd", &[Numeric, Numeric], Numeric, numerics::gcd).giving(widest),
    Overload::new("lcm", &[Int4, Int4], Int4, integers::lcm4),
    Overload::new("lcm", &[Int8, Int8], Int8, integers::lcm8),
    Overload::new("lcm", &[Numeric, Numeric], Numeric, numerics::lcm).giving(widest),
    Overload::new("div", &[Numeric, Numeric], Numeric, numerics::div).giving(|_| DataType::Decimal128(38, 0)),
    Overload::new("factorial", &[Int8], Numeric, integers::factorial).giving(|_| DataType::Decimal128(38, 0)),
    Overload::new("scale", &[Numeric], Int4, numerics::scale),
    Overload::new("min_scale", &[Numeric], Int4, numerics::min_scale),
    Overload::new("trim_scale", &[Numeric], Numeric, numerics::trim_scale).giving(open),
    Overload::new("width_bucket", &[Float8, Float8, Float8, Int4], Int4, numerics::bucket_of_double),
    Overload::new("width_bucket", &[Numeric, Numeric, Numeric, Int4], Int4, numerics::bucket_of_numeric),
];

fn open(_: &[DataType]) -> DataType {
    OPEN_NUMERIC
}

/// A numeric with the digits after the point of the argument that has most.
fn widest(types: &[DataType]) -> DataType {
    let scales = types.iter().filter_map(decimal_shape).map(|(_, scale)| scale);
    DataType::Decimal128(38, scales.max().unwrap_or(0))
}
