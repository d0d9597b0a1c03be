//! Checks a claim over many generated values, alike in every crate.
//!
//! Owns: how many cases, which ones, and what a failure says. Does not own: what is generated and checked; each target does, beside the
//! code that it attacks. Invariant: a failure names the seed that runs the same cases again. Start at [`run`].
//!
//! `CAUSEWAY_FUZZ_CASES` says how many, `CAUSEWAY_FUZZ_SEED` which ones.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::str::FromStr;

use proptest::collection::vec;
use proptest::prelude::any;
use proptest::prop_oneof;
use proptest::sample::{Index, select};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Cases of a cheap check where nobody asks for more.
const CASES: u32 = 256;

/// Checks as many values as asked for. A check that takes as long as `cost` cheap ones runs so many times less often.
///
/// # Panics
/// A value fails the check; the message has the smallest such value that was found, and the seed.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn run<S: Strategy>(cost: u32, values: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = number("CAUSEWAY_FUZZ_CASES").unwrap_or(CASES);
    let seed = number("CAUSEWAY_FUZZ_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let config = Config {
        cases: (cases / cost.max(1)).max(1),
        // The seed is enough, and a test writes no file into the sources.
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 4096,
        ..Config::default()
    };
    if let Err(error) = TestRunner::new(config).run(values, check) {
        panic!("{error}\nthe same cases again: CAUSEWAY_FUZZ_SEED={seed} CAUSEWAY_FUZZ_CASES={cases}");
    }
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn number<N: FromStr>(name: &str) -> Option<N> {
    let text = std::env::var(name).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{name} is '{text}', which is no number"),
    }
}

/// A change to bytes that were whole.
#[derive(Debug, Clone)]
pub enum Damage {
    /// Changes the bits of one byte.
    Flip(Index, u8),
    /// Puts bytes in.
    Insert(Index, Vec<u8>),
    /// Takes a few bytes out.
    Remove(Index, usize),
    /// Says a few bytes again.
    Repeat(Index, usize),
}

impl Damage {
    /// One to three changes; what is put in is any bytes, or one of `pieces`.
    pub fn some(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<Self>> {
        let piece = prop_oneof![vec(any::<u8>(), 1..4), select(pieces).prop_map(<[u8]>::to_vec),];
        let one = prop_oneof![
            any::<(Index, u8)>().prop_map(|(at, bits)| Self::Flip(at, bits)),
            (any::<Index>(), piece).prop_map(|(at, piece)| Self::Insert(at, piece)),
            (any::<Index>(), 1..30_usize).prop_map(|(at, count)| Self::Remove(at, count)),
            (any::<Index>(), 1..30_usize).prop_map(|(at, count)| Self::Repeat(at, count)),
        ];
        vec(one, 1..4)
    }

    /// Makes the changes, one after the other.
    pub fn apply_all(damages: &[Self], bytes: &mut Vec<u8>) {
        for damage in damages {
            damage.apply(bytes);
        }
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let place = |at: &Index| at.index(length + 1);
        let span = |at: &Index, count: usize| place(at)..(place(at) + count).min(length);
        match self {
            Self::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte ^= bits;
                }
            }
            Self::Insert(at, piece) => drop(bytes.splice(place(at)..place(at), piece.iter().copied())),
            Self::Remove(at, count) => drop(bytes.drain(span(at, *count))),
            Self::Repeat(at, count) => {
                let again = bytes.get(span(at, *count)).unwrap_or_default().to_vec();
                drop(bytes.splice(place(at)..place(at), again));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn a_failure_names_its_smallest_value_and_the_seed() {
        let failing = || {
            run(1, &(0..1_000_000_u32), |value| {
                // A panic in the code under test counts as a failure.
                assert!(value < 1_000, "too large");
                Ok(())
            });
        };
        let panic = catch_unwind(failing).expect_err("a large value is found");
        let message = panic.downcast_ref::<String>().expect("a text");
        assert!(message.contains("minimal failing input: 1000"), "{message}");
        assert!(message.contains("CAUSEWAY_FUZZ_SEED="), "{message}");
    }
}
