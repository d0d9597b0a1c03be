//! A session: one person's identity and settings, on one connection.
//!
//! Owns: running statements of every kind. Nothing of a session is shared with another, apart from what the engine shares.

pub(crate) mod answer;
mod cursor_statements;
mod cursors;
mod describe;
mod embedding;
mod prepared;
mod shared;
pub(crate) mod states;
mod transaction;
mod variables;

use std::sync::{Arc, Mutex, PoisonError};

use causeway_core::{Principal, QueryContext};
use causeway_postgres::column_names::folded;
use causeway_postgres::{Relations, Zone, column_names};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as PlannedStatement;
use datafusion::sql::sqlparser::ast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use answer::Limits;
use cursors::Cursors;
pub use describe::Description;
use prepared::Statements;
pub(crate) use shared::EngineShared;
pub(crate) use states::planner;
use transaction::Transaction;

use crate::catalog::views::plan::{Planner, Seen};
use crate::catalog::{Person, Scope, pg_catalog, statement_catalogs, views};
use crate::error::{sqlstate, unplannable, unsupported};
use crate::policy::asked_by;
use crate::query_log::{QueryRecord, QueryState};
use crate::settings::{Settings, SharedSettings};
use crate::{Answer, Error, Statement, execute, explain, statement};

/// Ends whatever a session runs at that moment.
#[derive(Debug, Clone, Default)]
pub struct Canceller(Arc<Mutex<CancellationToken>>);

impl Canceller {
    /// Ends the running statement with 57014. Statements that come later are not affected.
    pub fn cancel(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    fn renewed(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }
}

/// One person's connection to the engine.
#[derive(Debug)]
pub struct Session {
    engine: Arc<EngineShared>,
    person: Arc<Person>,
    /// What RESET returns to.
    defaults: Settings,
    /// Plans statements as PostgreSQL does.
    planner: Arc<Planner>,
    canceller: Canceller,
    cursors: Cursors,
    prepared: Statements,
    transaction: Transaction,
    /// Settings as the end of the running transaction leaves them.
    changed_settings: Mutex<Option<variables::Transaction>>,
}

impl Session {
    pub(crate) fn try_new(engine: Arc<EngineShared>, principal: Arc<Principal>) -> Result<Self, Error> {
        let defaults = engine.defaults_of(&principal);
        let settings = SharedSettings::new(defaults.clone());
        let person = Arc::new(Person {
            deployment: Arc::clone(&engine.catalog),
            principal,
            settings,
            session_views: views::Kept::default(),
            listed_views: views::listing::Listed::default(),
        });
        let mut planner = engine.planner.clone();
        pg_catalog::install(&mut planner, &person)?;
        Ok(Self {
            engine,
            person,
            defaults,
            planner: Arc::new(Planner(planner)),
            canceller: Canceller::default(),
            cursors: Cursors::default(),
            prepared: Statements::default(),
            transaction: Transaction::default(),
            changed_settings: Mutex::default(),
        })
    }

    /// Whose session it is.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.person.principal
    }

