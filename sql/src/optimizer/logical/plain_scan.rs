//! What a part of a logical plan reads, when it reads one remote table and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_core::{Column as RemoteColumn, Source, Table};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Column, DFSchema, Result, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use crate::policy::{Access, RestrictedTable};
use crate::scan::remote_table::{RemoteTable, UnstampedTable};

/// One remote table under predicates and column choices only.
#[derive(Debug, Clone)]
pub(crate) struct PlainScan {
    pub(crate) table: RemoteTable,
    /// Predicates that the table accepted, over its own column names.
    pub(crate) accepted: Vec<Expr>,
    /// Predicates that are evaluated above it, over its own column names.
    pub(crate) local: Vec<Expr>,
    /// For each output column its position in the remote table.
    pub(crate) columns: Vec<usize>,
}

impl PlainScan {
    /// Reads `plan`; `None` when it is more than that, or when a policy stands between the table and the statement.
    pub(crate) fn of(plan: &LogicalPlan) -> Option<Self> {
        match plan {
            LogicalPlan::TableScan(scan) => Self::of_scan(scan),
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            LogicalPlan::Projection(projection) => {
                let mut inner = Self::of(&projection.input)?;
                let schema = projection.input.schema();
                let columns = projection
                    .expr
                    .iter()
                    .map(|expr| inner.position(schema, column_of(expr)?));
                inner.columns = columns.collect::<Option<Vec<_>>>()?;
                Some(inner)
            }
            LogicalPlan::Filter(filter) => {
                let mut inner = Self::of(&filter.input)?;
                if filter.predicate.is_volatile() {
                    return None;
                }
                let own = inner
                    .with_own_names(filter.input.schema(), filter.predicate.clone())
                    .ok()??;
                inner.local.extend(split_conjunction_owned(own));
                Some(inner)
            }
            _ => None,
        }
    }

    fn of_scan(scan: &TableScan) -> Option<Self> {
        let provider = source_as_provider(&scan.source).ok()?;
        let relation = RemoteRelation::of(provider.as_ref())?;
        let visible = relation.visible;
        let columns: Vec<usize> = match &scan.projection {
            None => visible.to_vec(),
            Some(projection) => projection
                .iter()
                .map(|&at| visible.get(at).copied())
                .collect::<Option<_>>()?,
        };
        let table = match provider.downcast_ref::<RestrictedTable<UnstampedTable>>() {
            Some(restricted) => restricted.open(&columns)?,
            None => provider.downcast_ref::<RemoteTable>()?.clone(),
        };
        if scan.fetch.is_some() || !table.takes_operators() {
            return None;
        }
        Some(Self {
            table,
            accepted: scan.filters.clone(),
            local: Vec::new(),
            columns,
        })
    }

    /// The table's column behind a column of a plan with this schema.
    pub(crate) fn position(&self, schema: &DFSchema, column: &Column) -> Option<usize> {
        self.columns.get(schema.maybe_index_of_column(column)?).copied()
    }

    /// The expression over the table's own column names; `None` when it uses anything else.
    fn with_own_names(&self, schema: &DFSchema, expr: Expr) -> Result<Option<Expr>> {
        let mut foreign = false;
        let named = expr.transform(|expr| {
            let Expr::Column(column) = &expr else {
                foreign |= matches!(
                    expr,
                    Expr::OuterReferenceColumn(..)
                        | Expr::ScalarSubquery(_)
                        | Expr::InSubquery(_)
                        | Expr::Exists(_)
                );
                return Ok(Transformed::no(expr));
            };
            let name = self
                .position(schema, column)
                .and_then(|at| self.table.table.columns.get(at));
            foreign |= name.is_none();
            Ok(match name {
                Some(own) => Transformed::yes(Expr::Column(Column::new_unqualified(&own.name))),
                None => Transformed::no(expr),
            })
        });
        Ok((!foreign).then_some(named.data()?))
    }
}

/// A remote table in a plan, under policies or not.
pub(crate) struct RemoteRelation<'a> {
    pub(crate) source: &'a Arc<dyn Source>,
    pub(crate) table: &'a Arc<Table>,
    /// Positions of the columns that the person may see.
    pub(crate) visible: &'a [usize],
    access: Option<&'a Access>,
}

impl<'a> RemoteRelation<'a> {
    /// Reads a table provider; `None` when it is no remote table.
    pub(crate) fn of(provider: &'a dyn TableProvider) -> Option<Self> {
        if let Some(open) = provider.downcast_ref::<RemoteTable>() {
            return Some(Self {
                source: &open.source,
                table: &open.table,
                visible: open.visible(),
                access: None,
            });
        }
        let restricted = provider.downcast_ref::<RestrictedTable<UnstampedTable>>()?;
        Some(Self {
            source: restricted.source(),
            table: restricted.table(),
            visible: restricted.visible(),
            access: Some(restricted.access()),
        })
    }

    /// The column at this position of the table, unless the person sees something else in its place.
    pub(crate) fn unmasked_column(&self, at: usize) -> Option<&'a RemoteColumn> {
        let column = self.table.columns.get(at)?;
        let masked = self.access.is_some_and(|access| access.mask_of(column).is_some());
        (!masked).then_some(column)
    }
}

/// The column that an expression is, under whatever name.
pub(crate) fn column_of(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column_of(&alias.expr),
        _ => None,
    }
}

/// A name that no other scan has. Two scans of one name are equal to DataFusion (docs/upstream.md, equal-scans), whatever they read, and equal subqueries are run once.
pub(crate) fn unique_name(table: &str) -> TableReference {
    static SCANS: AtomicU64 = AtomicU64::new(0);
    let number = SCANS.fetch_add(1, Ordering::Relaxed);
    TableReference::bare(format!("{table} {number}"))
}
