use std::sync::Arc;

use causeway_core::{
    Atom, Column, ColumnType, Comparison, Constant, Fidelity, KeySet, KeyTest, Kind, Origin, Predicate,
    Pushed, RemoteOp, Table, TableName, Verification, translate,
};
use proptest::prelude::*;

use super::*;
use crate::query::encoded_query::EncodedQuery;
use crate::types::Family;

mod fuzz;
mod properties;
mod reader;
mod verification;

const ID: &str = "0c5f3cece1b12010f877971dea0b1449";

fn column(name: &str, internal_type: &str) -> Column {
    let mut column = Column::field(name, Family::of(internal_type).column_type(), internal_type);
    column.filterable = true;
    column
}

fn text(value: &str) -> Literal {
    Literal::Text(value.to_owned())
}

/// The condition as it is written.
fn encoded(condition: &Condition) -> String {
    EncodedQuery::of([condition]).expect("safe").unsorted(None)
}

/// What is sent for a comparison: the encoded text, `no row`, or `local: ` and the reason.
fn sent(column: &Column, op: Op, values: &[Literal]) -> String {
    match ServiceNowDialect::default().atom(column, op, values) {
        Verdict::Exact(Condition::Never) => "no row".to_owned(),
        Verdict::Exact(_) => "exact".to_owned(),
        Verdict::Superset(condition, _) => encoded(&condition),
        Verdict::Never(reason) => format!("local: {reason}"),
    }
}

fn check(internal_type: &str, rows: &[(Op, &[Literal], &str)]) {
    let column = column("f", internal_type);
    for (op, values, wanted) in rows {
        let got = sent(&column, *op, values);
        let matches = if *wanted == "local" {
            got.starts_with("local: ")
        } else {
            got == *wanted
        };
        assert!(
            matches,
            "{internal_type} {} {values:?}: {got}, not {wanted}",
            op.sql()
        );
    }
}

#[test]
fn null_tests_ask_for_emptiness() {
    for internal_type in [
        "string",
        "integer",
        "reference",
        "glide_date_time",
        "glide_list",
        "boolean",
    ] {
        check(
            internal_type,
            &[(Op::IsNull, &[], "fISEMPTY"), (Op::IsNotNull, &[], "fISNOTEMPTY")],
        );
    }
}

#[test]
fn boolean_inequality_is_said_as_the_opposite() {
    use Literal::Boolean as B;
    check(
        "boolean",
        &[
            (Op::Eq, &[B(true)], "f=true"),
            (Op::Eq, &[B(false)], "f=false"),
            (Op::NotEq, &[B(true)], "f=false"),
            (Op::In, &[B(true), B(false)], "f=true^ORf=false"),
            (Op::NotIn, &[B(true)], "f=false"),
            (Op::Lt, &[B(true)], "local"),
            (Op::Eq, &[text("true")], "local"),
        ],
    );
    let none = ServiceNowDialect::default().atom(&column("f", "boolean"), Op::NotIn, &[B(true), B(false)]);
    assert_eq!(none, Verdict::Exact(Condition::Never));
}

#[test]
fn whole_numbers_compare_as_they_are() {
    use Literal::Int as I;
    check(
        "integer",
        &[
            (Op::Eq, &[I(3)], "f=3"),
            (Op::Lt, &[I(-3)], "f<-3"),
            (Op::GtEq, &[I(3)], "f>=3"),
            (Op::NotEq, &[I(3)], "f!=3"),
            (Op::In, &[I(1), I(2)], "fIN1,2"),
            (Op::NotIn, &[I(1), I(2)], "f!=1^f!=2"),
            (Op::Like, &[text("1%")], "local"),
            (Op::Eq, &[Literal::Float(1.5)], "local"),
        ],
    );
}

