//! The scan that a table is planned as.
//!
//! Owns: what the request, the checks behind it and its notes are made of. Does not own: which filters were accepted; see the parent
//! module. Invariant: a filter that is not exact is checked on what arrives. Start at [`RemoteTable::plan`].

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use causeway_core::{Pushed, RemoteQuery};
use datafusion::catalog::Session as DataFusionSession;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::Expr;

use super::{KEPT_BY_A_JOIN, RemoteTable};
use crate::scan::exec::RemoteScanExec;
use crate::scan::selectivity;
use crate::scan::spec::{Note, ScanSpec};
use crate::settings::Pushdown;

/// What the filters of a scan come to.
struct Gathered {
    /// What is sent.
    pushed: Vec<Pushed>,
    /// What is checked on the rows that arrive.
    to_check: Vec<Expr>,
    /// For each part that is sent the filter that it stands for, if it stands for one.
    sent: Vec<Option<Expr>>,
    /// Rows that all of them together keep, as a share.
    kept_share: f64,
    /// Columns that have a value in every row that is kept.
    not_null: BTreeSet<usize>,
    notes: Vec<Note>,
}

impl RemoteTable {
    /// Plans the scan. `filters` were accepted by [`RemoteTable::pushdown`].
    pub(super) fn plan(
        &self,
        state: &dyn DataFusionSession,
        output: &[usize],
        filters: &[Expr],
        fetch: Option<usize>,
    ) -> Result<RemoteScanExec> {
        let mut query = RemoteQuery::new(Arc::clone(&self.table), output.to_vec());
        let mut gathered = self.gather(filters);
        query.filters = std::mem::take(&mut gathered.pushed);
        // In the table's order: the same statement sends the same request.
        let checked: BTreeSet<usize> = gathered
            .to_check
            .iter()
            .flat_map(|filter| filter.column_refs())
            .filter_map(|column| Some(self.table.column(&column.name)?.0))
            .filter(|index| !query.columns.contains(index))
            .collect();
        query.columns.extend(checked);
        let fetched = DFSchema::try_from(self.table.schema_of(&query.columns))?;
        let checks = gathered
            .to_check
            .into_iter()
            .map(|filter| state.create_physical_expr(filter, &fetched))
            .collect::<Result<Vec<_>>>()?;
        RemoteScanExec::try_new(ScanSpec {
            source: Arc::clone(&self.source),
            query,
            checks,
            output: (0..output.len()).collect(),
            stamp: self.stamp.clone(),
            notes: gathered.notes,
            key_filters: Vec::new(),
            dynamic_filters: Vec::new(),
            fetch,
            top: None,
            not_null: gathered.not_null,
            kept_share: gathered.kept_share,
            reuse: self.reuse(gathered.sent),
            repeats: false,
            pushdown: self.session.pushdown == Pushdown::All,
        })
    }

    fn gather(&self, filters: &[Expr]) -> Gathered {
        let mut gathered = Gathered {
            pushed: Vec::new(),
            to_check: Vec::new(),
            sent: Vec::new(),
            kept_share: 1.0,
            not_null: self.table.key.iter().copied().collect::<BTreeSet<_>>(),
            notes: self.inner_notes.clone(),
        };
        for decided in self.decide(filters) {
            let exact = decided.is_exact();
            gathered.kept_share *= match &decided.filter {
                Some(filter) => {
                    let lowered = self.lowered(filter);
                    gathered.not_null.extend(lowered.predicate.not_null());
                    selectivity::share(&self.table, &lowered.predicate)
                }
                None => KEPT_BY_A_JOIN,
            };
            // The condition that a join became has said so already.
            let about_parents = matches!(&decided.filter, Some(filter) if self.is_about_parents(filter));
            let said = about_parents && !self.conditions.is_empty();
            if !said {
                gathered.notes.push(decided.note);
            }
            let pushed = decided.pushed.iter();
            gathered.sent.extend(pushed.map(|_| decided.filter.clone()));
            gathered.pushed.extend(decided.pushed);
            gathered.to_check.extend(decided.filter.filter(|_| !exact));
        }
        let declined = self
            .declined
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let declined = declined.into_iter();
        gathered
            .notes
            .extend(declined.map(|(text, reason)| Note::Local(text, reason)));
        gathered
    }
}
