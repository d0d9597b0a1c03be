//! How long a source takes to answer, by its latest calls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Latency;

/// The durations of the latest calls that ended with an answer or ran out of time.
#[derive(Debug, Default)]
pub(super) struct Latencies(Mutex<VecDeque<Duration>>);

impl Latencies {
    /// Calls that are kept.
    const KEPT: usize = 512;

    pub(super) fn note(&self, took: Duration) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= Self::KEPT {
            latest.pop_front();
        }
        latest.push_back(took);
    }

    /// The percentiles by nearest rank: each is a duration that was measured. `None` before the first call.
    pub(super) fn percentiles(&self) -> Option<Latency> {
        let mut sorted: Vec<Duration> = {
            let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            latest.iter().copied().collect()
        };
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.checked_sub(1)?).copied()
        };
        Some(Latency {
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles(milliseconds: impl IntoIterator<Item = u64>) -> Option<[u128; 3]> {
        let latencies = Latencies::default();
        for one in milliseconds {
            latencies.note(Duration::from_millis(one));
        }
        let found = latencies.percentiles()?;
        Some([found.p50, found.p95, found.p99].map(|duration| duration.as_millis()))
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        assert_eq!(percentiles([]), None);
        assert_eq!(percentiles([7]), Some([7, 7, 7]));
        assert_eq!(percentiles((1..=100).rev()), Some([50, 95, 99]));
        assert_eq!(percentiles([30, 10, 20, 40]), Some([20, 40, 40]));
    }

    #[test]
    fn only_the_latest_calls_count() {
        let slow = std::iter::repeat_n(9000, 100);
        assert_eq!(
            percentiles(slow.chain(std::iter::repeat_n(5, 512))),
            Some([5, 5, 5])
        );
        assert_eq!(percentiles((1..=513).map(|_| 5).chain([8])), Some([5, 5, 5]));
    }
}
