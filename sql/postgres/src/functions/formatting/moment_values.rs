//! `to_date` and `to_timestamp` by a pattern.
//!
//! Owns: what each field reads. Does not own: patterns, see `moment_template`; which moment the fields make, see `moment_fields`.
//! Invariant: separators of text and pattern need not be the same, only where each field begins. Start at [`read`].

use datafusion::common::{DataFusionError, Result};

use super::moment_fields::{Read, Values};
use super::moment_template::{Field, Key, Part};
use super::moment_text::{MONTHS, ROMANS, WEEKDAYS};
use crate::types::{fault, is_space, unsupported};

/// Reads a text by a pattern.
///
/// # Errors
/// 22007 for what does not fit the pattern, 22008 for what is out of range.
pub(super) fn read(text: &str, template: &[Part]) -> Result<Read> {
    let mut reader = Reader {
        rest: text,
        before: None,
        values: Values::default(),
    };
    reader.fill(template)?;
    reader.values.moment(text)
}

fn invalid(text: &str, field: &Field) -> DataFusionError {
    let shown: String = text.chars().take(field.name.len()).collect();
    fault(
        "22007",
        format!("invalid value \"{shown}\" for \"{}\"", field.name),
    )
}

/// Two values of one field must be the same.
fn set(place: &mut i64, value: i64, field: &Field) -> Result<()> {
    if *place != 0 && *place != value {
        let message = format!(
            "conflicting values for \"{}\" field in formatting string",
            field.name
        );
        return Err(fault("22007", message));
    }
    *place = value;
    Ok(())
}

