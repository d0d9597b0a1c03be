//! Where an SQL constant lies among the values that a field can hold.
//!
//! Owns: the rounding of literals, and what each comparison becomes. Does not own: which types compare; see [`dialect`](super::dialect).
//! Invariant: rounding is outwards, so no row is lost. A condition is exact only when no row is gained either. Start at [`Point`].

use std::borrow::Cow;

use causeway_core::time::{format_date, format_timestamp};
use causeway_core::{Atom, Condition, Constant, Literal, Op, RemoteOp, Verdict};

use super::literal::{decimal, long_id, outward};
use super::verdict::{NO_ORDER, among, compared, present};

/// The place of a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Point {
    /// A value that the field can hold.
    At(Constant),
    /// Between two values that the field can hold: just after this one.
    After(Constant),
    /// A number that several stored decimals read as: certainly between `below` and `above`, best written as `at`.
    Near {
        below: Constant,
        at: Option<Constant>,
        above: Constant,
    },
    /// Less than every value, and whether that is certain.
    BelowAll { certain: bool },
    /// Greater than every value, and whether that is certain.
    AboveAll { certain: bool },
    /// Equal to no value, in a type without order.
    Nowhere,
    /// Can't be asked; the text says why.
    Unsayable(Cow<'static, str>),
}

impl Point {
    fn unsayable(reason: &'static str) -> Self {
        Self::Unsayable(Cow::Borrowed(reason))
    }

    fn other_type() -> Self {
        Self::unsayable("compared as another type")
    }
}

const DIGITS: &str = "stored decimals are finer than doubles";
const RANGE: &str = "the value is outside the range that salesforce accepts";

/// The id that a text is. Fields hold 18 characters, so a text of any other length equals none.
pub(crate) fn id_point(literal: &Literal) -> Point {
    let Literal::Text(text) = literal else {
        return Point::other_type();
    };
    match long_id(text) {
        Some(_) if text.starts_with("000000000000000") => {
            Point::unsayable("an all-zero id stands for no record")
        }
        Some(long) if long == *text => Point::At(Constant::Text(long)),
        _ => Point::Nowhere,
    }
}

/// The place of a whole number; `int` fields hold 32 bits.
pub(crate) fn int_point(literal: &Literal, long: bool) -> Point {
    let Literal::Int(number) = literal else {
        return Point::other_type();
    };
    match (long, i32::try_from(*number)) {
        (_, Ok(number)) => Point::At(Constant::plain(number)),
        (true, Err(_)) if number.unsigned_abs() < 1_000_000_000_000_000_000 => {
            Point::At(Constant::plain(number))
        }
        (true, Err(_)) => Point::unsayable("the number has more than 18 digits"),
        (false, Err(_)) if *number < 0 => Point::BelowAll { certain: true },
        (false, Err(_)) => Point::AboveAll { certain: true },
    }
}

/// The place of a number in a field of `scale` decimals; `None` when any number of decimals must be expected.
///
/// A stored decimal is read as the nearest double. While neighbouring doubles are closer together than neighbouring decimals, each decimal
/// has its own double and the remote comparison is the local one. Beyond that, decimals that differ remotely are equal here.
pub(crate) fn number_point(literal: &Literal, scale: Option<i32>) -> Point {
    let number = match literal {
        Literal::Float(number) => *number,
        #[expect(clippy::cast_precision_loss, reason = "checked to be within 2^53")]
        Literal::Int(number) if number.unsigned_abs() <= 1 << 53 => *number as f64,
        Literal::Int(_) => return Point::unsayable("the number has more digits than a double"),
        _ => return Point::other_type(),
    };
    if !number.is_finite() {
        return Point::unsayable("the number is not finite");
    }
    if number == 0.0 && number.is_sign_negative() {
        return Point::unsayable("negative zero");
    }
    let at = decimal(number).map(Constant::Plain);
    let gap = number.abs().next_up() - number.abs();
    if let (Some(at), Some(scale)) = (&at, scale)
        && 10_f64.powi(-scale) > gap
    {
        return Point::At(at.clone());
    }
    match (outward(number, false), outward(number, true)) {
        (Some(below), Some(above)) => Point::Near {
            below: Constant::Plain(below),
            at,
            above: Constant::Plain(above),
        },
        _ => Point::unsayable("the number has more than 18 digits"),
    }
}

/// The place of a date. Whether fields can hold dates outside 1700 to 4000 is not documented.
pub(crate) fn date_point(literal: &Literal) -> Point {
    const FIRST: i32 = -98_615;
    const LAST: i32 = 741_807;
    let Literal::Date(days) = literal else {
        return Point::other_type();
    };
    match *days {
        days if days < FIRST => Point::BelowAll { certain: false },
        days if days > LAST => Point::AboveAll { certain: false },
        days => match format_date(days) {
            Some(date) => Point::At(Constant::Plain(date)),
            None => Point::unsayable(RANGE),
        },
    }
}

/// The place of a moment. Fields hold whole seconds; the range shifts with the user's zone, so a day is left at either end.
pub(crate) fn moment_point(literal: &Literal) -> Point {
    const FIRST: i64 = -98_614 * 86_400_000_000;
    const LAST: i64 = 741_806 * 86_400_000_000;
    let Literal::Timestamp(micros) = literal else {
        return Point::other_type();
    };
    match *micros {
        micros if micros < FIRST => Point::BelowAll { certain: false },
        micros if micros > LAST => Point::AboveAll { certain: false },
        micros => {
            let part = micros.rem_euclid(1_000_000);
            match format_timestamp(micros - part, "%Y-%m-%dT%H:%M:%SZ").map(Constant::Plain) {
                Some(second) if part == 0 => Point::At(second),
                Some(second) => Point::After(second),
                None => Point::unsayable(RANGE),
            }
        }
    }
}

