//! What each comparison means to an instance that honours it: the table of semantics, one function per family of types.
//!
//! Does not own: whether a column is honoured; see `dialect`. Invariant: the condition keeps every row that SQL keeps, and exactly
//! those where the verdict says so. Start at [`comparison`].
//! Source: "Operators available for filters and queries", Australia, read 2026-06-25.

use causeway_core::{Column, Condition, Constant, Literal, Op, RemoteOp, Verdict, time};

use super::pattern::{equal_any, equal_text, equal_texts, like};
use super::verdict::{LOOSE_BLANKS, among, compared, empty, never, one_of, present, superset};
use super::wire::is_hex_key;
use crate::types::Family;

const LOOSE_KEYS: &str = "keys that are no sys_id ignore case there";
const LOOSE_NUMBERS: &str = "numbers beyond 53 bits may be rounded there";
/// The one weakness that a null test beside the condition heals.
pub(crate) const MAY_BE_NULL: &str = "servicenow may return rows without a value too";
const UNSURE_ZONE: &str =
    "the instance reads date-times in utc or in its user's zone, so the range is 14 hours wider";
const UNSURE_DAY: &str = "the instance may shift days by a zone, so the range is a day wider";
const ROUNDED: &str = "decimals are rounded here, so the range is a little wider";

/// Values beyond which NOT IN is not worth its length.
const MOST_EXCLUDED: usize = 50;

/// What the comparison means there, as if the instance honoured every condition.
pub(crate) fn comparison(
    column: &Column,
    field: &str,
    op: Op,
    values: &[Literal],
    text_pushdown: bool,
) -> Verdict {
    match (Family::of(&column.remote_type), op) {
        (Family::Opaque, _) => never("the type's filter semantics are not known"),
        (Family::Money, _) => never("amounts are compared in another currency there"),
        (Family::Duration, _) => never("durations have no agreed form in a filter"),
        (Family::Text | Family::List, Op::IsNull | Op::IsNotNull) => {
            superset(null_test(field, op), LOOSE_BLANKS)
        }
        (_, Op::IsNull | Op::IsNotNull) => Verdict::Exact(null_test(field, op)),
        (Family::List, _) => never("lists have no agreed order there"),
        (Family::Boolean, _) => boolean(field, op, values),
        (Family::Integer, _) => integer(field, op, values, i64::from(i32::MIN)..=i64::from(i32::MAX)),
        (Family::Long, _) => integer(field, op, values, i64::MIN..=i64::MAX),
        (Family::Decimal, _) => decimal(field, op, values),
        (Family::Moment, _) if column.verification.utc => moment(field, op, values),
        (Family::Moment, _) => range(field, op, values, UNSURE_ZONE, moment_bound),
        (Family::Day, _) => range(field, op, values, UNSURE_DAY, day_bound),
        (Family::Key, _) => key(field, op, values),
        (Family::Text, _) => text(field, op, values, text_pushdown),
    }
}

fn text(field: &str, op: Op, values: &[Literal], text_pushdown: bool) -> Verdict {
    match op {
        // NULL and '' are one, so `<> ''` only says that there is a value.
        Op::NotEq if values == [Literal::Text(String::new())] => superset(present(field), LOOSE_BLANKS),
        Op::NotEq | Op::NotIn => never("text ignores case there, so that would lose rows"),
        Op::NotLike | Op::NotILike => never("text ignores case there, so that would lose rows"),
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => never("the instance sorts text by another collation"),
        Op::ILike => never("the instance may compare this column case-sensitively"),
        _ if !text_pushdown => never("text_pushdown is off"),
        Op::Eq => equal_text(field, values),
        Op::In => equal_any(field, values),
        Op::Like => like(field, values),
        Op::IsNull | Op::IsNotNull => Verdict::Exact(null_test(field, op)),
    }
}

/// Fields that are empty read as NULL, whether NULL or '' is stored.
fn null_test(field: &str, op: Op) -> Condition {
    match op {
        Op::IsNull => empty(field),
        _ => present(field),
    }
}

/// `!=true` also returns NULL, so `<> true` is said as `=false`, which SQL means by it.
fn boolean(field: &str, op: Op, values: &[Literal]) -> Verdict {
    let wanted = |value: bool| match op {
        Op::Eq | Op::In => values.contains(&Literal::Boolean(value)),
        _ => !values.contains(&Literal::Boolean(value)),
    };
    if !matches!(op, Op::Eq | Op::In | Op::NotEq | Op::NotIn) {
        return never("booleans are only compared for equality there");
    }
    if !values.iter().all(|value| matches!(value, Literal::Boolean(_))) {
        return never("the value is no boolean");
    }
    let arms = [true, false].into_iter().filter(|value| wanted(*value));
    let condition = one_of(arms.map(|value| compared(field, RemoteOp::Eq, value)).collect());
    match wanted(false) {
        // A database that holds booleans as numbers may take no value for false.
        true => superset(condition, MAY_BE_NULL),
        false => Verdict::Exact(condition),
    }
}

