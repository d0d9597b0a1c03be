//! The schemas `pg_catalog` and `information_schema` of one person.
//!
//! Owns: look-up of their tables, and rows at the moment of a scan. Does not own: what the rows say; see [`own_tables`],
//! [`information_schema`] and [`data`]. Invariant: a sign-in builds no table.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use super::relations::{self, INFORMATION_SCHEMA, PG_CATALOG, Relation};
use super::{data, information_schema, own_tables};
use crate::catalog::Person;

/// One of the two schemas.
#[derive(Debug)]
pub(super) struct CatalogSchema {
    name: &'static str,
    person: Arc<Person>,
}

impl CatalogSchema {
    pub(super) fn pg_catalog(person: &Arc<Person>) -> Self {
        Self {
            name: PG_CATALOG,
            person: Arc::clone(person),
        }
    }

    pub(super) fn information_schema(person: &Arc<Person>) -> Self {
        Self {
            name: INFORMATION_SCHEMA,
            person: Arc::clone(person),
        }
    }
}

#[async_trait]
impl SchemaProvider for CatalogSchema {
    fn table_names(&self) -> Vec<String> {
        let own = relations::all().filter(|relation| relation.schema == self.name);
        own.map(|relation| relation.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let relation = relations::find(self.name, name);
        Ok(relation.map(|relation| {
            Arc::new(CatalogTable {
                relation,
                person: Arc::clone(&self.person),
            }) as Arc<dyn TableProvider>
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        relations::find(self.name, name).is_some()
    }
}

/// One table or view of theirs.
#[derive(Debug)]
struct CatalogTable {
    relation: &'static Relation,
    person: Arc<Person>,
}

impl CatalogTable {
    fn rows(&self) -> Result<RecordBatch> {
        let computed = match self.relation.schema.as_str() {
            PG_CATALOG => own_tables::rows(&self.person, self.relation)?,
            _ => information_schema::rows(&self.person, self.relation)?,
        };
        let fixed = || data::rows(&self.relation.name).filter(|_| self.relation.schema == PG_CATALOG);
        let rows = computed.or_else(|| fixed().cloned());
        Ok(rows.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.relation.arrow))))
    }
}

#[async_trait]
impl TableProvider for CatalogTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.relation.arrow)
    }

    fn table_type(&self) -> TableType {
        match self.relation.is_table {
            true => TableType::Base,
            false => TableType::View,
        }
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let rows = vec![vec![self.rows()?]];
        let scan = MemorySourceConfig::try_new_exec(&rows, self.schema(), projection.cloned())?;
        Ok(scan)
    }
}
