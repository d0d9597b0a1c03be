//! Joins inside one source are asked of the remote system: a parent along a reference, semi-joins and anti-joins.
//!
//! Invariant: a parent's record joins only when a scan of the parent's table would show it, whatever a path to it shows.

mod parent;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use causeway_core::{Column as RemoteColumn, Condition, Fidelity, Pushed, RemoteQuery};
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Column, NullEquality, Result, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder};

use self::parent::{Parent, with_parent};
use super::plain_scan::{PlainScan, column_of, unique_name};
use crate::scan::remote_table::{Decided, RemoteTable};
use crate::scan::spec::Note;

/// Turns a join of two tables of one source into one scan.
pub(crate) fn push_join(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Join(join) => pushed(join),
        _ => Ok(None),
    }
}

fn pushed(join: &Join) -> Result<Option<LogicalPlan>> {
    let [(left_key, right_key)] = join.on.as_slice() else {
        return Ok(None);
    };
    if join.filter.is_some() || join.null_equality != NullEquality::NullEqualsNothing {
        return Ok(None);
    }
    let side = |plan: &LogicalPlan, key: &Expr| {
        let scan = PlainScan::of(plan)?;
        let key = scan.position(plan.schema(), column_of(key)?)?;
        Some(Side { scan, key })
    };
    let (Some(left), Some(right)) = (side(&join.left, left_key), side(&join.right, right_key)) else {
        return Ok(None);
    };
    let (one, other) = (&left.scan.table, &right.scan.table);
    if one.source.name() != other.source.name() || !one.stamp.is_for_same(&other.stamp) {
        return Ok(None);
    }
    let joined = match join.join_type {
        JoinType::Inner => with_parent(&left, &right, Parent::Present)
            .or_else(|| with_parent(&right, &left, Parent::Present).map(Joined::parent_first)),
        JoinType::Left => with_parent(&left, &right, Parent::Perhaps),
        JoinType::Right => with_parent(&right, &left, Parent::Perhaps).map(Joined::parent_first),
        JoinType::LeftSemi => semi_join(&left, &right),
        JoinType::RightSemi => semi_join(&right, &left),
        JoinType::LeftAnti if !join.null_aware || right.has_no_null() => anti_join(&left, &right),
        JoinType::RightAnti => anti_join(&right, &left),
        _ => None,
    };
    joined.map(|joined| joined.plan(join)).transpose()
}

/// One side of a join and its key.
struct Side {
    scan: PlainScan,
    /// Position of the key in the table.
    key: usize,
}

impl Side {
    fn key_column(&self) -> Option<&RemoteColumn> {
        self.scan.table.table.columns.get(self.key)
    }

    /// The query for the side's keys alone, its exact and looser conjuncts included; `None` when it already is a join.
    fn keys(&self) -> Option<(RemoteQuery, Vec<Decided>)> {
        let table = &self.scan.table;
        if table.is_joined() {
            return None;
        }
        let mut query = RemoteQuery::new(Arc::clone(&table.table), vec![self.key]);
        let decided = table.decide(&self.scan.accepted);
        query
            .filters
            .extend(decided.iter().filter_map(|decided| decided.pushed.clone()));
        Some((query, decided))
    }

    /// Whether the key is never NULL, so that NOT IN is NOT EXISTS.
    fn has_no_null(&self) -> bool {
        let key = self.key_column().map(|column| column.name.as_str());
        let is_tested = |filter: &Expr| match filter {
            Expr::IsNotNull(inner) => column_of(inner).map(|column| column.name.as_str()) == key,
            _ => false,
        };
        self.scan.table.table.key.contains(&self.key) || self.scan.accepted.iter().any(is_tested)
    }

    fn all_exact(&self, decided: &[Decided]) -> bool {
        self.scan.local.is_empty() && decided.iter().all(Decided::is_exact)
    }
}

/// A scan that stands for the join.
struct Joined {
    table: RemoteTable,
    accepted: Vec<Expr>,
    local: Vec<Expr>,
    /// For each output column of the join its position in the table, in the order of the sides below.
    child: Vec<usize>,
    parent: Vec<usize>,
    parent_first: bool,
}

impl Joined {
    fn parent_first(self) -> Self {
        Self {
            parent_first: true,
            ..self
        }
    }

