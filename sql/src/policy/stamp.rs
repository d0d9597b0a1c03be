//! Proof that the policies of a person stand between a scan and the statement.
//!
//! Owns: [`Stamp`], which only this room can make. Invariant: a scan is built with a stamp, so a scan that nobody has thought about the
//! policies of does not compile; and a stamp is of one table and for one person, so none is of use to another scan.

use std::sync::Arc;

use causeway_core::{Principal, QueryContext, Table};
use datafusion::prelude::SessionConfig;

use super::asking::asking;
use crate::Error;

/// What a scan of one table may tell one person of the rows that it reads.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    /// Source and name of the table.
    table: (Arc<str>, Arc<str>),
    /// Whose policies they are.
    person: Arc<Principal>,
    place: Place,
    audience: Audience,
}

/// Where the scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No policy of the person concerns what it reads.
    Open,
    /// No policy concerns what it reads, but the keys of its records are masked or denied.
    OpenWithoutKeys,
    /// The person's policies stand above it and drop or mask some of what it reads.
    BelowPolicies,
}

/// Whom the rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Nobody hides rows from them, in any table.
    SeesAllRows,
    /// Some rows of some table are hidden from them.
    MissesRows,
}

impl Stamp {
    pub(super) fn open(table: &Table, person: &Arc<Principal>, audience: Audience) -> Self {
        Self {
            table: (Arc::clone(&table.source), table.name.name.as_str().into()),
            person: Arc::clone(person),
            place: Place::Open,
            audience,
        }
    }

    /// A scan of records whose keys the person must not see.
    pub(super) fn without_record_keys(self) -> Self {
        Self {
            place: Place::OpenWithoutKeys,
            ..self
        }
    }

    /// A scan whose rows pass the person's policies before anybody sees them.
    pub(super) fn below_policies(self) -> Self {
        Self {
            place: Place::BelowPolicies,
            ..self
        }
    }

    /// Whether it was made for a scan of this table.
    pub(crate) fn is_of(&self, table: &Table) -> bool {
        let (source, name) = &self.table;
        *source == table.source && name.as_ref() == table.name.name
    }

    /// Whether it was made for the same person as the other.
    pub(crate) fn is_for_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.person, &other.person)
    }

    /// Identity and budget of the query that scans the table.
    ///
    /// # Errors
    /// 28000 when the session does not say who asks; 42501 when it is somebody else.
    pub(crate) fn asking(&self, config: &SessionConfig) -> Result<Arc<QueryContext>, Error> {
        let (source, name) = &self.table;
        asking(config, &self.person, source, name)
    }

    /// Whether policies stand above the scan: they are pushed whatever `causeway.pushdown` says, since what they hide should not even
    /// be fetched.
    pub(crate) fn is_below_policies(&self) -> bool {
        self.place == Place::BelowPolicies
    }

    /// Whether errors may describe records: below policies they may be records that the person must not see, and a description
    /// begins with the record's key.
    pub(crate) fn tells_records(&self) -> bool {
        self.place == Place::Open
    }

    /// Whether errors and estimates may tell the keys of joins and how many there are: they may be values of hidden rows of another
    /// table.
    pub(crate) fn tells_keys(&self) -> bool {
        self.audience == Audience::SeesAllRows
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every Rust file below `folder` with its text.
    fn sources(folder: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(sources(&path));
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                found.push((path.display().to_string(), text));
            }
        }
        found
    }

    /// The compiler holds to the rest: fields and constructors of a stamp are private to this room, and a scan has one.
    #[test]
    fn nothing_outside_this_room_makes_a_stamp() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let policy = root.join("policy").display().to_string();
        let all = sources(&root);
        let own = all.iter().find(|(path, _)| path.ends_with("policy/stamp.rs"));
        let (own, _) = own
            .expect("this file")
            .1
            .split_once("mod tests")
            .expect("these tests");
        assert!(!own.contains("pub(crate) fn open") && !own.contains("pub(crate) fn below"));
        assert!(
            !own.contains("impl Default for Stamp") && !own.contains("Default)]\npub(crate) struct Stamp")
        );
        for (path, text) in all.iter().filter(|(path, _)| !path.starts_with(&policy)) {
            for making in ["Stamp::open(", ".below_policies()", "Stamp {", "access.stamp("] {
                assert!(!text.contains(making), "{path} makes a stamp");
            }
        }
    }
}
