//! Why functions that PostgreSQL has are not here.
//!
//! Owns: the reasons, which errors give as a hint and `docs/postgres.md` lists. Does not own: which functions are here.
//! Invariant: a reason is about this database, not about the call. Start at [`reason`].

/// Beginnings of names, or whole names, and the reason for which they are not here. The first that fits counts.
const REASONS: &[(&[&str], &str)] = &[
    (
        &["nextval", "currval", "lastval", "setval", "pg_sequence"],
        "there are no sequences: this database reads other systems and changes nothing",
    ),
    (
        &["lo_", "lowrite", "loread"],
        "there are no large objects: this database reads other systems",
    ),
    (
        &["jsonb_path_", "json_path_"],
        "jsonpath is not here; use #>, -> and jsonb_array_elements",
    ),
    (
        &["json_populate_", "jsonb_populate_"],
        "there are no composite types; use json_to_record with a list of columns",
    ),
    (
        &[
            "to_tsvector",
            "to_tsquery",
            "plainto_tsquery",
            "phraseto_tsquery",
            "websearch_to_tsquery",
            "ts_",
            "tsvector",
            "tsquery",
            "numnode",
            "setweight",
            "strip",
            "querytree",
            "json_to_tsvector",
            "jsonb_to_tsvector",
            "array_to_tsvector",
        ],
        "there are no text search types; use LIKE, ILIKE and regular expressions",
    ),
    (
        &[
            "xml",
            "xpath",
            "query_to_xml",
            "table_to_xml",
            "schema_to_xml",
            "database_to_xml",
            "cursor_to_xml",
        ],
        "there is no type xml",
    ),
    (
        &[
            "abbrev",
            "broadcast",
            "family",
            "host",
            "hostmask",
            "inet_merge",
            "inet_same_family",
            "masklen",
            "netmask",
            "network",
            "set_masklen",
            "macaddr",
            "trunc_macaddr",
        ],
        "there are no network address types; addresses are texts",
    ),
    (
        &[
            "area",
            "center",
            "diagonal",
            "diameter",
            "height",
            "isclosed",
            "isopen",
            "npoints",
            "pclose",
            "popen",
            "radius",
            "slope",
            "width",
            "bound_box",
            "box",
            "circle",
            "line",
            "lseg",
            "path",
            "point",
            "polygon",
        ],
        "there are no geometric types",
    ),
    (
        &[
            "int4range",
            "int8range",
            "numrange",
            "tsrange",
            "tstzrange",
            "daterange",
            "int4multirange",
            "int8multirange",
            "nummultirange",
            "tsmultirange",
            "tstzmultirange",
            "datemultirange",
            "isempty",
            "lower_inc",
            "lower_inf",
            "upper_inc",
            "upper_inf",
            "range_",
            "multirange",
        ],
        "there are no range types; compare with both bounds",
    ),
    (&["enum_"], "there are no enum types; choices are texts"),
    (
        &["pg_advisory_", "pg_try_advisory_"],
        "there are no locks: statements read live data and wait for nobody",
    ),
    (
        &[
            "pg_replication_",
            "pg_logical_",
            "pg_create_",
            "pg_drop_",
            "pg_wal",
            "pg_switch_wal",
            "pg_last_",
            "pg_current_wal",
            "pg_backup_",
            "pg_start_backup",
            "pg_stop_backup",
            "pg_promote",
            "pg_rotate_",
            "pg_reload_",
            "pg_ls_",
            "pg_read_",
            "pg_stat_file",
            "pg_stat_reset",
            "pg_import_",
            "pg_log_",
            "pg_notify",
            "pg_export_",
            "pg_prewarm",
        ],
        "there is no server of PostgreSQL's behind this database",
    ),
    (
        &[
            "txid_",
            "pg_snapshot_",
            "pg_xact_",
            "pg_current_xact_id",
            "pg_current_snapshot",
            "pg_visible_in_snapshot",
        ],
        "there are no transaction ids: statements read live data",
    ),
    (&["money", "cash_"], "there is no type money; use numeric"),
];

