//! Which kinds of remote system there are, one match arm each, and the views that come with them.

use std::sync::Arc;

use causeway_core::{Ledger, Source};
use causeway_sql::View;

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

/// Views over several kinds. Those over one kind are beside it.
const ACROSS: [(&str, &str); 2] = [
    ("account_360", include_str!("views/account_360.sql")),
    ("work_queue", include_str!("views/work_queue.sql")),
];

/// The views that come with the kinds of sources.
pub(crate) fn views() -> Vec<View> {
    let views = ACROSS.iter().chain(&causeway_salesforce::VIEWS);
    let views = views.map(|(name, query)| View {
        name: (*name).to_owned(),
        query: (*query).to_owned(),
    });
    views.collect()
}
