//! The questions that show what an instance does with conditions.
//!
//! Owns: the probes and how their answers are read. Does not own: when they are asked; see `honored`. Each asks for single records by
//! their keys, so none scans a table. Invariant: an answer that fits no reading gives the cautious one. Start at [`Prober`].

use std::collections::BTreeSet;

use causeway_core::{Atom, Constant, Error, Kind, QueryContext, RemoteOp, Table};

use super::behaviour::{Behaviour, Literals, Seen, Unknown};
use crate::api::client::Client;
use crate::api::records::{Record, text};
use crate::query::column_use::ColumnUse;
use crate::query::encoded_query::EncodedQuery;
use crate::query::position::Position;
use crate::query::request::ScanRequest;
use crate::query::wire::{check_value, is_hex_key};
use crate::types::Family;

/// What became of the conditions of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Honoured,
    /// Left out, answered with nothing, or refused.
    Disregarded,
    Unclear,
}

/// A few records that the account sees.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Key and moment of creation, as the instance writes it; empty when it is hidden or can't be asked for.
    records: Vec<(String, String)>,
    /// Rows that came.
    rows: usize,
    /// Rows that exist, before access rules.
    total: Option<u64>,
}

/// Records of a sample. They carry two fields each, and a key may be used once only in a probe.
const SAMPLE: usize = 200;
/// Calls that looking for the one refused condition among many may take.
const MOST_PROOFS: usize = 24;

/// Probes one table.
pub(crate) struct Prober<'a> {
    pub(crate) client: &'a Client,
    pub(crate) context: &'a QueryContext,
    pub(crate) table: &'a Table,
}

