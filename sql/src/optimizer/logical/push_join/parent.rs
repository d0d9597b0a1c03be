//! A parent's columns as columns of the child, along a reference to the parent's key.
//!
//! Owns: when the join is one query along the reference, and the condition that the parent is there. Does not own: semi-joins by
//! themselves; see the parent module. Invariant: a parent that a scan of its table would not show joins with nothing.
//! Start at [`with_parent`].

use std::sync::Arc;

use causeway_core::{Column as RemoteColumn, Fidelity, Op, Pushed, RemoteQuery, Verdict};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::logical_expr::Expr;

use super::{Joined, Side, condition_of, without_null_test};
use crate::scan::remote_table::{Decided, RemoteTable};
use crate::scan::spec::Note;

/// Whether a row of the child needs its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    Present,
    Perhaps,
}

/// The child with its parent's columns, when the join goes along a reference to the parent's key.
pub(super) fn with_parent(child: &Side, parent: &Side, wanted: Parent) -> Option<Joined> {
    if Some(parent.key) != parent.scan.table.table.single_key() {
        return None;
    }
    let (keys, decided) = parent.keys()?;
    let dialect = child.scan.table.source.dialect();
    // Calls made as another person see what that person sees.
    let table = &child.scan.table;
    let all_visible = dialect.sees_every_parent() && table.is_read_as_configured();
    if wanted == Parent::Perhaps {
        let unfiltered = decided.is_empty() && parent.scan.local.is_empty();
        if !all_visible || !unfiltered {
            return None;
        }
    }
    let mut paths = Paths {
        table: child.scan.table.extended(),
        child,
        parent,
        wanted,
    };
    let outputs = parent.scan.columns.iter();
    let outputs = outputs.map(|&at| paths.add(at)).collect::<Option<Vec<_>>>()?;
    let mut accepted = match wanted {
        Parent::Present => without_null_test(&child.scan.accepted, child.key_column()?),
        Parent::Perhaps => child.scan.accepted.clone(),
    };
    let mut local = child.scan.local.clone();
    // What the condition does not decide is checked on the parent's columns.
    let checks = decided
        .iter()
        .filter(|decided| !decided.is_exact())
        .map(|decided| decided.filter.clone());
    for check in checks.collect::<Option<Vec<_>>>()? {
        accepted.push(paths.renamed(check)?);
    }
    for check in &parent.scan.local {
        local.push(paths.renamed(check.clone())?);
    }
    if wanted == Parent::Present {
        let pushed = paths.condition(&keys, &decided, all_visible, &mut accepted)?;
        paths.table.add_condition(pushed);
        paths
            .table
            .add_notes(decided.into_iter().map(|decided| decided.note));
        paths.table.adopt_declined(&parent.scan.table);
    }
    let table = paths.table;
    let joined = Joined {
        child: child.scan.columns.clone(),
        parent: outputs,
        parent_first: false,
        accepted,
        local,
        table,
    };
    joined.may_be_asked().then_some(joined)
}

/// The parent's columns as columns of the child.
struct Paths<'a> {
    table: RemoteTable,
    child: &'a Side,
    parent: &'a Side,
    wanted: Parent,
}

impl Paths<'_> {
    /// The position of the parent's column `at` in the child. A parent that is there has the key that the child names.
    fn add(&mut self, at: usize) -> Option<usize> {
        if at == self.parent.key && self.wanted == Parent::Present {
            let path = self.path(at);
            return path.map(|_| self.child.key);
        }
        self.add_path(at)
    }

    /// The position of the path to the parent's column `at`, which is added unless it is there already.
    fn add_path(&mut self, at: usize) -> Option<usize> {
        let path = self.path(at)?;
        Some(self.table.add_column(path))
    }

    fn path(&self, at: usize) -> Option<RemoteColumn> {
        let parent = &self.parent.scan.table;
        let reference = self.child.key_column()?;
        let column = parent.table.columns.get(at)?;
        let dialect = parent.source.dialect();
        let mut path = dialect.parent_column(reference, &parent.table, column)?;
        let relationship = reference.relationship.as_deref()?.to_lowercase();
        path.name = format!("{relationship}.{}", column.name);
        Some(path)
    }

    /// The parent's predicate over the columns that stand for the parent's.
    fn renamed(&mut self, expr: Expr) -> Option<Expr> {
        let parent = Arc::clone(&self.parent.scan.table.table);
        let mut lost = false;
        let renamed = expr.transform(|expr| {
            let Expr::Column(column) = &expr else {
                return Ok(Transformed::no(expr));
            };
            let at = parent
                .column(&column.name)
                .and_then(|(position, _)| self.add(position));
            let name = at.and_then(|at| Some(self.table.table.columns.get(at)?.name.clone()));
            lost |= name.is_none();
            Ok(match name {
                Some(name) => Transformed::yes(Expr::Column(Column::new_unqualified(name))),
                None => Transformed::no(expr),
            })
        });
        renamed.data().ok().filter(|_| !lost)
    }

    /// The condition that the parent is there: a semi-join where the source takes one, or a test of its key where all parents are
    /// seen, beside which the parent's own filters are `accepted` as filters of the child.
    fn condition(
        &mut self,
        keys: &RemoteQuery,
        decided: &[Decided],
        all_visible: bool,
        accepted: &mut Vec<Expr>,
    ) -> Option<Decided> {
        let (child, parent) = (self.child, self.parent);
        let table = &child.scan.table;
        if table.may_semi_join() {
            let dialect = table.source.dialect();
            let condition = dialect.semi_join(&table.table, child.key_column()?, keys, false);
            if let Some(condition) = condition {
                return Some(condition_of(child, parent, condition, decided));
            }
        }
        if !all_visible {
            return None;
        }
        let key = self.add_path(parent.key)?;
        let key = &self.table.table.columns.get(key)?.name;
        accepted.push(Expr::Column(Column::new_unqualified(key)).is_not_null());
        for exact in decided.iter().filter_map(|decided| decided.filter.clone()) {
            accepted.push(self.renamed(exact)?);
        }
        presence_of(child)
    }
}

/// `reference IS NOT NULL`, of the child.
fn presence_of(child: &Side) -> Option<Decided> {
    let dialect = child.scan.table.source.dialect();
    let column = child.key_column()?;
    match dialect.atom(column, Op::IsNotNull, &[]) {
        Verdict::Exact(condition) => Some(Decided {
            filter: None,
            pushed: Some(Pushed {
                derived: false,
                condition,
                fidelity: Fidelity::Exact,
                reason: String::new(),
            }),
            note: Note::Exact(format!("{} IS NOT NULL", column.name)),
        }),
        Verdict::Superset(..) | Verdict::Never(_) => None,
    }
}
