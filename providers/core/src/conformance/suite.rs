//! Compares the rows that a source keeps with the rows that SQL keeps.
//!
//! Owns: the [`Suite`] and its report. Does not own: what SQL keeps; see [`keeps`](super::keeps).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures::{StreamExt as _, stream};

use super::literals::comparisons;
use super::lost::Lost;
use super::random::Random;
use super::rows::{Rows, keys_of};
use super::sql::truths;
use crate::{
    Column, Comparison, Condition, Error, Fidelity, Literal, Op, Predicate, Principal, Pushed, QueryContext,
    RemoteQuery, Source, Table, translate,
};

/// Says a comparison in the plainest way of the remote language, whatever the dialect thinks of it; `None` when it can't be said.
pub type Naive = fn(&Column, Op, &[Literal]) -> Option<Condition>;

/// How a source is checked against the practice system behind it.
#[derive(Clone)]
pub struct Suite {
    /// The source, already pointed at a practice system.
    pub source: Arc<dyn Source>,
    /// Values of each column that are used as constants.
    pub samples: usize,
    /// One in so many comparisons is tried, chosen by the seed.
    pub every: usize,
    /// Tries at least one comparison of each column with each operator.
    pub each_operator: bool,
    /// Random trees of comparisons.
    pub trees: usize,
    /// Seed of all choices.
    pub seed: u64,
    /// Says declined comparisons, to find those that would have been exact.
    pub naive: Option<Naive>,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// Predicates whose condition was declared exact.
    pub exact: usize,
    /// Predicates whose condition was declared a superset.
    pub superset: usize,
    /// Predicates that were declined.
    pub declined: usize,
    /// Remote queries that were made.
    pub queries: usize,
    /// What is wrong, one line each.
    pub faults: Vec<String>,
}

impl Report {
    /// Adds another run to this one.
    pub fn add(&mut self, other: Self) {
        self.exact += other.exact;
        self.superset += other.superset;
        self.declined += other.declined;
        self.queries += other.queries;
        self.faults.extend(other.faults);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            exact,
            superset,
            declined,
            queries,
            faults,
        } = self;
        write!(
            formatter,
            "{exact} exact, {superset} superset, {declined} declined, {queries} queries, {} faults",
            faults.len()
        )?;
        faults
            .iter()
            .try_for_each(|fault| write!(formatter, "\n  {fault}"))
    }
}

/// A predicate that waits for the answer of the remote system.
struct Waiting {
    shown: String,
    wanted: Vec<bool>,
    /// How faithful the condition claims to be; `None` for a declined comparison in its plainest form.
    claim: Option<Fidelity>,
    /// Operator, and why the dialect declined it.
    group: String,
}

/// Conditions to ask, each once, with the predicates that they stand for.
#[derive(Default)]
struct Questions {
    by_text: HashMap<String, usize>,
    asked: Vec<(Condition, Vec<Waiting>)>,
}

impl Questions {
    fn add(&mut self, condition: Condition, waiting: Waiting) {
        let next = self.asked.len();
        let at = *self.by_text.entry(format!("{condition:?}")).or_insert(next);
        match self.asked.get_mut(at) {
            Some((_, all)) => all.push(waiting),
            None => self.asked.push((condition, vec![waiting])),
        }
    }
}

impl Suite {
    /// Checks one table: every column with every operator and many constants, then random trees.
    ///
    /// # Errors
    /// What the source answers when the table can't be described or read whole.
    pub async fn check(&self, table: &str, lost: &mut Lost) -> Result<Report, Error> {
        let context = Arc::new(QueryContext::new(1, Arc::new(Principal::default()), 0, true));
        let table = self.source.table(&context, table).await?;
        let rows = Rows::read(&self.source, &context, &table).await?;
        let mut report = Report::default();
        let mut questions = Questions::default();
        let mut leaves: Vec<Comparison> = Vec::new();
        let mut random = Random::new(self.seed);
        for (position, column) in table.columns.iter().enumerate() {
            let mut operators: Vec<Op> = Vec::new();
            for comparison in comparisons(position, column, rows.distinct(position), self.samples) {
                let is_first = self.each_operator && !operators.contains(&comparison.op);
                if !is_first && !random.one_in(self.every) {
                    continue;
                }
                operators.push(comparison.op);
                if column.filterable {
                    leaves.push(comparison.clone());
                }
                self.compare(&table, &rows, comparison, lost, &mut questions, &mut report);
            }
        }
        for _ in 0..self.trees {
            let tree = random.predicate(&leaves, 3);
            // A tree that is declined is counted, and that is all.
            let _declined = self.judge(&table, &rows, &tree, &mut questions, &mut report);
        }
        self.ask(&context, &table, &rows, questions, lost, &mut report)
            .await;
        Ok(report)
    }

    fn compare(
        &self,
        table: &Table,
        rows: &Rows,
        comparison: Comparison,
        lost: &Lost,
        questions: &mut Questions,
        report: &mut Report,
    ) {
        let predicate = Predicate::Is(comparison.clone());
        let Err(reason) = self.judge(table, rows, &predicate, questions, report) else {
            return;
        };
        let Some(column) = table
            .columns
            .get(comparison.column)
            .filter(|column| column.filterable)
        else {
            return;
        };
        let plain = self
            .naive
            .and_then(|say| say(column, comparison.op, &comparison.values));
        let Some(condition) = plain else { return };
        let shown = shown(table, &predicate);
        let group = format!("{}: {reason}", comparison.op.sql());
        if lost.is_open(&group, &shown) {
            let waiting = Waiting {
                wanted: wanted(&predicate, rows),
                claim: None,
                shown,
                group,
            };
            questions.add(condition, waiting);
        }
    }

