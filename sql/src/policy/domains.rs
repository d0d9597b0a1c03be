//! Domain separation: whose records a person sees by the domains of the records.

use std::collections::BTreeSet;

use causeway_core::{DomainTree, QueryContext, Source, Table};
use datafusion::common::Result;
use datafusion::sql::sqlparser::ast::{self, Expr as SqlExpr};

use super::Access;
use crate::error::{into_datafusion, source_error};

/// `<domain column> IN (…)` with the person's domains, everything below them, and `global`; `None` when all rows are visible.
///
/// # Errors
/// F0000 for a domain that does not exist, what the source says when its domains can't be read.
pub(super) async fn condition(
    table: &Table,
    access: &Access,
    source: &dyn Source,
    context: &QueryContext,
) -> Result<Option<SqlExpr>> {
    let principal = &context.principal;
    let Some(column) = table.domain.and_then(|at| table.columns.get(at)) else {
        return Ok(None);
    };
    if access.sees_all_domains() {
        return Ok(None);
    }
    let mut visible = BTreeSet::from([DomainTree::GLOBAL.to_owned()]);
    let own = principal.domain.iter();
    let wanted: Vec<&String> = own.chain(&principal.visible_domains).collect();
    if !wanted.is_empty() {
        let tree = source.domains(context).await.map_err(source_error)?;
        let tree = tree.unwrap_or_default();
        for domain in wanted {
            let root = tree.find(domain).map_err(|reason| {
                let message = format!(
                    "{}: {reason}; check the user's domain in the configuration",
                    table.source
                );
                into_datafusion(crate::Error::new("F0000", message))
            })?;
            visible.extend(tree.subtree(root));
        }
    }
    let text = |domain| SqlExpr::Value(ast::Value::SingleQuotedString(domain).with_empty_span());
    Ok(Some(SqlExpr::InList {
        expr: Box::new(SqlExpr::Identifier(ast::Ident::with_quote('"', &column.name))),
        list: visible.into_iter().map(text).collect(),
        negated: false,
    }))
}