impl Prober<'_> {
    pub(crate) async fn sample(&self) -> Result<Sample, Error> {
        let request = ScanRequest::of_fields(
            &self.table.name.remote,
            &["sys_created_on"],
            EncodedQuery::everything(),
        );
        let (rows, total) = self.ask(&request, SAMPLE, true).await?;
        let record = |row: &Record| {
            let created = Some(text(row, "sys_created_on")).filter(|created| check_value(created).is_ok());
            (
                text(row, "sys_id").to_owned(),
                created.unwrap_or_default().to_owned(),
            )
        };
        let records = rows.iter().map(record).filter(|(key, _)| is_hex_key(key));
        Ok(Sample {
            records: records.collect(),
            rows: rows.len(),
            total,
        })
    }

    async fn ask(
        &self,
        request: &ScanRequest,
        limit: usize,
        counted: bool,
    ) -> Result<(Vec<Record>, Option<u64>), Error> {
        let resource = format!("probe {}", self.table.name.name);
        let position = Position {
            counted,
            ..Position::first(limit)
        };
        let (rows, page) = self
            .client
            .whole_page(self.context, request, &position, &resource)
            .await?;
        Ok((rows, page.total))
    }

    /// Asks for records by groups of conditions and returns the keys that came.
    async fn keys_of(&self, groups: Vec<Vec<Atom>>) -> Result<BTreeSet<String>, Error> {
        let limit = groups.len();
        let groups = EncodedQuery::any_of(groups).map_err(|reason| self.client.unwritable(reason))?;
        let request = ScanRequest {
            names_records: true,
            ..ScanRequest::of_fields(&self.table.name.remote, &[], groups)
        };
        let (rows, _) = self.ask(&request, limit, false).await?;
        Ok(rows.iter().map(|row| text(row, "sys_id").to_owned()).collect())
    }

    /// Which of the uses the instance honours, in one call when it ignores what it does not.
    ///
    /// Each use gets a record of its own, asked for with a contradiction: it comes only when the contradiction was ignored. The last
    /// record is asked for with nothing else: it stays away only when the whole query was answered with nothing.
    pub(crate) async fn prove(
        &self,
        sample: &Sample,
        uses: Vec<ColumnUse>,
    ) -> Result<Vec<(ColumnUse, Outcome)>, Error> {
        let mut outcomes = Vec::with_capacity(uses.len());
        let Some(most) = sample.records.len().checked_sub(1).filter(|most| *most > 0) else {
            outcomes.extend(uses.into_iter().map(|used| (used, Outcome::Unclear)));
            return Ok(outcomes);
        };
        let mut open: Vec<Vec<ColumnUse>> = uses.chunks(most).map(<[ColumnUse]>::to_vec).collect();
        let mut proofs = 0;
        while let Some(part) = open.pop() {
            proofs += 1;
            if proofs > MOST_PROOFS {
                outcomes.extend(part.into_iter().map(|used| (used, Outcome::Unclear)));
                continue;
            }
            match self.prove_at_once(sample, &part).await? {
                Some(found) => outcomes.extend(part.into_iter().zip(found)),
                None if part.len() == 1 => {
                    outcomes.extend(part.into_iter().map(|used| (used, Outcome::Disregarded)));
                }
                None => {
                    let (left, right) = part.split_at(part.len() / 2);
                    open.extend([right.to_vec(), left.to_vec()]);
                }
            }
        }
        Ok(outcomes)
    }

    /// The outcome of each use, or `None` when one of them made the instance refuse the query or answer nothing.
    async fn prove_at_once(
        &self,
        sample: &Sample,
        uses: &[ColumnUse],
    ) -> Result<Option<Vec<Outcome>>, Error> {
        let mut keys = sample.records.iter().map(|(key, _)| key);
        let Some(witness) = keys.next() else {
            return Ok(None);
        };
        let asked: Vec<(&String, &ColumnUse)> = keys.zip(uses).collect();
        let mut groups: Vec<Vec<Atom>> = Vec::with_capacity(asked.len() + 1);
        for (key, used) in &asked {
            let [one, other] = used.contradiction(self.family(used));
            groups.push(vec![record(key), one, other]);
        }
        groups.push(vec![record(witness)]);
        let Some(mut came) = unless_refused(self.keys_of(groups).await)? else {
            return Ok(None);
        };
        if !came.remove(witness) {
            return Ok(if came.is_empty() {
                None
            } else {
                Some(vec![Outcome::Unclear; uses.len()])
            });
        }
        let is_ours = |key: &String| asked.iter().any(|(asked, _)| *asked == key);
        if !came.iter().all(is_ours) {
            return Ok(Some(vec![Outcome::Unclear; uses.len()]));
        }
        let outcome = |(key, _): &(&String, &ColumnUse)| match came.contains(*key) {
            true => Outcome::Disregarded,
            false => Outcome::Honoured,
        };
        Ok(Some(asked.iter().map(outcome).collect()))
    }

    fn family(&self, used: &ColumnUse) -> Family {
        let mut columns = self.table.columns.iter();
        let column = columns.find(|column| column.remote_field() == Some(&used.column));
        column.map_or(Family::Opaque, |column| Family::of(&column.remote_type))
    }

    /// How the instance behaves, in one call when it ignores conditions on unknown columns, else in two.
    pub(crate) async fn behaviour(&self, sample: &Sample) -> Result<Behaviour, Error> {
        let mut behaviour = Behaviour {
            unknown: Unknown::Unclear,
            literals: Literals::Unclear,
            sorts: sample.sorts(),
            hides: sample.hides(),
            is_vacant: sample.total == Some(0),
        };
        let [(witness, _), (stranger, _), rest @ ..] = sample.records.as_slice() else {
            return Ok(behaviour);
        };
        let moments = Moments::of(rest);
        let unknown = vec![
            record(stranger),
            Atom::with("u_causeway_no_such_column", RemoteOp::Eq, Constant::plain(1)),
        ];
        let only = vec![record(witness)];
        let mut groups = vec![unknown];
        groups.extend(moments.iter().flat_map(Moments::groups));
        groups.push(only.clone());
        let came = unless_refused(self.keys_of(groups).await)?;
        behaviour.unknown = match &came {
            None => Unknown::Refused,
            Some(came) if !came.contains(witness) || !came.contains(stranger) => Unknown::Empties,
            Some(_) => Unknown::Ignored,
        };
        let Some(moments) = moments else {
            return Ok(behaviour);
        };
        let came = match came {
            Some(came) if behaviour.unknown == Unknown::Ignored => Some(came),
            _ => {
                let mut groups = moments.groups();
                groups.push(only);
                unless_refused(self.keys_of(groups).await)?.filter(|came| came.contains(witness))
            }
        };
        behaviour.literals = came.map_or(Literals::Unclear, |came| moments.read(&came));
        Ok(behaviour)
    }
}

/// The record of a key.
fn record(key: &str) -> Atom {
    Atom::with("sys_id", RemoteOp::Eq, Constant::text(key))
}

/// An instance that refuses a condition says something by that; one that can't answer says nothing.
fn unless_refused<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if matches!(error.kind, Kind::Forbidden | Kind::Remote | Kind::Malformed) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Sample {
    fn sorts(&self) -> Seen {
        let pairs = self.records.windows(2);
        match self.records.len() {
            0 | 1 => Seen::Unclear,
            _ if pairs
                .into_iter()
                .all(|pair| matches!(pair, [(a, _), (b, _)] if a < b)) =>
            {
                Seen::Yes
            }
            _ => Seen::No,
        }
    }

    pub(crate) fn hides(&self) -> Seen {
        let most = self.total.map(|total| total.min(SAMPLE as u64));
        match most {
            None | Some(0) => Seen::Unclear,
            Some(most) if (self.rows as u64) < most => Seen::Yes,
            Some(_) => Seen::No,
        }
    }
}

