//! The golden suite `slt/`: statements with the answers that PostgreSQL gives over the same rows, in every mode and under every
//! reading of the vendors' documentation.
//!
//! `UPDATE_SLT=1` writes the answers of PostgreSQL into the files, and the requests of our own into `slt/explain`. `CAUSEWAY_GOLDEN=all`
//! runs every statement in every mode under every reading, which takes hours; `wide` runs every statement under every reading with
//! everything pushed. Without it, every statement runs with everything pushed,
//! and a share of them in each other mode and under each other reading; `CAUSEWAY_GOLDEN=quick` leaves the shares out.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use causeway_sql::Session;
use sqllogictest::{AsyncDB, ColumnType, DBOutput, Record, Runner};

use tokio::task::JoinSet;

use crate::answer::{Answer, Cell, Kind, Number};
use crate::orgs::{MODES, Mode, Orgs, Reading};
use crate::postgres::{Connection, Postgres};
use crate::readings::readings;
use crate::reference::{self, Failure, ask_causeway, ask_postgres};

/// Between the columns of a row.
const SEPARATOR: &str = " | ";

impl ColumnType for Kind {
    fn from_char(value: char) -> Option<Self> {
        Some(match value {
            'B' => Self::Boolean,
            // The files don't tell types of numbers apart.
            'N' => Self::Number(Number::Numeric),
            'T' => Self::Text,
            'D' => Self::Date,
            'Z' => Self::Moment,
            'L' => Self::LocalMoment,
            'H' => Self::Time,
            '?' => Self::Untyped,
            _ => return None,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Self::Boolean => 'B',
            Self::Number(_) => 'N',
            Self::Text => 'T',
            Self::Date => 'D',
            Self::Moment => 'Z',
            Self::LocalMoment => 'L',
            Self::Time => 'H',
            Self::Untyped => '?',
        }
    }
}

/// Who answers.
enum Side {
    Causeway(Session),
    Postgres(Connection),
    /// Ours, but only what is sent and why.
    Explained(Session),
}

/// A failure, of which only the SQLSTATE is compared.
#[derive(Debug)]
struct Refusal(Failure);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.sqlstate, self.0.message)
    }
}

impl std::error::Error for Refusal {}

#[async_trait]
impl AsyncDB for Side {
    type Error = Refusal;
    type ColumnType = Kind;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Kind>, Refusal> {
        let answer = match self {
            Self::Causeway(session) => ask_causeway(session, sql, &[]).await,
            Self::Postgres(postgres) => ask_postgres(&postgres.client, sql, &[]).await,
            Self::Explained(session) => ask_causeway(session, sql, &[]).await.map(scans),
        };
        let answer = answer.map_err(Refusal)?;
        let is_explained = matches!(self, Self::Explained(_));
        let value = |cell: &Cell| match cell {
            Cell::Text(line) if is_explained => line.clone(),
            other => written(other),
        };
        let row = |row: &Vec<Cell>| row.iter().map(value).collect();
        Ok(DBOutput::Rows {
            types: answer.kinds,
            rows: answer.rows.iter().map(row).collect(),
        })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        match self {
            Self::Postgres(_) => "postgresql",
            Self::Causeway(_) | Self::Explained(_) => "causeway",
        }
    }

    fn error_sql_state(error: &Refusal) -> Option<String> {
        Some(error.0.sqlstate.clone())
    }
}

/// The lines of an EXPLAIN that say what is sent, and the reasons below them. Estimates have tests of their own.
fn scans(explained: Answer) -> Answer {
    let text = |row: &Vec<Cell>| match row.first() {
        Some(Cell::Text(line)) => {
            let parts = line.trim().split("  ");
            let parts = parts.filter(|part| !part.starts_with("calls≈"));
            parts.collect::<Vec<_>>().join("  ")
        }
        _ => String::new(),
    };
    let is_kept = |line: &String| {
        [
            "SalesforceScan:",
            "ServiceNowScan:",
            "exact:",
            "superset (",
            "local (",
            "first ",
        ]
        .iter()
        .any(|start| line.starts_with(start))
    };
    let lines = explained.rows.iter().map(text).filter(is_kept);
    Answer {
        kinds: vec![Kind::Text],
        rows: lines.map(|line| vec![Cell::Text(line)]).collect(),
    }
}

/// A value as the files write it: text that could be mistaken for something else is quoted; fractions have 12 digits, because the last
/// bits of a sum depend on the order of adding.
fn written(cell: &Cell) -> String {
    match cell {
        Cell::Double(number) => rounded(*number),
        Cell::Exact(number) if number.contains('.') => rounded(number.parse().expect("a number")),
        Cell::Text(text) => {
            let is_plain = !text.is_empty()
                && text != "NULL"
                && text.trim() == text
                && !text.contains("  ")
                && !text.contains(SEPARATOR)
                && !text.starts_with('"')
                && !text.contains(char::is_control);
            if is_plain {
                text.clone()
            } else {
                format!("{text:?}")
            }
        }
        other => other.to_string(),
    }
}

fn rounded(number: f64) -> String {
    let rounded: f64 = format!("{number:.11e}").parse().expect("a double");
    format!("{rounded}")
}

fn is_same(_: sqllogictest::Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    let actual: Vec<String> = actual.iter().map(|row| row.join(SEPARATOR)).collect();
    actual == expected
}

#[expect(clippy::ptr_arg, reason = "the signature that the runner takes")]
fn are_same_types(actual: &Vec<Kind>, expected: &Vec<Kind>) -> bool {
    let same = |(one, other): (&Kind, &Kind)| {
        one.to_char() == other.to_char() || *one == Kind::Untyped || *other == Kind::Untyped
    };
    actual.len() == expected.len() && actual.iter().zip(expected).all(same)
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the suite")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no suite", folder.display());
    files
}

