//! What the org keeps against what SQL keeps, for every column, operator and a choice of its own values.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use causeway_core::ColumnType;

use super::*;

fn value(array: &ArrayRef, ty: ColumnType, row: usize) -> Option<Literal> {
    if array.is_null(row) {
        return None;
    }
    Some(match ty {
        ColumnType::Boolean => Literal::Boolean(array.as_boolean().value(row)),
        ColumnType::Int64 => Literal::Int(array.as_primitive::<Int64Type>().value(row)),
        ColumnType::Float64 => Literal::Float(array.as_primitive::<Float64Type>().value(row)),
        ColumnType::Text => Literal::Text(array.as_string::<i32>().value(row).to_owned()),
        ColumnType::Date => Literal::Date(array.as_primitive::<Date32Type>().value(row)),
        ColumnType::Timestamp => {
            Literal::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        ColumnType::Time => Literal::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
    })
}

/// What SQL says of a comparison; NULL counts as false.
fn keeps(value: Option<&Literal>, op: Op, constants: &[Literal]) -> bool {
    let Some(value) = value else {
        return op == Op::IsNull;
    };
    let constant = constants.first();
    let order = constant.and_then(|constant| value.partial_cmp(constant));
    let like = |fold: bool| match (value, constant) {
        (Literal::Text(text), Some(Literal::Text(pattern))) if fold => {
            matches(&pattern.to_lowercase(), &text.to_lowercase())
        }
        (Literal::Text(text), Some(Literal::Text(pattern))) => matches(pattern, text),
        _ => false,
    };
    match op {
        Op::Eq => order == Some(Ordering::Equal),
        Op::NotEq => order != Some(Ordering::Equal),
        Op::Lt => order == Some(Ordering::Less),
        Op::LtEq => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Op::Gt => order == Some(Ordering::Greater),
        Op::GtEq => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Op::In => constants.contains(value),
        Op::NotIn => !constants.contains(value),
        Op::Like => like(false),
        Op::NotLike => !like(false),
        Op::ILike => like(true),
        Op::NotILike => !like(true),
        Op::IsNull => false,
        Op::IsNotNull => true,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => text.is_empty(),
        Some('%') => (0..=text.len())
            .filter(|&at| text.is_char_boundary(at))
            .any(|at| matches(pattern_rest.as_str(), &text[at..])),
        Some(wanted) => {
            let wanted = if wanted == '\\' {
                pattern_rest.next()
            } else {
                Some(wanted).filter(|wanted| *wanted != '_')
            };
            let mut text_rest = text.chars();
            let found = text_rest.next();
            found.is_some()
                && (wanted.is_none() || wanted == found)
                && matches(pattern_rest.as_str(), text_rest.as_str())
        }
    }
}

/// Constants next to and far from a value of the column.
fn constants(of: &Literal) -> Vec<Literal> {
    let mut found = vec![of.clone()];
    match of {
        Literal::Float(number) => found.extend([
            Literal::Float(number + 0.005),
            Literal::Float(0.0),
            Literal::Float(1e15),
        ]),
        Literal::Int(number) => found.extend([Literal::Int(number + 1), Literal::Int(i64::MAX)]),
        Literal::Date(days) => found.extend([
            Literal::Date(days + 1),
            Literal::Date(2_932_896),
            Literal::Date(-150_000),
        ]),
        Literal::Timestamp(micros) => found.extend([
            Literal::Timestamp(micros + 250_000),
            Literal::Timestamp(micros - 1),
        ]),
        Literal::Time(micros) => found.extend([Literal::Time(micros + 1), Literal::Time(micros + 1_000_000)]),
        Literal::Text(text) => {
            let start: String = text.chars().take(2).collect();
            found.extend(
                [
                    text.to_uppercase(),
                    text.to_lowercase(),
                    format!("{text} "),
                    String::new(),
                ]
                .map(Literal::Text),
            );
            found.extend([format!("{start}%"), format!("%{start}_%")].map(Literal::Text));
            found.extend(text.get(..15).map(|short| Literal::Text(short.to_owned())));
        }
        Literal::Boolean(flag) => found.push(Literal::Boolean(!flag)),
    }
    found
}

const COMPARISONS: [Op; 10] = [
    Op::Eq,
    Op::NotEq,
    Op::Lt,
    Op::LtEq,
    Op::Gt,
    Op::GtEq,
    Op::Like,
    Op::NotLike,
    Op::ILike,
    Op::NotILike,
];

/// Every column with every operator: exact keeps precisely SQL's rows, superset at least them.
async fn check(semantics: Semantics) -> usize {
    let (_org, source) = start(semantics).await;
    let table = table(&source, EVERYTHING).await;
    let batches = rows(&source, all_columns(&table)).await.expect("a whole scan");
    let ids: Vec<String> = texts(&batches, table.key);
    let mut asked = 0;
    for (position, column) in table.columns.iter().enumerate() {
        let values: Vec<Option<Literal>> = batches
            .iter()
            .flat_map(|batch| {
                (0..batch.num_rows())
                    .map(|row| value(batch.column(position), column.ty, row))
                    .collect::<Vec<_>>()
            })
            .collect();
        for (op, constants) in comparisons(&values) {
            let Some(pushed) = ask(&source, column, op, &constants) else {
                continue;
            };
            asked += 1;
            let wanted: BTreeSet<&String> = ids
                .iter()
                .zip(&values)
                .filter(|(_, value)| keeps(value.as_ref(), op, &constants))
                .map(|(id, _)| id)
                .collect();
            let query = RemoteQuery {
                filters: vec![pushed.clone()],
                ..RemoteQuery::new(Arc::clone(&table), vec![table.key])
            };
            let found = rows(&source, query)
                .await
                .map_err(|error| format!("{} {op:?} {constants:?}: {error}", column.name))
                .expect("the org accepts what is pushed");
            let found = texts(&found, 0);
            let found: BTreeSet<&String> = found.iter().collect();
            let case = || format!("{} {} {constants:?}: {pushed:?}", column.name, op.sql());
            match pushed.fidelity {
                Fidelity::Exact => assert_eq!(found, wanted, "{}", case()),
                Fidelity::Superset => assert!(found.is_superset(&wanted), "{} lost a row", case()),
            }
        }
    }
    asked
}

fn texts(batches: &[RecordBatch], column: usize) -> Vec<String> {
    batches
        .iter()
        .flat_map(|batch| {
            batch
                .column(column)
                .as_string::<i32>()
                .iter()
                .flatten()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn comparisons(values: &[Option<Literal>]) -> Vec<(Op, Vec<Literal>)> {
    let mut distinct: Vec<&Literal> = Vec::new();
    for value in values.iter().flatten() {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    let mut found = vec![(Op::IsNull, vec![]), (Op::IsNotNull, vec![])];
    for sample in distinct.iter().take(5) {
        for constant in constants(sample) {
            found.extend(COMPARISONS.map(|op| (op, vec![constant.clone()])));
        }
        found.extend([Op::In, Op::NotIn].map(|op| (op, constants(sample))));
    }
    found
}

#[tokio::test]
async fn what_the_org_keeps_is_what_sql_keeps() {
    let asked = check(Semantics::default()).await;
    assert!(asked > 500, "{asked} comparisons were pushed");
}

#[tokio::test]
async fn the_other_reading_of_every_doubt_loses_no_row_either() {
    let doubts = Semantics {
        nulls_kept: false,
        group_by_folds_case: false,
        accents_fold: true,
        trailing_blanks_ignored: true,
        multi_currency: true,
        nulls_first_default: false,
        ..Semantics::default()
    };
    let asked = check(doubts).await;
    assert!(asked > 500, "{asked} comparisons were pushed");
}

#[tokio::test]
async fn under_a_turkish_locale_equality_still_finds_every_row() {
    let (_org, source) = start(Semantics {
        turkish_locale: true,
        ..Semantics::default()
    })
    .await;
    let table = table(&source, EVERYTHING).await;
    let (position, column) = table.column("acme__text__c").unwrap();
    let all = texts(
        &rows(&source, RemoteQuery::new(Arc::clone(&table), vec![position]))
            .await
            .unwrap(),
        0,
    );
    for text in ["Service", "SERVICE", "servıce", "SERVİCE"] {
        let filter = ask(&source, column, Op::Eq, &[Literal::Text(text.to_owned())]).expect("text is pushed");
        let query = RemoteQuery {
            filters: vec![filter],
            ..RemoteQuery::new(Arc::clone(&table), vec![position])
        };
        let found = texts(&rows(&source, query).await.unwrap(), 0);
        let same = |texts: &[String]| texts.iter().filter(|found| *found == text).count();
        assert_eq!(same(&found), same(&all), "{text}");
    }
}

#[tokio::test]
async fn sorted_scans_come_in_arrow_order() {
    let (_org, source) = start(Semantics::default()).await;
    let table = table(&source, EVERYTHING).await;
    for (position, column) in table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| source.dialect().sorts_like_arrow(column))
    {
        for (descending, nulls_first) in [(false, false), (false, true), (true, false), (true, true)] {
            let order = vec![causeway_core::Order {
                column: position,
                descending,
                nulls_first,
            }];
            let query = RemoteQuery {
                order,
                ..RemoteQuery::new(Arc::clone(&table), vec![position])
            };
            let batches = rows(&source, query).await.unwrap();
            let values: Vec<Option<Literal>> = batches
                .iter()
                .flat_map(|batch| {
                    (0..batch.num_rows())
                        .map(|row| value(batch.column(0), column.ty, row))
                        .collect::<Vec<_>>()
                })
                .collect();
            let sorted = values.windows(2).all(|pair| match (&pair[0], &pair[1]) {
                (Some(left), Some(right)) => {
                    left.partial_cmp(right)
                        != Some(if descending {
                            Ordering::Less
                        } else {
                            Ordering::Greater
                        })
                }
                (None, Some(_)) => nulls_first,
                (Some(_), None) => !nulls_first,
                (None, None) => true,
            });
            assert!(
                sorted,
                "{} descending {descending} nulls first {nulls_first}",
                column.name
            );
        }
    }
}
