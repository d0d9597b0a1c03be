//! Gives an encoded query its meaning on a table: conditions bound to columns, literals read by column type.
//!
//! Owns: dropping, forbidding and stripping of conditions. Does not own: what a bound condition does; see `check`.
//! Invariant: binding never fails; a condition that cannot be bound is dropped or empties the result, by regime.

use std::collections::BTreeSet;

use super::cell::SysId;
use super::check::Check;
use super::collation::Collation;
use super::comparison::{Matching, Reading};
use super::data::{Data, Path};
use super::query::{Operator, Query, Term, is_script};
use super::schema::Row;
use super::switches::{ChoiceAccess, InvalidQuery, Semantics};
use super::types::Family;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user_name: &'static str,
    pub(super) sys_id: SysId,
    pub(super) rights: super::credentials::Rights,
}

/// A condition bound to a column.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) path: Path,
    pub(super) check: Check,
    /// Collation of the column.
    pub(super) collation: Collation,
}

/// A sort key bound to a column.
#[derive(Debug)]
pub(super) struct SortKey {
    pub(super) path: Path,
    pub(super) descending: bool,
    /// Collation of the column.
    pub(super) collation: Collation,
    /// Choices sort by label.
    pub(super) by_label: bool,
}

/// A query bound to a table.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) groups: Vec<Vec<Vec<Test>>>,
    pub(super) orders: Vec<SortKey>,
    /// Column of the row's domain and the domains that the user sees.
    pub(super) domain: Option<(usize, Vec<SysId>)>,
    /// No row can match.
    pub(super) nothing: bool,
    /// The account may not read a column of the query.
    pub(super) forbidden: bool,
    /// A value that the instance would run as a script.
    pub(super) script: Option<String>,
}

/// Everything that binding needs.
pub(super) struct Binder<'a> {
    pub(super) data: &'a Data,
    pub(super) semantics: &'a Semantics,
    pub(super) session: &'a Session,
    pub(super) table: usize,
}

