//! Resolves the names of a query against the catalog and checks them against field flags.
//!
//! Owns: objects, field paths, ORDER BY; see `condition` for WHERE and `group` for aggregate queries.
//! Invariant: what the running user may not see does not exist.

use std::sync::{Arc, OnceLock};

use super::super::error::ApiError;
use super::super::schema::{Catalog, Field, Kind, Object};
use super::super::switches::{Semantics, Sharing};
use super::super::value::Value;
use super::children::{Children, Link};
use super::filter::{Column, Filter, Hop, Leaf, Subject, Target};
use super::group::{self, Grouping};
use super::record::{Item, insert};
use super::text::Collation;
use super::tree::{Query, Select, Term};

/// Most relationships between a field and the queried object.
const PARENT_LEVELS: usize = 5;
/// Largest OFFSET.
const OFFSET_LIMIT: usize = 2000;

/// A sort key.
#[derive(Debug, Clone)]
pub(crate) struct Sort {
    pub(crate) subject: Subject,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
    pub(crate) collation: Collation,
    pub(crate) picklist: &'static [&'static str],
}

/// What a query returns.
#[derive(Debug)]
pub(crate) enum Output {
    /// Records with these items.
    Records(Vec<Item>),
    /// Only a count, in `totalSize`.
    Count,
    /// Groups.
    Groups(Box<Grouping>),
}

/// A query that is ready to run.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) object: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) live: usize,
    pub(crate) deleted: usize,
    pub(crate) sharing: Sharing,
    pub(crate) filter: Option<Filter>,
    pub(crate) order: Vec<Sort>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: Option<usize>,
    pub(crate) output: Output,
    /// Most rows that fit on a page because of what is selected.
    pub(crate) page_rows: usize,
    pub(crate) nulls_kept: bool,
}

/// Resolves names for one user.
#[derive(Clone, Copy)]
pub(crate) struct Binder<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) semantics: &'a Semantics,
    pub(crate) user: &'a str,
    pub(crate) text: &'a str,
}

/// The object that names are resolved against.
pub(crate) struct Source<'a> {
    pub(crate) object: &'a Object,
    pub(crate) alias: Option<&'a str>,
}

impl<'a> Binder<'a> {
    /// Binds a whole query.
    pub(crate) fn bind(self, query: &Query) -> Result<Bound, ApiError> {
        let Some(object) = self.catalog.object(&query.from) else {
            return Err(self.unsupported_object(query));
        };
        let source = Source {
            object,
            alias: query.alias.as_deref(),
        };
        self.bind_source(query, &source)
    }

    pub(super) fn unsupported_object(self, query: &Query) -> ApiError {
        let message = format!(
            "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
            query.from
        );
        ApiError::at("INVALID_TYPE", self.text, query.from_at, &message)
    }

    pub(crate) fn bind_source(self, query: &Query, source: &Source<'_>) -> Result<Bound, ApiError> {
        let object = source.object;
        let mut joins = 0;
        let filter = match &query.filter {
            Some(condition) => Some(self.condition(condition, source, &mut joins, false)?),
            None => None,
        };
        if query.offset.is_some_and(|offset| offset > OFFSET_LIMIT) {
            return Err(ApiError::bad(
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Maximum SOQL offset allowed is 2000",
            ));
        }
        let aggregate = query.select.iter().any(|item| {
            matches!(item, Select::Term(Term { function: Some(function), .. }, _) if function.aggregates())
        });
        let mut page_rows = usize::MAX;
        let (output, order) = if query.select == [Select::CountAll] {
            if !query.order.is_empty() || !query.group.is_empty() {
                return Err(ApiError::bad(
                    "MALFORMED_QUERY",
                    "COUNT() can't be used with ORDER BY or GROUP BY",
                ));
            }
            (Output::Count, Vec::new())
        } else if aggregate || !query.group.is_empty() {
            let (grouping, order) = group::bind(self, query, source)?;
            (Output::Groups(Box::new(grouping)), order)
        } else {
            if query.having.is_some() {
                return Err(ApiError::bad("MALFORMED_QUERY", "HAVING needs GROUP BY"));
            }
            let (items, rows) = self.records(query, source)?;
            page_rows = rows;
            (Output::Records(items), self.order(query, source)?)
        };
        Ok(Bound {
            object: object.name,
            prefix: object.prefix,
            live: object.live,
            deleted: object.deleted,
            sharing: self.semantics.sharing(self.user, object.name),
            filter,
            order,
            limit: query.limit,
            offset: query.offset,
            output,
            page_rows,
            nulls_kept: self.semantics.nulls_kept,
        })
    }

