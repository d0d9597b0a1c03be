//! Patterns of dates and times: `YYYY-MM-DD HH24:MI`, `FMMonth DDth`.
//!
//! Owns: the grammar of patterns. Does not own: what a field prints or reads; see `moment_text` and `moment_values`.
//! Invariant: of the fields that a pattern could begin with, the one that PostgreSQL looks for first is taken. Start at [`compiled`].

use datafusion::common::Result;

/// What stands in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Field(Field),
    Letter(char),
    Space(char),
    Separator(char),
}

/// A field with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) key: Key,
    /// As the pattern writes it.
    pub(super) name: &'static str,
    /// `FM`: without blanks and zeros.
    pub(super) is_bare: bool,
    /// `TM`: names of the locale, which are the same here.
    pub(super) is_local: bool,
    pub(super) ordinal: Option<Ordinal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ordinal {
    Upper,
    Lower,
}

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Upper,
    Capital,
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// With points if so.
    Era(bool, Letters),
    Noon(bool, Letters),
    Century,
    WeekdayName(Letters),
    WeekdayShort(Letters),
    DayOfYear,
    Day,
    Weekday,
    /// So many digits of a second.
    Fraction(u8),
    Exact,
    Hour24,
    Hour12,
    IsoDayOfYear,
    IsoWeekday,
    IsoWeek,
    /// The last so many digits of the year.
    IsoYear(u8),
    Year(u8),
    YearWithComma,
    Julian,
    Minute,
    Month,
    MonthName(Letters),
    MonthShort(Letters),
    Millisecond,
    Microsecond,
    Offset,
    OffsetHour,
    OffsetMinute,
    Zone(Letters),
    Quarter,
    Roman(Letters),
    SecondOfDay,
    Second,
    Week,
    WeekOfMonth,
}

impl Key {
    /// Whether a number is read for it.
    pub(super) fn is_digit(self) -> bool {
        !matches!(
            self,
            Self::Era(..)
                | Self::Noon(..)
                | Self::WeekdayName(_)
                | Self::WeekdayShort(_)
                | Self::Fraction(_)
                | Self::Exact
                | Self::MonthName(_)
                | Self::MonthShort(_)
                | Self::Offset
                | Self::OffsetHour
                | Self::Zone(_)
                | Self::Roman(_)
        )
    }
}

use Letters::{Capital, Lower, Upper};

