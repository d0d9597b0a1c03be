//! Dates and times in every way that PostgreSQL reads them (manual, appendix B), with `DateStyle` ISO, MDY.
//!
//! Owns: what the fields of a text mean together. Does not own: intervals, see `text::intervals`; the zone that is meant where none is
//! written. Invariant: what PostgreSQL refuses is refused with its SQLSTATE, what only this cannot hold with 0A000. Start at [`read`].

pub(crate) mod fields;
pub(crate) mod words;

use datafusion::common::{DataFusionError, Result};

use self::fields::{Field, Sort, fields};
use self::words::{Word, word};
use crate::functions::datetime::calendar::{Civil, DAY, SECOND, UNIX_JULIAN, month_days};
use crate::functions::datetime::zone::Zone;
use crate::types::{Kind, fault, unsupported};

/// A moment as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) day: Day,
    /// Microseconds since midnight.
    pub(crate) micros: i64,
    pub(crate) zone: Option<Zone>,
}

/// The day of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    /// Days since 1970.
    Fixed(i64),
    /// So many days after the day on which the statement runs.
    Today(i64),
    /// The moment at which the statement runs.
    Now,
    Epoch,
}

/// Why a text is no moment.
enum Bad {
    Format,
    Range,
    Offset,
    Other(DataFusionError),
}

impl From<DataFusionError> for Bad {
    fn from(error: DataFusionError) -> Self {
        Self::Other(error)
    }
}

impl Bad {
    fn into_error(self, text: &str, kind: Kind) -> DataFusionError {
        match self {
            Self::Format => fault(
                "22007",
                format!("invalid input syntax for type {}: \"{text}\"", kind.name()),
            ),
            Self::Range => fault("22008", format!("date/time field value out of range: \"{text}\"")),
            Self::Offset => fault(
                "22009",
                format!("time zone displacement out of range: \"{text}\""),
            ),
            Self::Other(error) => error,
        }
    }
}

type Step<T> = std::result::Result<T, Bad>;

/// Reads a date or a timestamp.
///
/// # Errors
/// 22007, 22008, 22009 and 22023 as PostgreSQL; 0A000 for infinity.
pub(crate) fn read(text: &str, kind: Kind) -> Result<Written> {
    let found = fields(text).ok_or(Bad::Format);
    let found = found.and_then(|fields| Reader::default().moment(&fields));
    found.map_err(|bad| bad.into_error(text, kind))
}

/// Reads a time of day.
///
/// # Errors
/// As [`read`].
pub(crate) fn time(text: &str) -> Result<i64> {
    let found = fields(text).ok_or(Bad::Format);
    let found = found.and_then(|fields| Reader::default().time_of_day(&fields));
    found.map_err(|bad| bad.into_error(text, Kind::Time))
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    /// The year has one or two digits.
    is_short_year: bool,
    is_before_christ: Option<bool>,
    has_named_month: bool,
    julian: Option<i64>,
    micros: Option<i64>,
    is_afternoon: Option<bool>,
    zone: Option<Zone>,
    special: Option<Day>,
    awaited: Option<Word>,
}

fn set<T>(place: &mut Option<T>, value: T) -> Step<()> {
    match place {
        Some(_) => Err(Bad::Format),
        None => {
            *place = Some(value);
            Ok(())
        }
    }
}

impl Reader {
    fn has_date(&self) -> bool {
        self.has_day() && self.year.is_some() || self.julian.is_some() || self.special.is_some()
    }

    fn has_day(&self) -> bool {
        (self.month.is_some() && self.day.is_some()) || self.day_of_year.is_some() || self.julian.is_some()
    }

