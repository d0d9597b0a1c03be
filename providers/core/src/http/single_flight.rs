//! Identical reads that run at the same time become one call.
//!
//! Owns: who makes the call and who waits for its outcome. Does not own: what is identical; see the key.
//! Invariant: a call ends with its outcome or with the caller who makes it; nothing outlives both. What is asked for after that is
//! asked for anew, so a damaged answer is never given out twice.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The reads that run now.
#[derive(Debug)]
pub(super) struct SingleFlight<K, T> {
    /// Removing an entry ends its call: the sender goes with it.
    running: Mutex<HashMap<K, watch::Sender<Option<T>>>>,
}

/// What a caller has to do.
pub(super) enum Role<'f, K: Eq + Hash, T> {
    /// Make the call, for everybody who asks meanwhile.
    Leader(Leader<'f, K, T>),
    /// Wait for the call of another.
    Follower(Follower<T>),
}

/// The duty to make a call. Dropping it without an outcome leaves the call to one of those who wait.
pub(super) struct Leader<'f, K: Eq + Hash, T> {
    calls: &'f SingleFlight<K, T>,
    /// `None` once the call has finished: a later call of the same key is not this caller's to end.
    key: Option<K>,
}

/// A place beside the caller who makes the call.
pub(super) struct Follower<T>(watch::Receiver<Option<T>>);

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, T> SingleFlight<K, T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Sender<Option<T>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the call of `key`, or begins it.
    pub(super) fn join(&self, key: &K) -> Role<'_, K, T>
    where
        K: Clone,
    {
        let mut running = self.lock();
        if let Some(call) = running.get(key) {
            return Role::Follower(Follower(call.subscribe()));
        }
        running.insert(key.clone(), watch::Sender::new(None));
        Role::Leader(Leader {
            calls: self,
            key: Some(key.clone()),
        })
    }

    /// Callers who wait for the call of another.
    pub(super) fn followers(&self) -> usize {
        self.lock().values().map(watch::Sender::receiver_count).sum()
    }
}

impl<K: Eq + Hash, T> Leader<'_, K, T> {
    /// Ends the call and gives its outcome to those who wait.
    pub(super) fn finish(mut self, outcome: T) {
        let call = self.key.take().and_then(|key| self.calls.lock().remove(&key));
        if let Some(call) = call {
            call.send_replace(Some(outcome));
        }
    }
}

impl<K: Eq + Hash, T> Drop for Leader<'_, K, T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.calls.lock().remove(&key);
        }
    }
}

impl<T: Clone> Follower<T> {
    /// The outcome of the call; `None` when it ended without one.
    pub(super) async fn outcome(mut self) -> Option<T> {
        let outcome = self.0.wait_for(Option::is_some).await.ok()?;
        outcome.clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    type Words = SingleFlight<&'static str, &'static str>;

    fn lead(reads: &Words) -> Leader<'_, &'static str, &'static str> {
        match reads.join(&"accounts") {
            Role::Leader(leader) => leader,
            Role::Follower(_) => panic!("a call runs"),
        }
    }

    fn follow(reads: &Words) -> Follower<&'static str> {
        match reads.join(&"accounts") {
            Role::Follower(follower) => follower,
            Role::Leader(_) => panic!("no call runs"),
        }
    }

    #[test]
    fn all_who_ask_during_a_call_get_its_outcome() {
        let reads = Words::default();
        let leader = lead(&reads);
        let (first, second) = (follow(&reads), follow(&reads));
        assert_eq!(reads.followers(), 2);
        leader.finish("rows");
        assert_eq!(first.outcome().now_or_never(), Some(Some("rows")));
        assert_eq!(second.outcome().now_or_never(), Some(Some("rows")));
    }

    #[test]
    fn who_waits_is_not_told_before_the_end() {
        let reads = Words::default();
        let _leader = lead(&reads);
        assert_eq!(follow(&reads).outcome().now_or_never(), None);
        assert_eq!(reads.followers(), 0, "who gave up no longer waits");
    }

    #[test]
    fn what_is_asked_after_the_end_is_asked_anew() {
        let reads = Words::default();
        lead(&reads).finish("damaged rows");
        lead(&reads).finish("rows");
    }

    #[test]
    fn a_leader_who_goes_leaves_the_call_to_one_of_those_who_wait() {
        let reads = Words::default();
        let leader = lead(&reads);
        let (first, second) = (follow(&reads), follow(&reads));
        drop(leader);
        assert_eq!(first.outcome().now_or_never(), Some(None));
        let next = lead(&reads);
        assert_eq!(second.outcome().now_or_never(), Some(None));
        let again = follow(&reads);
        next.finish("rows");
        assert_eq!(again.outcome().now_or_never(), Some(Some("rows")));
    }

    #[test]
    fn other_reads_are_other_calls() {
        let reads = Words::default();
        let _leader = lead(&reads);
        assert!(matches!(reads.join(&"contacts"), Role::Leader(_)));
    }
}
