//! Time zones: by name, by abbreviation, as an offset, as POSIX writes them.
//!
//! Owns: what a zone is called, its offset at a moment and at a local time. Does not own: which zone a session is in; see
//! [`Zone::of_session`].
//! Invariant: a local time that does not exist, or exists twice, is the moment that PostgreSQL takes it for. Start at [`Zone`].

mod abbreviations;
mod posix;

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::{OffsetComponents as _, OffsetName as _, TZ_VARIANTS, Tz};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;

use self::abbreviations::Meaning;
use super::calendar::{Civil, SECOND, checked_micros, first_of, is_leap, weekday};
use crate::types::{fault, unsupported};

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Seconds east of UTC, and what the offset is called.
    Fixed(i32, String),
    Named(Tz),
    /// An abbreviation for standard or summer time of a zone.
    Half(Tz, bool),
}

static NAMES: LazyLock<HashMap<String, Tz>> = LazyLock::new(|| {
    let named = TZ_VARIANTS.iter();
    named
        .map(|zone| (zone.name().to_ascii_lowercase(), *zone))
        .collect()
});

impl Zone {
    /// The zone in which nothing is shifted.
    #[must_use]
    pub fn utc() -> Self {
        Self::offset(0, "UTC".to_owned(), "UTC".to_owned())
    }

    fn offset(east: i32, name: String, abbreviation: String) -> Self {
        let rule = Rule::Fixed(east, abbreviation);
        Self { name, rule }
    }

    /// The zone of a session.
    ///
    /// # Errors
    /// 22023 when the settings name none that there is.
    pub fn of_session(config: &ConfigOptions) -> Result<Self> {
        match config.execution.time_zone.as_deref() {
            None | Some("UTC" | "+00:00") => Ok(Self::utc()),
            Some(name) => Self::named(name).ok_or_else(|| not_recognized(name)),
        }
    }

