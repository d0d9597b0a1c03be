//! The three ways to a table's columns: the dictionary, `ui/meta`, a sample of records.
//!
//! Owns: the calls of each. Does not own: which way is taken; see the parent module.
//! Invariant: a predicate may have been ignored, so what it asks for is read back and checked. Start at [`Discovery::dictionary`].

use causeway_core::{Atom, Constant, Error, Kind, QueryContext, RemoteOp};
use serde_json::{Map, Value};

use super::{Discovery, METADATA_PAGE_ROWS, is_refusal, visible};
use crate::api::classify::failure_of;
use crate::api::client::Client;
use crate::api::records::text;
use crate::metadata::dictionary::{
    DICTIONARY_FIELDS, Entry, Lineage, lineage_fields, meta_entries, sample_entries,
};
use crate::query::encoded_query::EncodedQuery;
use crate::query::request::ScanRequest;
use crate::query::wire::is_table_name;

impl Discovery {
    /// The table and its ancestors: from the listing when there is one, else by one call.
    pub(super) async fn lineage(
        &self,
        client: &Client,
        context: &QueryContext,
        name: &str,
        resource: &str,
    ) -> Result<Option<Lineage>, Error> {
        if let Some(parents) = self.parents.get(&self.identity(&context.principal))
            && parents.contains_key(name)
        {
            return Ok(Some(Lineage::of_listing(name, &parents)));
        }
        let fields = lineage_fields();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let named = Atom::with("name", RemoteOp::Eq, Constant::text(name));
        let named = EncodedQuery::all_of([named]).map_err(|reason| client.unwritable(reason))?;
        let request = ScanRequest::of_fields("sys_db_object", &fields, named);
        let listing = visible(
            client
                .records(context, &request, resource, METADATA_PAGE_ROWS)
                .await,
        )?;
        // The predicate may have been ignored, so the name is checked here as well.
        let Some(row) = listing.rows.iter().find(|row| text(row, "name") == name) else {
            return Ok(None);
        };
        if let Some(lineage) = Lineage::of_row(row) {
            return Ok(Some(lineage));
        }
        let parents = self.parents(client, context).await?;
        Ok(parents
            .contains_key(name)
            .then(|| Lineage::of_listing(name, &parents)))
    }

    /// Entries of the dictionary for these tables, or for all.
    pub(super) async fn dictionary(
        &self,
        client: &Client,
        context: &QueryContext,
        tables: Option<&[String]>,
        resource: &str,
    ) -> Result<Vec<Entry>, Error> {
        let mut conditions = Vec::new();
        if let Some(tables) = tables.filter(|tables| tables.iter().all(|name| is_table_name(name))) {
            let names = tables.iter().map(Constant::text).collect();
            conditions.push(Atom::list("name", RemoteOp::In, names));
        }
        conditions.push(Atom::with("active", RemoteOp::Eq, Constant::plain(true)));
        conditions.push(Atom::test("element", RemoteOp::IsNotNull));
        let conditions = EncodedQuery::all_of(conditions).map_err(|reason| client.unwritable(reason))?;
        let mut fields = DICTIONARY_FIELDS.to_vec();
        // Read back, because a predicate may have been ignored.
        fields.push("active");
        let request = ScanRequest::of_fields("sys_dictionary", &fields, conditions);
        let listing = visible(
            client
                .records(context, &request, resource, METADATA_PAGE_ROWS)
                .await,
        )?;
        let hidden = listing.total.saturating_sub(listing.rows.len() as u64);
        if hidden > 0 && !listing.rows.is_empty() {
            tracing::warn!(source = %self.origin, hidden, "the account can't see all of sys_dictionary; some columns are missing");
        }
        let active = listing.rows.iter().filter(|row| text(row, "active") != "false");
        Ok(active.map(Entry::of_dictionary).collect())
    }

    /// Columns from `ui/meta`: undocumented, so whatever else it answers means that it does not exist.
    pub(super) async fn meta(
        &self,
        client: &Client,
        context: &QueryContext,
        name: &str,
        resource: &str,
    ) -> Result<Vec<Entry>, Error> {
        let target = format!("/api/now/ui/meta/{name}");
        match client.document(context, target, resource.to_owned()).await {
            Ok(document) => Ok(meta_entries(name, &document)),
            Err(error) if is_refusal(error.kind) || error.kind == Kind::Transient => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Columns from a few records with all the fields that the account may see.
    pub(super) async fn sample(
        &self,
        client: &Client,
        context: &QueryContext,
        name: &str,
        resource: &str,
    ) -> Result<Vec<Entry>, Error> {
        let target = format!("/api/now/v2/table/{name}?sysparm_limit=10&sysparm_exclude_reference_link=true");
        let document = client.document(context, target, resource.to_owned()).await;
        let document = document.map_err(|error| match error.kind {
            Kind::UnknownTable => self.unknown(&context.principal, name),
            _ => error.with_table(name),
        })?;
        if let Some(reason) = document.as_object().and_then(failure_of) {
            return Err(Error::new(&self.origin, Kind::Transient, reason).with_table(name));
        }
        let rows: Vec<Map<String, Value>> = match document.get("result") {
            Some(Value::Array(rows)) => rows.iter().filter_map(|row| row.as_object().cloned()).collect(),
            _ => Vec::new(),
        };
        Ok(sample_entries(name, &rows))
    }
}
