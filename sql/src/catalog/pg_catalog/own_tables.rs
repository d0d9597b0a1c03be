//! Tables of `pg_catalog` whose rows depend on who asks.
//!
//! Does not own: which objects there are; see [`Objects`]. Invariant: what a cell does not say here is NULL, and a table that is not
//! named here has the rows of its file, or none.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::objects::{Attribute, Object, Objects, database_id, role_id};
use super::relations::Relation;
use super::rows::{self, Cell};
use super::{data, types};
use crate::catalog::{DATABASE, Person};
use crate::query_log::QueryState;
use crate::settings::Settings;

/// Rows of a table; `None` when they depend on nobody.
pub(super) fn rows(person: &Arc<Person>, relation: &Relation) -> Result<Option<RecordBatch>> {
    let schema = &relation.arrow;
    let objects = || Objects::of(person);
    let owner = role_id(&person.principal.user);
    let batch = match relation.name.as_str() {
        "pg_namespace" => rows::batch(schema, objects().schemas(), |(oid, name), column| {
            namespace(*oid, name, owner, column)
        }),
        "pg_class" => classes(person, schema, owner),
        "pg_attribute" => attributes(schema, &objects()),
        "pg_description" => {
            let comments = comments(&objects());
            rows::batch(schema, &comments, |(object, number, text), column| match column {
                "objoid" => (*object).into(),
                "classoid" => 1259.into(),
                "objsubid" => (*number).into(),
                _ => text.clone().into(),
            })
        }
        "pg_tables" => listed(person, schema, "r"),
        "pg_views" => listed(person, schema, "v"),
        "pg_stat_user_tables" | "pg_stat_all_tables" | "pg_statio_user_tables" | "pg_statio_all_tables" => {
            table_statistics(person, schema)
        }
        "pg_database" => rows::batch(schema, &[()], |(), column| database(owner, column)),
        "pg_roles" | "pg_authid" | "pg_user" | "pg_shadow" => rows::batch(schema, &[()], |(), column| {
            role(&person.principal.user, owner, column)
        }),
        "pg_settings" => settings(person, relation),
        "pg_stat_activity" => activity(person, relation, owner),
        _ => return Ok(None),
    };
    batch.map(Some)
}

fn classes(person: &Arc<Person>, schema: &SchemaRef, owner: i32) -> Result<RecordBatch> {
    let objects = Objects::of(person);
    let counted = objects.with_system_tables().into_iter().map(|object| {
        let columns = objects.attributes(&object).len();
        (columns, rows_of(person, &object), object)
    });
    let counted: Vec<_> = counted.collect();
    rows::batch(schema, &counted, |(columns, count, object), column| {
        class(object, *columns, *count, owner, column)
    })
}

fn attributes(schema: &SchemaRef, objects: &Objects) -> Result<RecordBatch> {
    let all = objects.with_system_tables();
    let attributes = all.iter().flat_map(|object| {
        let numbered = objects.attributes(object).into_iter().zip(1_i64..);
        numbered.map(|(attribute, number)| (object.oid, number, attribute))
    });
    let attributes: Vec<_> = attributes.collect();
    rows::batch(schema, &attributes, |(table, number, attribute), column| {
        self::attribute(*table, *number, attribute, column)
    })
}

/// Tables or views, by kind.
fn listed(person: &Arc<Person>, schema: &SchemaRef, kind: &str) -> Result<RecordBatch> {
    let objects = Objects::of(person);
    let listed = objects.all().iter().filter(|object| object.kind == kind);
    rows::batch(
        schema,
        &listed.collect::<Vec<_>>(),
        |object, column| match column {
            "schemaname" => object.schema.clone().into(),
            "tablename" | "viewname" => object.name.clone().into(),
            "tableowner" | "viewowner" => person.principal.user.clone().into(),
            "definition" => objects.definition(object).into(),
            "tablespace" => Cell::Null,
            _ => false.into(),
        },
    )
}

