//! What verification changes.

use causeway_core::OperatorClass;

use super::*;
use crate::query::column_use::ColumnUse;

/// What is sent for a comparison with a column whose conditions are honoured, in UTC, and whether it is exact.
fn believed(internal_type: &str, op: Op, values: &[Literal]) -> (String, bool) {
    let mut column = column("f", internal_type);
    column.verification = Verification {
        equality: Some(true),
        range: Some(true),
        utc: true,
    };
    match ServiceNowDialect::default().atom(&column, op, values) {
        Verdict::Exact(Condition::Never) => ("no row".to_owned(), true),
        Verdict::Exact(condition) => (encoded(&condition), true),
        Verdict::Superset(condition, _) => (encoded(&condition), false),
        Verdict::Never(reason) => (format!("local: {reason}"), false),
    }
}

#[test]
fn conditions_that_are_honoured_are_exact_where_their_meaning_is() {
    use Literal::{Boolean as B, Int as I};
    let id = [text(ID)];
    let rows: &[(&str, Op, &[Literal], &str)] = &[
        ("boolean", Op::NotEq, &[B(true)], "f=false^fISNOTEMPTY"),
        ("boolean", Op::Eq, &[B(true)], "f=true"),
        ("integer", Op::In, &[I(1), I(2)], "fIN1,2"),
        ("integer", Op::Lt, &[I(3)], "f<3"),
        ("integer", Op::NotEq, &[I(3)], "f!=3^fISNOTEMPTY"),
        ("integer", Op::NotIn, &[I(1), I(2)], "f!=1^f!=2^fISNOTEMPTY"),
        ("reference", Op::Eq, &id, "f=0c5f3cece1b12010f877971dea0b1449"),
        (
            "reference",
            Op::NotEq,
            &id,
            "f!=0c5f3cece1b12010f877971dea0b1449^fISNOTEMPTY",
        ),
        ("glide_date", Op::IsNull, &[], "fISEMPTY"),
        ("decimal", Op::IsNotNull, &[], "fISNOTEMPTY"),
    ];
    for (internal_type, op, values, wanted) in rows {
        let got = believed(internal_type, *op, values);
        assert_eq!(got, ((*wanted).to_owned(), true), "{internal_type} {}", op.sql());
    }
}

#[test]
fn what_returns_more_even_when_honoured_is_no_exact_condition() {
    for (internal_type, op, values) in [
        ("string", Op::Eq, &[text("a")] as &[_]),
        ("string", Op::IsNull, &[]),
        ("string", Op::Like, &[text("a%")]),
        ("reference", Op::Eq, &[text("global")]),
        ("decimal", Op::Lt, &[Literal::Float(1.0)]),
        ("glide_date", Op::Eq, &[Literal::Date(19_724)]),
        ("longint", Op::Lt, &[Literal::Int(i64::MAX)]),
    ] {
        let (sent, is_exact) = believed(internal_type, op, values);
        assert!(
            !is_exact && !sent.starts_with("local"),
            "{internal_type} {}: {sent}",
            op.sql()
        );
    }
}

#[test]
fn moments_in_utc_are_compared_by_their_second() {
    // 2024-01-02 03:04:05, and half a second later
    let whole = Literal::Timestamp(1_704_164_645_000_000);
    let half = Literal::Timestamp(1_704_164_645_500_000);
    let at = |operator: &str| format!("f{operator}2024-01-02 03:04:05");
    for (op, value, wanted) in [
        (Op::Lt, &whole, at("<")),
        (Op::Lt, &half, at("<=")),
        (Op::LtEq, &whole, at("<=")),
        (Op::LtEq, &half, at("<=")),
        (Op::Gt, &whole, at(">")),
        (Op::Gt, &half, at(">")),
        (Op::GtEq, &whole, at(">=")),
        (Op::GtEq, &half, at(">")),
        (Op::Eq, &whole, at("=")),
        (Op::Eq, &half, "no row".to_owned()),
        (Op::NotEq, &whole, format!("{}^fISNOTEMPTY", at("!="))),
        (Op::NotEq, &half, "fISNOTEMPTY".to_owned()),
    ] {
        let got = believed("glide_date_time", op, std::slice::from_ref(value));
        assert_eq!(got, (wanted, true), "{} {value:?}", op.sql());
    }
    let both = believed("glide_date_time", Op::In, &[whole.clone(), half]);
    assert_eq!(both, (at("="), true));
    let early = believed("glide_date_time", Op::Lt, &[Literal::Timestamp(0)]);
    assert_eq!(
        early,
        ("f<=1970-01-01 14:00:00".to_owned(), false),
        "zones have changed since"
    );
}

#[test]
fn a_class_that_is_not_honoured_stays_local_and_the_other_does_not() {
    let mut column = column("f", "integer");
    column.verification.range = Some(false);
    assert!(sent(&column, Op::Lt, &[Literal::Int(1)]).starts_with("local: the instance ignores"));
    assert_eq!(sent(&column, Op::Eq, &[Literal::Int(1)]), "f=1");
}

#[test]
fn alternatives_in_groups_of_their_own_are_never_exact() {
    let dialect = ServiceNowDialect::default();
    let mut table = Table::clone(&table());
    for column in &mut table.columns {
        column.verification.equality = Some(true);
    }
    let state = |value| is(2, Op::Eq, &[Literal::Int(value)]);
    let id = is(0, Op::Eq, &[text(ID)]);
    let fidelity = |predicate| {
        translate(&dialect, &table, &predicate)
            .expect("pushable")
            .fidelity
    };
    let flat = Predicate::Any(vec![state(1), id.clone()]);
    assert_eq!(fidelity(flat), Fidelity::Exact);
    let nested = Predicate::Any(vec![state(1), Predicate::All(vec![id, state(2)])]);
    assert_eq!(fidelity(nested), Fidelity::Superset);
}

#[test]
fn an_exact_condition_whose_column_is_no_longer_honoured_fails_the_query() {
    let dialect = ServiceNowDialect::default();
    let mut query = query(vec![
        is(2, Op::Eq, &[Literal::Int(1)]),
        is(1, Op::Eq, &[text("a")]),
    ]);
    let lost = |column| std::collections::BTreeSet::from([ColumnUse::new(column, OperatorClass::Equality)]);
    let text = |request: ScanRequest| request.filter.text(None, None);
    assert_eq!(
        ScanRequest::without(&dialect, &query, &lost("state"))
            .map(text)
            .ok()
            .as_deref(),
        Some("name=a^ORDERBYsys_id")
    );
    query.filters[0].fidelity = Fidelity::Exact;
    let error = ScanRequest::without(&dialect, &query, &lost("state")).expect_err("no re-check");
    assert_eq!(error.kind, Kind::Refused);
    assert!(ScanRequest::without(&dialect, &query, &lost("name")).is_ok());
}
