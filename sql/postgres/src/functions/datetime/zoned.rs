//! Moments in a zone, and local times as moments: `AT TIME ZONE`.
//!
//! Owns: `timezone`, and casts between moments in the session's zone. Does not own: zones; see `zone`.
//! Invariant: a zone is looked up once for all rows that name it. Start at [`FUNCTIONS`].

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Expr;

use super::arithmetic::{Interval, Stamp};
use super::calendar::SECOND;
use super::intervals::Span;
use super::zone::Zone;
use crate::functions::overload::{Call, Listed, Overload};
use crate::types::Kind::{self, Text, Timestamp, TimestampTz};
use crate::types::fault;

pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("timezone", &[Text, TimestampTz], Timestamp, |call| {
        by_name(call, Zone::local)
    }),
    Overload::new("timezone", &[Text, Timestamp], TimestampTz, |call| {
        by_name(call, Zone::moment)
    }),
    Overload::new("timezone", &[Kind::Interval, TimestampTz], Timestamp, |call| {
        by_interval(call, Zone::local)
    }),
    Overload::new("timezone", &[Kind::Interval, Timestamp], TimestampTz, |call| {
        by_interval(call, Zone::moment)
    }),
];

fn by_name(call: &Call, shift: fn(&Zone, i64) -> Result<i64>) -> Result<ArrayRef> {
    let (names, moments) = (call.texts(0)?, call.values::<Stamp>(1)?);
    let mut last: Option<(String, Zone)> = None;
    call.primitives_of::<Stamp>(|row| {
        let name = names.value(row);
        let known = last.take().filter(|(known, _)| known == name);
        let (name, zone) = match known {
            Some(known) => known,
            None => (name.to_owned(), Zone::asked(name)?),
        };
        let shifted = shift(&zone, moments.value(row))?;
        last = Some((name, zone));
        Ok(Some(shifted))
    })
}

fn by_interval(call: &Call, shift: fn(&Zone, i64) -> Result<i64>) -> Result<ArrayRef> {
    let (offsets, moments) = (call.values::<Interval>(0)?, call.values::<Stamp>(1)?);
    call.primitives_of::<Stamp>(|row| {
        let zone = of_interval(Span::of(offsets.value(row)))?;
        shift(&zone, moments.value(row)).map(Some)
    })
}

/// The zone that is so far east of UTC.
///
/// # Errors
/// 22023 for months and days.
pub(crate) fn of_interval(offset: Span) -> Result<Zone> {
    if offset.months != 0 || offset.days != 0 {
        return Err(fault(
            "22023",
            "interval time zone must not include months or days",
        ));
    }
    let east = i32::try_from(offset.micros / SECOND);
    east.map(Zone::east)
        .map_err(|_| fault("22008", "timestamp out of range"))
}

/// A moment in a zone, or the moment of a local time there.
pub(crate) fn in_zone(zone: &Zone, moment: Expr) -> Expr {
    let functions = Listed::all(FUNCTIONS.iter());
    let name = Expr::Literal(ScalarValue::Utf8(Some(zone.asked_name())), None);
    match functions.into_iter().next() {
        Some(timezone) => timezone.call(vec![name, moment]),
        None => moment,
    }
}
