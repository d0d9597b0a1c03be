//! Views of `information_schema`.
//!
//! Owns: schemata, tables, columns, views and what they are granted with. Does not own: which objects there are; see [`Objects`].
//! Invariant: a view that is not named here has its columns and no rows.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;

use super::objects::{Attribute, Object, Objects};
use super::relations::{self, Relation};
use super::rows::{self, Cell};
use super::types;
use crate::catalog::{DATABASE, Person};

/// Rows of a view; `None` when it has none here.
pub(super) fn rows(person: &Arc<Person>, relation: &Relation) -> Result<Option<RecordBatch>> {
    let schema = &relation.arrow;
    let objects = Objects::of(person);
    let user = &person.principal.user;
    let batch = match relation.name.as_str() {
        "information_schema_catalog_name" => rows::batch(schema, &[()], |(), _| DATABASE.into()),
        "enabled_roles" | "applicable_roles" => rows::batch(schema, &[()], |(), column| match column {
            "role_name" | "grantee" => user.clone().into(),
            _ => "NO".into(),
        }),
        "schemata" => rows::batch(schema, objects.schemas(), |(_, name), column| match column {
            "catalog_name" => DATABASE.into(),
            "schema_name" => name.clone().into(),
            "schema_owner" => user.clone().into(),
            _ => Cell::Null,
        }),
        "tables" => rows::batch(schema, &everything(&objects), |object, column| match column {
            "table_catalog" => DATABASE.into(),
            "table_schema" => object.schema.clone().into(),
            "table_name" => object.name.clone().into(),
            "table_type" => table_type(object).into(),
            "is_insertable_into" | "is_typed" => "NO".into(),
            _ => Cell::Null,
        }),
        "views" => views(schema, &objects),
        "columns" => columns(schema, &objects),
        "table_privileges" | "role_table_grants" => {
            rows::batch(schema, objects.all(), |object, column| match column {
                "grantor" | "grantee" => user.clone().into(),
                "table_catalog" => DATABASE.into(),
                "table_schema" => object.schema.clone().into(),
                "table_name" => object.name.clone().into(),
                "privilege_type" => "SELECT".into(),
                "with_hierarchy" => "YES".into(),
                _ => "NO".into(),
            })
        }
        _ => return Ok(None),
    };
    batch.map(Some)
}

fn views(schema: &SchemaRef, objects: &Objects) -> Result<RecordBatch> {
    let views = objects.all().iter().filter(|object| object.kind == "v");
    rows::batch(
        schema,
        &views.collect::<Vec<_>>(),
        |object, column| match column {
            "table_catalog" => DATABASE.into(),
            "table_schema" => object.schema.clone().into(),
            "table_name" => object.name.clone().into(),
            "view_definition" => objects.definition(object).into(),
            "check_option" => "NONE".into(),
            _ => "NO".into(),
        },
    )
}

fn columns(schema: &SchemaRef, objects: &Objects) -> Result<RecordBatch> {
    let all = everything(objects);
    let columns = all.iter().flat_map(|object| {
        let numbered = objects.attributes(object).into_iter().zip(1_i64..);
        numbered.map(move |(attribute, number)| (object, number, attribute))
    });
    rows::batch(
        schema,
        &columns.collect::<Vec<_>>(),
        |(object, number, attribute), column| self::column(object, *number, attribute, column),
    )
}

/// A person's tables and views, and PostgreSQL's.
fn everything(objects: &Objects) -> Vec<Object> {
    let system =
        relations::all().filter_map(|relation| objects.by_name(Some(&relation.schema), &relation.name));
    objects.all().iter().cloned().chain(system).collect()
}

fn table_type(object: &Object) -> &'static str {
    match (object.kind, object.schema.starts_with("pg_temp")) {
        ("v", _) => "VIEW",
        (_, true) => "LOCAL TEMPORARY",
        _ => "BASE TABLE",
    }
}

fn column(object: &Object, number: i64, attribute: &Attribute, column: &str) -> Cell {
    let ty = attribute.ty;
    let internal = types::internal_name(ty.oid).unwrap_or("text");
    let is_array = internal.starts_with('_');
    let bits = match ty.oid {
        20 => Some(64),
        21 => Some(16),
        23 => Some(32),
        700 => Some(24),
        701 => Some(53),
        _ => None,
    };
    match column {
        "table_catalog" | "udt_catalog" => DATABASE.into(),
        "table_schema" => object.schema.clone().into(),
        "table_name" => object.name.clone().into(),
        "column_name" => attribute.name.clone().into(),
        "ordinal_position" => number.into(),
        "is_nullable" => if attribute.not_null { "NO" } else { "YES" }.into(),
        "data_type" if is_array => "ARRAY".into(),
        "data_type" => ty.sql_name().into(),
        "character_octet_length" if matches!(ty.oid, 25 | 1043) => 1_073_741_824_i64.into(),
        "numeric_precision" => bits.into(),
        "numeric_precision_radix" => bits.map(|_| 2).or((ty.oid == 1700).then_some(10)).into(),
        "numeric_scale" => matches!(ty.oid, 20 | 21 | 23).then_some(0).into(),
        "datetime_precision" => match ty.oid {
            1082 => 0.into(),
            1083 | 1114 | 1184 | 1186 => 6.into(),
            _ => Cell::Null,
        },
        "udt_schema" => "pg_catalog".into(),
        "udt_name" => internal.into(),
        "dtd_identifier" => number.to_string().into(),
        "is_self_referencing" | "is_identity" | "identity_cycle" | "is_updatable" => "NO".into(),
        "is_generated" => "NEVER".into(),
        _ => Cell::Null,
    }
}
