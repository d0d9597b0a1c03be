//! About how many rows each table holds.
//!
//! Does not own: the counting; each source asks. Invariant: counts serve estimates and are never part of an answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many rows a table held at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowCount {
    /// Rows.
    pub rows: u64,
    /// When they were counted.
    pub counted: Instant,
}

impl RowCount {
    /// How long a count is good enough for estimates.
    const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

    /// Whether it is not worth a call to count again.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.counted.elapsed() < Self::LIFE
    }
}

/// Row counts of one source, by SQL name of the table.
#[derive(Debug, Default)]
pub struct RowCounts(Mutex<HashMap<String, RowCount>>);

impl RowCounts {
    /// The latest count of a table, whatever its age.
    pub fn of(&self, table: &str) -> Option<RowCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(table).copied()
    }

    /// Remembers that the table holds so many rows now.
    pub fn note(&self, table: &str, rows: u64) {
        let counted = Instant::now();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.insert(table.to_owned(), RowCount { rows, counted });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_count_holds() {
        let counts = RowCounts::default();
        assert_eq!(counts.of("account"), None);
        counts.note("account", 7);
        counts.note("account", 9);
        let count = counts.of("account").expect("counted");
        assert_eq!(count.rows, 9);
        assert!(count.is_fresh());
        assert_eq!(counts.of("contact"), None);
    }
}
