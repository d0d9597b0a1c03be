//! Random predicates from a seed: trees over comparisons that the suite already knows.

use crate::{Comparison, Predicate};

/// A small generator (SplitMix64), so that a seed means the same everywhere.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// True once in about `chances` times.
    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// A tree of at most `depth` levels of AND and OR above its leaves.
    pub(super) fn predicate(&mut self, leaves: &[Comparison], depth: u32) -> Predicate {
        let kind = self.below(16);
        if depth == 0 || kind < 4 {
            return self.leaf(leaves);
        }
        if kind < 6 {
            return Predicate::Implies(Box::new(self.predicate(leaves, depth - 1)));
        }
        let parts = (0..2 + self.below(3))
            .map(|_| self.predicate(leaves, depth - 1))
            .collect();
        if kind.is_multiple_of(2) {
            Predicate::All(parts)
        } else {
            Predicate::Any(parts)
        }
    }

    fn leaf(&mut self, leaves: &[Comparison]) -> Predicate {
        match self.below(24) {
            0 => Predicate::Opaque("the engine evaluates this".to_owned()),
            1 => Predicate::Never,
            _ => {
                let at = self.below(leaves.len());
                leaves.get(at).cloned().map_or(Predicate::Never, Predicate::Is)
            }
        }
    }
}
