//! Parameters of prepared statements, from the wire to values.

use std::error::Error as StdError;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalMonthDayNano, TimeUnit};
use bytes::{Buf as _, Bytes};
use causeway_sql::{Carried, Error, ScalarValue, Zone, carried_type, read_carried, read_moment};
use pgwire::api::Type;
use pgwire::types::FromSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::FromSql;

use super::errors::sqlstate;
use super::prepared::Parameter;
use super::rows::is_binary;
use super::types::{self, NUMERIC_SCALE};
use super::value::{EPOCH_DAYS, EPOCH_MICROSECONDS};

/// Decodes the values of a Bind message.
pub(super) fn decode(
    parameters: &[Parameter],
    formats: &[i16],
    values: &[Option<Bytes>],
    zone: &Zone,
) -> Result<Vec<ScalarValue>, Error> {
    if parameters.len() != values.len() {
        let message = format!(
            "bind message supplies {} parameters, but prepared statement requires {}",
            values.len(),
            parameters.len()
        );
        return Err(Error::new(sqlstate::PROTOCOL, message));
    }
    let decode = |(at, (parameter, bytes)): (usize, (&Parameter, &Option<Bytes>))| {
        let format = match formats {
            [] => 0,
            [all] => *all,
            each => each.get(at).copied().unwrap_or(0),
        };
        let is_binary = is_binary(format)?;
        let decoded = match bytes {
            None => ScalarValue::try_from(&parameter.ty).map_err(|_| unsupported(&parameter.ty)),
            Some(bytes) if is_binary => binary(bytes, parameter),
            Some(bytes) => text(bytes, parameter, zone),
        };
        decoded.map_err(|mut error| {
            error.message = format!("parameter ${}: {}", at + 1, error.message);
            error
        })
    };
    parameters.iter().zip(values).enumerate().map(decode).collect()
}

fn unsupported(ty: &DataType) -> Error {
    Error::new(
        causeway_sql::sqlstate::NOT_SUPPORTED,
        format!("type {ty} is not supported"),
    )
}

fn type_of(parameter: &Parameter) -> Type {
    Type::from_oid(parameter.oid).unwrap_or(Type::TEXT)
}

/// Gives a value the type that the statement takes.
fn fitted(value: ScalarValue, ty: &DataType, sqlstate: &'static str) -> Result<ScalarValue, Error> {
    if value.data_type() == *ty {
        return Ok(value);
    }
    value
        .cast_to(ty)
        .map_err(|error| Error::new(sqlstate, error.strip_backtrace()))
}

fn text(bytes: &Bytes, parameter: &Parameter, zone: &Zone) -> Result<ScalarValue, Error> {
    let bad_text = |why: &dyn std::fmt::Display| Error::new(sqlstate::BAD_TEXT, why.to_string());
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Error::new("22021", "invalid byte sequence for encoding \"UTF8\""))?;
    let invalid = || {
        let ty = type_of(parameter);
        bad_text(&format_args!("invalid input syntax for type {ty}: \"{text}\""))
    };
    let word = text.trim();
    let value = match &parameter.ty {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => {
            ScalarValue::Utf8(Some(text.to_owned()))
        }
        DataType::Boolean => ScalarValue::Boolean(Some(boolean(word).ok_or_else(invalid)?)),
        DataType::Int16 => ScalarValue::Int16(Some(word.parse().map_err(|_| invalid())?)),
        DataType::Int32 => ScalarValue::Int32(Some(word.parse().map_err(|_| invalid())?)),
        DataType::Int64 => ScalarValue::Int64(Some(word.parse().map_err(|_| invalid())?)),
        DataType::Float32 => ScalarValue::Float32(Some(word.parse().map_err(|_| invalid())?)),
        DataType::Float64 => ScalarValue::Float64(Some(word.parse().map_err(|_| invalid())?)),
        DataType::List(item) => list_of_text(text, item, zone)?,
        DataType::Date32
        | DataType::Time64(TimeUnit::Microsecond)
        | DataType::Timestamp(TimeUnit::Microsecond, _)
        | DataType::Interval(_) => read_moment(text, &parameter.ty, zone)?,
        ty if carried_type(ty).is_some() => read_carried(text, ty)?,
        // Numerics: Arrow reads PostgreSQL's form of them.
        ty => {
            let parsed = ScalarValue::Utf8(Some(word.to_owned())).cast_to(ty);
            return parsed.map_err(|_| invalid());
        }
    };
    fitted(value, &parameter.ty, sqlstate::BAD_TEXT)
}

