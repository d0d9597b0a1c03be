//! One JSON value into one Arrow builder.
//!
//! Owns: every [`Syntax`]. Does not own: where values are in a page; see the parent module.
//! Invariant: a value that its syntax can't read is an error, never a guess.

use std::fmt;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::time::{parse_date, parse_time, parse_timestamp};
use crate::{ColumnType, Decimal};

/// How a remote system writes the values of a column. JSON null is always NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Syntax {
    /// `true`, `"true"`, `"1"` and their opposites.
    Boolean,
    /// A number or numeric text, also `5.0`.
    Integer,
    /// A number or numeric text, also `1.0E10`, `NaN`, `Infinity`.
    Float,
    /// A number or numeric text, every digit of it; more digits behind the point than the scale are no value of it.
    Decimal {
        /// Digits behind the point.
        scale: i8,
    },
    /// Text, kept as it is.
    #[default]
    Text,
    /// Any JSON value: text as it is, everything else as its JSON text.
    Json,
    /// `YYYY-MM-DD`.
    Date,
    /// A date and time as [`parse_timestamp`] reads it.
    Timestamp,
    /// A time of day as [`parse_time`] reads it.
    Time,
    /// A duration written as a moment counted from 1970-01-01 00:00:00, as whole seconds.
    DurationSeconds,
}

impl Syntax {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "number",
            Self::Decimal { .. } => "number of that many digits",
            Self::Text | Self::Json => "text",
            Self::Date => "date",
            Self::Timestamp => "date and time",
            Self::Time => "time of day",
            Self::DurationSeconds => "duration",
        }
    }
}

/// Grows one Arrow column.
pub(super) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder, Syntax),
    Float(Float64Builder),
    Decimal(Decimal128Builder, i8),
    Text(StringBuilder, Syntax),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Time(Time64MicrosecondBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(syntax: Syntax) -> Self {
        match syntax {
            Syntax::Boolean => Self::Boolean(BooleanBuilder::new()),
            Syntax::Integer | Syntax::DurationSeconds => Self::Integer(Int64Builder::new(), syntax),
            Syntax::Float => Self::Float(Float64Builder::new()),
            Syntax::Decimal { scale } => {
                let ty = ColumnType::Decimal { scale }.arrow();
                Self::Decimal(Decimal128Builder::new().with_data_type(ty), scale)
            }
            Syntax::Text | Syntax::Json => Self::Text(StringBuilder::new(), syntax),
            Syntax::Date => Self::Date(Date32Builder::new()),
            Syntax::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Syntax::Time => Self::Time(Time64MicrosecondBuilder::new()),
        }
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder, _) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Decimal(builder, _) => builder.append_null(),
            Self::Text(builder, _) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder, _) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder, _) => Arc::new(builder.finish()),
            Self::Text(mut builder, _) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
        }
    }

    /// Appends text; false when it does not fit the column.
    fn append_text(&mut self, text: &str, empty_is_null: bool) -> bool {
        if text.is_empty() && empty_is_null {
            self.append_null();
            return true;
        }
        match self {
            Self::Decimal(builder, scale) => {
                append(decimal_at(text, *scale), |value| builder.append_value(value))
            }
            Self::Text(builder, _) => {
                builder.append_value(text);
                true
            }
            Self::Boolean(builder) => append(text_to_boolean(text), |value| builder.append_value(value)),
            Self::Integer(builder, Syntax::DurationSeconds) => append(
                parse_timestamp(text).map(|micros| micros.div_euclid(1_000_000)),
                |value| builder.append_value(value),
            ),
            Self::Integer(builder, _) => append(text_to_integer(text), |value| builder.append_value(value)),
            Self::Float(builder) => append(text.trim().parse().ok(), |value: f64| {
                builder.append_value(value + 0.0);
            }),
            Self::Date(builder) => append(parse_date(text), |value| builder.append_value(value)),
            Self::Timestamp(builder) => append(parse_timestamp(text), |value| builder.append_value(value)),
            Self::Time(builder) => append(parse_time(text), |value| builder.append_value(value)),
        }
    }

    fn append_integer(&mut self, number: i64) -> bool {
        match self {
            Self::Integer(builder, Syntax::Integer) => builder.append_value(number),
            #[allow(clippy::cast_precision_loss, reason = "the remote type is a double")]
            Self::Float(builder) => builder.append_value(number as f64),
            Self::Text(builder, _) => builder.append_value(number.to_string()),
            _ => return false,
        }
        true
    }

    fn append_float(&mut self, number: f64) -> bool {
        match self {
            Self::Integer(builder, Syntax::Integer) => {
                append(float_to_integer(number), |value| builder.append_value(value))
            }
            Self::Float(builder) => {
                // There is one zero: the engine compares doubles by their bits.
                builder.append_value(number + 0.0);
                true
            }
            Self::Text(builder, _) => {
                builder.append_value(Value::from(number).to_string());
                true
            }
            _ => false,
        }
    }
}

