//! The groups of a remote table, computed by the remote system, as DataFusion sees them.
//!
//! Owns: whether a grouping may be asked for at all. Invariant: every conjunct below it is exact, so that the remote system groups
//! precisely the rows that SQL would.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use causeway_core::{AggregateFunction, Grouping, Having, Op, RemoteQuery};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::RemoteScanExec;
use super::lower;
use super::remote_table::RemoteTable;
use super::spec::{Note, ScanSpec};

/// One row for each group: its keys, then its aggregates.
#[derive(Debug)]
pub(crate) struct GroupedTable {
    base: RemoteTable,
    query: RemoteQuery,
    notes: Vec<Note>,
    schema: SchemaRef,
}

impl GroupedTable {
    /// Groups the rows of `base` that satisfy `filters`; `None` when the remote system would not compute exactly the same, or has
    /// refused to.
    pub(crate) fn try_new(base: &RemoteTable, filters: &[Expr], grouping: Grouping) -> Option<Self> {
        let dialect = base.source.dialect();
        let table = &base.table;
        let column = |at: usize| table.columns.get(at);
        let keys_agree = grouping
            .keys
            .iter()
            .all(|&key| column(key).is_some_and(|key| dialect.groups_like_arrow(key)));
        let aggregates_agree = grouping.aggregates.iter().all(|aggregate| {
            let of = aggregate.column.map(column);
            match of {
                Some(None) => false,
                of => dialect.aggregates_like_arrow(table, aggregate.function, of.flatten()),
            }
        });
        if !keys_agree || !aggregates_agree {
            return None;
        }
        let mut query = RemoteQuery::new(Arc::clone(table), Vec::new());
        let mut notes = Vec::new();
        for decided in base.decide(filters) {
            if !decided.is_exact() {
                return None;
            }
            notes.push(decided.note);
            query.filters.extend(decided.pushed);
        }
        query.grouping = Some(grouping);
        // No row, no call: the engine knows what comes of nothing.
        if query.is_empty() || base.source.has_refused(&query) || dialect.render(&query).is_err() {
            return None;
        }
        Some(Self {
            base: base.clone(),
            schema: query.output_schema(),
            query,
            notes,
        })
    }
}

impl GroupedTable {
    /// Names of the columns that tell its groups apart.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let keys = self
            .query
            .grouping
            .as_ref()
            .map_or(0, |grouping| grouping.keys.len());
        self.schema
            .fields()
            .iter()
            .take(keys)
            .map(|field| field.name().as_str())
    }

    /// A predicate over the groups as the remote system is asked; `None` when it stays local.
    fn having(&self, filter: &Expr) -> Option<Vec<Having>> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                Some(vec![self.comparison(left, lower::comparison(*op)?, right)?])
            }
            Expr::Between(between) if !between.negated => Some(vec![
                self.comparison(&between.expr, Op::GtEq, &between.low)?,
                self.comparison(&between.expr, Op::LtEq, &between.high)?,
            ]),
            _ => None,
        }
    }

    fn comparison(&self, count: &Expr, op: Op, value: &Expr) -> Option<Having> {
        let grouping = self.query.grouping.as_ref()?;
        let (Expr::Column(column), Expr::Literal(ScalarValue::Int64(Some(value)), _)) = (count, value) else {
            return None;
        };
        let position = self.schema.index_of(&column.name).ok()?;
        let aggregate = position.checked_sub(grouping.keys.len())?;
        let counts = matches!(
            grouping.aggregates.get(aggregate)?.function,
            AggregateFunction::Count | AggregateFunction::CountDistinct
        );
        // Without keys there is one group, which a source may not filter.
        let may = counts && self.base.source.dialect().filters_groups() && !grouping.keys.is_empty();
        let value = *value;
        may.then_some(Having { aggregate, op, value })
    }
}

#[async_trait]
impl TableProvider for GroupedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let verdict = |filter: &&Expr| match self.having(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(verdict).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut query = self.query.clone();
        if let Some(grouping) = &mut query.grouping {
            let having = filters.iter().filter_map(|filter| self.having(filter)).flatten();
            grouping.having.extend(having);
        }
        let everything: Vec<usize> = (0..self.schema.fields().len()).collect();
        let filters = query.filters.len();
        Ok(Arc::new(RemoteScanExec::try_new(ScanSpec {
            source: Arc::clone(&self.base.source),
            query,
            checks: Vec::new(),
            output: projection.unwrap_or(&everything).clone(),
            stamp: self.base.stamp.clone(),
            notes: self.notes.clone(),
            key_filters: Vec::new(),
            dynamic_filters: Vec::new(),
            fetch: limit,
            top: None,
            not_null: BTreeSet::new(),
            kept_share: 1.0,
            reuse: self.base.reuse(vec![None; filters]),
            repeats: false,
            pushdown: true,
        })?))
    }
}
