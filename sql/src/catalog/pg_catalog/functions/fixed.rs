//! Functions of the catalog that answer everybody alike.
//!
//! Does not own: what depends on the person; see [`mod@super::of_session`]. Invariant: a function about what this database has none of
//! (constraints, triggers, partitions, statistics) answers what PostgreSQL answers for an object that isn't there: NULL.

use datafusion::logical_expr::ScalarUDF;

use super::{Arguments, name_parts, plain};
use crate::catalog::DATABASE;
use crate::catalog::pg_catalog::rows::Cell;
use crate::catalog::pg_catalog::types;

/// Functions about objects that this database has none of, with what PostgreSQL declares them to return.
const OF_NOTHING: &[(&str, &str)] = &[
    ("inet_client_addr", "text"),
    ("inet_server_addr", "text"),
    ("inet_server_port", "integer"),
    ("pg_get_constraintdef", "text"),
    ("pg_get_expr", "text"),
    ("pg_get_function_arg_default", "text"),
    ("pg_get_function_sqlbody", "text"),
    ("pg_get_functiondef", "text"),
    ("pg_get_indexdef", "text"),
    ("pg_get_partition_constraintdef", "text"),
    ("pg_get_partkeydef", "text"),
    ("pg_get_ruledef", "text"),
    ("pg_get_serial_sequence", "text"),
    ("pg_get_statisticsobjdef", "text"),
    ("pg_get_statisticsobjdef_columns", "text"),
    ("pg_get_statisticsobjdef_expressions", "text[]"),
    ("pg_get_triggerdef", "text"),
    ("pg_index_column_has_property", "boolean"),
    ("pg_index_has_property", "boolean"),
    ("pg_indexam_has_property", "boolean"),
    ("pg_partition_ancestors", "text"),
    ("pg_partition_root", "oid"),
    ("pg_stat_get_last_analyze_time", "timestamp with time zone"),
    ("shobj_description", "text"),
];

/// Functions that give one answer, whatever they are asked about.
const ALWAYS: &[(&str, &str, Fixed)] = &[
    ("pg_backend_pid", "integer", Fixed::Number(1)),
    ("pg_column_is_updatable", "boolean", Fixed::No),
    ("pg_database_size", "bigint", Fixed::Number(0)),
    ("pg_indexes_size", "bigint", Fixed::Number(0)),
    ("pg_is_in_recovery", "boolean", Fixed::No),
    ("pg_is_other_temp_schema", "boolean", Fixed::No),
    ("pg_my_temp_schema", "oid", Fixed::Number(0)),
    ("pg_relation_is_publishable", "boolean", Fixed::No),
    ("pg_relation_is_updatable", "integer", Fixed::Number(0)),
    ("pg_relation_size", "bigint", Fixed::Number(0)),
    ("pg_stat_get_numscans", "bigint", Fixed::Number(0)),
    ("pg_table_size", "bigint", Fixed::Number(0)),
    ("pg_tablespace_location", "text", Fixed::Text("")),
    ("pg_tablespace_size", "bigint", Fixed::Number(0)),
    ("pg_total_relation_size", "bigint", Fixed::Number(0)),
    ("pg_client_encoding", "text", Fixed::Text("UTF8")),
    ("current_database", "text", Fixed::Text(DATABASE)),
    ("current_catalog", "text", Fixed::Text(DATABASE)),
    ("version", "text", Fixed::Text(VERSION)),
];

const VERSION: &str = concat!("PostgreSQL 15.0 (Causeway ", env!("CARGO_PKG_VERSION"), ")");

#[derive(Clone, Copy)]
enum Fixed {
    No,
    Number(i64),
    Text(&'static str),
}

impl From<Fixed> for Cell {
    fn from(value: Fixed) -> Self {
        match value {
            Fixed::No => Self::Bool(false),
            Fixed::Number(number) => Self::Int(number),
            Fixed::Text(text) => Self::from(text),
        }
    }
}

/// Objects of these kinds are found wherever they are.
const VISIBLE: &[&str] = &[
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_opfamily_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible",
    "pg_type_is_visible",
];

const PRIVILEGES: &[&str] = &[
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_foreign_data_wrapper_privilege",
    "has_function_privilege",
    "has_language_privilege",
    "has_parameter_privilege",
    "has_schema_privilege",
    "has_sequence_privilege",
    "has_server_privilege",
    "has_table_privilege",
    "has_tablespace_privilege",
    "has_type_privilege",
    "pg_has_role",
];

/// All of them.
pub(in crate::catalog::pg_catalog) fn fixed() -> Vec<ScalarUDF> {
    let mut functions = Vec::new();
    for (name, returns) in OF_NOTHING {
        functions.push(plain(name, returns, |_, _| Cell::Null));
    }
    for (name, returns, answer) in ALWAYS {
        functions.push(plain(name, returns, |_, _| (*answer).into()));
    }
    for name in VISIBLE {
        functions.push(plain(name, "boolean", |given, row| {
            given.number(0, row).map(|_| true).into()
        }));
    }
    for name in PRIVILEGES {
        functions.push(plain(name, "boolean", privilege));
    }
    functions.extend([
        plain("format_type", "text", |given, row| {
            let name = given
                .number(0, row)
                .map(|oid| types::name(oid, given.number(1, row)));
            name.into()
        }),
        plain("pg_encoding_to_char", "name", |given, row| {
            given
                .number(0, row)
                .map(|number| if number == 6 { "UTF8" } else { "" })
                .into()
        }),
        plain("pg_char_to_encoding", "integer", |given, row| {
            let number = |name: &str| if name.eq_ignore_ascii_case("utf8") { 6 } else { -1 };
            given.text(0, row).map(number).into()
        }),
        plain("parse_ident", "text[]", |given, row| {
            let parts = given.text(0, row).map(name_parts);
            let quoted = |part: String| format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\""));
            let listed = |parts: Vec<String>| parts.into_iter().map(quoted).collect::<Vec<_>>().join(",");
            parts.map(|parts| format!("{{{}}}", listed(parts))).into()
        }),
    ]);
    functions
}

/// Whether this database, which is read only, grants one of the privileges in the last argument.
fn privilege(given: &Arguments, row: usize) -> Cell {
    let last = given.count().saturating_sub(1);
    let granted = |privilege: &str| {
        let privilege = privilege.trim().to_uppercase();
        let privilege = privilege.strip_suffix(" WITH GRANT OPTION").unwrap_or(&privilege);
        matches!(
            privilege,
            "SELECT" | "USAGE" | "CONNECT" | "TEMP" | "TEMPORARY" | "EXECUTE" | "MEMBER" | "SET"
        )
    };
    let asked = given.text(last, row);
    asked.map(|asked| asked.split(',').any(granted)).into()
}
