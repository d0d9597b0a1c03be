//! The queue before a source: a bounded number of calls at once, and a fair turn for every query.
//!
//! Queries take turns of one call each. A new query stands behind those that wait already. A query that has had its turn and wants more
//! stands at the end again. So a look-up of one call waits for one call of each query before it, and a big scan gets a call in every
//! round, however many look-ups keep coming. Virtual start times, the textbook's way, promise only the first: newcomers start at the
//! present virtual time, ahead of everybody's second call.
//!
//! Invariant: calls wait only while all permits are out. A permit or a place that is dropped goes to the next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A limit on the calls at the same time, shared by all queries.
#[derive(Debug)]
pub(super) struct Queue {
    permits: usize,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// Permits that are out.
    running: usize,
    /// Queries that wait, the one whose turn is next first.
    turns: VecDeque<Turn>,
    next_place: u64,
}

/// A query that waits, with its calls in the order in which it asked.
#[derive(Debug)]
struct Turn {
    query: u64,
    calls: VecDeque<(u64, oneshot::Sender<Permit>)>,
}

/// The right to make one call; dropping it hands it on.
#[derive(Debug)]
pub(super) struct Permit(Arc<Queue>);

/// A place in the line; dropping it leaves the line.
struct Place<'q> {
    queue: &'q Queue,
    query: u64,
    place: u64,
}

impl Queue {
    /// Makes a queue that lets `permits` calls run at once, but at least one.
    pub(super) fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: permits.max(1),
            line: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of a call of `query`.
    ///
    /// Cancel: dropping the future leaves the line.
    pub(super) async fn acquire(self: &Arc<Self>, query: u64) -> Permit {
        loop {
            let (place, turn) = {
                let mut line = self.lock();
                if line.running < self.permits {
                    line.running += 1;
                    return Permit(Arc::clone(self));
                }
                self.join(&mut line, query)
            };
            let granted = turn.await;
            drop(place);
            // The sender of a place goes only with a permit or with its place, so this is no second try in practice.
            if let Ok(permit) = granted {
                return permit;
            }
        }
    }

    fn join(&self, line: &mut Line, query: u64) -> (Place<'_>, oneshot::Receiver<Permit>) {
        let (call, turn) = oneshot::channel();
        let place = line.next_place;
        line.next_place += 1;
        match line.turns.iter_mut().find(|turn| turn.query == query) {
            Some(turn) => turn.calls.push_back((place, call)),
            None => line.turns.push_back(Turn {
                query,
                calls: VecDeque::from([(place, call)]),
            }),
        }
        let queue = self;
        (Place { queue, query, place }, turn)
    }

    /// Calls that run and calls that wait.
    pub(super) fn load(&self) -> (usize, usize) {
        let line = self.lock();
        (line.running, line.turns.iter().map(|turn| turn.calls.len()).sum())
    }
}

impl Line {
    /// Takes the call whose turn it is.
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        let mut turn = self.turns.pop_front()?;
        let (_, call) = turn.calls.pop_front()?;
        if !turn.calls.is_empty() {
            self.turns.push_back(turn);
        }
        Some(call)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut line = self.0.lock();
            let next = line.next();
            if next.is_none() {
                line.running -= 1;
            }
            next
        };
        if let Some(call) = next {
            // Whoever left in this very moment gives the permit back, which hands it on.
            drop(call.send(Self(Arc::clone(&self.0))));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.queue.lock();
        let Some(at) = line.turns.iter().position(|turn| turn.query == self.query) else {
            return;
        };
        let is_left = line.turns.get_mut(at).is_some_and(|turn| {
            turn.calls.retain(|(place, _)| *place != self.place);
            turn.calls.is_empty()
        });
        if is_left {
            line.turns.remove(at);
        }
    }
}

#[cfg(test)]
mod tests;
