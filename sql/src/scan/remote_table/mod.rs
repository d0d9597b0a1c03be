//! A remote table that may be scanned, as DataFusion sees it.
//!
//! Owns: the negotiation of filters, and what a scan is made of. Does not own: what may be pushed; see
//! [`causeway_core::translate`]. Invariant: it has a stamp, which only [`crate::policy`] gives: an [`UnstampedTable`] can't be scanned.
//! Start at [`RemoteTable::decide`].

mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use causeway_core::{Column, Fidelity, Predicate, Pushed, RemoteQuery, Source, Table, translate};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::lower;
use super::reuse::Reuse;
use super::spec::Note;
use super::sql_text::sql_text;
use crate::error::into_datafusion;
use crate::policy::{Stamp, Unstamped};
use crate::settings::Pushdown;

/// A described table before the policies of a person have been asked.
#[derive(Debug, Clone)]
pub(crate) struct UnstampedTable {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) table: Arc<Table>,
    pub(crate) session: ScanSession,
}

/// What a session says about scans of one source.
#[derive(Debug, Clone)]
pub(crate) struct ScanSession {
    /// `causeway.pushdown`
    pub(crate) pushdown: Pushdown,
    /// How scans may use rows that others brought, without their filters.
    pub(crate) reuse: Reuse,
    /// Whether calls are made as the configured account, not as the person.
    pub(crate) as_configured: bool,
}

impl Unstamped for UnstampedTable {
    type Table = RemoteTable;

    fn table(&self) -> &Arc<Table> {
        &self.table
    }

    fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    fn takes(&self, filter: &Expr, leakproof: bool) -> bool {
        self.session.pushdown != Pushdown::Off
            && (!leakproof || lower::is_leakproof(&self.table, filter))
            && Lowered::of(&self.source, &self.table, filter)
                .pushed(&self.source, &self.table)
                .is_ok()
    }

    fn stamped(&self, stamp: Stamp, visible: Vec<usize>) -> RemoteTable {
        RemoteTable::new(self.clone(), stamp, visible)
    }
}

/// A remote table for one person, with a stamp.
#[derive(Debug, Clone)]
pub(crate) struct RemoteTable {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) table: Arc<Table>,
    pub(crate) stamp: Stamp,
    session: ScanSession,
    /// Table columns that the person may see.
    visible: Vec<usize>,
    schema: SchemaRef,
    lowered: LoweredPredicates,
    /// Predicates that were declined while the statement was planned, with the reason, for EXPLAIN.
    declined: Declined,
    /// Conditions that joins with other tables of the source became.
    conditions: Vec<Decided>,
    /// What was decided about the predicates of those other tables.
    inner_notes: Vec<Note>,
}

/// The share of rows that a condition over another table is expected to keep.
const KEPT_BY_A_JOIN: f64 = 0.1;

type Declined = Arc<Mutex<Vec<(String, String)>>>;

/// Each predicate of a statement is lowered once: negotiation, estimate and request share it.
type LoweredPredicates = Arc<Mutex<HashMap<Expr, Arc<Lowered>>>>;

/// A predicate as the remote system would evaluate it.
#[derive(Debug)]
struct Lowered {
    predicate: Predicate,
    /// What would be sent, or why nothing would be.
    translated: std::result::Result<Pushed, String>,
}

impl Lowered {
    fn of(source: &Arc<dyn Source>, table: &Table, filter: &Expr) -> Self {
        let predicate = lower::lower(table, filter);
        let translated = translate(source.dialect(), table, &predicate);
        Self {
            predicate,
            translated,
        }
    }

    /// What is sent, or why nothing is. A refusal can come at any time: the same plan is made again after it.
    fn pushed(&self, source: &Arc<dyn Source>, table: &Arc<Table>) -> std::result::Result<Pushed, String> {
        let pushed = self.translated.clone()?;
        let mut alone = RemoteQuery::new(Arc::clone(table), Vec::new());
        alone.filters.push(pushed.clone());
        match source.has_refused(&alone) {
            true => Err(format!("{} refused it before", source.name())),
            false => Ok(pushed),
        }
    }
}

/// What becomes of one predicate.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    /// The predicate; `None` for a join that became a condition.
    pub(crate) filter: Option<Expr>,
    /// What is sent; `None` when it stays local.
    pub(crate) pushed: Option<Pushed>,
    pub(crate) note: Note,
}

impl Decided {
    /// Whether the remote system alone decides it.
    pub(crate) fn is_exact(&self) -> bool {
        let pushed = self.pushed.as_ref();
        pushed.is_some_and(|pushed| pushed.fidelity == Fidelity::Exact)
    }
}

impl RemoteTable {
    fn new(table: UnstampedTable, stamp: Stamp, visible: Vec<usize>) -> Self {
        let UnstampedTable {
            source,
            table,
            session,
        } = table;
        Self {
            source,
            schema: table.schema_of(&visible),
            table,
            stamp,
            session,
            visible,
            lowered: LoweredPredicates::default(),
            declined: Declined::default(),
            conditions: Vec::new(),
            inner_notes: Vec::new(),
        }
    }

