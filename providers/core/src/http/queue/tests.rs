//! The queue's promises, call by call and over random histories.

use std::collections::HashSet;
use std::pin::Pin;

use futures::FutureExt as _;
use proptest::prelude::*;

use super::*;

type Waiting = Pin<Box<dyn Future<Output = Permit>>>;

/// A call that has asked: it holds a place or a permit from now on.
struct Call {
    query: u64,
    asked: Waiting,
    permit: Option<Permit>,
    /// Permits that may go to others before this call, where that is promised.
    patience: Option<usize>,
}

/// A queue and those who asked, in the order in which they did.
struct Calls {
    queue: Arc<Queue>,
    all: Vec<Call>,
}

impl Calls {
    fn new(permits: usize) -> Self {
        Self {
            queue: Queue::new(permits),
            all: Vec::new(),
        }
    }

    fn ask(&mut self, query: u64) {
        let waiting: Vec<u64> = self.waiting().map(|call| call.query).collect();
        let is_first = !waiting.contains(&query);
        let others: HashSet<u64> = waiting.into_iter().collect();
        let queue = Arc::clone(&self.queue);
        self.all.push(Call {
            query,
            asked: Box::pin(async move { queue.acquire(query).await }),
            permit: None,
            patience: is_first.then_some(others.len()),
        });
        self.poll();
    }

    fn waiting(&self) -> impl Iterator<Item = &Call> {
        self.all.iter().filter(|call| call.permit.is_none())
    }

    fn running(&self) -> usize {
        self.all.len() - self.waiting().count()
    }

    /// Lets everyone look whether it is their turn; returns the queries whose turn it was.
    fn poll(&mut self) -> Vec<u64> {
        let mut granted = Vec::new();
        for call in self.all.iter_mut().filter(|call| call.permit.is_none()) {
            call.permit = call.asked.as_mut().now_or_never();
            if call.permit.is_some() {
                granted.push(call.query);
                call.patience = None;
            }
        }
        for _ in &granted {
            for call in self.all.iter_mut() {
                if let Some(patience) = &mut call.patience {
                    *patience = patience
                        .checked_sub(1)
                        .expect("no call waits longer than a round");
                }
            }
        }
        granted
    }

    /// Ends a call that runs.
    fn end(&mut self, at: usize) {
        let running: Vec<usize> = (0..self.all.len())
            .filter(|at| self.all[*at].permit.is_some())
            .collect();
        if let Some(at) = running.get(at % running.len().max(1)) {
            drop(self.all.remove(*at));
        }
    }

    /// Drops a call, whether it runs or waits.
    fn leave(&mut self, at: usize) {
        if !self.all.is_empty() {
            let at = at % self.all.len();
            drop(self.all.remove(at));
        }
    }

    /// Ends the calls one after the other, and tells in which order the others got their turns.
    fn order(&mut self) -> Vec<u64> {
        let mut order = Vec::new();
        while self.waiting().next().is_some() {
            self.end(0);
            let granted = self.poll();
            assert_eq!(granted.len(), 1, "one permit is handed on to one call");
            order.extend(granted);
        }
        order
    }
}

#[test]
fn calls_run_at_once_up_to_the_limit() {
    let mut calls = Calls::new(2);
    (0..3).for_each(|_| calls.ask(1));
    assert_eq!(calls.queue.load(), (2, 1));
    calls.end(0);
    assert_eq!(calls.poll(), [1]);
    assert_eq!(calls.queue.load(), (2, 0));
}

#[test]
fn a_look_up_waits_for_one_call_of_a_scan_and_not_for_all() {
    let mut calls = Calls::new(1);
    (0..5).for_each(|_| calls.ask(1));
    calls.ask(2);
    assert_eq!(calls.order(), [1, 2, 1, 1, 1]);
}

#[test]
fn a_scan_gets_a_call_in_every_round_however_many_look_ups_come() {
    let mut calls = Calls::new(1);
    (0..4).for_each(|_| calls.ask(1));
    let mut turns = Vec::new();
    for newcomer in 10..16 {
        calls.ask(newcomer);
        calls.end(0);
        turns.extend(calls.poll());
    }
    assert_eq!(turns, [1, 10, 1, 11, 12, 1]);
}

#[test]
fn equals_take_turns() {
    let mut calls = Calls::new(1);
    for query in [9, 1, 1, 1, 2, 2, 2, 3, 3, 3] {
        calls.ask(query);
    }
    assert_eq!(calls.order(), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_place_that_is_left_delays_nobody() {
    let mut calls = Calls::new(1);
    for query in [9, 1, 2, 3] {
        calls.ask(query);
    }
    calls.leave(1);
    assert_eq!(calls.queue.load(), (1, 2));
    assert_eq!(calls.order(), [2, 3]);
}

#[test]
fn a_permit_that_nobody_took_in_time_goes_to_the_next() {
    let mut calls = Calls::new(1);
    for query in [9, 1, 2] {
        calls.ask(query);
    }
    calls.end(0);
    // Its turn has come, but it has not looked yet.
    calls.leave(0);
    assert_eq!(calls.poll(), [2]);
    calls.end(0);
    assert_eq!(calls.queue.load(), (0, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Ask(u64),
    End(usize),
    Leave(usize),
    /// Ends a call, and another leaves before anyone looks.
    EndAndLeave(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u64).prop_map(Step::Ask),
        2 => (0..64_usize).prop_map(Step::End),
        1 => (0..64_usize).prop_map(Step::Leave),
        1 => (0..64_usize, 0..64_usize).prop_map(|(end, leave)| Step::EndAndLeave(end, leave)),
    ]
}

proptest! {
    #[test]
    fn no_permit_is_lost_and_nobody_waits_for_ever(
        permits in 1..5_usize,
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut calls = Calls::new(permits);
        for step in steps {
            match step {
                Step::Ask(query) => calls.ask(query),
                Step::End(at) => calls.end(at),
                Step::Leave(at) => calls.leave(at),
                Step::EndAndLeave(end, leave) => {
                    calls.end(end);
                    calls.leave(leave);
                }
            }
            calls.poll();
            let waiting = calls.waiting().count();
            prop_assert_eq!(calls.queue.load(), (calls.running(), waiting));
            prop_assert_eq!(calls.running(), permits.min(calls.all.len()), "a permit idles while a call waits");
        }
        let waiting = calls.waiting().count();
        prop_assert_eq!(calls.order().len(), waiting);
        calls.all.clear();
        prop_assert_eq!(calls.queue.load(), (0, 0));
    }
}
