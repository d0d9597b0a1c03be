//! The functions around a column, as steps that keep its order.
//!
//! Owns: which functions are steps. Does not own: what a step does to a value, and the bounds; see the parent module.
//! Invariant: a function that does not keep the order of all values is no step. Start at [`chain_of`].

use std::cmp::Ordering;
use std::sync::Arc;

use causeway_core::{ColumnType, Table};
use causeway_postgres::Zone;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::super::calendar::Unit;
use super::super::column_index;
use super::super::literal::{literal_of, text_of};

/// A column inside functions that keep its order.
pub(super) struct Chain {
    pub(super) column: usize,
    pub(super) ty: ColumnType,
    pub(super) steps: Vec<Step>,
    pub(super) to: DataType,
}

/// What one function does to a value.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Times(i128),
    /// Division that drops the remainder, towards zero as the engine does it.
    Cut(i128),
    /// Division that rounds down.
    Floor(i128),
    Add(i128),
    Double,
    Single,
    /// The start of a unit, in ticks of this many a day.
    Start(Unit, i128),
    Year,
    /// A moment as the local time of a zone. It keeps no order where clocks are set back.
    Local(Arc<Zone>),
    /// A local midnight as a moment. Midnights follow one another in every zone.
    Midnight(Arc<Zone>),
}

pub(super) const MICROS_PER_DAY: i128 = 86_400_000_000;

fn ticks_per_day(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => MICROS_PER_DAY / 1_000_000,
        TimeUnit::Millisecond => MICROS_PER_DAY / 1000,
        TimeUnit::Microsecond => MICROS_PER_DAY,
        TimeUnit::Nanosecond => MICROS_PER_DAY * 1000,
    }
}

/// The column inside an expression, and the steps around it.
///
/// # Errors
/// Why the engine evaluates the expression.
pub(super) fn chain_of(table: &Table, expr: &Expr) -> Result<Chain, &'static str> {
    match expr {
        Expr::Alias(alias) => chain_of(table, &alias.expr),
        Expr::Column(_) => {
            let column = column_index(table, expr).ok_or("it is no column of the table")?;
            let ty = table
                .columns
                .get(column)
                .map(|column| column.ty)
                .ok_or("it is no column of the table")?;
            if ty == ColumnType::Float64 {
                return Err("doubles are rounded here");
            }
            // Bounds are searched among 64-bit values, which decimals exceed.
            if matches!(ty, ColumnType::Decimal { .. }) {
                return Err("the engine computes with decimals");
            }
            Ok(Chain {
                column,
                ty,
                steps: Vec::new(),
                to: ty.arrow(),
            })
        }
        Expr::Cast(cast) => {
            let mut chain = chain_of(table, &cast.expr)?;
            let to = cast.field.data_type();
            let step = cast_step(&chain.to, to)?;
            chain.steps.extend(step);
            chain.to = to.clone();
            Ok(chain)
        }
        Expr::ScalarFunction(function) => match (function.name(), function.args.as_slice()) {
            ("date_trunc", [unit, value]) => truncated(chain_of(table, value)?, unit),
            ("date_trunc", [unit, value, zone]) => truncated_in(chain_of(table, value)?, unit, zone),
            ("timezone", [zone, value]) => zoned(chain_of(table, value)?, zone),
            ("extract", [part, value]) => year(chain_of(table, value)?, part, None),
            ("date_part", [part, value]) => year(chain_of(table, value)?, part, Some(Step::Double)),
            ("moment_add", [left, right]) => match (literal_of(left), literal_of(right)) {
                (None, Some(interval)) => shifted(chain_of(table, left)?, interval, 1),
                (Some(interval), None) => shifted(chain_of(table, right)?, interval, 1),
                _ => Err("the engine computes this"),
            },
            ("moment_subtract", [value, interval]) => {
                let interval = literal_of(interval).ok_or("the engine computes this")?;
                shifted(chain_of(table, value)?, interval, -1)
            }
            _ => Err("the engine evaluates this function"),
        },
        _ => Err("the engine evaluates this expression"),
    }
}

