//! Types of PostgreSQL in the catalog.
//!
//! Owns: PostgreSQL's types of a person's columns, and the names of types. Does not own: types of the catalog's own columns; see
//! `columns`.

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::{DataType, Int32Type};

use super::columns::arrow;
use super::data;

/// A type as `pg_type` and `pg_attribute` describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PgType {
    pub(super) oid: i32,
    /// Bytes of a value; -1 for varying ones.
    pub(super) length: i16,
    pub(super) by_value: bool,
    pub(super) alignment: &'static str,
    pub(super) storage: &'static str,
    pub(super) collation: i32,
}

impl PgType {
    const fn fixed(oid: i32, length: i16, alignment: &'static str) -> Self {
        Self {
            oid,
            length,
            by_value: length <= 8,
            alignment,
            storage: "p",
            collation: 0,
        }
    }

    const fn varying(oid: i32, storage: &'static str, collation: i32) -> Self {
        Self {
            oid,
            length: -1,
            by_value: false,
            alignment: "i",
            storage,
            collation,
        }
    }

    /// The type in which clients see a column.
    pub(super) fn of(ty: &DataType) -> Self {
        match ty {
            DataType::Boolean => Self::fixed(16, 1, "c"),
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::fixed(21, 2, "s"),
            DataType::Int32 | DataType::UInt16 => Self::fixed(23, 4, "i"),
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::fixed(20, 8, "d"),
            DataType::Float16 | DataType::Float32 => Self::fixed(700, 4, "i"),
            DataType::Float64 => Self::fixed(701, 8, "d"),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
                Self::varying(1700, "m", 0)
            }
            DataType::Date32 | DataType::Date64 => Self::fixed(1082, 4, "i"),
            DataType::Time32(_) | DataType::Time64(_) => Self::fixed(1083, 8, "d"),
            DataType::Timestamp(_, None) => Self::fixed(1114, 8, "d"),
            DataType::Timestamp(_, Some(_)) => Self::fixed(1184, 8, "d"),
            DataType::Interval(_) | DataType::Duration(_) => Self::fixed(1186, 16, "d"),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Self::varying(17, "x", 0),
            DataType::List(item) | DataType::LargeList(item) => {
                let item = Self::of(item.data_type());
                Self::varying(array_of(item.oid).unwrap_or(1009), "x", item.collation)
            }
            _ => Self::varying(25, "x", 100),
        }
    }

    /// The type that a column of PostgreSQL's own catalog is declared with.
    pub(super) fn declared(declared: &str) -> Self {
        match declared {
            "oid" | "regproc" | "regtype" => Self::fixed(oid_of(declared).unwrap_or(26), 4, "i"),
            "\"char\"" => Self::fixed(18, 1, "c"),
            "name" => Self {
                length: 64,
                alignment: "c",
                ..Self::varying(19, "p", 950)
            },
            _ => {
                let known = Self::of(&arrow(declared));
                Self {
                    oid: oid_of(declared).unwrap_or(known.oid),
                    ..known
                }
            }
        }
    }

    /// Its name in SQL.
    pub(super) fn sql_name(self) -> String {
        name(i64::from(self.oid), None)
    }
}

/// A row of `pg_type`.
struct Named {
    name: String,
    item: i32,
    array: i32,
}

/// The types by object id.
static TYPES: LazyLock<HashMap<i32, Named>> = LazyLock::new(|| {
    let Some(batch) = data::rows("pg_type") else {
        return HashMap::new();
    };
    let numbers = |column: &str| Some(batch.column_by_name(column)?.as_primitive::<Int32Type>());
    let names = batch
        .column_by_name("typname")
        .map(|names| names.as_string::<i32>());
    let Some((((oids, names), items), arrays)) = numbers("oid")
        .zip(names)
        .zip(numbers("typelem"))
        .zip(numbers("typarray"))
    else {
        return HashMap::new();
    };
    let rows = 0..batch.num_rows();
    rows.map(|row| {
        let named = Named {
            name: names.value(row).to_owned(),
            item: items.value(row),
            array: arrays.value(row),
        };
        (oids.value(row), named)
    })
    .collect()
});

fn array_of(oid: i32) -> Option<i32> {
    TYPES.get(&oid).map(|ty| ty.array).filter(|array| *array != 0)
}

