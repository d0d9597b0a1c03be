//! A remote table as DataFusion sees it.
//!
//! Owns: what a person may see of a table (columns, row policies) and the negotiation of filters. Does not own: what may be
//! pushed; see [`causeway_core::translate`]. Invariant: a table with row policies is only ever scanned through [`crate::policy`].

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use causeway_core::{Column, Fidelity, Pushed, RemoteQuery, Source, Table, translate};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session as DataFusionSession, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;
use datafusion::sql::unparser::Unparser;
use datafusion::sql::unparser::dialect::Dialect;

use super::Person;
use crate::policy::{self, Access, PolicyPath};
use crate::scan::exec::RemoteScanExec;
use crate::scan::reuse::Reuse;
use crate::scan::spec::{Note, ScanSpec};
use crate::scan::{lower, selectivity};
use crate::settings::Pushdown;

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
    /// Conditions that joins with other tables of the source became.
    conditions: Vec<Decided>,
    /// What was decided about the predicates of those other tables.
    inner_notes: Vec<Note>,
}

/// The share of rows that a condition over another table is expected to keep.
const KEPT_BY_A_JOIN: f64 = 0.1;

type Declined = Arc<Mutex<Vec<(String, String)>>>;

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
            conditions: Vec::new(),
            inner_notes: Vec::new(),
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

    /// Whether operators above may be taken over: no policy stands between, and pushdown is on.
    pub(crate) fn takes_operators(&self) -> bool {
        let pushdown = self.person.settings.read().pushdown == Pushdown::All;
        pushdown && !self.raw && !self.restricted()
    }

    /// Whether the person sees an expression in place of the column at this position of the table.
    pub(crate) fn is_masked(&self, at: usize) -> bool {
        let column = self.table.columns.get(at);
        !self.raw && column.is_some_and(|column| self.access.masks(column))
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
        self.schema = masked_schema(&self.table, &self.visible, &self.access);
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
            let (pushed, note) = match self.translated(filter) {
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

    /// The predicate as the remote system is asked, or why it isn't.
    fn translated(&self, filter: &Expr) -> Result<Pushed, String> {
        let predicate = lower::lower(&self.table, filter);
        let pushed = translate(self.source.dialect(), &self.table, &predicate)?;
        let mut alone = RemoteQuery::new(Arc::clone(&self.table), Vec::new());
        alone.filters.push(pushed.clone());
        if self.source.has_refused(&alone) {
            return Err(format!("{} refused it before", self.source.name()));
        }
        Ok(pushed)
    }

    /// Whether the predicate is about a parent's fields, which the leaf checks itself.
    fn is_about_parents(&self, filter: &Expr) -> bool {
        let refs = filter.column_refs();
        refs.iter().any(|column| {
            self.table
                .column(&column.name)
                .is_some_and(|(_, column)| is_parents(column))
        })
    }

    fn pushdown(&self, filter: &Expr) -> TableProviderFilterPushDown {
        let masked = filter
            .column_refs()
            .iter()
            .any(|column| self.access.masks.contains_key(&column.name));
        let below_policy = self.access.restricts_rows(&self.table) && !self.raw;
        let off = self.person.settings.read().pushdown == Pushdown::Off;
        // Policies are pushed whatever the setting: what they hide should not even be fetched.
        if (!self.raw && (off || masked)) || (below_policy && !lower::is_leakproof(&self.table, filter)) {
            return TableProviderFilterPushDown::Unsupported;
        }
        if self.is_about_parents(filter) {
            return TableProviderFilterPushDown::Exact;
        }
        match self.translated(filter) {
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

    /// How a scan with these filters may use the cache.
    pub(crate) fn reuse(&self, filters: Vec<Option<Expr>>) -> Reuse {
        Reuse {
            cache: Arc::clone(&self.person.engine.cache),
            within: None,
            user: self.person.principal.user.clone(),
            max_age: self.person.max_age(self.source.name()),
            ledger: self.person.engine.ledger.clone(),
            filters,
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
        let mut sent = Vec::new();
        let mut kept_share = 1.0;
        let mut not_null = BTreeSet::from([self.table.key]);
        let mut notes = self.inner_notes.clone();
        for decided in self.decide(filters) {
            let exact = decided.is_exact();
            kept_share *= match &decided.filter {
                Some(filter) => {
                    let predicate = lower::lower(&self.table, filter);
                    not_null.extend(predicate.not_null());
                    selectivity::share(&self.table, &predicate)
                }
                None => KEPT_BY_A_JOIN,
            };
            // The condition that a join became has said so already.
            let about_parents = matches!(&decided.filter, Some(filter) if self.is_about_parents(filter));
            let said = about_parents && !self.conditions.is_empty();
            if !said {
                notes.push(decided.note);
            }
            sent.extend(decided.pushed.iter().map(|_| decided.filter.clone()));
            query.filters.extend(decided.pushed);
            to_check.extend(decided.filter.filter(|_| !exact));
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
        // In the table's order: the same statement sends the same request.
        let checked: BTreeSet<usize> = to_check
            .iter()
            .flat_map(|filter| filter.column_refs())
            .filter_map(|column| Some(self.table.column(&column.name)?.0))
            .filter(|index| !query.columns.contains(index))
            .collect();
        query.columns.extend(checked);
        let fetched = DFSchema::try_from(self.table.schema_of(&query.columns))?;
        let checks = to_check
            .into_iter()
            .map(|filter| state.create_physical_expr(filter, &fetched))
            .collect::<Result<Vec<_>>>()?;
        let pushdown = self.person.settings.read().pushdown == Pushdown::All;
        RemoteScanExec::try_new(ScanSpec {
            source: Arc::clone(&self.source),
            query,
            checks,
            output: (0..output.len()).collect(),
            restricted: self.raw,
            hides_keys: !self.person.may_see_counts(),
            notes,
            key_filters: Vec::new(),
            dynamic_filters: Vec::new(),
            fetch,
            top: None,
            not_null,
            kept_share,
            reuse: self.reuse(sent),
            repeats: false,
            pushdown,
        })
    }
}

/// Whether the column is a field of a parent.
fn is_parents(column: &Column) -> bool {
    column.remote_field().is_some_and(|field| field.contains('.'))
}

/// The schema of the visible columns. A mask may turn any value into NULL.
fn masked_schema(table: &Table, visible: &[usize], access: &Access) -> SchemaRef {
    let schema = table.schema_of(visible);
    if access.masks.is_empty() {
        return schema;
    }
    let fields = schema.fields().iter().map(|field| {
        let nullable = field.is_nullable() || access.masks.contains_key(field.name());
        field.as_ref().clone().with_nullable(nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Quotes the names that need it. DataFusion's default compiles a pattern for each name.
struct PlainNames;

impl Dialect for PlainNames {
    fn identifier_quote_style(&self, name: &str) -> Option<char> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let is_word = name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit());
        // A key word to somebody, but not in PostgreSQL.
        let is_keyword = || name != "id" && ALL_KEYWORDS.binary_search(&name.to_uppercase().as_str()).is_ok();
        (name.is_empty() || !is_word || is_keyword()).then_some('"')
    }
}

/// The expression as a person would write it, for EXPLAIN only.
pub(crate) fn sql_text(expr: &Expr) -> String {
    use datafusion::sql::sqlparser::ast::Expr as SqlExpr;
    match Unparser::new(&PlainNames).expr_to_sql(expr) {
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
        let output: Vec<usize> = projection
            .iter()
            .filter_map(|&at| self.visible.get(at).copied())
            .collect();
        if self.restricted() || output.iter().any(|&at| self.is_masked(at)) {
            return policy::scan_restricted(self, state, projection, filters).await;
        }
        Ok(Arc::new(self.leaf(state, &output, filters, limit)?))
    }
}