#[test]
fn a_number_wider_than_its_column_stays_local() {
    let wide = [Literal::Int(5_000_000_000)];
    check("integer", &[(Op::Lt, &wide, "local")]);
    check("longint", &[(Op::Lt, &wide, "f<5000000000")]);
}

#[test]
fn decimals_are_ranges_that_survive_rounding() {
    use Literal::Float as F;
    check(
        "decimal",
        &[
            (Op::Eq, &[F(0.1)], "f>=0.09999999999999999^f<=0.10000000000000002"),
            (Op::Lt, &[F(10.0)], "f<=10.000000000000002"),
            (Op::Gt, &[F(0.0)], "f>=0"),
            (
                Op::In,
                &[F(1.0), Literal::Float(3.0)],
                "f>=0.9999999999999999^f<=3.0000000000000004",
            ),
            (Op::NotEq, &[F(1.0)], "local"),
            (Op::NotIn, &[F(1.0)], "local"),
            (Op::Eq, &[F(f64::NAN)], "local"),
            (Op::Lt, &[F(1.0e15)], "local"),
        ],
    );
    check(
        "float",
        &[(Op::GtEq, &[Literal::Int(2)], "f>=1.9999999999999998")],
    );
}

#[test]
fn moments_are_widened_by_the_widest_zone_and_rounded_outwards() {
    // 2024-01-02 03:04:05.5
    let moment = [Literal::Timestamp(1_704_164_645_500_000)];
    check(
        "glide_date_time",
        &[
            (Op::Eq, &moment, "f>=2024-01-01 13:04:05^f<=2024-01-02 17:04:06"),
            (Op::Lt, &moment, "f<=2024-01-02 17:04:06"),
            (Op::GtEq, &moment, "f>=2024-01-01 13:04:05"),
            (Op::NotEq, &moment, "local"),
            (Op::NotIn, &moment, "local"),
            (Op::Eq, &[Literal::Timestamp(i64::MIN)], "local"),
            (Op::Lt, &[Literal::Timestamp(-40_000_000_000_000_000)], "local"),
            (Op::Eq, &[text("2024-01-01")], "local"),
        ],
    );
}

#[test]
fn days_are_widened_by_a_day() {
    let day = [Literal::Date(19_724)];
    check(
        "glide_date",
        &[
            (Op::Eq, &day, "f>=2024-01-01^f<=2024-01-03"),
            (Op::Gt, &day, "f>=2024-01-01"),
            (Op::LtEq, &day, "f<=2024-01-03"),
            (Op::NotEq, &day, "local"),
            (Op::Lt, &[Literal::Date(i32::MAX)], "local"),
        ],
    );
}

#[test]
fn keys_are_compared_for_equality_only() {
    let id = [text(ID)];
    check(
        "reference",
        &[
            (Op::Eq, &id, "f=0c5f3cece1b12010f877971dea0b1449"),
            (
                Op::In,
                &[text("global"), text("glide.maint")],
                "fINglobal,glide.maint",
            ),
            (Op::NotEq, &id, "f!=0c5f3cece1b12010f877971dea0b1449"),
            (Op::NotEq, &[text("global")], "local"),
            (Op::Like, &[text("0c%")], "local"),
            (Op::Lt, &id, "local"),
        ],
    );
}

#[test]
fn text_equality_is_a_superset() {
    check(
        "string",
        &[
            (Op::Eq, &[text("Boxeo")], "f=Boxeo"),
            (Op::In, &[text("a"), text("b"), text("c,d")], "fINa,b^ORf=c,d"),
            (Op::In, &[text(""), text("b")], "f=b"),
            (Op::Eq, &[text("")], "no row"),
            (Op::In, &[text("a"), text("b^c")], "f=a^ORfSTARTSWITHb"),
            (
                Op::In,
                &[text("a"), text("d,e"), text("b\nc"), text("^c"), text("")],
                "f=a^ORf=d,e^ORfSTARTSWITHb^ORfENDSWITHc",
            ),
            (Op::In, &[text("a"), text("^")], "local"),
        ],
    );
}

