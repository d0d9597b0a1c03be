//! Moments made from numbers: `make_date` and its kin, `to_timestamp(double precision)`.
//!
//! Owns: these functions. Does not own: reading text; see `text::moments`. Invariant: what is no date or no time is an error.
//! Start at [`FUNCTIONS`].

use chrono::Utc;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{Date32Type, Float64Type, Int32Type, Time64MicrosecondType};
use datafusion::common::Result;

use super::arithmetic::{Interval, Stamp};
use super::calendar::{self, Civil, DAY, SECOND, checked_date, checked_timestamp};
use super::intervals::Span;
use super::zone::Zone;
use crate::functions::overload::{Call, Overload};
use crate::types::Kind::{self, Date, Float8, Int4, Text, Time, Timestamp, TimestampTz};
use crate::types::{fault, unsupported};

const INTERVAL: Kind = Kind::Interval;

pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("make_date", &[Int4, Int4, Int4], Date, |call| {
        let parts = Numbers::of(call, 3)?;
        call.primitives_of::<Date32Type>(|row| {
            let day = day(parts.at(0, row), parts.at(1, row), parts.at(2, row))?;
            checked_date(day).map(Some)
        })
    }),
    Overload::new("make_time", &[Int4, Int4, Float8], Time, |call| {
        let parts = Numbers::of(call, 2)?;
        let seconds = call.values::<Float64Type>(2)?;
        call.primitives_of::<Time64MicrosecondType>(|row| {
            time(parts.at(0, row), parts.at(1, row), seconds.value(row)).map(Some)
        })
    }),
    Overload::new(
        "make_timestamp",
        &[Int4, Int4, Int4, Int4, Int4, Float8],
        Timestamp,
        |call| call.primitives_of::<Stamp>(local(call)?),
    ),
    Overload::new(
        "make_timestamptz",
        &[Int4, Int4, Int4, Int4, Int4, Float8],
        TimestampTz,
        |call| {
            let zone = Zone::of_session(call.config)?;
            let mut local = local(call)?;
            call.primitives_of::<Stamp>(|row| local(row)?.map(|local| zone.moment(local)).transpose())
        },
    )
    .stable(),
    Overload::new(
        "make_timestamptz",
        &[Int4, Int4, Int4, Int4, Int4, Float8, Text],
        TimestampTz,
        |call| {
            let zones = call.texts(6)?;
            let mut local = local(call)?;
            call.primitives_of::<Stamp>(|row| {
                let zone = named(zones.value(row))?;
                local(row)?.map(|local| zone.moment(local)).transpose()
            })
        },
    ),
    Overload::new("make_interval", &[], INTERVAL, made_interval),
    Overload::new("make_interval", &[Int4], INTERVAL, made_interval),
    Overload::new("make_interval", &[Int4, Int4], INTERVAL, made_interval),
    Overload::new("make_interval", &[Int4, Int4, Int4], INTERVAL, made_interval),
    Overload::new(
        "make_interval",
        &[Int4, Int4, Int4, Int4],
        INTERVAL,
        made_interval,
    ),
    Overload::new(
        "make_interval",
        &[Int4, Int4, Int4, Int4, Int4],
        INTERVAL,
        made_interval,
    ),
    Overload::new(
        "make_interval",
        &[Int4, Int4, Int4, Int4, Int4, Int4],
        INTERVAL,
        made_interval,
    ),
    Overload::new(
        "make_interval",
        &[Int4, Int4, Int4, Int4, Int4, Int4, Float8],
        INTERVAL,
        made_interval,
    ),
    Overload::new("to_timestamp", &[Float8], TimestampTz, |call| {
        let seconds = call.values::<Float64Type>(0)?;
        call.primitives_of::<Stamp>(|row| of_epoch(seconds.value(row)).map(Some))
    }),
    Overload::new("clock_timestamp", &[], TimestampTz, |call| {
        call.primitives_of::<Stamp>(|_| Ok(Some(Utc::now().timestamp_micros())))
    })
    .volatile(),
    Overload::new("timeofday", &[], Text, |call| {
        let zone = Zone::of_session(call.config)?;
        call.texts_of(|_, out| {
            let now = Utc::now().timestamp_micros();
            let local = zone.local(now)?;
            let moment = chrono::DateTime::from_timestamp_micros(local).unwrap_or_default();
            *out = format!(
                "{} {}",
                moment.format("%a %b %d %H:%M:%S%.6f %Y"),
                zone.abbreviation_at(now)
            );
            Ok(true)
        })
    })
    .volatile(),
];

/// The integers among the arguments.
struct Numbers<'a>(Vec<&'a datafusion::arrow::array::PrimitiveArray<Int32Type>>);

