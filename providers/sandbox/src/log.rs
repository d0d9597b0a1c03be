//! The request log: what every test and the demo read to see which calls were made.
//!
//! Owns: one [`Entry`] per HTTP request that reached a practice org, in order of arrival.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// One HTTP request as the practice org saw it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Entry {
    /// HTTP method in upper case.
    pub method: String,
    /// Path without its query string.
    pub path: String,
    /// The decoded remote query: SOQL text, or the decoded `sysparm_query`.
    pub remote_query: Option<String>,
    /// All other decoded query parameters as `name=value`, joined by `&`; never a credential.
    pub parameters: String,
    /// HTTP status that was answered.
    pub status: u16,
    /// Records in the answer.
    pub rows: usize,
    /// Bytes of the answer's body as sent.
    pub bytes: usize,
    /// Time from request to answer, in milliseconds.
    pub milliseconds: f64,
    /// Signed-in user, if the request carried a valid credential.
    pub user: Option<String>,
    /// A rule of safe use that the request broke: a `javascript:` value, a credential in the URL, a statement that doesn't
    /// parse.
    pub violation: Option<String>,
}

/// A shared, ordered list of [`Entry`] values. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct RequestLog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    entries: Mutex<Vec<Entry>>,
    added: Notify,
}

impl RequestLog {
    fn locked(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry.
    pub fn push(&self, entry: Entry) {
        self.locked().push(entry);
        self.0.added.notify_waiters();
    }

    /// Copies the entries so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.locked().clone()
    }

    /// Copies the entries of data calls: everything but sign-ins.
    #[must_use]
    pub fn data_calls(&self) -> Vec<Entry> {
        self.entries()
            .into_iter()
            .filter(|entry| !entry.path.contains("oauth"))
            .collect()
    }

    /// Waits until at least `count` data calls have been answered.
    pub async fn reached(&self, count: usize) {
        loop {
            // Made before the look, so that an entry that is added in between wakes it.
            let added = self.0.added.notified();
            if self.data_calls().len() >= count {
                return;
            }
            added.await;
        }
    }

    /// Copies the entries of requests that broke a rule of safe use; see [`Entry::violation`].
    #[must_use]
    pub fn violations(&self) -> Vec<Entry> {
        self.entries()
            .into_iter()
            .filter(|entry| entry.violation.is_some())
            .collect()
    }

    /// Forgets the entries so far.
    pub fn clear(&self) {
        self.locked().clear();
    }
}
