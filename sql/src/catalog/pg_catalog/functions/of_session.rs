//! Functions of the catalog whose answers depend on the person and their session.
//!
//! Owns: names of objects and their ids, comments, definitions, settings. Does not own: which objects there are. Invariant: what is
//! looked up is looked up when the function is called.

use std::sync::Arc;

use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::Int32Type;
use datafusion::logical_expr::ScalarUDF;

use super::{Arguments, attempted, looked_up, name_parts, plain, prepared, quoted};
use crate::catalog::pg_catalog::objects::{Object, Objects, role_id, search_path};
use crate::catalog::pg_catalog::rows::Cell;
use crate::catalog::pg_catalog::{data, types};
use crate::catalog::{Person, SEARCH_SCHEMA};
use crate::error::{Error, sqlstate};

/// All of them.
pub(in crate::catalog::pg_catalog) fn of_session(person: &Arc<Person>) -> Vec<ScalarUDF> {
    let user = |name| {
        let user = person.principal.user.clone();
        plain(name, "text", move |_, _| user.clone().into())
    };
    let mut functions = vec![
        user("session_user"),
        user("current_user"),
        user("current_role"),
        user("user"),
        // Every object belongs to the person who looks.
        user("pg_get_userbyid"),
    ];
    functions.extend(schemas(person));
    functions.extend(settings(person));
    functions.extend(descriptions(person));
    functions.extend(visibility(person));
    for kind in &KINDS {
        functions.extend(registered(person, kind));
    }
    functions.extend(signatures());
    functions
}

fn schemas(person: &Arc<Person>) -> [ScalarUDF; 2] {
    let of = Arc::clone(person);
    let current = plain("current_schema", "name", move |_, _| {
        let first = of.settings.read().search_path.first().cloned();
        first.unwrap_or_else(|| SEARCH_SCHEMA.to_owned()).into()
    });
    let of = Arc::clone(person);
    let all = plain("current_schemas", "name[]", move |given, row| {
        let mut path = of.settings.read().search_path.clone();
        if path.is_empty() {
            path.push(SEARCH_SCHEMA.to_owned());
        }
        if given.boolean(0, row) == Some(true) {
            path.insert(0, "pg_catalog".to_owned());
        }
        format!("{{{}}}", path.join(",")).into()
    });
    [current, all]
}

fn settings(person: &Arc<Person>) -> [ScalarUDF; 2] {
    let of = Arc::clone(person);
    let read = attempted("current_setting", "text", move |given, row| {
        let Some(name) = given.text(0, row) else {
            return Ok(Cell::Null);
        };
        match of.settings.read().show(name) {
            Ok(value) => Ok(value.into()),
            Err(_) if given.boolean(1, row) == Some(true) => Ok(Cell::Null),
            Err(error) => Err(error.into()),
        }
    });
    let of = Arc::clone(person);
    let write = attempted("set_config", "text", move |given, row| {
        let (Some(name), Some(value)) = (given.text(0, row), given.text(1, row)) else {
            return Ok(Cell::Null);
        };
        if given.boolean(2, row) == Some(true) {
            let message = "set_config for a transaction only is not supported";
            let error = Error::new(sqlstate::NOT_SUPPORTED, message).with_hint("use SET LOCAL");
            return Err(error.into());
        }
        of.settings.change(|settings| {
            let defaults = settings.clone();
            settings.set(name, Some(value), &defaults)
        })?;
        Ok(of.settings.read().show(name)?.into())
    });
    [read, write]
}

/// A function that is asked about a table or view by its id.
fn about(
    person: &Arc<Person>,
    name: &'static str,
    returns: &'static str,
    answer: fn(&Objects, &Object, &Arguments, usize) -> Cell,
) -> ScalarUDF {
    let of = Arc::clone(person);
    prepared(name, returns, move || {
        let objects = Objects::of(&of);
        Box::new(move |given, row| {
            let found = given.number(0, row).and_then(|oid| objects.by_id(oid));
            found.map_or(Cell::Null, |object| answer(&objects, &object, given, row))
        })
    })
}

