//! The invariant, checked: over random conditions and rows of edge values a lowered predicate holds exactly where the engine finds the
//! expression TRUE, and nowhere less when it says that it is wider.

use datafusion::arrow::array::AsArray as _;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;

use super::fixture::{context_in, optimised, table};
use super::model::{holds, is_exact};
use super::random::{Dice, batch, condition, rows};
use crate::scan::lower::lower;

const ROWS: usize = 64;

/// `CAUSEWAY_SEED` and `CAUSEWAY_CONDITIONS` take the test further afield.
fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().expect("a number"))
}

#[derive(Debug, Default)]
struct Tally {
    filters: usize,
    exact: usize,
    wider: usize,
    local: usize,
    refused: usize,
}

#[tokio::test]
async fn predicates_agree_with_the_engine() {
    agree_in("UTC").await;
}

#[tokio::test]
async fn predicates_agree_with_the_engine_in_other_zones() {
    for zone in ["America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"] {
        agree_in(zone).await;
    }
}

async fn agree_in(zone: &str) {
    let seed = from_environment("CAUSEWAY_SEED", 7);
    let conditions = from_environment("CAUSEWAY_CONDITIONS", 1500);
    let mut dice = Dice::new(seed);
    let (table, context) = (table(), context_in(zone));
    let schema = DFSchema::try_from_qualified_schema("t", &table.schema()).expect("a schema");
    let mut tally = Tally::default();
    for _ in 0..conditions {
        let sql = condition(&mut dice);
        let Ok(filters) = optimised(&context, &sql).await else {
            // The engine finds no common type, or a constant that it can't read.
            tally.refused += 1;
            continue;
        };
        let rows = rows(&mut dice, ROWS);
        let batch = batch(&rows);
        for filter in filters {
            let Some(engine) = evaluate(&context, &schema, &filter, &batch) else {
                tally.refused += 1;
                continue;
            };
            let predicate = lower(&table, &filter);
            let exact = is_exact(&predicate);
            for (row, wanted) in rows.iter().zip(&engine) {
                let found = holds(&predicate, row);
                assert!(
                    found == *wanted || (found && !exact),
                    "{zone}, seed {seed}: {sql}\n{filter}\n{predicate:?}\n{row:?}\nthe engine says {wanted}"
                );
            }
            tally.filters += 1;
            let local = format!("{predicate:?}").contains("Opaque");
            tally.exact += usize::from(exact);
            tally.local += usize::from(local);
            tally.wider += usize::from(!exact && !local);
        }
    }
    println!("{tally:?}");
    assert!(tally.refused * 4 < tally.filters, "{tally:?}");
    // In a zone more is left to the engine.
    let share = if zone == "UTC" { 2 } else { 3 };
    assert!(tally.exact > tally.filters / share, "{tally:?}");
    assert!(tally.wider > tally.filters / 50, "{tally:?}");
}

/// For which rows the engine finds the filter TRUE; `None` when it fails for some row.
fn evaluate(
    context: &datafusion::prelude::SessionContext,
    schema: &DFSchema,
    filter: &Expr,
    batch: &datafusion::arrow::array::RecordBatch,
) -> Option<Vec<bool>> {
    let physical = context.create_physical_expr(filter.clone(), schema).ok()?;
    let values = physical.evaluate(batch).ok()?.into_array(batch.num_rows()).ok()?;
    let values = values.as_boolean_opt()?;
    Some(values.iter().map(|value| value == Some(true)).collect())
}
