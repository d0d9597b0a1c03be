//! Aggregate queries: GROUP BY, aggregate functions, HAVING.
//!
//! Owns: which fields may be grouped and aggregated, aliases, `AggregateResult` records.
//! Invariant: more groups than the limit (2,000 by default) are an error, since grouped queries have no further pages.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::error::ApiError;
use super::super::schema::{Field, Kind};
use super::super::switches::Semantics;
use super::super::value::{Value, write_text};
use super::bind::{Binder, Bound, Sort, Source};
use super::filter::{Column, Filter, Scope, Subject};
use super::run::{Rows, sorted};
use super::tally::{Style, Tally, group_key};
use super::text::Collation;
use super::tree::{Condition, Function, Query, Select, Term};
use crate::world::World;

/// One value of a group: a key or an aggregate.
#[derive(Debug)]
struct Part {
    column: Column,
    /// `None` for a key.
    function: Option<Function>,
    style: Style,
    term: Term,
}

/// A bound aggregate query.
#[derive(Debug)]
pub(crate) struct Grouping {
    parts: Vec<Part>,
    keys: usize,
    /// Name and part of each SELECT item.
    outputs: Vec<(String, usize)>,
    having: Option<Filter>,
    /// Most groups of a result.
    limit: usize,
    /// `batchSize` bounds the groups as well.
    limit_follows_batch_size: bool,
}

/// Binds the aggregate parts of a query; returns the sort keys too.
pub(crate) fn bind(
    binder: Binder<'_>,
    query: &Query,
    source: &Source<'_>,
) -> Result<(Grouping, Vec<Sort>), ApiError> {
    if query.group.is_empty() && query.limit.is_some() {
        return Err(ApiError::bad(
            "MALFORMED_QUERY",
            "Non-grouped query that uses overall aggregate functions cannot also use LIMIT",
        ));
    }
    let mut grouping = Grouping {
        parts: Vec::new(),
        keys: 0,
        outputs: Vec::new(),
        having: None,
        limit: binder.semantics.group_limit,
        limit_follows_batch_size: binder.semantics.group_limit_follows_batch_size,
    };
    grouping.bind_keys(binder, query, source)?;
    grouping.keys = grouping.parts.len();
    grouping.bind_outputs(binder, query, source)?;
    if let Some(condition) = &query.having {
        let having = grouping.condition(binder, condition, source)?;
        grouping.having = Some(having);
    }
    let mut order = Vec::new();
    for item in &query.order {
        let part = grouping.part(binder, &item.term, source)?;
        let field = grouping.result_field(part);
        order.push(binder.sort(item, Subject::Group(part), &field));
    }
    Ok((grouping, order))
}

impl Grouping {
    fn bind_keys(&mut self, binder: Binder<'_>, query: &Query, source: &Source<'_>) -> Result<(), ApiError> {
        for term in &query.group {
            let column = binder.column(term, source)?;
            match term.function {
                Some(function) if function.aggregates() => return Err(binder.ungrouped(&term.path)),
                Some(function) => binder.check_date_function(function, &column.field, term.at)?,
                None if !column.field.groupable => {
                    let message = format!("field '{}' can not be grouped in a query call", column.field.name);
                    return Err(ApiError::at("MALFORMED_QUERY", binder.text, term.at, &message));
                }
                None => {}
            }
            self.add(binder, term, column, None);
        }
        Ok(())
    }

    fn bind_outputs(
        &mut self,
        binder: Binder<'_>,
        query: &Query,
        source: &Source<'_>,
    ) -> Result<(), ApiError> {
        let mut unnamed = 0;
        for item in &query.select {
            let (term, alias) = match item {
                Select::Term(term, alias) => (term, alias.clone()),
                _ => {
                    return Err(ApiError::bad(
                        "MALFORMED_QUERY",
                        "COUNT() and subqueries can't be used with aggregates",
                    ));
                }
            };
            let part = self.part(binder, term, source)?;
            let name = alias.unwrap_or_else(|| match (term.function, term.path.rsplit('.').next()) {
                (None, Some(_)) => self.field_name(part),
                _ => {
                    unnamed += 1;
                    format!("expr{}", unnamed - 1)
                }
            });
            if self
                .outputs
                .iter()
                .any(|(taken, _)| taken.eq_ignore_ascii_case(&name))
            {
                return Err(ApiError::at(
                    "MALFORMED_QUERY",
                    binder.text,
                    term.at,
                    &format!("duplicate alias: {name}"),
                ));
            }
            self.outputs.push((name, part));
        }
        Ok(())
    }