struct Reader<'a> {
    rest: &'a str,
    /// The character before the rest.
    before: Option<char>,
    values: Values,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let next = rest.next()?;
        self.rest = rest.as_str();
        self.before = Some(next);
        Some(next)
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn skip_spaces(&mut self) -> i64 {
        let mut count = 0;
        while self.rest.starts_with(is_space) {
            self.next();
            count += 1;
        }
        count
    }

    fn fill(&mut self, template: &[Part]) -> Result<()> {
        let mut is_exact = false;
        // Characters of the text that were skipped beyond those of the pattern.
        let mut skipped: i64 = 0;
        for (at, part) in template.iter().enumerate() {
            if self.rest.is_empty() {
                break;
            }
            if !is_exact && (at == 0 || matches!(part, Part::Field(_))) {
                skipped += self.skip_spaces();
            }
            match part {
                Part::Space(_) | Part::Separator(_) if is_exact => self.skip(1),
                Part::Space(_) | Part::Separator(_) => {
                    skipped -= 1;
                    let is_separator =
                        |c: char| is_space(c) || (c.is_ascii_graphic() && !c.is_ascii_alphanumeric());
                    if self.rest.starts_with(is_separator) {
                        self.next();
                        skipped += 1;
                    }
                }
                Part::Letter(_) if !is_exact && skipped > 0 => skipped -= 1,
                Part::Letter(_) => self.skip(1),
                Part::Field(field) => {
                    is_exact |= field.key == Key::Exact;
                    self.field(field, template.get(at + 1), skipped)?;
                    if !is_exact {
                        skipped = self.skip_spaces();
                    }
                }
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_lines, reason = "one table")]
    fn field(&mut self, field: &Field, next: Option<&Part>, skipped: i64) -> Result<()> {
        self.choose_calendar(field.key)?;
        let width = field.name.len();
        match field.key {
            Key::Exact => {}
            Key::Noon(has_points, _) => {
                let names = if has_points {
                    ["a.m.", "p.m."]
                } else {
                    ["am", "pm"]
                };
                let at = self.name(&names, field)?;
                set(&mut self.values.is_afternoon, at, field)?;
                self.values.has_short_clock = true;
            }
            Key::Hour12 => {
                let value = self.number(2, field, next)?.0;
                set(&mut self.values.hour, value, field)?;
                self.values.has_short_clock = true;
            }
            Key::Hour24 => self.set_number(2, field, next, |values| &mut values.hour)?,
            Key::Minute => self.set_number(width, field, next, |values| &mut values.minute)?,
            Key::Second => self.set_number(width, field, next, |values| &mut values.second)?,
            Key::Millisecond => {
                let (value, length) = self.number(3, field, next)?;
                set(&mut self.values.millis, value, field)?;
                self.values.millis *= power(3, length);
            }
            Key::Microsecond => self.fraction(6, field, next)?,
            Key::Fraction(digits) => self.fraction(usize::from(digits), field, next)?,
            Key::SecondOfDay => self.set_number(width, field, next, |values| &mut values.second_of_day)?,
            Key::Zone(_) | Key::Offset => {
                let name = field.name.to_uppercase();
                return Err(unsupported(format!(
                    "formatting field \"{name}\" is only supported in to_char"
                )));
            }
            Key::OffsetHour => {
                match self.rest.chars().next() {
                    Some(sign @ ('+' | '-' | ' ')) => {
                        self.next();
                        self.values.offset_sign = if sign == '-' { -1 } else { 1 };
                    }
                    _ if skipped > 0 && self.before == Some('-') => self.values.offset_sign = -1,
                    _ => self.values.offset_sign = 1,
                }
                let value = self.number(2, field, next)?.0;
                set(&mut self.values.offset_hours, value, field)?;
                return Ok(());
            }
            Key::OffsetMinute => {
                if self.values.offset_sign == 0 {
                    self.values.offset_sign = 1;
                }
                let value = self.number(2, field, next)?.0;
                set(&mut self.values.offset_minutes, value, field)?;
                return Ok(());
            }
            Key::Era(has_points, _) => {
                let names = if has_points {
                    ["a.d.", "b.c."]
                } else {
                    ["ad", "bc"]
                };
                let at = self.name(&names, field)?;
                set(&mut self.values.is_before_christ, at, field)?;
            }
            Key::MonthName(_) => {
                let at = self.name(&MONTHS, field)?;
                set(&mut self.values.month, at + 1, field)?;
            }
            Key::MonthShort(_) => {
                let at = self.name(&MONTHS.map(|name| name.get(..3).unwrap_or(name)), field)?;
                set(&mut self.values.month, at + 1, field)?;
            }
            Key::Month => self.set_number(width, field, next, |values| &mut values.month)?,
            Key::WeekdayName(_) => {
                let at = self.name(&WEEKDAYS, field)?;
                set(&mut self.values.weekday, at, field)?;
                self.values.weekday += 1;
            }
            Key::WeekdayShort(_) => {
                let at = self.name(&WEEKDAYS.map(|name| name.get(..3).unwrap_or(name)), field)?;
                set(&mut self.values.weekday, at, field)?;
                self.values.weekday += 1;
            }
            Key::DayOfYear => self.set_number(width, field, next, |values| &mut values.day_of_year)?,
            Key::IsoDayOfYear => self.set_number(3, field, next, |values| &mut values.day_of_year)?,
            Key::Day => self.set_number(width, field, next, |values| &mut values.day)?,
            Key::Weekday => self.set_number(width, field, next, |values| &mut values.weekday)?,
            Key::IsoWeekday => {
                self.set_number(1, field, next, |values| &mut values.weekday)?;
                // Sunday is the first day here, and the last there.
                self.values.weekday = self.values.weekday % 7 + 1;
            }
            Key::Week | Key::IsoWeek => self.set_number(width, field, next, |values| &mut values.week)?,
            Key::Quarter => {
                self.number(width, field, next)?;
            }
            Key::Century => self.set_number(width, field, next, |values| &mut values.century)?,
            Key::YearWithComma => self.year_with_comma(field)?,
            Key::Year(4) | Key::IsoYear(4) => {
                self.set_number(width, field, next, |values| &mut values.year)?;
                self.values.year_digits = 4;
            }
            Key::Year(digits) | Key::IsoYear(digits) => {
                let (value, length) = self.number(usize::from(digits), field, next)?;
                let value = if length < 4 { near_2020(value) } else { value };
                set(&mut self.values.year, value, field)?;
                self.values.year_digits = digits;
            }
            Key::Roman(_) => {
                // XII before XI before X: the longest that is there.
                let mut names = ROMANS;
                names.reverse();
                let at = self.name(&names, field)?;
                set(&mut self.values.month, 12 - at, field)?;
            }
            Key::WeekOfMonth => self.set_number(width, field, next, |values| &mut values.week_of_month)?,
            Key::Julian => self.set_number(width, field, next, |values| &mut values.julian)?,
        }
        let has_number = field.key.is_digit() || matches!(field.key, Key::Fraction(_));
        if field.ordinal.is_some() && has_number {
            self.skip(2);
        }
        Ok(())
    }

    fn choose_calendar(&mut self, key: Key) -> Result<()> {
        let is_iso = match key {
            Key::IsoYear(_) | Key::IsoWeek | Key::IsoDayOfYear | Key::IsoWeekday => true,
            Key::Century
            | Key::WeekdayName(_)
            | Key::WeekdayShort(_)
            | Key::DayOfYear
            | Key::Day
            | Key::Weekday
            | Key::Month
            | Key::MonthName(_)
            | Key::MonthShort(_)
            | Key::Roman(_)
            | Key::Week
            | Key::WeekOfMonth
            | Key::Year(_)
            | Key::YearWithComma => false,
            _ => return Ok(()),
        };
        if self.values.is_iso.is_some_and(|known| known != is_iso) {
            return Err(fault("22007", "invalid combination of date conventions"));
        }
        self.values.is_iso = Some(is_iso);
        Ok(())
    }

    fn set_number(
        &mut self,
        width: usize,
        field: &Field,
        next: Option<&Part>,
        place: fn(&mut Values) -> &mut i64,
    ) -> Result<()> {
        let value = self.number(width, field, next)?.0;
        set(place(&mut self.values), value, field)
    }

    fn fraction(&mut self, digits: usize, field: &Field, next: Option<&Part>) -> Result<()> {
        let (value, length) = self.number(digits, field, next)?;
        set(&mut self.values.micros, value, field)?;
        self.values.micros *= power(6, length);
        Ok(())
    }

    /// A whole number and how many characters it has: all digits where no digit can follow, else as many as the field is wide.
    fn number(&mut self, width: usize, field: &Field, next: Option<&Part>) -> Result<(i64, usize)> {
        self.skip_spaces();
        let ends_at_letter = match next {
            _ if field.ordinal.is_some() => true,
            None => true,
            Some(Part::Field(next)) => !next.key.is_digit(),
            Some(Part::Letter(letter)) => !letter.is_ascii_digit(),
            Some(Part::Space(_) | Part::Separator(_)) => true,
        };
        let source = self.rest;
        let limit = if field.is_bare || ends_at_letter {
            source.len()
        } else {
            let there = source.len().min(width);
            if there < width {
                let message = format!("source string too short for \"{}\" formatting field", field.name);
                return Err(fault("22007", message));
            }
            width
        };
        let window = source.get(..limit).unwrap_or(source);
        let sign = usize::from(window.starts_with(['-', '+']));
        let digits = window.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        let used = if digits == 0 { 0 } else { sign + digits };
        if used == 0 || (limit == width && !field.is_bare && !ends_at_letter && used < width) {
            return Err(invalid(source, field));
        }
        let number = source.get(..used).unwrap_or_default();
        let value = number.parse::<i32>().map_err(|_| {
            let message = format!("value for \"{}\" in source string is out of range", field.name);
            fault("22008", message)
        })?;
        self.skip(used);
        Ok((i64::from(value), used))
    }

    /// The place of the first name that the rest begins with.
    fn name(&mut self, names: &[&str], field: &Field) -> Result<i64> {
        let begins = |name: &&str| {
            let start = self.rest.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        let Some(at) = names.iter().position(begins) else {
            return Err(invalid(self.rest, field));
        };
        let length = names.get(at).map_or(0, |name| name.len());
        self.skip(length);
        Ok(i64::try_from(at).unwrap_or_default())
    }

    fn year_with_comma(&mut self, field: &Field) -> Result<()> {
        let wrong = || fault("22007", "invalid input string for \"Y,YYY\"");
        self.skip_spaces();
        let (millennia, rest) = self.rest.split_once(',').ok_or_else(wrong)?;
        let length = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
        let years = rest
            .get(..length)
            .filter(|years| !years.is_empty())
            .ok_or_else(wrong)?;
        let used = millennia.len() + 1 + length;
        let millennia: i64 = millennia.parse().map_err(|_| wrong())?;
        let years: i64 = years.parse().map_err(|_| wrong())?;
        set(&mut self.values.year, millennia * 1000 + years, field)?;
        self.values.year_digits = 4;
        self.skip(used);
        Ok(())
    }
}

/// What makes a number of `length` digits one of `digits` after the point.
fn power(digits: usize, length: usize) -> i64 {
    10_i64.pow(u32::try_from(digits.saturating_sub(length)).unwrap_or_default())
}

/// A year of less than four digits, as the one that is nearest to 2020.
fn near_2020(year: i64) -> i64 {
    match year {
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}