#[test]
fn text_inequality_and_order_stay_local() {
    for op in [
        Op::NotEq,
        Op::NotIn,
        Op::NotLike,
        Op::NotILike,
        Op::ILike,
        Op::Lt,
        Op::LtEq,
        Op::Gt,
        Op::GtEq,
    ] {
        check("string", &[(op, &[text("a")], "local")]);
    }
}

#[test]
fn a_value_other_than_the_empty_text_is_a_value() {
    check("string", &[(Op::NotEq, &[text("")], "fISNOTEMPTY")]);
}

#[test]
fn patterns_become_what_their_literal_parts_say() {
    let rows: &[(&str, &str)] = &[
        ("abc", "f=abc"),
        ("abc%", "fSTARTSWITHabc"),
        ("%abc", "fENDSWITHabc"),
        ("%abc%", "fLIKEabc"),
        ("a%c", "fSTARTSWITHa^fENDSWITHc"),
        ("a_c", "fSTARTSWITHa^fENDSWITHc"),
        ("%a%bcd%", "fLIKEbcd"),
        (r"50\% off%", "fSTARTSWITH50% off"),
        ("% ab %", "fLIKEab"),
        (" ab%", "fLIKEab"),
        ("ab %", "fSTARTSWITHab"),
        ("%", "fISNOTEMPTY"),
        ("%_%", "fISNOTEMPTY"),
        ("", "no row"),
    ];
    for (pattern, wanted) in rows {
        check("string", &[(Op::Like, &[text(pattern)], wanted)]);
    }
    for pattern in ["javascript:%", "abc\\", "%null%"] {
        check("string", &[(Op::Like, &[text(pattern)], "local")]);
    }
}

#[test]
fn what_cannot_be_sent_is_asked_for_by_the_rest() {
    let rows: &[(Op, &str, &str)] = &[
        (Op::Eq, "a^b", "fSTARTSWITHa^fENDSWITHb"),
        (Op::Eq, "a\nb", "fSTARTSWITHa^fENDSWITHb"),
        (Op::Eq, "trail ", "fSTARTSWITHtrail"),
        (Op::Eq, " lead", "fENDSWITHlead"),
        (Op::Eq, "Rocket 🚀.", "fSTARTSWITHRocket^fENDSWITH."),
        (Op::Eq, "^", "fISNOTEMPTY"),
        (Op::Eq, "javascript:x", "local"),
        (Op::Eq, "javascript:x^y", "fENDSWITHy"),
        (Op::Eq, "null", "local"),
        (Op::Like, "%a^bcd%", "fLIKEbcd"),
        (Op::Like, r"a\\b%", "fSTARTSWITHa"),
        (Op::Like, "%\n%", "fISNOTEMPTY"),
    ];
    for (op, value, wanted) in rows {
        check("string", &[(*op, &[text(value)], wanted)]);
    }
    // A pattern on a reference looks at display values.
    check("reference", &[(Op::Eq, &[text("a^b")], "local")]);
}

#[test]
fn types_without_agreed_semantics_stay_local() {
    for internal_type in [
        "currency",
        "price",
        "currency2",
        "glide_duration",
        "journal_input",
        "translated_text",
        "html",
        "glide_time",
        "date",
        "holographic_note",
        "",
    ] {
        let column = column("f", internal_type);
        for op in [Op::Eq, Op::IsNull, Op::IsNotNull, Op::Like, Op::In] {
            assert!(
                sent(&column, op, &[text("a")]).starts_with("local: "),
                "{internal_type} {}",
                op.sql()
            );
        }
    }
    check(
        "glide_list",
        &[
            (Op::Eq, &[text("a,b")], "local"),
            (Op::Like, &[text("%a%")], "local"),
        ],
    );
}

