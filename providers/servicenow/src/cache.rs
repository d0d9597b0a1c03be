//! Values by key, loaded once for all who wait and kept for a while.
//!
//! Does not own: what is loaded. Invariant: at most one load runs for a key; a failure is not kept. Start at [`Cache`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use causeway_core::Error;
use tokio::time::Instant;

/// A cache. Failures are not kept.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    life: Duration,
    kept: RwLock<HashMap<K, (Instant, V)>>,
    loading: KeyedLocks<K>,
}

/// One lock per key, so that what is to be found out of it is asked once for all who want to know.
#[derive(Debug)]
pub(crate) struct KeyedLocks<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> KeyedLocks<K> {
    /// Waits until nobody else is asking. Whoever drops the guard, or the future that holds it, lets the next one ask.
    pub(crate) async fn lock(&self, key: &K) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(key.clone()).or_default())
        };
        lock.lock_owned().await
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(life: Duration) -> Self {
        Self {
            life,
            kept: RwLock::default(),
            loading: KeyedLocks::default(),
        }
    }

    /// The value, if it is known and fresh.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let (since, value) = kept.get(key)?;
        (since.elapsed() < self.life).then(|| value.clone())
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, (Instant::now(), value));
    }

    /// Changes values that are kept, which get no younger by it.
    pub(crate) fn amend(&self, wanted: impl Fn(&K) -> bool, change: impl Fn(&mut V)) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.iter_mut()
            .filter(|(key, _)| wanted(key))
            .for_each(|(_, (_, value))| change(value));
    }

    /// All fresh values whose key is wanted.
    pub(crate) fn values(&self, wanted: impl Fn(&K) -> bool) -> Vec<V> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .filter(|(key, (since, _))| wanted(key) && since.elapsed() < self.life)
            .map(|(_, (_, value))| value.clone())
            .collect()
    }

    /// The value from the cache, or from `load`, which runs at most once at a time for a key.
    ///
    /// The lock of the key is held while loading on purpose; whoever drops the future frees it.
    pub(crate) async fn get_or_load(
        &self,
        key: K,
        load: impl Future<Output = Result<V, Error>>,
    ) -> Result<V, Error> {
        if let Some(value) = self.get(&key) {
            return Ok(value);
        }
        let _single_flight = self.loading.lock(&key).await;
        if let Some(value) = self.get(&key) {
            return Ok(value);
        }
        let value = load.await?;
        self.insert(key, value.clone());
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use causeway_core::Kind;

    use super::*;

    #[tokio::test]
    async fn all_who_wait_share_one_load() {
        let cache = Cache::new(Duration::from_secs(60));
        let loads = AtomicU32::new(0);
        let load = || async {
            tokio::task::yield_now().await;
            Ok(loads.fetch_add(1, Ordering::Relaxed))
        };
        let (a, b) = tokio::join!(cache.get_or_load("k", load()), cache.get_or_load("k", load()));
        assert_eq!((a.ok(), b.ok()), (Some(0), Some(0)));
        assert_eq!(cache.get(&"other"), None);
    }

    #[tokio::test]
    async fn failures_are_not_kept() {
        let cache: Cache<&str, u32> = Cache::new(Duration::from_secs(60));
        let failing = async { Err(Error::new(&"s".into(), Kind::Remote, "no")) };
        assert!(cache.get_or_load("k", failing).await.is_err());
        assert_eq!(cache.get_or_load("k", async { Ok(7) }).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn values_age() {
        let cache = Cache::new(Duration::ZERO);
        cache.insert("k", 1);
        assert_eq!(cache.get(&"k"), None);
        assert!(cache.values(|_| true).is_empty());
    }
}