    /// Its name where an abbreviation would come first: `CET` alone has no summer time.
    pub(crate) fn asked_name(&self) -> String {
        match Self::abbreviated(&self.name) {
            Some(_) => format!("posix/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// A zone by its name or in POSIX' form, as SET TIME ZONE takes it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        let name = name.strip_prefix("posix/").unwrap_or(name);
        if let Some(zone) = NAMES.get(&name.to_ascii_lowercase()) {
            let rule = match zone {
                Tz::UTC | Tz::Etc__UTC | Tz::Etc__UCT | Tz::Etc__Universal | Tz::Etc__Zulu => {
                    Rule::Fixed(0, "UTC".to_owned())
                }
                zone => Rule::Named(*zone),
            };
            return Some(Self {
                name: zone.name().to_owned(),
                rule,
            });
        }
        let (east, abbreviation) = posix::fixed(name)?;
        Some(Self::offset(east, name.to_owned(), abbreviation))
    }

    /// A zone so many seconds east of UTC, under the name that PostgreSQL gives it.
    #[must_use]
    pub fn east(seconds: i32) -> Self {
        let size = seconds.unsigned_abs();
        let mut amount = format!("{:02}", size / 3600);
        if !size.is_multiple_of(3600) {
            amount += &format!(":{:02}", size / 60 % 60);
        }
        if !size.is_multiple_of(60) {
            amount += &format!(":{:02}", size % 60);
        }
        let (sign, opposite) = if seconds < 0 { ('-', '+') } else { ('+', '-') };
        let abbreviation = format!("{sign}{amount}");
        Self::offset(
            seconds,
            format!("<{abbreviation}>{opposite}{amount}"),
            abbreviation,
        )
    }

    /// What AT TIME ZONE takes: an abbreviation, a name, POSIX' form.
    ///
    /// # Errors
    /// 22023 for any other text; 0A000 for what PostgreSQL knows and this does not.
    pub fn asked(text: &str) -> Result<Self> {
        match Self::abbreviated(text) {
            Some(zone) => Ok(zone),
            None => Self::named(text).ok_or_else(|| {
                if posix::has_summer_time(text) {
                    return unsupported(format!(
                        "time zone \"{text}\" is not supported; use a name such as America/New_York"
                    ));
                }
                not_recognized(text)
            }),
        }
    }

    /// The zone that an abbreviation stands for.
    pub(crate) fn abbreviated(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Some(match abbreviations::meaning(&word)? {
            Meaning::Offset(east) => Self::offset(east, word.to_uppercase(), word.to_uppercase()),
            Meaning::Of(zone, is_summer) => {
                let zone = NAMES.get(&zone.to_ascii_lowercase())?;
                Self {
                    name: word.to_uppercase(),
                    rule: Rule::Half(*zone, is_summer),
                }
            }
        })
    }

    /// Its name as SHOW prints it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has the offset 0 at all times.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        matches!(self.rule, Rule::Fixed(0, _))
    }

    /// Seconds east of UTC at a moment.
    #[must_use]
    pub fn offset_at(&self, micros: i64) -> i32 {
        let seconds = micros.div_euclid(SECOND);
        match &self.rule {
            Rule::Fixed(east, _) => *east,
            Rule::Named(zone) => zone
                .offset_from_utc_datetime(&known(seconds))
                .fix()
                .local_minus_utc(),
            Rule::Half(zone, is_summer) => {
                let offset = zone.offset_from_utc_datetime(&known(seconds));
                let standard = i32::try_from(offset.base_utc_offset().num_seconds()).unwrap_or_default();
                if *is_summer { standard + 3600 } else { standard }
            }
        }
    }

    /// What the offset at a moment is called, such as `CEST`.
    pub(crate) fn abbreviation_at(&self, micros: i64) -> String {
        match &self.rule {
            Rule::Fixed(_, abbreviation) => abbreviation.clone(),
            Rule::Named(zone) | Rule::Half(zone, _) => {
                let offset = zone.offset_from_utc_datetime(&known(micros.div_euclid(SECOND)));
                offset
                    .abbreviation()
                    .map_or_else(|| offset.to_string(), str::to_owned)
            }
        }
    }

    /// The local time at a moment.
    ///
    /// # Errors
    /// 22008 where it is no timestamp.
    pub(crate) fn local(&self, micros: i64) -> Result<i64> {
        checked_micros(i128::from(micros) + i128::from(self.offset_at(micros)) * i128::from(SECOND))
    }

    /// The local time at a moment, or the last one that there is.
    #[must_use]
    pub fn local_saturating(&self, micros: i64) -> i64 {
        micros.saturating_add(i64::from(self.offset_at(micros)) * SECOND)
    }

    /// Seconds east of UTC that a local time has: in a gap the offset before it, where there are two the later.
    #[must_use]
    pub fn offset_of_local(&self, local: i64) -> i32 {
        if let Rule::Fixed(east, _) = &self.rule {
            return *east;
        }
        let day = super::calendar::DAY;
        let before = self.offset_at(local.saturating_sub(day));
        let after = self.offset_at(local.saturating_add(day));
        let is_valid =
            |offset: i32| self.offset_at(local.saturating_sub(i64::from(offset) * SECOND)) == offset;
        if before == after || is_valid(after) {
            return after;
        }
        before
    }

    /// The moment of a local time.
    ///
    /// # Errors
    /// 22008 where it is no timestamp.
    pub(crate) fn moment(&self, local: i64) -> Result<i64> {
        checked_micros(i128::from(local) - i128::from(self.offset_of_local(local)) * i128::from(SECOND))
    }

    /// The moment of a local time, or the last one that there is.
    #[must_use]
    pub fn moment_saturating(&self, local: i64) -> i64 {
        local.saturating_sub(i64::from(self.offset_of_local(local)) * SECOND)
    }
}

/// 22023 as PostgreSQL words it.
pub(crate) fn not_recognized(name: &str) -> datafusion::common::DataFusionError {
    fault("22023", format!("time zone \"{name}\" not recognized"))
}

/// The last year of which chrono-tz knows the changes; years after it repeat those before.
const LAST_KNOWN_YEAR: i64 = 2097;

/// A moment at which the zone has the offset that it has at `seconds`, among those that chrono-tz knows.
fn known(seconds: i64) -> NaiveDateTime {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 4_039_372_800;
    let seconds = match seconds {
        ..FIRST => FIRST,
        LAST.. => {
            let days = seconds.div_euclid(86_400);
            let year = Civil::of(days).year;
            let start = first_of(year, 1);
            // Every calendar there is comes once in 28 years.
            let same = |other: &i64| {
                weekday(first_of(*other, 1)) == weekday(start) && is_leap(*other) == is_leap(year)
            };
            let other = (LAST_KNOWN_YEAR - 27..=LAST_KNOWN_YEAR)
                .find(same)
                .unwrap_or(LAST_KNOWN_YEAR);
            seconds - (start - first_of(other, 1)) * 86_400
        }
        known => known,
    };
    DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .naive_utc()
}

#[cfg(test)]
mod tests {
    use super::super::calendar::{DAY, HOUR};
    use super::*;