fn is_utc(zone: Option<&str>) -> bool {
    zone.is_none_or(|zone| matches!(zone, "UTC" | "+00:00" | "Z"))
}

/// The cast, when it keeps the order and can't fail for a value of the column.
fn cast_step(from: &DataType, to: &DataType) -> Result<Option<Step>, &'static str> {
    Ok(match (from, to) {
        (from, to) if from == to => None,
        (DataType::Int32, DataType::Int64) => None,
        (DataType::Int32 | DataType::Int64, DataType::Float64) => Some(Step::Double),
        (DataType::Int32 | DataType::Int64, DataType::Float32) => Some(Step::Single),
        (DataType::Int32 | DataType::Int64, DataType::Decimal128(precision, scale)) => {
            let digits = u32::try_from(*scale).map_err(|_| "the engine rounds to tens here")?;
            if u32::from(*precision) < digits + 19 {
                return Err("the cast may fail for some rows");
            }
            Some(Step::Times(10_i128.pow(digits)))
        }
        (DataType::Decimal128(from, old), DataType::Decimal128(to, new)) if new >= old => {
            let (from, to) = (
                i16::from(*from) - i16::from(*old),
                i16::from(*to) - i16::from(*new),
            );
            if to < from {
                return Err("the cast may fail for some rows");
            }
            let digits = u32::try_from(*new - *old).map_err(|_| "the engine rounds to tens here")?;
            Some(Step::Times(10_i128.pow(digits)))
        }
        (DataType::Date32, DataType::Timestamp(unit, zone)) if is_utc(zone.as_deref()) => {
            Some(Step::Times(ticks_per_day(*unit)))
        }
        (DataType::Timestamp(unit, zone), DataType::Date32) if is_utc(zone.as_deref()) => {
            Some(Step::Floor(ticks_per_day(*unit)))
        }
        (DataType::Timestamp(from, a), DataType::Timestamp(to, b))
            if is_utc(a.as_deref()) && is_utc(b.as_deref()) =>
        {
            let (from, to) = (ticks_per_day(*from), ticks_per_day(*to));
            match from.cmp(&to) {
                Ordering::Less => Some(Step::Times(to / from)),
                Ordering::Equal => None,
                Ordering::Greater => Some(Step::Cut(from / to)),
            }
        }
        (_, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            return Err("values are compared as text here, not as what they are");
        }
        (DataType::Utf8, _) => return Err("text is read as another type here"),
        (_, DataType::Time64(_) | DataType::Time32(_)) => return Err("the time of day is no range"),
        _ => return Err("the engine evaluates this cast"),
    })
}

fn truncated(mut chain: Chain, unit: &Expr) -> Result<Chain, &'static str> {
    let DataType::Timestamp(ticks, zone) = &chain.to else {
        return Err("only a timestamp is cut to a range");
    };
    if !is_utc(zone.as_deref()) {
        return Err("the zone is not UTC");
    }
    let unit = literal_of(unit)
        .and_then(text_of)
        .and_then(|name| Unit::parse(&name))
        .ok_or("the engine cuts to this unit")?;
    chain.steps.push(Step::Start(unit, ticks_per_day(*ticks)));
    Ok(chain)
}

fn named_zone(zone: &Expr) -> Result<Arc<Zone>, &'static str> {
    let name = literal_of(zone)
        .and_then(text_of)
        .ok_or("the engine looks the zone up")?;
    Zone::asked(&name)
        .map(Arc::new)
        .map_err(|_| "the zone is not known")
}

const LOCAL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn is_moment(ty: &DataType) -> bool {
    matches!(ty, DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if is_utc(Some(zone)))
}

