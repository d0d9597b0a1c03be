//! What a remote system refused although its description allows it.
//!
//! Owns: which part of a refused query is blamed, and for how long. Does not own: planning again; the engine does that.
//! Invariant: after each refusal the next plan of the statement asks for less, so planning again ends at a plain scan.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Origin, RemoteQuery};

/// The refusals of one source; the oldest are forgotten.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<VecDeque<(Instant, String)>>);

impl Refusals {
    /// Refusals that are remembered.
    const MOST: usize = 1000;
    /// How long they are: rights and descriptions change.
    const LIFE: Duration = Duration::from_secs(30 * 60);

    /// Remembers that `query` was refused, and blames the part of it that most likely is the cause: the keys of a
    /// join, else its groups, else its parents' columns, else its order, else its filters. False when it is a plain scan, which nothing can simplify.
    pub fn blame(&self, query: &RemoteQuery) -> bool {
        let mut blamed = parts(query);
        if query.grouping.is_some()
            || !query.order.is_empty()
            || query.is_along_paths()
            || query.keys.is_some()
        {
            blamed.truncate(1);
        }
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let simpler = !blamed.is_empty();
        refused.retain(|(since, part)| since.elapsed() < Self::LIFE && !blamed.contains(part));
        refused.extend(blamed.into_iter().map(|part| (Instant::now(), part)));
        while refused.len() > Self::MOST {
            refused.pop_front();
        }
        simpler
    }

    /// Whether some part of `query` was refused before.
    pub fn cover(&self, query: &RemoteQuery) -> bool {
        let refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.is_empty() {
            return false;
        }
        let parts = parts(query);
        refused
            .iter()
            .any(|(since, part)| since.elapsed() < Self::LIFE && parts.contains(part))
    }
}

/// Fields of parents among the columns.
fn paths(query: &RemoteQuery) -> impl Iterator<Item = &str> {
    let columns = query.columns.iter();
    columns.filter_map(|&column| match &query.table.columns.get(column)?.origin {
        Origin::Field(path) => path.contains('.').then_some(path.as_str()),
        Origin::Display(_) | Origin::RecordUrl => None,
    })
}

/// The parts that a source may refuse, the likeliest cause first.
fn parts(query: &RemoteQuery) -> Vec<String> {
    let table = &query.table.name.name;
    let mut parts = Vec::new();
    // Which filters stand beside it matters: they decide how many groups there are, and one of them may be the cause.
    let conditions: Vec<_> = query.filters.iter().map(|filter| &filter.condition).collect();
    if let Some(keys) = &query.keys {
        parts.push(format!("keys of {table}: {} {:?}", keys.column, keys.test));
    }
    if let Some(grouping) = &query.grouping {
        let (keys, aggregates) = (&grouping.keys, &grouping.aggregates);
        parts.push(format!(
            "groups of {table}: {keys:?} {aggregates:?} {conditions:?}"
        ));
    }
    if query.is_along_paths() {
        let mut parents: Vec<&str> = paths(query).filter_map(|path| path.split('.').next()).collect();
        parents.sort_unstable();
        parents.dedup();
        parts.push(format!(
            "parents of {table}: {} {conditions:?}",
            parents.join(" ")
        ));
    }
    if !query.order.is_empty() {
        parts.push(format!("order of {table}: {:?} {conditions:?}", query.order));
    }
    let filters = query.filters.iter();
    parts.extend(filters.map(|filter| format!("filter of {table}: {:?}", filter.condition)));
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Aggregate, AggregateFunction, Column, ColumnType, Condition, Fidelity, Grouping, Order};
    use crate::{Pushed, Table, TableName};

    fn query() -> RemoteQuery {
        let name = TableName {
            name: "account".to_owned(),
            remote: "Account".to_owned(),
            label: String::new(),
        };
        let table = Table {
            source: "crm".into(),
            name,
            columns: vec![Column::field("Id", ColumnType::Text, "id")],
            key: 0,
            domain: None,
            url_template: String::new(),
            required_filter: None,
        };
        RemoteQuery::new(Arc::new(table), vec![0])
    }

    fn filter(text: &str) -> Pushed {
        Pushed {
            derived: false,
            condition: Condition::Atom(text.to_owned()),
            fidelity: Fidelity::Exact,
            reason: String::new(),
        }
    }

    #[test]
    fn each_refusal_takes_one_more_part_away_until_a_plain_scan_is_left() {
        let refusals = Refusals::default();
        let mut grouped = RemoteQuery {
            filters: vec![filter("A = 1")],
            ..query()
        };
        let ordered = RemoteQuery {
            order: vec![Order {
                column: 0,
                descending: false,
                nulls_first: false,
            }],
            ..grouped.clone()
        };
        grouped.grouping = Some(Grouping {
            keys: Vec::new(),
            aggregates: vec![Aggregate {
                function: AggregateFunction::Count,
                column: None,
            }],
            having: Vec::new(),
        });
        assert!(refusals.blame(&grouped));
        assert!(refusals.cover(&grouped) && !refusals.cover(&ordered));
        assert!(refusals.blame(&ordered));
        let filtered = RemoteQuery {
            order: Vec::new(),
            ..ordered
        };
        assert!(!refusals.cover(&filtered));
        assert!(refusals.blame(&filtered));
        assert!(refusals.cover(&filtered));
        assert!(
            !refusals.blame(&query()),
            "nothing is left to blame in a plain scan"
        );
        assert!(!refusals.cover(&query()));
    }

    #[test]
    fn the_same_groups_under_other_filters_may_be_asked_for() {
        let refusals = Refusals::default();
        let grouped = |text: &str| RemoteQuery {
            filters: vec![filter(text)],
            grouping: Some(Grouping {
                keys: vec![0],
                aggregates: Vec::new(),
                having: Vec::new(),
            }),
            ..query()
        };
        assert!(refusals.blame(&grouped("A = 1")));
        assert!(!refusals.cover(&grouped("A = 2")));
    }
}
