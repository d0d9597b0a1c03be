//! Moments rounded to the digits that `timestamp(3)` and its kin keep.
//!
//! Owns: the functions behind such casts, under PostgreSQL's names. Does not own: how a type is written; see `syntax::literals`.
//! Invariant: halves are rounded away from zero. Start at [`FUNCTIONS`].

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, Int32Type, Time64MicrosecondType};
use datafusion::common::Result;

use super::arithmetic::{Interval, Stamp};
use super::intervals::Span;
use crate::functions::overload::{Call, Overload};
use crate::text::intervals::{Shape, rounded};
use crate::types::Kind::{self, Int4, Time, Timestamp, TimestampTz};

pub(crate) const FUNCTIONS: &[Overload] = &[
    Overload::new("interval", &[Kind::Interval, Int4], Kind::Interval, |call| {
        let (spans, modifiers) = (call.values::<Interval>(0)?, call.values::<Int32Type>(1)?);
        call.primitives_of::<Interval>(|row| {
            let shape = Shape::of_modifier(modifiers.value(row));
            shape.kept(Span::of(spans.value(row))).interval().map(Some)
        })
    }),
    Overload::new(
        "time",
        &[Time, Int4],
        Time,
        rounded_values::<Time64MicrosecondType>,
    ),
    Overload::new("timestamp", &[Timestamp, Int4], Timestamp, rounded_stamps),
    Overload::new("timestamptz", &[TimestampTz, Int4], TimestampTz, rounded_stamps),
];

fn rounded_values<T: ArrowPrimitiveType<Native = i64>>(call: &Call) -> Result<ArrayRef> {
    let (values, digits) = (call.values::<T>(0)?, call.values::<Int32Type>(1)?);
    call.primitives_of::<T>(|row| {
        let digits = u32::try_from(digits.value(row)).unwrap_or(6);
        Ok(Some(rounded(values.value(row), digits)))
    })
}

/// PostgreSQL counts from 2000: what is before it is rounded away from that year.
fn rounded_stamps(call: &Call) -> Result<ArrayRef> {
    const SINCE_1970: i64 = 946_684_800_000_000;
    let (values, digits) = (call.values::<Stamp>(0)?, call.values::<Int32Type>(1)?);
    call.primitives_of::<Stamp>(|row| {
        let digits = u32::try_from(digits.value(row)).unwrap_or(6);
        let since_2000 = i128::from(values.value(row)) - i128::from(SINCE_1970);
        let since_2000 = i64::try_from(since_2000).map_err(|_| super::calendar::beyond())?;
        super::calendar::checked_micros(i128::from(rounded(since_2000, digits)) + i128::from(SINCE_1970))
            .map(Some)
    })
}
