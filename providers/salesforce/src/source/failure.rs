//! What is said and learnt when the org refuses, or sends what does not fit its description.
//!
//! Owns: messages of the source, and which refusals are remembered. Does not own: codes of the API; see
//! [`classify`](crate::api::classify). Invariant: a query is refused at most once in each form. Start at [`Salesforce::learn`].

use causeway_core::decode::DecodeError;
use causeway_core::{Error, Kind, QueryContext, RemoteQuery, nearest};

use super::Salesforce;
use crate::metadata::cache::View;

impl Salesforce {
    pub(super) fn unknown(&self, view: &View, name: &str) -> Error {
        let names = view.names.known().unwrap_or_default();
        let known = names.iter().map(|table| table.name.as_str());
        let suggestion = nearest(name, known).map(|near| format!("; did you mean '{near}'?"));
        let message = format!("table '{name}' does not exist{}", suggestion.unwrap_or_default());
        Error::new(&self.name, Kind::UnknownTable, message).with_table(name)
    }

    /// When the org contradicts what was described, the next query describes again; what it refused is not asked for again.
    pub(super) fn learn(&self, context: &QueryContext, query: &RemoteQuery, mut error: Error) -> Error {
        // Codes that nobody knows may well mean that groups or parents can't be had of this object.
        let is_bold = query.grouping.is_some() || query.is_along_paths();
        let refused =
            error.kind == Kind::Refused || (is_bold && matches!(error.kind, Kind::Remote | Kind::Timeout));
        if refused {
            // Otherwise there is no plainer query to try.
            let simpler = self.refusals.blame(query);
            error.kind = if simpler { Kind::Refused } else { Kind::Remote };
        }
        if matches!(error.kind, Kind::UnknownTable | Kind::UnknownColumn) {
            self.view(&context.principal)
                .table(&query.table.name.name)
                .invalidate();
        }
        error
    }

    pub(super) fn decode_error(&self, error: DecodeError) -> Error {
        let kind = match &error {
            DecodeError::Damaged(_) => Kind::Transient,
            DecodeError::BadValue { .. } => Kind::BadValue,
        };
        let message = match error {
            DecodeError::BadValue {
                record,
                column,
                sample,
                wanted,
            } => {
                let record = record.rsplit('/').next().unwrap_or_default();
                format!("record {record}: column '{column}' holds {sample}, which is no {wanted}")
            }
            damaged @ DecodeError::Damaged(_) => damaged.to_string(),
        };
        Error::new(&self.name, kind, message)
    }
}
