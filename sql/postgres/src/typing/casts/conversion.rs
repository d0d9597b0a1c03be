//! The values of a column as values of another type.
//!
//! Owns: what Arrow would round, wrap or print otherwise. Does not own: which casts come here; see the parent module.
//! Invariant: a value that the other type can't hold is an error. Start at [`converted`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result, ScalarValue};

use super::arrays;
use crate::functions::datetime::calendar::{DAY, checked_date, checked_timestamp};
use crate::functions::datetime::intervals::Span;
use crate::functions::datetime::zone::Zone;
use crate::functions::{decimals, row_wise};
use crate::json::Json;
use crate::json::parts::{self, Shape};
use crate::text::{input, output};
use crate::types::{Kind, OPEN_NUMERIC, carried, carrying, decimal_shape, fault, out_of_range, unsupported};

/// The values of `array` as values of `to`.
pub(super) fn converted(array: &ArrayRef, to: &DataType, zone: &Zone) -> Result<ArrayRef> {
    let source = Kind::of(array.data_type());
    if let (DataType::List(_), DataType::List(_)) = (array.data_type(), to) {
        return arrays::converted(array, to, zone);
    }
    match (source, Kind::of(to)) {
        (Kind::Text | Kind::Json | Kind::Jsonb, Kind::Json | Kind::Jsonb) => json(array, to),
        (Kind::Jsonb, target) if target == Kind::Boolean || target.is_number() => of_jsonb(array, to, zone),
        (_, Kind::Text) => text(array, zone),
        (Kind::Text, _) => from_text(array, to, zone),
        (_, target @ (Kind::Int2 | Kind::Int4 | Kind::Int8)) => integers(array, target),
        (_, Kind::Float4) => {
            let doubles = floats_of(array)?;
            let narrowed = row_wise::unary::<Float64Type, Float32Type>(&doubles, narrowed)?;
            Ok(Arc::new(narrowed))
        }
        (_, Kind::Float8) => floats_of(array),
        (_, Kind::Numeric) => numerics(array, to),
        (Kind::Timestamp | Kind::TimestampTz, Kind::Time) => {
            let times =
                row_wise::unary::<TimestampMicrosecondType, Time64MicrosecondType>(array, |micros| {
                    let local = if source == Kind::TimestampTz {
                        zone.local(micros)?
                    } else {
                        micros
                    };
                    Ok(local.rem_euclid(DAY))
                })?;
            Ok(Arc::new(times))
        }
        (Kind::Interval, Kind::Time) => {
            let times =
                row_wise::unary::<IntervalMonthDayNanoType, Time64MicrosecondType>(array, |interval| {
                    Ok(Span::of(interval).micros.rem_euclid(DAY))
                })?;
            Ok(Arc::new(times))
        }
        (Kind::Time, Kind::Interval) => {
            let intervals =
                row_wise::unary::<Time64MicrosecondType, IntervalMonthDayNanoType>(array, |micros| {
                    let span = Span {
                        micros,
                        ..Span::default()
                    };
                    span.interval()
                })?;
            Ok(Arc::new(intervals))
        }
        (source, target) if source.is_moment() && target.is_moment() => moments(array, to, zone),
        _ => Err(unsupported(format!(
            "a cast of {} to {} is not supported",
            source.name(),
            Kind::of(to).name()
        ))),
    }
}

/// Dates and timestamps as one another, in the session's zone.
fn moments(array: &ArrayRef, to: &DataType, zone: &Zone) -> Result<ArrayRef> {
    type Stamp = TimestampMicrosecondType;
    let stamps = |array: &ArrayRef, shift: &dyn Fn(i64) -> Result<i64>| -> Result<ArrayRef> {
        let values = row_wise::unary::<Stamp, Stamp>(array, shift)?;
        Ok(Arc::new(values.with_data_type(to.clone())))
    };
    match (Kind::of(array.data_type()), Kind::of(to)) {
        (Kind::Date, target) => {
            let values = row_wise::unary::<Date32Type, Stamp>(array, |day| {
                let local = checked_timestamp(i64::from(day), 0)?;
                if target == Kind::TimestampTz {
                    zone.moment(local)
                } else {
                    Ok(local)
                }
            })?;
            Ok(Arc::new(values.with_data_type(to.clone())))
        }
        (source, Kind::Date) => {
            let days = row_wise::unary::<Stamp, Date32Type>(array, |micros| {
                let local = if source == Kind::TimestampTz {
                    zone.local(micros)?
                } else {
                    micros
                };
                checked_date(local.div_euclid(DAY))
            })?;
            Ok(Arc::new(days))
        }
        (Kind::Timestamp, _) => stamps(array, &|local| zone.moment(local)),
        _ => stamps(array, &|moment| zone.local(moment)),
    }
}