/// Why a function is not here; `None` where there is no reason but that nobody has written it.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    let fits = |beginning: &&str| {
        name == *beginning
            || (beginning.ends_with('_') && name.starts_with(*beginning))
            || (beginning.len() > 5 && name.starts_with(*beginning))
    };
    let found = REASONS.iter().find(|(names, _)| names.iter().any(fits));
    found.map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write as _;

    use super::*;
    use crate::functions::overload::{Gives, Overload};
    use crate::functions::unknown::postgresqls;
    use crate::functions::{KEPT, KEPT_AGGREGATES, KEPT_WINDOWS, listed};
    use crate::types::Kind;
    use crate::typing::signatures;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/postgres.md");

    fn types(kinds: &[Kind]) -> Vec<&'static str> {
        kinds
            .iter()
            .map(|kind| {
                if *kind == Kind::Other {
                    "anyarray"
                } else {
                    kind.name()
                }
            })
            .collect()
    }

    fn form(listed: &Overload) -> String {
        let mut takes: Vec<String> = types(listed.takes).iter().map(ToString::to_string).collect();
        takes.extend(listed.rest.map(|rest| format!("{}, …", rest.name())));
        let gives = match listed.gives {
            Gives::One(kind) => format!(" → {}", kind.name()),
            Gives::Of(_) => String::new(),
        };
        format!("({}){gives}", takes.join(", "))
    }

    fn page() -> String {
        let mut forms: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for listed in listed().filter(|listed| {
            listed.name.starts_with(|c: char| c.is_ascii_lowercase()) && !listed.name.starts_with("causeway_")
        }) {
            forms.entry(listed.name).or_default().insert(form(listed));
        }
        for name in KEPT {
            let lists = signatures::of_scalar(name).unwrap_or_default();
            let known = forms.entry(name).or_default();
            known.extend(lists.iter().map(|kinds| format!("({})", types(kinds).join(", "))));
        }
        let mut page = "# PostgreSQL's functions\n\nWhich of PostgreSQL's functions are here, with the types that they take. This page is written by\n`UPDATE_DOCS=1 cargo test --workspace manual` from the tables that the engine looks functions up in.\nWhat is not here is refused with 0A000; a function that PostgreSQL has not is an error (42883), as there.\n\n## Functions\n\n".to_owned();
        for (name, forms) in &forms {
            let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
            let _ = writeln!(
                page,
                "- `{name}`{}{}",
                if forms.is_empty() { "" } else { ": " },
                forms.join("; ")
            );
        }
        let _ = writeln!(page, "\n## Aggregates\n\n{}", names(KEPT_AGGREGATES));
        let _ = writeln!(page, "\n## Window functions\n\n{}", names(KEPT_WINDOWS));
        let _ = writeln!(page, "\n## Not here, and why\n");
        let mut refused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in postgresqls().filter(|name| !forms.contains_key(*name)) {
            if let Some(reason) = reason(name) {
                refused.entry(reason).or_default().push(name);
            }
        }
        for (reason, mut refused) in refused {
            refused.sort_unstable();
            let _ = writeln!(page, "- {reason}: {}", names(&refused));
        }
        page
    }

    fn names(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }

    #[test]
    fn the_page_of_the_manual_is_what_the_tables_say() {
        let page = page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, &page).expect("written");
        }
        let written = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert_eq!(written, page, "run UPDATE_DOCS=1 cargo test --workspace manual");
    }

    #[test]
    fn what_cannot_be_here_says_why() {
        assert!(reason("nextval").is_some_and(|reason| reason.contains("sequences")));
        assert!(reason("jsonb_path_query").is_some());
        assert_eq!(reason("lower"), None);
        assert_eq!(reason("boxes"), None);
    }
}
