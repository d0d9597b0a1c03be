//! What is known of an instance's manners and of the conditions that it honours, per remote user.
//!
//! Owns: when a probe is made, how long its answer holds, what tables and people are told of it. Does not own: the probes; see `probe`.
//! Invariant: nothing is asked before a query depends on it, and nothing twice while the answer holds.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use causeway_core::{Error, Finding, Principal, QueryContext, Table};
use tokio::time::Instant;

use super::probe::{Literals, Manners, Outcome, Prober, Seen, Unknown};
use crate::api::client::Client;
use crate::cache::{Cache, Flights};
use crate::query::column_use::{Class, Use};
use crate::types::Family;

/// Remote user that calls are made as; `None` is the configured one. Rights differ, and so may what is honoured.
pub(crate) type Identity = Option<String>;

/// A table as one remote user sees it.
pub(crate) type Seat = (Identity, String);

type Outcomes = HashMap<Use, (Instant, Outcome)>;

/// Access rules change rarely, but when they do, an old proof is wrong.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// Everything that was found out about one instance.
#[derive(Debug)]
pub(crate) struct Trust {
    origin: Arc<str>,
    outcomes: RwLock<HashMap<Seat, Outcomes>>,
    manners: Cache<Seat, Manners>,
    /// Whether access rules removed rows of a table.
    hides: Cache<Seat, Seen>,
    /// Whether the configuration says that they remove none.
    assumes_full_read_access: bool,
    /// Tables whose columns were all tried.
    examined: Cache<Seat, ()>,
    flights: Flights<Seat>,
}

impl Trust {
    pub(crate) fn new(origin: &Arc<str>, assumes_full_read_access: bool) -> Self {
        Self {
            origin: Arc::clone(origin),
            outcomes: RwLock::default(),
            manners: Cache::new(LIFE),
            hides: Cache::new(LIFE),
            assumes_full_read_access,
            examined: Cache::new(LIFE),
            flights: Flights::default(),
        }
    }

    pub(crate) fn identity(&self, principal: &Principal) -> Identity {
        principal.subjects.get(self.origin.as_ref()).cloned()
    }

    pub(crate) fn seat(&self, context: &QueryContext, table: &Table) -> Seat {
        (self.identity(&context.principal), table.name.name.clone())
    }

    fn outcome(&self, seat: &Seat, used: &Use) -> Option<Outcome> {
        let outcomes = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        let (since, outcome) = outcomes.get(seat)?.get(used)?;
        (since.elapsed() < LIFE).then_some(*outcome)
    }

    /// Uses of the table that were tried and not proven.
    pub(crate) fn distrusted(&self, seat: &Seat) -> BTreeSet<Use> {
        let outcomes = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
        let of_table = outcomes.get(seat).into_iter().flatten();
        let distrusted = of_table
            .filter(|(_, (since, outcome))| since.elapsed() < LIFE && *outcome != Outcome::Honoured)
            .map(|(used, _)| used.clone());
        distrusted.collect()
    }

    pub(crate) fn are_honoured(&self, seat: &Seat, uses: &BTreeSet<Use>) -> bool {
        uses.iter()
            .all(|used| self.outcome(seat, used) == Some(Outcome::Honoured))
    }

