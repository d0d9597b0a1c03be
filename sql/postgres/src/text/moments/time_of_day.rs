//! Times of day, perhaps behind a date and before a zone that say nothing.
//!
//! Owns: what is allowed beside a time. Does not own: the time itself; see `clock`. Invariant: a zone that changes its offset needs a date.
//! Start at [`Reader::time_of_day`].

use super::clock::{clock, offset};
use super::fields::{Field, Sort};
use super::reader::{Reader, set};
use super::words::{Word, word};
use super::{Bad, Step};
use crate::functions::datetime::calendar::DAY;
use crate::types::unsupported;

impl Reader {
    /// Microseconds since midnight.
    pub(super) fn time_of_day(mut self, fields: &[Field]) -> Step<i64> {
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
