//! Values as text by a pattern, and back (PostgreSQL, "Data Type Formatting Functions").
//!
//! Owns: `to_char`, `to_date`, `to_timestamp(text, text)`, `to_number`. Does not own: what a pattern says; see `moment_template` and
//! `number_template`. Invariant: a pattern is compiled once where it repeats from row to row. Start at [`FUNCTIONS`].

mod moment_fields;
mod moment_template;
mod moment_text;
mod moment_values;
mod number_digits;
mod number_template;
mod number_text;
mod number_values;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
};
use datafusion::common::Result;

use self::moment_template::Part;
use self::moment_text::Moment;
use self::number_template::NumberTemplate;
use super::datetime::arithmetic::{Interval, Stamp};
use super::datetime::calendar::{checked_date, checked_micros, checked_timestamp};
use super::datetime::intervals::Span;
use super::datetime::zone::Zone;
use super::decimals;
use super::overload::{Call, Overload};
use crate::types::Kind::{self, Date, Float4, Float8, Int4, Int8, Numeric, Text, Timestamp, TimestampTz};

pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("to_char", &[Timestamp, Text], Text, |call| {
        let moments = call.values::<Stamp>(0)?;
        written(call, |row, template, out| {
            moment_text::write(&Moment::of_local(moments.value(row)), template, out)
        })
    }),
    Overload::new("to_char", &[TimestampTz, Text], Text, |call| {
        let moments = call.values::<Stamp>(0)?;
        let zone = Zone::of_session(call.config)?;
        written(call, |row, template, out| {
            moment_text::write(&Moment::in_zone(moments.value(row), &zone)?, template, out)
        })
    })
    .stable(),
    Overload::new("to_char", &[Kind::Interval, Text], Text, |call| {
        let spans = call.values::<Interval>(0)?;
        written(call, |row, template, out| {
            moment_text::write(&Moment::of_span(Span::of(spans.value(row))), template, out)
        })
    }),
    Overload::new("to_char", &[Int4, Text], Text, |call| {
        let values = call.values::<Int32Type>(0)?;
        numbers(call, |row, template| {
            number_text::of_small_integer(values.value(row), template)
        })
    }),
    Overload::new("to_char", &[Int8, Text], Text, |call| {
        let values = call.values::<Int64Type>(0)?;
        numbers(call, |row, template| {
            number_text::of_integer(values.value(row), template)
        })
    }),
    Overload::new("to_char", &[Numeric, Text], Text, |call| {
        let values = call.values::<Decimal128Type>(0)?;
        let scale = values.scale();
        numbers(call, |row, template| {
            number_text::of_decimal(values.value(row), scale, template)
        })
    }),
    Overload::new("to_char", &[Float4, Text], Text, |call| {
        let values = call.values::<Float32Type>(0)?;
        numbers(call, |row, template| {
            number_text::of_float(f64::from(values.value(row)), 6, template)
        })
    }),
    Overload::new("to_char", &[Float8, Text], Text, |call| {
        let values = call.values::<Float64Type>(0)?;
        numbers(call, |row, template| {
            number_text::of_float(values.value(row), 15, template)
        })
    }),
    Overload::new("to_date", &[Text, Text], Date, |call| {
        let texts = call.texts(0)?;
        let mut templates = Templates::new(call, 1, moment_template::compiled)?;
        call.primitives_of::<Date32Type>(|row| {
            let read = moment_values::read(texts.value(row), templates.at(row)?)?;
            checked_date(read.day).map(Some)
        })
    }),
    Overload::new("to_timestamp", &[Text, Text], TimestampTz, |call| {
        let texts = call.texts(0)?;
        let zone = Zone::of_session(call.config)?;
        let mut templates = Templates::new(call, 1, moment_template::compiled)?;
        call.primitives_of::<Stamp>(|row| {
            let read = moment_values::read(texts.value(row), templates.at(row)?)?;
            let local = checked_timestamp(read.day, read.micros)?;
            match read.east {
                Some(east) => checked_micros(i128::from(local) - i128::from(east) * 1_000_000).map(Some),
                None => zone.moment(local).map(Some),
            }
        })
    })
    .stable(),
    Overload::new("to_number", &[Text, Text], Numeric, |call| {
        let texts = call.texts(0)?;
        let mut templates = Templates::new(call, 1, NumberTemplate::compiled)?;
        let patterns = call.texts(1)?;
        call.primitives_of::<Decimal128Type>(|row| {
            if patterns.value(row).is_empty() {
                return Ok(None);
            }
            let (value, scale) = number_values::read(texts.value(row), templates.at(row)?)?;
            decimals::opened(value, scale).map(Some)
        })
    })
    .giving(|_| Numeric.arrow()),
];

/// Patterns, compiled once where they repeat from row to row.
struct Templates<T> {
    patterns: StringArray,
    compile: fn(&str) -> Result<T>,
    last: Option<(usize, T)>,
}

impl<T> Templates<T> {
    fn new(call: &Call, at: usize, compile: fn(&str) -> Result<T>) -> Result<Self> {
        Ok(Self {
            patterns: call.texts(at)?,
            compile,
            last: None,
        })
    }

    fn at(&mut self, row: usize) -> Result<&T> {
        let pattern = self.patterns.value(row);
        let is_known = matches!(&self.last, Some((known, _)) if self.patterns.value(*known) == pattern);
        let template = match self.last.take() {
            Some((_, template)) if is_known => template,
            _ => (self.compile)(pattern)?,
        };
        Ok(&self.last.insert((row, template)).1)
    }
}

fn written(
    call: &Call,
    mut write: impl FnMut(usize, &[Part], &mut String) -> Result<()>,
) -> Result<ArrayRef> {
    let mut templates = Templates::new(call, 1, moment_template::compiled)?;
    call.texts_of(|row, out| {
        let template = templates.at(row)?;
        if template.is_empty() {
            return Ok(false);
        }
        write(row, template, out)?;
        Ok(true)
    })
}

fn numbers(call: &Call, mut print: impl FnMut(usize, &NumberTemplate) -> Result<String>) -> Result<ArrayRef> {
    let mut templates = Templates::new(call, 1, NumberTemplate::compiled)?;
    call.texts_of(|row, out| {
        let template = templates.at(row)?;
        out.push_str(&print(row, template)?);
        Ok(true)
    })
}