/// The statement of a record.
fn statement(record: &Record<Kind>) -> Option<&str> {
    match record {
        Record::Statement { sql, .. } | Record::Query { sql, .. } => Some(sql),
        _ => None,
    }
}

/// Runs the statements of the files that are wanted by their number and text; returns how many there were and what differs.
async fn run(
    side: Side,
    folder: &str,
    title: &str,
    is_wanted: impl Fn(usize, &str) -> bool,
) -> (usize, Vec<String>) {
    let mut side = Some(side);
    let mut runner = Runner::new(|| {
        let side = side.take().expect("one connection");
        async move { Ok::<_, Refusal>(side) }
    });
    runner.with_validator(is_same);
    runner.with_column_validator(are_same_types);
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files(folder) {
        let records = sqllogictest::parse_file::<Kind>(&file).expect("a readable file");
        for record in records {
            if let Some(sql) = statement(&record) {
                count += 1;
                if !is_wanted(count, sql) {
                    continue;
                }
            }
            if let Err(error) = runner.run_async(record).await {
                let difference = format!("{title}: {error}");
                println!("{difference}");
                wrong.push(difference);
            }
        }
    }
    (count, wrong)
}

async fn update(side: Side, folder: &str) {
    let mut side = Some(side);
    let mut runner = Runner::new(|| {
        let side = side.take().expect("one connection");
        async move { Ok::<_, Refusal>(side) }
    });
    for file in files(folder) {
        runner
            .update_test_file(&file, SEPARATOR, is_same, Clone::clone, are_same_types)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

fn is_update() -> bool {
    std::env::var("UPDATE_SLT").is_ok_and(|value| value == "1")
}

fn judge(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} statements differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_answers_are_postgresqls() {
    let Some(postgres) = Postgres::start_or_skip("golden_answers_are_postgresqls") else {
        return;
    };
    let orgs = Orgs::start(Reading::default()).await;
    let connection = postgres.connect().await;
    reference::load(&orgs.session(Mode::new(1, "off")).await, &connection.client).await;
    if is_update() {
        return update(Side::Postgres(connection), "slt").await;
    }
    let (count, wrong) = run(Side::Postgres(connection), "slt", "PostgreSQL", |_, _| true).await;
    judge(&wrong);
    assert!(count >= 300, "only {count} statements");
}

/// One pass over the suite.
struct Pass {
    name: String,
    reading: Reading,
    mode: Mode,
    /// Only statements that name this schema.
    schema: &'static str,
    /// Of so many statements each, the one with this remainder.
    share: (usize, usize),
}

impl Pass {
    async fn run(&self) -> Vec<String> {
        let orgs = Orgs::start(self.reading.clone()).await;
        let title = format!("{}, {}", self.name, self.mode);
        let session = orgs.session(self.mode).await;
        let is_wanted =
            |number: usize, sql: &str| sql.contains(self.schema) && number % self.share.0 == self.share.1;
        let (_, mut wrong) = run(Side::Causeway(session), "slt", &title, is_wanted).await;
        let violations = orgs.violations();
        if !violations.is_empty() {
            wrong.push(format!("{title}: {violations:?}"));
        }
        wrong
    }
}

fn passes() -> Vec<Pass> {
    let how = std::env::var("CAUSEWAY_GOLDEN").unwrap_or_default();
    let mut passes = Vec::new();
    for (at, (name, schema, reading)) in readings().into_iter().enumerate() {
        for (number, mode) in MODES.into_iter().enumerate() {
            // Whole scans take longest.
            let share = match (how.as_str(), at, number) {
                ("all", ..) | (_, 0, 0) | ("wide", _, 0 | 2) => Some((1, 0)),
                ("quick", ..) => None,
                (_, 0, 1..=3) => Some((3, number - 1)),
                (_, 0, 4 | 5) => Some((4, number % 4)),
                (_, 0, _) => Some((8, number)),
                (_, _, 0..=3) if number == at % 4 => Some((8, at / 4 % 8)),
                _ => None,
            };
            if let Some(share) = share {
                passes.push(Pass {
                    name: name.clone(),
                    reading: reading.clone(),
                    mode,
                    schema: if how == "all" { "" } else { schema },
                    share,
                });
            }
        }
    }
    passes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn golden_answers_hold_in_every_mode_and_reading() {
    if is_update() {
        return;
    }
    let passes = Arc::new(Mutex::new(passes()));
    let mut workers = JoinSet::new();
    for _ in 0..2 {
        let passes = Arc::clone(&passes);
        workers.spawn(async move {
            let mut wrong = Vec::new();
            loop {
                let next = passes.lock().unwrap_or_else(PoisonError::into_inner).pop();
                match next {
                    Some(pass) => wrong.extend(pass.run().await),
                    None => return wrong,
                }
            }
        });
    }
    let wrong: Vec<String> = workers.join_all().await.into_iter().flatten().collect();
    judge(&wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_requests_are_those_that_were_reviewed() {
    let orgs = Orgs::start(Reading::default()).await;
    let mut wrong = Vec::new();
    for (folder, mode) in [("slt/explain", MODES[0]), ("slt/explain/full_access", MODES[2])] {
        let side = Side::Explained(orgs.session(mode).await);
        if is_update() {
            update(side, folder).await;
        } else {
            wrong.extend(run(side, folder, "EXPLAIN", |_, _| true).await.1);
        }
    }
    judge(&wrong);
}
