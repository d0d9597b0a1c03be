//! SET, RESET, SHOW and DISCARD.

use std::sync::{Arc, PoisonError};

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{self, DiscardObject, Expr, Reset, Set};

use super::Session;
use crate::Error;
use crate::error::sqlstate;
use crate::settings::Settings;

/// What the settings of a transaction become at its end.
#[derive(Debug)]
pub(super) struct Transaction {
    /// When it is rolled back.
    before: Settings,
    /// When it is committed: what SET LOCAL set is gone then.
    after: Settings,
}

impl Session {
    pub(super) fn begin_settings(&self) {
        let settings = self.person.settings.read().clone();
        let mut transaction = self
            .changed_settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        transaction.get_or_insert_with(|| Transaction {
            before: settings.clone(),
            after: settings,
        });
    }

    pub(super) fn commit_settings(&self) {
        self.end_settings(|transaction| transaction.after);
    }

    pub(super) fn roll_back_settings(&self) {
        self.end_settings(|transaction| transaction.before);
    }

    /// The settings at a savepoint: as they are, and as a commit would leave them.
    pub(super) fn saved_settings(&self) -> (Settings, Settings) {
        let now = self.person.settings.read().clone();
        let transaction = self
            .changed_settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let after = transaction
            .as_ref()
            .map_or_else(|| now.clone(), |open| open.after.clone());
        (now, after)
    }

    pub(super) fn restore_settings(&self, (now, after): (Settings, Settings)) {
        let mut transaction = self
            .changed_settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = transaction.as_mut() {
            open.after = after;
        }
        self.person.settings.change(|settings| *settings = now);
    }

    fn end_settings(&self, choose: fn(Transaction) -> Settings) {
        let ended = self
            .changed_settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ended) = ended {
            self.person.settings.change(|settings| *settings = choose(ended));
        }
    }

    /// Sets one setting, for the session or for the running transaction only.
    fn assign(&self, name: &str, value: Option<&str>, is_local: bool) -> Result<(), Error> {
        let defaults = &self.defaults;
        let mut transaction = self
            .changed_settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match (transaction.as_mut(), is_local) {
            // Outside a transaction there is nothing that it would last for; the value is checked all the same.
            (None, true) => return self.person.settings.read().clone().set(name, value, defaults),
            (Some(transaction), false) => transaction.after.set(name, value, defaults)?,
            _ => {}
        }
        self.person
            .settings
            .change(|settings| settings.set(name, value, defaults))
    }

    pub(super) fn discard(&self, what: DiscardObject) {
        if matches!(what, DiscardObject::ALL | DiscardObject::TEMP) {
            self.person.session_views.clear();
        }
        if what == DiscardObject::ALL {
            self.cursors.close_all();
            self.prepared.clear();
            let defaults = self.defaults.clone();
            self.person.settings.change(|settings| *settings = defaults);
        }
    }

    pub(super) fn apply_set(&self, set: &Set) -> Result<(), Error> {
        match set {
            Set::SingleAssignment {
                variable,
                values,
                scope,
                ..
            } => {
                let is_local = *scope == Some(ast::ContextModifier::Local);
                let value = setting_value(values);
                self.assign(&object_name(variable), value.as_deref(), is_local)
            }
            Set::SetTimeZone { value, local } => {
                let zone = time_zone(value)?;
                self.assign("timezone", zone.as_deref(), *local)
            }
            Set::SetNames { charset_name, .. } => {
                self.assign("client_encoding", Some(&charset_name.value), false)
            }
            // Every statement reads live data; isolation levels and read-only modes change nothing.
            Set::SetTransaction { .. } => Ok(()),
            _ => Err(Error::new(
                sqlstate::NOT_SUPPORTED,
                format!("\"{set}\" is not supported"),
            )),
        }
    }

    pub(super) fn reset(&self, reset: &Reset) -> Result<(), Error> {
        let defaults = &self.defaults;
        self.person.settings.change(|settings| match reset {
            Reset::ALL => {
                settings.clone_from(defaults);
                Ok(())
            }
            Reset::ConfigurationParameter(name) => settings.set(&object_name(name), None, defaults),
        })
    }

    pub(super) fn show(&self, variable: &[ast::Ident]) -> Result<RecordBatch, Error> {
        let name = setting_name(variable);
        let settings = self.person.settings.read();
        if name == "all" {
            let names = Settings::names();
            let values = names
                .iter()
                .map(|name| settings.show(name))
                .collect::<Result<Vec<_>, _>>()?;
            let columns = [
                ("name", StringArray::from(names)),
                ("setting", StringArray::from(values)),
            ];
            let columns = columns.map(|(name, values)| (name, Arc::new(values) as _));
            return RecordBatch::try_from_iter(columns).map_err(Error::internal);
        }
        let value = Arc::new(StringArray::from(vec![settings.show(&name)?]));
        RecordBatch::try_new(show_schema(variable), vec![value]).map_err(Error::internal)
    }
}

pub(super) fn show_schema(variable: &[ast::Ident]) -> SchemaRef {
    let names = match setting_name(variable).as_str() {
        "all" => vec!["name".to_owned(), "setting".to_owned()],
        "datestyle" => vec!["DateStyle".to_owned()],
        "intervalstyle" => vec!["IntervalStyle".to_owned()],
        "timezone" => vec!["TimeZone".to_owned()],
        name => vec![name.to_owned()],
    };
    Arc::new(Schema::new(
        names
            .into_iter()
            .map(|name| Field::new(name, DataType::Utf8, false))
            .collect::<Vec<_>>(),
    ))
}

/// SHOW takes two settings that have names of several words.
fn setting_name(variable: &[ast::Ident]) -> String {
    let words: Vec<String> = variable.iter().map(|ident| ident.value.to_lowercase()).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["time", "zone"] => "timezone".to_owned(),
        ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
        words => words.join("."),
    }
}

fn object_name(name: &ast::ObjectName) -> String {
    name.0
        .iter()
        .map(|part| {
            part.as_ident()
                .map_or_else(|| part.to_string(), |ident| ident.value.clone())
        })
        .collect::<Vec<_>>()
        .join(".")
}

/// The value of SET TIME ZONE; `None` for LOCAL and DEFAULT.
fn time_zone(value: &Expr) -> Result<Option<String>, Error> {
    match value {
        Expr::Interval(_) => causeway_postgres::interval_zone(value).map(|zone| Some(zone.name().to_owned())),
        Expr::Identifier(ident)
            if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("local") =>
        {
            Ok(None)
        }
        other => Ok(setting_value(std::slice::from_ref(other))),
    }
}

/// The value of SET as text; `None` for DEFAULT.
fn setting_value(values: &[Expr]) -> Option<String> {
    let text = |value: &Expr| match value {
        Expr::Value(value) => value
            .value
            .clone()
            .into_string()
            .unwrap_or_else(|| value.to_string()),
        Expr::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    };
    let is_default = |value: &Expr| matches!(value, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"));
    match values {
        [only] if is_default(only) => None,
        values => Some(values.iter().map(text).collect::<Vec<_>>().join(", ")),
    }
}