impl Binder<'_> {
    /// Binds a query and the `name=value` pairs beside it.
    pub(super) fn bind(&self, query: &Query, pairs: &[(String, String)]) -> Filter {
        let mut filter = Filter::default();
        if query.unreadable > 0 {
            self.invalid(&mut filter);
        }
        for group in &query.groups {
            let mut bound: Vec<Vec<Test>> = group
                .iter()
                .map(|chain| {
                    chain
                        .iter()
                        .filter_map(|term| self.term(term, &mut filter))
                        .collect()
                })
                .collect();
            bound.extend(pairs.iter().map(|pair| self.pair(pair, &mut filter)));
            bound.retain(|chain| !chain.is_empty());
            filter.groups.push(bound);
        }
        if filter.groups.iter().any(Vec::is_empty) {
            // A group without conditions is true, and so is the OR of it with anything.
            filter.groups.clear();
        }
        for order in &query.orders {
            let path = self.data.path(self.table, &order.column);
            match path.filter(|path| !self.stripped(path, true)) {
                Some(path) => filter.orders.push(SortKey {
                    collation: self.collation(&path),
                    path,
                    descending: order.descending,
                    by_label: self.semantics.choices_sort_by_label,
                }),
                None if self.semantics.invalid_sort_empties => self.invalid(&mut filter),
                None => {}
            }
        }
        filter
    }

    fn invalid(&self, filter: &mut Filter) {
        if self.semantics.invalid_query == InvalidQuery::NoRows {
            filter.nothing = true;
        }
    }

    fn term(&self, term: &Term, filter: &mut Filter) -> Option<Test> {
        let path = self.path(&term.column, term.operator.is_range(), filter)?;
        let collation = self.collation(&path);
        let reading = Reading {
            semantics: self.semantics,
            collation,
        };
        let mut value = term.value.clone();
        if is_script(&value) {
            filter.script.get_or_insert_with(|| value.clone());
            match self.script(&value) {
                Some(result) => value = result,
                None => {
                    return Some(Test {
                        path,
                        check: Check::Nothing,
                        collation,
                    });
                }
            }
        }
        let column = self.data.get(path.table)?.column(path.column)?;
        let check = match term.operator {
            Operator::SameAs
            | Operator::NotSameAs
            | Operator::GreaterThanField
            | Operator::LessThanField
            | Operator::GreaterOrEqualField
            | Operator::LessOrEqualField => {
                let (other, part) = value.split_once('@').unwrap_or((&value, ""));
                let other = self.path(other, term.operator.is_range(), filter)?;
                Check::field(term.operator, other, part)
            }
            Operator::InstanceOf => match self.data.table(&value).and_then(|table| self.data.get(table)) {
                Some(table) if column.name == "sys_class_name" => {
                    Check::Class(table.classes.iter().map(|class| self.data.name(*class)).collect())
                }
                _ => Check::Nothing,
            },
            operator => Check::literal(operator, column, &value, reading),
        };
        Some(Test {
            path,
            check,
            collation,
        })
    }

    /// A `name=value` pair takes the stored value or the displayed one.
    fn pair(&self, (name, value): &(String, String), filter: &mut Filter) -> Vec<Test> {
        let term = Term {
            column: name.clone(),
            operator: Operator::Equal,
            value: value.clone(),
        };
        let Some(test) = self.term(&term, filter) else {
            return Vec::new();
        };
        let shown = self
            .data
            .get(test.path.table)
            .and_then(|table| table.column(test.path.column))
            .is_some_and(|column| !column.choices.is_empty() || column.family == Family::Reference);
        let display = shown.then(|| Test {
            path: test.path.clone(),
            check: Check::display(
                value,
                Reading {
                    semantics: self.semantics,
                    collation: test.collation,
                },
            ),
            collation: test.collation,
        });
        std::iter::once(test).chain(display).collect()
    }

    /// Resolves a column of the query; `None` when it is unknown or stripped, which the regime then answers.
    fn path(&self, text: &str, range: bool, filter: &mut Filter) -> Option<Path> {
        let Some(path) = self.data.path(self.table, text) else {
            let admin = self.session.rights == super::credentials::Rights::Admin;
            if self.semantics.invalid_query == InvalidQuery::Forbidden && !admin {
                filter.forbidden = true;
            }
            self.invalid(filter);
            return None;
        };
        if self.listed(&self.semantics.forbidden_query_columns, &path) || self.choice_denied(&path) {
            filter.forbidden = true;
        }
        if self.stripped(&path, range) {
            self.invalid(filter);
            return None;
        }
        Some(path)
    }

    /// True when a query ACL drops the condition or sort.
    fn stripped(&self, path: &Path, range: bool) -> bool {
        let finer = if range {
            &self.semantics.stripped_range_columns
        } else {
            &self.semantics.stripped_match_columns
        };
        self.listed(&self.semantics.stripped_columns, path) || self.listed(finer, path)
    }

    fn collation(&self, path: &Path) -> Collation {
        collation(self.data, self.semantics, path)
    }

    fn choice_denied(&self, path: &Path) -> bool {
        self.semantics.choice_access == ChoiceAccess::LabelOnly
            && self.session.rights != super::credentials::Rights::Admin
            && self.data.name(path.table) == "sys_choice"
            && self
                .data
                .get(path.table)
                .and_then(|table| table.column(path.column))
                .is_some_and(|column| column.name != "label")
    }

    /// True when any column on the way is in the set, by its table, a parent of it, or the table asked for.
    fn listed(&self, set: &BTreeSet<(String, String)>, path: &Path) -> bool {
        !set.is_empty()
            && path
                .visits(self.data, self.table)
                .any(|(table, column)| is_listed(self.data, set, table, column))
    }

    /// The two scripts whose results are documented; any other one matches nothing.
    fn script(&self, value: &str) -> Option<String> {
        let source = value.trim_start().get(11..)?.trim();
        match source {
            "gs.getUserID()" => Some(self.session.sys_id.to_string()),
            "gs.daysAgoStart(0)" => Some(chrono::Utc::now().format("%Y-%m-%d 00:00:00").to_string()),
            _ => None,
        }
    }
}