/// Labels and API names, and the queries of views.
fn descriptions(person: &Arc<Person>) -> [ScalarUDF; 3] {
    [
        about(
            person,
            "obj_description",
            "text",
            |objects, object, given, row| match given.text(1, row) {
                None | Some("pg_class") => objects.comment(object).into(),
                Some(_) => Cell::Null,
            },
        ),
        about(
            person,
            "col_description",
            "text",
            |objects, object, given, row| {
                let number = given.number(1, row);
                let comments = objects.column_comments(object).into_iter();
                let mut comments = comments.filter(|(at, _)| Some(*at) == number);
                comments.next().map(|(_, comment)| comment).into()
            },
        ),
        about(person, "pg_get_viewdef", "text", |objects, object, _, _| {
            objects.definition(object).into()
        }),
    ]
}

/// Whether a table can be named without its schema. Everything can while no search path is set, as clients list only what is visible.
fn visibility(person: &Arc<Person>) -> [ScalarUDF; 1] {
    let of = Arc::clone(person);
    [prepared("pg_table_is_visible", "boolean", move || {
        let (objects, path) = (Objects::of(&of), search_path(&of));
        let is_set = !of.settings.read().search_path.is_empty();
        Box::new(move |given, row| {
            let found = given.number(0, row).and_then(|oid| objects.by_id(oid));
            let is_visible = |object: &Object| {
                !is_set
                    || path.contains(&object.schema)
                        && objects
                            .by_name(None, &object.name)
                            .is_some_and(|first| first == *object)
            };
            found.map(|object| is_visible(&object)).into()
        })
    })]
}

/// A kind of object that has a type of ids, `reg…`.
struct Kind {
    /// The type, and the function that gives what a cast to it means: an id for a name, a name for an id.
    name: &'static str,
    id: &'static str,
    text: &'static str,
    to: &'static str,
    to_id: fn(&Objects, &str) -> Option<i32>,
    to_name: fn(&Objects, i64) -> Option<String>,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "regclass",
        id: "regclass_id",
        text: "regclass_name",
        to: "to_regclass",
        to_id: |objects, name| match name_parts(name).as_slice() {
            [name] => Some(objects.by_name(None, name)?.oid),
            [.., schema, name] => Some(objects.by_name(Some(schema), name)?.oid),
            [] => None,
        },
        to_name: |objects, oid| {
            let object = objects.by_id(oid)?;
            let is_first = objects
                .by_name(None, &object.name)
                .is_some_and(|first| first == object);
            Some(match is_first {
                true => quoted(&object.name),
                false => format!("{}.{}", quoted(&object.schema), quoted(&object.name)),
            })
        },
    },
    Kind {
        name: "regtype",
        id: "regtype_id",
        text: "regtype_name",
        to: "to_regtype",
        to_id: |_, name| types::oid_of(name),
        to_name: |_, oid| Some(types::name(oid, None)).filter(|name| name != "???"),
    },
    Kind {
        name: "regnamespace",
        id: "regnamespace_id",
        text: "regnamespace_name",
        to: "to_regnamespace",
        to_id: |objects, name| {
            let name = name_parts(name).pop()?;
            let found = objects.schemas().iter().find(|(_, schema)| *schema == name);
            found.map(|(oid, _)| *oid)
        },
        to_name: |objects, oid| {
            let found = objects.schemas().iter().find(|(id, _)| i64::from(*id) == oid);
            found.map(|(_, name)| quoted(name))
        },
    },
    Kind {
        name: "regproc",
        id: "regproc_id",
        text: "regproc_name",
        to: "to_regproc",
        to_id: |_, name| function_id(name),
        to_name: |_, oid| function_name(oid),
    },
    Kind {
        name: "regrole",
        id: "regrole_id",
        text: "regrole_name",
        to: "to_regrole",
        to_id: |objects, name| (name_parts(name).pop()? == objects.user()).then(|| role_id(objects.user())),
        to_name: |objects, oid| (oid == i64::from(role_id(objects.user()))).then(|| quoted(objects.user())),
    },
];

