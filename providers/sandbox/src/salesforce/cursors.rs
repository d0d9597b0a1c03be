//! Open results, by the locator under which their next page is asked for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::soql::bind::Bound;
use super::soql::run::Rows;
use super::value::Id;

/// Cursors that are kept; the oldest goes first.
const OPEN_CURSORS: usize = 2000;

/// An open result.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    pub(super) query: Arc<Bound>,
    pub(super) rows: Arc<Rows>,
    pub(super) user: String,
}

/// The open results by locator.
#[derive(Debug, Default)]
pub(super) struct Cursors(Mutex<(HashMap<String, Cursor>, VecDeque<String>, usize)>);

impl Cursors {
    pub(super) fn open(&self, cursor: Cursor) -> String {
        let mut cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, order, count) = &mut *cursors;
        let locator = Id::new("01g", *count).as_str().to_owned();
        *count += 1;
        open.insert(locator.clone(), cursor);
        order.push_back(locator.clone());
        if order.len() > OPEN_CURSORS
            && let Some(oldest) = order.pop_front()
        {
            open.remove(&oldest);
        }
        locator
    }

    pub(super) fn get(&self, locator: &str) -> Option<Cursor> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .get(locator)
            .cloned()
    }
}
