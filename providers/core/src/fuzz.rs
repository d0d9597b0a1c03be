//! Checks a claim over many generated values, alike in every crate.
//!
//! Owns: how many cases, which ones, and what a failure says. Does not own: what is generated and checked; each target does, beside the
//! code that it attacks. Invariant: a failure names the seed that runs the same cases again. Start at [`run`].
//!
//! `CAUSEWAY_FUZZ_CASES` says how many, `CAUSEWAY_FUZZ_SEED` which ones.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::str::FromStr;

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