impl<'a> Numbers<'a> {
    fn of(call: &'a Call, count: usize) -> Result<Self> {
        (0..count)
            .map(|at| call.values::<Int32Type>(at))
            .collect::<Result<_>>()
            .map(Self)
    }

    fn at(&self, argument: usize, row: usize) -> i64 {
        self.0
            .get(argument)
            .map_or(0, |values| i64::from(values.value(row)))
    }
}

/// The day of a year that people write, in which 1 BC is -1.
fn day(year: i64, month: i64, day: i64) -> Result<i64> {
    let wrong = || {
        fault(
            "22008",
            format!("date field value out of range: {year}-{month:02}-{day:02}"),
        )
    };
    let astronomical = match year {
        0 => return Err(wrong()),
        ..0 => year + 1,
        _ => year,
    };
    let date = Civil {
        year: astronomical,
        month,
        day,
    };
    let days = date.checked_days().ok_or_else(wrong)?;
    if calendar::is_date(days) {
        return Ok(days);
    }
    Err(fault(
        "22008",
        format!("date out of range: {year}-{month:02}-{day:02}"),
    ))
}

/// Microseconds since midnight.
#[allow(clippy::cast_possible_truncation, reason = "at most a minute")]
fn time(hour: i64, minute: i64, second: f64) -> Result<i64> {
    let wrong = || {
        fault(
            "22008",
            format!("time field value out of range: {hour}:{minute:02}:{second:02}"),
        )
    };
    if !(0.0..=60.0).contains(&second) {
        return Err(wrong());
    }
    let micros = (second * 1e6).round_ties_even() as i64;
    let total = (hour * 3600 + minute * 60) * SECOND + micros;
    let is_time = (0..=24).contains(&hour) && (0..60).contains(&minute) && total <= DAY;
    if is_time { Ok(total) } else { Err(wrong()) }
}

/// The local time of the first six arguments.
fn local<'a>(call: &'a Call) -> Result<impl FnMut(usize) -> Result<Option<i64>> + 'a> {
    let parts = Numbers::of(call, 5)?;
    let seconds = call.values::<Float64Type>(5)?;
    Ok(move |row| {
        let day = day(parts.at(0, row), parts.at(1, row), parts.at(2, row))?;
        let time = time(parts.at(3, row), parts.at(4, row), seconds.value(row))?;
        checked_timestamp(day, time).map(Some)
    })
}

/// A zone as `make_timestamptz` takes it: an offset with its sign, an abbreviation, a name.
fn named(text: &str) -> Result<Zone> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(fault(
            "22023",
            format!("invalid input syntax for type numeric time zone: \"{text}\""),
        ));
    }
    match crate::text::moments::offset_zone(text) {
        Some(Ok(zone)) => Ok(zone),
        Some(Err(())) => Err(fault(
            "22023",
            format!("numeric time zone \"{text}\" out of range"),
        )),
        None => Zone::asked(text),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "checked to be within the range")]
fn made_interval(call: &Call) -> Result<ArrayRef> {
    let parts = Numbers::of(call, call.len().min(6))?;
    let seconds = if call.len() > 6 {
        Some(call.values::<Float64Type>(6)?)
    } else {
        None
    };
    call.primitives_of::<Interval>(|row| {
        let beyond = || fault("22008", "interval out of range");
        let seconds = seconds.map_or(0.0, |seconds| seconds.value(row));
        if !seconds.is_finite() {
            return Err(beyond());
        }
        let micros = (seconds * 1e6).round_ties_even();
        if micros.abs() >= 9.2e18 {
            return Err(beyond());
        }
        let months = parts.at(0, row) * 12 + parts.at(1, row);
        let days = parts.at(2, row) * 7 + parts.at(3, row);
        let time = (parts.at(4, row) * 3600 + parts.at(5, row) * 60) * SECOND;
        let span = Span {
            months,
            days,
            micros: time.checked_add(micros as i64).ok_or_else(beyond)?,
        };
        span.interval().map(Some)
    })
}

#[allow(clippy::cast_possible_truncation, reason = "checked to be within the range")]
fn of_epoch(seconds: f64) -> Result<i64> {
    if seconds.is_nan() {
        return Err(fault("22008", "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Err(unsupported("infinity is not supported in dates and timestamps"));
    }
    let wrong = || fault("22008", format!("timestamp out of range: \"{seconds}\""));
    // PostgreSQL counts from 2000, and rounds there.
    const SINCE_1970: f64 = 946_684_800.0;
    let since_2000 = ((seconds - SINCE_1970) * 1e6).round_ties_even();
    if since_2000.abs() >= 9.3e18 {
        return Err(wrong());
    }
    calendar::checked_micros(since_2000 as i128 + 946_684_800_000_000)
}