/// The words that PostgreSQL takes for a boolean.
fn boolean(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
        "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// An array of one dimension, `{a,"b c",NULL}`.
fn list_of_text(array: &str, item: &Arc<Field>, zone: &Zone) -> Result<ScalarValue, Error> {
    let items =
        Vec::<Option<String>>::from_sql_text(&Type::TEXT_ARRAY, array.as_bytes(), &FormatOptions::default())
            .map_err(|_| {
                Error::new(
                    sqlstate::BAD_TEXT,
                    format!("malformed array literal: \"{array}\""),
                )
            })?;
    let parameter = Parameter {
        oid: types::pg_type(item.data_type()).oid(),
        ty: item.data_type().clone(),
    };
    let items = items.into_iter().map(|item| match item {
        Some(item) => text(&Bytes::from(item), &parameter, zone).map(Some),
        None => Ok(None),
    });
    list(items.collect::<Result<_, _>>()?, &parameter.ty)
}

/// A list of items of that type.
fn list(items: Vec<Option<ScalarValue>>, ty: &DataType) -> Result<ScalarValue, Error> {
    let none = ScalarValue::try_from(ty).map_err(|_| unsupported(ty))?;
    let items: Vec<ScalarValue> = items
        .into_iter()
        .map(|item| item.unwrap_or_else(|| none.clone()))
        .collect();
    Ok(ScalarValue::List(ScalarValue::new_list(&items, ty, true)))
}

fn interval_of(months: i32, days: i32, microseconds: i64) -> ScalarValue {
    let nanoseconds = microseconds.saturating_mul(1000);
    ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(months, days, nanoseconds)))
}

fn binary(bytes: &Bytes, parameter: &Parameter) -> Result<ScalarValue, Error> {
    let ty = type_of(parameter);
    let wrong = |why: Box<dyn StdError + Sync + Send>| {
        let message = format!("incorrect binary data format for type {ty}: {why}");
        Error::new(sqlstate::BAD_BINARY, message)
    };
    if let DataType::List(item) = &parameter.ty {
        let (oid, items) = items_of(bytes).map_err(wrong)?;
        let parameter = Parameter {
            oid,
            ty: item.data_type().clone(),
        };
        let items = items
            .into_iter()
            .map(|item| item.map(|item| binary(&item, &parameter)).transpose());
        return list(items.collect::<Result<_, _>>()?, &parameter.ty);
    }
    if let Some(carried) = carried_type(&parameter.ty) {
        return read_carried(&carried_text(bytes, carried).map_err(wrong)?, &parameter.ty);
    }
    let value = read_binary(bytes, &ty).map_err(wrong)?;
    fitted(
        value.ok_or_else(|| unsupported(&parameter.ty))?,
        &parameter.ty,
        sqlstate::BAD_BINARY,
    )
}

/// The text of a value that came in binary form; that of `jsonb` begins with a version.
fn carried_text(bytes: &Bytes, carried: Carried) -> Read<String> {
    Ok(match carried {
        Carried::Uuid => uuid(bytes)?,
        Carried::Json => std::str::from_utf8(bytes)?.to_owned(),
        Carried::Jsonb => match bytes.split_first() {
            Some((1, text)) => std::str::from_utf8(text)?.to_owned(),
            _ => return Err("unsupported jsonb version number".into()),
        },
    })
}

type Read<T> = Result<T, Box<dyn StdError + Sync + Send>>;

