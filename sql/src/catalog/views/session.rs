//! CREATE VIEW and DROP VIEW: views that one session has, for as long as it lasts.
//!
//! They behave like PostgreSQL's temporary views: found before anything else by an unqualified name, and gone with the session, with
//! DISCARD, and with the transaction that made them if it is rolled back.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use causeway_core::{QueryContext, nearest};
use causeway_postgres::column_names::folded;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{self, CreateTableOptions, CreateView, ObjectName, ObjectType};

use super::definition::{Definition, SessionPart};
use super::plan::{self, Planner};
use super::{SESSION_SCHEMA, VIEWS_SCHEMA};
use crate::Error;
use crate::catalog::{Person, Scope};
use crate::error::{sqlstate, unsupported};

/// The views that a session keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept(RwLock<State>);

/// The views of a session at a moment.
pub(crate) type Views = Arc<Vec<Arc<Definition>>>;

#[derive(Debug, Default)]
struct State {
    views: Views,
    /// Those that there were when the running transaction began.
    before: Option<Views>,
}

impl Kept {
    /// The views as they are now.
    pub(crate) fn now(&self) -> Views {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&state.views)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn replace(&self, views: Vec<Arc<Definition>>) {
        self.change(|state| state.views = Arc::new(views));
    }

    /// The views are again what they were at a savepoint.
    pub(crate) fn restore(&self, views: Views) {
        self.change(|state| state.views = views);
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        self.replace(Vec::new());
    }

    /// A transaction begins.
    pub(crate) fn begin(&self) {
        self.change(|state| {
            if state.before.is_none() {
                state.before = Some(Arc::clone(&state.views));
            }
        });
    }

    /// The transaction's views stay.
    pub(crate) fn commit(&self) {
        self.change(|state| state.before = None);
    }

    /// The views are again what they were when the transaction began.
    pub(crate) fn roll_back(&self) {
        self.change(|state| {
            if let Some(before) = state.before.take() {
                state.views = before;
            }
        });
    }
}

/// Makes a view for a session.
///
/// # Errors
/// 42P07 when it exists, 42P16 when it may not take the place of the one that exists, 42P17 when it reads itself, 0A000 for what views
/// of a session can't have, any error of planning its query.
pub(crate) async fn created(
    person: &Arc<Person>,
    planner: &Arc<Planner>,
    context: &Arc<QueryContext>,
    create: &CreateView,
) -> Result<(), Error> {
    refuse_options(create)?;
    let name = own_name(&create.name, create.temporary)?;
    let kept = person.session_views.now();
    let old = kept.iter().find(|view| view.name == name);
    if old.is_some() && !create.or_replace {
        return Err(Error::new("42P07", format!("relation \"{name}\" already exists")));
    }
    let columns = create.columns.iter().map(|column| folded(&column.name)).collect();
    let mut definition = Definition::try_new(name.clone(), columns, create.query.as_ref().clone())?;
    let mut session = SessionPart {
        search_path: person.settings.read().search_path.clone(),
        sees: kept.iter().map(|view| view.name.clone()).collect(),
        uses: BTreeSet::new(),
        schema: SchemaRef::new(Schema::empty()),
    };
    definition.session = Some(session.clone());
    let mut views: Vec<Arc<Definition>> = kept.iter().filter(|view| view.name != name).cloned().collect();
    // While it is planned it stands for itself, so that a view that reads itself is found.
    views.push(Arc::new(definition.clone()));
    let mut scope = Scope::of_statement(person, planner, context);
    scope.session_views = Arc::new(views.clone());
    let plan = plan::planned(&scope, &definition).await?;
    session.uses = scope.seen.session_views();
    session.schema = plan::typed_schema(&planner.0, plan)?;
    if let Some(old) = old.and_then(|old| old.session.as_ref()) {
        may_replace(&old.schema, &session.schema)?;
    }
    definition.session = Some(session);
    views.pop();
    views.push(Arc::new(definition));
    person.session_views.replace(views);
    Ok(())
}

fn refuse_options(create: &CreateView) -> Result<(), Error> {
    let refused = |what: &str| {
        Err(Error::new(
            sqlstate::NOT_SUPPORTED,
            format!("{what} is not supported"),
        ))
    };
    if create.materialized {
        return refused("CREATE MATERIALIZED VIEW");
    }
    let has_options = !matches!(create.options, CreateTableOptions::None)
        || create
            .columns
            .iter()
            .any(|column| column.options.is_some() || column.data_type.is_some());
    if has_options {
        return refused("CREATE VIEW with options");
    }
    let foreign = create.or_alter
        || create.secure
        || create.if_not_exists
        || create.with_no_schema_binding
        || create.copy_grants
        || create.comment.is_some()
        || create.to.is_some()
        || create.params.is_some()
        || !create.cluster_by.is_empty();
    if foreign {
        return refused("this form of CREATE VIEW");
    }
    Ok(())
}

