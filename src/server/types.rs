//! Arrow types and PostgreSQL types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use causeway_sql::{Carried, carried_type};
use pgwire::api::Type;
use postgres_types::Kind;

/// The type that clients see for an Arrow type.
///
/// Where PostgreSQL has no such type, the one that its own functions would return: `row_number()` is a bigint there.
pub(super) fn pg_type(ty: &DataType) -> Type {
    if let Some(carried) = carried_type(ty) {
        return match carried {
            Carried::Json => Type::JSON,
            Carried::Jsonb => Type::JSONB,
            Carried::Uuid => Type::UUID,
        };
    }
    match ty {
        // One type stands for arrays of any number of dimensions.
        DataType::List(row) if matches!(row.data_type(), DataType::List(_)) => pg_type(row.data_type()),
        DataType::Struct(_) => Type::RECORD,
        DataType::UInt64 => Type::INT8,
        DataType::Null => Type::TEXT,
        DataType::Decimal32(..) | DataType::Decimal64(..) => Type::NUMERIC,
        DataType::Dictionary(_, values) => pg_type(values),
        other => arrow_pg::datatypes::into_pg_type(other).unwrap_or(Type::TEXT),
    }
}

/// The type that clients see for a column; catalog columns say in their metadata that they are `oid` or `"char"`.
pub(super) fn pg_type_of(field: &Arc<Field>) -> Type {
    if field.metadata().is_empty() {
        return pg_type(field.data_type());
    }
    if is_json(field) {
        return Type::JSON;
    }
    arrow_pg::datatypes::field_into_pg_type(field).unwrap_or_else(|_| pg_type(field.data_type()))
}

/// Whether a text column holds JSON, by Arrow's own name for that.
pub(super) fn is_json(field: &Field) -> bool {
    field.extension_type_name() == Some("arrow.json")
}

/// Bytes of a value, for the row description; negative for types of varying length.
pub(super) fn size(ty: &Type) -> i16 {
    match *ty {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4
        | Type::FLOAT4
        | Type::DATE
        | Type::OID
        | Type::REGCLASS
        | Type::REGTYPE
        | Type::REGPROC => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        Type::INTERVAL | Type::UUID => 16,
        _ => -1,
    }
}

/// The Arrow type of a parameter that a client declares; `None` leaves it to the statement.
pub(super) fn arrow_type(oid: u32) -> Option<DataType> {
    let item = |ty| DataType::List(Arc::new(Field::new_list_field(ty, true)));
    Some(match Type::from_oid(oid)? {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 | Type::OID => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => DataType::Decimal128(38, NUMERIC_SCALE),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR => DataType::Utf8,
        Type::UUID => Carried::Uuid.arrow(),
        Type::JSON => Carried::Json.arrow(),
        Type::JSONB => Carried::Jsonb.arrow(),
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        other => match other.kind() {
            Kind::Array(inner) => item(arrow_type(inner.oid())?),
            _ => return None,
        },
    })
}

/// Digits after the point of a numeric parameter, which has no scale of its own; as many are left before it.
pub(super) const NUMERIC_SCALE: i8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_a_source_has_its_postgresql_type() {
        let utc = Some("UTC".into());
        for (ty, oid) in [
            (DataType::Boolean, 16),
            (DataType::Int64, 20),
            (DataType::UInt64, 20),
            (DataType::Int32, 23),
            (DataType::Float64, 701),
            (DataType::Utf8, 25),
            (DataType::Utf8View, 25),
            (DataType::Null, 25),
            (DataType::Date32, 1082),
            (DataType::Time64(TimeUnit::Microsecond), 1083),
            (DataType::Timestamp(TimeUnit::Microsecond, utc), 1184),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), 1114),
            (DataType::Decimal128(38, 6), 1700),
        ] {
            assert_eq!(pg_type(&ty).oid(), oid, "{ty}");
        }
    }

    #[test]
    fn a_declared_parameter_type_comes_back_as_itself() {
        for oid in [
            16, 20, 21, 23, 25, 114, 700, 701, 1082, 1083, 1114, 1184, 1700, 1009, 1016, 2950, 3802,
        ] {
            let ty = arrow_type(oid).expect("supported");
            assert_eq!(pg_type(&ty).oid(), oid, "{ty}");
        }
        assert_eq!(arrow_type(0), None);
    }
}
