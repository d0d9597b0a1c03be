//! Which connections run, and how a cancel request reaches their statements.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use causeway_sql::Canceller;
use tokio_util::sync::CancellationToken;

/// Ends what one connection runs at a moment.
///
/// The session's canceller ends planning and the statement that it knows as running; the token also ends the rows of a portal that
/// was opened before other statements ran.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    session: Canceller,
    token: Arc<Mutex<CancellationToken>>,
}

impl Interrupt {
    pub(super) fn new(session: Canceller) -> Self {
        Self {
            session,
            token: Arc::default(),
        }
    }

    /// A token for the message that is about to be handled; an earlier interrupt does not touch it.
    pub(super) fn renew(&self) -> CancellationToken {
        let token = CancellationToken::new();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }

    fn trigger(&self) {
        self.session.cancel();
        self.token.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    next_id: AtomicI32,
    connections: Mutex<HashMap<i32, (i32, Interrupt)>>,
}

impl Registry {
    /// Adds a connection until the guard is dropped.
    pub(super) fn register(&self, interrupt: Interrupt) -> Registration<'_> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & i32::MAX;
        let secret = rand::random();
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, (secret, interrupt));
        Registration {
            registry: self,
            id,
            secret,
        }
    }

    /// Ends what the connection runs, if the secret is its own.
    pub(super) fn cancel(&self, id: i32, secret: i32) {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, interrupt)) = connections.get(&id).filter(|(known, _)| *known == secret) {
            interrupt.trigger();
        }
    }

    /// Ends what all connections run.
    pub(super) fn cancel_all(&self) {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections
            .values()
            .for_each(|(_, interrupt)| interrupt.trigger());
    }
}

/// A connection's place in the registry.
#[derive(Debug)]
pub(super) struct Registration<'a> {
    registry: &'a Registry,
    pub(super) id: i32,
    pub(super) secret: i32,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.registry
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}
