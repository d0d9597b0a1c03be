//! What is known of an instance's behaviour, and of the conditions that it honours, per remote user.
//!
//! Owns: when a probe is made, how long its answer holds, what tables and people are told of it. Does not own: the probes; see `probe`.
//! Invariant: nothing is asked before a query depends on it, and nothing twice while the answer holds. Start at [`Verifier`].

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use causeway_core::{Error, Finding, OperatorClass, Principal, QueryContext, Table};
use tokio::time::Instant;

use super::behaviour::{Behaviour, Literals, Seen, finding};
use super::probe::{Outcome, Prober};
use crate::api::client::Client;
use crate::cache::{Cache, KeyedLocks};
use crate::query::column_use::ColumnUse;
use crate::types::Family;

/// Remote user that calls are made as; `None` is the configured one. Rights differ, and so may what is honoured.
pub(crate) type Identity = Option<String>;

/// What a proof holds for: one table, for one remote user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProofScope {
    pub(crate) identity: Identity,
    /// SQL name of the table.
    pub(crate) table: String,
}

type Outcomes = HashMap<ColumnUse, (Instant, Outcome)>;

/// Access rules change rarely, but when they do, an old proof is wrong.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// Everything that was found out about one instance.
#[derive(Debug)]
pub(crate) struct Verifier {
    origin: Arc<str>,
    outcomes: RwLock<HashMap<ProofScope, Outcomes>>,
    behaviour: Cache<ProofScope, Behaviour>,
    /// Whether access rules removed rows of a table.
    hides: Cache<ProofScope, Seen>,
    /// Whether the configuration says that they remove none.
    assumes_full_read_access: bool,
    /// Tables whose columns were all tried.
    examined: Cache<ProofScope, ()>,
    /// Held while a scope is probed.
    probing: KeyedLocks<ProofScope>,
}

impl Verifier {
    pub(crate) fn new(origin: &Arc<str>, assumes_full_read_access: bool) -> Self {
        Self {
            origin: Arc::clone(origin),
            outcomes: RwLock::default(),
            behaviour: Cache::new(LIFE),
            hides: Cache::new(LIFE),
            assumes_full_read_access,
            examined: Cache::new(LIFE),
            probing: KeyedLocks::default(),
        }
    }

    pub(crate) fn identity(&self, principal: &Principal) -> Identity {
        principal.subjects.get(self.origin.as_ref()).cloned()
    }

    pub(crate) fn scope(&self, context: &QueryContext, table: &Table) -> ProofScope {
        ProofScope {
            identity: self.identity(&context.principal),
            table: table.name.name.clone(),
        }
    }

    fn outcome(&self, scope: &ProofScope, used: &ColumnUse) -> Option<Outcome> {
        let outcomes = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        let (since, outcome) = outcomes.get(scope)?.get(used)?;
        (since.elapsed() < LIFE).then_some(*outcome)
    }

    /// Uses of the table that were tried and not proven.
    pub(crate) fn doubted(&self, scope: &ProofScope) -> BTreeSet<ColumnUse> {
        let outcomes = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        let of_table = outcomes.get(scope).into_iter().flatten();
        let doubted = of_table
            .filter(|(_, (since, outcome))| since.elapsed() < LIFE && *outcome != Outcome::Honoured)
            .map(|(used, _)| used.clone());
        doubted.collect()
    }

    pub(crate) fn are_honoured(&self, scope: &ProofScope, uses: &BTreeSet<ColumnUse>) -> bool {
        uses.iter()
            .all(|used| self.outcome(scope, used) == Some(Outcome::Honoured))
    }

