//! A log of what happened lately, bounded by number, by size and by age.
//!
//! Does not own: what is logged. Invariant: memory stays within the bounds, however much happens.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Records of which the oldest go first: when there are too many, when their texts are too long together, and when they are too old.
#[derive(Debug)]
pub struct Recent<T> {
    most: usize,
    most_bytes: usize,
    /// Seconds; 0 keeps records of any age.
    longest: AtomicU64,
    kept: Mutex<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    records: VecDeque<Record<T>>,
    bytes: usize,
}

#[derive(Debug)]
struct Record<T> {
    since: Instant,
    bytes: usize,
    record: T,
}

impl<T: Clone> Recent<T> {
    /// Makes a log of at most so many records, with texts of at most so many bytes.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            most: most.max(1),
            most_bytes,
            longest: AtomicU64::new(0),
            kept: Mutex::new(Kept {
                records: VecDeque::new(),
                bytes: 0,
            }),
        }
    }

    /// Drops records from now on when they are older than this; a zero keeps records of any age.
    pub fn keep_for(&self, age: Duration) {
        self.longest.store(age.as_secs(), Ordering::Relaxed);
    }

    /// How long records are kept; zero for any age.
    #[must_use]
    pub fn kept_for(&self) -> Duration {
        Duration::from_secs(self.longest.load(Ordering::Relaxed))
    }

    /// Adds a record whose texts have so many bytes.
    pub fn push(&self, record: T, bytes: usize) {
        let now = Instant::now();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes;
        kept.records.push_back(Record {
            since: now,
            bytes,
            record,
        });
        while kept.records.len() > self.most || (kept.bytes > self.most_bytes && kept.records.len() > 1) {
            kept.drop_oldest();
        }
        self.drop_old(&mut kept, now);
    }

    /// The records that are still kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.drop_old(&mut kept, Instant::now());
        kept.records.iter().map(|record| record.record.clone()).collect()
    }

    fn drop_old(&self, kept: &mut Kept<T>, now: Instant) {
        let longest = self.kept_for();
        let is_old = |record: &Record<T>| now.saturating_duration_since(record.since) > longest;
        while !longest.is_zero() && kept.records.front().is_some_and(is_old) {
            kept.drop_oldest();
        }
    }
}

impl<T> Kept<T> {
    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.records.pop_front() {
            self.bytes -= oldest.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_they_are_too_long() {
        let recent = Recent::new(3, 100);
        for number in 0..5 {
            recent.push(number, 10);
        }
        assert_eq!(recent.all(), [2, 3, 4]);
        recent.push(5, 75);
        assert_eq!(recent.all(), [3, 4, 5]);
        recent.push(6, 30);
        assert_eq!(recent.all(), [6], "30 bytes beside 75 are too many");
        recent.push(7, 1_000);
        assert_eq!(recent.all(), [7], "the newest is always kept");
    }

    #[test]
    fn records_beyond_the_age_go() {
        let recent = Recent::new(10, 100);
        recent.push(1, 1);
        recent.keep_for(Duration::from_secs(3600));
        assert_eq!(recent.kept_for(), Duration::from_secs(3600));
        assert_eq!(recent.all(), [1]);
        let mut kept = recent.kept.lock().unwrap();
        recent.drop_old(&mut kept, Instant::now() + Duration::from_secs(3700));
        assert!(kept.records.is_empty() && kept.bytes == 0);
        drop(kept);
        recent.keep_for(Duration::ZERO);
        recent.push(2, 1);
        let mut kept = recent.kept.lock().unwrap();
        recent.drop_old(&mut kept, Instant::now() + Duration::from_secs(1_000_000));
        assert_eq!(kept.records.len(), 1);
    }
}
