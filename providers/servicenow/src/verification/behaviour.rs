//! How an instance behaves, as far as one table showed it.
//!
//! Owns: the readings, how two of them combine, what people are told of them. Does not own: the questions; see `probe`.
//! Invariant: where two tables differ, the more cautious reading counts. Start at [`Behaviour`].

use causeway_core::Finding;

/// What the instance does with a condition on a column that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// It leaves the condition out.
    Ignored,
    /// It returns nothing (`glide.invalid_query.returns_no_rows`).
    Empties,
    /// It answers 403.
    Refused,
    Unclear,
}

/// How the instance reads date-time literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Literals {
    Utc,
    OtherZone,
    Unclear,
}

/// Whether something that may or may not be so is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Yes,
    No,
    Unclear,
}

/// What one table showed of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Behaviour {
    pub(crate) unknown: Unknown,
    pub(crate) literals: Literals,
    /// Whether a page asked for in the order of `sys_id` comes so.
    pub(crate) sorts: Seen,
    /// Whether rows that match were removed by access rules.
    pub(crate) hides: Seen,
    /// Whether the table has no rows at all, for anyone.
    pub(crate) is_vacant: bool,
}

impl Behaviour {
    /// What two tables showed together.
    pub(crate) fn with(self, other: Self) -> Self {
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

    pub(crate) fn findings(self) -> [Finding; 4] {
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

/// A finding about the whole system.
pub(crate) fn finding(name: &str, value: &str, meaning: &str) -> Finding {
    Finding {
        table: None,
        name: name.to_owned(),
        value: value.to_owned(),
        meaning: meaning.to_owned(),
    }
}
