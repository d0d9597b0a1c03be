//! The tables and views of `pg_catalog` and `information_schema`: their names, object ids and columns.
//!
//! Does not own: rows. Invariant: every relation of PostgreSQL 15 is there with its own columns, whether it has rows here or not.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};

use super::{columns, rows};

pub(super) const PG_CATALOG: &str = "pg_catalog";
pub(super) const INFORMATION_SCHEMA: &str = "information_schema";

/// A table or view of PostgreSQL's own.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) oid: i32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    pub(super) arrow: SchemaRef,
    pub(super) is_table: bool,
}

/// One of its columns.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type as PostgreSQL declares it.
    pub(super) declared: String,
    pub(super) not_null: bool,
}

static RELATIONS: LazyLock<BTreeMap<(String, String), Relation>> = LazyLock::new(|| {
    let mut relations = BTreeMap::new();
    for record in rows::records(include_str!("data/relations.csv")) {
        let text = |at: usize| record.get(at).unwrap_or_default();
        let key = (text(1).to_owned(), text(2).to_owned());
        let relation = relations.entry(key).or_insert_with(|| Relation {
            oid: text(0).parse().unwrap_or_default(),
            schema: text(1).to_owned(),
            name: text(2).to_owned(),
            columns: Vec::new(),
            arrow: Arc::new(Schema::empty()),
            is_table: text(3) == "r",
        });
        relation.columns.push(Column {
            name: text(5).to_owned(),
            declared: text(6).to_owned(),
            not_null: text(7) == "t",
        });
    }
    for relation in relations.values_mut() {
        let columns = relation.columns.iter();
        let fields: Vec<_> = columns
            .map(|column| columns::field(&column.name, &column.declared))
            .collect();
        relation.arrow = Arc::new(Schema::new(fields));
    }
    relations
});

pub(super) fn find(schema: &str, name: &str) -> Option<&'static Relation> {
    RELATIONS.get(&(schema.to_owned(), name.to_owned()))
}

/// All of them, by schema and name.
pub(super) fn all() -> impl Iterator<Item = &'static Relation> {
    RELATIONS.values()
}

/// The type of the items, where `pg_catalog` has a column of this name that is an array.
pub(super) fn item_of(column: &str) -> Option<&'static DataType> {
    let mut fields = all().filter_map(|relation| relation.arrow.field_with_name(column).ok());
    fields.find_map(|field| match field.data_type() {
        DataType::List(item) => Some(item.data_type()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_have_the_columns_of_postgresql() {
        let class = find(PG_CATALOG, "pg_class").expect("a relation");
        assert_eq!((class.oid, class.columns.len(), class.is_table), (1259, 33, true));
        let columns = find(INFORMATION_SCHEMA, "columns").expect("a relation");
        assert_eq!((columns.columns.len(), columns.is_table), (44, false));
        assert!(all().count() > 190);
    }
}