fn table_statistics(person: &Arc<Person>, schema: &SchemaRef) -> Result<RecordBatch> {
    let objects = Objects::of(person);
    let tables = objects.all().iter().filter(|object| object.kind == "r");
    rows::batch(
        schema,
        &tables.collect::<Vec<_>>(),
        |object, column| match column {
            "relid" => object.oid.into(),
            "schemaname" => object.schema.clone().into(),
            "relname" => object.name.clone().into(),
            "n_live_tup" => rows_of(person, object).into(),
            _ => Cell::Null,
        },
    )
}

fn namespace(oid: i32, name: &str, owner: i32, column: &str) -> Cell {
    match column {
        "oid" => oid.into(),
        "nspname" => name.to_owned().into(),
        "nspowner" => owner.into(),
        _ => Cell::Null,
    }
}

/// Rows of a table, for those from whom a count hides nothing.
fn rows_of(person: &Person, object: &Object) -> Option<i64> {
    let source = person.deployment.source(&object.schema)?;
    let known = source
        .known_rows(&object.name)
        .filter(|_| person.may_see_counts())?;
    i64::try_from(known.rows).ok()
}

fn class(object: &Object, columns: usize, count: Option<i64>, owner: i32, column: &str) -> Cell {
    match column {
        "oid" => object.oid.into(),
        "relname" => object.name.clone().into(),
        "relnamespace" => object.namespace.into(),
        "relowner" => owner.into(),
        // Heap, the only method of tables.
        "relam" => if object.kind == "r" { 2 } else { 0 }.into(),
        "relfilenode" => object.oid.into(),
        "relkind" => object.kind.into(),
        "relnatts" => i64::try_from(columns).ok().into(),
        "relpersistence" => if object.schema.starts_with("pg_temp") {
            "t"
        } else {
            "p"
        }
        .into(),
        "relreplident" => "n".into(),
        "relispopulated" => true.into(),
        "relhasrules" => (object.kind == "v").into(),
        "reltuples" => count.unwrap_or(-1).into(),
        "reltype" | "reloftype" | "reltablespace" | "relpages" | "relallvisible" | "reltoastrelid"
        | "relchecks" | "relrewrite" | "relfrozenxid" | "relminmxid" => 0.into(),
        "relhasindex"
        | "relisshared"
        | "relhastriggers"
        | "relhassubclass"
        | "relrowsecurity"
        | "relforcerowsecurity"
        | "relispartition" => false.into(),
        _ => Cell::Null,
    }
}

fn attribute(table: i32, number: i64, attribute: &Attribute, column: &str) -> Cell {
    let ty = attribute.ty;
    match column {
        "attrelid" => table.into(),
        "attname" => attribute.name.clone().into(),
        "atttypid" => ty.oid.into(),
        "attlen" => i64::from(ty.length).into(),
        "attnum" => number.into(),
        "attbyval" => ty.by_value.into(),
        "attalign" => ty.alignment.into(),
        "attstorage" => ty.storage.into(),
        "attcollation" => ty.collation.into(),
        "attnotnull" => attribute.not_null.into(),
        "attstattarget" | "attcacheoff" | "atttypmod" => (-1).into(),
        "attndims" => i64::from(
            ty.storage == "x" && types::internal_name(ty.oid).is_some_and(|name| name.starts_with('_')),
        )
        .into(),
        "attinhcount" => 0.into(),
        "atthasdef" | "atthasmissing" | "attisdropped" => false.into(),
        "attislocal" => true.into(),
        "attidentity" | "attgenerated" | "attcompression" => "".into(),
        _ => Cell::Null,
    }
}

/// Object, column number and text; number 0 is the object itself.
fn comments(objects: &Objects) -> Vec<(i32, i64, String)> {
    let mut comments = Vec::new();
    for object in objects.all() {
        comments.extend(objects.comment(object).map(|text| (object.oid, 0, text)));
        comments.extend(
            objects
                .column_comments(object)
                .into_iter()
                .map(|(number, text)| (object.oid, number, text)),
        );
    }
    comments
}

