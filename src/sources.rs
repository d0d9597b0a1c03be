//! Which kinds of remote system there are: one match arm each.

use std::sync::Arc;

use causeway_core::{Ledger, Source};

use crate::config::section::Section;

/// Kinds that a source can have.
pub(crate) const KINDS: &[&str] = &["salesforce", "servicenow"];

/// Makes the source `name` from its section; what is wrong with it is reported there. Makes no call.
pub(crate) fn build(
    kind: &str,
    name: &str,
    section: &mut Section<'_, '_>,
    ledger: &Ledger,
) -> Option<Arc<dyn Source>> {
    let source: Result<Arc<dyn Source>, causeway_core::Error> = match kind {
        "salesforce" => causeway_salesforce::Salesforce::try_new(name, section.read()?, ledger.clone())
            .map(|source| Arc::new(source) as _),
        "servicenow" => causeway_servicenow::ServiceNow::try_new(name, section.read()?, ledger.clone())
            .map(|source| Arc::new(source) as _),
        _ => return None,
    };
    source.map_err(|error| section.refuse(&error.message)).ok()
}
