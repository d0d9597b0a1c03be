//! Comparisons of functions that keep a column's order: casts, `date_trunc`, years, shifts by a fixed interval.
//!
//! Owns: turning such a comparison into bounds of the column. A function that keeps the order maps to values above a constant from a
//! certain key onwards, so bisection over all keys that the column can hold finds the bound; nothing needs to be inverted.
//! Invariant: every [`Step`] is monotone over all of its input, not only where the engine can compute it.

use std::cmp::Ordering;

use causeway_core::{ColumnType, Literal, Op, Predicate, Table};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use super::calendar::{Unit, year_and_month};
use super::column_index;
use super::literal::{integer_of, literal_of, text_of};
use super::shape::{all, any, is, null_test, opaque};

/// A column inside functions that keep its order.
struct Chain {
    column: usize,
    ty: ColumnType,
    steps: Vec<Step>,
    to: DataType,
}

/// A value on the way: whole numbers in units of their type, or a double.
#[derive(Debug, Clone, Copy)]
enum Point {
    Whole(i128),
    Real(f64),
}

#[derive(Debug, Clone, Copy)]
enum Step {
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
}

const MICROS_PER_DAY: i128 = 86_400_000_000;

fn ticks_per_day(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => MICROS_PER_DAY / 1_000_000,
        TimeUnit::Millisecond => MICROS_PER_DAY / 1000,
        TimeUnit::Microsecond => MICROS_PER_DAY,
        TimeUnit::Nanosecond => MICROS_PER_DAY * 1000,
    }
}

impl Step {
    #[allow(clippy::cast_precision_loss, reason = "the rounding is what the cast does")]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the rounding is what the cast does, and it saturates"
    )]
    fn apply(self, point: Point) -> Point {
        match (self, point) {
            (Self::Times(factor), Point::Whole(value)) => Point::Whole(value * factor),
            (Self::Cut(factor), Point::Whole(value)) => Point::Whole(value / factor),
            (Self::Floor(factor), Point::Whole(value)) => Point::Whole(value.div_euclid(factor)),
            (Self::Add(change), Point::Whole(value)) => Point::Whole(value + change),
            (Self::Double, Point::Whole(value)) => Point::Real(value as f64),
            (Self::Single, Point::Whole(value)) => Point::Real(f64::from(value as f32)),
            (Self::Start(Unit::Fixed(micros), per_day), Point::Whole(value)) => {
                let ticks = (micros * per_day / MICROS_PER_DAY).max(1);
                Point::Whole(value.div_euclid(ticks) * ticks)
            }
            (Self::Start(unit, per_day), Point::Whole(value)) => {
                Point::Whole(unit.start(value.div_euclid(per_day)) * per_day)
            }
            (Self::Year, Point::Whole(day)) => {
                let year = year_and_month(day).0;
                // There is no year 0.
                Point::Whole(if year <= 0 { year - 1 } else { year })
            }
            (_, point) => point,
        }
    }
}

/// `expr op value` as bounds of the column inside `expr`.
pub(super) fn compare(table: &Table, expr: &Expr, op: Op, value: &ScalarValue) -> Predicate {
    let chain = match chain_of(table, expr) {
        Ok(chain) => chain,
        Err(reason) => return opaque(reason),
    };
    let Some(target) = target(&chain.to, value) else {
        return opaque("the constant is not of the type that it is compared with");
    };
    let order = |key: i128| {
        let mut point = Point::Whole(key);
        for step in &chain.steps {
            point = step.apply(point);
        }
        match (point, target) {
            (Point::Whole(left), Point::Whole(right)) => left.cmp(&right),
            (Point::Real(left), Point::Real(right)) => left.total_cmp(&right),
            // The types were found to agree.
            _ => Ordering::Equal,
        }
    };
    let keys = keys(chain.ty);
    let bounds = Bounds {
        column: chain.column,
        ty: chain.ty,
        least: keys.0,
        greatest: keys.1,
        reached: first(keys, |key| order(key).is_ge()),
        passed: first(keys, |key| order(key).is_gt()),
    };
    bounds.exact(op)
}

/// The keys of a column type, in its order.
fn keys(ty: ColumnType) -> (i128, i128) {
    match ty {
        ColumnType::Date => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    }
}