fn read_binary(bytes: &Bytes, ty: &Type) -> Read<Option<ScalarValue>> {
    fn one<'a, T: FromSql<'a>>(bytes: &'a Bytes, ty: &Type) -> Read<Option<T>> {
        T::from_sql(ty, bytes).map(Some)
    }
    let value = match *ty {
        Type::BOOL => ScalarValue::Boolean(one(bytes, ty)?),
        Type::INT2 => ScalarValue::Int16(one(bytes, ty)?),
        Type::INT4 => ScalarValue::Int32(one(bytes, ty)?),
        Type::OID => ScalarValue::Int64(one::<u32>(bytes, ty)?.map(i64::from)),
        Type::INT8 => ScalarValue::Int64(one(bytes, ty)?),
        Type::FLOAT4 => ScalarValue::Float32(one(bytes, ty)?),
        Type::FLOAT8 => ScalarValue::Float64(one(bytes, ty)?),
        Type::NUMERIC => ScalarValue::Decimal128(Some(numeric(bytes)?), 38, NUMERIC_SCALE),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
            ScalarValue::Utf8(Some(std::str::from_utf8(bytes)?.to_owned()))
        }
        Type::UUID => ScalarValue::Utf8(Some(uuid(bytes)?)),
        Type::BYTEA => ScalarValue::Binary(Some(bytes.to_vec())),
        Type::DATE => {
            let days = one::<i32>(bytes, &Type::INT4)?.and_then(|days| days.checked_add(EPOCH_DAYS));
            ScalarValue::Date32(Some(days.ok_or("out of range")?))
        }
        Type::TIME => ScalarValue::Time64Microsecond(one::<i64>(bytes, &Type::INT8)?),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let since =
                one::<i64>(bytes, &Type::INT8)?.and_then(|since| since.checked_add(EPOCH_MICROSECONDS));
            let zone = (*ty == Type::TIMESTAMPTZ).then(|| "UTC".into());
            ScalarValue::TimestampMicrosecond(Some(since.ok_or("out of range")?), zone)
        }
        Type::INTERVAL => {
            let mut rest: &[u8] = bytes;
            if rest.len() != 16 {
                return Err("an interval has 16 bytes".into());
            }
            let (microseconds, days, months) = (rest.get_i64(), rest.get_i32(), rest.get_i32());
            interval_of(months, days, microseconds)
        }
        _ => return Ok(None),
    };
    Ok(Some(value))
}

/// The type of an array's items and the items, from the format of `array_send`.
fn items_of(bytes: &Bytes) -> Read<(u32, Vec<Option<Bytes>>)> {
    let mut rest = bytes.clone();
    let dimensions = rest.try_get_i32()?;
    rest.try_get_i32()?;
    let oid = rest.try_get_u32()?;
    let length = match dimensions {
        0 => 0,
        1 => rest.try_get_i32()?,
        _ => return Err("arrays of several dimensions are not supported".into()),
    };
    if dimensions == 1 {
        rest.try_get_i32()?;
    }
    let mut items = Vec::new();
    for _ in 0..length {
        items.push(match usize::try_from(rest.try_get_i32()?) {
            Err(_) => None,
            Ok(size) if size <= rest.len() => Some(rest.split_to(size)),
            Ok(_) => return Err("too short".into()),
        });
    }
    Ok((oid, items))
}

fn uuid(bytes: &[u8]) -> Read<String> {
    if bytes.len() != 16 {
        return Err("a uuid has 16 bytes".into());
    }
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    Ok(text)
}

