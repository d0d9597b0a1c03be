//! Row scopes: whose records a person sees by a column of the records, such as their domain.

use causeway_core::{Kind, QueryContext, Source, Table};
use datafusion::common::Result;
use datafusion::sql::sqlparser::ast::{self, Expr as SqlExpr};

use super::Access;
use crate::error::{into_datafusion, source_error};

/// `<scope column> IN (…)` with what the source lets the person see; `None` when all rows are visible.
///
/// # Errors
/// F0000 for a domain that does not exist, what the source says when its domains can't be read.
pub(super) async fn condition(
    table: &Table,
    access: &Access,
    source: &dyn Source,
    context: &QueryContext,
) -> Result<Option<SqlExpr>> {
    let Some(column) = table.domain.and_then(|at| table.columns.get(at)) else {
        return Ok(None);
    };
    if access.sees_all_domains() {
        return Ok(None);
    }
    let visible = source.row_scope(context, table).await;
    let visible = visible.map_err(|error| match error.kind {
        Kind::Config => into_datafusion(crate::Error::new("F0000", error.to_string())),
        _ => source_error(error),
    })?;
    if visible.is_empty() {
        return Ok(Some(SqlExpr::Value(ast::Value::Boolean(false).with_empty_span())));
    }
    let text = |domain| SqlExpr::Value(ast::Value::SingleQuotedString(domain).with_empty_span());
    Ok(Some(SqlExpr::InList {
        expr: Box::new(SqlExpr::Identifier(ast::Ident::with_quote('"', &column.name))),
        list: visible.into_iter().map(text).collect(),
        negated: false,
    }))
}
