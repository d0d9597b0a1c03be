//! PostgreSQL's own catalog, as psql and BI tools ask for it.
//!
//! Owns: which descriptions a catalog question needs, comments, and what PostgreSQL functions say about the session. Does not own:
//! the catalog tables, which come from `datafusion-pg-catalog`. Invariant: it shows only what this person may see, and a question
//! about one table describes one table.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use async_trait::async_trait;
use causeway_core::{QueryContext, Table};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider, TableProvider as _};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::{FunctionRegistry as _, SessionState, SessionStateBuilder};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Signature, TypeSignature, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_pg_catalog::pg_catalog::context::{EmptyContextProvider, PgCatalogContextProvider, Role};
use datafusion_pg_catalog::pg_catalog::{PgCatalogSchemaProvider, PgCatalogStaticTables, setup_pg_catalog};
use regex::Regex;

use super::system;
use super::views::plan::Planner;
use super::views::{SESSION_SCHEMA, VIEWS_SCHEMA, listing};
use super::{DATABASE, Person, SEARCH_SCHEMA, SYSTEM_SCHEMA};
use crate::Error;

/// The person's view of the catalog: tables whose names are known, columns of those that have been described.
#[derive(Debug, Clone)]
struct Visible {
    person: Arc<Person>,
}

impl Visible {
    fn described(&self, schema: &str, table: &str) -> Option<Arc<Table>> {
        let source = self.person.deployment.source(schema)?;
        source
            .described_tables(&self.person.principal)
            .into_iter()
            .find(|described| described.name.name == table)
    }
}

#[async_trait]
impl CatalogInfo for Visible {
    async fn catalog_names(&self) -> Result<Vec<String>, DataFusionError> {
        Ok(vec![DATABASE.to_owned()])
    }

    async fn schema_names(&self, _catalog: &str) -> Result<Option<Vec<String>>, DataFusionError> {
        let mut names: Vec<String> = self
            .person
            .deployment
            .sources
            .iter()
            .map(|source| source.name().to_string())
            .collect();
        if !self.person.deployment.views.is_empty() {
            names.push(VIEWS_SCHEMA.to_owned());
        }
        if !self.person.session_views.now().is_empty() {
            names.push(SESSION_SCHEMA.to_owned());
        }
        names.extend([SYSTEM_SCHEMA, "pg_catalog", "information_schema", SEARCH_SCHEMA].map(str::to_owned));
        Ok(Some(names))
    }

    async fn table_names(
        &self,
        _catalog: &str,
        schema: &str,
    ) -> Result<Option<Vec<String>>, DataFusionError> {
        match schema {
            SYSTEM_SCHEMA => return Ok(Some(system::TABLES.map(str::to_owned).to_vec())),
            VIEWS_SCHEMA => return Ok(Some(self.person.listed_views.names())),
            SESSION_SCHEMA => {
                let views = self.person.session_views.now();
                return Ok(Some(views.iter().map(|view| view.name.clone()).collect()));
            }
            _ => {}
        }
        Ok(Some(self.person.known_tables(schema)))
    }

    async fn table_schema(
        &self,
        _catalog: &str,
        schema: &str,
        table: &str,
    ) -> Result<Option<SchemaRef>, DataFusionError> {
        match schema {
            SYSTEM_SCHEMA => return Ok(system::schema(&self.person, table)),
            VIEWS_SCHEMA => return Ok(self.person.listed_views.get(table).map(|view| view.schema())),
            SESSION_SCHEMA => {
                let views = self.person.session_views.now();
                let view = views.iter().find(|view| view.name == table);
                let session = view.and_then(|view| view.session.as_ref());
                return Ok(session.map(|session| Arc::clone(&session.schema)));
            }
            _ => {}
        }
        // A table whose name alone is known is listed, without columns.
        let described = self.described(schema, table);
        Ok(Some(described.map_or_else(
            || Arc::new(Schema::empty()),
            |table| visible_schema(&self.person, &table),
        )))
    }

