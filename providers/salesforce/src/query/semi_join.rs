//! Two objects in one query: semi-joins, anti-joins, and fields of a parent.
//!
//! Owns: where SOQL allows them. Does not own: when they pay; the engine decides that.
//! Invariant: the condition compares ids only, so it keeps precisely the rows that SQL's join keeps.
//! Source: SOQL and SOSL Reference, "Comparison Operators" (semi-joins and anti-joins) and "Relationship Queries", read 2026-11.

use causeway_core::{
    Atom, Column, Condition, Fidelity, Operand, Origin, RemoteOp, RemoteQuery, Selection, Table,
};

use super::literal::is_path;
use super::verdict::present;

/// Semi-joins and anti-joins that one query may have.
pub(crate) const MOST_SEMI_JOINS: usize = 2;

/// Objects that can't stand inside.
const NOT_INSIDE: &[&str] = &[
    "activityhistory",
    "attachment",
    "attachments",
    "event",
    "eventattendee",
    "note",
    "noteandattachment",
    "openactivity",
    "task",
];

/// `column IN (SELECT …)`, or NOT IN.
pub(crate) fn condition(
    table: &Table,
    column: &Column,
    inner: &RemoteQuery,
    negated: bool,
) -> Option<Condition> {
    let outer = plain_id(column).filter(|_| column.filterable)?;
    let [inner_column] = inner.columns.as_slice() else {
        return None;
    };
    let selected = inner.table.columns.get(*inner_column)?;
    let inner_field = plain_id(selected)?;
    // Both sides must hold ids of the same kind of record.
    let inside = objects(&inner.table, selected);
    let same_kind = objects(table, column)
        .iter()
        .any(|object| inside.iter().any(|inner| inner.eq_ignore_ascii_case(object)));
    let is_own_object = inner.table.name.remote.eq_ignore_ascii_case(&table.name.remote);
    let object = inner.table.name.remote.to_lowercase();
    let allowed = is_path(&object)
        && !is_own_object
        && !NOT_INSIDE.contains(&object.as_str())
        && !object.ends_with("__tag");
    let is_bare =
        inner.keys.is_none() && inner.grouping.is_none() && inner.order.is_empty() && inner.limit.is_none();
    let is_exact = inner
        .filters
        .iter()
        .all(|filter| filter.fidelity == Fidelity::Exact || !negated);
    if !same_kind || !allowed || !is_bare || !is_exact || inner.table.required_filter.is_some() {
        return None;
    }
    if inner.is_empty() {
        return (!negated).then_some(Condition::Never);
    }
    let conditions = inner.filters.iter().map(|filter| filter.condition.clone());
    let mut conditions: Vec<Condition> = conditions.collect();
    if negated && Some(*inner_column) != inner.table.single_key() {
        if !selected.filterable {
            return None;
        }
        // Whether a null inside an anti-join empties it is not documented.
        conditions.push(present(inner_field));
    }
    let operator = if negated { RemoteOp::NotIn } else { RemoteOp::In };
    let selection = Selection {
        table: inner.table.name.clone(),
        field: inner_field.to_owned(),
        conditions,
    };
    Some(Atom::new(outer, operator, Operand::Selection(selection)).into())
}

/// The objects whose ids a column holds.
fn objects(table: &Table, column: &Column) -> Vec<String> {
    match column.remote_type.as_str() {
        "id" => vec![table.name.remote.clone()],
        _ => column.references.clone(),
    }
}

/// Objects of which a plain query leaves out the archived records, which a path may show.
const ARCHIVED: &[&str] = &["task", "event"];

/// The object's own field, when it holds record ids.
fn plain_id(column: &Column) -> Option<&str> {
    let field = column.remote_field()?;
    let is_id = matches!(column.remote_type.as_str(), "id" | "reference") && !column.calculated;
    (is_id && is_path(field) && !field.contains('.')).then_some(field)
}

/// A field of the parent as a field of the child: it can be selected, and nothing else, since filters, sorts and groups over a path
/// treat records without a parent in ways of their own.
pub(crate) fn parent_column(reference: &Column, parent: &Table, column: &Column) -> Option<Column> {
    let relationship = reference.relationship.as_deref().filter(|name| is_path(name))?;
    let is_only_parent =
        matches!(reference.references.as_slice(), [only] if only.eq_ignore_ascii_case(&parent.name.remote));
    let field = column.remote_field().filter(|field| is_path(field))?;
    // A base64 field of a parent can't be selected, and `quantumstate` and its like have never been seen there.
    let travels = !matches!(column.remote_type.as_str(), "base64" | "location" | "address");
    let is_whole = !ARCHIVED.contains(&parent.name.name.as_str());
    (plain_id(reference).is_some() && is_only_parent && is_whole && travels && !field.contains('.')).then(
        || Column {
            origin: Origin::Field(format!("{relationship}.{field}")),
            through: Some(relationship.to_owned()),
            filterable: false,
            sortable: false,
            groupable: false,
            aggregatable: false,
            unique: false,
            references: Vec::new(),
            relationship: None,
            ..column.clone()
        },
    )
}
