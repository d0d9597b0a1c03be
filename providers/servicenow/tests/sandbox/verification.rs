//! What is pushed to an instance that ignores, empties or refuses conditions, and what finding that out costs.

use causeway_core::{ColumnType, Fidelity, Literal, Op, Predicate, Principal, Source as _, translate};
use causeway_sandbox::servicenow::{InvalidQuery, Semantics};
use serde_json::json;

use crate::bench::{self, Bench, is, keeps, strict};

const COLUMNS: [&str; 3] = ["sys_id", "priority", "category"];

fn text(value: &str) -> Literal {
    Literal::Text(value.to_owned())
}

/// `priority = 1 OR category = 'network'`
fn either() -> Predicate {
    Predicate::Any(vec![
        is(1, Op::Eq, Literal::Int(1)),
        is(2, Op::Eq, text("network")),
    ])
}

async fn described(semantics: Semantics) -> Bench {
    let bench = Bench::with(semantics, bench::client_credentials(), json!({})).await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.log().clear();
    bench
}

fn strip(bench: &Bench, column: &str) {
    bench.instance.semantics().change(|semantics| {
        semantics
            .stripped_columns
            .insert(("incident".to_owned(), column.to_owned()));
    });
}

fn no_rows() -> Semantics {
    Semantics {
        invalid_query: InvalidQuery::NoRows,
        ..Semantics::default()
    }
}

/// Checks that every row which SQL keeps has come, and returns how many rows came.
async fn assert_complete(bench: &Bench, predicate: &Predicate) -> usize {
    let came = bench
        .rows("incident", &COLUMNS, std::slice::from_ref(predicate))
        .await
        .expect("rows");
    let other = described(Semantics::default()).await;
    let all = other.rows("incident", &COLUMNS, &[]).await.expect("rows");
    let kept: Vec<_> = all.iter().filter(|row| keeps(predicate, row)).collect();
    assert!(!kept.is_empty());
    let lost = kept.iter().find(|row| !came.iter().any(|came| came[0] == row[0]));
    assert_eq!(lost, None, "{} of {} rows came", came.len(), kept.len());
    came.len()
}

fn sent(bench: &Bench) -> Vec<String> {
    let calls = bench.instance.log().data_calls();
    calls.into_iter().filter_map(|call| call.remote_query).collect()
}

#[tokio::test]
async fn alternatives_over_several_columns_are_proven_once() {
    let bench = described(Semantics::default()).await;
    let came = assert_complete(&bench, &either()).await;
    assert!(came < 5000);
    let texts = sent(&bench);
    let data = texts
        .iter()
        .filter(|text| text.starts_with("priority=1^ORcategory=network"))
        .count();
    assert_eq!(texts.len() - data, 2, "a sample and a proof: {texts:?}");
    assert!(
        texts[1].contains("^categoryISEMPTY^categoryISNOTEMPTY^NQsys_id="),
        "{}",
        texts[1]
    );
    bench.instance.log().clear();
    assert_complete(&bench, &either()).await;
    assert_eq!(bench.data_calls(), data);
}

#[tokio::test]
async fn a_point_lookup_costs_one_call_and_the_first_empty_answer_two_more() {
    let bench = described(Semantics::default()).await;
    let number = |number: &str| is(0, Op::Eq, text(number));
    for (number, rows, calls) in [
        (number("INC0000001"), 1, 1),
        (number("INC0"), 0, 3),
        (number("INC1"), 0, 1),
    ] {
        bench.instance.log().clear();
        let came = bench
            .rows("incident", &["number"], &[number])
            .await
            .expect("rows");
        assert_eq!((came.len(), bench.data_calls()), (rows, calls));
    }
}

#[tokio::test]
async fn a_stripped_alternative_loses_no_row_and_then_stays_local() {
    let bench = described(Semantics::default()).await;
    strip(&bench, "category");
    assert_eq!(assert_complete(&bench, &either()).await, 5000);
    let table = bench.source.table(&strict(), "incident").await.expect("a table");
    let (category, _) = table.column("category").expect("a column");
    let (priority, _) = table.column("priority").expect("a column");
    let judged = |column, op, value| translate(bench.source.dialect(), &table, &is(column, op, value));
    let reason = judged(category, Op::Eq, text("network")).expect_err("local");
    assert!(reason.contains("ignores or refuses such conditions"), "{reason}");
    let proven = judged(priority, Op::Eq, Literal::Int(1)).expect("pushable");
    assert_eq!(
        proven.fidelity,
        Fidelity::Exact,
        "priority was proven along with it"
    );
}

