//! Spans between moments: `age`, `justify_*`, `OVERLAPS`, `isfinite`.
//!
//! Owns: these functions. Does not own: the minus of moments; see `arithmetic`. Invariant: an age counts months of the calendar.
//! Start at [`FUNCTIONS`].

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{IntervalMonthDayNano, Time64MicrosecondType};
use datafusion::common::Result;

use super::arithmetic::{Interval, Stamp, moved, moved_in};
use super::calendar::{Civil, DAY, month_days, split};
use super::intervals::Span;
use super::zone::Zone;
use crate::functions::overload::{Call, Overload};
use crate::types::Kind::{self, Boolean, Date, Time, Timestamp, TimestampTz};

const SPAN: Kind = Kind::Interval;

pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("age", &[Timestamp, Timestamp], SPAN, |call| {
        let (left, right) = (call.values::<Stamp>(0)?, call.values::<Stamp>(1)?);
        call.primitives_of::<Interval>(|row| age(left.value(row), right.value(row)).map(Some))
    }),
    Overload::new("age", &[TimestampTz, TimestampTz], SPAN, |call| {
        let (left, right) = (call.values::<Stamp>(0)?, call.values::<Stamp>(1)?);
        let zone = Zone::of_session(call.config)?;
        call.primitives_of::<Interval>(|row| {
            age(zone.local(left.value(row))?, zone.local(right.value(row))?).map(Some)
        })
    })
    .stable(),
    Overload::new("justify_hours", &[SPAN], SPAN, |call| {
        justified(call, Span::with_full_days)
    }),
    Overload::new("justify_days", &[SPAN], SPAN, |call| {
        justified(call, Span::with_full_months)
    }),
    Overload::new("justify_interval", &[SPAN], SPAN, |call| {
        justified(call, Span::justified)
    }),
    // There are no infinite values here.
    Overload::new("isfinite", &[Date], Boolean, |call| {
        call.booleans_of(|_| Ok(Some(true)))
    }),
    Overload::new("isfinite", &[Timestamp], Boolean, |call| {
        call.booleans_of(|_| Ok(Some(true)))
    }),
    Overload::new("isfinite", &[TimestampTz], Boolean, |call| {
        call.booleans_of(|_| Ok(Some(true)))
    }),
    Overload::new("isfinite", &[SPAN], Boolean, |call| {
        call.booleans_of(|_| Ok(Some(true)))
    }),
    Overload::new(
        "overlaps",
        &[TimestampTz, TimestampTz, TimestampTz, TimestampTz],
        Boolean,
        overlaps,
    )
    .of_nulls(),
    Overload::new(
        "overlaps",
        &[TimestampTz, SPAN, TimestampTz, SPAN],
        Boolean,
        overlaps,
    )
    .of_nulls()
    .stable(),
    Overload::new(
        "overlaps",
        &[TimestampTz, TimestampTz, TimestampTz, SPAN],
        Boolean,
        overlaps,
    )
    .of_nulls()
    .stable(),
    Overload::new(
        "overlaps",
        &[TimestampTz, SPAN, TimestampTz, TimestampTz],
        Boolean,
        overlaps,
    )
    .of_nulls()
    .stable(),
    Overload::new(
        "overlaps",
        &[Timestamp, Timestamp, Timestamp, Timestamp],
        Boolean,
        overlaps,
    )
    .of_nulls(),
    Overload::new("overlaps", &[Timestamp, SPAN, Timestamp, SPAN], Boolean, overlaps).of_nulls(),
    Overload::new(
        "overlaps",
        &[Timestamp, Timestamp, Timestamp, SPAN],
        Boolean,
        overlaps,
    )
    .of_nulls(),
    Overload::new(
        "overlaps",
        &[Timestamp, SPAN, Timestamp, Timestamp],
        Boolean,
        overlaps,
    )
    .of_nulls(),
    Overload::new("overlaps", &[Time, Time, Time, Time], Boolean, overlaps).of_nulls(),
    Overload::new("overlaps", &[Time, SPAN, Time, SPAN], Boolean, overlaps).of_nulls(),
    Overload::new("overlaps", &[Time, Time, Time, SPAN], Boolean, overlaps).of_nulls(),
    Overload::new("overlaps", &[Time, SPAN, Time, Time], Boolean, overlaps).of_nulls(),
];

fn justified(call: &Call, justify: fn(Span) -> Span) -> Result<ArrayRef> {
    let spans = call.values::<Interval>(0)?;
    call.primitives_of::<Interval>(|row| justify(Span::of(spans.value(row))).interval().map(Some))
}

/// `timestamp_age`: years, months and days by the calendar, then the rest as time.
pub(crate) fn age(left: i64, right: i64) -> Result<IntervalMonthDayNano> {
    let (late, early) = if left < right {
        (right, left)
    } else {
        (left, right)
    };
    let ((late_day, late_time), (early_day, early_time)) = (split(late), split(early));
    let (to, from) = (Civil::of(late_day), Civil::of(early_day));
    let mut micros = late_time - early_time;
    let mut days = to.day - from.day;
    let mut months = (to.year - from.year) * 12 + to.month - from.month;
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    while days < 0 {
        // Days are borrowed from the month of the earlier moment.
        days += month_days(from.year, from.month);
        months -= 1;
    }
    let span = Span { months, days, micros };
    if left < right {
        span.negated().interval()
    } else {
        span.interval()
    }
}

/// One end of a period, if it is there.
fn end(call: &Call, at: usize, start: Option<i64>, row: usize) -> Result<Option<i64>> {
    let array = call.array(at)?;
    if array.is_null(row) {
        return Ok(None);
    }
    match Kind::of(array.data_type()) {
        Kind::Time => Ok(Some(call.values::<Time64MicrosecondType>(at)?.value(row))),
        Kind::Interval => {
            let span = Span::of(call.values::<Interval>(at)?.value(row));
            let Some(start) = start else {
                return Ok(None);
            };
            match Kind::of(call.array(at - 1)?.data_type()) {
                Kind::Time => Ok(Some((start + span.micros.rem_euclid(DAY)).rem_euclid(DAY))),
                Kind::TimestampTz => moved_in(start, span, &Zone::of_session(call.config)?).map(Some),
                _ => moved(start, span).map(Some),
            }
        }
        _ => Ok(Some(call.values::<Stamp>(at)?.value(row))),
    }
}

/// The lesser end first; a missing end is the second.
fn period(call: &Call, at: usize, row: usize) -> Result<Option<(i64, Option<i64>)>> {
    let start = end(call, at, None, row)?;
    let stop = end(call, at + 1, start, row)?;
    Ok(match (start, stop) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some((one, None)),
        (Some(start), Some(stop)) => Some((start.min(stop), Some(start.max(stop)))),
    })
}

/// SQL's OVERLAPS, NULLs included.
fn overlaps(call: &Call) -> Result<ArrayRef> {
    call.booleans_of(|row| {
        let (Some((start1, end1)), Some((start2, end2))) = (period(call, 0, row)?, period(call, 2, row)?)
        else {
            return Ok(None);
        };
        let (late, first_end, other_end) = match start1.cmp(&start2) {
            std::cmp::Ordering::Equal => return Ok(end1.and(end2).map(|_| true)),
            std::cmp::Ordering::Greater => (start1, end2, end1),
            std::cmp::Ordering::Less => (start2, end1, end2),
        };
        Ok(match first_end {
            None => None,
            Some(end) if late < end => Some(true),
            Some(_) => other_end.map(|_| false),
        })
    })
}