fn database(owner: i32, column: &str) -> Cell {
    match column {
        "oid" => database_id(DATABASE).into(),
        "datname" => DATABASE.into(),
        "datdba" => owner.into(),
        "encoding" => 6.into(),
        "datlocprovider" => "c".into(),
        "datistemplate" => false.into(),
        "datallowconn" => true.into(),
        "datconnlimit" => (-1).into(),
        "datfrozenxid" | "datminmxid" => 0.into(),
        "dattablespace" => 1663.into(),
        "datcollate" => "C".into(),
        "datctype" => "C.UTF-8".into(),
        _ => Cell::Null,
    }
}

/// A person sees themselves.
fn role(user: &str, oid: i32, column: &str) -> Cell {
    match column {
        "oid" | "usesysid" => oid.into(),
        "rolname" | "usename" => user.to_owned().into(),
        "rolcanlogin" | "rolinherit" => true.into(),
        "rolpassword" | "passwd" => "********".into(),
        "rolconnlimit" => (-1).into(),
        "rolvaliduntil" | "valuntil" | "rolconfig" | "useconfig" => Cell::Null,
        _ => false.into(),
    }
}

/// PostgreSQL's settings with this session's values, and our own.
fn settings(person: &Person, relation: &Relation) -> Result<RecordBatch> {
    let mut items: Vec<(String, Option<usize>, String)> = Vec::new();
    let current = person.settings.read();
    let known = data::rows(&relation.name);
    if let Some(known) = known {
        let names = known.column(0).as_string::<i32>();
        let values = known.column(1).as_string::<i32>();
        for row in 0..known.num_rows() {
            let value = current.show(names.value(row));
            let value = value.unwrap_or_else(|_| values.value(row).to_owned());
            items.push((names.value(row).to_owned(), Some(row), value));
        }
    }
    for name in Settings::names() {
        let Ok(value) = current.show(name) else { continue };
        if !items.iter().any(|(known, ..)| known.eq_ignore_ascii_case(name)) {
            items.push((name.to_owned(), None, value));
        }
    }
    drop(current);
    items.sort_by_key(|(name, ..)| name.to_lowercase());
    rows::batch(&relation.arrow, &items, |(name, row, value), column| {
        let fixed = || {
            let values = known?.column_by_name(column)?.as_string_opt::<i32>()?;
            let row = (*row)?;
            values.is_valid(row).then(|| values.value(row).to_owned())
        };
        match column {
            "name" => name.clone().into(),
            "setting" => value.clone().into(),
            "pending_restart" => false.into(),
            "category" if row.is_none() => "Customized Options".into(),
            "context" if row.is_none() => "user".into(),
            "vartype" if row.is_none() => "string".into(),
            "source" if row.is_none() => "default".into(),
            _ => fixed().into(),
        }
    })
}

/// The person's own running statements.
fn activity(person: &Person, relation: &Relation, owner: i32) -> Result<RecordBatch> {
    let mut queries = person.deployment.queries.all();
    queries.retain(|query| {
        query.context.principal.user == person.principal.user && query.state() == QueryState::Running
    });
    rows::batch(&relation.arrow, &queries, |query, column| match column {
        "datid" => database_id(DATABASE).into(),
        "datname" => DATABASE.into(),
        "usesysid" => owner.into(),
        "usename" => person.principal.user.clone().into(),
        "application_name" => person.settings.read().application_name.clone().into(),
        "query_start" | "xact_start" | "state_change" => query.started.to_rfc3339().into(),
        "state" => "active".into(),
        "query_id" => i64::try_from(query.context.query_id).ok().into(),
        "query" => query.text.clone().into(),
        "backend_type" => "client backend".into(),
        _ => Cell::Null,
    })
}
