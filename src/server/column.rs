//! The values of one column, as they go over the wire.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{self as ty, DataType, Field, IntervalUnit, TimeUnit};
use bytes::{BufMut as _, BytesMut};
use causeway_sql::{Carried, Error, Zone, carried_type, carrying, text_of};
use pgwire::api::results::{DataRowEncoder, FieldInfo};

use super::errors::sqlstate;
use super::types::is_json;
use super::value;

/// A column as the client was told about it.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) field: Arc<Field>,
    pub(super) info: FieldInfo,
    pub(super) is_binary: bool,
}

/// One column of a batch.
pub(super) struct Values<'a> {
    array: &'a ArrayRef,
    kind: Kind<'a>,
}

/// What the hot loop needs to know about a column.
enum Kind<'a> {
    Boolean(&'a arrow::array::BooleanArray),
    Int16(&'a arrow::array::Int16Array),
    Int32(&'a arrow::array::Int32Array),
    Int64(&'a arrow::array::Int64Array),
    UInt64(&'a arrow::array::UInt64Array),
    Float32(&'a arrow::array::Float32Array),
    Float64(&'a arrow::array::Float64Array),
    Text(&'a arrow::array::StringArray),
    TextView(&'a arrow::array::StringViewArray),
    Date(&'a arrow::array::Date32Array),
    Time(TimeUnit),
    Timestamp {
        unit: TimeUnit,
        /// The session's zone, for timestamps that are moments.
        zone: Option<&'a Zone>,
    },
    Numeric(&'a arrow::array::Decimal128Array, i8),
    Interval(&'a arrow::array::IntervalMonthDayNanoArray),
    Uuid(&'a arrow::array::FixedSizeBinaryArray),
    /// Texts of `json`, or of `jsonb`, whose binary form begins with a version.
    Json {
        texts: ArrayRef,
        is_binary_json: bool,
    },
    /// Rows and arrays, as text. Rows have no binary form here, and arrow-pg has that of arrays.
    Record(Result<ArrayRef, Error>),
    /// Everything else, which arrow-pg encodes.
    Other,
}

impl<'a> Values<'a> {
    pub(super) fn of(column: &Column, array: &'a ArrayRef, zone: &'a Zone) -> Self {
        // What the catalog tags as oid or "char" is for arrow-pg.
        // Of arrays of several dimensions there is no binary form here.
        let is_text = match array.data_type() {
            DataType::List(item) => !column.is_binary || matches!(item.data_type(), DataType::List(_)),
            _ => false,
        };
        let kind = if is_text && column.field.metadata().is_empty() {
            Kind::Record(text_of(array, zone).map_err(Error::from))
        } else if column.field.metadata().is_empty() || is_json(&column.field) {
            Kind::of(array, zone)
        } else {
            Kind::Other
        };
        Self { array, kind }
    }

    pub(super) fn write(&self, column: &Column, row: usize, out: &mut BytesMut) -> Result<(), Error> {
        if self.array.is_null(row) || matches!(self.array.data_type(), DataType::Null) {
            out.put_i32(-1);
            return Ok(());
        }
        if matches!(self.kind, Kind::Other) {
            return write_other(column, self.array, row, out);
        }
        let at = out.len();
        out.put_i32(0);
        if column.is_binary {
            self.binary(row, out)?;
        } else {
            self.text(row, out)?;
        }
        patch_length(out, at, at + 4);
        Ok(())
    }

    fn text(&self, row: usize, out: &mut BytesMut) -> Result<(), Error> {
        let is_in_range = match &self.kind {
            Kind::Date(values) => value::date(out, values.value(row)),
            Kind::Timestamp { unit, zone } => {
                value::timestamp(out, microseconds(self.array, *unit, row)?, *zone)
            }
            _ => true,
        };
        if !is_in_range {
            return Err(out_of_range());
        }
        match &self.kind {
            Kind::Boolean(values) => out.put_u8(if values.value(row) { b't' } else { b'f' }),
            Kind::Int16(values) => value::integer(out, i64::from(values.value(row))),
            Kind::Int32(values) => value::integer(out, i64::from(values.value(row))),
            Kind::Int64(values) => value::integer(out, values.value(row)),
            Kind::UInt64(values) => value::integer(out, bigint(values.value(row))?),
            Kind::Float32(values) => value::float4(out, values.value(row)),
            Kind::Float64(values) => value::float8(out, values.value(row)),
            Kind::Text(values) => out.put_slice(values.value(row).as_bytes()),
            Kind::TextView(values) => out.put_slice(values.value(row).as_bytes()),
            Kind::Time(unit) => value::time(out, time_of_day(self.array, *unit, row)),
            Kind::Numeric(values, scale) => value::numeric(out, values.value(row), *scale),
            Kind::Interval(values) => value::interval(out, values.value(row)),
            Kind::Uuid(values) => value::uuid(out, values.value(row)),
            Kind::Record(texts) => match texts {
                Ok(texts) => out.put_slice(texts.as_string::<i32>().value(row).as_bytes()),
                Err(error) => return Err(Error::new(error.sqlstate, error.message.clone())),
            },
            Kind::Json { texts, .. } => out.put_slice(texts.as_string::<i32>().value(row).as_bytes()),
            Kind::Date(_) | Kind::Timestamp { .. } | Kind::Other => {}
        }
        Ok(())
    }

    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<(), Error> {
        match &self.kind {
            Kind::Boolean(values) => out.put_u8(u8::from(values.value(row))),
            Kind::Int16(values) => out.put_i16(values.value(row)),
            Kind::Int32(values) => out.put_i32(values.value(row)),
            Kind::Int64(values) => out.put_i64(values.value(row)),
            Kind::UInt64(values) => out.put_i64(bigint(values.value(row))?),
            Kind::Float32(values) => out.put_f32(values.value(row)),
            Kind::Float64(values) => out.put_f64(values.value(row)),
            Kind::Text(values) => out.put_slice(values.value(row).as_bytes()),
            Kind::TextView(values) => out.put_slice(values.value(row).as_bytes()),
            Kind::Date(values) => {
                let days = values.value(row).checked_sub(value::EPOCH_DAYS);
                out.put_i32(days.ok_or_else(out_of_range)?);
            }
            Kind::Time(unit) => out.put_i64(time_of_day(self.array, *unit, row)),
            Kind::Timestamp { unit, .. } => {
                let since = microseconds(self.array, *unit, row)?.checked_sub(value::EPOCH_MICROSECONDS);
                out.put_i64(since.ok_or_else(out_of_range)?);
            }
            Kind::Numeric(values, scale) => value::numeric_binary(out, values.value(row), *scale),
            Kind::Interval(values) => {
                let interval = values.value(row);
                out.put_i64(interval.nanoseconds.div_euclid(1000));
                out.put_i32(interval.days);
                out.put_i32(interval.months);
            }
            Kind::Record(_) => {
                return Err(Error::new(
                    causeway_sql::sqlstate::NOT_SUPPORTED,
                    "rows and arrays of several dimensions are not supported in binary form",
                )
                .with_hint("ask for text, or for the columns of the row, or cast the array to text"));
            }
            Kind::Uuid(values) => out.put_slice(values.value(row)),
            Kind::Json {
                texts,
                is_binary_json,
            } => {
                if *is_binary_json {
                    out.put_u8(1);
                }
                out.put_slice(texts.as_string::<i32>().value(row).as_bytes());
            }
            Kind::Other => {}
        }
        Ok(())
    }
}

impl<'a> Kind<'a> {
    fn of(array: &'a ArrayRef, zone: &'a Zone) -> Self {
        if let Some(texts) = carrying(array) {
            return Self::Json {
                texts,
                is_binary_json: carried_type(array.data_type()) == Some(Carried::Jsonb),
            };
        }
        match array.data_type() {
            DataType::Struct(_) => Self::Record(text_of(array, zone).map_err(Error::from)),
            DataType::FixedSizeBinary(16) => Self::Uuid(array.as_fixed_size_binary()),
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int16 => Self::Int16(array.as_primitive()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::UInt64 => Self::UInt64(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Utf8View => Self::TextView(array.as_string_view()),
            DataType::Date32 => Self::Date(array.as_primitive()),
            DataType::Time32(unit) | DataType::Time64(unit) => Self::Time(*unit),
            DataType::Timestamp(unit, has_zone) => Self::Timestamp {
                unit: *unit,
                zone: has_zone.as_ref().map(|_| zone),
            },
            DataType::Decimal128(_, scale) => Self::Numeric(array.as_primitive(), *scale),
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::Interval(array.as_primitive()),
            _ => Self::Other,
        }
    }
}

fn out_of_range() -> Error {
    Error::new(sqlstate::BAD_DATETIME, "date or time out of range")
}

fn bigint(value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| {
        Error::new(
            sqlstate::OUT_OF_RANGE,
            format!("value {value} is out of range for type bigint"),
        )
    })
}

/// Microseconds since midnight, which is all that PostgreSQL has.
fn time_of_day(array: &ArrayRef, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => i64::from(array.as_primitive::<ty::Time32SecondType>().value(row)) * 1_000_000,
        TimeUnit::Millisecond => {
            i64::from(array.as_primitive::<ty::Time32MillisecondType>().value(row)) * 1000
        }
        TimeUnit::Microsecond => array.as_primitive::<ty::Time64MicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<ty::Time64NanosecondType>().value(row) / 1000,
    }
}

/// A timestamp in microseconds, which is all that PostgreSQL has.
fn microseconds(array: &ArrayRef, unit: TimeUnit, row: usize) -> Result<i64, Error> {
    match unit {
        TimeUnit::Second => array
            .as_primitive::<ty::TimestampSecondType>()
            .value(row)
            .checked_mul(1_000_000),
        TimeUnit::Millisecond => array
            .as_primitive::<ty::TimestampMillisecondType>()
            .value(row)
            .checked_mul(1000),
        TimeUnit::Microsecond => Some(array.as_primitive::<ty::TimestampMicrosecondType>().value(row)),
        TimeUnit::Nanosecond => Some(
            array
                .as_primitive::<ty::TimestampNanosecondType>()
                .value(row)
                .div_euclid(1000),
        ),
    }
    .ok_or_else(out_of_range)
}

fn write_other(column: &Column, array: &ArrayRef, row: usize, out: &mut BytesMut) -> Result<(), Error> {
    let mut encoder = DataRowEncoder::new(Arc::new(vec![column.info.clone()]));
    arrow_pg::encoder::encode_value(&mut encoder, array, row, &column.field, &column.info).map_err(
        |error| {
            Error::new(
                causeway_sql::sqlstate::NOT_SUPPORTED,
                format!("cannot send the value: {error}"),
            )
        },
    )?;
    // The encoder's row is the length and bytes of its only field.
    out.put_slice(&encoder.take_row().data);
    Ok(())
}

/// Writes at `at` how many bytes there are from `from` on.
pub(super) fn patch_length(out: &mut BytesMut, at: usize, from: usize) {
    let length = i32::try_from(out.len() - from).unwrap_or(i32::MAX);
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
}
