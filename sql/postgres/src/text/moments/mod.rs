//! Dates and times in every way that PostgreSQL reads them (manual, appendix B), with `DateStyle` ISO, MDY.
//!
//! Owns: what the fields of a text mean together. Does not own: intervals, see `text::intervals`; the zone that is meant where none is
//! written. Invariant: what PostgreSQL refuses is refused with its SQLSTATE, what only this cannot hold with 0A000. Start at [`read`].

mod clock;
pub(crate) mod fields;
mod reader;
mod time_of_day;
mod words;

use datafusion::common::{DataFusionError, Result};

pub(crate) use self::clock::{offset_zone, rounded_fraction};
use self::fields::fields;
use self::reader::Reader;
use crate::functions::datetime::zone::Zone;
use crate::types::{Kind, fault};

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