#[test]
fn columns_that_no_dictionary_describes_are_not_filtered_there() {
    let mut unknown = column("f", "string");
    unknown.filterable = false;
    assert!(sent(&unknown, Op::Eq, &[text("a")]).starts_with("local: "));
    assert!(sent(&column("u_xIN", "string"), Op::Eq, &[text("a")]).starts_with("local: "));
    let mut display = column("f", "string");
    display.origin = Origin::Display("f".to_owned());
    assert!(sent(&display, Op::Eq, &[text("a")]).starts_with("local: "));
}

#[test]
fn text_pushdown_can_be_turned_off() {
    let dialect = ServiceNowDialect::new(false);
    let column = column("f", "string");
    assert!(matches!(
        dialect.atom(&column, Op::Eq, &[text("a")]),
        Verdict::Never(_)
    ));
    assert!(matches!(
        dialect.atom(&column, Op::IsNull, &[]),
        Verdict::Superset(..)
    ));
}

fn table() -> Arc<Table> {
    let mut columns = vec![
        column("sys_id", "GUID"),
        column("name", "string"),
        column("state", "integer"),
    ];
    let mut display = Column::field("state", ColumnType::Text, "");
    "dv_state".clone_into(&mut display.name);
    display.origin = Origin::Display("state".to_owned());
    columns.push(display);
    Arc::new(Table {
        source: "desk".into(),
        name: TableName {
            name: "incident".to_owned(),
            remote: "incident".to_owned(),
            label: "Incident".to_owned(),
        },
        columns,
        key: vec![0],
        domain: None,
        url_template: String::new(),
        required_filter: None,
    })
}

fn query(filters: Vec<Predicate>) -> RemoteQuery {
    let dialect = ServiceNowDialect::default();
    let table = table();
    let filters = filters
        .iter()
        .map(|filter| translate(&dialect, &table, filter).expect("pushable"));
    RemoteQuery {
        filters: filters.collect(),
        ..RemoteQuery::new(Arc::clone(&table), vec![1])
    }
}

fn is(column: usize, op: Op, values: &[Literal]) -> Predicate {
    Predicate::Is(Comparison {
        column,
        op,
        values: values.to_vec(),
    })
}

#[test]
fn explain_shows_what_is_sent() {
    let dialect = ServiceNowDialect::default();
    let plain = query(vec![
        is(1, Op::Eq, &[text("Boxeo")]),
        is(2, Op::Lt, &[Literal::Int(3)]),
    ]);
    assert_eq!(
        dialect.render(&plain).ok().as_deref(),
        Some("incident?sysparm_fields=sys_id,name&sysparm_query=name=Boxeo^state<3^ORDERBYsys_id")
    );
    let mut shown = query(vec![]);
    shown.columns = vec![3, 2];
    assert_eq!(
        dialect.render(&shown).ok().as_deref(),
        Some("incident?sysparm_fields=sys_id,state&sysparm_display_value=all&sysparm_query=ORDERBYsys_id")
    );
}

#[test]
fn only_values_that_every_database_sorts_alike_are_sorted_by() {
    let sorts = |column: &Column| ServiceNowDialect::default().sorts_values(column);
    for internal_type in ["integer", "longint", "decimal", "glide_date_time", "glide_date"] {
        assert_eq!(sorts(&column("f", internal_type)), Ok(()), "{internal_type}");
    }
    for internal_type in [
        "string",
        "choice",
        "reference",
        "GUID",
        "boolean",
        "currency",
        "glide_duration",
        "glide_list",
        "html",
    ] {
        assert!(sorts(&column("f", internal_type)).is_err(), "{internal_type}");
    }
    let opened = column("opened_at", "glide_date_time");
    let undescribed = Column {
        filterable: false,
        ..opened.clone()
    };
    assert!(sorts(&undescribed).is_err());
    let doubted = Column {
        verification: Verification {
            range: Some(false),
            ..Verification::default()
        },
        ..opened.clone()
    };
    assert_eq!(sorts(&doubted), Err(UNSORTED));
    let shown = Column {
        origin: Origin::Display("opened_at".to_owned()),
        ..opened
    };
    assert!(sorts(&shown).is_err());
}

