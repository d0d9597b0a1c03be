//! Intervals as ISO 8601 writes them.
//!
//! Owns: its forms. Does not own: what a number of units adds; see the parent module. Invariant: the forms do not mix.
//! Start at [`read`].

use super::{Bad, Step, Total, Unit, fraction_of, whole};
use crate::functions::datetime::intervals::Span;

/// `P1Y2M3DT4H5M6S`, `P0001-02-03T04:05:06`, `P00010203T040506`.
pub(super) fn read(text: &str) -> Step<Span> {
    let mut rest = text
        .strip_prefix('P')
        .filter(|rest| !rest.is_empty())
        .ok_or(Bad::Format)?;
    let mut total = Total::default();
    let mut is_date = true;
    let mut has_field = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            is_date = false;
            has_field = false;
            rest = time;
            continue;
        }
        let number = Number::read(&mut rest)?;
        let unit = rest.chars().next();
        let after = unit.map_or("", |unit| rest.get(unit.len_utf8()..).unwrap_or_default());
        let named = unit.and_then(|unit| designated(is_date, unit));
        if let Some(named) = named {
            total.add(number.value, number.part, named)?;
            has_field = true;
            rest = after;
            continue;
        }
        if has_field {
            return Err(Bad::Format);
        }
        match (is_date, unit) {
            (true, None | Some('T')) if number.digits == 8 => {
                total.add(number.value / 10_000, 0.0, Unit::Year)?;
                total.add(number.value / 100 % 100, 0.0, Unit::Month)?;
                total.add(number.value % 100, number.part, Unit::Day)?;
            }
            (false, None) if number.digits == 6 => {
                total.add(number.value / 10_000, 0.0, Unit::Hour)?;
                total.add(number.value / 100 % 100, 0.0, Unit::Minute)?;
                total.add(number.value % 100, number.part, Unit::Second)?;
            }
            (true, None | Some('T' | '-')) => {
                let units = [Unit::Year, Unit::Month, Unit::Day];
                alternative(&mut total, number, &mut rest, '-', units)?;
            }
            (false, None | Some(':')) => {
                let units = [Unit::Hour, Unit::Minute, Unit::Second];
                alternative(&mut total, number, &mut rest, ':', units)?;
            }
            _ => return Err(Bad::Format),
        }
    }
    Ok(total.span)
}

/// The unit that a letter stands for, before or after the `T`.
fn designated(is_date: bool, letter: char) -> Option<Unit> {
    Some(match (is_date, letter) {
        (true, 'Y') => Unit::Year,
        (true, 'M') => Unit::Month,
        (true, 'W') => Unit::Week,
        (true, 'D') => Unit::Day,
        (false, 'H') => Unit::Hour,
        (false, 'M') => Unit::Minute,
        (false, 'S') => Unit::Second,
        _ => return None,
    })
}

/// Up to three numbers with separators, the first of which has been read.
fn alternative(
    total: &mut Total,
    first: Number,
    rest: &mut &str,
    separator: char,
    units: [Unit; 3],
) -> Step<()> {
    let mut number = first;
    for (at, unit) in units.into_iter().enumerate() {
        total.add(number.value, number.part, unit)?;
        if rest.is_empty() || rest.starts_with('T') {
            return Ok(());
        }
        if at == 2 {
            break;
        }
        *rest = rest.strip_prefix(separator).ok_or(Bad::Format)?;
        number = Number::read(rest)?;
    }
    Err(Bad::Format)
}

#[derive(Debug, Clone, Copy)]
struct Number {
    value: i64,
    part: f64,
    digits: usize,
}

impl Number {
    fn read(rest: &mut &str) -> Step<Self> {
        let is_negative = rest.starts_with('-');
        let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let end = unsigned
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(unsigned.len());
        let (digits, after) = unsigned.split_at(end);
        let (fraction, after) = match after.strip_prefix('.') {
            None => (None, after),
            Some(fraction) => {
                let end = fraction
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(fraction.len());
                let (fraction, after) = fraction.split_at(end);
                (Some(fraction), after)
            }
        };
        if digits.is_empty() && fraction.is_none_or(str::is_empty) {
            return Err(Bad::Format);
        }
        let value = if digits.is_empty() { 0 } else { whole(digits)? };
        let part = fraction.map_or(Ok(0.0), fraction_of)?;
        *rest = after;
        let (value, part) = if is_negative {
            (-value, -part)
        } else {
            (value, part)
        };
        Ok(Self {
            value,
            part,
            digits: digits.len(),
        })
    }
}
