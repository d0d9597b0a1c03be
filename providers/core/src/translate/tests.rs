use proptest::prelude::*;

use super::*;
use crate::{Atom, ColumnType, Constant, Error, Literal, Op, Operand, RemoteOp, RemoteQuery, TableName};

/// A source whose columns are named for what it can do with them: an inexact column compares whole tens only.
#[derive(Debug)]
struct Toy;

impl Dialect for Toy {
    fn atom(&self, column: &Column, _op: Op, values: &[Literal]) -> Verdict {
        let Some(Literal::Int(constant)) = values.first() else {
            return Verdict::Never("no constant".into());
        };
        let condition = Atom::with(&column.name, RemoteOp::Eq, Constant::plain(constant)).into();
        match column.name.as_str() {
            "exact" => Verdict::Exact(condition),
            "inexact" => Verdict::Superset(condition, "tens".into()),
            _ => Verdict::Never("not there".into()),
        }
    }

    fn render(&self, _query: &RemoteQuery) -> Result<String, Error> {
        Ok(String::new())
    }

    fn request_bytes(&self, _query: &RemoteQuery) -> Result<usize, Error> {
        Ok(0)
    }
}

const COLUMNS: [&str; 3] = ["exact", "inexact", "local"];

fn table() -> Table {
    Table {
        source: "toy".into(),
        name: TableName {
            name: "toy".to_owned(),
            remote: "toy".to_owned(),
            label: "Toy".to_owned(),
        },
        columns: COLUMNS
            .map(|name| Column::field(name, ColumnType::Int64, "int"))
            .to_vec(),
        key: vec![0],
        domain: None,
        url_template: String::new(),
        required_filter: None,
    }
}

type Row = [Option<i64>; 3];

/// SQL's reading of `column = constant` trees; `engine` is what the engine says of all that only it evaluates.
fn sql(predicate: &Predicate, row: &Row, engine: bool) -> Option<bool> {
    let all = |parts: &[Predicate], decisive: bool| {
        let truths: Vec<Option<bool>> = parts.iter().map(|part| sql(part, row, engine)).collect();
        if truths.contains(&Some(decisive)) {
            Some(decisive)
        } else if truths.contains(&None) {
            None
        } else {
            Some(!decisive)
        }
    };
    match predicate {
        Predicate::All(parts) => all(parts, false),
        Predicate::Any(parts) => all(parts, true),
        Predicate::Is(comparison) => {
            let Some(Literal::Int(constant)) = comparison.values.first() else {
                panic!("only whole numbers are compared here");
            };
            row[comparison.column].map(|value| value == *constant)
        }
        Predicate::Implies(inner) => sql(inner, row, engine).map(|holds| holds && engine),
        Predicate::Never => Some(false),
        Predicate::Opaque(_) => Some(engine),
    }
}

/// What the toy keeps.
fn remote(condition: &Condition, row: &Row) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| remote(part, row)),
        Condition::Any(parts) => parts.iter().any(|part| remote(part, row)),
        Condition::Never => false,
        Condition::Atom(atom) => {
            let Operand::Value(Constant::Plain(constant)) = &atom.operand else {
                panic!("only numbers are compared here");
            };
            let constant: i64 = constant.parse().expect("a number");
            match atom.field.as_str() {
                "exact" => row[0] == Some(constant),
                // NULL counts as zero, too.
                "inexact" => row[1].unwrap_or(0) / 10 == constant / 10,
                other => panic!("'{other}' was pushed"),
            }
        }
    }
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let is = (0..3_usize, 0..30_i64).prop_map(|(column, constant)| {
        Predicate::Is(Comparison {
            column,
            op: Op::Eq,
            values: vec![Literal::Int(constant)],
        })
    });
    let leaf = prop_oneof![
        8 => is,
        1 => Just(Predicate::Never),
        1 => Just(Predicate::Opaque("the engine".to_owned())),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Predicate::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Any),
            inner.prop_map(|inner| Predicate::Implies(Box::new(inner))),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let cell = || proptest::option::of(0..30_i64);
    proptest::collection::vec([cell(), cell(), cell()], 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_pushed_keeps_every_row_that_sql_keeps(
        predicate in predicate(),
        rows in rows(),
        engine in any::<bool>(),
    ) {
        let Ok(pushed) = translate(&Toy, &table(), &predicate) else { return Ok(()) };
        for row in rows {
            let wanted = sql(&predicate, &row, engine) == Some(true);
            let kept = remote(&pushed.condition, &row);
            prop_assert!(kept || !wanted, "{predicate:?} lost {row:?}: {pushed:?}");
            if pushed.fidelity == Fidelity::Exact {
                prop_assert_eq!(kept, wanted, "{:?} is not exact for {:?}: {:?}", predicate, row, pushed);
            }
        }
    }

    #[test]
    fn what_is_not_exact_says_why(predicate in predicate()) {
        if let Ok(pushed) = translate(&Toy, &table(), &predicate) {
            prop_assert_eq!(pushed.fidelity == Fidelity::Exact, pushed.reason.is_empty());
        }
    }

    #[test]
    fn columns_that_are_not_null_have_a_value_wherever_it_is_true(
        predicate in predicate(),
        rows in rows(),
        engine in any::<bool>(),
    ) {
        for row in rows.iter().filter(|row| sql(&predicate, row, engine) == Some(true)) {
            for column in predicate.not_null() {
                prop_assert!(row[column].is_some(), "{predicate:?} is true of {row:?}");
            }
        }
    }
}
