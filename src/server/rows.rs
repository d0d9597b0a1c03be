//! Arrow batches to DataRow messages, written straight into what is sent.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{self as ty, DataType, Field, SchemaRef, TimeUnit};
use bytes::{Buf as _, BufMut as _, BytesMut};
use causeway_sql::Error;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo};
use pgwire::messages::data::{FieldDescription, RowDescription};

use super::errors::sqlstate;
use super::{types, value};

/// The format of each column: text or binary.
#[derive(Debug, Clone)]
pub(super) struct Formats(Vec<bool>);

impl Formats {
    pub(super) fn text() -> Self {
        Self(Vec::new())
    }

    pub(super) fn try_new(codes: &[i16]) -> Result<Self, Error> {
        codes
            .iter()
            .map(|code| is_binary(*code))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// One code stands for all columns, none for text.
    fn is_binary(&self, column: usize) -> bool {
        match self.0.as_slice() {
            [] => false,
            [all] => *all,
            each => each.get(column).copied().unwrap_or(false),
        }
    }

    pub(super) fn check(&self, columns: usize) -> Result<(), Error> {
        if self.0.len() > 1 && self.0.len() != columns {
            let message = format!(
                "bind message has {} result formats but query has {columns} columns",
                self.0.len()
            );
            return Err(Error::new(sqlstate::PROTOCOL, message));
        }
        Ok(())
    }
}

/// Whether a format code means binary.
pub(super) fn is_binary(code: i16) -> Result<bool, Error> {
    match code {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::new(
            sqlstate::PROTOCOL,
            format!("unsupported format code: {code}"),
        )),
    }
}

/// Encodes the rows of one answer.
#[derive(Debug)]
pub(super) struct Encoder {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    field: Arc<Field>,
    info: FieldInfo,
    is_binary: bool,
}

impl Encoder {
    pub(super) fn try_new(schema: &SchemaRef, formats: &Formats) -> Result<Self, Error> {
        formats.check(schema.fields().len())?;
        let column = |(at, field): (usize, &Arc<Field>)| {
            let is_binary = formats.is_binary(at);
            let format = if is_binary {
                FieldFormat::Binary
            } else {
                FieldFormat::Text
            };
            Column {
                field: Arc::clone(field),
                info: FieldInfo::new(field.name().clone(), None, None, types::pg_type_of(field), format),
                is_binary,
            }
        };
        Ok(Self {
            columns: schema.fields().iter().enumerate().map(column).collect(),
        })
    }

    pub(super) fn description(&self) -> RowDescription {
        let describe = |column: &Column| {
            let ty = column.info.datatype();
            let name = column.field.name().clone();
            FieldDescription::new(
                name,
                0,
                0,
                ty.oid(),
                types::size(ty),
                -1,
                i16::from(column.is_binary),
            )
        };
        RowDescription::new(self.columns.iter().map(describe).collect())
    }

    /// The columns of a batch, with their types resolved once.
    pub(super) fn columns<'a>(&'a self, batch: &'a RecordBatch) -> Result<Vec<Values<'a>>, Error> {
        if batch.num_columns() != self.columns.len() {
            return Err(Error::internal(
                "a batch does not have the columns that were described",
            ));
        }
        Ok(self
            .columns
            .iter()
            .zip(batch.columns())
            .map(|(column, array)| Values::of(column, array))
            .collect())
    }

