//! Rows that are the same for everybody, from the files beside.
//!
//! Owns: reading them, once per process and only those that are asked for. Does not own: their columns; see [`relations`].

use std::sync::OnceLock;

use datafusion::arrow::array::RecordBatch;

use super::relations::{self, PG_CATALOG};
use super::rows::{self, Cell};

/// A file of rows.
struct File {
    relation: &'static str,
    text: &'static str,
    rows: OnceLock<Option<RecordBatch>>,
}

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(File {
            relation: $name,
            text: include_str!(concat!("data/", $name, ".csv")),
            rows: OnceLock::new(),
        }),*]
    };
}

static FILES: [File; 20] = files![
    "pg_aggregate",
    "pg_am",
    "pg_cast",
    "pg_collation",
    "pg_conversion",
    "pg_get_keywords",
    "pg_language",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_proc",
    "pg_range",
    "pg_settings",
    "pg_tablespace",
    "pg_timezone_names",
    "pg_ts_config",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_type",
];

/// The rows of a relation of `pg_catalog`; `None` for those without a file.
pub(super) fn rows(relation: &str) -> Option<&'static RecordBatch> {
    let file = FILES.iter().find(|file| file.relation == relation)?;
    file.rows.get_or_init(|| read(file)).as_ref()
}

fn read(file: &File) -> Option<RecordBatch> {
    let relation = relations::find(PG_CATALOG, file.relation)?;
    let records: Vec<_> = rows::records(file.text).collect();
    let place = |name: &str| relation.columns.iter().position(|column| column.name == name);
    let cell = |record: &csv::StringRecord, name: &str| match place(name).and_then(|at| record.get(at)) {
        None | Some("\\N") => Cell::Null,
        Some(text) => Cell::from(text.to_owned()),
    };
    rows::batch(&relation.arrow, &records, cell).ok()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array as _, AsArray as _};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn every_file_has_its_relation_and_its_rows() {
        for file in &FILES {
            let batch = rows(file.relation).expect(file.relation);
            assert_eq!(
                batch.num_rows(),
                rows::records(file.text).count(),
                "{}",
                file.relation
            );
        }
    }

    #[test]
    fn functions_of_types_are_there() {
        let ids = |relation: &str, column: &str| {
            let column = rows(relation)
                .expect(relation)
                .column_by_name(column)
                .expect(column);
            assert_eq!(column.null_count(), 0);
            column.as_primitive::<Int32Type>().values().to_vec()
        };
        let functions = ids("pg_proc", "oid");
        for column in ["typinput", "typoutput", "typreceive", "typsend"] {
            for function in ids("pg_type", column) {
                assert!(
                    function == 0 || functions.contains(&function),
                    "{column} {function}"
                );
            }
        }
    }
}
