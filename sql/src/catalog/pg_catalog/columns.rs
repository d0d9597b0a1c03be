//! Arrow types of catalog columns, as PostgreSQL declares them.
//!
//! Invariant: an object id is an `Int32`, marked so that clients see `oid`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

/// The marks by which the wire protocol knows `oid` and its kin, and `"char"`.
const OID_MARK: &str = "pg.oid_alias";
const CHAR_MARK: &str = "pg.char";

/// A column of the catalog whose type PostgreSQL declares like this.
pub(super) fn field(name: &str, declared: &str) -> Field {
    let field = Field::new(name, arrow(declared), true);
    let mark = match declared {
        "oid" | "regproc" | "regtype" => (OID_MARK, declared),
        "\"char\"" => (CHAR_MARK, "char"),
        _ => return field,
    };
    field.with_metadata(HashMap::from([(mark.0.to_owned(), mark.1.to_owned())]))
}

pub(super) fn arrow(declared: &str) -> DataType {
    let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
    match declared {
        "boolean" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" | "oid" | "regproc" | "regtype" => DataType::Int32,
        "bigint" | "xid" => DataType::Int64,
        "real" => DataType::Float32,
        "double precision" | "numeric" => DataType::Float64,
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "bytea" => DataType::Binary,
        "int2vector" | "smallint[]" => list(DataType::Int16),
        "oidvector" | "oid[]" | "regtype[]" => list(DataType::Int32),
        "real[]" => list(DataType::Float32),
        "double precision[]" => list(DataType::Float64),
        "boolean[]" => list(DataType::Boolean),
        _ if declared.starts_with("timestamp") => timestamptz(),
        _ if declared.ends_with("[]") => list(DataType::Utf8),
        _ => DataType::Utf8,
    }
}

fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}
