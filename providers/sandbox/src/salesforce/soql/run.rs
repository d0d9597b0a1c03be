//! Finds the rows of a query, in order.
//!
//! Owns: row selection, sorting, semi-joins, limits. Invariant: a whole-object query without WHERE and ORDER BY
//! copies nothing; its rows are a range.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;

use super::super::switches::Sharing;
use super::super::value::{Id, Value};
use super::bind::{Bound, Output, Sort};
use super::filter::{Column, Filter, Scope};
use crate::world::World;

/// The rows of a result.
#[derive(Debug, Clone)]
pub(crate) enum Rows {
    /// All rows of this range.
    Range(Range<usize>),
    /// These rows in this order.
    List(Vec<u32>),
}

impl Rows {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::List(list) => list.len(),
        }
    }

    /// The row at this position.
    pub(crate) fn get(&self, at: usize) -> Option<usize> {
        match self {
            Self::Range(range) => range.clone().nth(at),
            Self::List(list) => list.get(at).and_then(|row| usize::try_from(*row).ok()),
        }
    }
}

/// The inner query of a semi-join.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) live: usize,
    pub(crate) sharing: Sharing,
    pub(crate) filter: Option<Filter>,
    pub(crate) column: Column,
    pub(crate) nulls_kept: bool,
}

/// What the inner query of a semi-join selects.
#[derive(Debug, Clone, Default)]
pub(crate) struct JoinIds {
    pub(crate) ids: HashSet<Id>,
    /// One of the values is null.
    pub(crate) null: bool,
}

impl Join {
    /// Runs the inner query.
    pub(crate) fn ids(&self, world: &World) -> JoinIds {
        let mut found = JoinIds::default();
        let rows = (0..self.live).filter(|row| {
            self.sharing.shows(*row) && keeps(self.filter.as_ref(), world, *row, self.nulls_kept)
        });
        for row in rows {
            match self.column.value(world, row) {
                Value::Id(id) => {
                    found.ids.insert(id);
                }
                _ => found.null = true,
            }
        }
        found
    }
}

fn keeps(filter: Option<&Filter>, world: &World, row: usize, nulls_kept: bool) -> bool {
    let scope = Scope {
        world,
        row,
        group: &[],
    };
    filter.is_none_or(|filter| filter.test(scope, nulls_kept) == Some(true))
}

/// Finds the rows of a record query; `everything` includes deleted and archived rows.
pub(crate) fn rows(query: &Bound, world: &World, everything: bool) -> Rows {
    let all = query.live + if everything { query.deleted } else { 0 };
    // LIMIT and ORDER BY of a grouped query are about groups, not rows.
    let grouped = matches!(query.output, Output::Groups(_));
    let order: &[Sort] = if grouped { &[] } else { &query.order };
    let skip = if grouped { 0 } else { query.offset.unwrap_or(0) };
    let limit = query.limit.filter(|_| !grouped);
    let end = limit.map_or(usize::MAX, |limit| skip.saturating_add(limit));
    if query.filter.is_none() && order.is_empty() && query.sharing.shows_all() {
        return Rows::Range(skip.min(all)..end.min(all));
    }
    let wanted = if order.is_empty() { end } else { usize::MAX };
    let keep = |row: &usize| {
        query.sharing.shows(*row) && keeps(query.filter.as_ref(), world, *row, query.nulls_kept)
    };
    let found = |candidates: &mut dyn Iterator<Item = usize>| -> Vec<u32> {
        candidates
            .filter(keep)
            .take(wanted)
            .filter_map(|row| u32::try_from(row).ok())
            .collect()
    };
    let mut list = match query.filter.as_ref().and_then(Filter::own_ids) {
        Some(ids) => {
            let mut candidates: Vec<usize> = ids
                .iter()
                .filter(|id| id.prefix() == query.prefix)
                .filter_map(Id::row)
                .filter(|row| *row < all)
                .collect();
            candidates.sort_unstable();
            candidates.dedup();
            found(&mut candidates.into_iter())
        }
        None => found(&mut (0..all)),
    };
    if !order.is_empty() {
        // Ties come in no particular order; here from last to first, to catch whoever relies on it.
        list.reverse();
        list = sorted(list, order, |row| {
            let scope = Scope {
                world,
                row: usize::try_from(row).unwrap_or_default(),
                group: &[],
            };
            order.iter().map(|sort| sort.subject.value(scope)).collect()
        });
    }
    list.truncate(end);
    list.drain(..skip.min(list.len()));
    Rows::List(list)
}

/// Sorts items by the sort keys that `key` gives for each.
pub(crate) fn sorted<T>(items: Vec<T>, order: &[Sort], key: impl Fn(T) -> Vec<Value>) -> Vec<T>
where
    T: Copy,
{
    let mut keyed: Vec<(Vec<Value>, T)> = items
        .into_iter()
        .map(|item| (folded(key(item), order), item))
        .collect();
    keyed.sort_by(|(left, _), (right, _)| {
        order
            .iter()
            .zip(left.iter().zip(right))
            .map(|(sort, (left, right))| direct(sort, left, right))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// Folds text once, so that comparing is cheap; picklist values become their place in setup order.
fn folded(values: Vec<Value>, order: &[Sort]) -> Vec<Value> {
    values
        .into_iter()
        .zip(order)
        .map(|(value, sort)| match value {
            Value::Text(text) if !sort.picklist.is_empty() => {
                let place = sort
                    .picklist
                    .iter()
                    .position(|known| *known == text)
                    .unwrap_or(sort.picklist.len());
                Value::Int(i64::try_from(place).unwrap_or(i64::MAX))
            }
            Value::Text(text) => Value::Text(sort.collation.fold(&text).into()),
            value => value,
        })
        .collect()
}

fn direct(sort: &Sort, left: &Value, right: &Value) -> Ordering {
    let nulls = |left_null: bool| {
        if left_null == sort.nulls_first {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    };
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => nulls(true),
        (_, Value::Null) => nulls(false),
        _ if sort.descending => right.order(left),
        _ => left.order(right),
    }
}