/// A moment as a local time, or a date's midnight as a moment. Other local times keep no order: clocks are set forward.
fn zoned(mut chain: Chain, zone: &Expr) -> Result<Chain, &'static str> {
    let zone = named_zone(zone)?;
    if is_moment(&chain.to) {
        if chain.steps.iter().any(|step| matches!(step, Step::Midnight(_))) {
            return Err("the engine computes with several zones");
        }
        chain.steps.push(Step::Local(zone));
        chain.to = LOCAL;
        return Ok(chain);
    }
    let is_midnight =
        chain.ty == ColumnType::Date && matches!(chain.steps.as_slice(), [Step::Times(MICROS_PER_DAY)]);
    if chain.to != LOCAL || !is_midnight {
        return Err("local times are no range where clocks are set forward");
    }
    chain.steps.push(Step::Midnight(zone));
    chain.to = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Ok(chain)
}

/// Days and more, whose starts are midnights.
fn truncated_in(chain: Chain, unit: &Expr, zone: &Expr) -> Result<Chain, &'static str> {
    if !is_moment(&chain.to) {
        return Err("only a timestamp is cut to a range");
    }
    let to = chain.to.clone();
    let is_of_days = literal_of(unit)
        .and_then(text_of)
        .and_then(|name| Unit::parse(&name));
    match is_of_days {
        Some(Unit::Fixed(micros)) if micros < MICROS_PER_DAY => {
            return Err("hours of a zone are no range where clocks are set back");
        }
        _ => {}
    }
    let mut chain = truncated(zoned(chain, zone)?, unit)?;
    chain.steps.push(Step::Midnight(named_zone(zone)?));
    chain.to = to;
    Ok(chain)
}

/// The year as numeric or, with a step to it, as double precision.
fn year(mut chain: Chain, part: &Expr, to_double: Option<Step>) -> Result<Chain, &'static str> {
    let part = literal_of(part)
        .and_then(text_of)
        .ok_or("the engine extracts this part")?;
    if !part.eq_ignore_ascii_case("year") {
        return Err("of the parts of a date only the year is a range");
    }
    match &chain.to {
        DataType::Date32 => {}
        DataType::Timestamp(unit, zone) if is_utc(zone.as_deref()) => {
            chain.steps.push(Step::Floor(ticks_per_day(*unit)));
        }
        _ => return Err("the engine extracts this part"),
    }
    chain.steps.push(Step::Year);
    chain.to = match &to_double {
        None => DataType::Decimal128(20, 0),
        Some(_) => DataType::Float64,
    };
    chain.steps.extend(to_double);
    Ok(chain)
}

/// A date or timestamp plus or minus days and fixed times. Months are of several lengths: adding them to a timestamp keeps no order.
fn shifted(mut chain: Chain, interval: &ScalarValue, sign: i128) -> Result<Chain, &'static str> {
    if let (DataType::Date32, ScalarValue::Int32(Some(days))) = (&chain.to, interval) {
        chain.steps.push(Step::Add(sign * i128::from(*days)));
        return Ok(chain);
    }
    let ScalarValue::IntervalMonthDayNano(Some(interval)) = interval else {
        return Err("the engine computes with numbers, since they may overflow");
    };
    if interval.months != 0 {
        return Err("months differ in length, so the engine adds them");
    }
    let per_day = match &chain.to {
        // A date and an interval make a timestamp.
        DataType::Date32 => {
            chain.steps.push(Step::Times(MICROS_PER_DAY));
            chain.to = DataType::Timestamp(TimeUnit::Microsecond, None);
            MICROS_PER_DAY
        }
        DataType::Timestamp(unit, zone) if is_utc(zone.as_deref()) => ticks_per_day(*unit),
        _ => return Err("the engine computes this"),
    };
    let nanos_per_tick = MICROS_PER_DAY * 1000 / per_day;
    let nanos = i128::from(interval.nanoseconds);
    if nanos % nanos_per_tick != 0 {
        return Err("the interval is finer than the column");
    }
    let change = i128::from(interval.days) * per_day + nanos / nanos_per_tick;
    chain.steps.push(Step::Add(sign * change));
    Ok(chain)
}
