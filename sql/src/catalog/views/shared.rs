//! Views that everyone has: those that ship, and those of the configuration.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use causeway_core::Source;
use datafusion::sql::sqlparser::ast::{
    self, Ident, ObjectName, ObjectNamePart, SelectItem, SetExpr, Value, VisitMut as _, VisitorMut,
};

use super::definition::{Definition, View, relations};
use crate::Error;

/// The views of the schema `views`, by name. One of the configuration takes the place of a shipped one of that name.
///
/// # Errors
/// The first fault of a configured view.
pub(crate) fn shared(
    sources: &[Arc<dyn Source>],
    shipped: &[View],
    configured: &[View],
) -> Result<BTreeMap<String, Arc<Definition>>, Error> {
    if let Some((_, error)) = faults(configured).into_iter().next() {
        return Err(error);
    }
    let mut views = BTreeMap::new();
    for view in shipped {
        if let Some(definition) = over_sources(Definition::of_text(&view.name, &view.query)?, sources) {
            views.insert(view.name.clone(), Arc::new(definition));
        }
    }
    for view in configured {
        let definition = Definition::of_text(&view.name, &view.query)?;
        views.insert(view.name.clone(), Arc::new(definition));
    }
    Ok(views)
}

/// What is wrong with configured views as far as it can be known without a call, each with the place of its view.
#[must_use]
pub fn faults(views: &[View]) -> Vec<(usize, Error)> {
    let mut found = Vec::new();
    let mut reads: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (at, view) in views.iter().enumerate() {
        match Definition::of_text(&view.name, &view.query) {
            _ if reads.contains_key(view.name.as_str()) => {
                let message = format!("view '{}' is there twice", view.name);
                found.push((at, Error::new("42P07", message)));
            }
            Ok(definition) => {
                reads.insert(&view.name, definition.shared_views().into_iter().collect());
            }
            Err(error) => found.push((at, error)),
        }
    }
    for (at, view) in views.iter().enumerate() {
        if leads_back(&view.name, &reads) {
            found.push((at, super::recursive(&view.name)));
        }
    }
    found
}

/// Whether a view reads itself, directly or through others.
fn leads_back(name: &str, reads: &BTreeMap<&str, Vec<String>>) -> bool {
    let mut seen = Vec::new();
    let mut next: Vec<&String> = reads.get(name).into_iter().flatten().collect();
    while let Some(read) = next.pop() {
        if read == name {
            return true;
        }
        if !seen.contains(&read) {
            seen.push(read);
            next.extend(reads.get(read.as_str()).into_iter().flatten());
        }
    }
    false
}

/// A shipped view over the configured sources: each SELECT once for every combination of sources of the kinds that it reads. `None`
/// when a kind that all of them need isn't configured.
fn over_sources(definition: Definition, sources: &[Arc<dyn Source>]) -> Option<Definition> {
    let mut branches = Vec::new();
    for select in selects(&definition.query.body) {
        let query = with_body(&definition.query, select.clone());
        let kinds = kinds(&query);
        let mut copies = vec![query];
        for kind in kinds {
            let of_kind: Vec<_> = sources.iter().filter(|source| source.kind() == kind).collect();
            copies = copies
                .iter()
                .flat_map(|query| {
                    of_kind
                        .iter()
                        .map(|source| of_source(query, &kind, source.name()))
                })
                .collect();
        }
        branches.extend(copies);
    }
    Some(Definition {
        query: united(&branches)?,
        in_parts: true,
        ..definition
    })
}

/// The SELECTs of a UNION ALL, in order.
fn selects(body: &SetExpr) -> Vec<&SetExpr> {
    match body {
        SetExpr::SetOperation { left, right, .. } => {
            let mut found = selects(left);
            found.extend(selects(right));
            found
        }
        other => vec![other],
    }
}

fn with_body(query: &ast::Query, body: SetExpr) -> ast::Query {
    ast::Query {
        body: Box::new(body),
        ..query.clone()
    }
}

/// Kinds of sources that a query reads, each once.
fn kinds(query: &ast::Query) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for kind in relations(query).into_iter().filter_map(|(schema, _)| schema) {
        if !found.contains(&kind) {
            found.push(kind);
        }
    }
    found
}

/// The query with one source in place of its kind.
fn of_source(query: &ast::Query, kind: &str, source: &str) -> ast::Query {
    let mut query = query.clone();
    let _ = query.visit(&mut Placing { kind, source });
    query
}

struct Placing<'a> {
    kind: &'a str,
    source: &'a str,
}

impl VisitorMut for Placing<'_> {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if let [ObjectNamePart::Identifier(schema), _] = relation.0.as_mut_slice()
            && schema.value == self.kind
        {
            *schema = Ident::with_quote('"', self.source);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut ast::Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(ast::Expr::Value(value))
            | SelectItem::ExprWithAlias {
                expr: ast::Expr::Value(value),
                ..
            } = item
                && matches!(&value.value, Value::SingleQuotedString(text) if text == self.kind)
            {
                value.value = Value::SingleQuotedString(self.source.to_owned());
            }
        }
        ControlFlow::Continue(())
    }
}

/// All branches as one query.
fn united(branches: &[ast::Query]) -> Option<ast::Query> {
    let (first, rest) = branches.split_first()?;
    let mut whole = first.clone();
    for branch in rest {
        whole.body = Box::new(SetExpr::SetOperation {
            op: ast::SetOperator::Union,
            set_quantifier: ast::SetQuantifier::All,
            left: whole.body,
            right: branch.body.clone(),
        });
    }
    Some(whole)
}