/// The name of a view of a session, which may be qualified with `pg_temp` only.
fn own_name(name: &ObjectName, temporary: bool) -> Result<String, Error> {
    match parts(name).as_slice() {
        [name] => Ok(name.clone()),
        [schema, name] if schema == SESSION_SCHEMA => Ok(name.clone()),
        _ if temporary => Err(Error::new(
            "42P16",
            "cannot create temporary relation in non-temporary schema",
        )),
        _ => Err(Error::new(
            sqlstate::NOT_SUPPORTED,
            format!("a view cannot be created as \"{name}\""),
        )
        .with_hint(
            "a view of a session has no schema; views for everyone are in [views] of the configuration",
        )),
    }
}

fn parts(name: &ObjectName) -> Vec<String> {
    let idents = name.0.iter().filter_map(|part| part.as_ident());
    idents.map(folded).collect()
}

/// The new columns must begin with the old ones, on which other views may depend.
fn may_replace(old: &Schema, new: &Schema) -> Result<(), Error> {
    let refused = |message: String| Err(Error::new("42P16", message));
    if new.fields().len() < old.fields().len() {
        return refused("cannot drop columns from view".to_owned());
    }
    for (old, new) in old.fields().iter().zip(new.fields()) {
        if old.name() != new.name() {
            let message = format!(
                "cannot change name of view column \"{}\" to \"{}\"",
                old.name(),
                new.name()
            );
            return refused(message);
        }
        if old.data_type() != new.data_type() {
            let message = format!("cannot change data type of view column \"{}\"", old.name());
            return refused(message);
        }
    }
    Ok(())
}

/// Drops views of a session.
///
/// # Errors
/// 42P01 for what doesn't exist, 42809 for what is no view, 42501 for views that everyone has, 2BP01 when others read it. Then none is dropped.
pub(crate) fn dropped(person: &Person, drop: &ast::Statement) -> Result<(), Error> {
    let ast::Statement::Drop {
        object_type,
        if_exists,
        names,
        cascade,
        ..
    } = drop
    else {
        return Err(Error::internal("no DROP"));
    };
    let mut views: Vec<Arc<Definition>> = person.session_views.now().to_vec();
    let mut gone = BTreeSet::new();
    for name in names {
        let parts = parts(name);
        let own = match parts.as_slice() {
            [name] => Some(name),
            [schema, name] if schema == SESSION_SCHEMA => Some(name),
            _ => None,
        };
        let found = own.filter(|name| views.iter().any(|view| view.name == **name));
        match (object_type, found) {
            (ObjectType::View, Some(name)) => {
                gone.insert(name.clone());
            }
            (_, Some(name)) => {
                return Err(Error::new("42809", format!("\"{name}\" is not a table"))
                    .with_hint("Use DROP VIEW to remove a view."));
            }
            (ObjectType::View, None) => not_own(person, &parts, *if_exists)?,
            (_, None) => return Err(unsupported(drop)),
        }
    }
    loop {
        let depends = |view: &&Arc<Definition>| {
            let uses = view.session.as_ref().map(|session| &session.uses);
            !gone.contains(&view.name) && uses.is_some_and(|uses| !uses.is_disjoint(&gone))
        };
        let Some(dependent) = views.iter().find(depends) else {
            break;
        };
        if !cascade {
            let mut error = Error::new(
                "2BP01",
                "cannot drop the view because other views of this session depend on it",
            );
            error.detail = Some(format!("view {} depends on it", dependent.name));
            return Err(error.with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        gone.insert(dependent.name.clone());
    }
    views.retain(|view| !gone.contains(&view.name));
    person.session_views.replace(views);
    Ok(())
}

/// Says why something can't be dropped that is no view of this session.
fn not_own(person: &Person, parts: &[String], if_exists: bool) -> Result<(), Error> {
    let (schema, name) = match parts {
        [.., schema, name] => (Some(schema.as_str()), name),
        [name] => (None, name),
        [] => return Ok(()),
    };
    let is_shared = schema == Some(VIEWS_SCHEMA) && person.deployment.views.contains_key(name);
    if is_shared {
        return Err(
            Error::new(sqlstate::NOT_ALLOWED, format!("must be owner of view {name}"))
                .with_hint("views that everyone has belong to the configuration"),
        );
    }
    let sources = person
        .deployment
        .sources
        .iter()
        .map(|source| source.name().as_ref());
    let is_table = sources
        .filter(|source| schema.is_none_or(|schema| schema == *source))
        .any(|source| person.known_tables(source).contains(name));
    if is_table {
        return Err(Error::new("42809", format!("\"{name}\" is not a view")));
    }
    if if_exists {
        return Ok(());
    }
    let error = Error::new(
        sqlstate::UNDEFINED_TABLE,
        format!("view \"{}\" does not exist", parts.join(".")),
    );
    let views = person.session_views.now();
    Err(match nearest(name, views.iter().map(|view| view.name.as_str())) {
        Some(near) => error.with_hint(format!("did you mean \"{near}\"?")),
        None => error,
    })
}