    async fn table_type(
        &self,
        _catalog: &str,
        schema: &str,
        _table: &str,
    ) -> Result<Option<TableType>, DataFusionError> {
        Ok(Some(match schema {
            VIEWS_SCHEMA | SESSION_SCHEMA => TableType::View,
            _ => TableType::Base,
        }))
    }
}

/// The columns of a described table that this person sees.
pub(crate) fn visible_schema(person: &Person, table: &Table) -> SchemaRef {
    let access = person.access(table);
    access.schema(table, &access.visible(table))
}

/// Roles: a person sees themselves.
#[derive(Debug, Clone)]
struct OwnRole(String);

#[async_trait]
impl PgCatalogContextProvider for OwnRole {
    async fn roles(&self) -> Vec<String> {
        vec![self.0.clone()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == self.0).then(|| Role {
            name: self.0.clone(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

/// Which table an object id stands for, in this session.
type ObjectIds = Arc<RwLock<HashMap<i64, (String, String)>>>;

/// A session's PostgreSQL catalog.
#[derive(Debug, Clone)]
pub(crate) struct PgCatalog {
    pub(crate) schema: Arc<dyn SchemaProvider>,
    object_ids: ObjectIds,
}

/// Adds the functions of PostgreSQL's catalog that answer everybody alike.
///
/// Once per engine: `setup_pg_catalog` also registers a catalog that holds the list in which it stands, and tables of its own, 5 MB
/// that no session could ever free.
pub(crate) fn with_functions(base: SessionState) -> Result<SessionState, Error> {
    let catalog = Arc::new(MemoryCatalogProvider::new());
    let context = SessionContext::new_with_state(base);
    context.register_catalog(DATABASE, Arc::clone(&catalog) as Arc<dyn CatalogProvider>);
    setup_pg_catalog(&context, DATABASE, EmptyContextProvider).map_err(|error| *error)?;
    catalog.deregister_schema("pg_catalog", true)?;
    // DataFusion's own reads its pattern in another language than PostgreSQL's, and answers something else without saying so.
    context.deregister_udf("to_char");
    Ok(context.state())
}

/// Gives a session's states the functions that answer for its person, and makes the catalog that this person sees.
pub(crate) fn install(
    base: &mut SessionState,
    data: &mut SessionState,
    person: &Arc<Person>,
) -> Result<PgCatalog, Error> {
    static TABLES: LazyLock<Result<Arc<PgCatalogStaticTables>, String>> = LazyLock::new(|| {
        PgCatalogStaticTables::try_new()
            .map(Arc::new)
            .map_err(|error| error.to_string())
    });
    let tables = TABLES.as_ref().map_err(Error::internal)?;
    let object_ids = ObjectIds::default();
    for function in session_functions(person, &object_ids) {
        let function = Arc::new(function);
        data.register_udf(Arc::clone(&function))?;
        base.register_udf(function)?;
    }
    let visible = Visible {
        person: Arc::clone(person),
    };
    let own = OwnRole(person.principal.user.clone());
    let schema = PgCatalogSchemaProvider::try_new(visible, Arc::clone(tables), own)?;
    Ok(PgCatalog {
        schema: Arc::new(schema),
        object_ids,
    })
}

/// Functions whose answers depend on the session.
fn session_functions(person: &Arc<Person>, object_ids: &ObjectIds) -> Vec<ScalarUDF> {
    let constant = |name: &str, value: &str| {
        let value = value.to_owned();
        let answer = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(value.as_str().into()));
        create_udf(
            name,
            Vec::new(),
            DataType::Utf8,
            Volatility::Stable,
            Arc::new(answer),
        )
    };
    let user = &person.principal.user;
    let version = concat!("PostgreSQL 15.0 (Causeway ", env!("CARGO_PKG_VERSION"), ")");
    let mut functions = vec![
        constant("session_user", user),
        constant("current_user", user),
        constant("version", version),
    ];
    functions.push(description(person, object_ids, "obj_description", false));
    functions.push(description(person, object_ids, "col_description", true));
    functions.push(view_definition(person, object_ids));
    functions.push(owner(user));
    functions
}

/// `pg_get_userbyid`: every object belongs to the person who looks.
fn owner(user: &str) -> ScalarUDF {
    let user = user.to_owned();
    let answer = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(user.as_str().into()));
    create_udf(
        "pg_get_userbyid",
        vec![DataType::Int32],
        DataType::Utf8,
        Volatility::Stable,
        Arc::new(answer),
    )
}

/// `pg_get_viewdef(oid, pretty)`: the query of a view.
fn view_definition(person: &Arc<Person>, object_ids: &ObjectIds) -> ScalarUDF {
    let (person, object_ids) = (Arc::clone(person), Arc::clone(object_ids));
    let answer = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let Some(objects) = arrays.first() else {
            return Err(DataFusionError::Plan(
                "pg_get_viewdef needs an object id".to_owned(),
            ));
        };
        let objects = cast(objects, &DataType::Int64)?;
        let objects = objects.as_primitive::<Int64Type>();
        let known = object_ids.read().unwrap_or_else(PoisonError::into_inner);
        let definition = |row: usize| -> Option<String> {
            let (schema, view) = known.get(&objects.is_valid(row).then(|| objects.value(row))?)?;
            if schema == VIEWS_SCHEMA {
                let listed = person.listed_views.get(view)?;
                return listed.get_table_definition().map(str::to_owned);
            }
            let own = person.session_views.now();
            own.iter().find(|own| own.name == *view).map(|own| own.text())
        };
        let definitions: StringArray = (0..objects.len()).map(definition).collect();
        Ok(ColumnarValue::Array(Arc::new(definitions) as ArrayRef))
    };
    let signatures = vec![
        TypeSignature::Exact(vec![DataType::Int64, DataType::Boolean]),
        TypeSignature::Exact(vec![DataType::Int64]),
    ];
    let signature = Signature::one_of(signatures, Volatility::Stable);
    ScalarUDF::from(datafusion::logical_expr::SimpleScalarUDF::new_with_signature(
        "pg_get_viewdef",
        signature,
        DataType::Utf8,
        Arc::new(answer),
    ))
}

/// `obj_description(oid, catalog)` and `col_description(oid, number)`: labels and API names.
fn description(
    person: &Arc<Person>,
    object_ids: &ObjectIds,
    name: &'static str,
    of_column: bool,
) -> ScalarUDF {
    let visible = Visible {
        person: Arc::clone(person),
    };
    let object_ids = Arc::clone(object_ids);
    let answer = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let objects = arrays
            .first()
            .map(|array| cast(array, &DataType::Int64))
            .transpose()?;
        let numbers = arrays
            .get(1)
            .filter(|_| of_column)
            .map(|array| cast(array, &DataType::Int64))
            .transpose()?;
        let Some(objects) = objects else {
            return Err(DataFusionError::Plan(format!("{name} needs an object id")));
        };
        let objects = objects.as_primitive::<Int64Type>();
        let known = object_ids.read().unwrap_or_else(PoisonError::into_inner);
        let comment = |row: usize| -> Option<String> {
            let (schema, table) = known.get(&objects.is_valid(row).then(|| objects.value(row))?)?;
            match &numbers {
                Some(numbers) => column_comment(
                    &visible,
                    schema,
                    table,
                    numbers.as_primitive::<Int64Type>().value(row),
                ),
                None => table_comment(&visible, schema, table),
            }
        };
        let comments: StringArray = (0..objects.len()).map(comment).collect();
        Ok(ColumnarValue::Array(Arc::new(comments) as ArrayRef))
    };
    let signatures = if of_column {
        vec![TypeSignature::Exact(vec![DataType::Int64, DataType::Int64])]
    } else {
        vec![
            TypeSignature::Exact(vec![DataType::Int64, DataType::Utf8]),
            TypeSignature::Exact(vec![DataType::Int64]),
        ]
    };
    let signature = Signature::one_of(signatures, Volatility::Stable);
    ScalarUDF::from(datafusion::logical_expr::SimpleScalarUDF::new_with_signature(
        name,
        signature,
        DataType::Utf8,
        Arc::new(answer),
    ))
}

fn table_comment(visible: &Visible, schema: &str, table: &str) -> Option<String> {
    let source = visible.person.deployment.source(schema)?;
    let known = source.known_tables(&visible.person.principal).unwrap_or_default();
    let name = known.iter().find(|known| known.name == table).cloned();
    let name = name.or_else(|| {
        visible
            .described(schema, table)
            .map(|described| described.name.clone())
    })?;
    Some(format!("{} ({})", name.label, name.remote))
}

fn column_comment(visible: &Visible, schema: &str, table: &str, number: i64) -> Option<String> {
    let described = visible.described(schema, table)?;
    let shown = visible_schema(&visible.person, &described);
    let field = shown
        .fields()
        .get(usize::try_from(number).ok()?.checked_sub(1)?)?;
    let (_, column) = described.column(field.name())?;
    Some(match column.remote_field() {
        Some(remote) => format!("{} ({remote}, {})", column.label, column.remote_type),
        None => column.label.clone(),
    })
}

/// Fetches what a catalog question needs: names of tables, and columns of those that it asks about.
///
/// A source that can't be reached is left out, so that the others can be browsed; a query on it will say why.
pub(crate) async fn prepare(
    person: &Arc<Person>,
    planner: &Arc<Planner>,
    context: &Arc<QueryContext>,
    state: &SessionState,
    catalog: &PgCatalog,
    text: &str,
) -> Result<(), Error> {
    let text = text.to_lowercase();
    let names_tables = [
        "pg_class",
        "pg_tables",
        "pg_attribute",
        "pg_description",
        "regclass",
        "information_schema.",
        "pg_stat",
        "pg_views",
    ];
    if !names_tables.iter().any(|name| text.contains(name)) {
        return Ok(());
    }
    let question = Question::of(&text, person);
    // An object id was handed out by an earlier answer, so the names are known.
    let by_object_id = !question.object_ids.is_empty() && question.tables.is_empty();
    let concerned = person
        .deployment
        .sources
        .iter()
        .filter(|source| question.concerns(source.name()));
    for source in concerned.filter(|_| !by_object_id) {
        let outcome = if question.tables.is_empty() {
            source.tables(context).await.map(|_| ())
        } else {
            describe_named(source.as_ref(), context, &question.tables).await
        };
        skip_unreachable(outcome);
    }
    let mut views = question.tables.clone();
    let by_id = question.object_ids.iter().filter_map(|id| catalog.table(*id));
    views.extend(
        by_id
            .filter(|(schema, _)| schema == VIEWS_SCHEMA)
            .map(|(_, view)| view),
    );
    listing::refresh(person, planner, context, &views).await?;
    if text.contains("attrelid") || text.contains("_description") {
        learn_object_ids(state, catalog).await?;
    }
    if text.contains("pg_attribute") && !question.object_ids.is_empty() {
        for (schema, table) in question.object_ids.iter().filter_map(|id| catalog.table(*id)) {
            let source = person.deployment.source(&schema);
            if let Some(source) = source {
                skip_unreachable(source.table(context, &table).await.map(|_| ()));
            }
        }
        return Ok(());
    }
    let asks_all_columns = (text.contains("pg_attribute") || text.contains("information_schema.columns"))
        && question.tables.is_empty();
    if asks_all_columns {
        for source in person
            .deployment
            .sources
            .iter()
            .filter(|source| question.concerns(source.name()))
        {
            skip_unreachable(source.describe_all(context).await);
        }
        listing::refresh(person, planner, context, &views).await?;
    }
    Ok(())
}

async fn describe_named(
    source: &dyn causeway_core::Source,
    context: &QueryContext,
    tables: &[String],
) -> Result<(), causeway_core::Error> {
    for table in tables {
        match source.table(context, table).await {
            Err(error) if error.kind != causeway_core::Kind::UnknownTable => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn skip_unreachable(outcome: Result<(), causeway_core::Error>) {
    if let Err(error) = outcome {
        tracing::warn!(source = %error.origin, %error, "left out of the catalog");
    }
}

/// What a catalog question asks about, as far as its text shows.
struct Question {
    schemas: Vec<String>,
    tables: Vec<String>,
    object_ids: Vec<i64>,
}

impl Question {
    /// Reads the forms that psql, JDBC and ODBC use: a regular expression `^(name)$`, an equality, a `::regclass` cast.
    fn of(text: &str, person: &Person) -> Self {
        static NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
            let forms = [
                r"relname\s+(?:operator\(pg_catalog\.~\)|~)\s+'\^\(([\w.]+)\)\$'",
                r"(?:relname|table_name|tablename)\s*=\s*'([\w]+)'",
                r"'(?:\w+\.)?(\w+)'::(?:pg_catalog\.)?regclass",
            ];
            forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
        });
        static SCHEMAS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
            let forms = [
                r"nspname\s+(?:operator\(pg_catalog\.~\)|~)\s+'\^\(([\w.]+)\)\$'",
                r"(?:nspname|table_schema|schemaname)\s*=\s*'(\w+)'",
                r"'(\w+)\.\w+'::(?:pg_catalog\.)?regclass",
            ];
            forms.iter().filter_map(|form| Regex::new(form).ok()).collect()
        });
        static OBJECTS: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"(?:relid|\boid)\s*=\s*'?(\d+)'?").ok());
        let all = |forms: &[Regex]| -> Vec<String> {
            let captures = forms.iter().flat_map(|form| form.captures_iter(text));
            captures
                .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
                .collect()
        };
        let mut schemas = all(&SCHEMAS);
        let of_views = |name: &str| name == VIEWS_SCHEMA || name.starts_with(SESSION_SCHEMA);
        schemas.retain(|name| person.deployment.source(name).is_some() || of_views(name));
        let object_ids = OBJECTS
            .iter()
            .flat_map(|form| form.captures_iter(text))
            .filter_map(|found| found.get(1)?.as_str().parse().ok())
            .collect();
        Self {
            schemas,
            tables: all(&NAMED),
            object_ids,
        }
    }

    fn concerns(&self, source: &str) -> bool {
        self.schemas.is_empty() || self.schemas.iter().any(|schema| schema == source)
    }
}