/// The place of a time of day. Fields hold milliseconds; the `Z` is written but means nothing.
pub(crate) fn time_point(literal: &Literal) -> Point {
    let Literal::Time(micros) = literal else {
        return Point::other_type();
    };
    if !(0..86_400_000_000).contains(micros) {
        return Point::unsayable(RANGE);
    }
    let (seconds, millis) = (micros / 1_000_000, micros / 1_000 % 1_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = Constant::Plain(format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z"));
    if micros % 1_000 == 0 {
        Point::At(time)
    } else {
        Point::After(time)
    }
}

/// What a comparison with one constant becomes.
pub(crate) fn compare(field: &str, op: Op, point: Point) -> Verdict {
    let with = |operator, value| Verdict::Exact(compared(field, operator, value));
    let about = |condition| Verdict::Superset(condition, Cow::Borrowed(DIGITS));
    let all = |certain| match certain {
        true => Verdict::Exact(present(field)),
        false => Verdict::Superset(present(field), Cow::Borrowed(RANGE)),
    };
    let none = |certain| match certain {
        true => Verdict::Exact(Condition::Never),
        false => Verdict::Never(Cow::Borrowed(RANGE)),
    };
    match (op, point) {
        (_, Point::Unsayable(reason)) => Verdict::Never(reason),

        (Op::Eq, Point::At(value)) => with(RemoteOp::Eq, value),
        (Op::NotEq, Point::At(value)) => Verdict::Exact(differs(field, value)),
        (Op::Lt, Point::At(value)) => with(RemoteOp::Lt, value),
        (Op::LtEq, Point::At(value)) => with(RemoteOp::LtEq, value),
        (Op::Gt, Point::At(value)) => with(RemoteOp::Gt, value),
        (Op::GtEq, Point::At(value)) => with(RemoteOp::GtEq, value),

        (Op::Eq, Point::After(_) | Point::Nowhere) => none(true),
        (Op::NotEq, Point::After(_) | Point::Nowhere) => all(true),
        (Op::Lt | Op::LtEq, Point::After(value)) => with(RemoteOp::LtEq, value),
        (Op::Gt | Op::GtEq, Point::After(value)) => with(RemoteOp::Gt, value),

        (Op::Eq, Point::Near { below, above, .. }) => about(between(field, below, above)),
        (Op::NotEq, Point::Near { .. }) => about(present(field)),
        (Op::Lt, Point::Near { at, above, .. }) => about(compared(field, RemoteOp::Lt, at.unwrap_or(above))),
        (Op::Gt, Point::Near { at, below, .. }) => about(compared(field, RemoteOp::Gt, at.unwrap_or(below))),
        (Op::LtEq, Point::Near { above, .. }) => about(compared(field, RemoteOp::Lt, above)),
        (Op::GtEq, Point::Near { below, .. }) => about(compared(field, RemoteOp::Gt, below)),

        (Op::Eq | Op::Lt | Op::LtEq, Point::BelowAll { certain }) => none(certain),
        (Op::NotEq | Op::Gt | Op::GtEq, Point::BelowAll { certain }) => all(certain),
        (Op::Eq | Op::Gt | Op::GtEq, Point::AboveAll { certain }) => none(certain),
        (Op::NotEq | Op::Lt | Op::LtEq, Point::AboveAll { certain }) => all(certain),

        _ => Verdict::Never(Cow::Borrowed(NO_ORDER)),
    }
}

fn between(field: &str, below: Constant, above: Constant) -> Condition {
    Condition::All(vec![
        compared(field, RemoteOp::Gt, below),
        compared(field, RemoteOp::Lt, above),
    ])
}

/// Differs from the value and has one.
fn differs(field: &str, value: Constant) -> Condition {
    Condition::All(vec![compared(field, RemoteOp::NotEq, value), present(field)])
}

/// What IN or NOT IN over several constants becomes.
pub(crate) fn compare_any(field: &str, op: Op, points: impl Iterator<Item = Point>) -> Verdict {
    let (mut values, mut ranges) = (Vec::new(), Vec::new());
    for point in points {
        match point {
            Point::At(value) => values.push(value),
            Point::Near { below, above, .. } => ranges.push(between(field, below, above)),
            Point::After(_) | Point::Nowhere => {}
            Point::BelowAll { certain: true } | Point::AboveAll { certain: true } => {}
            Point::BelowAll { .. } | Point::AboveAll { .. } => return Verdict::Never(Cow::Borrowed(RANGE)),
            Point::Unsayable(reason) => return Verdict::Never(reason),
        }
    }
    if op == Op::NotIn {
        return outside(field, values, ranges.is_empty());
    }
    let listed = among(field, values);
    let exact = ranges.is_empty();
    let mut parts: Vec<Condition> = listed.into_iter().chain(ranges).collect();
    let condition = match parts.len() {
        0 => Condition::Never,
        1 => parts.remove(0),
        _ => Condition::Any(parts),
    };
    if exact {
        Verdict::Exact(condition)
    } else {
        Verdict::Superset(condition, Cow::Borrowed(DIGITS))
    }
}

/// NOT IN: what is near a constant may still differ from it, so it is not excluded.
fn outside(field: &str, mut values: Vec<Constant>, exact: bool) -> Verdict {
    let condition = match (values.pop(), values.is_empty()) {
        (None, _) => present(field),
        (Some(only), true) => differs(field, only),
        (Some(last), false) => {
            values.push(last);
            Condition::All(vec![
                Atom::list(field, RemoteOp::NotIn, values).into(),
                present(field),
            ])
        }
    };
    if exact {
        Verdict::Exact(condition)
    } else {
        Verdict::Superset(condition, Cow::Borrowed(DIGITS))
    }
}