    /// Whether operators above may be taken over: no policy stands between, and pushdown is on.
    pub(crate) fn takes_operators(&self) -> bool {
        self.session.pushdown == Pushdown::All && !self.stamp.is_below_policies()
    }

    /// Whether calls are made as the configured account, not as the person.
    pub(crate) fn is_read_as_configured(&self) -> bool {
        self.session.as_configured
    }

    /// Positions of the columns that the person may see.
    pub(crate) fn visible(&self) -> &[usize] {
        &self.visible
    }

    /// Whether it stands for a join.
    pub(crate) fn is_joined(&self) -> bool {
        !self.conditions.is_empty() || self.table.columns.iter().any(is_parents)
    }

    /// Whether the remote system takes one more condition over another table.
    pub(crate) fn may_semi_join(&self) -> bool {
        self.conditions.len() < self.source.dialect().most_semi_joins()
    }

    /// A copy to be extended by a join.
    pub(crate) fn extended(&self) -> Self {
        let declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            declined: Arc::new(Mutex::new(declined.clone())),
            // Predicates name columns by position, and another extension has others there.
            lowered: LoweredPredicates::default(),
            ..self.clone()
        }
    }

    /// The position of `column`, which is added unless it is there already.
    pub(crate) fn add_column(&mut self, column: Column) -> usize {
        let columns = &self.table.columns;
        if let Some(at) = columns.iter().position(|known| known.origin == column.origin) {
            return at;
        }
        let at = columns.len();
        let mut table = Table::clone(&self.table);
        table.columns.push(column);
        self.table = Arc::new(table);
        self.visible.push(at);
        self.schema = self.table.schema_of(&self.visible);
        at
    }

    /// Adds what a join became.
    pub(crate) fn add_condition(&mut self, condition: Decided) {
        self.conditions.push(condition);
    }

    /// Adds what was decided about predicates of the other table.
    pub(crate) fn add_notes(&mut self, notes: impl IntoIterator<Item = Note>) {
        self.inner_notes.extend(notes);
    }

    /// Adds the predicates that the other table declined.
    pub(crate) fn adopt_declined(&mut self, other: &Self) {
        let others = other.declined.lock().unwrap_or_else(PoisonError::into_inner);
        let others = others.clone();
        let mut declined = self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        declined.extend(others);
    }

    /// What becomes of each predicate, and of the joins.
    pub(crate) fn decide(&self, filters: &[Expr]) -> Vec<Decided> {
        let decided = filters.iter().map(|filter| {
            let text = sql_text(filter);
            let (pushed, note) = match self.pushed(filter) {
                Ok(pushed) if pushed.fidelity == Fidelity::Exact => (Some(pushed), Note::Exact(text)),
                Ok(pushed) => {
                    let reason = pushed.reason.clone();
                    (Some(pushed), Note::Superset(text, reason))
                }
                Err(reason) => (None, Note::Local(text, reason)),
            };
            Decided {
                filter: Some(filter.clone()),
                pushed,
                note,
            }
        });
        self.conditions.iter().cloned().chain(decided).collect()
    }

    /// The predicate as the remote system would evaluate it.
    fn lowered(&self, filter: &Expr) -> Arc<Lowered> {
        let mut known = self.lowered.lock().unwrap_or_else(PoisonError::into_inner);
        let lowered = known
            .entry(filter.clone())
            .or_insert_with(|| Arc::new(Lowered::of(&self.source, &self.table, filter)));
        Arc::clone(lowered)
    }

    /// The predicate as the remote system is asked, or why it isn't.
    fn pushed(&self, filter: &Expr) -> std::result::Result<Pushed, String> {
        self.lowered(filter).pushed(&self.source, &self.table)
    }

    /// Whether the predicate is about a parent's fields, which the scan checks itself.
    fn is_about_parents(&self, filter: &Expr) -> bool {
        let refs = filter.column_refs();
        refs.iter().any(|column| {
            self.table
                .column(&column.name)
                .is_some_and(|(_, column)| is_parents(column))
        })
    }

    fn pushdown(&self, filter: &Expr) -> TableProviderFilterPushDown {
        // Policies are pushed whatever the setting: what they hide should not even be fetched.
        if self.session.pushdown == Pushdown::Off && !self.stamp.is_below_policies() {
            return TableProviderFilterPushDown::Unsupported;
        }
        if self.is_about_parents(filter) {
            return TableProviderFilterPushDown::Exact;
        }
        match self.pushed(filter) {
            // The scan checks again what isn't exact, so nothing needs to be checked above it.
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

    /// How a scan with these filters may use the cache.
    pub(crate) fn reuse(&self, filters: Vec<Option<Expr>>) -> Reuse {
        Reuse {
            filters,
            ..self.session.reuse.clone()
        }
    }
}

/// Whether the column is a field of a parent.
fn is_parents(column: &Column) -> bool {
    column.through.is_some()
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
        self.stamp.asking(state.config()).map_err(into_datafusion)?;
        let everything: Vec<usize> = (0..self.visible.len()).collect();
        let projection = projection.unwrap_or(&everything);
        let output: Vec<usize> = projection
            .iter()
            .filter_map(|&at| self.visible.get(at).copied())
            .collect();
        Ok(Arc::new(self.plan(state, &output, filters, limit)?))
    }
}
