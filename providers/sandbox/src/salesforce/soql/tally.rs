//! The running result of one aggregate of one group.
//!
//! Owns: COUNT, SUM, AVG, MIN, MAX and COUNT_DISTINCT over the values of a field. Nulls count for none of them.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::super::value::{Value, write_text};
use super::text::Collation;
use super::tree::Function;

/// How values of a field are grouped and aggregated.
#[derive(Debug)]
pub(super) struct Style {
    pub(super) collation: Collation,
    /// Texts that the collation holds for equal are one group.
    pub(super) folds: bool,
    /// Sums are whole numbers.
    pub(super) whole: bool,
    /// Decimals that SUM and AVG are rounded to.
    pub(super) scale: Option<u32>,
    pub(super) empty_sum_is_zero: bool,
    /// Values in setup order, which is the order of MIN and MAX.
    pub(super) picklist: &'static [&'static str],
}

impl Style {
    fn order(&self, left: &Value, right: &Value) -> Ordering {
        match (left, right) {
            (Value::Text(left), Value::Text(right)) => self
                .place(left)
                .cmp(&self.place(right))
                .then_with(|| self.collation.fold(left).cmp(&self.collation.fold(right))),
            (left, right) => left.order(right),
        }
    }

    /// The place in setup order; values that were retired come last.
    fn place(&self, text: &str) -> usize {
        let place = self.picklist.iter().position(|known| *known == text);
        place.unwrap_or(self.picklist.len())
    }

    fn rounded(&self, value: f64) -> Value {
        Value::Number(match self.scale {
            Some(scale) => {
                let unit = 10_f64.powi(i32::try_from(scale).unwrap_or_default());
                (value * unit).round() / unit
            }
            None => value,
        })
    }
}

/// Adds a value to the key of a group.
pub(super) fn group_key(value: &Value, style: &Style, key: &mut Vec<u8>) {
    match value {
        Value::Text(text) if style.folds => write_text(&style.collation.fold(text), key),
        value => value.write(key),
    }
}

/// The running result.
#[derive(Debug)]
pub(super) struct Tally {
    function: Option<Function>,
    count: i64,
    sum: f64,
    /// The sum of whole numbers, which a double may not hold.
    whole_sum: i128,
    best: Value,
    seen: HashSet<Vec<u8>>,
}

impl Tally {
    /// Starts a result.
    pub(super) fn new(function: Option<Function>) -> Self {
        Self {
            function,
            count: 0,
            sum: 0.0,
            whole_sum: 0,
            best: Value::Null,
            seen: HashSet::new(),
        }
    }

    /// Adds a value.
    pub(super) fn add(&mut self, value: Value, style: &Style) {
        if value == Value::Null {
            return;
        }
        self.count += 1;
        self.sum += value.number().unwrap_or(0.0);
        if let Value::Int(value) = value {
            self.whole_sum += i128::from(value);
        }
        match self.function {
            Some(Function::CountDistinct) => {
                let mut key = Vec::new();
                group_key(&value, style, &mut key);
                self.seen.insert(key);
            }
            Some(function @ (Function::Min | Function::Max)) => {
                let better = if function == Function::Min {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
                if self.best == Value::Null || style.order(&value, &self.best) == better {
                    self.best = value;
                }
            }
            _ => {}
        }
    }

    /// Ends the result.
    pub(super) fn result(self, style: &Style) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
        let count = self.count as f64;
        match self.function {
            Some(Function::Count) => Value::Int(self.count),
            Some(Function::CountDistinct) => Value::Int(i64::try_from(self.seen.len()).unwrap_or(i64::MAX)),
            Some(Function::Sum) if self.count == 0 && style.empty_sum_is_zero => Value::Int(0),
            Some(Function::Sum | Function::Avg) if self.count == 0 => Value::Null,
            Some(Function::Sum) if style.whole => {
                Value::Int(i64::try_from(self.whole_sum).unwrap_or(i64::MAX))
            }
            Some(Function::Sum) => style.rounded(self.sum),
            Some(Function::Avg) if style.whole => Value::Number(self.sum / count),
            Some(Function::Avg) => style.rounded(self.sum / count),
            _ => self.best,
        }
    }
}
