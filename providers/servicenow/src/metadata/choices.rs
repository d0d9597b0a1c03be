//! The lists of choices, read when a query first depends on them.
//!
//! Owns: the calls, their cache, and whether a list is believed to be whole.
//! Does not own: what a label stands for; see `query::choice_label`.
//! Invariant: a list that may lack a choice counts as no list. Conditions on its labels are then checked here.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Atom, Constant, Error, QueryContext, RemoteOp, RemoteQuery};

use super::discovery::{Discovery, is_refusal};
use crate::api::client::Client;
use crate::api::records::text;
use crate::cache::Cache;
use crate::query::choice_label::{Choice, Labels, fields_of, replaced};
use crate::query::encoded_query::EncodedQuery;
use crate::query::position::Position;
use crate::query::request::ScanRequest;
use crate::query::wire::is_column_name;
use crate::verification::honored::Identity;

/// As long as schemas.
const LIFE: Duration = Duration::from_secs(3600);
/// Choices of one column name over all tables and languages. Where there are more, the condition is not sent.
const MOST_CHOICES: usize = 10_000;

/// The lists of choices that were read.
#[derive(Debug)]
pub(crate) struct Choices {
    /// By column name, of every table; `None` when the account does not see them all.
    lists: Cache<(Identity, String), Option<Arc<Vec<Choice>>>>,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            lists: Cache::new(LIFE),
        }
    }
}

impl Choices {
    /// The query with stored values in place of labels. What can't be said is left out: it is checked again.
    pub(crate) async fn resolved<'a>(
        &self,
        client: &Client,
        discovery: &Discovery,
        context: &QueryContext,
        query: &'a RemoteQuery,
    ) -> Result<Cow<'a, RemoteQuery>, Error> {
        let fields = fields_of(query);
        if fields.is_empty() {
            return Ok(Cow::Borrowed(query));
        }
        let identity = discovery.identity(&context.principal);
        let related = discovery.relatives(&identity, &query.table.name.remote);
        let mut known = Vec::new();
        for field in fields {
            let load = read(client, context, &field);
            let list = self
                .lists
                .get_or_load((identity.clone(), field.clone()), load)
                .await?;
            let is_related =
                |choice: &&Choice| related.as_ref().is_none_or(|names| names.contains(&choice.table));
            let list = list.map(|list| list.iter().filter(is_related).cloned().collect::<Vec<_>>());
            known.push((field, list.filter(|list| !list.is_empty())));
        }
        let resolve = |labels: &Labels<'_>| {
            let list = known.iter().find(|(field, _)| field == labels.field);
            list.and_then(|(_, list)| labels.resolved(list.as_ref()?))
        };
        Ok(Cow::Owned(replaced(query, &resolve)))
    }
}

/// The choices of a column name, by one call; `None` when they are not all there to be seen.
async fn read(
    client: &Client,
    context: &QueryContext,
    field: &str,
) -> Result<Option<Arc<Vec<Choice>>>, Error> {
    if !is_column_name(field) {
        return Ok(None);
    }
    let of_field = Atom::with("element", RemoteOp::Eq, Constant::text(field));
    let of_field = EncodedQuery::all_of([of_field]).map_err(|reason| client.unwritable(reason))?;
    let request = ScanRequest::of_fields("sys_choice", &["name", "element", "value", "label"], of_field);
    let resource = format!("labels of {field}");
    let position = Position::first(MOST_CHOICES);
    let (rows, page) = match client.whole_page(context, &request, &position, &resource).await {
        Err(error) if is_refusal(error.kind) => return Ok(None),
        page => page?,
    };
    let is_whole = page.total.is_some_and(|total| total == rows.len() as u64);
    let is_readable = rows.iter().all(|row| {
        ["name", "element", "value", "label"]
            .iter()
            .all(|key| row.contains_key(*key))
    });
    if !is_whole || !is_readable || rows.is_empty() {
        tracing::warn!(
            field,
            "the account does not see all choices of this column; conditions on its labels are checked here"
        );
        return Ok(None);
    }
    // The condition may have been ignored.
    let own = rows.iter().filter(|row| text(row, "element") == field);
    let choice = |row| Choice {
        table: text(row, "name").to_owned(),
        value: text(row, "value").trim().to_owned(),
        label: text(row, "label").to_owned(),
    };
    Ok(Some(Arc::new(own.map(choice).collect())))
}
