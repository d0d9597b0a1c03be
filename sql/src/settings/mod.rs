//! Session settings: what SET and SHOW know.

mod values;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use causeway_postgres::Zone;

use crate::Error;
use crate::error::sqlstate;
pub use values::parse_duration;
use values::{boolean, duration, invalid, kept, schema_list, shown, zone};

/// What the remote systems are asked to do, apart from handing over records. The rows of an answer are the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pushdown {
    /// Nothing: tables are read whole and everything is computed locally.
    Off,
    /// To filter by the predicates of a statement; sorts, limits, join keys, groupings and joins stay local.
    Filters,
    /// Everything that they do as SQL does.
    #[default]
    All,
}

impl Pushdown {
    /// As SHOW prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Filters => "filters",
            Self::All => "on",
        }
    }

    fn parse(name: &str, value: &str) -> Result<Self, Error> {
        match value.to_lowercase().as_str() {
            "filters" => Ok(Self::Filters),
            "all" => Ok(Self::All),
            other => match boolean(name, other) {
                Ok(true) => Ok(Self::All),
                Ok(false) => Ok(Self::Off),
                Err(_) => Err(invalid(name, value, "on, filters or off")),
            },
        }
    }
}

/// Settings of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `causeway.pushdown`: what the remote systems are asked to do.
    pub pushdown: Pushdown,
    /// `causeway.max_api_calls`: 0 is no limit.
    pub max_api_calls: u32,
    /// The most that `causeway.max_api_calls` may be set to, by the person's roles.
    pub(crate) call_ceiling: Option<u32>,
    /// `causeway.max_age`: how old cached rows may be; `None` leaves it to each source's configuration, zero is live.
    pub max_age: Option<Duration>,
    /// `causeway.strict`: whether what can't be proven complete is an error.
    pub strict: bool,
    /// `statement_timeout`: `None` is no limit.
    pub statement_timeout: Option<Duration>,
    /// `search_path`: schemas where unqualified tables are looked up, in order; empty stands for every source.
    pub search_path: Vec<String>,
    /// `timezone`: the zone of local times.
    pub time_zone: Zone,
    /// `application_name`.
    pub application_name: String,
    /// `extra_float_digits`, `client_min_messages` and others that clients set and that change nothing here.
    pub(crate) accepted: std::collections::BTreeMap<String, String>,
    /// Partitions of the engine's own operators.
    pub target_partitions: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pushdown: Pushdown::default(),
            max_api_calls: 0,
            call_ceiling: None,
            max_age: None,
            strict: true,
            statement_timeout: None,
            search_path: Vec::new(),
            time_zone: Zone::utc(),
            application_name: String::new(),
            accepted: std::collections::BTreeMap::new(),
            target_partitions: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
        }
    }
}

/// Settings that PostgreSQL clients set at start-up, with the value that SHOW gives before they do.
const ACCEPTED: &[(&str, &str)] = &[
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("client_min_messages", "notice"),
    ("datestyle", "ISO, MDY"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("extra_float_digits", "1"),
    ("idle_in_transaction_session_timeout", "0"),
    ("intervalstyle", "postgres"),
    ("jit", "off"),
    ("lock_timeout", "0"),
    ("row_security", "on"),
    ("session_characteristics", ""),
    ("standard_conforming_strings", "on"),
    ("synchronous_commit", "on"),
];

/// Settings that can be read but not set.
const READ_ONLY: &[(&str, &str)] = &[
    ("integer_datetimes", "on"),
    ("is_superuser", "off"),
    ("lc_collate", "C"),
    ("lc_ctype", "C.UTF-8"),
    ("max_identifier_length", "63"),
    ("server_encoding", "UTF8"),
    ("server_version", "15.0"),
    ("server_version_num", "150000"),
    ("transaction_isolation", "read committed"),
    ("transaction_read_only", "on"),
];

impl Settings {
    /// Sets `name`; `None` resets it to `defaults`.
    ///
    /// # Errors
    /// 42704 for an unknown setting, with a suggestion; 22023 for a value that it can't have.
    pub fn set(&mut self, name: &str, value: Option<&str>, defaults: &Self) -> Result<(), Error> {
        let name = name.to_lowercase();
        match name.as_str() {
            "causeway.pushdown" => {
                self.pushdown = value.map_or(Ok(defaults.pushdown), |value| Pushdown::parse(&name, value))?;
            }
            "causeway.strict" => {
                self.strict = value.map_or(Ok(defaults.strict), |value| boolean(&name, value))?
            }
            "causeway.max_api_calls" => self.max_api_calls = most_calls(&name, value, defaults)?,
            "causeway.max_age" => {
                self.max_age = match value {
                    None => defaults.max_age,
                    // Zero is a choice here: live rows, whatever the sources are configured for.
                    Some(value) => Some(duration(&name, value)?.unwrap_or_default()),
                };
            }
            "statement_timeout" => {
                self.statement_timeout =
                    value.map_or(Ok(defaults.statement_timeout), |value| duration(&name, value))?;
            }
            "search_path" => {
                self.search_path = value.map_or_else(|| defaults.search_path.clone(), schema_list)
            }
            "application_name" => value.unwrap_or_default().clone_into(&mut self.application_name),
            "timezone" => {
                self.time_zone =
                    value.map_or_else(|| Ok(defaults.time_zone.clone()), |value| zone(&name, value))?;
            }
            "client_encoding"
                if value.is_some_and(|encoding| {
                    !matches!(encoding.to_lowercase().as_str(), "utf8" | "utf-8" | "unicode")
                }) =>
            {
                return Err(invalid(&name, value.unwrap_or_default(), "UTF8"));
            }
            _ if ACCEPTED.iter().any(|(known, _)| *known == name) => {
                match value {
                    Some(value) => {
                        let kept = kept(&name, value)?;
                        self.accepted.insert(name, kept)
                    }
                    None => self.accepted.remove(&name),
                };
            }
            _ if READ_ONLY.iter().any(|(known, _)| *known == name) => {
                return Err(Error::new(
                    "55P02",
                    format!("parameter \"{name}\" cannot be changed"),
                ));
            }
            _ => return Err(unknown(&name)),
        }
        Ok(())
    }

    /// The value of `name` as SHOW prints it.
    ///
    /// # Errors
    /// 42704 for an unknown setting, with a suggestion.
    pub fn show(&self, name: &str) -> Result<String, Error> {
        let name = name.to_lowercase();
        let on_off = |value: bool| if value { "on" } else { "off" }.to_owned();
        Ok(match name.as_str() {
            "causeway.pushdown" => self.pushdown.name().to_owned(),
            "causeway.strict" => on_off(self.strict),
            "causeway.max_api_calls" => self.max_api_calls.to_string(),
            "causeway.max_age" => self.max_age.map_or_else(String::new, shown),
            "statement_timeout" => self.statement_timeout.map_or_else(|| "0".to_owned(), shown),
            "search_path" => self.search_path.join(", "),
            "application_name" => self.application_name.clone(),
            "timezone" => self.time_zone.name().to_owned(),
            _ => {
                let fixed = ACCEPTED.iter().chain(READ_ONLY).find(|(known, _)| *known == name);
                let (_, value) = fixed.ok_or_else(|| unknown(&name))?;
                self.accepted
                    .get(&name)
                    .cloned()
                    .unwrap_or_else(|| (*value).to_owned())
            }
        })
    }

    /// Names of all settings, sorted.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        let own = [
            "application_name",
            "causeway.max_age",
            "causeway.max_api_calls",
            "causeway.pushdown",
            "causeway.strict",
            "search_path",
            "statement_timeout",
            "timezone",
        ];
        let mut names: Vec<_> = own
            .into_iter()
            .chain(ACCEPTED.iter().chain(READ_ONLY).map(|(name, _)| *name))
            .collect();
        names.sort_unstable();
        names
    }
}

