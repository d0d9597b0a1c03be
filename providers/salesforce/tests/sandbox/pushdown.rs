//! What the org finds and in which order, against what SQL wants. Every operator on every column is in `tests/conformance`.

use std::cmp::Ordering;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use causeway_core::{ColumnType, Decimal};

use super::*;

fn value(array: &ArrayRef, ty: ColumnType, row: usize) -> Option<Literal> {
    if array.is_null(row) {
        return None;
    }
    Some(match ty {
        ColumnType::Boolean => Literal::Boolean(array.as_boolean().value(row)),
        ColumnType::Int64 => Literal::Int(array.as_primitive::<Int64Type>().value(row)),
        ColumnType::Float64 => Literal::Float(array.as_primitive::<Float64Type>().value(row)),
        ColumnType::Decimal { scale } => Literal::Decimal(Decimal::new(
            array.as_primitive::<Decimal128Type>().value(row),
            scale,
        )?),
        ColumnType::Text => Literal::Text(array.as_string::<i32>().value(row).to_owned()),
        ColumnType::Date => Literal::Date(array.as_primitive::<Date32Type>().value(row)),
        ColumnType::Timestamp => {
            Literal::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        ColumnType::Time => Literal::Time(array.as_primitive::<Time64MicrosecondType>().value(row)),
    })
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