    /// Forgets what was proven of these uses: the instance has just shown otherwise.
    pub(crate) fn forget(&self, seat: &Seat, uses: &BTreeSet<Use>) {
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcomes) = outcomes.get_mut(seat) {
            outcomes.retain(|used, _| !uses.contains(used));
        }
    }

    /// Takes note that the instance disregards a use.
    pub(crate) fn note_disregarded(&self, seat: &Seat, used: Use) {
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        let outcomes = outcomes.entry(seat.clone()).or_default();
        outcomes.insert(used, (Instant::now(), Outcome::Disregarded));
    }

    /// Finds out whether these uses are honoured, where that is not known. Returns whether anything was asked.
    pub(crate) async fn prove(
        &self,
        client: &Client,
        context: &QueryContext,
        table: &Table,
        uses: &BTreeSet<Use>,
    ) -> Result<bool, Error> {
        let seat = self.seat(context, table);
        let is_new = |used: &&Use| self.outcome(&seat, used).is_none();
        if !uses.iter().any(|used| is_new(&used)) {
            return Ok(false);
        }
        let _alone = self.flights.alone(&seat).await;
        let open: Vec<Use> = uses.iter().filter(is_new).cloned().collect();
        if open.is_empty() {
            return Ok(false);
        }
        let prober = Prober {
            client,
            context,
            table,
        };
        let sample = prober.sample().await?;
        self.hides.insert(seat.clone(), sample.hides());
        let proven = prober.prove(&sample, open).await?;
        for (used, outcome) in &proven {
            tracing::debug!(source = %self.origin, table = table.name.name, ?used, ?outcome, "tried a condition");
        }
        let mut outcomes = self.outcomes.write().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let proven = proven.into_iter().map(|(used, outcome)| (used, (now, outcome)));
        outcomes.entry(seat).or_default().extend(proven);
        Ok(true)
    }

    /// Tries every column of the table whose conditions can be exact.
    pub(crate) async fn examine(
        &self,
        client: &Client,
        context: &QueryContext,
        table: &Table,
    ) -> Result<bool, Error> {
        let seat = self.seat(context, table);
        if self.examined.get(&seat).is_some() {
            return Ok(false);
        }
        let learnt = self.prove(client, context, table, &exact_uses(table)).await?;
        let probed = self
            .known_manners(&seat.0)
            .is_none_or(|manners| manners.literals == Literals::Unclear);
        if probed {
            self.manners(client, context, table).await?;
        }
        self.examined.insert(seat, ());
        Ok(learnt || probed)
    }

    /// How the instance behaves on this table.
    pub(crate) async fn manners(
        &self,
        client: &Client,
        context: &QueryContext,
        table: &Table,
    ) -> Result<Manners, Error> {
        let prober = Prober {
            client,
            context,
            table,
        };
        let load = async {
            let sample = prober.sample().await?;
            prober.manners(&sample).await
        };
        self.manners.get_or_load(self.seat(context, table), load).await
    }

    /// How the instance behaves, as far as any table showed it; where they differ, the more cautious reading.
    pub(crate) fn known_manners(&self, identity: &Identity) -> Option<Manners> {
        let known = self.manners.values(|(owner, _)| owner == identity);
        known.into_iter().reduce(Manners::with)
    }

    /// Writes into a described table what is known of its columns.
    pub(crate) fn apply(&self, identity: &Identity, table: &mut Table) {
        let seat = (identity.clone(), table.name.name.clone());
        let utc = self
            .known_manners(identity)
            .is_some_and(|manners| manners.literals == Literals::Utc);
        // An account from which rows are hidden has not the access that is assumed.
        let counts = self.assumes_full_read_access && self.hides.get(&seat) == Some(Seen::No);
        for column in &mut table.columns {
            column.groupable = counts && column.filterable;
            column.aggregatable = column.groupable;
            let Some(field) = column.remote_field() else {
                continue;
            };
            let seen = |class| match self.outcome(&seat, &Use::new(field, class))? {
                Outcome::Honoured => Some(true),
                Outcome::Disregarded => Some(false),
                Outcome::Unclear => None,
            };
            let (equality, range) = (seen(Class::Equality), seen(Class::Range));
            column.trust = causeway_core::Trust { equality, range, utc };
        }
    }

    /// What is known, in words.
    pub(crate) fn findings(&self, identity: &Identity) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(manners) = self.known_manners(identity) {
            findings.extend(manners.findings());
        }
        let mut seats: Vec<Seat> = {
            let outcomes = self.outcomes.read().unwrap_or_else(PoisonError::into_inner);
            outcomes
                .keys()
                .filter(|(owner, _)| owner == identity)
                .cloned()
                .collect()
        };
        seats.sort_unstable();
        findings.extend(seats.iter().filter_map(|seat| self.lost(seat)));
        findings
    }

    /// The columns of a table whose conditions are not honoured.
    fn lost(&self, seat: &Seat) -> Option<Finding> {
        let (_, table) = seat;
        let lost = self.distrusted(seat).into_iter();
        let lost = lost.filter(|used| self.outcome(seat, used) == Some(Outcome::Disregarded));
        let lost: Vec<String> = lost
            .map(|used| match used.class {
                Class::Equality => format!("{} (query_match)", used.column),
                Class::Range => format!("{} (query_range)", used.column),
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
fn exact_uses(table: &Table) -> BTreeSet<Use> {
    let columns = table.columns.iter().filter(|column| column.filterable);
    let uses = columns.filter_map(|column| {
        let field = column.remote_field()?;
        let classes: &[Class] = match Family::of(&column.remote_type) {
            Family::Integer | Family::Long | Family::Moment => &[Class::Equality, Class::Range],
            Family::Boolean | Family::Key | Family::Decimal | Family::Day => &[Class::Equality],
            _ => &[],
        };
        Some(classes.iter().map(move |class| Use::new(field, *class)))
    });
    uses.flatten().collect()
}

fn finding(name: &str, value: &str, meaning: &str) -> Finding {
    Finding {
        table: None,
        name: name.to_owned(),
        value: value.to_owned(),
        meaning: meaning.to_owned(),
    }
}

impl Manners {
    /// What two tables showed together.
    fn with(self, other: Self) -> Self {
        let either = |one: Seen, other: Seen, wins: Seen| match (one, other) {
            _ if one == wins || other == wins => wins,
            (Seen::Unclear, other) => other,
            (one, _) => one,
        };
        let unknown = [Unknown::Empties, Unknown::Refused, Unknown::Ignored];
        let literals = [Literals::OtherZone, Literals::Utc];
        Self {
            unknown: unknown
                .into_iter()
                .find(|seen| [self.unknown, other.unknown].contains(seen))
                .unwrap_or(Unknown::Unclear),
            literals: literals
                .into_iter()
                .find(|seen| [self.literals, other.literals].contains(seen))
                .unwrap_or(Literals::Unclear),
            sorts: either(self.sorts, other.sorts, Seen::No),
            hides: either(self.hides, other.hides, Seen::Yes),
            is_vacant: self.is_vacant && other.is_vacant,
        }
    }

    fn findings(self) -> [Finding; 4] {
        let (unknown, unknown_means) = match self.unknown {
            Unknown::Ignored => (
                "ignored",
                "alternatives are sent only over columns that were proven",
            ),
            Unknown::Empties => (
                "no rows",
                "an empty answer is believed only over columns that were proven",
            ),
            Unknown::Refused => (
                "refused",
                "an empty answer is believed only over columns that were proven",
            ),
            Unknown::Unclear => (
                "unclear",
                "an empty answer is believed only over columns that were proven",
            ),
        };
        let (literals, literals_mean) = match self.literals {
            Literals::Utc => ("utc", "ranges of date-times are sent as they are"),
            Literals::OtherZone => (
                "another zone",
                "ranges of date-times are sent 14 hours wider; set the integration user's time zone to GMT",
            ),
            Literals::Unclear => ("unclear", "ranges of date-times are sent 14 hours wider"),
        };
        let (sorts, sorts_mean) = match self.sorts {
            Seen::Yes => ("honoured", "scans page by sys_id"),
            Seen::No => (
                "ignored",
                "scans of several pages fail; grant query_range on sys_id",
            ),
            Seen::Unclear => ("unclear", "each page is checked"),
        };
        let (hides, hides_mean) = match self.hides {
            Seen::Yes => (
                "some",
                "counts of the instance are not this user's; don't set assume_full_read_access",
            ),
            Seen::No => (
                "none seen",
                "counts still stay here unless assume_full_read_access is set",
            ),
            Seen::Unclear => (
                "unclear",
                "counts stay here unless assume_full_read_access is set",
            ),
        };
        [
            finding("conditions on unknown columns", unknown, unknown_means),
            finding("date-time literals", literals, literals_mean),
            finding("order by sys_id", sorts, sorts_mean),
            finding("rows removed by access rules", hides, hides_mean),
        ]
    }
}
