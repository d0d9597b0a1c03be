//! Random statements, each answered by both sides.
//!
//! `CAUSEWAY_RANDOM_QUERIES` says how many, `CAUSEWAY_RANDOM_SEED` which ones, `CAUSEWAY_RANDOM_FIRST` from which number on; a
//! statement depends on nothing but the seed and its number. Each runs with everything pushed, a sample in the other modes too.

mod catalog;
mod dice;
mod literal;
mod predicate;
mod query;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use causeway_sql::Session;
use tokio::task::JoinSet;

use crate::answer::{Answer, shown};
use crate::orgs::{MODES, Mode, Orgs, Reading};
use crate::postgres::{Connection, Postgres};
use crate::reference::{self, Failure, ask_causeway, ask_postgres};
use catalog::Catalog;
use dice::Dice;
use query::Query;
use text::Rendered;

/// One of so many statements runs in every mode.
const SAMPLE: u64 = 25;
/// Statements under way at once.
const WORKERS: u64 = 2;
/// After so many differences the rest is not worth the time.
const MOST_DIFFERENCES: usize = 25;

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is no number")),
        Err(_) => otherwise,
    }
}

/// Sessions in all modes, and a connection to PostgreSQL.
struct Sides {
    modes: Vec<(String, Session)>,
    postgres: Connection,
    tally: Tally,
}

impl Sides {
    async fn new(orgs: &Orgs, postgres: &Postgres) -> Self {
        let mut modes = Vec::new();
        for mode in MODES {
            modes.push((mode.to_string(), orgs.session(mode).await));
        }
        let postgres = postgres.connect().await;
        postgres
            .client
            .batch_execute("SET statement_timeout = '60s'")
            .await
            .expect("a setting");
        Self {
            modes,
            postgres,
            tally: Tally::default(),
        }
    }

    /// The modes that statement `number` runs in.
    fn modes_of(&self, number: u64) -> &[(String, Session)] {
        let usual = usize::try_from(number % 4).unwrap_or_default();
        if number.is_multiple_of(SAMPLE) {
            &self.modes
        } else {
            &self.modes[usual..=usual]
        }
    }
}

/// How the statements went.
#[derive(Default)]
struct Tally {
    with_rows: AtomicU64,
    without_rows: AtomicU64,
    failing: AtomicU64,
    /// Refused for the digits of a numeric, which is a limit of ours.
    refused: AtomicU64,
}

