//! What EXPLAIN says of a scan.
//!
//! Owns: its lines. Does not own: the estimates, nor how a predicate was decided; the scan has them already.
//! Invariant: what is printed can be pasted into the remote system, and tells nobody how many rows are hidden from them.
//! Start at [`RemoteScanExec::explained`].

use std::fmt;

use datafusion::physical_plan::{DisplayAs, DisplayFormatType};

use super::RemoteScanExec;
use crate::scan::estimate::{Cost, sized};
use crate::scan::spec::Note;

impl RemoteScanExec {
    /// The text that will be sent, before join keys arrive.
    pub(crate) fn remote_text(&self) -> String {
        let mut query = self.planned_query();
        if let Some(top) = self.spec.worthwhile_top() {
            query = top.first_query(&self.spec, &query);
        }
        if query.is_empty() {
            return "(no call: no row can match)".to_owned();
        }
        let text = self.spec.source.dialect().render(&query);
        text.unwrap_or_else(|error| format!("(cannot be written: {})", error.message))
    }

    /// What was decided about each predicate.
    pub(crate) fn notes(&self) -> &[Note] {
        &self.spec.notes
    }

    /// The lines of EXPLAIN: what is sent and what it costs, then why each predicate goes where it goes.
    pub(crate) fn explained(&self, cost: Option<Cost>) -> Vec<String> {
        let dialect = self.spec.source.dialect();
        let text = self.remote_text();
        let table = &self.spec.query.table.name.name;
        let calls = cost.map_or_else(|| self.estimated_calls(), |cost| cost.calls);
        let mut line = format!(
            "{}: {table}  calls≈{calls}  {}={text}",
            dialect.scan_name(),
            dialect.query_label()
        );
        if !self.spec.key_filters.is_empty() {
            line.push_str("  keys=from the join");
        }
        if !self.spec.dynamic_filters.is_empty() {
            line.push_str("  narrowed=by other rows of the statement");
        }
        if let Some(fetch) = self.spec.fetch {
            line.push_str(&format!("  fetch={fetch}"));
        }
        if self.spec.repeats {
            line.push_str("  shared=with another scan of the statement");
        }
        if let Some(age) = self.cached() {
            line.push_str(&format!("  cached={} s ago", age.as_secs()));
        }
        // How many rows match is not for those from whom some are hidden.
        if let Some(cost) = cost.filter(|_| self.spec.stamp.tells_keys()) {
            line.push_str(&format!("  rows≈{}  bytes≈{}", cost.rows, sized(cost.bytes)));
        }
        let notes = self.spec.notes.iter().map(|note| match note {
            Note::Exact(predicate) => format!("exact: {predicate}"),
            Note::Superset(predicate, reason) => format!("superset ({reason}): {predicate}"),
            Note::Local(predicate, reason) => format!("local ({reason}): {predicate}"),
        });
        let mut notes: Vec<String> = notes.collect();
        notes.extend(self.spec.top.as_ref().map(|top| top.explained(&self.spec)));
        if notes.is_empty() {
            vec![line]
        } else {
            vec![line, notes.join("   ")]
        }
    }
}

impl DisplayAs for RemoteScanExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explained(None).join("  "))
    }
}