/// A literal outside the column's width is read as no number there and matches nothing, so such literals stay local.
fn integer(field: &str, op: Op, values: &[Literal], width: std::ops::RangeInclusive<i64>) -> Verdict {
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Literal::Int(number) if width.contains(number) => numbers.push(*number),
            Literal::Int(_) => return never("the value does not fit the column"),
            _ => return never("the value is no whole number"),
        }
    }
    let [first, ..] = numbers.as_slice() else {
        return never("there is no value");
    };
    /// Whole numbers that a double holds.
    const WHOLE: std::ops::RangeInclusive<i64> = -(1 << 53)..=1 << 53;
    let condition = match op {
        Op::Eq => compared(field, RemoteOp::Eq, first),
        Op::Lt => compared(field, RemoteOp::Lt, first),
        Op::LtEq => compared(field, RemoteOp::LtEq, first),
        Op::Gt => compared(field, RemoteOp::Gt, first),
        Op::GtEq => compared(field, RemoteOp::GtEq, first),
        Op::In => among(field, numbers.iter().map(Constant::plain)).unwrap_or(Condition::Never),
        // NULL rows come or don't come there; SQL never wants them.
        Op::NotEq => return superset(compared(field, RemoteOp::NotEq, first), MAY_BE_NULL),
        Op::NotIn if numbers.len() <= MOST_EXCLUDED => {
            return superset(none_of(field, &numbers), MAY_BE_NULL);
        }
        _ => return never("numbers are only compared there"),
    };
    if numbers.iter().all(|number| WHOLE.contains(number)) {
        Verdict::Exact(condition)
    } else {
        superset(condition, LOOSE_NUMBERS)
    }
}

fn none_of<T: std::fmt::Display>(field: &str, values: &[T]) -> Condition {
    let parts = values.iter().map(|value| compared(field, RemoteOp::NotEq, value));
    Condition::All(parts.collect())
}

/// The column holds decimals and SQL sees the nearest double: several decimals can be equal here and differ there, and the
/// instance may round the literal to the column's scale. Inclusive bounds one double further out survive both.
fn decimal(field: &str, op: Op, values: &[Literal]) -> Verdict {
    if matches!(op, Op::NotEq | Op::NotIn) {
        return never("decimals are rounded, so that would lose rows");
    }
    range(field, op, values, ROUNDED, |value, side| {
        /// Columns have 15 digits, and doubles hold every whole number below this.
        const LARGEST: f64 = 1.0e15;
        let number = match value {
            Literal::Float(number) => *number,
            #[allow(clippy::cast_precision_loss, reason = "larger numbers are refused below")]
            Literal::Int(number) => *number as f64,
            _ => return None,
        };
        let bound = match side {
            Side::Lower => number.next_down(),
            Side::Upper => number.next_up(),
        };
        // A bound that is not zero must not print as "-0".
        (number.abs() < LARGEST).then(|| plain_decimal(bound))
    })
}

