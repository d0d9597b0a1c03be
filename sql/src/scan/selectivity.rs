//! How many of a table's rows a predicate may keep: a guess by its kind, since remote systems tell nothing about their data.
//!
//! Owns: the shares. They only decide which side of a join is read first and what EXPLAIN expects, never what an answer holds.

use causeway_core::{ColumnType, Comparison, Op, Predicate, Table};

/// The share of rows, from 0 to 1.
pub(crate) fn share(table: &Table, predicate: &Predicate) -> f64 {
    match predicate {
        Predicate::All(parts) => parts.iter().map(|part| share(table, part)).product(),
        Predicate::Any(parts) => {
            let sum: f64 = parts.iter().map(|part| share(table, part)).sum();
            sum.min(1.0)
        }
        Predicate::Is(comparison) => share_of(table, comparison),
        Predicate::Implies(inner) => share(table, inner),
        Predicate::Never => 0.0,
        Predicate::Opaque(_) => 1.0,
    }
}

fn share_of(table: &Table, comparison: &Comparison) -> f64 {
    match comparison.op {
        Op::Eq | Op::In => {
            let values = u32::try_from(comparison.values.len()).unwrap_or(u32::MAX);
            (share_of_one_value(table, comparison.column) * f64::from(values)).min(1.0)
        }
        Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => 0.3,
        Op::Like | Op::ILike | Op::IsNull => 0.1,
        Op::NotEq | Op::NotIn | Op::NotLike | Op::NotILike | Op::IsNotNull => 0.9,
    }
}

/// Keys name one row, texts and moments few, choices one of their list, whole numbers are often codes.
fn share_of_one_value(table: &Table, column: usize) -> f64 {
    match table.columns.get(column) {
        Some(found) if Some(column) == table.single_key() || found.unique => 0.0001,
        // A person's domains hold most of what the person asks for.
        Some(_) if table.domain == Some(column) => 0.25,
        Some(found) if found.ty == ColumnType::Boolean => 0.5,
        Some(found) if found.choices > 0 => 1.0 / f64::from(u32::try_from(found.choices).unwrap_or(u32::MAX)),
        Some(found) if found.ty == ColumnType::Int64 => 0.1,
        _ => 0.01,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_core::{Literal, TableName};

    use super::*;

    fn table() -> Table {
        let column = |name: &str, ty| causeway_core::Column::field(name, ty, "double");
        Table {
            source: Arc::from("s"),
            name: TableName {
                name: "t".to_owned(),
                remote: "T".to_owned(),
                label: "T".to_owned(),
            },
            columns: vec![
                column("id", ColumnType::Text),
                column("name", ColumnType::Text),
                column("open", ColumnType::Boolean),
                column("amount", ColumnType::Float64),
            ],
            key: vec![0],
            domain: None,
            url_template: String::new(),
            required_filter: None,
        }
    }

    fn is(column: usize, op: Op, values: Vec<Literal>) -> Predicate {
        Predicate::Is(Comparison { column, op, values })
    }

    #[test]
    fn what_names_rows_is_expected_to_keep_fewer_than_what_describes_them() {
        let table = table();
        let text = |text: &str| Literal::Text(text.to_owned());
        let by_falling_share = [
            is(1, Op::NotEq, vec![text("a")]),
            is(2, Op::Eq, vec![Literal::Boolean(true)]),
            is(3, Op::Gt, vec![Literal::Float(5.0)]),
            is(1, Op::Like, vec![text("a%")]),
            is(1, Op::In, vec![text("a"), text("b")]),
            is(1, Op::Eq, vec![text("a")]),
            is(0, Op::Eq, vec![text("a")]),
            Predicate::Never,
        ];
        let shares: Vec<f64> = by_falling_share.iter().map(|one| share(&table, one)).collect();
        assert!(shares.windows(2).all(|pair| pair[0] > pair[1]), "{shares:?}");
    }

    #[test]
    fn more_conditions_keep_fewer_rows_and_more_alternatives_more() {
        let table = table();
        let open = || is(2, Op::Eq, vec![Literal::Boolean(true)]);
        let one = share(&table, &open());
        assert!(share(&table, &Predicate::All(vec![open(), open()])) < one);
        let many = share(&table, &Predicate::Any(vec![open(), open(), open()]));
        assert!((many - 1.0).abs() < f64::EPSILON, "{many}");
    }
}
