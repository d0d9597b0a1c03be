//! PREPARE, EXECUTE and DEALLOCATE in SQL.
//!
//! Owns: the statements that a session keeps by name, and values in the places of their parameters. Does not own: statements that clients
//! prepare with the protocol; see the server. Invariant: an executed statement is planned anew, under the policies of that moment.
//! Start at [`Statements`].

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use causeway_postgres::column_names::folded;
use datafusion::sql::sqlparser::ast::{self, DataType, Expr, Ident, Value};

use crate::error::sqlstate;
use crate::{Error, Statement};

/// The prepared statements of a session.
#[derive(Debug, Default)]
pub(crate) struct Statements(Mutex<BTreeMap<String, Prepared>>);

#[derive(Debug, Clone)]
struct Prepared {
    types: Vec<DataType>,
    statement: ast::Statement,
}

impl Statements {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Prepared>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a statement.
    ///
    /// # Errors
    /// 42P05 when the name is taken.
    pub(crate) fn prepare(
        &self,
        name: &Ident,
        types: &[DataType],
        statement: &ast::Statement,
    ) -> Result<(), Error> {
        let name = folded(name);
        let prepared = Prepared {
            types: types.to_vec(),
            statement: statement.clone(),
        };
        self.with(|kept| {
            if kept.contains_key(&name) {
                let message = format!("prepared statement \"{name}\" already exists");
                return Err(Error::new("42P05", message));
            }
            kept.insert(name, prepared);
            Ok(())
        })
    }

    /// The statement with these values in the places of its parameters.
    ///
    /// # Errors
    /// 26000 when there is none of the name, 42601 for another number of values than it has parameters.
    pub(crate) fn executed(&self, name: &str, values: &[Expr]) -> Result<Statement, Error> {
        let prepared = self.with(|kept| kept.get(name).cloned());
        let Some(Prepared { types, mut statement }) = prepared else {
            return Err(missing(name));
        };
        let wanted = types.len().max(highest(&statement));
        if values.len() != wanted {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            let mut error = Error::new(sqlstate::SYNTAX, message);
            error.detail = Some(format!("Expected {wanted} parameters but got {}.", values.len()));
            return Err(error);
        }
        fill(&mut statement, |at| {
            let value = values.get(at)?;
            Some(in_type(value.clone(), types.get(at)))
        });
        Ok(Statement::of_explained(statement))
    }

    /// Forgets a statement; whether there was one.
    pub(crate) fn deallocate(&self, name: &str) -> bool {
        self.with(|kept| kept.remove(name)).is_some()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.with(|kept| kept.contains_key(name))
    }

    pub(crate) fn clear(&self) {
        self.with(BTreeMap::clear);
    }
}

/// The statement with NULLs for its parameters of declared types, by which it is checked before it is kept.
pub(crate) fn checked(types: &[DataType], statement: &ast::Statement) -> Statement {
    let mut statement = statement.clone();
    fill(&mut statement, |at| {
        let null = Expr::Value(Value::Null.with_empty_span());
        types.get(at).map(|ty| in_type(null, Some(ty)))
    });
    Statement::of_explained(statement)
}

/// Puts values in the places of parameters, which are counted from 0.
fn fill(statement: &mut ast::Statement, value: impl Fn(usize) -> Option<Expr>) {
    let _ = ast::visit_expressions_mut(statement, |expr| {
        if let Some(value) = parameter(expr).and_then(|at| value(at - 1)) {
            *expr = value;
        }
        ControlFlow::<()>::Continue(())
    });
}

/// 26000.
pub(crate) fn missing(name: &str) -> Error {
    Error::new("26000", format!("prepared statement \"{name}\" does not exist"))
}

fn in_type(value: Expr, ty: Option<&DataType>) -> Expr {
    match ty {
        Some(ty) => Expr::Cast {
            kind: ast::CastKind::DoubleColon,
            expr: Box::new(Expr::Nested(Box::new(value))),
            data_type: ty.clone(),
            array: false,
            format: None,
        },
        None => Expr::Nested(Box::new(value)),
    }
}

/// The number of a parameter, from 1.
fn parameter(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = expr else {
        return None;
    };
    let Value::Placeholder(name) = &value.value else {
        return None;
    };
    name.strip_prefix('$')?.parse().ok().filter(|at| *at > 0)
}

fn highest(statement: &ast::Statement) -> usize {
    let mut highest = 0;
    let _ = ast::visit_expressions(statement, |expr| {
        highest = highest.max(parameter(expr).unwrap_or_default());
        ControlFlow::<()>::Continue(())
    });
    highest
}
