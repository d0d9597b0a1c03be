//! Comparisons of functions that keep a column's order: casts, `date_trunc`, years, shifts by a fixed interval.
//!
//! Owns: turning such a comparison into bounds of the column. A function that keeps the order maps to values above a constant from a
//! certain key onwards, so bisection over all keys that the column can hold finds the bound; nothing needs to be inverted.
//! Invariant: every [`Step`] is monotone over all of its input, not only where the engine can compute it. Local time is not where clocks
//! are set back; a bound there is none (`is_clear`).

mod chain;

use std::cmp::Ordering;

use causeway_core::{ColumnType, Literal, Op, Predicate, Table};
use causeway_postgres::Zone;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;

use self::chain::{MICROS_PER_DAY, Step, chain_of};
use super::calendar::{Unit, year_and_month};
use super::literal::integer_of;
use super::shape::{all, any, is, null_test, opaque};

/// A value on the way: whole numbers in units of their type, or a double.
#[derive(Debug, Clone, Copy)]
enum Point {
    Whole(i128),
    Real(f64),
}

impl Step {
    #[allow(clippy::cast_precision_loss, reason = "the rounding is what the cast does")]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the rounding is what the cast does, and it saturates"
    )]
    fn apply(&self, point: Point) -> Point {
        let micros = |value: i128| {
            i64::try_from(value.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).unwrap_or_default()
        };
        match (self, point) {
            (Self::Times(factor), Point::Whole(value)) => Point::Whole(value * factor),
            (Self::Cut(factor), Point::Whole(value)) => Point::Whole(value / factor),
            (Self::Floor(factor), Point::Whole(value)) => Point::Whole(value.div_euclid(*factor)),
            (Self::Add(change), Point::Whole(value)) => Point::Whole(value + change),
            (Self::Double, Point::Whole(value)) => Point::Real(value as f64),
            (Self::Single, Point::Whole(value)) => Point::Real(f64::from(value as f32)),
            (Self::Start(Unit::Fixed(micros), per_day), Point::Whole(value)) => {
                let ticks = (micros * per_day / MICROS_PER_DAY).max(1);
                Point::Whole(value.div_euclid(ticks) * ticks)
            }
            (Self::Start(unit, per_day), Point::Whole(value)) => {
                Point::Whole(unit.start(value.div_euclid(*per_day)) * per_day)
            }
            (Self::Local(zone), Point::Whole(value)) => {
                Point::Whole(i128::from(zone.local_saturating(micros(value))))
            }
            (Self::Midnight(zone), Point::Whole(value)) => {
                Point::Whole(i128::from(zone.moment_saturating(micros(value))))
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
    let order_after = |steps: &[Step], key: i128| {
        let mut point = Point::Whole(key);
        for step in steps {
            point = step.apply(point);
        }
        match (point, target) {
            (Point::Whole(left), Point::Whole(right)) => left.cmp(&right),
            (Point::Real(left), Point::Real(right)) => left.total_cmp(&right),
            // The types were found to agree.
            _ => Ordering::Equal,
        }
    };
    let order = |key: i128| order_after(&chain.steps, key);
    let keys = keys(chain.ty);
    let local = chain.steps.iter().position(|step| matches!(step, Step::Local(_)));
    if let Some((at, Step::Local(zone))) = local.and_then(|at| chain.steps.get(at).map(|step| (at, step))) {
        let rest = chain.steps.get(at + 1..).unwrap_or_default();
        let times = (i128::from(i64::MIN), i128::from(i64::MAX));
        let reached = || first(times, |local| order_after(rest, local).is_ge());
        let passed = || first(times, |local| order_after(rest, local).is_gt());
        let bounds = match op {
            Op::GtEq | Op::Lt => [reached(), None],
            Op::Gt | Op::LtEq => [passed(), None],
            _ => [reached(), passed()],
        };
        if !bounds.into_iter().flatten().all(|bound| is_clear(zone, bound)) {
            return opaque("the local time comes twice there");
        }
    }
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

/// Whether all moments whose local time is `bound` or later come after all others: no clock is set back across it.
fn is_clear(zone: &Zone, bound: i128) -> bool {
    const HOUR: i64 = 3_600_000_000;
    let Ok(bound) = i64::try_from(bound) else {
        return true;
    };
    let is_before = |moment: i64| zone.local_saturating(moment) < bound;
    let start = bound.saturating_sub(30 * HOUR);
    (0..60).all(|hour| {
        let (mut low, mut high) = (
            start.saturating_add(hour * HOUR),
            start.saturating_add((hour + 1) * HOUR),
        );
        if zone.offset_at(low) <= zone.offset_at(high) {
            return true;
        }
        // The first moment after the clock is set back.
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            if zone.offset_at(middle) == zone.offset_at(low) {
                low = middle;
            } else {
                high = middle;
            }
        }
        is_before(low) || !is_before(high)
    })
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
            ColumnType::Boolean
            | ColumnType::Float64
            | ColumnType::Decimal { .. }
            | ColumnType::Text
            | ColumnType::Time => None,
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
