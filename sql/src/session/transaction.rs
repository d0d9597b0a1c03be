//! What a transaction means to a session: views, settings and cursors that come and go with it.
//!
//! Owns: BEGIN, COMMIT, ROLLBACK and savepoints. Does not own: the status that clients are told; see the server. Invariant: live data has
//! no part in it; there is nothing of it to roll back. Start at [`Transaction`].

use std::sync::{Mutex, PoisonError};

use causeway_postgres::column_names::folded;
use datafusion::sql::sqlparser::ast::Ident;

use super::Session;
use crate::Error;
use crate::catalog::views::Views;
use crate::settings::Settings;

/// The running transaction of a session.
#[derive(Debug, Default)]
pub(crate) struct Transaction(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    savepoints: Vec<Savepoint>,
}

#[derive(Debug)]
struct Savepoint {
    name: String,
    views: Views,
    settings: (Settings, Settings),
    /// Cursors declared before it.
    cursors: u64,
}

impl Transaction {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a transaction block is open.
    pub(crate) fn is_open(&self) -> bool {
        self.with(|state| state.is_open)
    }

    fn end(&self) {
        self.with(|state| *state = State::default());
    }
}

impl Session {
    pub(super) fn begin(&self) {
        self.transaction.with(|state| state.is_open = true);
        self.person.session_views.begin();
        self.begin_settings();
    }

    pub(super) fn commit(&self) {
        self.transaction.end();
        self.person.session_views.commit();
        self.commit_settings();
        self.cursors.commit();
    }

    /// Undoes what the running transaction did to the session's views, settings and cursors, also when it fails and its end is only called COMMIT.
    pub fn roll_back(&self) {
        self.transaction.end();
        self.person.session_views.roll_back();
        self.roll_back_settings();
        self.cursors.roll_back();
    }

    /// # Errors
    /// 25P01 outside a transaction block.
    pub(super) fn savepoint(&self, name: &Ident) -> Result<(), Error> {
        self.check_block("SAVEPOINT")?;
        let savepoint = Savepoint {
            name: folded(name),
            views: self.person.session_views.now(),
            settings: self.saved_settings(),
            cursors: self.cursors.declared(),
        };
        self.transaction.with(|state| state.savepoints.push(savepoint));
        Ok(())
    }

    /// # Errors
    /// 25P01 outside a transaction block, 3B001 for a savepoint that doesn't exist.
    pub(super) fn release(&self, name: &Ident) -> Result<(), Error> {
        self.check_block("RELEASE SAVEPOINT")?;
        self.transaction.with(|state| {
            let at = place(state, name)?;
            state.savepoints.truncate(at);
            Ok(())
        })
    }

    /// # Errors
    /// 25P01 outside a transaction block, 3B001 for a savepoint that doesn't exist.
    pub(super) fn roll_back_to(&self, name: &Ident) -> Result<(), Error> {
        self.check_block("ROLLBACK TO SAVEPOINT")?;
        let (views, settings, cursors) = self.transaction.with(|state| {
            let at = place(state, name)?;
            state.savepoints.truncate(at + 1);
            let savepoint = state.savepoints.last().ok_or_else(|| missing(name))?;
            let views = Views::clone(&savepoint.views);
            Ok::<_, Error>((views, savepoint.settings.clone(), savepoint.cursors))
        })?;
        self.restore_settings(settings);
        self.person.session_views.restore(views);
        self.cursors.roll_back_to(cursors);
        Ok(())
    }

    /// # Errors
    /// 25P01 outside a transaction block.
    pub(super) fn check_block(&self, statement: &str) -> Result<(), Error> {
        if self.transaction.is_open() {
            return Ok(());
        }
        let message = format!("{statement} can only be used in transaction blocks");
        Err(Error::new("25P01", message))
    }
}

/// The last savepoint of the name.
fn place(state: &State, name: &Ident) -> Result<usize, Error> {
    let folded = folded(name);
    let found = state
        .savepoints
        .iter()
        .rposition(|savepoint| savepoint.name == folded);
    found.ok_or_else(|| missing(name))
}

fn missing(name: &Ident) -> Error {
    Error::new("3B001", format!("savepoint \"{}\" does not exist", folded(name)))
}
