//! Finds out which tables exist and which columns they have, in as few calls as the account's rights allow.
//!
//! Owns: which of the three ways to a schema is taken (see `ways`), and the caches per identity.
//! Does not own: what a row of the dictionary means; see `dictionary`. Invariant: what is hidden is left out with a warning, never guessed.

mod ways;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Domain, DomainTree, Error, Kind, Principal, QueryContext, Table, TableName, nearest};
use serde_json::{Map, Value};

use super::dictionary::{Entry, Lineage, table};
use crate::api::client::Client;
use crate::api::records::{Records, text};
use crate::cache::Cache;
use crate::config::Patterns;
use crate::query::encoded_query::EncodedQuery;
use crate::query::request::ScanRequest;
use crate::query::wire::is_table_name;
use crate::verification::honored::{Identity, Verifier};

/// Label and parent of every table, by name.
type Parents = HashMap<String, (String, String)>;

/// Schemas change rarely.
const LIFE: Duration = Duration::from_secs(3600);
/// Rows of metadata are short; the instance's own default is as large.
const METADATA_PAGE_ROWS: usize = 10_000;
/// Longest list of table names in one request; above it the whole dictionary is read.
const LONGEST_LIST: usize = 5_000;

/// Schemas of one instance.
#[derive(Debug)]
pub(crate) struct Discovery {
    origin: Arc<str>,
    patterns: Patterns,
    verifier: Arc<Verifier>,
    names: Cache<Identity, Arc<Vec<TableName>>>,
    /// All tables with label and parent, matched by a pattern or not.
    parents: Cache<Identity, Arc<Parents>>,
    tables: Cache<(Identity, String), Arc<Table>>,
    complete: Cache<Identity, ()>,
    domains: Cache<Identity, Option<Arc<DomainTree>>>,
}

impl Discovery {
    pub(crate) fn new(origin: &Arc<str>, patterns: Patterns, verifier: Arc<Verifier>) -> Self {
        Self {
            origin: Arc::clone(origin),
            patterns,
            verifier,
            names: Cache::new(LIFE),
            parents: Cache::new(LIFE),
            tables: Cache::new(LIFE),
            complete: Cache::new(LIFE),
            domains: Cache::new(LIFE),
        }
    }

    /// The table, its ancestors and its descendants; `None` when tables have not been listed.
    pub(crate) fn relatives(&self, identity: &Identity, table: &str) -> Option<BTreeSet<String>> {
        let parents = self.parents.get(identity)?;
        parents.contains_key(table).then_some(())?;
        let ancestors = Lineage::of_listing(table, &parents).tables;
        let is_descendant = |name: &&String| {
            Lineage::of_listing(name, &parents)
                .tables
                .iter()
                .any(|up| up == table)
        };
        Some(
            parents
                .keys()
                .filter(is_descendant)
                .cloned()
                .chain(ancestors)
                .collect(),
        )
    }

    pub(crate) fn identity(&self, principal: &Principal) -> Identity {
        self.verifier.identity(principal)
    }

    /// Writes into the identity's tables, or into one of them, what has been found out since they were described.
    pub(crate) fn note_verified(&self, identity: &Identity, only: Option<&str>) {
        let wanted =
            |(owner, table): &(Identity, String)| owner == identity && only.is_none_or(|only| only == table);
        self.tables.amend(wanted, |table| {
            self.verifier.apply(identity, Arc::make_mut(table))
        });
    }

    pub(crate) fn known_tables(&self, principal: &Principal) -> Option<Arc<Vec<TableName>>> {
        self.names.get(&self.identity(principal))
    }

    pub(crate) fn described_tables(&self, principal: &Principal) -> Vec<Arc<Table>> {
        let identity = self.identity(principal);
        let mut tables = self.tables.values(|(owner, _)| *owner == identity);
        tables.sort_by(|a, b| a.name.name.cmp(&b.name.name));
        tables
    }