#[tokio::test]
async fn equality_and_comparison_are_proven_apart() {
    let either = Predicate::Any(vec![
        is(1, Op::Lt, Literal::Int(2)),
        is(2, Op::Eq, text("network")),
    ]);
    for (invalid_query, denied) in [
        (InvalidQuery::Ignore, "range"),
        (InvalidQuery::NoRows, "range"),
        (InvalidQuery::Ignore, "match"),
    ] {
        let bench = described(Semantics {
            invalid_query,
            ..Semantics::default()
        })
        .await;
        bench.instance.semantics().change(|semantics| {
            let columns = match denied {
                "range" => &mut semantics.stripped_range_columns,
                _ => &mut semantics.stripped_match_columns,
            };
            columns.insert(("incident".to_owned(), "priority".to_owned()));
        });
        let came = assert_complete(&bench, &either).await;
        // Only the comparison is needed, and lost where it is denied.
        assert_eq!(came == 5000, denied == "range", "{came} rows came");
        bench.instance.log().clear();
        assert_complete(&bench, &is(1, Op::Eq, Literal::Int(1))).await;
        assert!(sent(&bench)[0].starts_with("priority=1"), "{:?}", sent(&bench));
    }
}

#[tokio::test]
async fn an_instance_that_answers_nothing_to_what_it_ignores_loses_no_row() {
    for predicate in [either(), is(2, Op::Eq, text("network"))] {
        let bench = described(no_rows()).await;
        strip(&bench, "category");
        assert_eq!(assert_complete(&bench, &predicate).await, 5000);
    }
    // What is honoured is still sent.
    let bench = described(no_rows()).await;
    assert!(assert_complete(&bench, &either()).await < 5000);
}

#[tokio::test]
async fn an_empty_answer_of_such_an_instance_is_believed_once_its_columns_are_proven() {
    let bench = described(no_rows()).await;
    let nobody = is(0, Op::Eq, text("INC0"));
    for calls in [6, 1] {
        bench.instance.log().clear();
        let came = bench
            .rows("incident", &["number"], std::slice::from_ref(&nobody))
            .await;
        assert_eq!(
            (came.expect("rows").len(), bench.data_calls()),
            (0, calls),
            "{:?}",
            sent(&bench)
        );
    }
}

#[tokio::test]
async fn a_refused_condition_is_checked_here_instead() {
    for predicate in [either(), is(2, Op::Eq, text("network"))] {
        let bench = described(Semantics::default()).await;
        bench.instance.semantics().change(|semantics| {
            semantics
                .forbidden_query_columns
                .insert(("incident".to_owned(), "category".to_owned()));
        });
        assert_eq!(assert_complete(&bench, &predicate).await, 5000);
    }
}

#[tokio::test]
async fn keys_that_can_neither_be_sorted_nor_compared_end_in_an_error() {
    let bench = described(no_rows()).await;
    strip(&bench, "sys_id");
    let error = bench
        .rows("incident", &["number"], &[])
        .await
        .expect_err("no proof of the end");
    assert!(error.message.contains("query_range"), "{error}");
}

/// What is sent for `opened_at >= 2026-03-01`, and whether it is exact.
async fn later_than_march(bench: &Bench) -> (String, bool) {
    let moment = is(0, Op::GtEq, Literal::Timestamp(1_772_323_200_000_000));
    let query = bench.query("incident", &["opened_at"], &[moment]).await;
    let shown = bench.source.dialect().render(&query).expect("a text");
    let (_, shown) = shown.split_once("sysparm_query=").expect("a query");
    (shown.to_owned(), query.is_exact())
}