    fn add(&mut self, binder: Binder<'_>, term: &Term, column: Column, function: Option<Function>) -> usize {
        let style = style(&column.field, binder.semantics);
        self.parts.push(Part {
            column,
            function,
            style,
            term: term.clone(),
        });
        self.parts.len() - 1
    }

    fn field_name(&self, part: usize) -> String {
        self.parts
            .get(part)
            .map(|part| part.column.field.name.to_owned())
            .unwrap_or_default()
    }

    /// The field that describes the values of a part: counts are whole numbers.
    fn result_field(&self, part: usize) -> Field {
        let none = |_: &World, _: usize| Value::Null;
        match self.parts.get(part) {
            Some(Part {
                function: Some(Function::Count | Function::CountDistinct),
                ..
            }) => Field::new("count", Kind::Int, none),
            Some(Part {
                column,
                function: None,
                ..
            }) if column.function == Some(Function::DayOnly) => Field::new("day", Kind::Date, none),
            Some(Part {
                column,
                function: None,
                ..
            }) if column.function.is_some() => Field::new("part", Kind::Int, none),
            Some(Part {
                function: Some(Function::Sum | Function::Avg),
                ..
            }) => Field::new("number", Kind::Double, none),
            Some(part) => part.column.field.clone(),
            None => Field::new("none", Kind::String, none),
        }
    }

    /// Finds or adds the part that a term stands for.
    fn part(&mut self, binder: Binder<'_>, term: &Term, source: &Source<'_>) -> Result<usize, ApiError> {
        let same = |part: &Part| {
            part.term.function == term.function && part.term.path.eq_ignore_ascii_case(&term.path)
        };
        if let Some(found) = self.parts.iter().position(same) {
            return Ok(found);
        }
        let Some(function) = term.function.filter(|function| function.aggregates()) else {
            // The name must at least exist for the grouping error to be the right one.
            let _ = binder.column(term, source)?;
            return Err(binder.ungrouped(&term.path));
        };
        let column = binder.column(term, source)?;
        let numeric = column.field.kind.is_number();
        let fits = match function {
            Function::Sum | Function::Avg => numeric && column.field.aggregatable,
            Function::Count if column.field.kind == Kind::Id => true,
            _ => column.field.aggregatable,
        };
        if !fits {
            let message = format!(
                "field {} does not support aggregate operator {}",
                column.field.name,
                function.name()
            );
            return Err(ApiError::at("MALFORMED_QUERY", binder.text, term.at, &message));
        }
        Ok(self.add(binder, term, column, Some(function)))
    }

