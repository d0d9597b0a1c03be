//! The values that settings take, between text and what they mean.
//!
//! Owns: how a value is read and printed, and what is said of a wrong one. Does not own: which setting takes which; see the parent module.

use std::time::Duration;

use causeway_postgres::Zone;

use crate::Error;
use crate::error::sqlstate;

pub(super) fn invalid(name: &str, value: &str, wanted: &str) -> Error {
    Error::new(
        sqlstate::BAD_SETTING,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
    .with_hint(format!("it takes {wanted}"))
}

pub(super) fn boolean(name: &str, value: &str) -> Result<bool, Error> {
    match value.to_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(invalid(name, value, "on or off")),
    }
}

/// In the largest unit that leaves no rest, as PostgreSQL shows it.
pub(super) fn shown(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    match units.iter().find(|(size, _)| ms > 0 && ms.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", ms / size),
        None => format!("{ms}ms"),
    }
}

pub(super) fn duration(name: &str, value: &str) -> Result<Option<Duration>, Error> {
    let duration = parse_duration(value)
        .ok_or_else(|| invalid(name, value, "milliseconds, or a number with ms, s, min, h or d"))?;
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}

/// A PostgreSQL duration: milliseconds, or a number with one of its units. `None` when it is neither.
#[must_use]
pub fn parse_duration(value: &str) -> Option<Duration> {
    let text = value.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit_ms = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit_ms).map(Duration::from_millis)
}

pub(super) fn schema_list(value: &str) -> Vec<String> {
    let names = value
        .split(',')
        .map(|name| name.trim().trim_matches(['"', '\'']).to_lowercase());
    names
        .filter(|name| !name.is_empty() && name != "$user" && name != "public")
        .collect()
}

/// A zone by name, or as hours east of UTC.
pub(super) fn zone(name: &str, value: &str) -> Result<Zone, Error> {
    let hours = value
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|hours| hours.abs() < 168.0);
    #[allow(clippy::cast_possible_truncation, reason = "less than a week")]
    let found = match hours {
        Some(hours) => Some(Zone::east((hours * 3600.0).round() as i32)),
        None => Zone::named(value),
    };
    found.ok_or_else(|| invalid(name, value, "a name such as Europe/Madrid, or hours east of UTC"))
}