    fn records(self, query: &Query, source: &Source<'_>) -> Result<(Vec<Item>, usize), ApiError> {
        let mut items = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let (mut long_texts, mut binaries) = (0, 0);
        for item in &query.select {
            match item {
                Select::CountAll => {
                    return Err(ApiError::bad(
                        "MALFORMED_QUERY",
                        "COUNT() must be the only item of the SELECT list",
                    ));
                }
                Select::Children(children) => {
                    items.push(Item::Children(self.children(children, source)?));
                }
                Select::Term(term, Some(_)) => {
                    return Err(ApiError::at(
                        "MALFORMED_QUERY",
                        self.text,
                        term.at,
                        "only aggregate expressions use field aliasing",
                    ));
                }
                Select::Term(term, None) => {
                    if term.function.is_some() {
                        return Err(self.ungrouped(&term.path));
                    }
                    let path = self.strip(&term.path, source).to_ascii_lowercase();
                    if seen.contains(&path) {
                        return Err(ApiError::at(
                            "INVALID_FIELD",
                            self.text,
                            term.at,
                            &format!("duplicate field selected: {}", term.path),
                        ));
                    }
                    seen.push(path);
                    let column = self.column(term, source)?;
                    long_texts += usize::from(column.field.long_text());
                    binaries += usize::from(column.field.kind == Kind::Base64);
                    insert(&mut items, &column);
                }
            }
        }
        let rows = match (binaries, long_texts, seen.len()) {
            (1.., ..) => 1,
            (0, 2.., _) => 200,
            (0, _, 200..) => 500,
            (0, _, 100..) => 1000,
            _ => usize::MAX,
        };
        Ok((items, rows))
    }

    fn children(self, query: &Query, source: &Source<'_>) -> Result<Children, ApiError> {
        let Some((object, link)) = self.catalog.child(source.object.name, &query.from) else {
            return Err(ApiError::at(
                "INVALID_TYPE",
                self.text,
                query.from_at,
                &format!(
                    "Didn't understand relationship '{}' in FROM part of query call.",
                    query.from
                ),
            ));
        };
        if !self.semantics.shows_field(self.user, object.name, link.name) {
            return Err(self.unsupported_object(query));
        }
        let inner = Source {
            object,
            alias: query.alias.as_deref(),
        };
        let mut bound = self.bind_source(query, &inner)?;
        let per_parent = bound.limit.take();
        Ok(Children(Arc::new(Link {
            name: link.children.unwrap_or_default(),
            cell: link.cell,
            per_parent,
            query: Arc::new(bound),
            index: OnceLock::new(),
        })))
    }

    /// The error for a field that is neither grouped nor aggregated.
    pub(crate) fn ungrouped(self, path: &str) -> ApiError {
        ApiError::bad(
            "MALFORMED_QUERY",
            format!("Field must be grouped or aggregated: {path}"),
        )
    }

    fn strip<'p>(self, path: &'p str, source: &Source<'_>) -> &'p str {
        match path.split_once('.') {
            Some((first, rest))
                if first.eq_ignore_ascii_case(source.object.name)
                    || source
                        .alias
                        .is_some_and(|alias| first.eq_ignore_ascii_case(alias)) =>
            {
                rest
            }
            _ => path,
        }
    }

