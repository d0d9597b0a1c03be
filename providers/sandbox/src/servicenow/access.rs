//! What a user may read of a table: platform tables, metadata, domains, fields.
//!
//! Owns: table and field access. Does not own: row ACLs, which apply after the limit; see `scan`.

use super::cell::SysId;
use super::credentials::Rights;
use super::data::Data;
use super::exchange::Answer;
use super::filter::{Filter, Session, is_listed};
use super::render::Field;
use super::switches::{Access, ChoiceAccess, Semantics};
use crate::world::DOMAINS;

/// What an account gets of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    /// Status 200 without rows.
    Empty,
    Forbidden,
}

pub(super) fn reach(table: &str, session: &Session, semantics: &Semantics) -> Reach {
    if session.rights == Rights::Admin {
        return Reach::All;
    }
    let no_role = session.rights == Rights::None;
    match (table, semantics.dictionary_access) {
        ("sys_dictionary" | "sys_db_object", Access::Forbidden) => Reach::Forbidden,
        ("sys_dictionary", Access::EmptyForNonAdmin) => Reach::Empty,
        ("sys_db_object", Access::EmptyForNonAdmin) => Reach::Forbidden,
        ("sys_db_object" | "sys_glide_object", _) if no_role => Reach::Forbidden,
        ("sys_choice", _) => Reach::All,
        _ if no_role => Reach::Empty,
        _ => Reach::All,
    }
}

pub(super) fn forbidden_table(table: &str) -> Answer {
    Answer::error(
        403,
        "Insufficient rights to query records",
        Some(&format!("No permission to read table '{table}'")),
    )
}

pub(super) fn forbidden_column() -> Answer {
    Answer::error(
        403,
        "Insufficient rights to query records",
        Some("Field(s) present in the query do not have permission to be read"),
    )
}

/// Limits the filter to the user's domains, where the table has any.
pub(super) fn separate(
    data: &Data,
    table: usize,
    session: &Session,
    semantics: &Semantics,
    no_domain: bool,
    filter: &mut Filter,
) {
    let Some(root) = semantics.user_domains.get(session.user_name) else {
        return;
    };
    if no_domain && session.rights == Rights::Admin {
        return;
    }
    if let Some(column) = data.get(table).and_then(|table| table.position("sys_domain")) {
        let ids = (0..DOMAINS.len())
            .filter(|domain| is_within(*domain, *root))
            .filter_map(|domain| SysId::parse(&data.world.domain_id(Some(domain))))
            .collect();
        filter.domain = Some((column, ids));
    }
}

fn is_within(domain: usize, root: usize) -> bool {
    let mut at = Some(domain);
    while let Some(index) = at {
        if index == root {
            return true;
        }
        at = DOMAINS.get(index).and_then(|domain| domain.1);
    }
    false
}

/// Drops the fields that the account may not read: their keys are missing.
pub(super) fn readable_fields(
    data: &Data,
    table: usize,
    session: &Session,
    semantics: &Semantics,
    fields: &mut Vec<Field>,
) {
    let label_only = semantics.choice_access == ChoiceAccess::LabelOnly && session.rights != Rights::Admin;
    fields.retain(|field| {
        let hidden = field.path.visits(data, table).any(|(table, column)| {
            is_listed(data, &semantics.hidden_fields, table, column)
                || (label_only && data.name(table) == "sys_choice" && column != "label")
        });
        !hidden
    });
}
