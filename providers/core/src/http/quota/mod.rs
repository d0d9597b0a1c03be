//! What is left of the calls that a remote system allows, and the share of them that is kept in reserve.
//!
//! Owns: the last figure that the system told, and the calls that it can't have counted yet. Does not own: how it tells; see
//! [`Classify::usage`](super::Classify::usage). Invariant: while a figure is known and fresh, no call begins that could use up the
//! reserve. While none is known, every call passes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer};
use tokio::sync::Notify;

use crate::{Error, Kind};

/// The share of the calls allowed that is kept for others, written as `"20%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserve {
    percent: u8,
}

impl Reserve {
    const WANTED: &str = "a share of the calls such as \"20%\"";

    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('%')?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let percent = digits
            .parse()
            .ok()
            .filter(|percent| is_number && *percent < 100)?;
        Some(Self { percent })
    }

    /// Calls that are kept of so many.
    fn kept(self, allowed: u64) -> u64 {
        let kept = (u128::from(allowed) * u128::from(self.percent)).div_ceil(100);
        u64::try_from(kept).unwrap_or(allowed)
    }
}

impl<'de> Deserialize<'de> for Reserve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Reserve;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(Reserve::WANTED)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Reserve, E> {
                let wrong = || E::custom(format!("expected {}, from \"0%\" to \"99%\"", Reserve::WANTED));
                Reserve::read(text).ok_or_else(wrong)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Calls that a remote system has counted and calls that it allows, in its own window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Calls counted.
    pub used: u64,
    /// Calls allowed.
    pub allowed: u64,
}

/// The quota of one source.
#[derive(Debug, Default)]
pub(super) struct Quota {
    reserve: Option<Reserve>,
    known: Mutex<Known>,
    /// Wakes those who wait for what a call that asks will tell.
    told: Notify,
}

#[derive(Debug, Default)]
struct Known {
    figure: Option<Figure>,
    /// Calls that were admitted and are not in the figure.
    under_way: u64,
    /// Calls admitted so far, which numbers them.
    admitted: u64,
    /// Number of the call that was let through to learn a new figure, until it has.
    asking: Option<u64>,
}

#[derive(Debug)]
struct Figure {
    usage: Usage,
    /// Number of the last call that was admitted before the figure was told.
    as_of: u64,
    /// When the figure was told, or when a call was let through to learn a new one.
    asked: Instant,
}

/// A call that would go into the reserve.
#[derive(Debug)]
struct Refused {
    error: Error,
    /// Whether a call is under way that may tell better.
    is_asked: bool,
}

/// The leave to make a call. Dropping it before the call was sent takes it back.
#[derive(Debug)]
pub(super) struct Admission {
    quota: Arc<Quota>,
    number: u64,
    calls: u64,
    is_sent: bool,
}

impl Quota {
    /// Age of a figure that forbids calls at which one is let through to learn a new one.
    ///
    /// The window of 24 hours rolls on, so a count falls while nobody calls; but only the answer to a call tells so. Without this a
    /// source whose reserve was reached once would stay closed for ever. At one call in five minutes, learning takes at most 288
    /// calls a day from the reserve.
    const ASK_AGAIN_AFTER: Duration = Duration::from_secs(300);

    pub(super) fn new(reserve: Option<Reserve>) -> Arc<Self> {
        Arc::new(Self {
            reserve,
            known: Mutex::default(),
            told: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known by now: the last figure, and our calls since then that no answer has told of.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.lock().figure.as_ref().map(|figure| figure.usage)
    }

    /// Admits a request that the remote system counts as `calls`; while another asks for a new figure, it waits for that.
    ///
    /// # Errors
    /// [`Kind::Budget`] when it would go into the reserve.
    pub(super) async fn admit(self: &Arc<Self>, origin: &Arc<str>, calls: u64) -> Result<Admission, Error> {
        loop {
            let told = self.told.notified();
            match self.admit_at(origin, calls, Instant::now()) {
                Ok(admission) => return Ok(admission),
                Err(Refused {
                    error,
                    is_asked: false,
                }) => return Err(error),
                Err(Refused { is_asked: true, .. }) => told.await,
            }
        }
    }

    fn admit_at(self: &Arc<Self>, origin: &Arc<str>, calls: u64, now: Instant) -> Result<Admission, Refused> {
        let mut known = self.lock();
        let under_way = known.under_way;
        if let (Some(reserve), Some(figure)) = (self.reserve, &mut known.figure) {
            let Usage { used, allowed } = figure.usage;
            let kept = reserve.kept(allowed);
            let would_be_used = used.saturating_add(under_way).saturating_add(calls);
            if would_be_used > allowed.saturating_sub(kept) {
                if now.saturating_duration_since(figure.asked) < Self::ASK_AGAIN_AFTER {
                    return Err(Refused {
                        error: refusal(origin, figure.usage, under_way, (reserve, kept)),
                        is_asked: known.asking.is_some(),
                    });
                }
                figure.asked = now;
                known.asking = Some(known.admitted + 1);
            }
        }
        known.under_way += calls;
        known.admitted += 1;
        Ok(Admission {
            quota: Arc::clone(self),
            number: known.admitted,
            calls,
            is_sent: false,
        })
    }

    fn no_longer_asks(&self, known: &mut Known, number: u64) {
        if known.asking == Some(number) {
            known.asking = None;
            self.told.notify_waiters();
        }
    }

    /// Counts a call that no answer tells of.
    pub(super) fn count(&self, calls: u64) {
        if let Some(figure) = &mut self.lock().figure {
            figure.usage.used = figure.usage.used.saturating_add(calls);
        }
    }
}

fn refusal(origin: &Arc<str>, usage: Usage, under_way: u64, (reserve, kept): (Reserve, u64)) -> Error {
    let Usage { used, allowed } = usage;
    let percent = reserve.percent;
    let running = match under_way {
        0 => String::new(),
        under_way => format!(" ({under_way} more under way)"),
    };
    let message = format!(
        "{used} of the {allowed} api calls of a day are used{running}, and {percent}% ({kept} calls) are kept in reserve; \
         try again when older calls no longer count, or lower 'reserve' in the configuration"
    );
    Error::new(origin, Kind::Budget, message)
}

impl Admission {
    /// Notes that the call goes out, so that it counts whether an answer comes or not.
    pub(super) fn send(&mut self) {
        self.is_sent = true;
    }

    /// Takes the figure that the answer tells.
    ///
    /// Answers overtake each other: one to a call that was made before the last figure was told may raise the figure, but not lower
    /// it.
    pub(super) fn report(&mut self, usage: Usage, now: Instant) {
        let mut known = self.quota.lock();
        self.quota.no_longer_asks(&mut known, self.number);
        known.under_way = known.under_way.saturating_sub(self.calls);
        self.calls = 0;
        let is_stale = known
            .figure
            .as_ref()
            .is_some_and(|figure| self.number <= figure.as_of && usage.used < figure.usage.used);
        if !is_stale {
            known.figure = Some(Figure {
                usage,
                as_of: known.admitted,
                asked: now,
            });
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut known = self.quota.lock();
        known.under_way = known.under_way.saturating_sub(self.calls);
        self.quota.no_longer_asks(&mut known, self.number);
        drop(known);
        if self.is_sent {
            self.quota.count(self.calls);
        }
    }
}

#[cfg(test)]
mod tests;
