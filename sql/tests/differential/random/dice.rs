//! Reproducible choices.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

/// The choices of one statement; the same seed and number give the same statement.
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self(StdRng::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number,
        ))
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        list.choose(&mut self.0).expect("something to choose from")
    }

    /// One of the entries, each as likely as its weight says.
    pub(crate) fn weighted<'a, T>(&mut self, list: &'a [(u32, T)]) -> &'a T {
        let total: u32 = list.iter().map(|(weight, _)| weight).sum();
        let mut left = self.0.random_range(0..total);
        for (weight, entry) in list {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return entry,
            }
        }
        unreachable!("the weights add up")
    }
}
