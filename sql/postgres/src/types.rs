//! PostgreSQL's types and what they are in Arrow.
//!
//! Owns: kinds of types, their common type, expressions with a type, and the errors that name types. Does not own: casts; see `typing::casts`.
//! Invariant: every Arrow type has exactly one [`Kind`]. Start at [`Kind`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, StructArray, make_array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, IntervalUnit, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::Expr;

use crate::error::{Error, sqlstate};

/// Digits after the point of a numeric that has no scale of its own: quotients, averages, doubles made numeric. Such values print
/// without trailing zeros.
pub(crate) const OPEN_SCALE: i8 = 20;
/// Digits after the point of quotients and averages, at least. PostgreSQL shows so many of them that the quotient has 16
/// significant digits, with zeros at the end; here the zeros are not shown, and such a value has no text form.
pub(crate) const QUOTIENT_SCALE: i8 = OPEN_SCALE + 1;
/// `numeric` without precision and scale.
pub(crate) const OPEN_NUMERIC: DataType = DataType::Decimal128(38, OPEN_SCALE);

/// A type of PostgreSQL, in the order in which numbers are promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// NULL, or a quoted literal that has no type yet.
    Unknown,
    Boolean,
    Int2,
    Int4,
    Int8,
    Numeric,
    Float4,
    Float8,
    Text,
    Date,
    Timestamp,
    TimestampTz,
    Time,
    Interval,
    Uuid,
    Json,
    Jsonb,
    /// What no rule of ours knows: lists, rows, bytes.
    Other,
    /// An argument of any type; no value has it.
    Any,
}

/// What types are alike, PostgreSQL's `typcategory`: of an overloaded function's candidates those of one category win together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Boolean,
    Number,
    Text,
    Moment,
    Timespan,
    User,
    Other,
}

impl Kind {
    pub(crate) fn of(ty: &DataType) -> Self {
        match ty {
            DataType::Null => Self::Unknown,
            DataType::Boolean => Self::Boolean,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::Int2,
            DataType::Int32 | DataType::UInt16 => Self::Int4,
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::Int8,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => Self::Numeric,
            DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Time64(_) | DataType::Time32(_) => Self::Time,
            DataType::Interval(_) | DataType::Duration(_) => Self::Interval,
            DataType::FixedSizeBinary(16) => Self::Uuid,
            DataType::Struct(fields) => Self::carried_by(fields),
            _ => Self::Other,
        }
    }

    /// The type that a struct of one text stands for.
    fn carried_by(fields: &Fields) -> Self {
        match fields.iter().as_slice() {
            [only] if only.name() == JSON => Self::Json,
            [only] if only.name() == JSONB => Self::Jsonb,
            _ => Self::Other,
        }
    }

    /// The Arrow type that values of it have here. Numerics without a scale get the open one.
    pub(crate) fn arrow(self) -> DataType {
        match self {
            Self::Unknown | Self::Text | Self::Other | Self::Any => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Numeric => OPEN_NUMERIC,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => timestamptz(),
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Uuid => DataType::FixedSizeBinary(16),
            Self::Json => carrier(JSON),
            Self::Jsonb => carrier(JSONB),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Boolean => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Numeric => "numeric",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp without time zone",
            Self::TimestampTz => "timestamp with time zone",
            Self::Time => "time without time zone",
            Self::Interval => "interval",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Other => "another type",
            Self::Any => "\"any\"",
        }
    }

    pub(crate) fn category(self) -> Category {
        match self {
            Self::Boolean => Category::Boolean,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Numeric | Self::Float4 | Self::Float8 => {
                Category::Number
            }
            Self::Text => Category::Text,
            Self::Date | Self::Timestamp | Self::TimestampTz | Self::Time => Category::Moment,
            Self::Interval => Category::Timespan,
            Self::Uuid | Self::Json | Self::Jsonb => Category::User,
            Self::Unknown | Self::Other | Self::Any => Category::Other,
        }
    }

