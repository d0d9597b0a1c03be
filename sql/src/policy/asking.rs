//! Who asks, and with what budget: what the config of a session says to its scans.
//!
//! Invariant: only a session of ours, and the state of an application that a session extended, says so. A [`QueryContext`] that an application
//! puts there itself admits no scan, since such a state lacks the rules that scans rely on.

use std::sync::Arc;

use causeway_core::{Principal, QueryContext};
use datafusion::prelude::SessionConfig;

use crate::Error;
use crate::error::sqlstate;

/// The extension of a config.
struct Asking(Arc<QueryContext>);

/// The config of a session in which this query runs.
pub(crate) fn asked_by(config: SessionConfig, query: &Arc<QueryContext>) -> SessionConfig {
    config.with_extension(Arc::new(Asking(Arc::clone(query))))
}

/// Identity and budget of the query that runs; `None` when nobody said so.
pub(crate) fn query_of(config: &SessionConfig) -> Option<Arc<QueryContext>> {
    let asking = config.get_extension::<Asking>()?;
    Some(Arc::clone(&asking.0))
}

/// Identity and budget of the query that scans a table of this person.
///
/// # Errors
/// 28000 when the session does not say who asks; 42501 when it is somebody else.
pub(super) fn asking(
    config: &SessionConfig,
    person: &Arc<Principal>,
    source: &str,
    table: &str,
) -> Result<Arc<QueryContext>, Error> {
    let Some(context) = query_of(config) else {
        let message = format!("a scan of {source}.{table} without an identity");
        let hint = "make the state of the SessionContext with Session::extend, which says who asks";
        return Err(Error::new(sqlstate::BAD_IDENTITY, message).with_hint(hint));
    };
    if Arc::ptr_eq(person, &context.principal) {
        return Ok(context);
    }
    let (owner, user) = (&person.user, &context.principal.user);
    let message = format!(
        "permission denied for table {source}.{table}: its catalog is that of a session of \"{owner}\", and the query runs in one of \"{user}\""
    );
    let hint = "extend the SessionContext with the session whose catalog it has";
    Err(Error::new(sqlstate::NOT_ALLOWED, message).with_hint(hint))
}