    fn moment(mut self, fields: &[Field]) -> Step<Written> {
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
    fn civil_day(&self) -> Step<Option<i64>> {
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
    fn time(&self) -> Step<i64> {
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
    fn zone_field(&mut self, text: &str) -> Step<()> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) && self.awaited.is_none() {
            let zone = Zone::named(text);
            let zone =
                zone.ok_or_else(|| Bad::Other(crate::functions::datetime::zone::not_recognized(text)))?;
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
    fn date(&mut self, text: &str) -> Step<()> {
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
    fn packed(&mut self, text: &str, has_date: bool) -> Step<()> {
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

    fn word_field(&mut self, text: &str, next: Option<&Field>) -> Step<()> {
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

    fn time_of_day(mut self, fields: &[Field]) -> Step<i64> {
        for (at, field) in fields.iter().enumerate() {
            let text = field.text.as_str();
            let next = fields.get(at + 1);
            match field.sort {
                Sort::Date if at == 0 && next.is_some() => self.date(text)?,
                Sort::Date => self.zone_field(text)?,
                Sort::Number if text.contains('.') && text.find('.') <= Some(2) => return Err(Bad::Format),
                Sort::Number if self.has_date() && self.awaited.is_none() => self.packed(text, true)?,
                Sort::Number => {
                    self.awaited = None;
                    self.packed(text, true)?;
                }
                Sort::Time => {
                    self.awaited = None;
                    set(&mut self.micros, clock(text)?)?;
                }
                Sort::Signed => set(&mut self.zone, offset(text)?)?,
                Sort::Word if matches!(word(text), Some(Word::TimeFollows)) => {
                    self.awaited = Some(Word::TimeFollows)
                }
                Sort::Word if matches!(word(text), Some(Word::Now)) => {
                    return Err(Bad::Other(unsupported(
                        "\"now\" is not supported as a time; use localtime",
                    )));
                }
                Sort::Word | Sort::SignedWord => self.word_field(text, next)?,
            }
        }
        if self.special.is_some() {
            return Err(Bad::Format);
        }
        // A zone that changes its offset means nothing without a date.
        if self.year.is_none()
            && let Some(zone) = &self.zone
            && zone.offset_at(0) != zone.offset_at(DAY * 182)
        {
            return Err(Bad::Format);
        }
        self.civil_day()?;
        match self.micros {
            Some(_) => self.time(),
            None => Err(Bad::Format),
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a part of a day"
)]
fn of_day(part: f64) -> i64 {
    (part * DAY as f64).round_ties_even() as i64
}

fn whole(digits: &str) -> Step<i64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Bad::Format);
    }
    let value = digits.parse::<i32>();
    value.map(i64::from).map_err(|_| Bad::Range)
}

/// Digits after the point of a second, as microseconds.
pub(crate) fn rounded_fraction(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: f64 = format!("0.{digits}0").parse().ok()?;
    #[allow(clippy::cast_possible_truncation, reason = "at most a second")]
    let micros = (part * 1e6).round_ties_even() as i64;
    Some(micros)
}

fn fraction_micros(digits: &str) -> Step<i64> {
    rounded_fraction(digits).ok_or(Bad::Format)
}

/// `10:20`, `10:20:30.5`, and `20:30.5` for minutes and seconds.
fn clock(text: &str) -> Step<i64> {
    let (whole_text, fraction) = match text.split_once('.') {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    };
    let micros = fraction.map_or(Ok(0), fraction_micros)?;
    let numbers = whole_text.split(':').map(whole);
    let numbers = numbers.collect::<Step<Vec<_>>>()?;
    match numbers.as_slice() {
        [minute, second] if fraction.is_some() => of_clock(0, *minute, *second, micros),
        [hour, minute] => of_clock(*hour, *minute, 0, 0),
        [hour, minute, second] => of_clock(*hour, *minute, *second, micros),
        _ => Err(Bad::Format),
    }
}

fn of_clock(hour: i64, minute: i64, second: i64, micros: i64) -> Step<i64> {
    let total = (hour * 3600 + minute * 60 + second) * SECOND + micros;
    if hour > 24 || minute > 59 || second > 60 || total > DAY {
        return Err(Bad::Range);
    }
    Ok(total)
}

/// The zone of an offset with its sign; `None` when it is none, an error when it is out of range.
pub(crate) fn offset_zone(text: &str) -> Option<std::result::Result<Zone, ()>> {
    match offset(text) {
        Ok(zone) => Some(Ok(zone)),
        Err(Bad::Offset | Bad::Range) => Some(Err(())),
        Err(Bad::Format | Bad::Other(_)) => None,
    }
}

/// `+01`, `-0330`, `+05:30:15`.
fn offset(text: &str) -> Step<Zone> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').ok_or(Bad::Format)?),
    };
    let parts = rest.split(':').map(whole).collect::<Step<Vec<_>>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [packed] if rest.len() > 2 => (packed / 100, packed % 100, 0),
        [hours] => (*hours, 0, 0),
        [hours, minutes] => (*hours, *minutes, 0),
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        _ => return Err(Bad::Format),
    };
    if hours > 15 || minutes > 59 || seconds > 59 {
        return Err(Bad::Offset);
    }
    let east = i32::try_from(sign * (hours * 3600 + minutes * 60 + seconds)).map_err(|_| Bad::Offset)?;
    Ok(Zone::east(east))
}
