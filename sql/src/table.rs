//! A remote table as DataFusion sees it.
//!
//! Owns: what a person may see of a table (columns, row policies) and the negotiation of filters. Does not own: what may be
//! pushed; see [`causeway_core::translate`]. Invariant: a table with row policies is only ever scanned through [`crate::policy`].

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use causeway_core::{Fidelity, RemoteQuery, Source, Table, translate};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::unparser::expr_to_sql;

use crate::catalog::Person;
use crate::leaf::{Note, RemoteScanExec, ScanSpec};
use crate::lower;
use crate::policy::{self, Access, PolicyPath};

/// A remote table for one person.
#[derive(Debug, Clone)]
pub(crate) struct RemoteTable {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) table: Arc<Table>,
    pub(crate) access: Arc<Access>,
    /// The tables whose policies are being planned right now; empty for a table that a statement names.
    pub(crate) path: PolicyPath,
    pub(crate) person: Arc<Person>,
    /// Table columns that the person may see.
    visible: Vec<usize>,
    schema: SchemaRef,
    /// Whether this is the table below its own policies.
    raw: bool,
    /// Predicates that were declined while the statement was planned, with the reason, for EXPLAIN.
    declined: Declined,
}

type Declined = Arc<Mutex<Vec<(String, String)>>>;

impl RemoteTable {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        table: Arc<Table>,
        access: Arc<Access>,
        path: PolicyPath,
        person: Arc<Person>,
    ) -> Self {
        let visible: Vec<usize> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| access.shows(&table, column))
            .map(|(index, _)| index)
            .collect();
        let schema = masked_schema(&table, &visible, &access);
        Self {
            source,
            table,
            access,
            path,
            person,
            visible,
            schema,
            raw: false,
            declined: Declined::default(),
        }
    }

    /// The table below its policies, with every column; only [`crate::policy`] reads it.
    pub(crate) fn unrestricted(&self) -> Self {
        Self {
            visible: (0..self.table.columns.len()).collect(),
            schema: self.table.schema(),
            raw: true,
            declined: Declined::default(),
            ..self.clone()
        }
    }

    fn restricted(&self) -> bool {
        !self.raw && self.access.restricts_rows(&self.table)
    }

    fn pushdown(&self, filter: &Expr) -> TableProviderFilterPushDown {
        let masked = filter
            .column_refs()
            .iter()
            .any(|column| self.access.masks.contains_key(&column.name));
        let below_policy = self.access.restricts_rows(&self.table) && !self.raw;
        let off = !self.person.settings.read().pushdown;
        // Policies are pushed whatever the setting: what they hide should not even be fetched.
        if (!self.raw && (off || masked)) || (below_policy && !lower::is_leakproof(filter)) {
            return TableProviderFilterPushDown::Unsupported;
        }
        let predicate = lower::lower(&self.table, filter);
        match translate(self.source.dialect(), &self.table, &predicate) {
            // The leaf checks again what isn't exact, so nothing needs to be checked above it.
            Ok(_) => TableProviderFilterPushDown::Exact,
            Err(reason) => {
                self.decline(filter, reason);
                TableProviderFilterPushDown::Unsupported
            }
        }
    }

    fn decline(&self, filter: &Expr, reason: String) {
        let text = sql_text(filter);
        let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        if declined.iter().all(|(known, _)| *known != text) {
            declined.push((text, reason));
        }
    }

    /// Plans the leaf. `filters` were accepted by [`RemoteTable::pushdown`].
    fn leaf(
        &self,
        state: &dyn DataFusionSession,
        output: &[usize],
        filters: &[Expr],
        fetch: Option<usize>,
    ) -> Result<RemoteScanExec> {
        let mut query = RemoteQuery::new(Arc::clone(&self.table), output.to_vec());
        let mut to_check = Vec::new();
        let mut notes = Vec::new();
        for filter in filters {
            let predicate = lower::lower(&self.table, filter);
            let text = sql_text(filter);
            match translate(self.source.dialect(), &self.table, &predicate) {
                Ok(pushed) => {
                    if pushed.fidelity == Fidelity::Exact {
                        notes.push(Note::Exact(text));
                    } else {
                        notes.push(Note::Superset(text, pushed.reason.clone()));
                        to_check.push(filter);
                    }
                    query.filters.push(pushed);
                }
                Err(reason) => {
                    notes.push(Note::Local(text, reason));
                    to_check.push(filter);
                }
            }
        }
        let declined = self
            .declined
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        notes.extend(
            declined
                .into_iter()
                .map(|(text, reason)| Note::Local(text, reason)),
        );
        for column in to_check.iter().flat_map(|filter| filter.column_refs()) {
            if let Some((index, _)) = self.table.column(&column.name)
                && !query.columns.contains(&index)
            {
                query.columns.push(index);
            }
        }
        let fetched = DFSchema::try_from(self.table.schema_of(&query.columns))?;
        let checks = to_check
            .into_iter()
            .map(|filter| state.create_physical_expr(filter.clone(), &fetched))
            .collect::<Result<Vec<_>>>()?;
        let pushdown = self.person.settings.read().pushdown;
        RemoteScanExec::try_new(ScanSpec {
            source: Arc::clone(&self.source),
            query,
            checks,
            output: (0..output.len()).collect(),
            restricted: self.raw,
            notes,
            key_filters: Vec::new(),
            fetch,
            pushdown,
        })
    }
}

/// The schema of the visible columns. A mask may turn any value into NULL.
fn masked_schema(table: &Table, visible: &[usize], access: &Access) -> SchemaRef {
    let schema = table.schema_of(visible);
    let fields = schema.fields().iter().map(|field| {
        let nullable = field.is_nullable() || access.masks.contains_key(field.name());
        field.as_ref().clone().with_nullable(nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The expression as a person would write it, for EXPLAIN only.
pub(crate) fn sql_text(expr: &Expr) -> String {
    use datafusion::sql::sqlparser::ast::Expr as SqlExpr;
    match expr_to_sql(expr) {
        Ok(SqlExpr::Nested(inner)) => inner.to_string(),
        Ok(sql) => sql.to_string(),
        Err(_) => expr.to_string(),
    }
}

#[async_trait]
impl TableProvider for RemoteTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|filter| self.pushdown(filter)).collect())
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
        if self.restricted() || (!self.raw && self.access.masks_any(&self.table)) {
            return policy::scan_restricted(self, state, projection, filters).await;
        }
        let output: Vec<usize> = projection
            .iter()
            .filter_map(|&at| self.visible.get(at).copied())
            .collect();
        Ok(Arc::new(self.leaf(state, &output, filters, limit)?))
    }
}