/// Texts and JSON values as JSON values of another type.
fn json(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let texts = row_wise::texts(array)?;
    let is_checked = Kind::of(array.data_type()) != Kind::Text;
    let made = match Kind::of(to) {
        Kind::Json => {
            for text in texts.iter().flatten().filter(|_| !is_checked) {
                parts::checked(text)?;
            }
            Arc::new(texts)
        }
        _ => row_wise::write_texts(&(Arc::new(texts.clone()) as ArrayRef), |row, out| {
            Json::read(texts.value(row))?.write(out);
            Ok(())
        })?,
    };
    carried(to, made)
}

/// Numbers and booleans that are values of `jsonb`.
fn of_jsonb(array: &ArrayRef, to: &DataType, zone: &Zone) -> Result<ArrayRef> {
    let texts = row_wise::texts(array)?;
    let target = Kind::of(to);
    let values = texts.iter().map(|text| {
        let Some(text) = text else {
            return ScalarValue::try_from(to);
        };
        let shape = parts::shape(text);
        let fits = match target {
            Kind::Boolean => shape == Shape::Boolean,
            _ => shape == Shape::Number,
        };
        if shape == Shape::Null {
            // Later releases of PostgreSQL make NULL of it; this one does not.
            return Err(fault(
                "22023",
                format!("cannot cast jsonb null to type {}", target.name()),
            ));
        }
        if !fits {
            let what = match shape {
                Shape::Text => "string",
                Shape::Number => "numeric",
                other => other.name(),
            };
            return Err(fault(
                "22023",
                format!("cannot cast jsonb {what} to type {}", target.name()),
            ));
        }
        match target {
            Kind::Int2 | Kind::Int4 | Kind::Int8 => {
                let (value, scale) = decimals::parsed(text)?;
                let whole = decimals::rescaled(value, scale, 38, 0)?;
                let wide = i64::try_from(whole).map_err(|_| out_of_range(target))?;
                let wide: ArrayRef = Arc::new(datafusion::arrow::array::Int64Array::from(vec![wide]));
                ScalarValue::try_from_array(&integers(&wide, target)?, 0)
            }
            Kind::Numeric if *to == OPEN_NUMERIC => {
                let (value, scale) = decimals::parsed(text)?;
                Ok(ScalarValue::Decimal128(
                    Some(decimals::opened(value, scale)?),
                    38,
                    crate::types::OPEN_SCALE,
                ))
            }
            _ => input::scalar(text, to, zone),
        }
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    if values.is_empty() {
        return Ok(datafusion::arrow::array::new_empty_array(to));
    }
    ScalarValue::iter_to_array(values)
}

/// Every value as PostgreSQL prints it.
pub(super) fn text(array: &ArrayRef, zone: &Zone) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Utf8 => Ok(Arc::clone(array)),
        DataType::LargeUtf8 | DataType::Utf8View => Ok(cast(array, &DataType::Utf8)?),
        DataType::FixedSizeBinary(16) => {
            let uuids = array.as_fixed_size_binary();
            row_wise::write_texts(array, |row, out| {
                output::uuid(out, uuids.value(row))
                    .map_err(|error| DataFusionError::Internal(error.to_string()))
            })
        }
        DataType::Struct(_) if Kind::of(array.data_type()) == Kind::Other => records(array, zone),
        DataType::List(_) => arrays::text(array, zone),
        _ if carrying(array).is_some() => Ok(Arc::new(row_wise::texts(array)?)),
        DataType::UInt64 => text(&cast(array, &DataType::Int64)?, zone),
        DataType::Boolean
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Date32
        | DataType::Time64(datafusion::arrow::datatypes::TimeUnit::Microsecond)
        | DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Microsecond, _)
        | DataType::Interval(datafusion::arrow::datatypes::IntervalUnit::MonthDayNano) => {
            row_wise::write_texts(array, |row, out| print(array, row, zone, out))
        }
        other => Err(unsupported(format!("a cast of {other} to text is not supported"))),
    }
}