/// Fields in the order in which they are looked for. Those without letters of their own are found in lower case too.
const FIELDS: &[(&str, Key)] = &[
    ("A.D.", Key::Era(true, Upper)),
    ("A.M.", Key::Noon(true, Upper)),
    ("AD", Key::Era(false, Upper)),
    ("AM", Key::Noon(false, Upper)),
    ("B.C.", Key::Era(true, Upper)),
    ("BC", Key::Era(false, Upper)),
    ("CC", Key::Century),
    ("DAY", Key::WeekdayName(Upper)),
    ("DDD", Key::DayOfYear),
    ("DD", Key::Day),
    ("DY", Key::WeekdayShort(Upper)),
    ("Day", Key::WeekdayName(Capital)),
    ("Dy", Key::WeekdayShort(Capital)),
    ("D", Key::Weekday),
    ("FF1", Key::Fraction(1)),
    ("FF2", Key::Fraction(2)),
    ("FF3", Key::Fraction(3)),
    ("FF4", Key::Fraction(4)),
    ("FF5", Key::Fraction(5)),
    ("FF6", Key::Fraction(6)),
    ("FX", Key::Exact),
    ("HH24", Key::Hour24),
    ("HH12", Key::Hour12),
    ("HH", Key::Hour12),
    ("IDDD", Key::IsoDayOfYear),
    ("ID", Key::IsoWeekday),
    ("IW", Key::IsoWeek),
    ("IYYY", Key::IsoYear(4)),
    ("IYY", Key::IsoYear(3)),
    ("IY", Key::IsoYear(2)),
    ("I", Key::IsoYear(1)),
    ("J", Key::Julian),
    ("MI", Key::Minute),
    ("MM", Key::Month),
    ("MONTH", Key::MonthName(Upper)),
    ("MON", Key::MonthShort(Upper)),
    ("MS", Key::Millisecond),
    ("Month", Key::MonthName(Capital)),
    ("Mon", Key::MonthShort(Capital)),
    ("OF", Key::Offset),
    ("P.M.", Key::Noon(true, Upper)),
    ("PM", Key::Noon(false, Upper)),
    ("Q", Key::Quarter),
    ("RM", Key::Roman(Upper)),
    ("SSSSS", Key::SecondOfDay),
    ("SSSS", Key::SecondOfDay),
    ("SS", Key::Second),
    ("TZH", Key::OffsetHour),
    ("TZM", Key::OffsetMinute),
    ("TZ", Key::Zone(Upper)),
    ("US", Key::Microsecond),
    ("WW", Key::Week),
    ("W", Key::WeekOfMonth),
    ("Y,YYY", Key::YearWithComma),
    ("YYYY", Key::Year(4)),
    ("YYY", Key::Year(3)),
    ("YY", Key::Year(2)),
    ("Y", Key::Year(1)),
    ("a.d.", Key::Era(true, Lower)),
    ("a.m.", Key::Noon(true, Lower)),
    ("ad", Key::Era(false, Lower)),
    ("am", Key::Noon(false, Lower)),
    ("b.c.", Key::Era(true, Lower)),
    ("bc", Key::Era(false, Lower)),
    ("cc", Key::Century),
    ("day", Key::WeekdayName(Lower)),
    ("ddd", Key::DayOfYear),
    ("dd", Key::Day),
    ("dy", Key::WeekdayShort(Lower)),
    ("d", Key::Weekday),
    ("ff1", Key::Fraction(1)),
    ("ff2", Key::Fraction(2)),
    ("ff3", Key::Fraction(3)),
    ("ff4", Key::Fraction(4)),
    ("ff5", Key::Fraction(5)),
    ("ff6", Key::Fraction(6)),
    ("fx", Key::Exact),
    ("hh24", Key::Hour24),
    ("hh12", Key::Hour12),
    ("hh", Key::Hour12),
    ("iddd", Key::IsoDayOfYear),
    ("id", Key::IsoWeekday),
    ("iw", Key::IsoWeek),
    ("iyyy", Key::IsoYear(4)),
    ("iyy", Key::IsoYear(3)),
    ("iy", Key::IsoYear(2)),
    ("i", Key::IsoYear(1)),
    ("j", Key::Julian),
    ("mi", Key::Minute),
    ("mm", Key::Month),
    ("month", Key::MonthName(Lower)),
    ("mon", Key::MonthShort(Lower)),
    ("ms", Key::Millisecond),
    ("of", Key::Offset),
    ("p.m.", Key::Noon(true, Lower)),
    ("pm", Key::Noon(false, Lower)),
    ("q", Key::Quarter),
    ("rm", Key::Roman(Lower)),
    ("sssss", Key::SecondOfDay),
    ("ssss", Key::SecondOfDay),
    ("ss", Key::Second),
    ("tzh", Key::OffsetHour),
    ("tzm", Key::OffsetMinute),
    ("tz", Key::Zone(Lower)),
    ("us", Key::Microsecond),
    ("ww", Key::Week),
    ("w", Key::WeekOfMonth),
    ("y,yyy", Key::YearWithComma),
    ("yyyy", Key::Year(4)),
    ("yyy", Key::Year(3)),
    ("yy", Key::Year(2)),
    ("y", Key::Year(1)),
];

/// The parts of a pattern. An empty pattern has none.
///
/// # Errors
/// None: what is no field is a letter.
pub(super) fn compiled(pattern: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let (is_bare, is_local) = match rest.get(..2) {
            Some("FM" | "fm") => (true, false),
            Some("TM" | "tm") => (false, true),
            _ => (false, false),
        };
        if is_bare || is_local {
            rest = rest.get(2..).unwrap_or_default();
        }
        if let Some((name, key)) = FIELDS.iter().find(|(name, _)| rest.starts_with(name)) {
            rest = rest.get(name.len()..).unwrap_or_default();
            let ordinal = match rest.get(..2) {
                Some("TH") => Some(Ordinal::Upper),
                Some("th") => Some(Ordinal::Lower),
                _ => None,
            };
            // Spelled numbers are known and not done, in PostgreSQL too.
            if ordinal.is_some() || rest.starts_with("SP") {
                rest = rest.get(2..).unwrap_or_default();
            }
            parts.push(Part::Field(Field {
                key: *key,
                name,
                is_bare,
                is_local,
                ordinal,
            }));
            continue;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted_letters(quoted, &mut parts);
            continue;
        }
        if rest.starts_with("\\\"") {
            rest = rest.get(1..).unwrap_or_default();
        }
        let mut letters = rest.chars();
        if let Some(letter) = letters.next() {
            parts.push(match letter {
                ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => Part::Space(letter),
                _ if letter.is_ascii_graphic() && !letter.is_ascii_alphanumeric() => Part::Separator(letter),
                _ => Part::Letter(letter),
            });
        }
        rest = letters.as_str();
    }
    Ok(parts)
}

/// Letters up to the closing quote; a backslash takes the next one as it is.
fn quoted_letters<'a>(quoted: &'a str, parts: &mut Vec<Part>) -> &'a str {
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => parts.extend(letters.next().map(Part::Letter)),
            _ => parts.push(Part::Letter(letter)),
        }
    }
    letters.as_str()
}
