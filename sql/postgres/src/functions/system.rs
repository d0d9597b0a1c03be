//! System Information and Administration Functions (PostgreSQL's manual, chapters 9.26 and 9.27) that need nothing but their arguments.
//!
//! Does not own: what depends on the session or on the catalog. Start at [`FUNCTIONS`].

use datafusion::arrow::array::{Array, ArrayRef, FixedSizeBinaryBuilder, Int32Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::{DataFusionError, Result};
use rand::Rng as _;
use std::sync::Arc;

use super::decimals;
use super::overload::{Call, Overload};
use crate::types::Kind::{Any, Int4, Int8, Numeric, Text, Uuid};
use crate::types::{fault, type_name};

#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new("pg_typeof", &[Any], Text, type_of).of_nulls(),
    Overload::new("num_nulls", &[Any], Int4, nulls).and_more(Any).of_nulls(),
    Overload::new("num_nonnulls", &[Any], Int4, values).and_more(Any).of_nulls(),
    Overload::new("pg_size_pretty", &[Int8], Text, pretty),
    Overload::new("pg_size_pretty", &[Numeric], Text, pretty_numeric),
    Overload::new("pg_size_bytes", &[Text], Int8, bytes),
    Overload::new("gen_random_uuid", &[], Uuid, random_uuid).volatile(),
];

fn type_of(call: &Call) -> Result<ArrayRef> {
    let name = match call.array(0)?.data_type() {
        DataType::Null => "unknown".to_owned(),
        ty => type_name(ty),
    };
    call.texts_of(|_, out| {
        out.push_str(&name);
        Ok(true)
    })
}

/// How many of the arguments of each row are NULL, or are not.
fn counted(call: &Call, count_nulls: bool) -> Result<ArrayRef> {
    let arrays = (0..call.len()).map(|at| call.array(at).map(|array| array.logical_nulls()));
    let nulls = arrays.collect::<Result<Vec<_>>>()?;
    let count = |row: usize| {
        let is_null = nulls
            .iter()
            .map(|nulls| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)));
        i32::try_from(is_null.filter(|is_null| *is_null == count_nulls).count()).unwrap_or(i32::MAX)
    };
    Ok(Arc::new((0..call.rows()).map(count).collect::<Int32Array>()))
}

fn nulls(call: &Call) -> Result<ArrayRef> {
    counted(call, true)
}

fn values(call: &Call) -> Result<ArrayRef> {
    counted(call, false)
}

/// Units of sizes, each 1,024 times the one before; what is smaller than its limit is printed in it.
const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/// Bytes in the first unit in which they are few: 10,240 of bytes, half as much of the others because they are counted in halves.
fn pretty(call: &Call) -> Result<ArrayRef> {
    let sizes = call.values::<Int64Type>(0)?;
    call.texts_of(|row, out| {
        *out = printed(i128::from(sizes.value(row)));
        Ok(true)
    })
}

fn printed(bytes: i128) -> String {
    let mut size = bytes;
    let last = UNITS.len() - 1;
    for (at, unit) in UNITS.iter().enumerate() {
        let (is_bytes, is_last) = (at == 0, at == last);
        let limit = if is_bytes { 10 * 1024 } else { 20 * 1024 - 1 };
        if size.abs() < limit || is_last {
            let rounded = if is_bytes { size } else { half_rounded(size) };
            return format!("{rounded} {unit}");
        }
        // From the second unit on sizes are counted in halves, so that they can be rounded at the end.
        size /= if is_bytes { 512 } else { 1024 };
    }
    format!("{size} bytes")
}

fn half_rounded(halves: i128) -> i128 {
    if halves < 0 {
        (halves - 1) / 2
    } else {
        (halves + 1) / 2
    }
}

fn pretty_numeric(call: &Call) -> Result<ArrayRef> {
    let DataType::Decimal128(_, scale) = *call.array(0)?.data_type() else {
        return Err(DataFusionError::Internal("a numeric was expected".to_owned()));
    };
    let sizes = call.values::<Decimal128Type>(0)?;
    call.texts_of(|row, out| {
        let whole = decimals::rescaled(sizes.value(row), scale, 38, 0)?;
        if whole.abs() < 10 * 1024 {
            crate::text::output::numeric(out, sizes.value(row), scale)
                .map_err(|error| DataFusionError::Internal(error.to_string()))?;
            out.push_str(" bytes");
        } else {
            *out = printed(whole);
        }
        Ok(true)
    })
}

/// `1.5 GB` as bytes.
fn bytes(call: &Call) -> Result<ArrayRef> {
    let texts: StringArray = call.texts(0)?;
    call.primitives_of::<Int64Type>(|row| read_size(texts.value(row)).map(Some))
}

fn read_size(text: &str) -> Result<i64> {
    let invalid = |detail: Option<String>| {
        let mut error = crate::error::Error::new("22023", format!("invalid size: \"{text}\""));
        error.detail = detail;
        DataFusionError::from(error)
    };
    let trimmed = text.trim();
    let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-');
    let mut end = trimmed.find(|c: char| !is_digit(c)).unwrap_or(trimmed.len());
    // An exponent belongs to the number if digits follow.
    let rest = trimmed.get(end..).unwrap_or_default();
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if length > 0 {
            end = trimmed.len() - digits.len() + length;
        }
    }
    let (number, unit) = trimmed.split_at(end);
    if !number.contains(|c: char| c.is_ascii_digit()) {
        return Err(invalid(None));
    }
    let unit = unit.trim();
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 0,
        "kb" => 1,
        "mb" => 2,
        "gb" => 3,
        "tb" => 4,
        "pb" => 5,
        _ => return Err(invalid(Some(format!("Invalid size unit: \"{unit}\".")))),
    };
    let (value, scale) = decimals::parsed(number).map_err(|_| invalid(None))?;
    let product = value.checked_mul(1024_i128.pow(power));
    let whole = product
        .map(|product| decimals::rescaled(product, scale, 38, 0))
        .transpose()?;
    let whole = whole.and_then(|whole| i64::try_from(whole).ok());
    whole.ok_or_else(|| fault("22003", "bigint out of range"))
}

/// Random numbers with the marks of version 4.
fn random_uuid(call: &Call) -> Result<ArrayRef> {
    let mut out = FixedSizeBinaryBuilder::with_capacity(call.rows(), 16);
    let mut random = rand::rng();
    for _ in 0..call.rows() {
        let mut bytes: [u8; 16] = random.random();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        out.append_value(bytes)?;
    }
    Ok(Arc::new(out.finish()))
}
