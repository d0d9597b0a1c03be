//! Fields of moments: `extract` and `date_part`.
//!
//! Owns: fields. Does not own: how a moment is cut to a unit, see `truncate`; names of units, see `units`.
//! Invariant: fields that have a range as their preimage say so (`preimages`). Start at [`Extract`].

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Float64Array, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, FieldRef, Time64MicrosecondType,
};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::arithmetic::{Interval, Stamp};
use super::calendar::{self, Civil, DAY, HOUR, MINUTE, UNIX_JULIAN};
use super::intervals::Span;
use super::units::{Unit, not_supported};
use super::zone::Zone;
use crate::functions::row_wise::{self, argument};
use crate::functions::{decimals, preimages};
use crate::types::{Kind, unsupported};

/// `extract(field FROM moment)` as numeric and `date_part(field, moment)` as double precision.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extract {
    as_double: bool,
    signature: Signature,
}

impl Extract {
    pub(crate) fn new(as_double: bool) -> Self {
        Self {
            as_double,
            // Ranges are made of immutable functions only. Where the session's zone matters, `typing` writes it into the argument.
            signature: Signature::any(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &str {
        if self.as_double { "date_part" } else { "extract" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the field decides".to_owned()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        if self.as_double {
            return Ok(Arc::new(Field::new(self.name(), DataType::Float64, true)));
        }
        let field = args.scalar_arguments.first().copied().flatten();
        let field = field.and_then(|value| value.try_as_str());
        let Some(field) = field else {
            return Err(unsupported("the field of extract must be a constant"));
        };
        let kind = args
            .arg_fields
            .get(1)
            .map_or(Kind::Other, |field| Kind::of(field.data_type()));
        let scale = field
            .and_then(Unit::named)
            .map_or(0, |unit| field_scale(unit, kind));
        let precision = if kind == Kind::Interval && scale > 0 {
            30
        } else {
            20
        };
        let ty = DataType::Decimal128(precision, scale);
        Ok(Arc::new(Field::new(self.name(), ty, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = args.return_type().clone();
        let zone = Zone::of_session(&args.config_options)?;
        row_wise::over_arrays(&args, |arrays| {
            let fields = row_wise::texts(argument(arrays, 0)?)?;
            let moments = argument(arrays, 1)?;
            let kind = Kind::of(moments.data_type());
            let mut values = Vec::with_capacity(moments.len());
            let mut known: Option<(String, Unit)> = None;
            for row in 0..moments.len() {
                if moments.is_null(row) || fields.is_null(row) {
                    values.push(None);
                    continue;
                }
                let name = fields.value(row);
                let unit = match &known {
                    Some((last, unit)) if last == name => *unit,
                    _ => {
                        let unit = Unit::of(name, kind)?;
                        known = Some((name.to_owned(), unit));
                        unit
                    }
                };
                if unit == Unit::Julian && kind != Kind::Date {
                    if !self.as_double {
                        return Err(unsupported("extract(julian) is supported of dates only"));
                    }
                    values.push(Some(Field64::Double(julian(moments, row, &zone)?)));
                    continue;
                }
                let value = part(unit, moments, row, &zone)?.ok_or_else(|| not_supported(name, kind))?;
                values.push(Some(Field64::Whole(value, field_scale(unit, kind))));
            }
            if self.as_double {
                let doubles = values.into_iter().map(|value| value.map(Field64::double));
                return Ok(Arc::new(doubles.collect::<Float64Array>()) as ArrayRef);
            }
            let numerics = values.into_iter().map(|value| value.map(Field64::whole));
            let numerics: PrimitiveArray<Decimal128Type> = numerics.collect();
            Ok(Arc::new(numerics.with_data_type(result.clone())) as ArrayRef)
        })
    }

    fn preimage(&self, args: &[Expr], value: &Expr, context: &SimplifyContext) -> Result<PreimageResult> {
        let [field, moment] = args else {
            return Ok(PreimageResult::None);
        };
        let ty = context.get_data_type(moment)?;
        let is_local =
            Kind::of(&ty) != Kind::TimestampTz || Zone::of_session(context.config_options())?.is_utc();
        let field = field.as_literal().and_then(|field| field.try_as_str().flatten());
        match field.and_then(Unit::named) {
            Some(Unit::Year) if is_local => preimages::of_year(moment, &ty, value),
            _ => Ok(PreimageResult::None),
        }
    }
}

/// A field's value.
enum Field64 {
    /// A whole number of 10^-scale.
    Whole(i128, i8),
    Double(f64),
}

impl Field64 {
    fn double(self) -> f64 {
        match self {
            Self::Whole(value, scale) => decimals::to_float(value, scale),
            Self::Double(value) => value,
        }
    }

    fn whole(self) -> i128 {
        match self {
            Self::Whole(value, _) => value,
            Self::Double(_) => 0,
        }
    }
}

/// Digits after the point that a field has.
fn field_scale(unit: Unit, kind: Kind) -> i8 {
    match unit {
        Unit::Second => 6,
        Unit::Epoch if kind != Kind::Date => 6,
        Unit::Millisecond => 3,
        _ => 0,
    }
}

#[allow(clippy::cast_precision_loss, reason = "as PostgreSQL computes it")]
fn julian(moments: &ArrayRef, row: usize, zone: &Zone) -> Result<f64> {
    let micros = row_wise::primitives::<Stamp>(moments)?.value(row);
    let local = match Kind::of(moments.data_type()) {
        Kind::TimestampTz => zone.local(micros)?,
        _ => micros,
    };
    let (day, time) = calendar::split(local);
    Ok((day + UNIX_JULIAN) as f64 + time as f64 / DAY as f64)
}

/// A field's value as a whole number of 10^-[`field_scale`]; `None` when the type has no such field.
fn part(unit: Unit, array: &ArrayRef, row: usize, zone: &Zone) -> Result<Option<i128>> {
    let found = match Kind::of(array.data_type()) {
        Kind::Date => date_field(
            unit,
            i64::from(row_wise::primitives::<Date32Type>(array)?.value(row)),
        ),
        Kind::Timestamp => stamp_field(unit, row_wise::primitives::<Stamp>(array)?.value(row)),
        Kind::TimestampTz => {
            let micros = row_wise::primitives::<Stamp>(array)?.value(row);
            match zone_field(unit, zone.offset_at(micros)) {
                Some(field) => Some(field),
                None if unit == Unit::Epoch => Some(micros),
                None => stamp_field(unit, zone.local(micros)?),
            }
        }
        Kind::Time => {
            let micros = row_wise::primitives::<Time64MicrosecondType>(array)?.value(row);
            if unit == Unit::Epoch {
                Some(micros)
            } else {
                clock_field(unit, micros)
            }
        }
        Kind::Interval => {
            let span = Span::of(row_wise::primitives::<Interval>(array)?.value(row));
            return Ok(interval_field(unit, span));
        }
        _ => None,
    };
    Ok(found.map(i128::from))
}

fn zone_field(unit: Unit, offset: i32) -> Option<i64> {
    let offset = i64::from(offset);
    Some(match unit {
        Unit::Zone => offset,
        Unit::ZoneHour => offset / 3600,
        Unit::ZoneMinute => offset % 3600 / 60,
        _ => return None,
    })
}

fn calendar_field(unit: Unit, days: i64) -> Option<i64> {
    let date = Civil::of(days);
    let year = date.year;
    let shown = |year: i64| if year <= 0 { year - 1 } else { year };
    let back = |unit: i64| -((unit - 1 - (year - 1)) / unit);
    Some(match unit {
        Unit::Year => shown(year),
        Unit::Month => date.month,
        Unit::Day => date.day,
        Unit::Weekday => calendar::weekday(days),
        Unit::IsoWeekday => (calendar::weekday(days) + 6) % 7 + 1,
        Unit::DayOfYear => calendar::day_of_year(days),
        Unit::Week => calendar::iso_week(days).1,
        Unit::IsoYear => shown(calendar::iso_week(days).0),
        Unit::Quarter => (date.month - 1) / 3 + 1,
        Unit::Decade => year.div_euclid(10),
        Unit::Century if year > 0 => (year + 99) / 100,
        Unit::Century => back(100),
        Unit::Millennium if year > 0 => (year + 999) / 1000,
        Unit::Millennium => back(1000),
        Unit::Julian => days + UNIX_JULIAN,
        _ => return None,
    })
}

fn clock_field(unit: Unit, time: i64) -> Option<i64> {
    Some(match unit {
        Unit::Hour => time / HOUR,
        Unit::Minute => time / MINUTE % 60,
        Unit::Second | Unit::Millisecond | Unit::Microsecond => time % MINUTE,
        _ => return None,
    })
}

fn date_field(unit: Unit, days: i64) -> Option<i64> {
    match unit {
        Unit::Epoch => Some(days * 86_400),
        unit => calendar_field(unit, days),
    }
}

fn stamp_field(unit: Unit, micros: i64) -> Option<i64> {
    if unit == Unit::Epoch {
        return Some(micros);
    }
    let (day, time) = calendar::split(micros);
    clock_field(unit, time).or_else(|| calendar_field(unit, day))
}

fn interval_field(unit: Unit, span: Span) -> Option<i128> {
    let found = match unit {
        Unit::Epoch => {
            // A year counts 365.25 days here, a month 30.
            let day = i128::from(DAY);
            let years = i128::from(span.months / 12) * 1461 * day / 4;
            let rest = i128::from(span.months % 12 * 30 + span.days) * day;
            return Some(years + rest + i128::from(span.micros));
        }
        Unit::Year => span.months / 12,
        Unit::Month => span.months % 12,
        Unit::Quarter => span.months % 12 / 3 + 1,
        Unit::Decade => span.months / 120,
        Unit::Century => span.months / 1200,
        Unit::Millennium => span.months / 12_000,
        Unit::Day => span.days,
        _ => return clock_field(unit, span.micros).map(i128::from),
    };
    Some(i128::from(found))
}
