//! Moments cut to a unit or to a bin: `date_trunc` and `date_bin`.
//!
//! Owns: where a unit starts. Does not own: names of units; see `units`. Invariant: the start of a unit of days in a zone is a local
//! midnight there. Start at [`FUNCTIONS`].

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use super::arithmetic::{Interval, Stamp};
use super::calendar::{
    self, Civil, DAY, HOUR, MINUTE, SECOND, checked_micros, checked_timestamp, first_of, monday,
};
use super::intervals::Span;
use super::units::{Unit, not_recognized, not_supported};
use super::zone::Zone;
use crate::functions::overload::{Call, Overload};
use crate::types::Kind::{self, Text, Timestamp, TimestampTz};
use crate::types::{fault, unsupported};

pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("date_trunc", &[Text, TimestampTz], TimestampTz, |call| {
        in_zone(call, &[Zone::of_session(call.config)?])
    })
    .stable(),
    Overload::new("date_trunc", &[Text, TimestampTz, Text], TimestampTz, |call| {
        let zones = zones(call, 2)?;
        in_zone(call, &zones)
    }),
    Overload::new("date_trunc", &[Text, Timestamp], Timestamp, |call| {
        let moments = call.values::<Stamp>(1)?;
        let mut units = Units::new(call, Timestamp)?;
        call.primitives_of::<Stamp>(|row| {
            let (unit, name) = units.at(row)?;
            truncated(unit, moments.value(row))?
                .ok_or_else(|| not_supported(name, Timestamp))
                .map(Some)
        })
    }),
    Overload::new("date_trunc", &[Text, Kind::Interval], Kind::Interval, |call| {
        let intervals = call.values::<Interval>(1)?;
        let mut units = Units::new(call, Kind::Interval)?;
        call.primitives_of::<Interval>(|row| {
            let (unit, name) = units.at(row)?;
            let span = interval_truncated(unit, Span::of(intervals.value(row)));
            let span = span.ok_or_else(|| not_supported(name, Kind::Interval))?;
            span.interval().map(Some)
        })
    }),
    Overload::new(
        "date_bin",
        &[Kind::Interval, Timestamp, Timestamp],
        Timestamp,
        bins,
    ),
    Overload::new(
        "date_bin",
        &[Kind::Interval, TimestampTz, TimestampTz],
        TimestampTz,
        bins,
    ),
];

/// The zones that an argument names, one for each row, or one for all.
fn zones(call: &Call, at: usize) -> Result<Vec<Zone>> {
    let names = call.texts(at)?;
    let mut found: Vec<Zone> = Vec::with_capacity(1);
    let mut is_one = true;
    let mut last: Option<String> = None;
    for row in 0..call.rows() {
        let name = if call.is_null(row) {
            "UTC"
        } else {
            names.value(row)
        };
        match (&last, found.last()) {
            (Some(known), Some(zone)) if known == name => {
                let zone = zone.clone();
                found.push(zone);
            }
            _ => {
                is_one &= last.is_none();
                found.push(Zone::asked(name)?);
                last = Some(name.to_owned());
            }
        }
    }
    if is_one {
        found.truncate(1);
    }
    Ok(found)
}

/// The units that an argument names, read once where they repeat.
struct Units {
    names: datafusion::arrow::array::StringArray,
    kind: Kind,
    last: Option<(usize, Unit)>,
}

impl Units {
    fn new(call: &Call, kind: Kind) -> Result<Self> {
        Ok(Self {
            names: call.texts(0)?,
            kind,
            last: None,
        })
    }

    fn at(&mut self, row: usize) -> Result<(Unit, &str)> {
        let name = self.names.value(row);
        let unit = match self.last {
            Some((known, unit)) if self.names.value(known) == name => unit,
            _ => match Unit::of(name, self.kind)? {
                // Fields of dates are no units, and not known as such.
                Unit::Epoch
                | Unit::Julian
                | Unit::Weekday
                | Unit::IsoWeekday
                | Unit::DayOfYear
                | Unit::IsoYear => {
                    return Err(not_recognized(name, self.kind));
                }
                unit => unit,
            },
        };
        self.last = Some((row, unit));
        Ok((unit, name))
    }
}