    /// Names of all tables that a pattern matches.
    pub(crate) async fn tables(
        &self,
        client: &Client,
        context: &QueryContext,
    ) -> Result<Arc<Vec<TableName>>, Error> {
        let identity = self.identity(&context.principal);
        let load = async {
            let parents = self.parents(client, context).await?;
            let mut names: Vec<TableName> = parents
                .iter()
                .filter(|(name, _)| is_table_name(name) && self.patterns.matches(name))
                .map(|(name, (label, _))| table_name(name, label))
                .collect();
            if parents.is_empty() {
                tracing::warn!(source = %self.origin, "sys_db_object is hidden from the account; only named tables are listed");
                names = self.named_tables(&context.principal);
            }
            names.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Arc::new(names))
        };
        self.names.get_or_load(identity.clone(), load).await
    }

    /// Tables that are known without a list: those that were described, and those that the configuration names.
    fn named_tables(&self, principal: &Principal) -> Vec<TableName> {
        let described = self.described_tables(principal);
        let mut names: Vec<TableName> = described.iter().map(|table| table.name.clone()).collect();
        for name in self.patterns.names() {
            if names.iter().all(|known| known.name != name) {
                names.push(table_name(name, name));
            }
        }
        names
    }

    /// Every table of the instance with its label and parent; empty when the account may not see them.
    async fn parents(&self, client: &Client, context: &QueryContext) -> Result<Arc<Parents>, Error> {
        let identity = self.identity(&context.principal);
        let load = async {
            let fields = ["name", "label", "super_class.name"];
            let request = ScanRequest::of_fields("sys_db_object", &fields, EncodedQuery::everything());
            let listing = visible(
                client
                    .records(context, &request, "tables", METADATA_PAGE_ROWS)
                    .await,
            )?;
            let rows = listing.rows.iter().map(|row| {
                let parent = text(row, "super_class.name").to_owned();
                (
                    text(row, "name").to_owned(),
                    (text(row, "label").to_owned(), parent),
                )
            });
            Ok(Arc::new(rows.filter(|(name, _)| !name.is_empty()).collect()))
        };
        self.parents.get_or_load(identity.clone(), load).await
    }

    /// One table with its columns.
    pub(crate) async fn table(
        &self,
        client: &Client,
        context: &QueryContext,
        name: &str,
    ) -> Result<Arc<Table>, Error> {
        let identity = self.identity(&context.principal);
        if let Some(known) = self.tables.get(&(identity.clone(), name.to_owned())) {
            return Ok(known);
        }
        let listed = self.parents.get(&identity).filter(|parents| !parents.is_empty());
        let is_listed = listed.is_none_or(|parents| parents.contains_key(name));
        if !is_table_name(name) || !self.patterns.matches(name) || !is_listed {
            return Err(self.unknown(&context.principal, name));
        }
        let load = async {
            let mut table = self.describe(client, context, name).await?;
            self.verifier.apply(&identity, Arc::make_mut(&mut table));
            Ok(table)
        };
        let key = (identity.clone(), name.to_owned());
        self.tables.get_or_load(key, load).await
    }

    fn unknown(&self, principal: &Principal, name: &str) -> Error {
        let known = self.known_tables(principal);
        let described = self.described_tables(principal);
        let names = known
            .iter()
            .flat_map(|names| names.iter().map(|known| known.name.as_str()));
        let names = names.chain(described.iter().map(|table| table.name.name.as_str()));
        let message = match nearest(name, names) {
            Some(near) => format!("table '{name}' does not exist; did you mean '{near}'?"),
            None => format!("table '{name}' does not exist"),
        };
        Error::new(&self.origin, Kind::UnknownTable, message).with_table(name)
    }

    /// Describes a table by the first way that shows its columns.
    async fn describe(
        &self,
        client: &Client,
        context: &QueryContext,
        name: &str,
    ) -> Result<Arc<Table>, Error> {
        let resource = format!("describe {name}");
        let mut label = String::new();
        if let Some(lineage) = self.lineage(client, context, name, &resource).await? {
            label.clone_from(&lineage.label);
            let entries = self
                .dictionary(client, context, Some(&lineage.tables), &resource)
                .await?;
            if !entries.is_empty()
                && let Some(table) = self.make(client, name, &label, lineage.inherited(&entries))
            {
                return Ok(table);
            }
        }
        let entries = self.meta(client, context, name, &resource).await?;
        if let Some(table) = self.make(client, name, &label, entries) {
            tracing::warn!(source = %self.origin, table = name, "the dictionary is hidden from the account; columns come from ui/meta");
            return Ok(table);
        }
        let entries = self.sample(client, context, name, &resource).await?;
        if let Some(table) = self.make(client, name, &label, entries) {
            tracing::warn!(
                source = %self.origin,
                table = name,
                "the dictionary is hidden from the account; columns come from a sample of records, all as text, and filters stay local"
            );
            return Ok(table);
        }
        let message = format!(
            "the account sees neither the dictionary nor a record of '{name}'; let it read sys_db_object, sys_dictionary and the table"
        );
        Err(Error::new(&self.origin, Kind::Forbidden, message).with_table(name))
    }

    fn make(&self, client: &Client, name: &str, label: &str, entries: Vec<Entry>) -> Option<Arc<Table>> {
        table(&self.origin, client.base(), name, label, entries).map(Arc::new)
    }

    /// Describes all tables at once: one listing of tables and the dictionary, not a call per table.
    pub(crate) async fn describe_all(&self, client: &Client, context: &QueryContext) -> Result<(), Error> {
        let identity = self.identity(&context.principal);
        let load = async {
            let names = self.tables(client, context).await?;
            let parents = self.parents(client, context).await?;
            if parents.is_empty() {
                return Ok(());
            }
            let lineages: Vec<Lineage> = names
                .iter()
                .map(|name| Lineage::of_listing(&name.remote, &parents))
                .collect();
            let needed: BTreeSet<String> = lineages
                .iter()
                .flat_map(|lineage| lineage.tables.clone())
                .collect();
            let needed: Vec<String> = needed.into_iter().collect();
            let is_short = needed.iter().map(|name| name.len() + 3).sum::<usize>() <= LONGEST_LIST;
            let listed = is_short.then_some(needed.as_slice());
            let entries = self.dictionary(client, context, listed, "describe all").await?;
            let mut by_table: HashMap<&str, Vec<&Entry>> = HashMap::new();
            for entry in &entries {
                by_table.entry(&entry.table).or_default().push(entry);
            }
            for (name, lineage) in names.iter().zip(&lineages) {
                let own = lineage
                    .tables
                    .iter()
                    .filter_map(|table| by_table.get(table.as_str()));
                let columns = lineage.inherited(own.flatten().copied());
                if let Some(mut table) = self.make(client, &name.remote, &name.label, columns) {
                    self.verifier.apply(&identity, Arc::make_mut(&mut table));
                    self.tables.insert((identity.clone(), name.name.clone()), table);
                }
            }
            if entries.is_empty() {
                tracing::warn!(source = %self.origin, "sys_dictionary is hidden from the account; tables are described one by one when they are used");
            }
            Ok(())
        };
        self.complete.get_or_load(identity.clone(), load).await
    }

    /// The domain tree, or `None` on an instance without domain separation.
    pub(crate) async fn domains(
        &self,
        client: &Client,
        context: &QueryContext,
    ) -> Result<Option<Arc<DomainTree>>, Error> {
        let load = async {
            let request = ScanRequest::of_fields("domain", &["name", "parent"], EncodedQuery::everything());
            match client
                .records(context, &request, "domains", METADATA_PAGE_ROWS)
                .await
            {
                Ok(listing) => Ok(Some(Arc::new(DomainTree::new(
                    listing.rows.iter().map(domain).collect(),
                )))),
                Err(error) if error.kind == Kind::UnknownTable => Ok(None),
                Err(error) => Err(error.with_table("domain")),
            }
        };
        self.domains
            .get_or_load(self.identity(&context.principal), load)
            .await
    }
}

fn table_name(name: &str, label: &str) -> TableName {
    TableName {
        name: name.to_owned(),
        remote: name.to_owned(),
        label: if label.is_empty() { name } else { label }.to_owned(),
    }
}

fn domain(row: &Map<String, Value>) -> Domain {
    let parent = text(row, "parent");
    Domain {
        id: text(row, "sys_id").to_owned(),
        name: text(row, "name").to_owned(),
        parent: (!parent.is_empty()).then(|| parent.to_owned()),
    }
}

/// Whether the instance said no, rather than being unable to answer.
pub(crate) fn is_refusal(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Forbidden | Kind::Remote | Kind::UnknownTable | Kind::Config | Kind::Malformed
    )
}

/// A refused listing is an empty one: the account may not see it, and other ways are tried.
fn visible(listing: Result<Records, Error>) -> Result<Records, Error> {
    match listing {
        Err(error) if is_refusal(error.kind) => Ok(Records::default()),
        other => other,
    }
}
