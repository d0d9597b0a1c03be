//! The schemas, tables, views and columns that a person may see.
//!
//! Owns: which objects there are, their ids and comments. Does not own: how a catalog table shows them. Invariant: what is not known
//! yet is listed by name, without columns; looking costs no call. Start at [`Objects::of`].

use std::collections::HashMap;
use std::sync::Arc;

use causeway_core::{Table, TableName};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider as _;

use super::oids;
use super::relations::{self, INFORMATION_SCHEMA, PG_CATALOG};
use crate::catalog::views::{SESSION_SCHEMA, VIEWS_SCHEMA};
use crate::catalog::{Person, SEARCH_SCHEMA, SYSTEM_SCHEMA, system};

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) oid: i32,
    pub(super) namespace: i32,
    pub(super) schema: String,
    pub(super) name: String,
    /// `r` or `v`.
    pub(super) kind: &'static str,
}

/// A column of one.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) ty: super::types::PgType,
    pub(super) not_null: bool,
}

/// What a person may see at one moment.
#[derive(Debug)]
pub(super) struct Objects {
    person: Arc<Person>,
    schemas: Vec<(i32, String)>,
    objects: Vec<Object>,
    described: HashMap<(String, String), Arc<Table>>,
    known: HashMap<(String, String), TableName>,
}

