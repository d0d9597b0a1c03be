//! Identical reads that are under way at the same time become one call.
//!
//! Owns: who makes the call and who waits for its outcome. Does not own: what is identical; see the key.
//! Invariant: a flight ends with its outcome or with the caller who leads it; nothing outlives both. What is asked for after that is
//! asked for anew, so a damaged answer is never given out twice.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The reads under way.
#[derive(Debug)]
pub(super) struct Flights<K, T> {
    /// Removing an entry ends its flight: the sender goes with it.
    under_way: Mutex<HashMap<K, watch::Sender<Option<T>>>>,
}

/// What a caller has to do.
pub(super) enum Boarding<'f, K: Eq + Hash, T> {
    /// Make the call, for everybody who asks meanwhile.
    Lead(Lead<'f, K, T>),
    /// Wait for the call of another.
    Follow(Follow<T>),
}

/// The duty to make a call. Dropping it without an outcome leaves the call to one of those who wait.
pub(super) struct Lead<'f, K: Eq + Hash, T> {
    flights: &'f Flights<K, T>,
    /// `None` once the flight has landed: a new flight of the same key is not this caller's to end.
    key: Option<K>,
}

/// A place beside the caller who makes the call.
pub(super) struct Follow<T>(watch::Receiver<Option<T>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self {
            under_way: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, T> Flights<K, T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Sender<Option<T>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight of `key`, or begins it.
    pub(super) fn board(&self, key: &K) -> Boarding<'_, K, T>
    where
        K: Clone,
    {
        let mut under_way = self.lock();
        if let Some(flight) = under_way.get(key) {
            return Boarding::Follow(Follow(flight.subscribe()));
        }
        under_way.insert(key.clone(), watch::Sender::new(None));
        Boarding::Lead(Lead {
            flights: self,
            key: Some(key.clone()),
        })
    }

    /// Callers who wait for the call of another.
    pub(super) fn following(&self) -> usize {
        self.lock().values().map(watch::Sender::receiver_count).sum()
    }
}

impl<K: Eq + Hash, T> Lead<'_, K, T> {
    /// Ends the flight and gives its outcome to those who wait.
    pub(super) fn land(mut self, outcome: T) {
        let flight = self.key.take().and_then(|key| self.flights.lock().remove(&key));
        if let Some(flight) = flight {
            flight.send_replace(Some(outcome));
        }
    }
}

impl<K: Eq + Hash, T> Drop for Lead<'_, K, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.flights.lock().remove(&key);
        }
    }
}

impl<T: Clone> Follow<T> {
    /// The outcome of the flight; `None` when it ended without one.
    pub(super) async fn landed(mut self) -> Option<T> {
        let outcome = self.0.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    type Words = Flights<&'static str, &'static str>;

    fn lead(flights: &Words) -> Lead<'_, &'static str, &'static str> {
        match flights.board(&"accounts") {
            Boarding::Lead(lead) => lead,
            Boarding::Follow(_) => panic!("a flight is under way"),
        }
    }

    fn follow(flights: &Words) -> Follow<&'static str> {
        match flights.board(&"accounts") {
            Boarding::Follow(follow) => follow,
            Boarding::Lead(_) => panic!("no flight is under way"),
        }
    }

    #[test]
    fn all_who_ask_during_a_flight_get_its_outcome() {
        let flights = Words::default();
        let leader = lead(&flights);
        let (first, second) = (follow(&flights), follow(&flights));
        assert_eq!(flights.following(), 2);
        leader.land("rows");
        assert_eq!(first.landed().now_or_never(), Some(Some("rows")));
        assert_eq!(second.landed().now_or_never(), Some(Some("rows")));
    }

    #[test]
    fn who_waits_is_not_told_before_the_end() {
        let flights = Words::default();
        let _leader = lead(&flights);
        assert_eq!(follow(&flights).landed().now_or_never(), None);
        assert_eq!(flights.following(), 0, "who gave up no longer waits");
    }

    #[test]
    fn what_is_asked_after_the_end_is_asked_anew() {
        let flights = Words::default();
        lead(&flights).land("damaged rows");
        lead(&flights).land("rows");
    }

    #[test]
    fn a_leader_who_goes_leaves_the_call_to_one_of_those_who_wait() {
        let flights = Words::default();
        let leader = lead(&flights);
        let (first, second) = (follow(&flights), follow(&flights));
        drop(leader);
        assert_eq!(first.landed().now_or_never(), Some(None));
        let next = lead(&flights);
        assert_eq!(second.landed().now_or_never(), Some(None));
        let again = follow(&flights);
        next.land("rows");
        assert_eq!(again.landed().now_or_never(), Some(Some("rows")));
    }

    #[test]
    fn other_reads_are_other_flights() {
        let flights = Words::default();
        let _leader = lead(&flights);
        assert!(matches!(flights.board(&"contacts"), Boarding::Lead(_)));
    }
}
