//! A session inside a DataFusion application: its schemas and our rules in the application's own `SessionContext`.
//!
//! Owns: what an application registers, and the budget of each of its queries. Does not own: its statements, which it plans and runs itself.
//! Invariant: without [`Session::extend`] a scan is an error, and with it the scan reads as this person; policies and views are planned by
//! the session's own planner, whatever functions, rules and tables the application has.

use std::sync::Arc;

use causeway_core::QueryContext;
use datafusion::catalog::CatalogProvider;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;

use super::Session;
use super::states::as_scans_expect;
use crate::catalog::Scope;
use crate::policy::asked_by;
use crate::{Error, optimizer};

impl Session {
    /// The schemas of this person, for a `SessionContext` whose state was made with [`Session::extend`] of the same session.
    ///
    /// A schema for each source, `causeway` with the system tables, and `views`. It is read as statements name its tables; what describing a
    /// table takes is charged to no query. Settings of the session hold for scans, those that are changed later as well.
    ///
    /// # Errors
    /// None that a configuration can cause.
    pub fn catalog(&self) -> Result<Arc<dyn CatalogProvider>, Error> {
        let scope = Scope::of_application(&self.person, &self.planner, &self.fresh_context());
        Ok(scope.of_schemas()?)
    }

    /// Adds what scans of [`Session::catalog`] need to the state of an application: our rules, each at its place among the builder's, the
    /// options under which join keys reach a scan, and this person as the one who asks.
    ///
    /// The builder's functions, catalogs and further rules stay; lists of rules are to be set before this, not after. The state has one
    /// budget of API calls; [`Session::for_query`] gives each query its own.
    ///
    /// # Errors
    /// XX000 when the builder's rules lack one that ours stand beside.
    pub fn extend(&self, builder: SessionStateBuilder) -> Result<SessionStateBuilder, Error> {
        let mut builder = optimizer::install(builder)?;
        let config = builder.config().take().unwrap_or_default();
        let config = asked_by(as_scans_expect(config), &self.fresh_context());
        Ok(builder.with_config(config))
    }

    /// The application's context for one query: its tables, functions and options, with a budget of API calls that is the query's own.
    ///
    /// The budget is `causeway.max_api_calls` of the session; a query that would spend more ends with 53400. The second value tells what the
    /// query has spent, and its notices; `query_id` finds its calls in `causeway.requests`.
    ///
    /// # Errors
    /// 55000 when the state of `application` was not made with [`Session::extend`].
    pub fn for_query(
        &self,
        application: &SessionContext,
    ) -> Result<(SessionContext, Arc<QueryContext>), Error> {
        let mut state = application.state();
        if !optimizer::is_installed(&state) {
            let message = "the SessionContext lacks the rules that scans of remote tables need";
            let hint = "make its state with Session::extend, after all rules of its own are set";
            return Err(Error::new("55000", message).with_hint(hint));
        }
        let query = self.fresh_context();
        *state.config_mut() = asked_by(state.config().clone(), &query);
        Ok((SessionContext::new_with_state(state), query))
    }

    fn fresh_context(&self) -> Arc<QueryContext> {
        let settings = self.person.settings.read();
        self.engine.context(&self.person.principal, &settings)
    }
}