    /// Resolves a field path.
    pub(crate) fn column(self, term: &Term, source: &Source<'_>) -> Result<Column, ApiError> {
        let path = self.strip(&term.path, source);
        let mut steps: Vec<&str> = path.split('.').collect();
        let last = steps.pop().unwrap_or_default();
        if steps.len() > PARENT_LEVELS {
            return Err(ApiError::at(
                "INVALID_FIELD",
                self.text,
                term.at,
                "only 5 levels of parent relationships are allowed",
            ));
        }
        let mut object = source.object;
        let mut hops: Vec<Hop> = Vec::new();
        for step in steps {
            let hop = self.hop(step, object, term.at)?;
            let next = hop
                .targets
                .first()
                .and_then(|target| self.catalog.object(target.name));
            let polymorphic_before = hops.last().is_some_and(|hop| hop.polymorphic);
            match next {
                Some(next) if !polymorphic_before => object = next,
                _ => return Err(self.no_relationship(step, term.at)),
            }
            hops.push(hop);
        }
        let (leaf, field) = if hops.last().is_some_and(|hop| hop.polymorphic) {
            self.name_column(last, term.at)?
        } else {
            let field = object
                .visible_field(last, self.semantics, self.user)
                .ok_or_else(|| self.no_column(last, object.name, term.at))?;
            (Leaf::Cell(field.cell), field)
        };
        Ok(Column {
            hops,
            leaf,
            field,
            function: term.function.filter(|function| !function.aggregates()),
        })
    }

    /// The fields of the `Name` object, which stands for a parent of several possible types.
    fn name_column(self, name: &str, at: usize) -> Result<(Leaf, Field), ApiError> {
        let none = |_: &crate::world::World, _: usize| Value::Null;
        Ok(match name.to_ascii_lowercase().as_str() {
            "id" => (Leaf::ParentId, Field::new("Id", Kind::Id, none)),
            "name" => (Leaf::ParentName, Field::new("Name", Kind::String, none)),
            "type" => (Leaf::ParentType, Field::new("Type", Kind::Picklist, none)),
            _ => return Err(self.no_column(name, "Name", at)),
        })
    }

    fn no_column(self, field: &str, object: &str, at: usize) -> ApiError {
        let message = format!(
            "No such column '{field}' on entity '{object}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
        );
        ApiError::at("INVALID_FIELD", self.text, at, &message)
    }

    fn no_relationship(self, step: &str, at: usize) -> ApiError {
        let message = format!(
            "Didn't understand relationship '{step}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names."
        );
        ApiError::at("INVALID_FIELD", self.text, at, &message)
    }

    fn hop(self, step: &str, object: &Object, at: usize) -> Result<Hop, ApiError> {
        let field = object
            .relationship(step)
            .filter(|field| self.semantics.shows_field(self.user, object.name, field.name))
            .ok_or_else(|| self.no_relationship(step, at))?;
        let targets: Vec<Target> = field
            .reference_to
            .iter()
            .filter_map(|name| self.catalog.object(name))
            .map(|target| Target {
                name: target.name,
                prefix: target.prefix,
                live: target.live,
                sharing: if self.semantics.hidden_parents_readable {
                    Sharing::default()
                } else {
                    self.semantics.sharing(self.user, target.name)
                },
                record_name: target.name_field().map(|field| field.cell),
            })
            .collect();
        Ok(Hop {
            relationship: field.relationship.unwrap_or_default(),
            cell: field.cell,
            targets,
            polymorphic: field.polymorphic(),
        })
    }

    fn order(self, query: &Query, source: &Source<'_>) -> Result<Vec<Sort>, ApiError> {
        query
            .order
            .iter()
            .map(|order| {
                if order.term.function.is_some() {
                    return Err(self.ungrouped(&order.term.path));
                }
                let column = self.column(&order.term, source)?;
                if !column.field.sortable {
                    let message = format!("field '{}' can not be sorted in a query call", column.field.name);
                    return Err(ApiError::at(
                        "MALFORMED_QUERY",
                        self.text,
                        order.term.at,
                        &message,
                    ));
                }
                let field = column.field.clone();
                Ok(self.sort(order, Subject::Column(Box::new(column)), &field))
            })
            .collect()
    }

    /// Makes the sort key of an ORDER BY item.
    pub(crate) fn sort(self, order: &super::tree::Order, subject: Subject, field: &Field) -> Sort {
        let default = !order.descending || self.semantics.nulls_first_default;
        let of_parent = matches!(&subject, Subject::Column(column) if !column.hops.is_empty());
        let nullable_reference = field.kind == Kind::Reference && field.nillable;
        let ignores_last = (of_parent && self.semantics.parent_nulls_last_ignored)
            || (nullable_reference && self.semantics.reference_nulls_last_ignored);
        Sort {
            subject,
            descending: order.descending,
            nulls_first: ignores_last || order.nulls_first.unwrap_or(default),
            collation: Collation::new(self.semantics, field.case_sensitive),
            picklist: field.picklist,
        }
    }
}