impl PgCatalog {
    fn table(&self, object_id: i64) -> Option<(String, String)> {
        self.object_ids
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&object_id)
            .cloned()
    }
}

/// Learns which table each object id stands for, by asking the catalog itself.
async fn learn_object_ids(state: &SessionState, catalog: &PgCatalog) -> Result<(), Error> {
    const QUESTION: &str = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
                            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";
    let context =
        SessionContext::new_with_state(SessionStateBuilder::new_from_existing(state.clone()).build());
    let batches = context.sql(QUESTION).await?.collect().await?;
    let mut known = catalog.object_ids.write().unwrap_or_else(PoisonError::into_inner);
    for batch in batches {
        let [objects, schemas, tables] = batch.columns() else {
            continue;
        };
        let objects = cast(objects, &DataType::Int64)?;
        let (schemas, tables) = (cast(schemas, &DataType::Utf8)?, cast(tables, &DataType::Utf8)?);
        let (objects, schemas, tables) = (
            objects.as_primitive::<Int64Type>(),
            schemas.as_string::<i32>(),
            tables.as_string::<i32>(),
        );
        for row in 0..batch.num_rows() {
            known.insert(
                objects.value(row),
                (schemas.value(row).to_owned(), tables.value(row).to_owned()),
            );
        }
    }
    Ok(())
}