    /// Adds the DataRow message of one row, or nothing if a value can't be sent.
    pub(super) fn row(&self, values: &[Values<'_>], row: usize, out: &mut BytesMut) -> Result<(), Error> {
        let start = out.len();
        out.put_u8(b'D');
        out.put_i32(0);
        out.put_i16(
            i16::try_from(values.len())
                .map_err(|_| Error::new(sqlstate::OUT_OF_RANGE, "too many columns"))?,
        );
        for (column, values) in self.columns.iter().zip(values) {
            if let Err(mut error) = values.write(column, row, out) {
                out.truncate(start);
                error.detail = Some(format!("the value is in column \"{}\"", column.field.name()));
                return Err(error);
            }
        }
        patch_length(out, start + 1, start + 1);
        Ok(())
    }
}

/// The rows of a batch as psql would show them; `None` is NULL.
pub(crate) fn texts(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, Error> {
    let encoder = Encoder::try_new(&batch.schema(), &Formats::text())?;
    let columns = encoder.columns(batch)?;
    let mut out = BytesMut::new();
    let mut texts = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        out.clear();
        encoder.row(&columns, row, &mut out)?;
        // Past the type, the length and the number of columns.
        out.advance(7);
        let field = |_| {
            let length = usize::try_from(out.get_i32()).ok()?;
            Some(String::from_utf8_lossy(&out.split_to(length)).into_owned())
        };
        texts.push((0..batch.num_columns()).map(field).collect());
    }
    Ok(texts)
}

/// Writes at `at` how many bytes there are from `from` on.
fn patch_length(out: &mut BytesMut, at: usize, from: usize) {
    let length = i32::try_from(out.len() - from).unwrap_or(i32::MAX);
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&length.to_be_bytes());
    }
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
        in_utc: bool,
    },
    Numeric(&'a arrow::array::Decimal128Array, i8),
    /// Everything else, which arrow-pg encodes.
    Other,
}

impl<'a> Values<'a> {
    fn of(column: &Column, array: &'a ArrayRef) -> Self {
        // What the catalog tags as oid or "char" is for arrow-pg.
        let kind = if column.field.metadata().is_empty() {
            Kind::of(array)
        } else {
            Kind::Other
        };
        Self { array, kind }
    }

    fn write(&self, column: &Column, row: usize, out: &mut BytesMut) -> Result<(), Error> {
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
        use std::fmt::Write as _;
        let written = match &self.kind {
            Kind::Boolean(values) => out.write_str(if values.value(row) { "t" } else { "f" }),
            Kind::Int16(values) => write!(out, "{}", values.value(row)),
            Kind::Int32(values) => write!(out, "{}", values.value(row)),
            Kind::Int64(values) => write!(out, "{}", values.value(row)),
            Kind::UInt64(values) => write!(out, "{}", bigint(values.value(row))?),
            Kind::Float32(values) => done(value::float4(out, values.value(row))),
            Kind::Float64(values) => done(value::float8(out, values.value(row))),
            Kind::Text(values) => out.write_str(values.value(row)),
            Kind::TextView(values) => out.write_str(values.value(row)),
            Kind::Date(values) => checked(value::date(out, values.value(row))),
            Kind::Time(unit) => done(value::time(out, time_of_day(self.array, *unit, row))),
            Kind::Timestamp { unit, in_utc } => checked(value::timestamp(
                out,
                microseconds(self.array, *unit, row)?,
                *in_utc,
            )),
            Kind::Numeric(values, scale) => done(value::numeric(out, values.value(row), *scale)),
            Kind::Other => Ok(()),
        };
        written.map_err(|_| out_of_range())
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
            Kind::Other => {}
        }
        Ok(())
    }
}

impl<'a> Kind<'a> {
    fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
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
            DataType::Timestamp(unit, zone) => Self::Timestamp {
                unit: *unit,
                in_utc: zone.is_some(),
            },
            DataType::Decimal128(_, scale) => Self::Numeric(array.as_primitive(), *scale),
            _ => Self::Other,
        }
    }
}

/// A step that can't fail, in the terms of one that can.
fn done(_: ()) -> std::fmt::Result {
    Ok(())
}

