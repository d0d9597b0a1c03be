//! The names of types in statements.
//!
//! Owns: which Arrow type a name stands for. Does not own: what the types are; see `types`. Invariant: a type that PostgreSQL has and
//! this database has not is not supported, any other name does not exist. Start at [`PostgresTypes`].

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::datatype::DataTypeExt as _;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{self, DataType as T, ExactNumberInfo as Exact, TimezoneInfo as Zone};

use crate::error::{Error, sqlstate};
use crate::syntax::column_names::folded;
use crate::types::{Kind, OPEN_NUMERIC, fault, timestamptz, unsupported};

/// SQL type names to Arrow types.
#[derive(Debug)]
pub(crate) struct PostgresTypes;

impl TypePlanner for PostgresTypes {
    fn plan_type_field(&self, ty: &ast::DataType) -> Result<Option<FieldRef>> {
        let planned = match ty {
            T::Float(Exact::Precision(digits)) if *digits <= 24 => DataType::Float32,
            T::Float(_) => DataType::Float64,
            T::Numeric(Exact::None) | T::Decimal(Exact::None) | T::Dec(Exact::None) => OPEN_NUMERIC,
            T::Numeric(shape) | T::Decimal(shape) | T::Dec(shape) => numeric(*shape)?,
            T::Timestamp(None | Some(6), zone) => match zone {
                Zone::WithTimeZone | Zone::Tz => timestamptz(),
                Zone::None | Zone::WithoutTimeZone => Kind::Timestamp.arrow(),
            },
            T::TimestampNtz(None | Some(6)) => Kind::Timestamp.arrow(),
            T::Time(None | Some(6), Zone::None | Zone::WithoutTimeZone) => Kind::Time.arrow(),
            T::JSON => Kind::Json.arrow(),
            T::JSONB => Kind::Jsonb.arrow(),
            T::Uuid => Kind::Uuid.arrow(),
            T::Varchar(None) | T::CharacterVarying(None) | T::CharVarying(None) | T::Text => DataType::Utf8,
            T::Char(_) | T::Character(_) => {
                return Err(DataFusionError::from(
                    Error::new(sqlstate::NOT_SUPPORTED, "the type character is not supported")
                        .with_hint("use text or varchar(n); character pads its values with blanks"),
                ));
            }
            ty if is_left_to_datafusion(ty) => return Ok(None),
            other => return Err(not_there(other)),
        };
        Ok(Some(planned.into_nullable_field_ref()))
    }
}

/// Names that mean to DataFusion what they mean to PostgreSQL.
fn is_left_to_datafusion(ty: &ast::DataType) -> bool {
    matches!(
        ty,
        T::Boolean
            | T::Bool
            | T::SmallInt(_)
            | T::Int2(_)
            | T::Int(_)
            | T::Integer(_)
            | T::Int4(_)
            | T::BigInt(_)
            | T::Int8(_)
            | T::Real
            | T::Float4
            | T::Float8
            | T::DoublePrecision
            | T::Date
            | T::Varchar(_)
            | T::Interval { .. }
            | T::Array(_)
    )
}

/// PostgreSQL's types that are not here, beyond those that the parser knows.
const MISSING: &[&str] = &[
    "aclitem",
    "any",
    "anyarray",
    "anyelement",
    "bit",
    "bit varying",
    "box",
    "bpchar",
    "char",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "datemultirange",
    "daterange",
    "gtsvector",
    "inet",
    "int2vector",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "internal",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "tid",
    "timetz",
    "trigger",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "varbit",
    "void",
    "xid",
    "xid8",
    "xml",
];

/// The error for a type that is not here: 0A000 if PostgreSQL has it, else 42704.
fn not_there(ty: &ast::DataType) -> DataFusionError {
    let name = match ty {
        T::Custom(name, _) => match name.0.as_slice() {
            [only] => only.as_ident().map_or_else(|| name.to_string(), folded),
            _ => name.to_string(),
        },
        other => other.to_string().to_lowercase(),
    };
    let bare = name.split('(').next().unwrap_or_default().trim();
    let is_postgresqls = MISSING.contains(&bare)
        || matches!(
            ty,
            T::Timestamp(..) | T::Time(..) | T::Bytea | T::Bit(_) | T::BitVarying(_) | T::VarBit(_)
        );
    if is_postgresqls {
        return unsupported(format!("the type {name} is not supported"));
    }
    fault(
        sqlstate::UNKNOWN_SETTING,
        format!("type \"{name}\" does not exist"),
    )
}

fn numeric(shape: ast::ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match shape {
        ast::ExactNumberInfo::None => return Ok(OPEN_NUMERIC),
        ast::ExactNumberInfo::Precision(precision) => (precision, 0),
        ast::ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    let shape = u8::try_from(precision).ok().zip(i8::try_from(scale).ok());
    match shape {
        Some((precision @ 1..=38, scale)) if scale >= 0 && i16::from(scale) <= i16::from(precision) => {
            Ok(DataType::Decimal128(precision, scale))
        }
        _ => Err(unsupported(format!(
            "numeric({precision},{scale}) is not supported"
        ))),
    }
}