    /// Whether it is the type that its category prefers, PostgreSQL's `typispreferred`.
    pub(crate) fn is_preferred(self) -> bool {
        matches!(
            self,
            Self::Boolean | Self::Float8 | Self::Text | Self::TimestampTz | Self::Interval
        )
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    pub(crate) fn is_number(self) -> bool {
        self.is_integer() || self.is_float() || self == Self::Numeric
    }

    pub(crate) fn is_moment(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampTz)
    }

    /// Whether a value of this type may stand where `target` is expected, without a cast.
    pub(crate) fn casts_implicitly_to(self, target: Self) -> bool {
        self == target
            || self == Self::Unknown
            || target == Self::Any
            || (self.is_number() && target.is_number() && self < target)
            || (self.is_moment() && target.is_moment() && self < target)
            || (self == Self::Time && target == Self::Interval)
    }

    /// The type in which values of both are compared or combined; `None` when PostgreSQL has none.
    pub(crate) fn common(self, other: Self) -> Option<Self> {
        let (low, high) = if self <= other {
            (self, other)
        } else {
            (other, self)
        };
        let related = low == high
            || low == Self::Unknown
            || (low.is_number() && high.is_number())
            || (low.is_moment() && high.is_moment());
        (related && high != Self::Other).then_some(high)
    }
}

/// The name of the only field of a struct that carries texts of type `json`.
const JSON: &str = "pg.json";
const JSONB: &str = "pg.jsonb";

/// The Arrow type of values that Arrow has no type for: a struct of one text, which no operation mistakes for a text.
fn carrier(name: &str) -> DataType {
    DataType::Struct(Fields::from(vec![Field::new(name, DataType::Utf8, true)]))
}

/// A type of PostgreSQL that Arrow has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// `json`, as a struct of its text.
    Json,
    /// `jsonb`, as a struct of its printed text.
    Jsonb,
    /// `uuid`, as 16 bytes.
    Uuid,
}

impl Carried {
    /// The Arrow type that values have.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Json => Kind::Json.arrow(),
            Self::Jsonb => Kind::Jsonb.arrow(),
            Self::Uuid => Kind::Uuid.arrow(),
        }
    }
}

/// The type of PostgreSQL that an Arrow type stands for, where Arrow has none of the kind.
#[must_use]
pub fn carried_type(ty: &DataType) -> Option<Carried> {
    Some(match Kind::of(ty) {
        Kind::Json => Carried::Json,
        Kind::Jsonb => Carried::Jsonb,
        Kind::Uuid => Carried::Uuid,
        _ => return None,
    })
}

/// Texts as values of `ty`, if that is carried by texts; else as they are.
pub(crate) fn carried(ty: &DataType, texts: ArrayRef) -> Result<ArrayRef> {
    match (Kind::of(ty), ty) {
        (Kind::Json | Kind::Jsonb, DataType::Struct(fields)) => {
            let nulls = texts.nulls().cloned();
            Ok(Arc::new(StructArray::try_new(
                fields.clone(),
                vec![texts],
                nulls,
            )?))
        }
        _ => Ok(texts),
    }
}

/// The texts that carry values of `json` or `jsonb`.
#[must_use]
pub fn carrying(array: &ArrayRef) -> Option<ArrayRef> {
    let rows = array.as_struct_opt()?;
    if !matches!(Kind::of(array.data_type()), Kind::Json | Kind::Jsonb) {
        return None;
    }
    let texts = rows.columns().first()?;
    let nulls = NullBuffer::union(texts.nulls(), rows.nulls());
    let data = texts.to_data().into_builder().nulls(nulls).build().ok()?;
    Some(make_array(data))
}

/// One text as a value of `ty`.
pub(crate) fn carried_scalar(ty: &DataType, text: String) -> Result<ScalarValue> {
    let array = carried(ty, Arc::new(StringArray::from(vec![text])))?;
    ScalarValue::try_from_array(&array, 0)
}

