//! Where the columns of a query are inside a record.

use std::sync::Arc;

use arrow_schema::Schema;
use causeway_core::decode::{Layout, Output, Syntax};
use causeway_core::{Origin, RemoteQuery};

use crate::describe::syntax;

/// The envelope's key of the records.
const ROWS: &str = "records";

/// The record's address, whose last part is its id; every record has it, selected or not.
pub(crate) const KEY_PATH: &str = "/attributes/url";

/// A layout without columns, to look at envelopes.
pub(crate) fn empty() -> Layout {
    Layout::new(Arc::new(Schema::empty()), ROWS, Vec::new())
}

/// The layout of the query's columns.
pub(crate) fn of(query: &RemoteQuery) -> Layout {
    let outputs = query
        .columns
        .iter()
        .filter_map(|&at| query.table.columns.get(at))
        .map(|column| {
            let (field, template) = match &column.origin {
                Origin::RecordUrl => ("Id", Some(query.table.url_template.clone())),
                Origin::Field(field) | Origin::Display(field) => (field.as_str(), None),
            };
            Output {
                path: field.split('.').map(str::to_owned).collect(),
                syntax: if template.is_some() {
                    Syntax::Text
                } else {
                    syntax(column)
                },
                template,
            }
        });
    Layout::new(query.table.schema_of(&query.columns), ROWS, outputs.collect())
}