    fn condition(
        &mut self,
        binder: Binder<'_>,
        condition: &Condition,
        source: &Source<'_>,
    ) -> Result<Filter, ApiError> {
        match condition {
            Condition::Compare(term, operator, right) => {
                let part = self.part(binder, term, source)?;
                let field = self.result_field(part);
                binder.comparison(Subject::Group(part), &field, *operator, right)
            }
            Condition::And(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.condition(binder, part, source))
                    .collect::<Result<_, _>>()?;
                Ok(Filter::And(parts))
            }
            Condition::Or(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.condition(binder, part, source))
                    .collect::<Result<_, _>>()?;
                Ok(Filter::Or(parts))
            }
            Condition::Not(part) => Ok(Filter::Not(Box::new(self.condition(binder, part, source)?))),
            Condition::In { term, negated, list } => {
                let part = self.part(binder, term, source)?;
                let field = self.result_field(part);
                binder.membership(Subject::Group(part), &field, *negated, list)
            }
            Condition::Join { .. } | Condition::Includes { .. } => Err(ApiError::bad(
                "MALFORMED_QUERY",
                "HAVING allows only comparisons here",
            )),
        }
    }

    /// Puts the rows into groups.
    pub(crate) fn groups(
        &self,
        query: &Bound,
        world: &World,
        rows: &Rows,
        batch_size: usize,
    ) -> Result<Vec<Vec<Value>>, ApiError> {
        let groups = self.tallied(world, rows);
        let mut results: Vec<Vec<Value>> = groups
            .into_iter()
            .map(|(mut values, tallies)| {
                let aggregates = self.parts.iter().skip(self.keys);
                values.extend(
                    aggregates
                        .zip(tallies)
                        .map(|(part, tally)| tally.result(&part.style)),
                );
                values
            })
            .filter(|group| {
                let scope = Scope { world, row: 0, group };
                self.having
                    .as_ref()
                    .is_none_or(|having| having.test(scope, query.nulls_kept) == Some(true))
            })
            .collect();
        if !query.order.is_empty() {
            results = in_order(results, query, world);
        }
        results.truncate(query.limit.unwrap_or(usize::MAX));
        let limit = if self.limit_follows_batch_size {
            self.limit.min(batch_size)
        } else {
            self.limit
        };
        if results.len() > limit {
            return Err(ApiError::bad(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch",
            ));
        }
        Ok(results)
    }

    /// The keys of each group, and what its rows add up to.
    fn tallied(&self, world: &World, rows: &Rows) -> Vec<(Vec<Value>, Vec<Tally>)> {
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut groups: Vec<(Vec<Value>, Vec<Tally>)> = Vec::new();
        if self.keys == 0 {
            places.insert(Vec::new(), 0);
            groups.push((Vec::new(), self.tallies()));
        }
        for row in (0..rows.len()).filter_map(|at| rows.get(at)) {
            let keys: Vec<Value> = self
                .parts
                .iter()
                .take(self.keys)
                .map(|part| part.column.value(world, row))
                .collect();
            let place = match places.entry(self.group_key(&keys)) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    groups.push((keys, self.tallies()));
                    *entry.insert(groups.len() - 1)
                }
            };
            if let Some((_, tallies)) = groups.get_mut(place) {
                for (part, tally) in self.parts.iter().skip(self.keys).zip(tallies) {
                    tally.add(part.column.value(world, row), &part.style);
                }
            }
        }
        groups
    }

    fn tallies(&self) -> Vec<Tally> {
        self.parts
            .iter()
            .skip(self.keys)
            .map(|part| Tally::new(part.function))
            .collect()
    }

    fn group_key(&self, keys: &[Value]) -> Vec<u8> {
        let mut key = Vec::new();
        for (value, part) in keys.iter().zip(&self.parts) {
            group_key(value, &part.style, &mut key);
            key.push(0);
        }
        key
    }

    /// Writes the groups as records.
    pub(crate) fn write(&self, groups: &[Vec<Value>], out: &mut Vec<u8>) {
        for (at, group) in groups.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(b"{\"attributes\":{\"type\":\"AggregateResult\"}");
            for (name, part) in &self.outputs {
                out.push(b',');
                write_text(name, out);
                out.push(b':');
                group.get(*part).unwrap_or(&Value::Null).write(out);
            }
            out.push(b'}');
        }
    }
}

/// The groups as the query sorts them.
fn in_order(groups: Vec<Vec<Value>>, query: &Bound, world: &World) -> Vec<Vec<Value>> {
    let places = sorted((0..groups.len()).collect(), &query.order, |at: usize| {
        let scope = Scope {
            world,
            row: 0,
            group: groups.get(at).map_or(&[], Vec::as_slice),
        };
        query.order.iter().map(|sort| sort.subject.value(scope)).collect()
    });
    let places = places.into_iter();
    places.filter_map(|at| groups.get(at).cloned()).collect()
}

/// How values of a field are grouped and aggregated.
fn style(field: &Field, semantics: &Semantics) -> Style {
    Style {
        collation: Collation::new(semantics, field.case_sensitive),
        folds: if field.kind == Kind::Picklist {
            semantics.group_by_folds_picklists
        } else {
            semantics.group_by_folds_case
        },
        whole: matches!(field.kind, Kind::Int | Kind::Long),
        scale: semantics.aggregates_round_to_scale.then_some(field.scale),
        empty_sum_is_zero: semantics.empty_sum_is_zero,
        picklist: field.picklist,
    }
}