/// What `causeway.max_api_calls` is set to, which a role may bound.
fn most_calls(name: &str, value: Option<&str>, defaults: &Settings) -> Result<u32, Error> {
    let calls = match value {
        None => defaults.max_api_calls,
        Some(value) => value
            .trim()
            .parse()
            .map_err(|_| invalid(name, value, "a whole number, 0 for no limit"))?,
    };
    if let Some(ceiling) = defaults.call_ceiling
        && (calls == 0 || calls > ceiling)
    {
        let message = format!("permission denied to set parameter \"{name}\" to {calls}");
        let hint = format!("your role may make up to {ceiling} api calls in a query");
        return Err(Error::new(sqlstate::NOT_ALLOWED, message).with_hint(hint));
    }
    Ok(calls)
}

fn unknown(name: &str) -> Error {
    let error = Error::new(
        sqlstate::UNKNOWN_SETTING,
        format!("unrecognized configuration parameter \"{name}\""),
    );
    match causeway_core::nearest(name, Settings::names()) {
        Some(near) => error.with_hint(format!("did you mean \"{near}\"?")),
        None => error,
    }
}

/// Settings that a session and its tables share.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedSettings(Arc<RwLock<Settings>>);

impl SharedSettings {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(RwLock::new(settings)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Settings> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Settings) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_and_reset() {
        let defaults = Settings::default();
        let mut settings = defaults.clone();
        for (name, value, shown) in [
            ("causeway.pushdown", "off", "off"),
            ("causeway.pushdown", "Filters", "filters"),
            ("causeway.pushdown", "all", "on"),
            ("causeway.max_api_calls", "7", "7"),
            ("statement_timeout", "120s", "2min"),
            ("STATEMENT_TIMEOUT", "0", "0"),
            (
                "search_path",
                "salesforce, \"servicenow\"",
                "salesforce, servicenow",
            ),
            ("extra_float_digits", "3", "3"),
            ("timezone", "europe/madrid", "Europe/Madrid"),
            ("timezone", "-5", "<-05>+05"),
            ("timezone", "<+03>-3", "<+03>-3"),
        ] {
            settings.set(name, Some(value), &defaults).expect(name);
            assert_eq!(settings.show(name).expect(name), shown, "{name}");
            settings.set(name, None, &defaults).expect(name);
            assert_eq!(
                settings.show(name).expect(name),
                defaults.show(name).expect(name),
                "{name}"
            );
        }
    }

    #[test]
    fn wrong_names_and_values_say_what_is_right() {
        let defaults = Settings::default();
        let mut settings = defaults.clone();
        let error = settings
            .set("causeway.pushdwn", Some("on"), &defaults)
            .expect_err("unknown");
        assert_eq!(
            (error.sqlstate, error.hint.as_deref()),
            ("42704", Some("did you mean \"causeway.pushdown\"?"))
        );
        for (name, value) in [
            ("causeway.pushdown", "sometimes"),
            ("causeway.strict", "maybe"),
            ("causeway.max_api_calls", "-1"),
            ("statement_timeout", "2 weeks"),
            ("timezone", "Europe/Atlantis"),
        ] {
            assert_eq!(
                settings
                    .set(name, Some(value), &defaults)
                    .expect_err(name)
                    .sqlstate,
                "22023",
                "{name}"
            );
        }
        assert_eq!(
            settings
                .set("server_version", Some("16"), &defaults)
                .expect_err("read only")
                .sqlstate,
            "55P02"
        );
    }
}
