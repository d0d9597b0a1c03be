//! The section `[roles]`: what people of a role may spend.

use std::collections::BTreeMap;

use causeway_core::{Principal, nearest};
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::document::Document;
use super::section::Section;
use super::wording;
use crate::identity::Credential;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    /// The most API calls that a query may make.
    max_api_calls: u32,
}

/// The ceiling of each role. A role that nobody has is reported: its name is probably misspelt, and then it would bind nobody.
pub(super) fn read<'t>(
    document: &mut Document<'t>,
    value: Option<Spanned<DeValue<'t>>>,
    people: &[(Principal, Credential)],
) -> BTreeMap<String, u32> {
    let mut ceilings = BTreeMap::new();
    let Some(value) = value else {
        return ceilings;
    };
    let start = value.span().start;
    let DeValue::Table(table) = value.into_inner() else {
        document.report(
            start,
            "roles",
            "expected a table of tables, such as [roles.analyst]",
        );
        return ceilings;
    };
    let known: Vec<&str> = people
        .iter()
        .flat_map(|(person, _)| person.roles.iter().map(String::as_str))
        .collect();
    for (name, value) in table {
        let (start, name) = (name.span().start, name.into_inner());
        let Some(mut section) = Section::new(document, format!("roles.{name}"), start, value) else {
            continue;
        };
        if !known.contains(&name.as_ref()) {
            let near = nearest(&name, known.iter().copied());
            let message = format!("no user has the role '{name}'{}", wording::did_you_mean(near));
            section.report(start, "", &message);
        }
        let Some(role) = section.read::<Role>() else {
            continue;
        };
        if role.max_api_calls == 0 {
            section.report_key(
                "max_api_calls",
                "0 would allow nothing; leave the section out for no limit",
            );
        }
        ceilings.insert(name.into_owned(), role.max_api_calls);
    }
    ceilings
}