/// Prints one value of a type that has a text of its own.
fn print(array: &ArrayRef, row: usize, zone: &Zone, out: &mut String) -> Result<()> {
    use std::fmt::Write as _;
    let is_in_range = match array.data_type() {
        DataType::Boolean => {
            out.push_str(if array.as_boolean().value(row) {
                "true"
            } else {
                "false"
            });
            true
        }
        DataType::Int16 => write!(out, "{}", array.as_primitive::<Int16Type>().value(row)).is_ok(),
        DataType::Int32 => write!(out, "{}", array.as_primitive::<Int32Type>().value(row)).is_ok(),
        DataType::Int64 => write!(out, "{}", array.as_primitive::<Int64Type>().value(row)).is_ok(),
        DataType::Float32 => output::float4(out, array.as_primitive::<Float32Type>().value(row)).is_ok(),
        DataType::Float64 => output::float8(out, array.as_primitive::<Float64Type>().value(row)).is_ok(),
        DataType::Decimal128(_, scale) => {
            output::numeric(out, array.as_primitive::<Decimal128Type>().value(row), *scale).is_ok()
        }
        DataType::Date32 => output::date(out, array.as_primitive::<Date32Type>().value(row)) == Ok(true),
        DataType::Time64(_) => {
            output::time(out, array.as_primitive::<Time64MicrosecondType>().value(row)).is_ok()
        }
        DataType::Timestamp(_, has_zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            output::timestamp(out, micros, has_zone.as_ref().map(|_| zone)) == Ok(true)
        }
        _ => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            output::interval(out, value).is_ok()
        }
    };
    if is_in_range {
        Ok(())
    } else {
        Err(fault("22008", "date or time out of range"))
    }
}

