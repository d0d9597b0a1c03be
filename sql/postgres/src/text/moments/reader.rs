//! Dates and timestamps from their fields, in any order in which PostgreSQL takes them.
//!
//! Owns: which part of a date a number or a word is. Does not own: times and offsets, see `clock`; times alone, see `time_of_day`.
//! Invariant: each part is told at most once. Start at [`Reader::moment`].

use super::clock::{clock, fraction_micros, of_clock, of_day, offset, whole};
use super::fields::{Field, Sort};
use super::words::{Word, word};
use super::{Bad, Day, Step, Written};
use crate::functions::datetime::calendar::{Civil, DAY, UNIX_JULIAN, month_days};
use crate::functions::datetime::zone::{Zone, not_recognized};
use crate::types::unsupported;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// The year has one or two digits.
    is_short_year: bool,
    is_before_christ: Option<bool>,
    has_named_month: bool,
    julian: Option<i64>,
    pub(super) micros: Option<i64>,
    is_afternoon: Option<bool>,
    pub(super) zone: Option<Zone>,
    pub(super) special: Option<Day>,
    pub(super) awaited: Option<Word>,
}

/// Fills a place that must be empty.
pub(super) fn set<T>(place: &mut Option<T>, value: T) -> Step<()> {
    match place {
        Some(_) => Err(Bad::Format),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}

impl Reader {
    pub(super) fn has_date(&self) -> bool {
        self.has_day() && self.year.is_some() || self.julian.is_some() || self.special.is_some()
    }

    fn has_day(&self) -> bool {
        (self.month.is_some() && self.day.is_some()) || self.day_of_year.is_some() || self.julian.is_some()
    }

    pub(super) fn moment(mut self, fields: &[Field]) -> Step<Written> {
        for (at, field) in fields.iter().enumerate() {
            let text = field.text.as_str();
            match field.sort {
                Sort::Date => self.date_field(text)?,
                Sort::Time => {
                    match self.awaited.take() {
                        None | Some(Word::TimeFollows) => {}
                        Some(_) => return Err(Bad::Format),
                    }
                    set(&mut self.micros, clock(text)?)?;
                }
                Sort::Signed => set(&mut self.zone, offset(text)?)?,
                Sort::Number => self.number_field(text)?,
                Sort::Word | Sort::SignedWord => self.word_field(text, fields.get(at + 1))?,
            }
        }
        self.finish()
    }

    fn finish(self) -> Step<Written> {
        if let Some(day) = self.special {
            let is_alone = self.year.is_none() && self.month.is_none() && self.day.is_none();
            let is_free = matches!(day, Day::Today(_)) || (self.micros.is_none() && self.zone.is_none());
            if !is_alone || !is_free {
                return Err(Bad::Format);
            }
            let micros = self.time()?;
            return Ok(Written {
                day,
                micros,
                zone: self.zone,
            });
        }
        if let Some(julian) = self.julian {
            let micros = self.time()?;
            return Ok(Written {
                day: Day::Fixed(julian - UNIX_JULIAN),
                micros,
                zone: self.zone,
            });
        }
        let day = self.civil_day()?;
        let micros = self.time()?;
        match day {
            Some(day) => Ok(Written {
                day: Day::Fixed(day),
                micros,
                zone: self.zone,
            }),
            None => Err(Bad::Format),
        }
    }

    /// The day that year, month and day name; what of them is there must be in range.
    pub(super) fn civil_day(&self) -> Step<Option<i64>> {
        let year = match self.year {
            None => None,
            Some(year) if self.is_before_christ == Some(true) && year > 0 => Some(1 - year),
            Some(_) if self.is_before_christ == Some(true) => return Err(Bad::Range),
            Some(year) if self.is_short_year => Some(match year {
                0..70 => year + 2000,
                70..100 => year + 1900,
                _ => year,
            }),
            Some(year) if year > 0 => Some(year),
            Some(_) => return Err(Bad::Range),
        };
        if let (Some(day_of_year), Some(year)) = (self.day_of_year, year) {
            let start = Civil {
                year,
                month: 1,
                day: 1,
            }
            .days();
            return Ok(Some(start + day_of_year - 1));
        }
        if self.month.is_some_and(|month| !(1..=12).contains(&month))
            || self.day.is_some_and(|day| !(1..=31).contains(&day))
        {
            return Err(Bad::Range);
        }
        let (Some(year), Some(month), Some(day)) = (year, self.month, self.day) else {
            return Ok(None);
        };
        if day > month_days(year, month) {
            return Err(Bad::Range);
        }
        Ok(Some(Civil { year, month, day }.days()))
    }

    /// Microseconds since midnight, by the clock of 12 hours too.
    pub(super) fn time(&self) -> Step<i64> {
        const NOON: i64 = DAY / 2;
        const HOUR: i64 = DAY / 24;
        let micros = self.micros.unwrap_or_default();
        match self.is_afternoon {
            None => Ok(micros),
            Some(_) if micros >= NOON + HOUR => Err(Bad::Range),
            Some(false) if micros >= NOON => Ok(micros - NOON),
            Some(true) if micros < NOON => Ok(micros + NOON),
            Some(_) => Ok(micros),
        }
    }

    fn date_field(&mut self, text: &str) -> Step<()> {
        if self.awaited == Some(Word::Julian) {
            self.awaited = None;
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (digits, zone) = text.split_at(end);
            set(&mut self.julian, whole(digits)?)?;
            return set(&mut self.zone, offset(zone)?);
        }
        if self.awaited.is_some() || self.has_day() || self.special.is_some() {
            return self.zone_field(text);
        }
        self.date(text)
    }

    /// After a date: the name of a zone, or a time without colons and an offset.
    pub(super) fn zone_field(&mut self, text: &str) -> Step<()> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) && self.awaited.is_none() {
            let zone = Zone::named(text);
            let zone = zone.ok_or_else(|| Bad::Other(not_recognized(text)))?;
            return set(&mut self.zone, zone);
        }
        match self.awaited.take() {
            None | Some(Word::TimeFollows) => {}
            Some(_) => return Err(Bad::Format),
        }
        let at = text.find('-').ok_or(Bad::Format)?;
        let (time, zone) = text.split_at(at);
        set(&mut self.zone, offset(zone)?)?;
        self.packed(time, true)
    }

    /// `2024-01-31`, `1/31/2024`, `31-Jan-2024`.
    pub(super) fn date(&mut self, text: &str) -> Step<()> {
        let mut parts: Vec<&str> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
            let is_letter = |c: char| c.is_ascii_alphabetic();
            let end = if rest.starts_with(is_letter) {
                rest.find(|c: char| !c.is_ascii_alphabetic())
            } else {
                rest.find(|c: char| !c.is_ascii_digit())
            };
            let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
            if part.is_empty() {
                return Err(Bad::Format);
            }
            parts.push(part);
            let mut after = after.chars();
            after.next();
            rest = after.as_str();
        }
        let mut numbers = Vec::new();
        for part in parts {
            if !part.starts_with(|c: char| c.is_ascii_alphabetic()) {
                numbers.push(part);
                continue;
            }
            match word(part) {
                Some(Word::Nothing) => {}
                Some(Word::Month(month)) => {
                    set(&mut self.month, month)?;
                    self.has_named_month = true;
                }
                _ => return Err(Bad::Format),
            }
        }
        for number in numbers {
            self.part(number)?;
        }
        let is_whole = self.year.is_some() && self.has_day();
        if is_whole { Ok(()) } else { Err(Bad::Format) }
    }

    /// A number that is one part of a date, or a time.
    fn part(&mut self, text: &str) -> Step<()> {
        let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
        if text.contains('.') && digits.len() > 2 {
            return self.packed(text, true);
        }
        let value = whole(digits)?;
        let length = text.len();
        let has_only_year = self.year.is_some() && self.month.is_none() && self.day.is_none();
        if length == 3 && has_only_year && (1..=366).contains(&value) {
            return set(&mut self.day_of_year, value);
        }
        let is_year = match (self.year, self.month, self.day) {
            (None, None, None) if length >= 3 => true,
            (None, None, None) => return set(&mut self.month, value),
            (Some(_), None, None) | (None, None, Some(_)) => return set(&mut self.month, value),
            (None, Some(_), None) if self.has_named_month && length >= 3 => true,
            (None, Some(_), None) => return set(&mut self.day, value),
            (Some(year), Some(_), None) if self.has_named_month && length >= 3 && self.is_short_year => {
                self.day = Some(year);
                self.year = None;
                true
            }
            (Some(_), Some(_), None) => return set(&mut self.day, value),
            (None, Some(_), Some(_)) => true,
            (Some(_), Some(_), Some(_)) => return self.packed(text, true),
            (Some(_), None, Some(_)) => return Err(Bad::Format),
        };
        debug_assert!(
            is_year && fraction.len() <= text.len(),
            "all other parts have returned"
        );
        self.is_short_year = length <= 2;
        set(&mut self.year, value)
    }

    /// Digits without separators: `20240131`, `040506`, `0405`.
    pub(super) fn packed(&mut self, text: &str, has_date: bool) -> Step<()> {
        let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
        let micros = if text.contains('.') {
            fraction_micros(fraction)?
        } else {
            0
        };
        let length = digits.len();
        let pair = |from_end: usize| -> Step<i64> {
            let end = length.checked_sub(from_end).ok_or(Bad::Format)?;
            whole(digits.get(end.saturating_sub(2)..end).ok_or(Bad::Format)?)
        };
        if !text.contains('.') && !has_date && length >= 6 {
            let year = digits.get(..length - 4).ok_or(Bad::Format)?;
            set(&mut self.year, whole(year)?)?;
            set(&mut self.month, pair(2)?)?;
            set(&mut self.day, pair(0)?)?;
            self.is_short_year = length == 6;
            return Ok(());
        }
        let (hour, minute, second) = match length {
            6 => (pair(4)?, pair(2)?, pair(0)?),
            4 => (pair(2)?, pair(0)?, 0),
            _ => return Err(Bad::Format),
        };
        set(&mut self.micros, of_clock(hour, minute, second, micros)?)
    }

    fn number_field(&mut self, text: &str) -> Step<()> {
        match self.awaited.take() {
            Some(Word::Julian) => {
                let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
                set(&mut self.julian, whole(digits)?)?;
                if !fraction.is_empty() {
                    let part: f64 = format!("0.{fraction}").parse().map_err(|_| Bad::Format)?;
                    set(&mut self.micros, of_day(part))?;
                }
                return Ok(());
            }
            Some(Word::TimeFollows) => return self.packed(text, true),
            Some(_) => return Err(Bad::Format),
            None => {}
        }
        let has_date = self.year.is_some() && self.has_day() || self.special.is_some();
        let has_part = self.year.is_some() || self.month.is_some() || self.day.is_some();
        match text.find('.') {
            Some(_) if !has_part && !has_date => self.date(text),
            Some(at) if at > 2 => self.packed(text, has_date),
            None if text.len() >= 6 && (!has_part || self.micros.is_none()) => self.packed(text, has_date),
            _ if self.special.is_some() => self.packed(text, true),
            _ => self.part(text),
        }
    }

    pub(super) fn word_field(&mut self, text: &str, next: Option<&Field>) -> Step<()> {
        if let Some(zone) = Zone::abbreviated(text) {
            return set(&mut self.zone, zone);
        }
        match word(text) {
            Some(Word::Nothing | Word::Weekday) => Ok(()),
            Some(Word::Month(month)) => {
                // A number before it that was taken for the month is the day.
                if let (Some(day), None, false) = (self.month, self.day, self.has_named_month)
                    && (1..=31).contains(&day)
                {
                    self.day = Some(day);
                    self.month = None;
                }
                self.has_named_month = true;
                set(&mut self.month, month)
            }
            Some(Word::Am) => set(&mut self.is_afternoon, false),
            Some(Word::Pm) => set(&mut self.is_afternoon, true),
            Some(Word::Before(is_before)) => set(&mut self.is_before_christ, is_before),
            Some(Word::Now) => set(&mut self.special, Day::Now),
            Some(Word::Today(days)) => set(&mut self.special, Day::Today(days)),
            Some(Word::Epoch) => set(&mut self.special, Day::Epoch),
            Some(Word::Infinity(_)) => Err(Bad::Other(unsupported(
                "infinity is not supported in dates and timestamps",
            ))),
            Some(Word::Midnight) => {
                set(&mut self.micros, 0)?;
                set(&mut self.zone, Zone::utc())
            }
            Some(Word::TimeFollows) => {
                let is_time = |next: &Field| matches!(next.sort, Sort::Number | Sort::Time | Sort::Date);
                if !self.has_date() || !next.is_some_and(is_time) {
                    return Err(Bad::Format);
                }
                self.awaited = Some(Word::TimeFollows);
                Ok(())
            }
            Some(Word::Julian) => {
                self.awaited = Some(Word::Julian);
                Ok(())
            }
            Some(Word::Label | Word::SummerTime) => Err(Bad::Other(unsupported(format!(
                "\"{text}\" in a date or a time is not supported"
            )))),
            None => set(&mut self.zone, Zone::named(text).ok_or(Bad::Format)?),
        }
    }
}
