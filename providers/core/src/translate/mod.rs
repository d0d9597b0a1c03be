//! The law of pushdown: what part of a predicate a remote system may evaluate, and how faithfully.
//!
//! Owns: the algebra of AND and OR over fidelities, for predicates and for the keys of a join.
//! Does not own: what an operator means remotely; see [`Dialect`].
//! Invariant: the remote condition keeps every row for which the predicate is true. Start at [`translate`].

use crate::{
    Column, Comparison, Condition, Dialect, Fidelity, KeySet, KeyTest, Op, Predicate, Pushed, Table, Verdict,
};

/// Translates a predicate for a source.
///
/// # Errors
/// Returns the reason, for EXPLAIN, when no part of it may be pushed.
pub fn translate(dialect: &dyn Dialect, table: &Table, predicate: &Predicate) -> Result<Pushed, String> {
    match predicate {
        Predicate::All(parts) => all_of(parts.iter().map(|part| translate(dialect, table, part)).collect()),
        Predicate::Any(parts) => any_of(parts.iter().map(|part| translate(dialect, table, part)).collect())
            .map(|pushed| match dialect.sends_whole(&pushed.condition) {
                true => pushed,
                false => {
                    pushed.weaken("alternatives that need groups of their own are left out of a long query")
                }
            }),
        Predicate::Is(comparison) => leaf(dialect, table, comparison),
        Predicate::Implies(inner) => translate(dialect, table, inner)
            .map(|pushed| pushed.weaken("the engine checks the whole expression")),
        Predicate::Never => Ok(Pushed {
            derived: false,
            condition: Condition::Never,
            fidelity: Fidelity::Exact,
            reason: String::new(),
        }),
        Predicate::Opaque(reason) => Err(reason.clone()),
    }
}

fn leaf(dialect: &dyn Dialect, table: &Table, comparison: &Comparison) -> Result<Pushed, String> {
    let column: &Column = table.columns.get(comparison.column).ok_or("unknown column")?;
    if column.remote_field().is_none() && !dialect.filters_origin(column) {
        return Err(format!("{} is not a remote field", column.name));
    }
    match dialect.atom(column, comparison.op, &comparison.values) {
        Verdict::Exact(condition) => Ok(Pushed {
            derived: false,
            condition,
            fidelity: Fidelity::Exact,
            reason: String::new(),
        }),
        Verdict::Superset(condition, reason) => Ok(Pushed {
            derived: false,
            condition,
            fidelity: Fidelity::Superset,
            reason: reason.into_owned(),
        }),
        Verdict::Never(reason) => Err(reason.into_owned()),
    }
}

/// AND keeps the parts that can be pushed, and is exact only when every part is there and exact.
fn all_of(parts: Vec<Result<Pushed, String>>) -> Result<Pushed, String> {
    let mut kept = Vec::new();
    let mut refusal = None;
    for part in parts {
        match part {
            Ok(pushed) => kept.push(pushed),
            Err(reason) => refusal = refusal.or(Some(reason)),
        }
    }
    if kept.iter().any(|part| part.condition == Condition::Never) {
        return Ok(Pushed {
            derived: false,
            condition: Condition::Never,
            fidelity: Fidelity::Exact,
            reason: String::new(),
        });
    }
    let Some(weakest) = kept.iter().map(|part| part.fidelity).min() else {
        return Err(refusal.unwrap_or_else(|| "it holds for every row".to_owned()));
    };
    let fidelity = if refusal.is_some() {
        Fidelity::Superset
    } else {
        weakest
    };
    let reason = refusal.map_or_else(|| reasons(&kept), |reason| format!("part stays local: {reason}"));
    let condition = one_or(Condition::All, kept);
    Ok(Pushed {
        derived: false,
        condition,
        fidelity,
        reason,
    })
}

/// OR needs every arm, and is as weak as its weakest.
fn any_of(parts: Vec<Result<Pushed, String>>) -> Result<Pushed, String> {
    let mut kept = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
    kept.retain(|part| part.condition != Condition::Never);
    let fidelity = kept
        .iter()
        .map(|part| part.fidelity)
        .min()
        .unwrap_or(Fidelity::Exact);
    let reason = reasons(&kept);
    let condition = if kept.is_empty() {
        Condition::Never
    } else {
        one_or(Condition::Any, kept)
    };
    Ok(Pushed {
        derived: false,
        condition,
        fidelity,
        reason,
    })
}

fn one_or(combine: fn(Vec<Condition>) -> Condition, parts: Vec<Pushed>) -> Condition {
    let mut conditions: Vec<_> = parts.into_iter().map(|part| part.condition).collect();
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            combine(conditions)
        }
        None => combine(conditions),
    }
}

fn reasons(parts: &[Pushed]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for part in parts {
        if !part.reason.is_empty() && !seen.contains(&part.reason.as_str()) {
            seen.push(&part.reason);
        }
    }
    seen.join("; ")
}

impl KeySet {
    /// What is asked of the source. One key that can't be asked for makes it [`Verdict::Never`]: a list must not lose a key.
    #[must_use]
    pub fn verdict(&self, dialect: &dyn Dialect, table: &Table) -> Verdict {
        let Some(column) = table.columns.get(self.column) else {
            return Verdict::Never("there is no such column".into());
        };
        let keys = match self.test {
            _ if self.values.is_empty() => Verdict::Exact(Condition::Never),
            KeyTest::Equal => dialect.atom(column, Op::In, &self.values),
            KeyTest::Like => self.patterns(dialect, column, Op::Like),
            KeyTest::ILike => self.patterns(dialect, column, Op::ILike),
        };
        if self.or_null {
            either(keys, dialect.atom(column, Op::IsNull, &[]))
        } else {
            keys
        }
    }

    fn patterns(&self, dialect: &dyn Dialect, column: &Column, op: Op) -> Verdict {
        let patterns = self.values.iter();
        let verdicts = patterns.map(|pattern| dialect.atom(column, op, std::slice::from_ref(pattern)));
        verdicts.fold(Verdict::Exact(Condition::Never), either)
    }
}

/// Where one of two conditions holds.
fn either(one: Verdict, other: Verdict) -> Verdict {
    let join = |one, other| match (one, other) {
        (Condition::Never, other) => other,
        (one, Condition::Never) => one,
        (Condition::Any(mut parts), other) => {
            match other {
                Condition::Any(others) => parts.extend(others),
                other => parts.push(other),
            }
            Condition::Any(parts)
        }
        (one, other) => Condition::Any(vec![one, other]),
    };
    match (one, other) {
        (Verdict::Never(reason), _) | (_, Verdict::Never(reason)) => Verdict::Never(reason),
        (Verdict::Exact(one), Verdict::Exact(other)) => Verdict::Exact(join(one, other)),
        (Verdict::Superset(one, reason), Verdict::Exact(other) | Verdict::Superset(other, _))
        | (Verdict::Exact(one), Verdict::Superset(other, reason)) => {
            Verdict::Superset(join(one, other), reason)
        }
    }
}

impl Pushed {
    fn weaken(mut self, reason: &str) -> Self {
        if self.fidelity == Fidelity::Exact {
            self.fidelity = Fidelity::Superset;
            reason.clone_into(&mut self.reason);
        }
        self
    }
}

#[cfg(test)]
mod tests;
