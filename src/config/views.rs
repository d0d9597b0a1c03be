//! `[views]`: queries that everyone can use by a name.

use causeway_sql::{View, view_faults};
use toml::Spanned;
use toml::de::DeValue;

use super::document::Document;

/// Reads all views. What they need of tables shows when they are used.
pub(super) fn read(document: &mut Document<'_>, value: Option<Spanned<DeValue<'_>>>) -> Vec<View> {
    let Some(value) = value else {
        return Vec::new();
    };
    let start = value.span().start;
    let DeValue::Table(table) = value.into_inner() else {
        document.report(start, "views", "expected a table of queries, such as [views]");
        return Vec::new();
    };
    let mut views = Vec::new();
    let mut places = Vec::new();
    for (name, value) in table {
        let (start, name) = (name.span().start, name.into_inner().into_owned());
        match value.into_inner() {
            DeValue::String(query) => {
                places.push(start);
                views.push(View {
                    name,
                    query: query.into_owned(),
                });
            }
            _ => document.report(start, &format!("views.{name}"), "expected a string with a query"),
        }
    }
    for (at, error) in view_faults(&views) {
        if let (Some(view), Some(start)) = (views.get(at), places.get(at)) {
            document.report(*start, &format!("views.{}", view.name), &error.message);
        }
    }
    views
}
