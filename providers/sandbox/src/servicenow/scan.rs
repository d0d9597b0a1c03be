//! Finds the rows of one page and counts the rest.
//!
//! Owns: order, windows, the count before ACLs, row ACLs. Does not own: what a condition means; see `check`.
//! Invariant: a page by ascending key costs one binary search and the rows it reads, however long the table is.

use std::cmp::Ordering;

use super::cell::Cell;
use super::comparison::Matching;
use super::data::Data;
use super::filter::{Filter, SortKey};
use super::schema::Row;
use super::switches::Semantics;

/// Position of `sys_id` in every table.
pub(super) const SYS_ID: usize = 0;

/// What part of the result is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) offset: usize,
    pub(super) limit: usize,
    pub(super) count: bool,
}

/// A page before row ACLs.
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// Rows that match, whoever may read them; absent when it was not asked for.
    pub(super) total: Option<usize>,
}

/// Selects the rows of a window.
pub(super) fn page(
    data: &Data,
    table: usize,
    filter: &Filter,
    semantics: &Semantics,
    mut window: Window,
) -> Page {
    let matching = Matching::new(semantics);
    let unique = filter
        .orders
        .iter()
        .any(|key| key.path == super::data::Path::direct(table, SYS_ID));
    if semantics.pages_overlap && !unique && window.offset > 0 {
        // Every page starts a little early, by a varying number of rows: some rows come twice, others never.
        window.offset -= window.offset.min(1 + window.offset / window.limit.max(1) % 3);
    }
    if filter.nothing {
        return Page {
            rows: Vec::new(),
            total: window.count.then_some(0),
        };
    }
    let by_key = matches!(filter.orders.first(), Some(key) if !key.descending && key.path == super::data::Path::direct(table, SYS_ID));
    if let Some(ids) = filter.named_ids(SYS_ID, table) {
        let mut rows: Vec<Row> = ids.into_iter().filter_map(|id| data.find(table, id)).collect();
        rows.sort_by_key(|row| data.sys_id(*row));
        rows.retain(|row| filter.matches(data, matching, *row));
        return sorted(data, filter, matching, rows, window);
    }
    if by_key {
        return by_sys_id(data, table, filter, matching, window);
    }
    if filter.orders.is_empty() {
        return unordered(data, table, filter, matching, window);
    }
    let rows = (0..data.count(table))
        .filter_map(|position| data.storage_row(table, position))
        .filter(|row| filter.matches(data, matching, *row))
        .collect();
    sorted(data, filter, matching, rows, window)
}

/// All matching rows, in storage order.
pub(super) fn all(data: &Data, table: usize, filter: &Filter, semantics: &Semantics) -> Vec<Row> {
    let window = Window {
        offset: 0,
        limit: usize::MAX,
        count: false,
    };
    let healthy = Semantics {
        pages_overlap: false,
        ..semantics.clone()
    };
    page(data, table, filter, &healthy, window).rows
}

fn by_sys_id(data: &Data, table: usize, filter: &Filter, matching: Matching, window: Window) -> Page {
    let entries = data.sorted(table);
    let start = filter.lower_bound(SYS_ID, table).map_or(0, |bound| {
        entries.partition_point(|entry| data.sorted_id(entry).to_string() < bound)
    });
    let candidates = entries.get(start..).unwrap_or_default();
    let known = if filter.is_everything() {
        Some(candidates.len())
    } else if filter.is_lower_bound_only(SYS_ID, table) {
        let excluded = candidates
            .first()
            .is_some_and(|first| !filter.matches(data, matching, first.1));
        Some(candidates.len() - usize::from(excluded))
    } else {
        None
    };
    take(candidates.iter().map(|entry| entry.1), window, known, |row| {
        filter.matches(data, matching, row)
    })
}

/// Storage order from somewhere in the middle: it looks arbitrary, differs from key order, and is stable.
fn unordered(data: &Data, table: usize, filter: &Filter, matching: Matching, window: Window) -> Page {
    let count = data.count(table);
    let start = count / 3;
    let rows = (0..count).filter_map(|at| data.storage_row(table, (at + start) % count.max(1)));
    take(rows, window, filter.is_everything().then_some(count), |row| {
        filter.matches(data, matching, row)
    })
}

/// Reads until the window is full, and on to the end only for the count.
fn take(
    rows: impl Iterator<Item = Row>,
    window: Window,
    known: Option<usize>,
    matches: impl Fn(Row) -> bool,
) -> Page {
    let mut page = Vec::new();
    let mut seen = 0;
    let end = window.offset.saturating_add(window.limit);
    let count_by_reading = window.count && known.is_none();
    for row in rows {
        if seen >= end && !count_by_reading {
            break;
        }
        if matches(row) {
            if (window.offset..end).contains(&seen) {
                page.push(row);
            }
            seen += 1;
        }
    }
    Page {
        rows: page,
        total: window.count.then(|| known.unwrap_or(seen)),
    }
}

fn sorted(data: &Data, filter: &Filter, matching: Matching, rows: Vec<Row>, window: Window) -> Page {
    let mut keyed: Vec<_> = rows
        .into_iter()
        .map(|row| {
            (
                filter
                    .orders
                    .iter()
                    .map(|key| sort_value(data, row, key))
                    .collect::<Vec<_>>(),
                row,
            )
        })
        .collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let compared = left
            .iter()
            .zip(right)
            .zip(&filter.orders)
            .map(|((left, right), key)| {
                let order = matching.under(key.collation).order(left, right);
                if key.descending { order.reverse() } else { order }
            });
        compared
            .into_iter()
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    });
    let total = window.count.then_some(keyed.len());
    let rows = keyed
        .into_iter()
        .map(|(_, row)| row)
        .skip(window.offset)
        .take(window.limit)
        .collect();
    Page { rows, total }
}

/// What a row is sorted by: the value, or the label of a choice.
fn sort_value<'a>(data: &'a Data, row: Row, key: &SortKey) -> Cell<'a> {
    let cell = data.value(row, &key.path);
    let column = data
        .get(key.path.table)
        .and_then(|table| table.column(key.path.column));
    let choices = column.map_or(&[][..], |column| column.choices);
    if !key.by_label || choices.is_empty() || cell.is_empty() {
        return cell;
    }
    let raw = cell.raw();
    let label = choices.iter().find(|(value, _)| *value == raw);
    Cell::text(label.map_or(raw.clone(), |(_, label)| (*label).to_owned()))
}

/// Removes the rows that the account may not read, after the limit was applied.
pub(super) fn readable(data: &Data, table: usize, semantics: &Semantics, rows: &mut Vec<Row>) {
    if semantics.row_acl.is_empty() {
        return;
    }
    rows.retain(|row| !is_hidden(data, table, semantics, *row));
}

/// True when a row ACL on the table asked for, or on the row's own class, hides the row.
pub(super) fn is_hidden(data: &Data, table: usize, semantics: &Semantics, row: Row) -> bool {
    [table, row.class()].iter().any(|table| {
        semantics
            .row_acl
            .get(data.name(*table))
            .is_some_and(|every| data.noise(row, 13).is_multiple_of((*every).max(1)))
    })
}
