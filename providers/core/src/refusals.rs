//! What a remote system refused although its description allows it.
//!
//! Owns: which part of a refused query is blamed, and for how long. Does not own: planning again; the engine does that.
//! Invariant: after each refusal the next plan of the statement asks for less, so planning again ends at a plain scan.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Aggregate, Condition, KeyTest, Order, RemoteQuery};

/// The refusals of one source; the oldest are forgotten.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<VecDeque<(Instant, Refused)>>);

/// A part of a query on a table.
#[derive(Debug, Clone, PartialEq)]
struct Refused {
    table: String,
    part: Part,
}

/// A part of a query that a source may refuse.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Keys {
        column: usize,
        test: KeyTest,
    },
    // Which filters stand beside the next three matters: they decide how many groups there are, and one of them may be the cause.
    Groups {
        keys: Vec<usize>,
        aggregates: Vec<Aggregate>,
        filters: Vec<Condition>,
    },
    /// Fields of parents, by the relationships that lead to them.
    Parents {
        relationships: Vec<String>,
        filters: Vec<Condition>,
    },
    Order {
        order: Vec<Order>,
        filters: Vec<Condition>,
    },
    Filter(Condition),
}

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

/// Relationships that lead to the columns.
fn relationships(query: &RemoteQuery) -> BTreeSet<String> {
    let columns = query
        .columns
        .iter()
        .filter_map(|&column| query.table.columns.get(column));
    columns.filter_map(|column| column.through.clone()).collect()
}

/// The parts that a source may refuse, the likeliest cause first.
fn parts(query: &RemoteQuery) -> Vec<Refused> {
    let mut parts = Vec::new();
    let filters: Vec<Condition> = query
        .filters
        .iter()
        .map(|filter| filter.condition.clone())
        .collect();
    if let Some(keys) = &query.keys {
        parts.push(Part::Keys {
            column: keys.column,
            test: keys.test,
        });
    }
    if let Some(grouping) = &query.grouping {
        parts.push(Part::Groups {
            keys: grouping.keys.clone(),
            aggregates: grouping.aggregates.clone(),
            filters: filters.clone(),
        });
    }
    if query.is_along_paths() {
        parts.push(Part::Parents {
            relationships: relationships(query).into_iter().collect(),
            filters: filters.clone(),
        });
    }
    if !query.order.is_empty() {
        parts.push(Part::Order {
            order: query.order.clone(),
            filters: filters.clone(),
        });
    }
    parts.extend(filters.into_iter().map(Part::Filter));
    let table = &query.table.name.name;
    let of_table = |part| Refused {
        table: table.clone(),
        part,
    };
    parts.into_iter().map(of_table).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        AggregateFunction, Atom, Column, ColumnType, Constant, Fidelity, Grouping, Pushed, RemoteOp,
    };
    use crate::{Table, TableName};

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
            key: vec![0],
            domain: None,
            url_template: String::new(),
            required_filter: None,
        };
        RemoteQuery::new(Arc::new(table), vec![0])
    }

    fn filter(constant: u8) -> Pushed {
        Pushed {
            derived: false,
            condition: Atom::with("A", RemoteOp::Eq, Constant::plain(constant)).into(),
            fidelity: Fidelity::Exact,
            reason: String::new(),
        }
    }

    #[test]
    fn each_refusal_takes_one_more_part_away_until_a_plain_scan_is_left() {
        let refusals = Refusals::default();
        let mut grouped = RemoteQuery {
            filters: vec![filter(1)],
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
        let grouped = |constant: u8| RemoteQuery {
            filters: vec![filter(constant)],
            grouping: Some(Grouping {
                keys: vec![0],
                aggregates: Vec::new(),
                having: Vec::new(),
            }),
            ..query()
        };
        assert!(refusals.blame(&grouped(1)));
        assert!(!refusals.cover(&grouped(2)));
    }
}
