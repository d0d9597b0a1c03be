//! The configuration file.
//!
//! Owns: TOML to typed and validated values, with every problem reported at once. Does not own: what a source's keys mean.
//! Invariant: no value of a key is ever printed unless it is a name, an address or a file; it could be a secret.
//! Start at [`load`].

mod document;
mod people;
mod problem;
mod roles;
pub(crate) mod section;
mod serving;
mod views;
mod wording;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Ledger, Principal, Source, nearest};
use causeway_sql::{Engine, EngineConfig, Policy, parse_duration};
use toml::Spanned;
use toml::de::DeValue;

use crate::identity::Credential;
use crate::{server, sources};
use document::Document;
pub use problem::{Problem, Problems};
pub(crate) use section::Section;

/// A configuration that is right, as far as can be told without a call.
#[derive(Debug)]
pub struct Config {
    /// How the server listens.
    pub server: server::Options,
    /// Sources, people, policies and defaults.
    pub engine: EngineConfig,
    /// What each person signs in with.
    pub credentials: Vec<(String, Credential)>,
}

/// Reads a configuration file. Makes no call.
///
/// # Errors
/// Everything that is wrong with it, each with its line and key.
pub fn load(path: &Path) -> Result<Config, Problems> {
    let unreadable =
        |error: std::io::Error| Problems::of_file(path, format!("cannot read the file: {error}"));
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(path, &text, &|name| std::env::var(name).ok())
}

/// Keys of the top level.
const KEYS: &[&str] = &["server", "sources", "users", "roles", "policies", "views"];
/// Schemas that a source can't be named after.
const RESERVED: &[&str] = &["causeway", "views", "pg_catalog", "information_schema", "public"];

fn parse(path: &Path, text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    let mut document = Document::read(path, text, environment)?;
    let mut root = document.take_root();
    for key in root.get_ref().keys() {
        if !KEYS.contains(&key.get_ref().as_ref()) {
            document.unknown_key(key.span().start, key.get_ref(), KEYS);
        }
    }
    let root = root.get_mut();
    let ledger = Ledger::default();
    let mut engine = EngineConfig::new(ledger.clone());
    let server = serving::read(&mut document, root.remove("server"), &mut engine);
    let sources = root.remove("sources");
    // Also those that are wrong: what refers to them is not.
    let names: Vec<String> = match sources.as_ref().map(Spanned::get_ref) {
        Some(DeValue::Table(table)) => table.keys().map(|name| name.get_ref().to_string()).collect(),
        _ => Vec::new(),
    };
    engine.sources = read_sources(&mut document, sources, &ledger, &mut engine.cache_ages);
    let people = people::read(&mut document, root.remove("users"), &names);
    engine.ceilings = roles::read(&mut document, root.remove("roles"), &people);
    engine.policies = read_policies(&mut document, root.remove("policies"), &names);
    engine.shipped_views = crate::sources::views();
    engine.views = views::read(&mut document, root.remove("views"));
    document.into_problems()?;
    let (principals, credentials): (Vec<Principal>, Vec<Credential>) = people.into_iter().unzip();
    engine.users = principals.into_iter().map(Arc::new).collect();
    let credentials = engine
        .users
        .iter()
        .map(|user| user.user.clone())
        .zip(credentials)
        .collect();
    Ok(Config {
        server,
        engine,
        credentials,
    })
}

fn read_sources<'t>(
    document: &mut Document<'t>,
    value: Option<Spanned<DeValue<'t>>>,
    ledger: &Ledger,
    cache_ages: &mut BTreeMap<String, Duration>,
) -> Vec<Arc<dyn Source>> {
    let Some(value) = value else {
        document.report(
            0,
            "sources",
            "there is no source; add a section such as [sources.salesforce]",
        );
        return Vec::new();
    };
    let start = value.span().start;
    let DeValue::Table(table) = value.into_inner() else {
        document.report(
            start,
            "sources",
            "expected a table of tables, such as [sources.salesforce]",
        );
        return Vec::new();
    };
    let mut found: Vec<Arc<dyn Source>> = Vec::new();
    for (name, value) in table {
        let (start, name) = (name.span().start, name.into_inner());
        let path = format!("sources.{name}");
        if !is_schema_name(&name) {
            let message = "a source's name is an SQL schema: lower-case letters, digits and '_', and none of PostgreSQL's own";
            document.report(start, &path, message);
        }
        let Some(mut section) = Section::new(document, path.clone(), start, value) else {
            continue;
        };
        let Some((at, kind)) = section.take_text("kind") else {
            continue;
        };
        if !sources::KINDS.contains(&kind.as_str()) {
            section.report(at, "kind", &wording::not_one_of(&kind, sources::KINDS));
            continue;
        }
        if let Some((at, text)) = section.take_optional_text("cache") {
            match parse_duration(&text) {
                Some(age) => {
                    cache_ages.insert(name.to_string(), age);
                }
                None => section.report(at, "cache", "expected a duration such as \"30s\" or \"5min\""),
            }
        }
        section.check_files();
        section.check_urls();
        found.extend(sources::build(&kind, &name, &mut section, ledger));
    }
    found
}

fn is_schema_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(is_word)
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
        && !name.starts_with("pg_")
        && !RESERVED.contains(&name)
}

fn read_policies<'t>(
    document: &mut Document<'t>,
    value: Option<Spanned<DeValue<'t>>>,
    sources: &[String],
) -> Vec<Policy> {
    let mut policies = Vec::new();
    for (path, value) in document.tables("policies", value) {
        let start = value.span().start;
        let Some(mut section) = Section::new(document, path, start, value) else {
            continue;
        };
        let Some(policy) = section.read::<Policy>() else {
            continue;
        };
        let schema = policy.table.split_once('.').map_or("*", |(schema, _)| schema);
        let is_known =
            schema.contains(['*', '?']) || schema == "causeway" || sources.iter().any(|name| name == schema);
        if !is_known {
            let near = nearest(schema, sources.iter().map(String::as_str));
            let message = format!("there is no source '{schema}'{}", wording::did_you_mean(near));
            section.report_key("table", &message);
        }
        // The engine stops at the first policy that is wrong, so each is tried on its own.
        let mut alone = EngineConfig::new(Ledger::new(1));
        alone.policies.push(policy.clone());
        if let Err(error) = Engine::try_new(alone) {
            let key = if policy.rows.is_some() {
                "rows"
            } else {
                "mask_columns"
            };
            let key = if error.sqlstate == causeway_sql::sqlstate::SYNTAX {
                key
            } else {
                "table"
            };
            section.report_key(key, &error.message);
        }
        policies.push(policy);
    }
    policies
}

#[cfg(test)]
mod tests;