    fn at(text: &str) -> i64 {
        let moment: NaiveDateTime = text.parse().expect(text);
        moment.and_utc().timestamp_micros()
    }

    fn zone(name: &str) -> Zone {
        Zone::named(name).expect(name)
    }

    #[test]
    fn gaps_and_overlaps_are_read_as_postgresql_reads_them() {
        let new_york = zone("america/new_york");
        for (local, hours) in [
            ("2024-03-10T01:59:59", -5),
            ("2024-03-10T02:30:00", -5),
            ("2024-03-10T03:00:00", -4),
            ("2024-11-03T00:59:59", -4),
            ("2024-11-03T01:30:00", -5),
            ("2024-11-03T02:00:00", -5),
        ] {
            assert_eq!(new_york.offset_of_local(at(local)), hours * 3600, "{local}");
        }
    }

    #[test]
    fn summer_time_goes_on_after_the_years_that_are_known() {
        let new_york = zone("America/New_York");
        assert_eq!(new_york.offset_at(at("2150-07-01T12:00:00")), -4 * 3600);
        assert_eq!(new_york.offset_at(at("2150-01-01T12:00:00")), -5 * 3600);
        assert_eq!(new_york.offset_at(at("1700-07-01T12:00:00")), -17_762);
    }

    #[test]
    fn names_are_found_in_any_case_and_shown_in_their_own() {
        assert_eq!(zone("europe/MADRID").name(), "Europe/Madrid");
        assert_eq!(zone("utc").name(), "UTC");
        assert!(zone("Etc/UTC").is_utc());
        assert_eq!(Zone::named("Nowhere/Town"), None);
        assert_eq!(Zone::east(-5 * 3600).name(), "<-05>+05");
        assert_eq!(zone("<-05>+05").offset_at(0), -5 * 3600);
        assert_eq!(zone("FOO3").offset_at(0), -3 * 3600);
    }

    /// What `scan::lower` relies on for columns of dates.
    #[test]
    fn midnights_follow_one_another_in_every_zone() {
        for zone in [
            "Pacific/Apia",
            "Pacific/Kwajalein",
            "America/Sao_Paulo",
            "Asia/Manila",
            "Africa/Cairo",
        ] {
            let zone = zone_of(zone);
            let mut last = i64::MIN;
            for day in -50_000..50_000 {
                let midnight = zone.moment_saturating(day * DAY);
                assert!(midnight >= last, "{} {day}", zone.name());
                last = midnight;
            }
        }
        assert_eq!(zone_of("Asia/Tokyo").moment_saturating(0), -9 * HOUR);
    }

    fn zone_of(name: &str) -> Zone {
        zone(name)
    }
}
