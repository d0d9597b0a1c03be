//! Counts, sums and groups by the Aggregate API, against the same computed from all rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_core::{
    Aggregate, AggregateFunction, Fidelity, Grouping, Kind, Literal, Op, RemoteQuery, Source as _, Table,
    translate,
};
use causeway_sandbox::servicenow::Semantics;
use serde_json::json;

use crate::bench::{self, Bench, Row, is, strict};

const FUNCTIONS: [AggregateFunction; 5] = [
    AggregateFunction::Count,
    AggregateFunction::CountDistinct,
    AggregateFunction::Sum,
    AggregateFunction::Min,
    AggregateFunction::Max,
];

async fn verified(semantics: Semantics) -> Bench {
    let more = json!({"assume_full_read_access": true});
    Bench::with(semantics, bench::client_credentials(), more).await
}

fn grouped(table: &Arc<Table>, keys: &[usize], aggregates: &[Aggregate]) -> RemoteQuery {
    let mut query = RemoteQuery::new(Arc::clone(table), Vec::new());
    query.grouping = Some(Grouping {
        keys: keys.to_vec(),
        aggregates: aggregates.to_vec(),
        having: Vec::new(),
    });
    query
}

/// What SQL computes over these values of a group.
fn computed(aggregate: Aggregate, rows: &[&Row]) -> Option<Literal> {
    let count = |count: usize| Some(Literal::Int(count.try_into().expect("few rows")));
    let Some(column) = aggregate.column else {
        return count(rows.len());
    };
    let values: Vec<&Literal> = rows.iter().filter_map(|row| row[column].as_ref()).collect();
    let by_order = |a: &&&Literal, b: &&&Literal| a.partial_cmp(b).expect("values of one type");
    match aggregate.function {
        AggregateFunction::Count => count(values.len()),
        AggregateFunction::CountDistinct => panic!("never asked for"),
        AggregateFunction::Sum => values.into_iter().cloned().reduce(|a, b| match (a, b) {
            (Literal::Int(a), Literal::Int(b)) => Literal::Int(a + b),
            other => panic!("no numbers: {other:?}"),
        }),
        AggregateFunction::Min => values.iter().min_by(by_order).map(|value| (*value).clone()),
        AggregateFunction::Max => values.iter().max_by(by_order).map(|value| (*value).clone()),
    }
}