#[tokio::test]
async fn a_range_of_moments_is_not_widened_once_literals_are_known_to_be_utc() {
    for (offset, wanted) in [
        (0, "opened_at>=2026-03-01 00:00:00^ORDERBYsys_id"),
        (60, "opened_at>=2026-02-28 10:00:00^ORDERBYsys_id"),
        (-420, "opened_at>=2026-02-28 10:00:00^ORDERBYsys_id"),
    ] {
        let bench = described(Semantics {
            literal_zone_offset_minutes: offset,
            ..Semantics::default()
        })
        .await;
        let early = is(0, Op::GtEq, Literal::Timestamp(1_500_000_000_000_000));
        bench
            .rows("incident", &["opened_at"], std::slice::from_ref(&early))
            .await
            .expect("rows");
        let probes = sent(&bench)
            .iter()
            .filter(|text| !text.starts_with("opened_at"))
            .count();
        assert_eq!(probes, 2, "a scan of several pages asks once");
        assert_eq!(later_than_march(&bench).await, (wanted.to_owned(), false));
        bench.instance.log().clear();
        bench
            .rows("incident", &["opened_at"], &[early])
            .await
            .expect("rows");
        assert!(sent(&bench).iter().all(|text| text.starts_with("opened_at")));
    }
}

#[tokio::test]
async fn with_assumed_access_every_column_is_tried_when_a_table_is_described() {
    let more = json!({"assume_full_read_access": true});
    let bench = Bench::with(Semantics::default(), bench::client_credentials(), more).await;
    let table = bench.source.table(&strict(), "incident").await.expect("a table");
    assert_eq!(bench.data_calls(), 6, "two describe, two prove, two probe");
    bench.source.table(&strict(), "problem").await.expect("a table");
    assert_eq!(bench.data_calls(), 10, "the instance is probed once");
    bench.source.table(&strict(), "incident").await.expect("a table");
    assert_eq!(bench.data_calls(), 10);
    for column in table
        .columns
        .iter()
        .filter(|column| column.remote_field().is_some())
    {
        if matches!(column.ty, ColumnType::Boolean | ColumnType::Timestamp) {
            assert_eq!(column.verification.equality, Some(true), "{}", column.name);
        }
    }
    assert_eq!(
        later_than_march(&bench).await,
        ("opened_at>=2026-03-01 00:00:00^ORDERBYsys_id".to_owned(), true)
    );
}

#[tokio::test]
async fn probes_are_told_in_words() {
    let bench = Bench::start().await;
    assert_eq!(bench.source.findings(&Principal::default()), []);
    bench.source.probe(&strict()).await.expect("probed");
    let told = |bench: &Bench| {
        let findings = bench.source.findings(&Principal::default());
        let told = findings
            .iter()
            .map(|finding| format!("{}: {}", finding.name, finding.value));
        told.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        told(&bench),
        "conditions on unknown columns: ignored; date-time literals: utc; order by sys_id: honoured; \
         rows removed by access rules: none seen"
    );
    let bench = Bench::with(
        Semantics {
            literal_zone_offset_minutes: 60,
            row_acl: [("task".to_owned(), 3)].into(),
            ..no_rows()
        },
        bench::client_credentials(),
        json!({}),
    )
    .await;
    bench.source.probe(&strict()).await.expect("probed");
    assert_eq!(
        told(&bench),
        "conditions on unknown columns: no rows; date-time literals: another zone; order by sys_id: honoured; \
         rows removed by access rules: some"
    );
}

#[tokio::test]
async fn the_ledger_names_no_record_that_a_probe_asks_for() {
    let bench = described(Semantics::default()).await;
    assert_complete(&bench, &either()).await;
    let asked_there = sent(&bench)
        .into_iter()
        .filter(|text| text.contains("sys_id="))
        .count();
    assert_eq!(asked_there, 1, "{:?}", sent(&bench));
    let exchanges = bench.ledger.exchanges();
    let probes = exchanges
        .iter()
        .filter(|one| one.record.resource == "probe incident");
    let shown: Vec<_> = probes
        .filter_map(|one| Some(one.record.remote_query.as_ref()?.seen(true)))
        .collect();
    assert_eq!(shown, ["ORDERBYsys_id", "(about single records)"]);
}