fn checked(is_written: bool) -> std::fmt::Result {
    if is_written { Ok(()) } else { Err(std::fmt::Error) }
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

#[cfg(test)]
mod tests {
    use arrow::array::{
        Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::datatypes::{Int64Type, Schema};

    use super::*;

    /// The fields of the only row, as bytes.
    fn encode(array: ArrayRef, is_binary: bool) -> Result<Option<Vec<u8>>, Error> {
        let field = Field::new("x", array.data_type().clone(), true);
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).expect("one column");
        let encoder = Encoder::try_new(&batch.schema(), &Formats(vec![is_binary]))?;
        let mut out = BytesMut::new();
        encoder.row(&encoder.columns(&batch)?, 0, &mut out)?;
        assert_eq!((out[0], out[5..7].to_vec()), (b'D', vec![0, 1]));
        assert_eq!(
            i32::from_be_bytes(out[1..5].try_into().expect("4 bytes")),
            i32::try_from(out.len() - 1).expect("short")
        );
        let length = i32::from_be_bytes(out[7..11].try_into().expect("4 bytes"));
        Ok(usize::try_from(length)
            .ok()
            .map(|length| out[11..11 + length].to_vec()))
    }

    #[test]
    fn values_are_encoded_in_both_formats() {
        let moment = TimestampMicrosecondArray::from(vec![1_704_164_645_000_000]).with_timezone("UTC");
        for (array, text, binary) in [
            (
                Arc::new(Int64Array::from(vec![-7])) as ArrayRef,
                "-7",
                (-7_i64).to_be_bytes().to_vec(),
            ),
            (
                Arc::new(UInt64Array::from(vec![7])),
                "7",
                7_i64.to_be_bytes().to_vec(),
            ),
            (
                Arc::new(Float64Array::from(vec![f64::INFINITY])),
                "Infinity",
                f64::INFINITY.to_be_bytes().to_vec(),
            ),
            (
                Arc::new(StringArray::from(vec!["a\nb"])),
                "a\nb",
                b"a\nb".to_vec(),
            ),
            (
                Arc::new(moment),
                "2024-01-02 03:04:05+00",
                757_479_845_000_000_i64.to_be_bytes().to_vec(),
            ),
        ] {
            assert_eq!(
                encode(Arc::clone(&array), false).expect(text).as_deref(),
                Some(text.as_bytes())
            );
            assert_eq!(encode(array, true).expect(text), Some(binary));
        }
    }

    #[test]
    fn lists_and_nulls_are_encoded() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
        assert_eq!(
            encode(Arc::new(list), false).expect("a list").as_deref(),
            Some(&b"{1,NULL}"[..])
        );
        let null = Int64Array::from(vec![None]);
        assert_eq!(encode(Arc::new(null), true).expect("null"), None);
        let untyped = arrow::array::NullArray::new(1);
        assert_eq!(encode(Arc::new(untyped), false).expect("null"), None);
    }

    #[test]
    fn times_of_every_unit_are_the_same_time() {
        let arrays: [ArrayRef; 4] = [
            Arc::new(arrow::array::Time32SecondArray::from(vec![86_399])),
            Arc::new(arrow::array::Time32MillisecondArray::from(vec![86_399_000])),
            Arc::new(arrow::array::Time64MicrosecondArray::from(vec![86_399_000_000])),
            Arc::new(arrow::array::Time64NanosecondArray::from(vec![
                86_399_000_000_999,
            ])),
        ];
        for array in arrays {
            assert_eq!(
                encode(Arc::clone(&array), false).expect("a time").as_deref(),
                Some(&b"23:59:59"[..])
            );
            let binary = 86_399_000_000_i64.to_be_bytes().to_vec();
            assert_eq!(encode(array, true).expect("a time"), Some(binary));
        }
    }

    #[test]
    fn a_value_that_cannot_be_sent_is_an_error_that_names_its_column() {
        let error = encode(Arc::new(UInt64Array::from(vec![u64::MAX])), false).expect_err("too large");
        assert_eq!(
            (error.sqlstate, error.detail.as_deref()),
            ("22003", Some("the value is in column \"x\""))
        );
        let error =
            encode(Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX])), false).expect_err("too late");
        assert_eq!(error.sqlstate, "22008");
    }
}