/// PostgreSQL's internal name of a type, such as `int4`.
pub(super) fn internal_name(oid: i32) -> Option<&'static str> {
    TYPES.get(&oid).map(|ty| ty.name.as_str())
}

/// Names in SQL that differ from the internal ones.
const SQL_NAMES: &[(&str, &str)] = &[
    ("bool", "boolean"),
    ("bpchar", "character"),
    ("char", "\"char\""),
    ("float4", "real"),
    ("float8", "double precision"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("time", "time without time zone"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("timetz", "time with time zone"),
    ("varbit", "bit varying"),
    ("varchar", "character varying"),
];

/// What other names of types stand for.
const ALIASES: &[(&str, &str)] = &[
    ("char", "bpchar"),
    ("dec", "numeric"),
    ("decimal", "numeric"),
    ("float", "float8"),
    ("int", "int4"),
];

/// The object id of a type, by either name.
pub(super) fn oid_of(name: &str) -> Option<i32> {
    let name = name.trim();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(name);
    if let Some(item) = name.strip_suffix("[]") {
        return array_of(oid_of(item)?);
    }
    // `timestamp(2) with time zone`
    let bare = match name.split_once('(').zip(name.rsplit_once(')')) {
        Some(((before, _), (_, after))) => format!("{}{after}", before.trim_end()),
        None => name.to_owned(),
    };
    let bare = bare.as_str();
    let by = |names: &[(&'static str, &'static str)], name: &str, found: bool| {
        let (from, to) = names
            .iter()
            .find(|(from, to)| if found { *to == name } else { *from == name })?;
        Some(if found { *from } else { *to })
    };
    let internal = by(SQL_NAMES, bare, true)
        .or_else(|| by(ALIASES, bare, false))
        .unwrap_or_else(|| bare.trim_matches('"'));
    TYPES
        .iter()
        .find_map(|(oid, ty)| (ty.name == internal).then_some(*oid))
}

/// The name of a type as `format_type` gives it, with a length or precision if there is one.
pub(super) fn name(oid: i64, modifier: Option<i64>) -> String {
    if oid == 0 {
        return "-".to_owned();
    }
    let Some(ty) = i32::try_from(oid).ok().and_then(|oid| TYPES.get(&oid)) else {
        return "???".to_owned();
    };
    if ty.item != 0 && ty.name.starts_with('_') {
        return format!("{}[]", name(i64::from(ty.item), modifier));
    }
    let sql = SQL_NAMES.iter().find(|(internal, _)| *internal == ty.name);
    let sql = sql.map_or(ty.name.as_str(), |(_, sql)| sql);
    let Some(modifier) = modifier.filter(|modifier| *modifier >= 0) else {
        return sql.to_owned();
    };
    match ty.name.as_str() {
        "varchar" | "bpchar" if modifier >= 4 => format!("{sql}({})", modifier - 4),
        "numeric" if modifier >= 4 => {
            let shape = modifier - 4;
            format!("numeric({},{})", shape >> 16 & 0xffff, shape & 0x7ff)
        }
        "bit" | "varbit" => format!("{sql}({modifier})"),
        "time" | "timestamp" | "timetz" | "timestamptz" => {
            let (first, rest) = sql.split_once(' ').unwrap_or((sql, ""));
            format!("{first}({modifier}) {rest}")
        }
        _ => sql.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_sql_names() {
        assert_eq!(name(23, None), "integer");
        assert_eq!(name(1043, Some(84)), "character varying(80)");
        assert_eq!(name(1700, Some(1_179_654)), "numeric(18,2)");
        assert_eq!(name(1184, Some(3)), "timestamp(3) with time zone");
        assert_eq!(name(1009, None), "text[]");
        assert_eq!(name(0, None), "-");
        assert_eq!(name(1, None), "???");
    }

    #[test]
    fn both_names_of_a_type_lead_to_it() {
        for (name, oid) in [
            ("int4", 23),
            ("integer", 23),
            ("pg_catalog.int8", 20),
            ("text[]", 1009),
            ("\"char\"", 18),
            ("character varying(3)", 1043),
            ("timestamp(2) with time zone", 1184),
            ("char", 1042),
        ] {
            assert_eq!(oid_of(name), Some(oid), "{name}");
        }
    }
}