/// PostgreSQL's name of a type.
pub(crate) fn type_name(ty: &DataType) -> String {
    match ty {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            match type_name(item.data_type()) {
                // One type stands for arrays of any number of dimensions.
                array if array.ends_with("[]") => array,
                item => format!("{item}[]"),
            }
        }
        DataType::Struct(_) if Kind::of(ty) == Kind::Other => "record".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytea".to_owned(),
        ty => Kind::of(ty).name().to_owned(),
    }
}

pub(crate) fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

/// Precision and scale of a number as a numeric; `None` for what has no fixed scale.
pub(crate) fn decimal_shape(ty: &DataType) -> Option<(u8, i8)> {
    Some(match ty {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => (5, 0),
        DataType::Int32 | DataType::UInt16 => (10, 0),
        DataType::Int64 | DataType::UInt32 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => (*p, *s),
        _ => return None,
    })
}

/// A numeric type that holds the values of both.
pub(crate) fn wider_decimal(left: (u8, i8), right: (u8, i8)) -> DataType {
    let scale = left.1.max(right.1);
    let whole = |(precision, scale): (u8, i8)| i16::from(precision) - i16::from(scale);
    let precision = whole(left).max(whole(right)) + i16::from(scale);
    DataType::Decimal128(u8::try_from(precision.clamp(1, 38)).unwrap_or(38), scale)
}

/// The Arrow type in which values of several types are combined, by the same rules as [`Kind::common`].
pub(crate) fn common_type<'a>(types: impl IntoIterator<Item = &'a DataType>) -> Option<DataType> {
    let mut common: Option<DataType> = None;
    for ty in types {
        common = Some(match common {
            None => ty.clone(),
            Some(DataType::Null) => ty.clone(),
            Some(known) if known == *ty || ty.is_null() => known,
            Some(known) => match Kind::of(&known).common(Kind::of(ty))? {
                Kind::Numeric => wider_decimal(decimal_shape(&known)?, decimal_shape(ty)?),
                kind => kind.arrow(),
            },
        });
    }
    common
}

/// An expression and its type.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) ty: DataType,
}

impl Typed {
    /// A quoted literal has no type of its own yet.
    pub(crate) fn kind(&self) -> Kind {
        if is_unknown(&self.expr) {
            Kind::Unknown
        } else {
            Kind::of(&self.ty)
        }
    }

    /// Its type as an error names it.
    pub(crate) fn type_name(&self) -> String {
        match self.kind() {
            Kind::Unknown => "unknown".to_owned(),
            _ => type_name(&self.ty),
        }
    }
}

/// Whether `expr` is NULL or a quoted literal.
pub(crate) fn is_unknown(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.data_type().is_null() || value.try_as_str().is_some(),
        Expr::Alias(alias) => is_unknown(&alias.expr),
        _ => false,
    }
}

/// 0A000.
pub(crate) fn unsupported(message: impl Into<String>) -> DataFusionError {
    DataFusionError::from(Error::new(sqlstate::NOT_SUPPORTED, message))
}

/// Any error with a SQLSTATE, as DataFusion carries it.
pub(crate) fn fault(sqlstate: &'static str, message: impl Into<String>) -> DataFusionError {
    DataFusionError::from(Error::new(sqlstate, message))
}

/// 22003 as PostgreSQL words it.
pub(crate) fn out_of_range(kind: Kind) -> DataFusionError {
    fault("22003", format!("{} out of range", kind.name()))
}

/// 22P02 as PostgreSQL words it.
pub(crate) fn invalid_text(kind: Kind, text: &str) -> DataFusionError {
    fault(
        "22P02",
        format!("invalid input syntax for type {}: \"{text}\"", kind.name()),
    )
}

/// What PostgreSQL skips around a value.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}