/// The first key for which `reached` holds, which must hold for all keys after it.
fn first((mut low, mut high): (i128, i128), reached: impl Fn(i128) -> bool) -> Option<i128> {
    if !reached(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low).div_euclid(2);
        if reached(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// The keys that map to a constant: from the first that reaches it to the one before the first that passes it.
struct Bounds {
    column: usize,
    ty: ColumnType,
    least: i128,
    greatest: i128,
    reached: Option<i128>,
    passed: Option<i128>,
}

impl Bounds {
    fn exact(&self, op: Op) -> Predicate {
        let end = |bound: Option<i128>| bound.unwrap_or(self.greatest + 1);
        match (self.reached, end(self.passed) - end(self.reached)) {
            // One key stands for the constant, so the comparison is as it was.
            (Some(only), 1) => self.leaf(op, only),
            (_, 0) if op == Op::Eq => Predicate::Never,
            (_, 0) if op == Op::NotEq => null_test(self.column, false),
            _ => match op {
                Op::Eq => all(vec![self.from(self.reached), self.below(self.passed)]),
                Op::NotEq => any(vec![self.below(self.reached), self.from(self.passed)]),
                Op::Lt => self.below(self.reached),
                Op::LtEq => self.below(self.passed),
                Op::Gt => self.from(self.passed),
                Op::GtEq => self.from(self.reached),
                _ => opaque("the engine evaluates this operator over casts"),
            },
        }
    }

    fn below(&self, bound: Option<i128>) -> Predicate {
        match bound {
            None => null_test(self.column, false),
            Some(key) if key == self.least => Predicate::Never,
            Some(key) => self.leaf(Op::Lt, key),
        }
    }

    fn from(&self, bound: Option<i128>) -> Predicate {
        match bound {
            None => Predicate::Never,
            Some(key) if key == self.least => null_test(self.column, false),
            Some(key) => self.leaf(Op::GtEq, key),
        }
    }

    fn leaf(&self, op: Op, key: i128) -> Predicate {
        let literal = match self.ty {
            ColumnType::Date => i32::try_from(key).ok().map(Literal::Date),
            ColumnType::Timestamp => i64::try_from(key).ok().map(Literal::Timestamp),
            ColumnType::Int64 => i64::try_from(key).ok().map(Literal::Int),
            ColumnType::Boolean | ColumnType::Float64 | ColumnType::Text | ColumnType::Time => None,
        };
        match literal {
            Some(literal) => is(self.column, op, vec![literal]),
            None => opaque("the bound is no value of the column"),
        }
    }
}

/// The constant as a value of the type that it is compared in. Negative zero sorts below zero here and equals it in SQL.
fn target(to: &DataType, value: &ScalarValue) -> Option<Point> {
    let real = |number: f64| {
        let odd = number.is_sign_negative() && (number == 0.0 || number.is_nan());
        (!odd).then_some(Point::Real(number))
    };
    let whole = |value: i64| Some(Point::Whole(i128::from(value)));
    match (to, value) {
        (DataType::Int32 | DataType::Int64, value) => whole(integer_of(value)?),
        (DataType::Date32, ScalarValue::Date32(Some(days))) => whole(i64::from(*days)),
        (DataType::Float64, ScalarValue::Float64(Some(number))) => real(*number),
        (DataType::Float32, ScalarValue::Float32(Some(number))) => real(f64::from(*number)),
        (DataType::Decimal128(_, scale), ScalarValue::Decimal128(Some(value), _, other))
            if scale == other =>
        {
            Some(Point::Whole(*value))
        }
        (DataType::Timestamp(TimeUnit::Second, _), ScalarValue::TimestampSecond(Some(ticks), _))
        | (
            DataType::Timestamp(TimeUnit::Millisecond, _),
            ScalarValue::TimestampMillisecond(Some(ticks), _),
        )
        | (
            DataType::Timestamp(TimeUnit::Microsecond, _),
            ScalarValue::TimestampMicrosecond(Some(ticks), _),
        )
        | (DataType::Timestamp(TimeUnit::Nanosecond, _), ScalarValue::TimestampNanosecond(Some(ticks), _)) => {
            whole(*ticks)
        }
        _ => None,
    }
}

fn chain_of(table: &Table, expr: &Expr) -> Result<Chain, &'static str> {
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
    chain.steps.extend(to_double);
    chain.to = match to_double {
        None => DataType::Decimal128(20, 0),
        Some(_) => DataType::Float64,
    };
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
