//! What a table is made from, and the columns that many tables share.

use super::super::schema::{Column, Row, column, make, number, text};
use super::Data;

/// What a table is made from.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) parent: Option<&'static str>,
    pub(super) display: &'static str,
    pub(super) rows: usize,
    pub(super) columns: Vec<Column>,
}

impl Spec {
    /// A table of its own, with the system columns.
    pub(super) fn root(
        name: &'static str,
        label: &'static str,
        display: &'static str,
        rows: usize,
        columns: Vec<Column>,
    ) -> Self {
        let mut all = Data::system_columns();
        all.extend(columns);
        Self {
            name,
            label,
            parent: None,
            display,
            rows,
            columns: all,
        }
    }

    /// A table that extends `parent`.
    pub(super) fn child(
        name: &'static str,
        label: &'static str,
        parent: &'static str,
        display: &'static str,
        rows: usize,
        columns: Vec<Column>,
    ) -> Self {
        Self {
            name,
            label,
            parent: Some(parent),
            display,
            rows,
            columns,
        }
    }
}

/// The column that names a row's concrete class.
pub(super) fn class_name() -> Column {
    column(
        "sys_class_name",
        "sys_class_name",
        make(|data, row, _| text(data.name(row.class()))),
    )
    .read_only()
}

/// `number` with a prefix.
pub(super) fn numbered(prefix: &'static str) -> Column {
    column("number", "string", number(prefix)).read_only()
}

/// `sys_domain` and `sys_domain_path` of a domain-separated table.
pub(super) fn domain_columns(domain: fn(&Data, Row) -> Option<usize>) -> Vec<Column> {
    vec![
        column(
            "sys_domain",
            "domain_id",
            make(move |data, row, _| data.domain_cell(domain(data, row))),
        )
        .refers_to("domain"),
        column(
            "sys_domain_path",
            "domain_path",
            make(move |data, row, _| text(domain_path(domain(data, row)))),
        ),
    ]
}

/// A path in the notation of the instance, which deliberately says nothing about names.
pub(super) fn domain_path(domain: Option<usize>) -> String {
    let mut steps = Vec::new();
    let mut at = domain;
    while let Some(index) = at {
        steps.push(format!(
            "!!{}",
            char::from(b'!' + u8::try_from(index % 90).unwrap_or_default())
        ));
        at = crate::world::DOMAINS.get(index).and_then(|domain| domain.1);
    }
    steps.reverse();
    if steps.is_empty() {
        "/".to_owned()
    } else {
        format!("{}/", steps.join("/"))
    }
}
