//! Where the columns of a query are inside a record.
//!
//! Does not own: how a value is read; see [`describe`](super::describe).
//! Invariant: a grouped query is read by the aliases that [`soql`] gives its items.

use std::sync::Arc;

use arrow_schema::Schema;
use causeway_core::decode::{Layout, Output, Syntax};
use causeway_core::{AggregateFunction, Grouping, Origin, RemoteQuery};

use super::describe::syntax;
use crate::query::soql;

/// The envelope's key of the records.
const ROWS: &str = "records";

/// The record's address, whose last part is its id; every record has it, selected or not.
pub(crate) const KEY_PATH: &str = "/attributes/url";

/// A layout without columns, to look at envelopes.
pub(crate) fn empty() -> Layout {
    Layout::new(Arc::new(Schema::empty()), ROWS, Vec::new())
}

/// The layout of the query's columns, or of its groups.
pub(crate) fn of(query: &RemoteQuery) -> Layout {
    if let Some(grouping) = &query.grouping {
        return Layout::new(query.output_schema(), ROWS, grouped(query, grouping));
    }
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
                empty_is_null: column.empty_is_null,
                template,
            }
        });
    Layout::new(query.table.schema_of(&query.columns), ROWS, outputs.collect())
}

/// Keys and aggregates under the aliases that the query gives them.
fn grouped(query: &RemoteQuery, grouping: &Grouping) -> Vec<Output> {
    let output = |alias: String, syntax| Output {
        path: vec![alias],
        syntax,
        // As in every column of a Salesforce object.
        empty_is_null: true,
        template: None,
    };
    let column = |at: usize| query.table.columns.get(at).map_or(Syntax::Json, syntax);
    let keys = grouping.keys.iter().enumerate();
    let keys = keys.map(|(at, &key)| output(soql::key_alias(at), column(key)));
    let aggregates = grouping.aggregates.iter().enumerate();
    let aggregates = aggregates.map(|(at, aggregate)| {
        let syntax = match (aggregate.function, aggregate.column) {
            (AggregateFunction::Min | AggregateFunction::Max, Some(of)) => column(of),
            _ => Syntax::Integer,
        };
        output(soql::aggregate_alias(at), syntax)
    });
    keys.chain(aggregates).collect()
}