/// The casts to a type of ids, by what they are wanted for.
fn registered(person: &Arc<Person>, kind: &'static Kind) -> [ScalarUDF; 3] {
    let of = Arc::clone(person);
    let id = looked_up(kind.id, "oid", move || {
        let objects = Objects::of(&of);
        Box::new(move |given, row| {
            // A number is an id already.
            match (given.number(0, row), given.text(0, row)) {
                (Some(number), _) => Ok(number.into()),
                (None, Some(name)) => Ok(kind.found(&objects, name)?.into()),
                (None, None) => Ok(Cell::Null),
            }
        })
    });
    let of = Arc::clone(person);
    let text = looked_up(kind.text, "text", move || {
        let objects = Objects::of(&of);
        Box::new(move |given, row| {
            let id = match (given.number(0, row), given.text(0, row)) {
                (Some(number), _) => number,
                (None, Some(name)) => i64::from(kind.found(&objects, name)?),
                (None, None) => return Ok(Cell::Null),
            };
            let name = match id {
                0 => "-".to_owned(),
                id => (kind.to_name)(&objects, id).unwrap_or_else(|| id.to_string()),
            };
            Ok(name.into())
        })
    });
    let of = Arc::clone(person);
    let to = prepared(kind.to, "oid", move || {
        let objects = Objects::of(&of);
        Box::new(move |given, row| {
            let number = given.number(0, row);
            let named = || given.text(0, row).and_then(|name| (kind.to_id)(&objects, name));
            number.or_else(|| named().map(i64::from)).into()
        })
    });
    [id, text, to]
}

impl Kind {
    /// The id of an object that must be there; `-` is none.
    fn found(&self, objects: &Objects, name: &str) -> Result<i32, Error> {
        if name == "-" {
            return Ok(0);
        }
        (self.to_id)(objects, name).ok_or_else(|| {
            let (code, what) = match self.name {
                "regclass" => (sqlstate::UNDEFINED_TABLE, "relation"),
                "regnamespace" => ("3F000", "schema"),
                "regproc" => (sqlstate::UNDEFINED_FUNCTION, "function"),
                "regrole" => (sqlstate::UNKNOWN_SETTING, "role"),
                _ => (sqlstate::UNKNOWN_SETTING, "type"),
            };
            let bare = name.trim().trim_matches('"');
            Error::new(code, format!("{what} \"{bare}\" does not exist"))
        })
    }
}

/// The types of ids, each with the functions that give an id and a name.
pub(in crate::catalog::pg_catalog) fn id_types()
-> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.name, kind.id, kind.text))
}

/// A row of `pg_proc` for which `test` holds of id and name.
fn function(test: impl Fn(i32, &str) -> bool) -> Option<(i32, &'static str)> {
    let rows = data::rows("pg_proc")?;
    let ids = rows.column(0).as_primitive_opt::<Int32Type>()?;
    let names = rows.column(1).as_string_opt::<i32>()?;
    let mut all = (0..rows.num_rows()).map(|row| (ids.value(row), names.value(row)));
    all.find(|(id, name)| test(*id, name))
}

fn function_id(name: &str) -> Option<i32> {
    let name = name.split('(').next().unwrap_or(name);
    let name = name_parts(name).pop()?;
    function(|_, known| known == name).map(|(id, _)| id)
}

fn function_name(oid: i64) -> Option<String> {
    function(|id, _| i64::from(id) == oid).map(|(_, name)| quoted(name))
}

/// What `\df` shows of a function.
fn signatures() -> [ScalarUDF; 3] {
    let arguments = |name| {
        plain(name, "text", |given, row| {
            given.number(0, row).and_then(arguments_of).into()
        })
    };
    [
        arguments("pg_get_function_arguments"),
        arguments("pg_get_function_identity_arguments"),
        plain("pg_get_function_result", "text", |given, row| {
            given.number(0, row).and_then(result_of).into()
        }),
    ]
}

/// The row of a function in `pg_proc`, and the table.
fn function_row(oid: i64) -> Option<(&'static datafusion::arrow::array::RecordBatch, usize)> {
    let rows = data::rows("pg_proc")?;
    let ids = rows.column(0).as_primitive_opt::<Int32Type>()?;
    let row = ids.values().iter().position(|id| i64::from(*id) == oid)?;
    Some((rows, row))
}

fn arguments_of(oid: i64) -> Option<String> {
    let (rows, row) = function_row(oid)?;
    let lists = rows
        .column_by_name("proargtypes")?
        .as_list_opt::<i32>()?
        .value(row);
    let types = lists.as_primitive_opt::<Int32Type>()?.values().iter();
    let names: Vec<_> = types.map(|oid| types::name(i64::from(*oid), None)).collect();
    Some(names.join(", "))
}

fn result_of(oid: i64) -> Option<String> {
    let (rows, row) = function_row(oid)?;
    let result = rows
        .column_by_name("prorettype")?
        .as_primitive_opt::<Int32Type>()?;
    let set = rows.column_by_name("proretset")?.as_boolean_opt()?;
    let name = types::name(i64::from(result.value(row)), None);
    Some(if set.value(row) {
        format!("SETOF {name}")
    } else {
        name
    })
}