fn in_zone(call: &Call, zones: &[Zone]) -> Result<ArrayRef> {
    let moments = call.values::<Stamp>(1)?;
    let mut units = Units::new(call, TimestampTz)?;
    call.primitives_of::<Stamp>(|row| {
        let (unit, name) = units.at(row)?;
        let zone = zones.get(row).or(zones.first());
        let moment = moments.value(row);
        let cut = match zone {
            Some(zone) if !zone.is_utc() => truncated_in(unit, moment, zone)?,
            _ => truncated(unit, moment)?,
        };
        cut.ok_or_else(|| not_supported(name, TimestampTz)).map(Some)
    })
}

/// Parts of a day keep the offset that the moment has; days and more begin at the midnight that the zone has there.
fn truncated_in(unit: Unit, moment: i64, zone: &Zone) -> Result<Option<i64>> {
    let local = zone.local(moment)?;
    let Some(start) = truncated(unit, local)? else {
        return Ok(None);
    };
    if unit < Unit::Day {
        return checked_micros(i128::from(moment) - i128::from(local - start)).map(Some);
    }
    zone.moment(start).map(Some)
}

/// The start of the unit; `None` for fields that are no units.
pub(crate) fn truncated(unit: Unit, micros: i64) -> Result<Option<i64>> {
    let floor =
        |step: i64| checked_micros(i128::from(micros) - i128::from(micros.rem_euclid(step))).map(Some);
    match unit {
        Unit::Microsecond => return Ok(Some(micros)),
        Unit::Millisecond => return floor(1000),
        Unit::Second => return floor(SECOND),
        Unit::Minute => return floor(MINUTE),
        Unit::Hour => return floor(HOUR),
        Unit::Day => return floor(DAY),
        _ => {}
    }
    let day = calendar::split(micros).0;
    let Civil { year, month, .. } = Civil::of(day);
    let start = match unit {
        Unit::Week => monday(day),
        Unit::Month => first_of(year, month),
        Unit::Quarter => first_of(year, (month - 1) / 3 * 3 + 1),
        Unit::Year => first_of(year, 1),
        Unit::Decade if year > 0 => first_of(year / 10 * 10, 1),
        Unit::Decade => first_of(-((8 - (year - 1)) / 10) * 10, 1),
        Unit::Century if year > 0 => first_of((year + 99) / 100 * 100 - 99, 1),
        Unit::Century => first_of(-((99 - (year - 1)) / 100) * 100 + 1, 1),
        Unit::Millennium if year > 0 => first_of((year + 999) / 1000 * 1000 - 999, 1),
        Unit::Millennium => first_of(-((999 - (year - 1)) / 1000) * 1000 + 1, 1),
        _ => return Ok(None),
    };
    checked_timestamp(start, 0).map(Some)
}

fn interval_truncated(unit: Unit, span: Span) -> Option<Span> {
    let months = |unit: i64| Span {
        months: span.months / unit * unit,
        ..Span::default()
    };
    let time = |unit: i64| Span {
        micros: span.micros / unit * unit,
        ..span
    };
    Some(match unit {
        Unit::Millennium => months(12_000),
        Unit::Century => months(1200),
        Unit::Decade => months(120),
        Unit::Year => months(12),
        Unit::Quarter => months(3),
        Unit::Month => months(1),
        Unit::Day => Span { micros: 0, ..span },
        Unit::Hour => time(HOUR),
        Unit::Minute => time(MINUTE),
        Unit::Second => time(SECOND),
        Unit::Millisecond => time(1000),
        Unit::Microsecond => span,
        _ => return None,
    })
}

fn bins(call: &Call) -> Result<ArrayRef> {
    let strides = call.values::<Interval>(0)?;
    let (moments, origins) = (call.values::<Stamp>(1)?, call.values::<Stamp>(2)?);
    call.primitives_of::<Stamp>(|row| {
        let stride = Span::of(strides.value(row));
        if stride.months != 0 {
            return Err(unsupported(
                "timestamps cannot be binned into intervals containing months or years",
            ));
        }
        let stride = stride.length();
        if stride <= 0 {
            return Err(fault("22008", "stride must be greater than zero"));
        }
        if i64::try_from(stride).is_err() {
            return Err(fault("22008", "interval out of range"));
        }
        let (moment, origin) = (i128::from(moments.value(row)), i128::from(origins.value(row)));
        let start = origin + (moment - origin).div_euclid(stride) * stride;
        checked_micros(start).map(Some)
    })
}
