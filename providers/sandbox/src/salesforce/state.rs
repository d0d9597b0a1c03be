//! What a running org knows: data, sessions, cursors, the count of calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::auth::Sessions;
use super::cursors::Cursors;
use super::data;
use super::schema::Catalog;
use super::switches::Switches;
use super::transcript::Transcript;
use crate::log::RequestLog;
use crate::world::World;
use crate::{Gate, Options};

/// The state that all requests share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) catalog: Catalog,
    pub(super) switches: Switches,
    pub(super) log: RequestLog,
    pub(super) gate: Gate,
    pub(super) sessions: Sessions,
    pub(super) cursors: Cursors,
    /// Own address without a trailing slash.
    pub(super) url: String,
    pub(super) latency: Duration,
    /// Where SOQL texts are written, when the environment asks for it.
    pub(super) transcript: Option<Transcript>,
    used: AtomicUsize,
    turns: AtomicUsize,
}

impl State {
    /// Makes the state of an org at `url`.
    pub(super) fn new(options: &Options, switches: Switches, url: String) -> Self {
        let world = World::new(options.seed, options.scale);
        Self {
            catalog: data::catalog(&world),
            world,
            switches,
            log: RequestLog::default(),
            gate: Gate::default(),
            sessions: Sessions::default(),
            cursors: Cursors::default(),
            url,
            latency: options.latency,
            transcript: None,
            used: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
        }
    }

    /// Counts calls against the daily limit; tells whether the limit allows them.
    pub(super) fn spend(&self, calls: usize) -> bool {
        let limit = self.switches.semantics().daily_api_requests;
        self.used.fetch_add(calls, Ordering::Relaxed) + calls <= limit
    }

    /// Returns calls made and calls allowed.
    pub(super) fn usage(&self) -> (usize, usize) {
        let limit = self.switches.semantics().daily_api_requests;
        (self.used.load(Ordering::Relaxed).min(limit), limit)
    }

    /// Returns a number that grows with each call, to vary what is otherwise constant.
    pub(super) fn turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }
}
