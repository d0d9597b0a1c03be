//! Tables as data: what the dictionary, `ui/meta` or a sample of records says becomes a [`Table`].
//!
//! Owns: inheritance, types, display columns, the order of columns. Does not own: the calls; see `discovery`.
//! Invariant: only columns that the instance itself describes may be filtered there. Start at [`table`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use causeway_core::{Column, Origin, Table, TableName};
use serde_json::{Map, Value};

use crate::api::records::text;
use crate::query::wire::is_table_name;
use crate::types::{Family, is_secret, label_type};

/// Fields of `sys_dictionary` that are read.
pub(crate) const DICTIONARY_FIELDS: &[&str] = &[
    "name",
    "element",
    "column_label",
    "internal_type",
    "reference",
    "choice",
    "choice_table",
    "choice_field",
    "virtual",
];

/// A row of `sys_dictionary`, or what stands for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) table: String,
    pub(crate) element: String,
    pub(crate) label: String,
    pub(crate) internal_type: String,
    pub(crate) reference: String,
    pub(crate) has_choices: bool,
    /// How many, as far as that is known.
    pub(crate) choices: usize,
    /// Whether its choices are those of `sys_choice` under its own name.
    pub(crate) has_own_choices: bool,
    /// Whether the instance says that the column may be filtered.
    pub(crate) filterable: bool,
    /// Whether its value is computed when it is read.
    pub(crate) is_computed: bool,
}

impl Entry {
    /// Choices that a column is taken to have when the dictionary only says that it has some.
    const USUAL_CHOICES: usize = 8;

    pub(crate) fn of_dictionary(row: &Map<String, Value>) -> Self {
        let is_computed = text(row, "virtual") == "true";
        let has_choices = !matches!(text(row, "choice"), "" | "0");
        Self {
            table: text(row, "name").to_owned(),
            element: text(row, "element").to_owned(),
            label: text(row, "column_label").to_owned(),
            internal_type: text(row, "internal_type").to_owned(),
            reference: text(row, "reference").to_owned(),
            has_choices,
            choices: if has_choices { Self::USUAL_CHOICES } else { 0 },
            // The keys are missing when the account may not see these fields.
            has_own_choices: ["choice_table", "choice_field"]
                .iter()
                .all(|field| row.contains_key(*field) && text(row, field).is_empty()),
            filterable: !is_computed,
            is_computed,
        }
    }

    /// A column of `ui/meta`, which lists inherited columns too.
    fn of_meta(table: &str, element: &str, column: &Map<String, Value>) -> Self {
        let internal_type = match text(column, "internal_type") {
            "" => text(column, "type"),
            found => found,
        };
        let choices = match column.get("choices") {
            Some(Value::Array(choices)) => choices.len(),
            Some(Value::Object(choices)) => choices.len(),
            _ => 0,
        };
        let says = |flag: &str| match column.get(flag) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(flag)) => flag == "true",
            _ => false,
        };
        Self {
            table: table.to_owned(),
            element: element.to_owned(),
            label: text(column, "label").to_owned(),
            internal_type: internal_type.to_owned(),
            reference: text(column, "reference").to_owned(),
            has_choices: choices > 0,
            choices,
            has_own_choices: false,
            filterable: says("filterable"),
            is_computed: false,
        }
    }
}

/// The columns of a `ui/meta` document; none when it is something else.
pub(crate) fn meta_entries(table: &str, document: &Value) -> Vec<Entry> {
    let columns = document.get("result").and_then(|result| result.get("columns"));
    let columns = columns.and_then(Value::as_object);
    let entries = columns.into_iter().flatten();
    entries
        .filter_map(|(element, column)| Some(Entry::of_meta(table, element, column.as_object()?)))
        .collect()
}

/// Columns that a sample of records shows. Only those that every table has are known well enough to be filtered.
pub(crate) fn sample_entries(table: &str, rows: &[Map<String, Value>]) -> Vec<Entry> {
    const BASE: &[(&str, &str)] = &[
        ("sys_id", "GUID"),
        ("sys_created_on", "glide_date_time"),
        ("sys_updated_on", "glide_date_time"),
        ("sys_created_by", "string"),
        ("sys_updated_by", "string"),
        ("sys_mod_count", "integer"),
    ];
    let mut names: Vec<&String> = rows.iter().flat_map(Map::keys).collect();
    names.sort_unstable();
    names.dedup();
    let entries = names.into_iter().filter(|name| *name != "__meta").map(|name| {
        let base = BASE.iter().find(|(element, _)| element == name);
        Entry {
            table: table.to_owned(),
            element: name.clone(),
            internal_type: base.map_or("", |(_, internal_type)| internal_type).to_owned(),
            filterable: base.is_some(),
            ..Entry::default()
        }
    });
    entries.collect()
}

/// A table and its ancestors, nearest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lineage {
    pub(crate) label: String,
    /// Begins with the table itself.
    pub(crate) tables: Vec<String>,
}

/// Depth to which ancestors are asked for in one call. CMDB classes are the deepest, with about eight.
const DEPTH: usize = 10;

/// Fields of `sys_db_object` that give a table's ancestors by dot-walking.
pub(crate) fn lineage_fields() -> Vec<String> {
    let mut fields = vec!["name".to_owned(), "label".to_owned()];
    fields.extend((1..=DEPTH).map(ancestor_field));
    fields
}

fn ancestor_field(depth: usize) -> String {
    format!("{}name", "super_class.".repeat(depth))
}

