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

/// The value of a setting that changes how values are read or written, as it is kept: the one way there is.
///
/// # Errors
/// 0A000 for PostgreSQL's other ways, 22023 for what is none.
pub(super) fn kept(name: &str, value: &str) -> Result<String, Error> {
    let word = value.trim().to_lowercase();
    let (only, others): (&str, &[&str]) = match name {
        "datestyle" => return date_style(value),
        "extra_float_digits" => return float_digits(value),
        "intervalstyle" => ("postgres", &["postgres_verbose", "sql_standard", "iso_8601"]),
        "bytea_output" => ("hex", &["escape"]),
        "standard_conforming_strings" => ("on", &["off", "false", "no", "0"]),
        _ => return Ok(value.to_owned()),
    };
    if word == only || (only == "on" && matches!(boolean(name, value), Ok(true))) {
        return Ok(only.to_owned());
    }
    match others.contains(&word.as_str()) {
        true => Err(not_kept(name, value, only)),
        false => Err(invalid(name, value, only)),
    }
}

fn not_kept(name: &str, value: &str, only: &str) -> Error {
    let message = format!("the value \"{value}\" of parameter \"{name}\" is not supported");
    Error::new(sqlstate::NOT_SUPPORTED, message).with_hint(format!("it is always {only}"))
}

/// Dates are written as ISO 8601 has them, and ambiguous ones are read with the month first.
fn date_style(value: &str) -> Result<String, Error> {
    const ONLY: &str = "ISO, MDY";
    for part in value.split([',', ' ']).filter(|part| !part.is_empty()) {
        match part.to_lowercase().as_str() {
            "iso" | "mdy" | "us" | "noneuro" | "noneuropean" | "default" => {}
            "dmy" | "euro" | "european" | "ymd" | "sql" | "postgres" | "german" => {
                return Err(not_kept("DateStyle", value, ONLY));
            }
            _ => return Err(invalid("DateStyle", value, ONLY)),
        }
    }
    Ok(ONLY.to_owned())
}

/// Doubles are written with the shortest digits that give them back, as PostgreSQL does for every positive value.
fn float_digits(value: &str) -> Result<String, Error> {
    match value.trim().parse::<i8>() {
        Ok(digits @ 1..=3) => Ok(digits.to_string()),
        Ok(-15..=0) => Err(not_kept("extra_float_digits", value, "1 or more")),
        _ => Err(invalid("extra_float_digits", value, "a whole number from 1 to 3")),
    }
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
