//! What a statement takes and returns, before it is run.
//!
//! Owns: the types of parameters and columns. Does not own: planning; see [`Session`].
//! Invariant: what is described is what the statement has once it is run with such parameters. Start at [`Session::describe`].

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;

use super::cursor_statements::declared_query;
use super::variables::show_schema;
use super::{Session, output_schema, with_values};
use crate::{Copy, Error, Statement, explain};

/// What a statement takes and returns.
#[derive(Debug, Clone)]
pub struct Description {
    /// Types of its parameters, in order.
    pub parameters: Vec<DataType>,
    /// Its columns; `None` for statements that return no rows.
    pub schema: Option<SchemaRef>,
}

impl Session {
    /// Says what a statement takes and returns, without running it.
    ///
    /// # Errors
    /// Any error of planning it.
    pub async fn describe(
        &self,
        statement: &Statement,
        declared: &[Option<DataType>],
    ) -> Result<Description, Error> {
        let described = |schema| Description {
            parameters: Vec::new(),
            schema,
        };
        match &statement.ast {
            ast::Statement::Explain {
                analyze,
                format,
                options,
                ..
            } => {
                let style = explain::Style::try_new(*analyze, format.as_ref(), options.as_deref())?;
                return Ok(described(Some(style.schema())));
            }
            ast::Statement::ShowVariable { variable } => return Ok(described(Some(show_schema(variable)))),
            ast::Statement::Fetch { name, into, .. } => {
                return Ok(described(self.fetched_schema(name, into.as_ref())?));
            }
            ast::Statement::Declare { stmts } => {
                let (_, query) = declared_query(stmts)?;
                let query = Box::pin(self.describe(&query, declared)).await?;
                return Ok(Description {
                    schema: None,
                    ..query
                });
            }
            ast::Statement::Copy { .. } => {
                let Some(copy) = Copy::of(statement)? else {
                    return Ok(described(None));
                };
                let query = Box::pin(self.describe(&copy.query, declared)).await?;
                return Ok(Description {
                    schema: None,
                    ..query
                });
            }
            ast::Statement::Execute { name, parameters, .. } => {
                let executed = self.executed(name.as_ref(), parameters)?;
                return Box::pin(self.describe(&executed, &[])).await;
            }
            ast::Statement::Query(_) => {}
            _ => return Ok(described(None)),
        }
        self.described_query(statement, declared).await
    }

    async fn described_query(
        &self,
        statement: &Statement,
        declared: &[Option<DataType>],
    ) -> Result<Description, Error> {
        let context = self
            .engine
            .context(&self.person.principal, &self.person.settings.read());
        let planning = self.plan(statement, declared, &context);
        let (state, plan) = self.limits().guard(planning).await??;
        let parameters = parameter_types(statement, declared, &plan)?;
        let typed = parameters
            .iter()
            .map(ScalarValue::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let plan = if typed.is_empty() {
            plan
        } else {
            with_values(plan, typed)?
        };
        // The types that it will have once it is run.
        let plan = state
            .analyzer()
            .execute_and_check(plan, state.config_options(), |_, _| {})?;
        let schema = output_schema(statement, &Arc::new(plan.schema().as_arrow().clone()));
        Ok(Description {
            parameters,
            schema: Some(schema),
        })
    }
}

/// The types of the parameters: as the client declared them, or else as the plan takes them.
fn parameter_types(
    statement: &Statement,
    declared: &[Option<DataType>],
    plan: &LogicalPlan,
) -> Result<Vec<DataType>, Error> {
    let inferred = plan.get_parameter_types()?;
    let arrays = causeway_postgres::array_parameters(plan)?;
    let highest = inferred
        .keys()
        .filter_map(|name| name.strip_prefix('$')?.parse::<usize>().ok())
        .max()
        .unwrap_or(0);
    let parameter = |at: usize| {
        let name = format!("${}", at + 1);
        let inferred = inferred.get(&name).cloned().flatten();
        let inferred = inferred.or_else(|| arrays.get(&name).cloned());
        declared
            .get(at)
            .cloned()
            .flatten()
            .or(inferred)
            .unwrap_or(DataType::Utf8)
    };
    let counts = statement.row_count_parameters();
    let parameter = |at: usize| match parameter(at) {
        DataType::Utf8 if counts.contains(&(at + 1)) => DataType::Int64,
        known => known,
    };
    Ok((0..highest.max(declared.len())).map(parameter).collect())
}
