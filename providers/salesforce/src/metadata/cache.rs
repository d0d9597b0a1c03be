//! What was described, per identity: field-level security shows each user another org.
//!
//! Owns: lifetimes, single flight, the memory of names that don't exist. Does not own: the calls; see [`client`](crate::api::client).
//! Invariant: callers that want the same thing at the same time cause one call. Start at [`View`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use causeway_core::{Error, Kind, Table, TableName};

/// How long an answer counts before the org is asked whether it changed.
const TIME_TO_LIVE: Duration = Duration::from_secs(3600);

/// How long a name counts as unknown before it is asked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An answer to a conditional call.
pub(crate) enum Answer<T> {
    /// A new value, and its `Last-Modified`.
    Changed(T, Option<String>),
    /// The value that is already known still holds.
    Unchanged,
}

/// A value that is fetched once and kept.
#[derive(Debug)]
pub(crate) struct Cached<T> {
    /// Held across the call on purpose: that is what makes it single-flight. A caller that goes away frees it for the next.
    gate: tokio::sync::Mutex<()>,
    entry: Mutex<Option<Entry<T>>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    last_modified: Option<String>,
    checked: Option<Instant>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self {
            gate: tokio::sync::Mutex::default(),
            entry: Mutex::default(),
        }
    }
}

impl<T> Cached<T> {
    /// The value, however old.
    pub(crate) fn known(&self) -> Option<Arc<T>> {
        lock(&self.entry).as_ref().map(|entry| Arc::clone(&entry.value))
    }

    /// The value while it needs no call.
    pub(crate) fn live(&self) -> Option<Arc<T>> {
        let entry = lock(&self.entry);
        let live = |entry: &&Entry<T>| {
            entry
                .checked
                .is_some_and(|checked| checked.elapsed() < TIME_TO_LIVE)
        };
        entry.as_ref().filter(live).map(|entry| Arc::clone(&entry.value))
    }

    /// The value, fetched when it is not live. `fetch` is given the `Last-Modified` of the value that is known.
    pub(crate) async fn get(
        &self,
        fetch: impl AsyncFnOnce(Option<String>) -> Result<Answer<T>, Error>,
    ) -> Result<Arc<T>, Error> {
        if let Some(value) = self.live() {
            return Ok(value);
        }
        let _single_flight = self.gate.lock().await;
        if let Some(value) = self.live() {
            return Ok(value);
        }
        let since = lock(&self.entry)
            .as_ref()
            .and_then(|entry| entry.last_modified.clone());
        if let Answer::Changed(value, last_modified) = fetch(since.clone()).await? {
            return Ok(self.put(value, last_modified));
        }
        let mut entry = lock(&self.entry);
        if let Some(entry) = entry.as_mut() {
            entry.checked = Some(Instant::now());
            return Ok(Arc::clone(&entry.value));
        }
        drop(entry);
        Err(Error::new(
            &Arc::from("salesforce"),
            Kind::Internal,
            "the org says that something unknown has not changed",
        ))
    }

    /// Keeps a value that came by another way.
    pub(crate) fn put(&self, value: T, last_modified: Option<String>) -> Arc<T> {
        let value = Arc::new(value);
        *lock(&self.entry) = Some(Entry {
            value: Arc::clone(&value),
            last_modified,
            checked: Some(Instant::now()),
        });
        value
    }

    /// Lets the next caller ask whether the value still holds.
    #[cfg(test)]
    pub(crate) fn expire(&self) {
        if let Some(entry) = lock(&self.entry).as_mut() {
            entry.checked = None;
        }
    }

    /// Lets the next caller fetch the value anew, because the org contradicted it.
    pub(crate) fn invalidate(&self) {
        if let Some(entry) = lock(&self.entry).as_mut() {
            entry.checked = None;
            entry.last_modified = None;
        }
    }
}

/// The org as one identity sees it.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// All tables, by name.
    pub(crate) names: Cached<Vec<TableName>>,
    /// Makes bulk describes single-flight.
    pub(crate) bulk: tokio::sync::Mutex<()>,
    tables: Mutex<HashMap<String, Arc<Cached<Table>>>>,
    unknown: Mutex<HashMap<String, Instant>>,
}

impl View {
    /// Names that are remembered as unknown.
    const MOST_UNKNOWN: usize = 1000;

    /// The place of a table.
    pub(crate) fn table(&self, name: &str) -> Arc<Cached<Table>> {
        Arc::clone(lock(&self.tables).entry(name.to_owned()).or_default())
    }

    /// The tables that are described.
    pub(crate) fn described(&self) -> Vec<Arc<Table>> {
        let mut tables: Vec<_> = lock(&self.tables)
            .values()
            .filter_map(|table| table.known())
            .collect();
        tables.sort_by(|left, right| left.name.name.cmp(&right.name.name));
        tables
    }

    /// Remembers that there is no such table.
    pub(crate) fn set_unknown(&self, name: &str) {
        lock(&self.tables).remove(name);
        let mut unknown = lock(&self.unknown);
        if unknown.len() >= Self::MOST_UNKNOWN {
            unknown.clear();
        }
        unknown.insert(name.to_owned(), Instant::now());
    }

    /// Whether the org said a moment ago that there is no such table.
    pub(crate) fn is_unknown(&self, name: &str) -> bool {
        lock(&self.unknown)
            .get(name)
            .is_some_and(|since| since.elapsed() < UNKNOWN_FOR)
    }
}

/// The views of all identities; `None` is the configured one.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<HashMap<Option<String>, Arc<View>>>);

impl Views {
    pub(crate) fn of(&self, subject: Option<&String>) -> Arc<View> {
        Arc::clone(lock(&self.0).entry(subject.cloned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn callers_at_the_same_time_cause_one_call() {
        let (cached, calls) = (Cached::default(), AtomicU32::new(0));
        let get = || {
            cached.get(async |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(Answer::Changed(7, None))
            })
        };
        let (first, second, third) = tokio::join!(get(), get(), get());
        assert_eq!([*first.unwrap(), *second.unwrap(), *third.unwrap()], [7; 3]);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_expired_value_is_kept_when_it_has_not_changed() {
        let cached = Cached::default();
        cached.put(7, Some("Tue".to_owned()));
        cached.expire();
        let value = cached
            .get(async |since| {
                assert_eq!(since.as_deref(), Some("Tue"));
                Ok(Answer::Unchanged)
            })
            .await;
        assert_eq!(*value.unwrap(), 7);
        assert!(cached.live().is_some());
    }

    #[tokio::test]
    async fn an_invalidated_value_is_fetched_without_condition() {
        let cached = Cached::default();
        cached.put(7, Some("Tue".to_owned()));
        cached.invalidate();
        let value = cached
            .get(async |since| {
                assert_eq!(since, None);
                Ok(Answer::Changed(8, None))
            })
            .await;
        assert_eq!(*value.unwrap(), 8);
    }

    #[test]
    fn identities_do_not_share_what_they_see() {
        let views = Views::default();
        views.of(None).set_unknown("secret__c");
        assert!(views.of(None).is_unknown("secret__c"));
        assert!(!views.of(Some(&"ana".to_owned())).is_unknown("secret__c"));
    }
}