fn append<T>(value: Option<T>, push: impl FnOnce(T)) -> bool {
    value.map(push).is_some()
}

fn decimal_at(text: &str, scale: i8) -> Option<i128> {
    Decimal::parse(text)?.at_scale(scale)
}

fn text_to_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn text_to_integer(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| float_to_integer(text.parse().ok()?))
}

/// A whole number written as a float, within the range where doubles hold every integer.
#[allow(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and within 2^53"
)]
fn float_to_integer(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

/// Reads one value into `builder`; a value that does not fit is remembered in `bad_value`.
pub(super) struct ValueSeed<'b> {
    pub(super) builder: &'b mut ColumnBuilder,
    pub(super) leaf: usize,
    pub(super) empty_is_null: bool,
    pub(super) bad_value: &'b mut Option<(usize, String)>,
}

impl ValueSeed<'_> {
    fn done<E: serde::de::Error>(
        fits: bool,
        leaf: usize,
        bad: &mut Option<(usize, String)>,
        sample: impl FnOnce() -> String,
    ) -> Result<(), E> {
        if fits {
            return Ok(());
        }
        *bad = Some((leaf, clip(sample())));
        Err(E::custom("a value does not fit its column"))
    }
}

fn clip(sample: String) -> String {
    const LONGEST: usize = 60;
    if sample.chars().count() <= LONGEST {
        sample
    } else {
        sample.chars().take(LONGEST).chain(['…']).collect()
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !matches!(
            self.builder,
            ColumnBuilder::Text(_, Syntax::Json) | ColumnBuilder::Decimal(..)
        ) {
            return deserializer.deserialize_any(self);
        }
        // The value as it is written: a number loses digits on the way through a double.
        let raw: Box<RawValue> = serde::Deserialize::deserialize(deserializer)?;
        let value = serde_json::from_str::<Value>(raw.get()).map_err(D::Error::custom)?;
        let fits = match (value, &mut *self.builder) {
            (Value::Null, builder) => {
                builder.append_null();
                true
            }
            (Value::String(text), builder) => builder.append_text(&text, self.empty_is_null),
            (_, ColumnBuilder::Text(builder, _)) => {
                builder.append_value(raw.get());
                true
            }
            (Value::Number(_), builder) => builder.append_text(raw.get(), self.empty_is_null),
            _ => false,
        };
        Self::done(fits, self.leaf, self.bad_value, || raw.get().to_owned())
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.builder.append_null();
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        let fits = match self.builder {
            ColumnBuilder::Boolean(builder) => {
                builder.append_value(value);
                true
            }
            ColumnBuilder::Text(builder, _) => {
                builder.append_value(if value { "true" } else { "false" });
                true
            }
            _ => false,
        };
        Self::done(fits, self.leaf, self.bad_value, || value.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        let fits = self.builder.append_integer(number);
        Self::done(fits, self.leaf, self.bad_value, || number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        #[allow(clippy::cast_precision_loss, reason = "the remote type is a double")]
        let fits = match (i64::try_from(number), &mut *self.builder) {
            (Ok(number), builder) => builder.append_integer(number),
            (Err(_), ColumnBuilder::Text(builder, _)) => {
                builder.append_value(number.to_string());
                true
            }
            (Err(_), builder) => builder.append_float(number as f64),
        };
        Self::done(fits, self.leaf, self.bad_value, || number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        let fits = self.builder.append_float(number);
        Self::done(fits, self.leaf, self.bad_value, || number.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let fits = self.builder.append_text(text, self.empty_is_null);
        Self::done(fits, self.leaf, self.bad_value, || format!("'{text}'"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let value: Value =
            serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        self.structured(&value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let value: Value =
            serde::Deserialize::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))?;
        self.structured(&value)
    }
}

impl ValueSeed<'_> {
    fn structured<E: serde::de::Error>(self, value: &Value) -> Result<(), E> {
        let json = value.to_string();
        let fits = match self.builder {
            ColumnBuilder::Text(builder, _) => {
                builder.append_value(&json);
                true
            }
            _ => false,
        };
        Self::done(fits, self.leaf, self.bad_value, || json)
    }
}