impl Tally {
    fn count(&self, expected: &Result<Answer, Failure>) {
        let counter = match expected {
            Ok(answer) if answer.rows.is_empty() => &self.without_rows,
            Ok(_) => &self.with_rows,
            Err(_) => &self.failing,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A statement whose answers differ.
struct Difference {
    mode: String,
    what: String,
    statement: Rendered,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_statements_answer_as_postgresql_does() {
    let Some(postgres) = Postgres::start_or_skip("random_statements_answer_as_postgresql_does") else {
        return;
    };
    let seed = number("CAUSEWAY_RANDOM_SEED", 1);
    let count = number("CAUSEWAY_RANDOM_QUERIES", 200);
    let first = number("CAUSEWAY_RANDOM_FIRST", 0);
    let orgs = Arc::new(Orgs::start(Reading::default()).await);
    let loader = postgres.connect().await;
    let tables = reference::load(&orgs.session(Mode::new(1, "off")).await, &loader.client).await;
    let catalog = Arc::new(Catalog::new(&tables));
    let next = Arc::new(AtomicU64::new(first));
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let sides = Sides::new(&orgs, &postgres).await;
        let (catalog, next) = (Arc::clone(&catalog), Arc::clone(&next));
        workers.spawn(async move {
            let mut found = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= first + count || found.len() >= MOST_DIFFERENCES {
                    return (found, sides.tally);
                }
                let query = query::random(&catalog, &mut Dice::new(seed, number));
                if let Some(difference) = compare(&sides, number, &query).await {
                    let smallest = shrink(&sides, number, query, difference).await;
                    let report = report(seed, number, &smallest);
                    println!("{report}");
                    found.push(report);
                }
            }
        });
    }
    let (found, tallies): (Vec<_>, Vec<_>) = workers.join_all().await.into_iter().unzip();
    let found: Vec<String> = found.into_iter().flatten().collect();
    check_tallies(&tallies, seed, first, count);
    assert!(
        found.is_empty(),
        "{} of {count} statements differ:\n{}",
        found.len(),
        found.join("\n")
    );
    assert!(orgs.violations().is_empty(), "{:?}", orgs.violations());
}

/// Prints what was answered, and checks that it proves something.
fn check_tallies(tallies: &[Tally], seed: u64, first: u64, count: u64) {
    let sum = |counter: fn(&Tally) -> &AtomicU64| -> u64 {
        tallies
            .iter()
            .map(|tally| counter(tally).load(Ordering::Relaxed))
            .sum()
    };
    let with_rows = sum(|tally| &tally.with_rows);
    let refused = sum(|tally| &tally.refused);
    println!(
        "seed {seed}, {count} statements from {first}: {with_rows} answered rows, {} none, {} an error; {refused} refused for the digits \
         of a numeric",
        sum(|tally| &tally.without_rows),
        sum(|tally| &tally.failing)
    );
    assert!(
        refused * 500 <= count,
        "{refused} of {count} statements were refused"
    );
    // Statements that nothing satisfies prove little.
    assert!(
        with_rows * 2 > count,
        "only {with_rows} of {count} statements answered rows"
    );
}

fn report(seed: u64, number: u64, difference: &Difference) -> String {
    let values: Vec<&str> = difference
        .statement
        .postgres
        .iter()
        .map(|(_, value)| value.as_str())
        .collect();
    format!(
        "seed {seed} number {number} ({}): {}\n    {}{}{}",
        difference.mode,
        difference.what,
        difference.statement.sql,
        if values.is_empty() { "" } else { "\n    with " },
        values.join(", "),
    )
}

/// Runs a statement on both sides.
async fn compare(sides: &Sides, number: u64, query: &Query) -> Option<Difference> {
    let statement = query.rendered();
    let expected = ask_postgres(&sides.postgres.client, &statement.sql, &statement.postgres).await;
    sides.tally.count(&expected);
    for (mode, session) in sides.modes_of(number) {
        let answered = ask_causeway(session, &statement.sql, &statement.values).await;
        if needs_too_many_digits(&answered) {
            sides.tally.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        if let Some(what) = difference(&expected, &answered, query) {
            return Some(Difference {
                mode: mode.clone(),
                what,
                statement,
            });
        }
    }
    None
}

/// Numerics have 38 digits, as the README says; what needs more is refused and never cut.
fn needs_too_many_digits(answered: &Result<Answer, Failure>) -> bool {
    let words = "this numeric has more digits than are supported";
    matches!(answered, Err(failure) if failure.sqlstate == "0A000" && failure.message.starts_with(words))
}

fn difference(
    expected: &Result<Answer, Failure>,
    answered: &Result<Answer, Failure>,
    query: &Query,
) -> Option<String> {
    match (expected, answered) {
        (Ok(expected), Ok(answered)) => expected.difference(answered, &query.comparison()),
        (Err(expected), Err(answered)) if expected.sqlstate == answered.sqlstate => None,
        (Err(expected), Err(answered)) => Some(format!(
            "error {} {}, PostgreSQL: {} {}",
            answered.sqlstate, answered.message, expected.sqlstate, expected.message
        )),
        (Ok(expected), Err(answered)) => Some(format!(
            "error {} {}, PostgreSQL answers {} rows",
            answered.sqlstate,
            answered.message,
            expected.rows.len()
        )),
        (Err(expected), Ok(answered)) => Some(format!(
            "{} rows{}, PostgreSQL fails: {} {}",
            answered.rows.len(),
            answered
                .rows
                .first()
                .map(|row| format!(" ({})", shown(row)))
                .unwrap_or_default(),
            expected.sqlstate,
            expected.message
        )),
    }
}

/// Takes parts away as long as the answers still differ.
async fn shrink(sides: &Sides, number: u64, mut query: Query, mut difference: Difference) -> Difference {
    const MOST_STEPS: usize = 60;
    for _ in 0..MOST_STEPS {
        let mut smaller = None;
        for candidate in query.smaller() {
            if let Some(found) = compare(sides, number, &candidate).await {
                smaller = Some((candidate, found));
                break;
            }
        }
        match smaller {
            Some((candidate, found)) => (query, difference) = (candidate, found),
            None => break,
        }
    }
    difference
}