/// Decimal digits without exponent; what is smaller than any scale is zero.
fn plain_decimal(number: f64) -> String {
    if number.abs() < 1.0e-30 {
        "0".to_owned()
    } else {
        number.to_string()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

/// A comparison as a range with inclusive bounds that `bound` has moved outwards.
fn range(
    field: &str,
    op: Op,
    values: &[Literal],
    reason: &'static str,
    bound: impl Fn(&Literal, Side) -> Option<String>,
) -> Verdict {
    let least = values.iter().reduce(|a, b| if b < a { b } else { a });
    let greatest = values.iter().reduce(|a, b| if b > a { b } else { a });
    let (Some(least), Some(greatest)) = (least, greatest) else {
        return never("there is no value");
    };
    let same_type = |value: &&Literal| std::mem::discriminant(*value) == std::mem::discriminant(least);
    if values.iter().filter(same_type).count() != values.len() {
        return never("the values are of several types");
    }
    let lower = || Some(compared(field, RemoteOp::GtEq, bound(least, Side::Lower)?));
    let upper = || Some(compared(field, RemoteOp::LtEq, bound(greatest, Side::Upper)?));
    let condition = match op {
        Op::Eq | Op::In => lower().and_then(|lower| Some(Condition::All(vec![lower, upper()?]))),
        Op::Lt | Op::LtEq => upper(),
        Op::Gt | Op::GtEq => lower(),
        _ => return never("a wider range can't be negated"),
    };
    match condition {
        Some(condition) => superset(condition, reason),
        None => never("the value can't be written for this column"),
    }
}

/// Zones reach from 12 hours behind UTC to 14 hours ahead of it.
const WIDEST_ZONE_SECONDS: i64 = 14 * 3600;

/// A comparison where literals are read in UTC. Values are whole seconds, so a fraction only says on which side of one.
fn moment(field: &str, op: Op, values: &[Literal]) -> Verdict {
    let mut seconds = Vec::with_capacity(values.len());
    for value in values {
        match utc_second(value) {
            Some(second) => seconds.push(second),
            // Zones that keep UTC today may not have done so then.
            None => return range(field, op, values, UNSURE_ZONE, moment_bound),
        }
    }
    let [(first, has_fraction), ..] = seconds.as_slice() else {
        return never("there is no value");
    };
    let than = |operator| Verdict::Exact(compared(field, operator, first));
    match op {
        Op::Lt if !has_fraction => than(RemoteOp::Lt),
        Op::Lt | Op::LtEq => than(RemoteOp::LtEq),
        Op::GtEq if !has_fraction => than(RemoteOp::GtEq),
        Op::Gt | Op::GtEq => than(RemoteOp::Gt),
        Op::Eq | Op::In if seconds.len() <= MOST_EXCLUDED => {
            let whole = seconds.iter().filter(|(_, has_fraction)| !has_fraction);
            let arms = whole.map(|(second, _)| compared(field, RemoteOp::Eq, second));
            Verdict::Exact(one_of(arms.collect()))
        }
        Op::NotEq | Op::NotIn if seconds.len() <= MOST_EXCLUDED => {
            let whole = seconds.iter().filter(|(_, has_fraction)| !has_fraction);
            let texts: Vec<&str> = whole.map(|(second, _)| second.as_str()).collect();
            match texts.is_empty() {
                true => Verdict::Exact(present(field)),
                false => superset(none_of(field, &texts), MAY_BE_NULL),
            }
        }
        _ => range(field, op, values, UNSURE_ZONE, moment_bound),
    }
}

/// The second at or before a moment, and whether the moment is later than it. `None` where the zone probe proves nothing.
fn utc_second(value: &Literal) -> Option<(String, bool)> {
    let Literal::Timestamp(micros) = value else {
        return None;
    };
    let text = time::format_timestamp(
        micros.div_euclid(1_000_000).checked_mul(1_000_000)?,
        "%Y-%m-%d %H:%M:%S",
    )?;
    let is_modern = text.len() == 19 && text.as_str() >= "1972";
    is_modern.then_some((text, micros.rem_euclid(1_000_000) != 0))
}

fn moment_bound(value: &Literal, side: Side) -> Option<String> {
    let Literal::Timestamp(micros) = value else {
        return None;
    };
    let second = micros.div_euclid(1_000_000);
    let has_fraction = micros.rem_euclid(1_000_000) != 0;
    let second = match side {
        Side::Lower => second.checked_sub(WIDEST_ZONE_SECONDS)?,
        Side::Upper => second
            .checked_add(WIDEST_ZONE_SECONDS)?
            .checked_add(i64::from(has_fraction))?,
    };
    in_database_years(time::format_timestamp(
        second.checked_mul(1_000_000)?,
        "%Y-%m-%d %H:%M:%S",
    )?)
}

fn day_bound(value: &Literal, side: Side) -> Option<String> {
    let Literal::Date(day) = value else {
        return None;
    };
    let day = match side {
        Side::Lower => day.checked_sub(1)?,
        Side::Upper => day.checked_add(1)?,
    };
    in_database_years(time::format_date(day)?)
}

/// The instance's database starts with the year 1000.
fn in_database_years(text: String) -> Option<String> {
    (text.as_str() >= "1000").then_some(text)
}

/// References and keys are compared by their raw value; LIKE would look at the target's display value.
fn key(field: &str, op: Op, values: &[Literal]) -> Verdict {
    match op {
        Op::Eq | Op::In => match equal_texts(field, values, LOOSE_KEYS) {
            Verdict::Superset(condition, _) if values.iter().all(is_sys_id) => Verdict::Exact(condition),
            other => other,
        },
        Op::NotEq if values == [Literal::Text(String::new())] => Verdict::Exact(present(field)),
        Op::NotEq | Op::NotIn if values.len() <= MOST_EXCLUDED => {
            let keys = values.iter().map(|value| match value {
                Literal::Text(text) if is_hex_key(text) => Some(text.as_str()),
                _ => None,
            });
            match keys.collect::<Option<Vec<&str>>>() {
                Some(keys) => superset(none_of(field, &keys), MAY_BE_NULL),
                None => never("only a sys_id can be excluded there, other keys ignore case"),
            }
        }
        Op::Like | Op::ILike | Op::NotLike | Op::NotILike => {
            never("patterns on references look at display values there")
        }
        _ => never("keys are only compared for equality there"),
    }
}

fn is_sys_id(value: &Literal) -> bool {
    matches!(value, Literal::Text(text) if is_hex_key(text))
}