    fn plan(self, join: &Join) -> Result<LogicalPlan> {
        let name = unique_name(&self.table.table.name.name);
        let accepted = qualified(self.accepted, &name)?;
        let local = qualified(self.local, &name)?;
        let columns: Vec<usize> = match self.parent_first {
            true => self.parent.iter().chain(&self.child).copied().collect(),
            false => self.child.iter().chain(&self.parent).copied().collect(),
        };
        let remote = Arc::clone(&self.table.table);
        let scan = TableScanBuilder::new(name.clone(), provider_as_source(Arc::new(self.table)))
            .with_filters(accepted)
            .build()?;
        let mut plan = LogicalPlanBuilder::from(LogicalPlan::TableScan(scan));
        if let Some(predicate) = conjunction(local) {
            plan = plan.filter(predicate)?;
        }
        let outputs = join
            .schema
            .iter()
            .zip(columns)
            .filter_map(|((qualifier, field), at)| {
                let own = Column::new(Some(name.clone()), &remote.columns.get(at)?.name);
                Some(Expr::Column(own).alias_qualified(qualifier.cloned(), field.name()))
            });
        plan.project(outputs.collect::<Vec<_>>())?.build()
    }
}

fn qualified(exprs: Vec<Expr>, table: &TableReference) -> Result<Vec<Expr>> {
    let qualify = |expr| {
        Ok(match expr {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(Column::new(Some(table.clone()), column.name)))
            }
            other => Transformed::no(other),
        })
    };
    exprs
        .into_iter()
        .map(|expr| expr.transform(qualify).data())
        .collect()
}

impl Joined {
    /// Whether the query can be written, and the remote system has not refused such a one before.
    fn may_be_asked(&self) -> bool {
        let mut columns: Vec<usize> = self.child.iter().chain(&self.parent).copied().collect();
        columns.sort_unstable();
        columns.dedup();
        let mut query = RemoteQuery::new(Arc::clone(&self.table.table), columns);
        let decided = self.table.decide(&self.accepted).into_iter();
        query.filters = decided.filter_map(|decided| decided.pushed).collect();
        let source = &self.table.source;
        source.dialect().render(&query).is_ok() && !source.has_refused(&query)
    }
}

/// Filters without `key IS NOT NULL`, which the join implies.
fn without_null_test(filters: &[Expr], key: &RemoteColumn) -> Vec<Expr> {
    let tests_key = |filter: &&Expr| match filter {
        Expr::IsNotNull(inner) => column_of(inner).is_some_and(|column| column.name == key.name),
        _ => false,
    };
    let kept = filters.iter().filter(|filter| !tests_key(filter));
    kept.cloned().collect()
}

/// A condition between two tables, as faithful as what stands inside.
fn condition_of(outer: &Side, inner: &Side, condition: Condition, decided: &[Decided]) -> Decided {
    let weakest = decided
        .iter()
        .filter_map(|decided| decided.pushed.as_ref())
        .min_by_key(|pushed| pushed.fidelity);
    let fidelity = weakest.map_or(Fidelity::Exact, |pushed| pushed.fidelity);
    let text = format!(
        "{}.{} = {}.{}",
        outer.scan.table.table.name.name,
        outer.key_column().map_or("", |column| column.name.as_str()),
        inner.scan.table.table.name.name,
        inner.key_column().map_or("", |column| column.name.as_str()),
    );
    Decided {
        filter: None,
        pushed: Some(Pushed {
            derived: false,
            condition,
            fidelity,
            reason: weakest.map(|pushed| pushed.reason.clone()).unwrap_or_default(),
        }),
        note: Note::Exact(text),
    }
}

/// The rows of `outer` whose key is among those of `inner`.
fn semi_join(outer: &Side, inner: &Side) -> Option<Joined> {
    let along_reference = with_parent(outer, inner, Parent::Present).map(|joined| Joined {
        parent: Vec::new(),
        ..joined
    });
    along_reference.or_else(|| conditioned(outer, inner, false))
}

/// The rows of `outer` whose key is not among those of `inner`. A key that may be NULL would need an OR around the condition, which
/// the source may not take.
fn anti_join(outer: &Side, inner: &Side) -> Option<Joined> {
    (Some(outer.key) == outer.scan.table.table.single_key())
        .then(|| conditioned(outer, inner, true))
        .flatten()
}

fn conditioned(outer: &Side, inner: &Side, negated: bool) -> Option<Joined> {
    let (keys, decided) = inner.keys()?;
    if !inner.all_exact(&decided) || !outer.scan.table.may_semi_join() {
        return None;
    }
    let dialect = outer.scan.table.source.dialect();
    let column = outer.key_column()?;
    let condition = dialect.semi_join(&outer.scan.table.table, column, &keys, negated)?;
    let mut table = outer.scan.table.extended();
    let mut condition = condition_of(outer, inner, condition, &decided);
    if negated && let Note::Exact(text) = &mut condition.note {
        *text = format!("NOT EXISTS {text}");
    }
    table.add_condition(condition);
    table.add_notes(decided.into_iter().map(|decided| decided.note));
    let joined = Joined {
        table,
        accepted: match negated {
            true => outer.scan.accepted.clone(),
            false => without_null_test(&outer.scan.accepted, column),
        },
        local: outer.scan.local.clone(),
        child: outer.scan.columns.clone(),
        parent: Vec::new(),
        parent_first: false,
    };
    joined.may_be_asked().then_some(joined)
}