fn in_order(mut rows: Vec<Row>) -> Vec<String> {
    let mut texts: Vec<String> = rows.drain(..).map(|row| format!("{row:?}")).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn whatever_is_asked_of_the_instance_equals_the_same_over_all_rows() {
    let bench = verified(Semantics::default()).await;
    for name in ["incident", "u_everything"] {
        let table = bench.source.table(&strict(), name).await.expect("a table");
        let everything: Vec<usize> = (0..table.columns.len()).collect();
        let all = RemoteQuery::new(Arc::clone(&table), everything);
        let all = bench.collect(&strict(), all).await.expect("all rows");
        let dialect = bench.source.dialect();
        let mut aggregates = vec![Aggregate {
            function: AggregateFunction::Count,
            column: None,
        }];
        for (at, column) in table.columns.iter().enumerate() {
            let alike = FUNCTIONS
                .into_iter()
                .filter(|function| dialect.aggregates_like_arrow(&table, *function, Some(column)));
            aggregates.extend(alike.map(|function| Aggregate {
                function,
                column: Some(at),
            }));
        }
        let is_key = |at: &usize| dialect.groups_like_arrow(&table.columns[*at]);
        let keys: Vec<usize> = (0..table.columns.len()).filter(is_key).collect();
        assert!(
            aggregates.len() > 10 && keys.len() > 2,
            "{} {}",
            aggregates.len(),
            keys.len()
        );
        let single = keys.iter().map(|key| vec![*key]);
        let pairs = keys.windows(2).step_by(5).map(<[usize]>::to_vec);
        let all_keys = std::iter::once(Vec::new()).chain(single).chain(pairs);
        // Each set of keys takes some of the aggregates, so that all of them have their turn.
        let turns = aggregates.chunks(6).cycle();
        for (keys, aggregates) in all_keys.zip(turns) {
            let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
            for row in &all {
                let key: Vec<_> = keys.iter().map(|key| &row[*key]).collect();
                groups.entry(format!("{key:?}")).or_default().push(row);
            }
            let row = |rows: &Vec<&Row>| {
                let key = keys.iter().map(|key| rows[0][*key].clone());
                key.chain(aggregates.iter().map(|one| computed(*one, rows)))
                    .collect()
            };
            let wanted: Vec<Row> = groups.values().map(row).collect();
            let asked = grouped(&table, &keys, aggregates);
            let found = bench.collect(&strict(), asked).await.expect("groups");
            assert_eq!(in_order(found), in_order(wanted), "{name} by {keys:?}");
        }
    }
}

#[tokio::test]
async fn a_filtered_count_is_one_call_and_an_empty_one_is_zero() {
    let bench = verified(Semantics::default()).await;
    let count = Aggregate {
        function: AggregateFunction::Count,
        column: None,
    };
    for (priority, calls) in [(1, 1), (77, 1)] {
        let table = bench.source.table(&strict(), "incident").await.expect("a table");
        let (at, _) = table.column("priority").expect("a column");
        let filter = is(at, Op::Eq, Literal::Int(priority));
        let pushed = translate(bench.source.dialect(), &table, &filter).expect("pushable");
        assert_eq!(pushed.fidelity, Fidelity::Exact);
        let mut query = grouped(&table, &[], &[count]);
        query.filters = vec![pushed];
        let shown = bench.source.dialect().render(&query).expect("a text");
        assert_eq!(
            shown,
            format!("stats/incident?sysparm_count=true&sysparm_query=priority={priority}")
        );
        let all = bench
            .rows("incident", &["priority"], &[])
            .await
            .expect("all rows");
        let wanted = all
            .iter()
            .filter(|row| row[0] == Some(Literal::Int(priority)))
            .count();
        bench.instance.log().clear();
        let found = bench.collect(&strict(), query).await.expect("a count");
        assert_eq!(found, [[Some(Literal::Int(wanted.try_into().expect("few")))]]);
        assert_eq!(bench.data_calls(), calls);
    }
}

#[tokio::test]
async fn nothing_is_counted_there_without_the_assumption_or_where_rows_are_hidden() {
    let plain = Bench::start().await;
    let hiding = verified(Semantics {
        row_acl: [("incident".to_owned(), 7)].into(),
        ..Semantics::default()
    })
    .await;
    for bench in [plain, hiding] {
        let table = bench.source.table(&strict(), "incident").await.expect("a table");
        let dialect = bench.source.dialect();
        assert!(!dialect.aggregates_like_arrow(&table, AggregateFunction::Count, None));
        for column in &table.columns {
            assert!(!dialect.groups_like_arrow(column), "{}", column.name);
            for function in FUNCTIONS {
                assert!(
                    !dialect.aggregates_like_arrow(&table, function, Some(column)),
                    "{}",
                    column.name
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refused_count_is_remembered() {
    let bench = verified(Semantics::default()).await;
    let table = bench.source.table(&strict(), "incident").await.expect("a table");
    let (priority, _) = table.column("priority").expect("a column");
    let filter = is(priority, Op::Eq, Literal::Int(1));
    let count = Aggregate {
        function: AggregateFunction::Count,
        column: None,
    };
    let mut query = grouped(&table, &[], &[count]);
    query.filters = vec![translate(bench.source.dialect(), &table, &filter).expect("pushable")];
    assert!(!bench.source.has_refused(&query));
    bench.instance.semantics().change(|semantics| {
        semantics
            .forbidden_query_columns
            .insert(("incident".to_owned(), "priority".to_owned()));
    });
    let error = bench
        .collect(&strict(), query.clone())
        .await
        .expect_err("refused");
    assert_eq!(error.kind, Kind::Refused);
    assert!(bench.source.has_refused(&query));
}