    /// Forgets what was proven of these uses: the instance has just shown otherwise.
    pub(crate) fn forget(&self, scope: &ProofScope, uses: &BTreeSet<ColumnUse>) {
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcomes) = outcomes.get_mut(scope) {
            outcomes.retain(|used, _| !uses.contains(used));
        }
    }

    /// Takes note that the instance disregards a use.
    pub(crate) fn note_disregarded(&self, scope: &ProofScope, used: ColumnUse) {
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        let outcomes = outcomes.entry(scope.clone()).or_default();
        outcomes.insert(used, (Instant::now(), Outcome::Disregarded));
    }

    /// Finds out whether these uses are honoured, where that is not known. Returns whether anything was asked.
    pub(crate) async fn prove(
        &self,
        client: &Client,
        context: &QueryContext,
        table: &Table,
        uses: &BTreeSet<ColumnUse>,
    ) -> Result<bool, Error> {
        let scope = self.scope(context, table);
        let is_new = |used: &&ColumnUse| self.outcome(&scope, used).is_none();
        if !uses.iter().any(|used| is_new(&used)) {
            return Ok(false);
        }
        let _single_flight = self.probing.lock(&scope).await;
        let open: Vec<ColumnUse> = uses.iter().filter(is_new).cloned().collect();
        if open.is_empty() {
            return Ok(false);
        }
        let prober = Prober {
            client,
            context,
            table,
        };
        let sample = prober.sample().await?;
        self.hides.insert(scope.clone(), sample.hides());
        let proven = prober.prove(&sample, open).await?;
        for (used, outcome) in &proven {
            tracing::debug!(source = %self.origin, table = table.name.name, ?used, ?outcome, "tried a condition");
        }
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let proven = proven.into_iter().map(|(used, outcome)| (used, (now, outcome)));
        outcomes.entry(scope).or_default().extend(proven);
        Ok(true)
    }

    /// Tries every column of the table whose conditions can be exact.
    pub(crate) async fn examine(
        &self,
        client: &Client,
        context: &QueryContext,
        table: &Table,
    ) -> Result<bool, Error> {
        let scope = self.scope(context, table);
        if self.examined.get(&scope).is_some() {
            return Ok(false);
        }
        let learnt = self.prove(client, context, table, &exact_uses(table)).await?;
        let probed = self
            .known_behaviour(&scope.identity)
            .is_none_or(|behaviour| behaviour.literals == Literals::Unclear);
        if probed {
            self.behaviour(client, context, table).await?;
        }
        self.examined.insert(scope, ());
        Ok(learnt || probed)
    }

    /// How the instance behaves on this table.
    pub(crate) async fn behaviour(
        &self,
        client: &Client,
        context: &QueryContext,
        table: &Table,
    ) -> Result<Behaviour, Error> {
        let prober = Prober {
            client,
            context,
            table,
        };
        let load = async {
            let sample = prober.sample().await?;
            prober.behaviour(&sample).await
        };
        self.behaviour.get_or_load(self.scope(context, table), load).await
    }

    /// How the instance behaves, as far as any table showed it; where they differ, the more cautious reading.
    pub(crate) fn known_behaviour(&self, identity: &Identity) -> Option<Behaviour> {
        let known = self.behaviour.values(|scope| scope.identity == *identity);
        known.into_iter().reduce(Behaviour::with)
    }

    /// Writes into a described table what is known of its columns.
    pub(crate) fn apply(&self, identity: &Identity, table: &mut Table) {
        let scope = ProofScope {
            identity: identity.clone(),
            table: table.name.name.clone(),
        };
        let utc = self
            .known_behaviour(identity)
            .is_some_and(|behaviour| behaviour.literals == Literals::Utc);
        // An account from which rows are hidden has not the access that is assumed.
        let counts = self.assumes_full_read_access && self.hides.get(&scope) == Some(Seen::No);
        for column in &mut table.columns {
            column.groupable = counts && column.filterable;
            column.aggregatable = column.groupable;
            let Some(field) = column.remote_field() else {
                continue;
            };
            let seen = |class| match self.outcome(&scope, &ColumnUse::new(field, class))? {
                Outcome::Honoured => Some(true),
                Outcome::Disregarded => Some(false),
                Outcome::Unclear => None,
            };
            let (equality, range) = (seen(OperatorClass::Equality), seen(OperatorClass::Range));
            column.verification = causeway_core::Verification { equality, range, utc };
        }
    }

    /// What is known, in words.
    pub(crate) fn findings(&self, identity: &Identity) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(behaviour) = self.known_behaviour(identity) {
            findings.extend(behaviour.findings());
        }
        let mut scopes: Vec<ProofScope> = {
            let outcomes = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
            outcomes
                .keys()
                .filter(|scope| scope.identity == *identity)
                .cloned()
                .collect()
        };
        scopes.sort_unstable();
        findings.extend(scopes.iter().filter_map(|scope| self.lost(scope)));
        findings
    }

    /// The columns of a table whose conditions are not honoured.
    fn lost(&self, scope: &ProofScope) -> Option<Finding> {
        let table = &scope.table;
        let lost = self.doubted(scope).into_iter();
        let lost = lost.filter(|used| self.outcome(scope, used) == Some(Outcome::Disregarded));
        let lost: Vec<String> = lost
            .map(|used| match used.class {
                OperatorClass::Equality => format!("{} (query_match)", used.column),
                OperatorClass::Range => format!("{} (query_range)", used.column),
            })
            .collect();
        (!lost.is_empty()).then(|| Finding {
            table: Some(table.clone()),
            ..finding(
                &format!("columns of {table} whose conditions are not honoured"),
                &lost.join(", "),
                "their conditions are checked here; the integration user lacks that access",
            )
        })
    }
}

/// Uses of the table by which a condition can be exact.
fn exact_uses(table: &Table) -> BTreeSet<ColumnUse> {
    let columns = table.columns.iter().filter(|column| column.filterable);
    let uses = columns.filter_map(|column| {
        let field = column.remote_field()?;
        let classes: &[OperatorClass] = match Family::of(&column.remote_type) {
            Family::Integer | Family::Long | Family::Moment => {
                &[OperatorClass::Equality, OperatorClass::Range]
            }
            Family::Boolean | Family::Key | Family::Decimal | Family::Day => &[OperatorClass::Equality],
            _ => &[],
        };
        Some(classes.iter().map(move |class| ColumnUse::new(field, *class)))
    });
    uses.flatten().collect()
}