impl Lineage {
    /// The lineage in a row of `sys_db_object`; `None` when the row does not show whether it is complete.
    pub(crate) fn of_row(row: &Map<String, Value>) -> Option<Self> {
        let mut tables = vec![text(row, "name").to_owned()];
        for depth in 1..=DEPTH {
            match text(row, &ancestor_field(depth)) {
                "" => {
                    return Some(Self {
                        label: text(row, "label").to_owned(),
                        tables,
                    });
                }
                // A table is no ancestor of itself; a loop in the data ends the walk.
                name if tables.iter().any(|seen| seen == name) => break,
                name => tables.push(name.to_owned()),
            }
        }
        None
    }

    /// The lineage of a table in a listing of all tables: name to label and parent.
    pub(crate) fn of_listing(name: &str, parents: &HashMap<String, (String, String)>) -> Self {
        let label = parents
            .get(name)
            .map(|(label, _)| label.clone())
            .unwrap_or_default();
        let mut tables = vec![name.to_owned()];
        let mut current = name;
        while let Some((_, parent)) = parents.get(current) {
            if parent.is_empty() || tables.contains(parent) {
                break;
            }
            tables.push(parent.clone());
            current = parent;
        }
        Self { label, tables }
    }

    /// The columns of the table: its own and its ancestors', where the nearest wins.
    pub(crate) fn inherited<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Entry> {
        let distance: HashMap<&str, usize> = self
            .tables
            .iter()
            .enumerate()
            .map(|(distance, name)| (name.as_str(), distance))
            .collect();
        let mut nearest: BTreeMap<&str, (usize, &Entry)> = BTreeMap::new();
        for entry in entries {
            let Some(&here) = distance.get(entry.table.as_str()) else {
                continue;
            };
            let known = nearest.get(entry.element.as_str());
            if known.is_none_or(|(there, _)| here < *there) {
                nearest.insert(&entry.element, (here, entry));
            }
        }
        nearest.into_values().map(|(_, entry)| entry.clone()).collect()
    }
}

/// Makes the table: plain columns, then display columns, then the link. `None` without a `sys_id` to page by.
pub(crate) fn table(
    source: &Arc<str>,
    base: &str,
    name: &str,
    label: &str,
    entries: Vec<Entry>,
) -> Option<Table> {
    let mut plain: Vec<(Entry, Column)> = Vec::new();
    for entry in entries {
        if entry.element.is_empty() || entry.internal_type == "collection" || is_secret(&entry.internal_type)
        {
            continue;
        }
        let sql_name = entry.element.to_lowercase();
        let is_plain = is_table_name(&sql_name);
        if !is_plain || plain.iter().any(|(_, column)| column.name == sql_name) {
            tracing::warn!(source = %source, table = name, column = entry.element, "left out a column whose name can't be used");
            continue;
        }
        let column = column(&entry);
        plain.push((entry, column));
    }
    // The key first, then what people added or see, then the system's own.
    let rank = |name: &str| match name {
        "sys_id" => 0,
        name if name.starts_with("sys_") => 2,
        _ => 1,
    };
    plain.sort_by(|(_, a), (_, b)| (rank(&a.name), &a.name).cmp(&(rank(&b.name), &b.name)));
    let key = plain.iter().position(|(_, column)| column.name == "sys_id")?;
    let domain = plain.iter().position(|(_, column)| column.name == "sys_domain");
    let mut added: Vec<Column> = plain
        .iter()
        .filter_map(|(entry, column)| display_column(entry, column))
        .collect();
    added.push(Column::record_url());
    let mut columns: Vec<Column> = plain.into_iter().map(|(_, column)| column).collect();
    for column in added {
        if columns.iter().all(|known| known.name != column.name) {
            columns.push(column);
        }
    }
    columns.iter_mut().for_each(|column| column.empty_is_null = true);
    Some(Table {
        source: Arc::clone(source),
        name: TableName {
            name: name.to_owned(),
            remote: name.to_owned(),
            label: if label.is_empty() { name } else { label }.to_owned(),
        },
        columns,
        key: vec![key],
        domain,
        url_template: format!("{base}/nav_to.do?uri={name}.do%3Fsys_id%3D{{key}}"),
        required_filter: None,
    })
}

fn column(entry: &Entry) -> Column {
    let family = Family::of(&entry.internal_type);
    let mut column = Column::field(&entry.element, family.column_type(), &entry.internal_type);
    if !entry.label.is_empty() {
        column.label.clone_from(&entry.label);
    }
    if !entry.reference.is_empty() {
        column.references.push(entry.reference.clone());
    }
    column.filterable = entry.filterable;
    column.calculated = entry.is_computed;
    column.choices = entry.choices;
    column.unique = entry.element == "sys_id";
    column
}

/// The display column of a reference, a choice or a duration.
fn display_column(entry: &Entry, column: &Column) -> Option<Column> {
    let is_reference =
        matches!(entry.internal_type.as_str(), "reference" | "domain_id") && !entry.reference.is_empty();
    let is_choice = entry.has_choices || matches!(entry.internal_type.as_str(), "choice" | "radio");
    if !is_reference && !is_choice && entry.internal_type != "glide_duration" {
        return None;
    }
    let mut display = Column::field(&entry.element, causeway_core::ColumnType::Text, "");
    display.name = format!("dv_{}", column.name);
    display.label = format!("{} (display value)", column.label);
    display.origin = Origin::Display(entry.element.clone());
    let has_labels = is_choice && !is_reference && entry.has_own_choices && column.filterable;
    if let Some(ty) = label_type(Family::of(&entry.internal_type)).filter(|_| has_labels) {
        ty.clone_into(&mut display.remote_type);
    }
    Some(display)
}

#[cfg(test)]
mod tests;
