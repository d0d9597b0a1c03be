//! What a view says: its name, its query, and what names in the query mean.
//!
//! Invariant: a definition holds one query that reads and takes no parameter. What its names stand for is found when it is used.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use causeway_postgres::column_names::folded;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::sql::sqlparser::ast::{self, SetExpr, Visit, Visitor, visit_relations};

use super::VIEWS_SCHEMA;
use crate::Error;
use crate::error::sqlstate;
use crate::session::statement;

/// One `[views]` entry of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Name in the schema `views`.
    pub name: String,
    /// A query.
    pub query: String,
}

/// A view whose query has been parsed.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// Its name, without a schema.
    pub(crate) name: String,
    /// Names that it gives to its first columns.
    pub(crate) columns: Vec<String>,
    pub(crate) query: ast::Query,
    /// Whether each SELECT of a UNION ALL is there when its tables are; otherwise the view is there as a whole or not at all.
    pub(crate) in_parts: bool,
    /// What is kept of the session that made it; `None` for a view that everyone has.
    pub(crate) session: Option<SessionPart>,
}

/// What a view of a session keeps of the moment when it was made.
#[derive(Debug, Clone)]
pub(crate) struct SessionPart {
    /// Where its unqualified names are looked up.
    pub(crate) search_path: Vec<String>,
    /// Views of the session that there were, so that a later one can't take the place of a table.
    pub(crate) sees: BTreeSet<String>,
    /// Views of the session that it reads.
    pub(crate) uses: BTreeSet<String>,
    /// Its columns.
    pub(crate) schema: SchemaRef,
}

impl Definition {
    /// A view that everyone has.
    ///
    /// # Errors
    /// 42601 and 0A000 for what is not one plain query, 42602 for a name that would need quotes.
    pub(crate) fn of_text(name: &str, text: &str) -> Result<Self, Error> {
        if !is_name(name) {
            let message = "a view's name has lower-case letters, digits and '_' only";
            return Err(Error::new("42602", message));
        }
        let mut statements = statement::parse(text)?;
        let query = match (statements.pop(), statements.is_empty()) {
            (Some(only), true) => match only.ast {
                ast::Statement::Query(query) => *query,
                _ => return Err(Error::new(sqlstate::NOT_SUPPORTED, "only a query can be a view")),
            },
            _ => return Err(Error::new(sqlstate::SYNTAX, "exactly one query is expected")),
        };
        Self::try_new(name.to_owned(), Vec::new(), query)
    }

    pub(crate) fn try_new(name: String, columns: Vec<String>, query: ast::Query) -> Result<Self, Error> {
        if let ControlFlow::Break(error) = query.visit(&mut Refusals) {
            return Err(*error);
        }
        Ok(Self {
            name,
            columns,
            query,
            in_parts: false,
            session: None,
        })
    }

    /// Its query as text.
    pub(crate) fn text(&self) -> String {
        self.query.to_string()
    }

    /// Views of the schema `views` that it names.
    pub(crate) fn shared_views(&self) -> BTreeSet<String> {
        let names = relations(&self.query);
        let of_views = names.into_iter().filter_map(|(schema, name)| {
            let schema = schema?;
            (schema == VIEWS_SCHEMA).then_some(name)
        });
        of_views.collect()
    }
}

fn is_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.bytes().all(is_word)
        && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
        && name.len() < 64
}

/// The relations that a query names, as schema and name; WITH queries may be among those without a schema.
pub(crate) fn relations(query: &ast::Query) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let _ = visit_relations(query, |name| {
        let mut parts = name.0.iter().rev().filter_map(|part| part.as_ident()).map(folded);
        if let Some(table) = parts.next() {
            found.push((parts.next(), table));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Finds what can't stand in a view.
struct Refusals;

impl Visitor for Refusals {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<Self::Break> {
        let writes = |body: &SetExpr| {
            matches!(
                body,
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
            )
        };
        if writes(&query.body) {
            return refuse("a view cannot change data");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &ast::Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() {
            return refuse("a view cannot have SELECT INTO");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<Self::Break> {
        let parts: Vec<String> = relation
            .0
            .iter()
            .filter_map(|part| part.as_ident())
            .map(folded)
            .collect();
        let of_catalog = match parts.as_slice() {
            [.., schema, _] => schema == "pg_catalog" || schema == "information_schema",
            [table] => table.starts_with("pg_"),
            [] => false,
        };
        if of_catalog {
            return refuse("a view cannot read PostgreSQL's catalog");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ast::ValueWithSpan) -> ControlFlow<Self::Break> {
        if let ast::Value::Placeholder(name) = &value.value {
            let error = Error::new("42P02", format!("there is no parameter {name}"));
            return ControlFlow::Break(Box::new(error));
        }
        ControlFlow::Continue(())
    }
}

fn refuse(message: &str) -> ControlFlow<Box<Error>> {
    ControlFlow::Break(Box::new(Error::new(sqlstate::NOT_SUPPORTED, message)))
}