/// The collation of a column.
pub(super) fn collation(data: &Data, semantics: &Semantics, path: &Path) -> Collation {
    let general = Collation::new(semantics);
    let exact = data
        .get(path.table)
        .and_then(|table| table.column(path.column))
        .is_some_and(|column| is_listed(data, &semantics.exact_text_columns, path.table, &column.name));
    if exact { general.exact() } else { general }
}

/// True when the set names the column under the table or one of its parents.
pub(super) fn is_listed(data: &Data, set: &BTreeSet<(String, String)>, table: usize, column: &str) -> bool {
    let mut at = Some(table);
    while let Some(table) = at.and_then(|table| data.get(table)) {
        if set
            .iter()
            .any(|(name, listed)| name == table.name && listed == column)
        {
            return true;
        }
        at = table.parent;
    }
    false
}

impl Test {
    fn holds(&self, data: &Data, matching: Matching, row: Row) -> bool {
        if self.path.is_walk() && data.walk(row, &self.path).is_none() {
            if matching.dot_walk_inner_joins {
                return false;
            }
            if matching.dot_walk_not_equal_returns_nulls && self.check.is_negated() {
                return true;
            }
        }
        self.check
            .matches(data, matching.under(self.collation), row, &self.path)
    }
}

impl Filter {
    pub(super) fn matches(&self, data: &Data, matching: Matching, row: Row) -> bool {
        if self.nothing {
            return false;
        }
        if let Some((column, visible)) = &self.domain {
            match data.cell(row, *column) {
                super::cell::Cell::Id(domain) if !visible.contains(&domain) => return false,
                _ => {}
            }
        }
        self.groups.is_empty()
            || self.groups.iter().any(|group| {
                group
                    .iter()
                    .all(|chain| chain.iter().any(|test| test.holds(data, matching, row)))
            })
    }

    /// True when every row matches.
    pub(super) fn is_everything(&self) -> bool {
        !self.nothing && self.groups.is_empty() && self.domain.is_none()
    }

    /// The keys that a matching row must have, when the query names them.
    pub(super) fn named_ids(&self, sys_id: usize, root: usize) -> Option<Vec<SysId>> {
        let [group] = self.groups.as_slice() else {
            return None;
        };
        group.iter().find_map(|chain| match chain.as_slice() {
            [test] if test.path == Path::direct(root, sys_id) => test.check.ids(),
            _ => None,
        })
    }

    /// The key below which no row matches: the lowest of the groups' lower bounds.
    pub(super) fn lower_bound(&self, sys_id: usize, root: usize) -> Option<String> {
        let bound = |group: &Vec<Vec<Test>>| {
            group
                .iter()
                .filter_map(|chain| match chain.as_slice() {
                    [test] if test.path == Path::direct(root, sys_id) => test.check.lower_bound(),
                    _ => None,
                })
                .max()
        };
        self.groups
            .iter()
            .map(bound)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .min()
    }

    /// True when the whole query is one lower bound on the key.
    pub(super) fn is_lower_bound_only(&self, sys_id: usize, root: usize) -> bool {
        self.domain.is_none()
            && matches!(self.groups.as_slice(), [group] if matches!(group.as_slice(), [chain] if matches!(chain.as_slice(),
                [test] if test.path == Path::direct(root, sys_id) && test.check.is_lower_bound())))
    }

    /// Drops what a faulty instance ignores when it repeats a page: ranges of keys, and the order.
    pub(super) fn forget_range_and_order(&mut self, sys_id: usize, root: usize) {
        for group in &mut self.groups {
            group.retain(|chain| {
                !matches!(chain.as_slice(), [test] if test.path == Path::direct(root, sys_id) && test.check.lower_bound().is_some())
            });
        }
        if self.groups.iter().any(Vec::is_empty) {
            self.groups.clear();
        }
        self.orders.clear();
    }
}