/// `numeric_recv`, as a whole number of 10^-[`NUMERIC_SCALE`].
fn numeric(bytes: &Bytes) -> Read<i128> {
    let mut rest: &[u8] = bytes;
    if rest.len() < 8 {
        return Err("too short".into());
    }
    let (groups, weight, sign, _) = (rest.get_u16(), rest.get_i16(), rest.get_u16(), rest.get_u16());
    if rest.len() != usize::from(groups) * 2 {
        return Err("wrong length".into());
    }
    if !matches!(sign, 0 | 0x4000) {
        return Err("NaN and infinity are not supported".into());
    }
    let too_large = "more digits than a numeric parameter can have";
    let mut value: i128 = 0;
    for at in 0..i32::from(groups) {
        let group = i128::from(rest.get_u16());
        // This group counts 10000^(weight - at); in units of the last kept digit that is 10^power.
        let power = (i32::from(weight) - at) * 4 + i32::from(NUMERIC_SCALE);
        let scaled = match u32::try_from(power) {
            Ok(power) => 10_i128
                .checked_pow(power)
                .and_then(|unit| unit.checked_mul(group))
                .ok_or(too_large)?,
            Err(_) => {
                let unit = 10_i128.checked_pow(power.unsigned_abs()).ok_or(too_large)?;
                if group % unit != 0 {
                    return Err(too_large.into());
                }
                group / unit
            }
        };
        value = value.checked_add(scaled).ok_or(too_large)?;
    }
    Ok(if sign == 0 { value } else { -value })
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::super::{types, value};
    use super::*;

    fn madrid() -> Zone {
        Zone::named("Europe/Madrid").expect("a zone")
    }

    fn read(oid: u32, format: i16, bytes: &[u8]) -> Result<ScalarValue, Error> {
        let parameter = Parameter {
            oid,
            ty: types::arrow_type(oid).expect("supported"),
        };
        let mut values = decode(
            &[parameter],
            &[format],
            &[Some(Bytes::copy_from_slice(bytes))],
            &madrid(),
        )?;
        Ok(values.remove(0))
    }

    #[test]
    fn text_values_are_read_as_postgresql_reads_them() {
        let utc = || Some("UTC".into());
        for (oid, text, expected) in [
            (16, "yes", ScalarValue::Boolean(Some(true))),
            (20, " 42 ", ScalarValue::Int64(Some(42))),
            (701, "Infinity", ScalarValue::Float64(Some(f64::INFINITY))),
            (25, " as is ", ScalarValue::Utf8(Some(" as is ".to_owned()))),
            (1082, "2024-01-02", ScalarValue::Date32(Some(19_724))),
            // A date keeps its day, whatever the offset.
            (1082, "2024-01-02 00:00:00+01", ScalarValue::Date32(Some(19_724))),
            (1082, "Jan 2, 2024", ScalarValue::Date32(Some(19_724))),
            (
                1083,
                "03:04:05",
                ScalarValue::Time64Microsecond(Some(11_045_000_000)),
            ),
            (
                1184,
                "2024-01-02 03:04:05+00",
                ScalarValue::TimestampMicrosecond(Some(1_704_164_645_000_000), utc()),
            ),
            (
                1184,
                "2024-01-02 05:04:05+02",
                ScalarValue::TimestampMicrosecond(Some(1_704_164_645_000_000), utc()),
            ),
            (
                1184,
                "2024-01-02 04:04:05",
                ScalarValue::TimestampMicrosecond(Some(1_704_164_645_000_000), utc()),
            ),
            (1186, "3 days, 2:00:00", interval_of(0, 3, 7_200_000_000)),
            (
                1114,
                "2024-01-02 03:04:05.5",
                ScalarValue::TimestampMicrosecond(Some(1_704_164_645_500_000), None),
            ),
            (
                1700,
                "-1.5",
                ScalarValue::Decimal128(Some(-15_000_000_000), 38, NUMERIC_SCALE),
            ),
        ] {
            assert_eq!(read(oid, 0, text.as_bytes()).expect(text), expected);
        }
        let list = read(1009, 0, b"{a,NULL,\"b,c\"}").expect("an array");
        let text = |text: &str| Some(ScalarValue::Utf8(Some(text.to_owned())));
        let expected = self::list(vec![text("a"), None, text("b,c")], &DataType::Utf8).expect("a list");
        assert_eq!(list, expected);
    }

    #[test]
    fn binary_values_are_read_as_they_are_written() {
        for (unscaled, scale) in [
            (0, 0),
            (12_345, 2),
            (-5, 3),
            (100_000_000, 0),
            (99_999_999_999, 10),
        ] {
            let mut wire = BytesMut::new();
            value::numeric_binary(&mut wire, unscaled, scale);
            let factor = 10_i128.pow(u32::try_from(NUMERIC_SCALE - scale).expect("smaller scale"));
            let expected = ScalarValue::Decimal128(Some(unscaled * factor), 38, NUMERIC_SCALE);
            assert_eq!(read(1700, 1, &wire).expect("a numeric"), expected);
        }
        let day = (19_724 - EPOCH_DAYS).to_be_bytes();
        assert_eq!(
            read(1082, 1, &day).expect("a date"),
            ScalarValue::Date32(Some(19_724))
        );
        let moment = (1_704_164_645_000_000 - EPOCH_MICROSECONDS).to_be_bytes();
        assert_eq!(
            read(1114, 1, &moment).expect("a timestamp"),
            ScalarValue::TimestampMicrosecond(Some(1_704_164_645_000_000), None)
        );
    }

    #[test]
    fn what_cannot_be_read_says_which_parameter_and_why() {
        for (oid, format, bytes, sqlstate, wanted) in [
            (
                20,
                0,
                &b"4x"[..],
                "22P02",
                "parameter $1: invalid input syntax for type int8: \"4x\"",
            ),
            (16, 0, b"maybe", "22P02", "type bool"),
            (1184, 0, b"someday", "22007", "type timestamp with time zone"),
            (1082, 0, b"2024-02-30", "22008", "out of range"),
            (25, 0, b"\xff", "22021", "encoding"),
            (
                20,
                1,
                b"123",
                "22P03",
                "incorrect binary data format for type int8",
            ),
            (1700, 1, b"12345678901", "22P03", "type numeric"),
            (20, 7, b"1", "08P01", "unsupported format code: 7"),
        ] {
            let error = read(oid, format, bytes).expect_err(wanted);
            assert_eq!(error.sqlstate, sqlstate);
            assert!(error.message.contains(wanted), "{}", error.message);
        }
        let error = decode(&[], &[], &[None], &madrid()).expect_err("one too many");
        assert_eq!(
            error.message,
            "bind message supplies 1 parameters, but prepared statement requires 0"
        );
    }
}
