//! What a catalog question asks about, and the descriptions that it needs.
//!
//! Owns: reading the question's text, and fetching names and columns before it is answered. Does not own: the answer. Invariant: a
//! question about one table describes one table, and a source that can't be reached is left out.

use std::sync::{Arc, LazyLock};

use causeway_core::{QueryContext, Source};
use datafusion::sql::sqlparser::ast;
use regex::Regex;

use super::objects::{Object, Objects};
use crate::Error;
use crate::catalog::Person;
use crate::catalog::views::plan::Planner;
use crate::catalog::views::{SESSION_SCHEMA, VIEWS_SCHEMA, listing};

/// What stands in every question that is about tables.
const NAMES_TABLES: [&str; 8] = [
    "pg_class",
    "pg_tables",
    "pg_attribute",
    "pg_description",
    "regclass",
    "information_schema.",
    "pg_stat",
    "pg_views",
];

/// Fetches what a catalog question needs: names of tables, and columns of those that it asks about.
///
/// A source that can't be reached is left out, so that the others can be browsed; a query on it will say why.
pub(crate) async fn prepare(
    person: &Arc<Person>,
    planner: &Arc<Planner>,
    context: &Arc<QueryContext>,
    statement: &ast::Statement,
) -> Result<(), Error> {
    let text = statement.to_string().to_lowercase();
    if !NAMES_TABLES.iter().any(|name| text.contains(name)) {
        return Ok(());
    }
    let question = Question::of(&text, person);
    // An object id was handed out by an earlier answer; unless that was before a restart, the names are known.
    let by_object_id = !question.object_ids.is_empty() && question.tables.is_empty();
    let named = |ids: &[i64]| -> Vec<Object> {
        let objects = Objects::of(person);
        ids.iter().filter_map(|id| objects.by_id(*id)).collect()
    };
    let asked = named(&question.object_ids);
    let all_known = asked.len() == question.object_ids.len();
    if !by_object_id || !all_known {
        learn_names(person, context, &question).await;
    }
    let mut views = question.tables.clone();
    let asked = if all_known {
        asked
    } else {
        named(&question.object_ids)
    };
    let by_id = asked.iter().filter(|object| object.schema == VIEWS_SCHEMA);
    views.extend(by_id.map(|view| view.name.clone()));
    listing::refresh(person, planner, context, &views).await?;
    if text.contains("pg_attribute") && !question.object_ids.is_empty() {
        for object in &asked {
            if let Some(source) = person.deployment.source(&object.schema) {
                skip_unreachable(source.table(context, &object.name).await.map(|_| ()));
            }
        }
        return Ok(());
    }
    let asks_all_columns = (text.contains("pg_attribute") || text.contains("information_schema.columns"))
        && question.tables.is_empty();
    if asks_all_columns {
        for source in question.concerned(person) {
            skip_unreachable(source.describe_all(context).await);
        }
        listing::refresh(person, planner, context, &views).await?;
    }
    Ok(())
}

/// Fetches the names of all tables, or the columns of those that are named.
async fn learn_names(person: &Person, context: &Arc<QueryContext>, question: &Question) {
    for source in question.concerned(person) {
        let outcome = if question.tables.is_empty() {
            source.tables(context).await.map(|_| ())
        } else {
            describe_named(source.as_ref(), context, &question.tables).await
        };
        skip_unreachable(outcome);
    }
}

async fn describe_named(
    source: &dyn Source,
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

    /// The sources that it may be about.
    fn concerned<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Arc<dyn Source>> {
        let sources = person.deployment.sources.iter();
        sources.filter(|source| self.concerns(source.name()))
    }

    fn concerns(&self, source: &str) -> bool {
        self.schemas.is_empty() || self.schemas.iter().any(|schema| schema == source)
    }
}
