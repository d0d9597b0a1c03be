//! The names of units and fields of time, as `extract`, `date_trunc` and their kin take them.
//!
//! Owns: which unit a name means, and what is said of one that has no meaning. Does not own: values of fields; see `extract`.
//! Invariant: a name that PostgreSQL knows is at worst not supported, any other is not recognized. Start at [`Unit::named`].

use datafusion::common::{DataFusionError, Result};

use crate::types::{Kind, fault, unsupported};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    // Fields only.
    Epoch,
    Julian,
    Weekday,
    IsoWeekday,
    DayOfYear,
    IsoYear,
    Zone,
    ZoneHour,
    ZoneMinute,
}

impl Unit {
    /// The unit of a name, whose first ten letters count.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let short: String = name.chars().take(10).collect();
        Some(match short.as_str() {
            "us" | "usec" | "usecs" | "useconds" | "microsecon" => Self::Microsecond,
            "ms" | "msec" | "msecs" | "mseconds" | "millisecon" => Self::Millisecond,
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hour,
            "d" | "day" | "days" => Self::Day,
            "w" | "week" | "weeks" => Self::Week,
            "mon" | "mons" | "month" | "months" => Self::Month,
            "qtr" | "quarter" => Self::Quarter,
            "y" | "yr" | "yrs" | "year" | "years" => Self::Year,
            "dec" | "decs" | "decade" | "decades" => Self::Decade,
            "c" | "cent" | "century" | "centuries" => Self::Century,
            "mil" | "mils" | "millennium" | "millennia" => Self::Millennium,
            "epoch" => Self::Epoch,
            "j" | "jd" | "julian" => Self::Julian,
            "dow" => Self::Weekday,
            "isodow" => Self::IsoWeekday,
            "doy" => Self::DayOfYear,
            "isoyear" => Self::IsoYear,
            "timezone" => Self::Zone,
            "timezone_h" => Self::ZoneHour,
            "timezone_m" => Self::ZoneMinute,
            _ => return None,
        })
    }

    /// The unit of a name.
    ///
    /// # Errors
    /// 22023 for a name that is none.
    pub(crate) fn of(name: &str, kind: Kind) -> Result<Self> {
        Self::named(name).ok_or_else(|| not_recognized(name, kind))
    }
}

/// 22023 as PostgreSQL words it.
pub(crate) fn not_recognized(name: &str, kind: Kind) -> DataFusionError {
    let message = format!(
        "unit \"{}\" not recognized for type {}",
        name.to_lowercase(),
        kind.name()
    );
    fault("22023", message)
}

/// 0A000 as PostgreSQL words it.
pub(crate) fn not_supported(name: &str, kind: Kind) -> DataFusionError {
    unsupported(format!(
        "unit \"{}\" not supported for type {}",
        name.to_lowercase(),
        kind.name()
    ))
}
