//! `sys_db_object`, `sys_dictionary`, `sys_choice` and `sys_glide_object`, written out from the tables that exist.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::cell::Cell;
use super::super::schema::{Column, Row, column, nothing};
use super::super::types::TYPES;
use super::{Data, Spec};

const TABLES: &str = "sys_db_object";
const DICTIONARY: &str = "sys_dictionary";
const CHOICES: &str = "sys_choice";
const TYPE_TABLE: &str = "sys_glide_object";

type Fields = HashMap<&'static str, Cell<'static>>;

pub(super) fn add(data: &mut Data) {
    data.add(Spec::root(
        TABLES,
        "Table",
        "label",
        0,
        plain(&[
            ("name", "string"),
            ("label", "string"),
            ("is_extendable", "boolean"),
            ("sys_scope", "string"),
            ("number_ref", "string"),
            ("access", "string"),
        ])
        .into_iter()
        .chain([column("super_class", "reference", nothing()).refers_to(TABLES)])
        .collect(),
    ));
    data.add(Spec::root(
        TYPE_TABLE,
        "Field class",
        "label",
        0,
        plain(&[
            ("name", "string"),
            ("label", "string"),
            ("scalar_type", "string"),
            ("scalar_length", "integer"),
        ]),
    ));
    data.add(Spec::root(
        DICTIONARY,
        "Dictionary Entry",
        "element",
        0,
        dictionary(),
    ));
    data.add(Spec::root(
        CHOICES,
        "Choice",
        "label",
        0,
        plain(&[
            ("name", "table_name"),
            ("element", "field_name"),
            ("value", "string"),
            ("label", "string"),
            ("language", "language"),
            ("inactive", "boolean"),
            ("sequence", "integer"),
            ("dependent_value", "string"),
        ]),
    ));
    let tables = table_rows(data);
    store(data, TABLES, tables);
    store(data, TYPE_TABLE, type_rows());
    let entries = dictionary_rows(data);
    store(data, DICTIONARY, entries);
    let choices = choice_rows(data);
    store(data, CHOICES, choices);
}

fn plain(columns: &[(&'static str, &'static str)]) -> Vec<Column> {
    columns
        .iter()
        .map(|(name, kind)| column(name, kind, nothing()).length(4000))
        .collect()
}

fn dictionary() -> Vec<Column> {
    let mut columns = plain(&[
        ("name", "table_name"),
        ("element", "field_name"),
        ("column_label", "string"),
        ("max_length", "integer"),
        ("mandatory", "boolean"),
        ("read_only", "boolean"),
        ("active", "boolean"),
        ("array", "boolean"),
        ("virtual", "boolean"),
        ("primary", "boolean"),
        ("unique", "boolean"),
        ("display", "boolean"),
        ("default_value", "string"),
        ("choice", "integer"),
        ("choice_table", "table_name"),
        ("choice_field", "field_name"),
        ("dependent_on_field", "field_name"),
        ("attributes", "string"),
        ("comments", "string"),
    ]);
    columns.push(column("internal_type", "reference", nothing()).refers_to(TYPE_TABLE));
    columns.push(column("reference", "reference", nothing()).refers_to(TABLES));
    columns
}

/// Writes the rows out, with the system columns filled in.
fn store(data: &mut Data, name: &'static str, rows: Vec<Fields>) {
    let Some(class) = data.table(name) else { return };
    if let Some(table) = data.tables.get_mut(class) {
        table.rows = rows.len();
    }
    let stored = rows
        .iter()
        .enumerate()
        .map(|(index, fields)| {
            let id = data.sys_id(Row::new(class, index));
            let columns = data.get(class).map_or(&[][..], |table| &table.columns);
            columns
                .iter()
                .map(|column| value(column, fields, id, index))
                .collect()
        })
        .collect();
    if let Some(table) = data.tables.get_mut(class) {
        table.stored = stored;
    }
}