/// Rows as `record_out` prints them: `(1,"a b",)`.
fn records(array: &ArrayRef, zone: &Zone) -> Result<ArrayRef> {
    let columns = array.as_struct().columns().iter();
    let columns = columns.map(|column| match column.data_type() {
        DataType::Boolean => {
            let letters = column.as_boolean().iter();
            let letters = letters.map(|value| value.map(|value| if value { "t" } else { "f" }));
            Ok(Arc::new(letters.collect::<StringArray>()) as ArrayRef)
        }
        DataType::Null => Ok(datafusion::arrow::array::new_null_array(
            &DataType::Utf8,
            column.len(),
        )),
        _ => text(column, zone),
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    row_wise::write_texts(array, |row, out| {
        out.push('(');
        for (at, column) in columns.iter().enumerate() {
            out.push_str(if at == 0 { "" } else { "," });
            if !column.is_null(row) {
                part(column.as_string::<i32>().value(row), out);
            }
        }
        out.push(')');
        Ok(())
    })
}

/// One column of a row, in quotes where the text would be read otherwise without.
fn part(text: &str, out: &mut String) {
    let is_plain = |c: char| !matches!(c, '"' | '\\' | '(' | ')' | ',') && !c.is_ascii_whitespace();
    if !text.is_empty() && text.chars().all(is_plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

fn from_text(array: &ArrayRef, to: &DataType, zone: &Zone) -> Result<ArrayRef> {
    let texts = row_wise::texts(array)?;
    let values = texts.iter().map(|text| match text {
        None => ScalarValue::try_from(to),
        Some(text) if *to == OPEN_NUMERIC => {
            let (value, scale) = decimals::parsed(text)?;
            Ok(ScalarValue::Decimal128(
                Some(decimals::opened(value, scale)?),
                38,
                crate::types::OPEN_SCALE,
            ))
        }
        Some(text) => input::scalar(text, to, zone),
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    if values.is_empty() {
        return Ok(datafusion::arrow::array::new_empty_array(to));
    }
    ScalarValue::iter_to_array(values)
}

/// `float8_int8` and its kin round halves to even, `numeric_int8` away from zero.
fn integers(array: &ArrayRef, target: Kind) -> Result<ArrayRef> {
    let wide: ArrayRef = match array.data_type() {
        DataType::Float32 | DataType::Float64 => {
            let doubles = floats_of(array)?;
            Arc::new(row_wise::unary::<Float64Type, Int64Type>(&doubles, |value| {
                whole(value, target)
            })?)
        }
        DataType::Decimal128(_, scale) => {
            Arc::new(row_wise::unary::<Decimal128Type, Int64Type>(array, |value| {
                let whole = decimals::rescaled(value, *scale, 38, 0)?;
                i64::try_from(whole).map_err(|_| out_of_range(target))
            })?)
        }
        DataType::UInt64 => {
            let integers =
                row_wise::unary::<datafusion::arrow::datatypes::UInt64Type, Int64Type>(array, |value| {
                    i64::try_from(value).map_err(|_| out_of_range(target))
                })?;
            Arc::new(integers)
        }
        _ => cast(array, &DataType::Int64)?,
    };
    Ok(match target {
        Kind::Int2 => Arc::new(row_wise::unary::<Int64Type, Int16Type>(&wide, |value| {
            i16::try_from(value).map_err(|_| out_of_range(target))
        })?),
        Kind::Int4 => Arc::new(row_wise::unary::<Int64Type, Int32Type>(&wide, |value| {
            i32::try_from(value).map_err(|_| out_of_range(target))
        })?),
        _ => wide,
    })
}

#[allow(clippy::cast_possible_truncation, reason = "checked to be within the range")]
fn whole(value: f64, target: Kind) -> Result<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let rounded = value.round_ties_even();
    if (-LIMIT..LIMIT).contains(&rounded) {
        Ok(rounded as i64)
    } else {
        Err(out_of_range(target))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "what is lost is checked")]
fn narrowed(value: f64) -> Result<f32> {
    let narrow = value as f32;
    if (narrow.is_infinite() && value.is_finite()) || (narrow == 0.0 && value != 0.0) {
        let what = if narrow == 0.0 { "underflow" } else { "overflow" };
        return Err(fault("22003", format!("value out of range: {what}")));
    }
    Ok(narrow)
}

fn floats_of(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Decimal128(_, scale) => Ok(Arc::new(row_wise::unary::<Decimal128Type, Float64Type>(
            array,
            |value| Ok(decimals::to_float(value, *scale)),
        )?)),
        DataType::Float64 => Ok(Arc::clone(array)),
        _ => Ok(cast(array, &DataType::Float64)?),
    }
}

fn numerics(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let (precision, scale) = decimal_shape(to).unwrap_or((38, 0));
    let placed = |value: i128, from: i8| {
        if *to == OPEN_NUMERIC {
            decimals::opened(value, from)
        } else {
            decimals::rescaled(value, from, precision, scale)
        }
    };
    let values = match array.data_type() {
        DataType::Float64 => row_wise::unary::<Float64Type, Decimal128Type>(array, |value| {
            let (value, from) = decimals::of_float(value, 15)?;
            placed(value, from)
        })?,
        DataType::Float32 => row_wise::unary::<Float32Type, Decimal128Type>(array, |value| {
            let (value, from) = decimals::of_float(f64::from(value), 6)?;
            placed(value, from)
        })?,
        DataType::Decimal128(_, from) => {
            row_wise::unary::<Decimal128Type, Decimal128Type>(array, |value| placed(value, *from))?
        }
        _ => {
            let integers = cast(array, &DataType::Int64)?;
            row_wise::unary::<Int64Type, Decimal128Type>(&integers, |value| placed(i128::from(value), 0))?
        }
    };
    Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
}
