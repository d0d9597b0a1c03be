//! PostgreSQL's own catalog, as psql and BI tools ask for it.
//!
//! Owns: the schemas `pg_catalog` and `information_schema`, the functions that catalog questions call, and what such questions are in
//! DataFusion's words. Does not own: what a person may see. Invariant: it shows only that, and keeps nothing of a session.
//! Start at [`tables`] for rows, [`functions`] for calls and [`syntax`] for questions.

mod columns;
mod data;
mod functions;
mod information_schema;
mod objects;
mod oids;
mod own_tables;
mod question;
mod relations;
mod rows;
pub(crate) mod syntax;
mod tables;
mod types;

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider};
use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry as _, SessionState, SessionStateBuilder};

pub(crate) use question::prepare;

use super::Person;
use crate::Error;
use tables::CatalogSchema;

/// Adds the functions of PostgreSQL's catalog that answer everybody alike. Once per engine.
pub(crate) fn with_functions(base: SessionState) -> Result<SessionState, Error> {
    let mut state = SessionStateBuilder::new_from_existing(base).build();
    for function in functions::fixed() {
        state.register_udf(Arc::new(function))?;
    }
    Ok(state)
}

/// Gives a session's planner the functions that answer for its person.
pub(crate) fn install(planner: &mut SessionState, person: &Arc<Person>) -> Result<(), Error> {
    for function in functions::of_session(person) {
        planner.register_udf(Arc::new(function))?;
    }
    Ok(())
}

/// Puts the two schemas of PostgreSQL into a person's catalog.
pub(crate) fn register(catalog: &MemoryCatalogProvider, person: &Arc<Person>) -> Result<()> {
    let (own, standard) = (
        CatalogSchema::pg_catalog(person),
        CatalogSchema::information_schema(person),
    );
    catalog.register_schema(relations::PG_CATALOG, Arc::new(own))?;
    catalog.register_schema(relations::INFORMATION_SCHEMA, Arc::new(standard))?;
    Ok(())
}
