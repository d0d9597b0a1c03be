//! The pushdown table of a README: type × operator → exact, superset or local.
//!
//! Invariant: the table is printed from the dialect, so it can't disagree with it.

use std::path::Path;

use crate::{Column, Dialect, Literal, Op, Verdict};

/// A column that stands for its type, with the constants that its operators are shown with.
#[derive(Debug, Clone)]
pub struct Representative<'a> {
    /// What the row is called.
    pub title: &'a str,
    /// The column.
    pub column: Column,
    /// Constant of the comparisons.
    pub value: Literal,
    /// Pattern of LIKE and its kin, on columns of text.
    pub pattern: Option<&'a str>,
    /// Where the facts come from.
    pub source: &'a str,
}

/// Operators that share a column of the table.
const GROUPS: [(&str, &[Op]); 7] = [
    ("`=` `IN`", &[Op::Eq, Op::In]),
    ("`<>` `NOT IN`", &[Op::NotEq, Op::NotIn]),
    ("`<` `<=` `>` `>=`", &[Op::Lt, Op::LtEq, Op::Gt, Op::GtEq]),
    ("`LIKE`", &[Op::Like]),
    ("`ILIKE`", &[Op::ILike]),
    ("`NOT LIKE` `NOT ILIKE`", &[Op::NotLike, Op::NotILike]),
    ("`IS [NOT] NULL`", &[Op::IsNull, Op::IsNotNull]),
];

/// Prints the table and, below it, the reasons that its numbers stand for.
#[must_use]
pub fn pushdown_table(dialect: &dyn Dialect, rows: &[Representative<'_>]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let titles: Vec<&str> = GROUPS.iter().map(|(title, _)| *title).collect();
    let mut table = format!("| type | {} | source |\n", titles.join(" | "));
    table.push_str(&format!("|---|{}---|\n", "---|".repeat(GROUPS.len())));
    for row in rows {
        let cells: Vec<String> = GROUPS
            .iter()
            .map(|(_, ops)| cell(dialect, row, ops, &mut reasons))
            .collect();
        table.push_str(&format!(
            "| {} | {} | {} |\n",
            row.title,
            cells.join(" | "),
            row.source
        ));
    }
    table.push('\n');
    for (at, reason) in reasons.iter().enumerate() {
        table.push_str(&format!("{}. {reason}\n", at + 1));
    }
    table
}

/// The verdicts of some operators: one word when they agree, otherwise one for each.
fn cell(dialect: &dyn Dialect, row: &Representative<'_>, ops: &[Op], reasons: &mut Vec<String>) -> String {
    let mut words: Vec<String> = Vec::new();
    for op in ops {
        let values = match op {
            Op::IsNull | Op::IsNotNull => Vec::new(),
            Op::Like | Op::NotLike | Op::ILike | Op::NotILike => match row.pattern {
                Some(pattern) => vec![Literal::Text(pattern.to_owned())],
                None => return "–".to_owned(),
            },
            _ => vec![row.value.clone()],
        };
        let word = match dialect.atom(&row.column, *op, &values) {
            Verdict::Exact(_) => "exact".to_owned(),
            Verdict::Superset(_, reason) => format!("superset {}", number_of(&reason, reasons)),
            Verdict::Never(reason) => format!("local {}", number_of(&reason, reasons)),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" / ")
}

/// The number of a reason, from 1.
fn number_of(reason: &str, reasons: &mut Vec<String>) -> usize {
    if let Some(at) = reasons.iter().position(|known| known == reason) {
        return at + 1;
    }
    reasons.push(reason.to_owned());
    reasons.len()
}

/// Compares the part of a README between the marks `<!-- pushdown: begin … -->` and `<!-- pushdown: end -->` with `wanted`.
///
/// With `UPDATE_README` in the environment the part is written instead.
///
/// # Errors
/// Says what to do when the README differs or has no marks.
pub fn check_section(readme: &Path, wanted: &str) -> Result<(), String> {
    let fault = |message: &str| format!("{}: {message}", readme.display());
    let text = std::fs::read_to_string(readme).map_err(|error| fault(&error.to_string()))?;
    let no_marks = || fault("the marks of the pushdown table are missing");
    let (before, rest) = text.split_once("<!-- pushdown: begin").ok_or_else(no_marks)?;
    let (mark, rest) = rest.split_once("-->\n").ok_or_else(no_marks)?;
    let (found, after) = rest.split_once("<!-- pushdown: end -->").ok_or_else(no_marks)?;
    if found == wanted {
        return Ok(());
    }
    if std::env::var_os("UPDATE_README").is_none() {
        return Err(fault(
            "the pushdown table is not what the dialect says; run the test with UPDATE_README=1 and review the difference",
        ));
    }
    let text = format!("{before}<!-- pushdown: begin{mark}-->\n{wanted}<!-- pushdown: end -->{after}");
    std::fs::write(readme, text).map_err(|error| fault(&error.to_string()))
}