    /// Translates a predicate and notes what must be asked; an error is the reason for which it was declined.
    fn judge(
        &self,
        table: &Table,
        rows: &Rows,
        predicate: &Predicate,
        questions: &mut Questions,
        report: &mut Report,
    ) -> Result<(), String> {
        let pushed =
            translate(self.source.dialect(), table, predicate).inspect_err(|_| report.declined += 1)?;
        match pushed.fidelity {
            Fidelity::Exact => report.exact += 1,
            Fidelity::Superset => report.superset += 1,
        }
        let waiting = Waiting {
            shown: shown(table, predicate),
            wanted: wanted(predicate, rows),
            claim: Some(pushed.fidelity),
            group: String::new(),
        };
        if pushed.condition == Condition::Never {
            let nothing = vec![false; rows.len()];
            report.faults.extend(fault(rows, &waiting, &nothing, "no query"));
        } else {
            questions.add(pushed.condition, waiting);
        }
        Ok(())
    }

    /// Asks every condition, some at a time, and compares.
    async fn ask(
        &self,
        context: &Arc<QueryContext>,
        table: &Arc<Table>,
        rows: &Rows,
        questions: Questions,
        lost: &mut Lost,
        report: &mut Report,
    ) {
        const AT_ONCE: usize = 4;
        let mut answers = stream::iter(questions.asked)
            .map(|(condition, all)| async move {
                let fidelity = if all.iter().all(|one| one.claim == Some(Fidelity::Exact)) {
                    Fidelity::Exact
                } else {
                    Fidelity::Superset
                };
                let filter = Pushed {
                    derived: false,
                    condition,
                    fidelity,
                    reason: String::new(),
                };
                let query = RemoteQuery {
                    filters: vec![filter],
                    ..RemoteQuery::new(Arc::clone(table), table.key.clone())
                };
                let text = self
                    .source
                    .dialect()
                    .render(&query)
                    .unwrap_or_else(|error| error.message);
                let keys = keys_of(&self.source, context, query).await;
                let kept = keys
                    .map_err(|error| error.to_string())
                    .and_then(|keys| rows.kept(&keys));
                (text, kept, all)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((text, kept, all)) = answers.next().await {
            report.queries += 1;
            for waiting in all {
                match (&waiting.claim, &kept) {
                    (Some(_), Ok(kept)) => report.faults.extend(fault(rows, &waiting, kept, &text)),
                    (Some(_), Err(error)) => {
                        report.faults.push(format!("{}: {error}: {text}", waiting.shown))
                    }
                    (None, kept) => {
                        let exact = kept.as_ref().is_ok_and(|kept| *kept == waiting.wanted);
                        let some = waiting.wanted.contains(&true) && waiting.wanted.contains(&false);
                        lost.note(&waiting.group, &waiting.shown, exact, some);
                    }
                }
            }
        }
    }
}

fn wanted(predicate: &Predicate, rows: &Rows) -> Vec<bool> {
    let truths = truths(predicate, rows);
    truths.into_iter().map(|truth| truth == Some(true)).collect()
}

/// What is wrong with the rows that were kept, in one line.
fn fault(rows: &Rows, waiting: &Waiting, kept: &[bool], text: &str) -> Option<String> {
    let differs = |lost: bool| {
        let mut pairs = waiting.wanted.iter().zip(kept);
        let row = pairs.position(|(wanted, kept)| wanted != kept && *wanted == lost)?;
        Some(rows.key(row).to_owned())
    };
    if let Some(key) = differs(true) {
        return Some(format!("{} loses record {key}: {text}", waiting.shown));
    }
    if waiting.claim != Some(Fidelity::Exact) {
        return None;
    }
    differs(false).map(|key| format!("{} is not exact, it also keeps {key}: {text}", waiting.shown))
}

/// The predicate as SQL writes it, more or less.
fn shown(table: &Table, predicate: &Predicate) -> String {
    let joined = |parts: &[Predicate], word: &str| {
        let parts: Vec<String> = parts.iter().map(|part| shown(table, part)).collect();
        format!("({})", parts.join(word))
    };
    match predicate {
        Predicate::All(parts) => joined(parts, " AND "),
        Predicate::Any(parts) => joined(parts, " OR "),
        Predicate::Is(comparison) => {
            let name = table
                .columns
                .get(comparison.column)
                .map_or("?", |column| column.name.as_str());
            let shortened = |value: &Literal| format!("{value:?}").chars().take(60).collect();
            let values: Vec<String> = comparison.values.iter().take(12).map(shortened).collect();
            format!("{} {} {}", name, comparison.op.sql(), values.join(", "))
        }
        Predicate::Implies(inner) => format!("implies {}", shown(table, inner)),
        Predicate::Never => "FALSE".to_owned(),
        Predicate::Opaque(_) => "opaque".to_owned(),
    }
}