fn value(column: &Column, fields: &Fields, id: super::SysId, index: usize) -> Cell<'static> {
    match column.name.as_str() {
        "sys_id" => Cell::Id(id),
        "sys_created_on" | "sys_updated_on" => {
            Cell::Seconds(1_577_836_800 + i64::try_from(index / 5).unwrap_or_default())
        }
        "sys_created_by" | "sys_updated_by" => Cell::text("system"),
        "sys_mod_count" => Cell::Int(0),
        name => fields.get(name).cloned().unwrap_or(Cell::Null),
    }
}

fn owned(text: &str) -> Cell<'static> {
    Cell::Text(Cow::Owned(text.to_owned()))
}

fn table_rows(data: &Data) -> Vec<Fields> {
    let tables = data.table(TABLES).unwrap_or_default();
    data.tables
        .iter()
        .map(|table| {
            // The row's index is the table's position, so a parent's `sys_id` is known before its row is.
            let parent = table.parent.map(|parent| data.sys_id(Row::new(tables, parent)));
            HashMap::from([
                ("name", owned(table.name)),
                ("label", owned(table.label)),
                ("super_class", parent.map_or(Cell::Null, Cell::Id)),
                ("is_extendable", Cell::Bool(table.classes.len() > 1)),
                ("sys_scope", owned("global")),
                ("access", owned("public")),
            ])
        })
        .collect()
}

fn type_rows() -> Vec<Fields> {
    TYPES
        .iter()
        .map(|(name, label, scalar, length, _)| {
            HashMap::from([
                ("name", owned(name)),
                ("label", owned(label)),
                ("scalar_type", owned(scalar)),
                ("scalar_length", Cell::Int(i64::from(*length))),
            ])
        })
        .collect()
}

fn dictionary_rows(data: &Data) -> Vec<Fields> {
    let mut rows = Vec::new();
    for table in &data.tables {
        rows.push(HashMap::from([
            ("name", owned(table.name)),
            ("internal_type", owned("collection")),
            ("column_label", owned(table.label)),
            ("active", Cell::Bool(true)),
            ("max_length", Cell::Int(40)),
            ("choice", Cell::Int(0)),
        ]));
        for column in &table.own {
            rows.push(entry(table.name, column, table.columns.get(table.display)));
        }
    }
    rows
}

fn entry(table: &str, column: &Column, display: Option<&std::sync::Arc<Column>>) -> Fields {
    let is_display = display.is_some_and(|display| display.name == column.name);
    HashMap::from([
        ("name", owned(table)),
        ("element", owned(&column.name)),
        ("column_label", owned(&column.label)),
        ("internal_type", owned(column.internal_type)),
        ("reference", column.reference.map_or(Cell::Null, owned)),
        ("max_length", Cell::Int(i64::from(column.max_length))),
        ("mandatory", Cell::Bool(column.mandatory)),
        ("read_only", Cell::Bool(column.read_only)),
        ("active", Cell::Bool(column.active)),
        ("array", Cell::Bool(false)),
        ("virtual", Cell::Bool(false)),
        ("primary", Cell::Bool(column.name == "sys_id")),
        ("unique", Cell::Bool(column.name == "sys_id")),
        ("display", Cell::Bool(is_display)),
        ("choice", Cell::Int(if column.choices.is_empty() { 0 } else { 1 })),
        ("attributes", owned("")),
    ])
}

/// The label as users of that language see it.
pub(in crate::servicenow) fn in_german(label: &str) -> String {
    format!("{label} (de)")
}

fn choice_rows(data: &Data) -> Vec<Fields> {
    let mut rows = Vec::new();
    for table in &data.tables {
        for column in &table.own {
            for (sequence, (value, label)) in column.choices.iter().enumerate() {
                for language in ["en", "de"] {
                    let label = if language == "de" {
                        in_german(label)
                    } else {
                        (*label).to_owned()
                    };
                    rows.push(HashMap::from([
                        ("name", owned(table.name)),
                        ("element", owned(&column.name)),
                        ("value", owned(value)),
                        ("label", owned(&label)),
                        ("language", owned(language)),
                        ("inactive", Cell::Bool(false)),
                        ("sequence", Cell::Int(i64::try_from(sequence).unwrap_or_default())),
                    ]));
                }
            }
        }
    }
    rows
}
