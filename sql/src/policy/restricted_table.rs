//! A table whose rows or values are restricted for a person, as DataFusion sees it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use causeway_core::{Source, Table};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::plan::{self, PolicyCatalog, Restricted};
use super::{Access, PolicyPath, Stamp};
use crate::error::into_datafusion;

/// A remote table that can't be scanned yet: it lacks a stamp.
pub(crate) trait Unstamped: fmt::Debug + Send + Sync + 'static {
    /// What it becomes.
    type Table: TableProvider + 'static;

    /// The table, with every column.
    fn table(&self) -> &Arc<Table>;

    /// Where it is.
    fn source(&self) -> &Arc<dyn Source>;

    /// Whether the remote system takes a predicate of the statement. `leakproof`: only one that can't fail, call a function or take
    /// time that depends on a row.
    fn takes(&self, filter: &Expr, leakproof: bool) -> bool;

    /// The table, ready to be scanned, with the columns at these positions.
    fn stamped(&self, stamp: Stamp, visible: Vec<usize>) -> Self::Table;
}

/// A remote table under the policies of a person.
#[derive(Debug)]
pub(crate) struct RestrictedTable<T> {
    unstamped: T,
    access: Arc<Access>,
    /// Positions of the columns that the person may see.
    visible: Vec<usize>,
    schema: SchemaRef,
    /// The tables whose policies are being planned right now; empty for a table that a statement names.
    path: PolicyPath,
    catalog: Arc<dyn PolicyCatalog>,
}

impl<T: Unstamped> RestrictedTable<T> {
    /// The table as the person sees it: open where no policy concerns a column that they see, under its policies otherwise.
    pub(crate) fn or_open(
        unstamped: T,
        access: Arc<Access>,
        path: PolicyPath,
        catalog: impl FnOnce() -> Arc<dyn PolicyCatalog>,
    ) -> Arc<dyn TableProvider> {
        let visible = access.visible(unstamped.table());
        if let Some(stamp) = access.stamp(unstamped.table(), &visible) {
            return Arc::new(unstamped.stamped(stamp, visible));
        }
        Arc::new(Self {
            schema: access.schema(unstamped.table(), &visible),
            unstamped,
            access,
            visible,
            path,
            catalog: catalog(),
        })
    }

    /// The table, with every column.
    pub(crate) fn table(&self) -> &Arc<Table> {
        self.unstamped.table()
    }

    /// Where it is.
    pub(crate) fn source(&self) -> &Arc<dyn Source> {
        self.unstamped.source()
    }

    /// What the person may see of it.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Positions of the columns that the person may see.
    pub(crate) fn visible(&self) -> &[usize] {
        &self.visible
    }

    /// The table for a scan of these columns, when no policy concerns them.
    pub(crate) fn open(&self, columns: &[usize]) -> Option<T::Table> {
        let stamp = self.access.stamp(self.table(), columns)?;
        Some(self.unstamped.stamped(stamp, self.visible.clone()))
    }

    /// The table below its policies, with every column.
    fn raw(&self) -> T::Table {
        let all = (0..self.table().columns.len()).collect();
        self.unstamped.stamped(self.access.stamp_below(self.table()), all)
    }

    fn is_masked(&self, name: &str) -> bool {
        let column = self.table().column(name);
        column.is_some_and(|(_, column)| self.access.mask_of(column).is_some())
    }
}

#[async_trait]
impl<T: Unstamped> TableProvider for RestrictedTable<T> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let leakproof = self.access.restricts_rows(self.table());
        let verdict = |filter: &&Expr| {
            let masked = filter
                .column_refs()
                .iter()
                .any(|column| self.is_masked(&column.name));
            match !masked && self.unstamped.takes(filter, leakproof) {
                true => TableProviderFilterPushDown::Exact,
                false => TableProviderFilterPushDown::Unsupported,
            }
        };
        Ok(filters.iter().map(verdict).collect())
    }

    async fn scan(
        &self,
        state: &dyn DataFusionSession,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let everything: Vec<usize> = (0..self.visible.len()).collect();
        let projection = projection.unwrap_or(&everything);
        let columns: Vec<usize> = projection
            .iter()
            .filter_map(|&at| self.visible.get(at).copied())
            .collect();
        if let Some(open) = self.open(&columns) {
            return open.scan(state, Some(projection), filters, limit).await;
        }
        let table = self.table();
        let name = format!("{}.{}", table.source, table.name.name);
        let path = self.path.enter(&name).map_err(into_datafusion)?;
        let restricted = Restricted {
            source: self.source().as_ref(),
            table,
            access: &self.access,
            visible: &self.visible,
            raw: Arc::new(self.raw()),
            planner: self.catalog.planner(),
            catalog: self.catalog.policy_catalog(path)?,
        };
        plan::scan(restricted, state, projection, filters).await
    }
}