    /// The handle that ends a running statement.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// The value of a setting as SHOW prints it.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<String> {
        self.person.settings.read().show(name).ok()
    }

    /// Sets a setting, as SET does.
    ///
    /// # Errors
    /// 42704 and 22023, as for SET.
    pub fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        let defaults = &self.defaults;
        self.person
            .settings
            .change(|settings| settings.set(name, Some(value), defaults))
    }

    /// Whether PREPARE made a statement of this name.
    #[must_use]
    pub fn is_prepared(&self, name: &str) -> bool {
        self.prepared.contains(name)
    }

    /// The zone in which the session's moments are written.
    #[must_use]
    pub fn time_zone(&self) -> Zone {
        self.person.settings.read().time_zone.clone()
    }

    /// Parses one or more statements. An empty text gives none.
    ///
    /// # Errors
    /// 42601 with the position.
    pub fn parse(&self, sql: &str) -> Result<Vec<Statement>, Error> {
        statement::parse(sql)
    }

    /// Parses and runs exactly one statement.
    ///
    /// # Errors
    /// Any error of parsing, planning or starting it.
    pub async fn sql(&self, sql: &str) -> Result<Answer, Error> {
        let mut statements = self.parse(sql)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(only), true) => self.run(&only, Vec::new()).await,
            _ => Err(Error::new(sqlstate::SYNTAX, "exactly one statement is expected")),
        }
    }

    /// Runs a statement. Rows are computed as the answer's stream is read.
    ///
    /// # Errors
    /// Any error of planning or starting it.
    pub async fn run(&self, statement: &Statement, parameters: Vec<ScalarValue>) -> Result<Answer, Error> {
        let context = self
            .engine
            .context(&self.person.principal, &self.person.settings.read());
        let record = self.person.deployment.queries.record(statement.text(), &context);
        let outcome = self.dispatch(statement, parameters, &context, &record).await;
        if let Err(error) = &outcome {
            let cancelled = error.sqlstate == sqlstate::CANCELLED;
            record.finish(if cancelled {
                QueryState::Cancelled
            } else {
                QueryState::Failed
            });
        }
        outcome
    }

    async fn dispatch(
        &self,
        statement: &Statement,
        parameters: Vec<ScalarValue>,
        context: &Arc<QueryContext>,
        record: &Arc<QueryRecord>,
    ) -> Result<Answer, Error> {
        use ast::Statement as S;
        match &statement.ast {
            S::Query(_) => self.query(statement, parameters, context, record).await,
            S::Explain {
                analyze,
                statement: inner,
                format,
                options,
                ..
            } => {
                let inner = Statement::of_explained(inner.as_ref().clone());
                let style = explain::Style::try_new(*analyze, format.as_ref(), options.as_deref())?;
                self.explain(&inner, parameters, style, context, record).await
            }
            S::ShowVariable { variable } => {
                let batch = self.show(variable)?;
                Ok(Answer::batch("SHOW", batch, Arc::clone(context), record))
            }
            S::Declare { stmts } => {
                self.declare(stmts, parameters, context, record).await?;
                Ok(Answer::opened(statement.tag(), Arc::clone(context)))
            }
            S::Fetch {
                name,
                direction,
                into,
                ..
            } => self.fetch(name, direction, into.as_ref(), record).await,
            S::Execute { name, parameters, .. } => {
                let executed = self.executed(name.as_ref(), parameters)?;
                self.query(&executed, Vec::new(), context, record).await
            }
            other => {
                self.command(other, context).await?;
                Ok(Answer::command(statement.tag(), Arc::clone(context), record))
            }
        }
    }

    /// Runs a statement that has no rows.
    async fn command(&self, statement: &ast::Statement, context: &Arc<QueryContext>) -> Result<(), Error> {
        use ast::Statement as S;
        match statement {
            S::Set(set) => self.apply_set(set),
            S::Reset(reset) => self.reset(&reset.reset),
            S::Discard { object_type } => {
                self.discard(*object_type);
                Ok(())
            }
            S::CreateView(create) => {
                let creating = views::created(&self.person, &self.planner, context, create);
                self.limits().guard(creating).await?
            }
            S::Drop { .. } => views::dropped(&self.person, statement),
            S::StartTransaction { .. } | S::Commit { .. } | S::Rollback { .. } => self.transaction(statement),
            S::Savepoint { name } => self.savepoint(name),
            S::ReleaseSavepoint { name } => self.release(name),
            S::Close { cursor } => self.close(cursor),
            S::Prepare {
                name,
                data_types,
                statement: inner,
            } => {
                if !matches!(inner.as_ref(), S::Query(_)) {
                    return Err(unsupported(inner));
                }
                self.describe(&prepared::checked(data_types, inner), &[]).await?;
                self.prepared.prepare(name, data_types, inner)
            }
            S::Deallocate { name, .. } => {
                match folded(name).as_str() {
                    "all" => self.prepared.clear(),
                    name => drop(self.prepared.deallocate(name)),
                }
                Ok(())
            }
            _ => Err(unsupported(statement)),
        }
    }

    /// Begins or ends a transaction.
    fn transaction(&self, statement: &ast::Statement) -> Result<(), Error> {
        match statement {
            ast::Statement::Commit { .. } => self.commit(),
            ast::Statement::Rollback {
                savepoint: Some(name),
                ..
            } => self.roll_back_to(name)?,
            ast::Statement::Rollback { .. } => self.roll_back(),
            _ => self.begin(),
        }
        Ok(())
    }

    /// The query that an EXECUTE runs.
    fn executed(&self, name: Option<&ast::ObjectName>, values: &[ast::Expr]) -> Result<Statement, Error> {
        let name = name.and_then(|name| name.0.last()?.as_ident()).map(folded);
        self.prepared.executed(&name.unwrap_or_default(), values)
    }

    fn limits(&self) -> Limits {
        let timeout = self.person.settings.read().statement_timeout;
        Limits {
            cancel: self.canceller.renewed(),
            deadline: timeout.map(|timeout| Instant::now() + timeout),
        }
    }

    async fn query(
        &self,
        statement: &Statement,
        parameters: Vec<ScalarValue>,
        context: &Arc<QueryContext>,
        record: &Arc<QueryRecord>,
    ) -> Result<Answer, Error> {
        let limits = self.limits();
        let planning = async {
            let (state, plan) = self.planned(statement, parameters, context).await?;
            execute::run(state, plan).await.map_err(unplannable)
        };
        let rows = limits.guard(planning).await??;
        let schema = output_schema(statement, &rows.schema());
        let (context, record) = (Arc::clone(context), Arc::clone(record));
        Ok(Answer::stream_of(schema, rows, context, record, limits))
    }

    async fn explain(
        &self,
        statement: &Statement,
        parameters: Vec<ScalarValue>,
        style: explain::Style,
        context: &Arc<QueryContext>,
        record: &Arc<QueryRecord>,
    ) -> Result<Answer, Error> {
        if !matches!(statement.ast, ast::Statement::Query(_)) {
            return Err(Error::new(
                sqlstate::NOT_SUPPORTED,
                "only queries can be explained",
            ));
        }
        let explaining = async {
            let (state, plan) = self.planned(statement, parameters, context).await?;
            explain::explain(&self.person, &state, &plan, context, style).await
        };
        let batch = self.limits().guard(explaining).await??;
        Ok(Answer::batch("EXPLAIN", batch, Arc::clone(context), record))
    }

    async fn planned(
        &self,
        statement: &Statement,
        parameters: Vec<ScalarValue>,
        context: &Arc<QueryContext>,
    ) -> Result<(SessionState, LogicalPlan), Error> {
        let types: Vec<Option<DataType>> = parameters.iter().map(|value| Some(value.data_type())).collect();
        let (state, plan) = self.plan(statement, &types, context).await?;
        if parameters.is_empty() {
            return Ok((state, plan));
        }
        Ok((state, with_values(plan, parameters)?))
    }

    /// Plans a query over the catalog that this person may see, with parameters of these types as far as they are known.
    async fn plan(
        &self,
        statement: &Statement,
        parameters: &[Option<DataType>],
        context: &Arc<QueryContext>,
    ) -> Result<(SessionState, LogicalPlan), Error> {
        let seen = Arc::<Seen>::default();
        let mut state = self.state(context, &seen)?;
        pg_catalog::prepare(&self.person, &self.planner, context, &statement.ast).await?;
        let ast = pg_catalog::syntax::adapted(statement.ast.clone())?;
        let relations = Relations::of(&state, &ast).await?;
        let ast = causeway_postgres::adapted(ast, parameters, &relations)?;
        causeway_postgres::register_unknown_functions(&mut state, &ast)?;
        let parsed = PlannedStatement::Statement(Box::new(ast));
        let plan = state.statement_to_plan(parsed).await?;
        let only_reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        only_reads.verify_plan(&plan).map_err(|_| {
            Error::new(sqlstate::NOT_SUPPORTED, "only queries are supported")
                .with_hint("causeway answers queries; it does not change data or definitions")
        })?;
        seen.check(&plan)?;
        Ok((state, plan))
    }

    /// A fresh state for one statement: nothing of it outlives the statement.
    fn state(&self, context: &Arc<QueryContext>, seen: &Arc<Seen>) -> Result<SessionState, Error> {
        let mut scope = Scope::of_statement(&self.person, &self.planner, context);
        scope.seen = Arc::clone(seen);
        let catalogs = statement_catalogs(&scope)?;
        let settings = self.person.settings.read();
        let base = &self.planner.0;
        let mut config = base.config().clone();
        config.options_mut().execution.time_zone = Some(settings.time_zone.name().to_owned());
        let config = asked_by(config, context)
            .with_extension(Arc::clone(&self.planner))
            .with_target_partitions(settings.target_partitions.max(1));
        let builder = SessionStateBuilder::new_from_existing(base.clone());
        let mut state = builder.with_config(config).with_catalog_list(catalogs).build();
        // The moment that now() and current_date mean throughout this statement.
        state.mark_start_execution();
        Ok(state)
    }
}

/// The columns of an answer under the names that PostgreSQL gives them.
fn output_schema(statement: &Statement, schema: &SchemaRef) -> SchemaRef {
    column_names::renamed(&statement.ast, schema)
}

fn with_values(plan: LogicalPlan, values: Vec<ScalarValue>) -> Result<LogicalPlan, Error> {
    let values = values.into_iter().map(ScalarAndMetadata::from).collect();
    let plan = plan.with_param_values(ParamValues::List(values))?;
    Ok(causeway_postgres::listed(plan)?)
}