impl Objects {
    pub(super) fn of(person: &Arc<Person>) -> Self {
        let (mut described, mut known) = (HashMap::new(), HashMap::new());
        for source in &person.deployment.sources {
            let schema = source.name().to_string();
            for table in source.known_tables(&person.principal).unwrap_or_default().iter() {
                known.insert((schema.clone(), table.name.clone()), table.clone());
            }
            for table in source.described_tables(&person.principal) {
                let key = (schema.clone(), table.name.name.clone());
                known.entry(key.clone()).or_insert_with(|| table.name.clone());
                described.insert(key, table);
            }
        }
        let schemas = schemas(person);
        let mut named: Vec<(String, String, &'static str)> = known
            .keys()
            .map(|(schema, table)| (schema.clone(), table.clone(), "r"))
            .collect();
        let system = system::TABLES.iter();
        named.extend(system.map(|table| (SYSTEM_SCHEMA.to_owned(), (*table).to_owned(), "r")));
        let shared = person.listed_views.names().into_iter();
        named.extend(shared.map(|view| (VIEWS_SCHEMA.to_owned(), view, "v")));
        let own = person.session_views.now();
        named.extend(
            own.iter()
                .map(|view| (SESSION_SCHEMA.to_owned(), view.name.clone(), "v")),
        );
        named.sort();
        let ids = oids::of_all(
            named
                .iter()
                .map(|(schema, name, _)| (schema.as_str(), name.as_str())),
        );
        let namespaces: HashMap<&str, i32> =
            schemas.iter().map(|(oid, name)| (name.as_str(), *oid)).collect();
        let objects = named
            .into_iter()
            .zip(ids)
            .map(|((schema, name, kind), oid)| Object {
                oid,
                namespace: namespaces.get(schema.as_str()).copied().unwrap_or_default(),
                schema,
                name,
                kind,
            });
        let objects = objects.collect();
        Self {
            person: Arc::clone(person),
            schemas,
            objects,
            described,
            known,
        }
    }

    /// Whose they are.
    pub(super) fn user(&self) -> &str {
        &self.person.principal.user
    }

    /// Schemas, PostgreSQL's own included.
    pub(super) fn schemas(&self) -> &[(i32, String)] {
        &self.schemas
    }

    /// Tables and views of the person, by schema and name.
    pub(super) fn all(&self) -> &[Object] {
        &self.objects
    }

    /// The same and the tables of `pg_catalog`. Its views are not listed: tools that ask for views mean a person's.
    pub(super) fn with_system_tables(&self) -> Vec<Object> {
        let own = relations::all()
            .filter(|relation| relation.is_table)
            .map(system_object);
        own.chain(self.objects.iter().cloned()).collect()
    }

    pub(super) fn by_id(&self, oid: i64) -> Option<Object> {
        let own = self.objects.iter().find(|object| i64::from(object.oid) == oid);
        own.cloned().or_else(|| {
            let system = relations::all().find(|relation| i64::from(relation.oid) == oid)?;
            Some(system_object(system))
        })
    }

    /// The object of a name, in a schema or along the search path.
    pub(super) fn by_name(&self, schema: Option<&str>, name: &str) -> Option<Object> {
        let in_schema = |schema: &str| {
            let own = self.objects.iter();
            let own = own
                .clone()
                .find(|object| object.schema == schema && object.name == name);
            own.cloned()
                .or_else(|| relations::find(schema, name).map(system_object))
        };
        let Some(schema) = schema else {
            return search_path(&self.person)
                .iter()
                .find_map(|schema| in_schema(schema));
        };
        in_schema(schema)
    }

    /// Its columns as far as they are known.
    pub(super) fn attributes(&self, object: &Object) -> Vec<Attribute> {
        if let Some(relation) = relations::find(&object.schema, &object.name) {
            let columns = relation.columns.iter();
            return columns
                .map(|column| Attribute {
                    name: column.name.clone(),
                    ty: super::types::PgType::declared(&column.declared),
                    not_null: column.not_null,
                })
                .collect();
        }
        let schema = self.schema_of(object);
        let fields = schema.fields().iter();
        fields
            .map(|field| Attribute {
                name: field.name().clone(),
                ty: super::types::PgType::of(field.data_type()),
                not_null: !field.is_nullable(),
            })
            .collect()
    }

    fn schema_of(&self, object: &Object) -> SchemaRef {
        let schema = match object.schema.as_str() {
            SYSTEM_SCHEMA => system::schema(&self.person, &object.name),
            VIEWS_SCHEMA => self
                .person
                .listed_views
                .get(&object.name)
                .map(|view| view.schema()),
            SESSION_SCHEMA => {
                let views = self.person.session_views.now();
                let view = views.iter().find(|view| view.name == object.name);
                let session = view.and_then(|view| view.session.as_ref());
                session.map(|session| Arc::clone(&session.schema))
            }
            _ => self
                .described(object)
                .map(|table| self.person.visible_schema(table)),
        };
        schema.unwrap_or_else(|| Arc::new(Schema::empty()))
    }

    fn described(&self, object: &Object) -> Option<&Arc<Table>> {
        self.described.get(&(object.schema.clone(), object.name.clone()))
    }

    /// The query of a view.
    pub(super) fn definition(&self, object: &Object) -> Option<String> {
        if object.schema == VIEWS_SCHEMA {
            let listed = self.person.listed_views.get(&object.name)?;
            return listed.get_table_definition().map(str::to_owned);
        }
        let own = self.person.session_views.now();
        own.iter()
            .find(|own| object.schema == SESSION_SCHEMA && own.name == object.name)
            .map(|own| own.text())
    }

    /// Label and API name of a table.
    pub(super) fn comment(&self, object: &Object) -> Option<String> {
        let name = self.known.get(&(object.schema.clone(), object.name.clone()))?;
        Some(format!("{} ({})", name.label, name.remote))
    }

    /// Label, API name and remote type of each column, by its number.
    pub(super) fn column_comments(&self, object: &Object) -> Vec<(i64, String)> {
        let Some(described) = self.described(object) else {
            return Vec::new();
        };
        let shown = self.schema_of(object);
        let numbered = shown.fields().iter().zip(1_i64..);
        let comments = numbered.filter_map(|(field, number)| {
            let (_, column) = described.column(field.name())?;
            let comment = match column.remote_field() {
                Some(remote) => format!("{} ({remote}, {})", column.label, column.remote_type),
                None => column.label.clone(),
            };
            Some((number, comment))
        });
        comments.collect()
    }
}

fn system_object(relation: &relations::Relation) -> Object {
    Object {
        oid: relation.oid,
        namespace: namespace(&relation.schema),
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        kind: if relation.is_table { "r" } else { "v" },
    }
}

/// The id of a schema that shares its place with no other.
fn namespace(schema: &str) -> i32 {
    match schema {
        PG_CATALOG => 11,
        SEARCH_SCHEMA => 2200,
        INFORMATION_SCHEMA => 13_207,
        other => oids::of("", other),
    }
}

fn schemas(person: &Person) -> Vec<(i32, String)> {
    let sources = person.deployment.sources.iter();
    let mut own: Vec<String> = sources.map(|source| source.name().to_string()).collect();
    if !person.deployment.views.is_empty() {
        own.push(VIEWS_SCHEMA.to_owned());
    }
    if !person.session_views.now().is_empty() {
        own.push(SESSION_SCHEMA.to_owned());
    }
    own.push(SYSTEM_SCHEMA.to_owned());
    own.sort_unstable();
    let ids = oids::of_all(own.iter().map(|name| ("", name.as_str())));
    let fixed = [PG_CATALOG, SEARCH_SCHEMA, INFORMATION_SCHEMA];
    let fixed = fixed.map(|name| (namespace(name), name.to_owned()));
    let own = ids.into_iter().zip(own);
    fixed.into_iter().chain(own).collect()
}

/// Schemas where unqualified names are looked up, in order.
pub(super) fn search_path(person: &Person) -> Vec<String> {
    let mut path = vec![PG_CATALOG.to_owned(), SESSION_SCHEMA.to_owned()];
    let set = person.settings.read().search_path.clone();
    if set.is_empty() {
        let sources = person.deployment.sources.iter();
        path.extend(sources.map(|source| source.name().to_string()));
        path.push(VIEWS_SCHEMA.to_owned());
    }
    path.extend(set);
    path
}

/// The id of the role of a user.
pub(super) fn role_id(user: &str) -> i32 {
    oids::of("\u{0}role", user)
}

/// The id of the database.
pub(super) fn database_id(database: &str) -> i32 {
    oids::of("\u{0}database", database)
}