/// Moments of creation by which the zone of literals shows.
struct Moments<'a> {
    /// The latest of a northern summer and of a winter: some zones are UTC for half a year.
    seasons: [&'a (String, String); 2],
    /// A record that is asked for by a moment one second off, which no zone makes right.
    missed: &'a String,
    off: String,
}

impl<'a> Moments<'a> {
    fn of(records: &'a [(String, String)]) -> Option<Self> {
        let latest = |months: &[&str]| {
            let of_season = records
                .iter()
                .filter(|(_, at)| months.contains(&at.get(5..7).unwrap_or_default()));
            of_season.max_by_key(|(_, at)| at)
        };
        let seasons = [
            latest(&["05", "06", "07", "08"])?,
            latest(&["11", "12", "01", "02"])?,
        ];
        let unused =
            |record: &&(String, String)| !seasons.contains(record) && a_second_off(&record.1).is_some();
        let (missed, at) = records.iter().find(unused)?;
        Some(Self {
            seasons,
            missed,
            off: a_second_off(at)?,
        })
    }

    fn groups(&self) -> Vec<Vec<Atom>> {
        let group = |key: &str, at: &str| {
            let created = Atom::with("sys_created_on", RemoteOp::Eq, Constant::text(at));
            vec![record(key), created]
        };
        let [summer, winter] = self.seasons;
        vec![
            group(&summer.0, &summer.1),
            group(&winter.0, &winter.1),
            group(self.missed, &self.off),
        ]
    }

    fn read(&self, came: &BTreeSet<String>) -> Literals {
        let [summer, winter] = self.seasons.map(|(key, _)| came.contains(key));
        match (came.contains(self.missed), summer && winter) {
            // The condition was ignored.
            (true, _) => Literals::Unclear,
            (false, true) => Literals::Utc,
            (false, false) => Literals::OtherZone,
        }
    }
}

/// The moment a second after or before, by its text.
fn a_second_off(at: &str) -> Option<String> {
    let digit = at.chars().next_back().filter(char::is_ascii_digit)?;
    let other = if digit == '9' {
        '8'
    } else {
        char::from_digit(digit.to_digit(10)? + 1, 10)?
    };
    let start = at.get(..at.len() - 1).filter(|_| at.len() == 19)?;
    Some(format!("{start}{other}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(moments: &[&str]) -> Vec<(String, String)> {
        let record = |(at, moment): (usize, &&str)| (format!("{at:032x}"), (*moment).to_owned());
        moments.iter().enumerate().map(record).collect()
    }

    fn came(records: &[(String, String)], positions: &[usize]) -> BTreeSet<String> {
        positions.iter().map(|at| records[*at].0.clone()).collect()
    }

    #[test]
    fn a_zone_shows_only_by_a_summer_and_a_winter() {
        let winters = records(&[
            "2024-01-05 10:00:00",
            "2024-12-05 10:00:00",
            "2024-02-05 10:00:00",
        ]);
        assert!(Moments::of(&winters).is_none());
        let both = records(&[
            "2024-01-05 10:00:00",
            "2024-07-05 10:00:09",
            "2023-02-05 10:00:59",
        ]);
        let moments = Moments::of(&both).expect("both seasons");
        assert_eq!(
            EncodedQuery::any_of(moments.groups()).map(|groups| groups.unsorted(None)),
            Ok(format!(
                "sys_id={}^sys_created_on=2024-07-05 10:00:09^NQsys_id={}^sys_created_on=2024-01-05 10:00:00\
                 ^NQsys_id={}^sys_created_on=2023-02-05 10:00:58",
                both[1].0, both[0].0, both[2].0
            ))
        );
        assert_eq!(moments.read(&came(&both, &[0, 1])), Literals::Utc);
        // London keeps UTC in winter only.
        assert_eq!(moments.read(&came(&both, &[0])), Literals::OtherZone);
        assert_eq!(moments.read(&came(&both, &[])), Literals::OtherZone);
        assert_eq!(moments.read(&came(&both, &[0, 1, 2])), Literals::Unclear);
    }

    #[test]
    fn a_second_off_is_never_the_same_moment_in_any_zone() {
        assert_eq!(
            a_second_off("2024-01-05 10:00:00").as_deref(),
            Some("2024-01-05 10:00:01")
        );
        assert_eq!(
            a_second_off("2024-01-05 10:00:59").as_deref(),
            Some("2024-01-05 10:00:58")
        );
        assert_eq!(a_second_off(""), None);
        assert_eq!(a_second_off("2024-01-05"), None);
    }
}