#[test]
fn join_keys_go_along_all_or_none() {
    let dialect = ServiceNowDialect::default();
    let mut keyed = query(vec![is(2, Op::Eq, &[Literal::Int(1)])]);
    keyed.keys = Some(KeySet::equal(1, vec![text("a"), text("b")]));
    assert!(
        dialect
            .render(&keyed)
            .is_ok_and(|text| text.contains("state=1^nameINa,b^ORDERBY"))
    );
    keyed.keys = Some(KeySet::equal(1, vec![text("a"), text("^")]));
    assert!(
        dialect
            .render(&keyed)
            .is_ok_and(|text| text.ends_with("=state=1^ORDERBYsys_id"))
    );
    keyed.keys = Some(KeySet {
        or_null: true,
        ..KeySet::equal(1, vec![text("a"), text("b")])
    });
    assert!(
        dialect
            .render(&keyed)
            .is_ok_and(|text| text.contains("state=1^nameINa,b^ORnameISEMPTY^ORDERBY"))
    );
    keyed.keys = Some(KeySet {
        test: KeyTest::Like,
        ..KeySet::equal(1, vec![text("a%"), text("b%")])
    });
    assert!(
        dialect
            .render(&keyed)
            .is_ok_and(|text| text.contains("state=1^nameSTARTSWITHa^ORnameSTARTSWITHb^ORDERBY"))
    );
}

#[test]
fn a_foreign_condition_that_would_break_the_text_is_refused() {
    let mut forged = query(vec![]);
    forged.filters.push(Pushed {
        derived: false,
        condition: Atom::with("name", RemoteOp::Eq, Constant::text("a^NQsys_idISNOTEMPTY")).into(),
        fidelity: Fidelity::Superset,
        reason: String::new(),
    });
    let error = ServiceNowDialect::default().render(&forged).expect_err("refused");
    assert_eq!(error.kind, Kind::Malformed);
}

#[test]
fn labels_are_explained_and_never_sent_before_they_are_looked_up() {
    let dialect = ServiceNowDialect::default();
    let mut labelled = Table::clone(&table());
    crate::types::OF_NUMBERS.clone_into(&mut labelled.columns[3].remote_type);
    let labelled = Arc::new(labelled);
    let new = is(3, Op::In, &[text("New"), text("Closed")]);
    let mut query = RemoteQuery {
        filters: vec![translate(&dialect, &labelled, &new).expect("pushable")],
        ..RemoteQuery::new(Arc::clone(&labelled), vec![1])
    };
    assert_eq!(
        dialect.render(&query).ok().as_deref(),
        Some(
            "incident?sysparm_fields=sys_id,name\
             &sysparm_query=stateIN(stored values that are shown as New, Closed)^ORDERBYsys_id"
        )
    );
    let sent = ScanRequest::of_query(&dialect, &query).expect_err("not looked up");
    assert_eq!(sent.kind, Kind::Malformed);
    query.filters.clear();
    query.keys = Some(KeySet::equal(3, vec![text("New")]));
    assert_eq!(dialect.render(&query).expect_err("keys").kind, Kind::Malformed);
}

#[test]
fn more_keys_make_longer_requests() {
    let dialect = ServiceNowDialect::default();
    let mut keyed = query(vec![]);
    let mut bytes = Vec::new();
    for count in [1, 10, 100] {
        keyed.keys = Some(KeySet::equal(
            0,
            (0..count).map(|at| text(&format!("{at:032x}"))).collect(),
        ));
        bytes.push(dialect.request_bytes(&keyed).expect("a length"));
    }
    assert!(bytes.windows(2).all(|pair| pair[0] < pair[1]), "{bytes:?}");
}
