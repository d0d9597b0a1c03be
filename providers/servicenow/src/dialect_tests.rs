use std::sync::Arc;

use causeway_core::{
    Column, ColumnType, Comparison, Fidelity, KeySet, Origin, Predicate, Pushed, Table, TableName, Trust,
    translate,
};
use proptest::prelude::*;

use super::*;
use crate::types::Family;

const ID: &str = "0c5f3cece1b12010f877971dea0b1449";

fn column(name: &str, internal_type: &str) -> Column {
    let mut column = Column::field(name, Family::of(internal_type).column_type(), internal_type);
    column.filterable = true;
    column
}

fn text(value: &str) -> Literal {
    Literal::Text(value.to_owned())
}

/// What is sent for a comparison: the encoded text, `no row`, or `local: ` and the reason.
fn sent(column: &Column, op: Op, values: &[Literal]) -> String {
    match ServiceNowDialect::default().atom(column, op, values) {
        Verdict::Exact(Condition::Never) => "no row".to_owned(),
        Verdict::Exact(_) => "exact".to_owned(),
        Verdict::Superset(condition, _) => {
            let text = crate::encoded::Encoded::of(&[condition]).text(None);
            text.trim_end_matches("^ORDERBYsys_id").to_owned()
        }
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
            (Op::In, &[text("a"), text("b^c")], "local"),
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

/// What is sent for a comparison with a column whose conditions are honoured, in UTC, and whether it is exact.
fn believed(internal_type: &str, op: Op, values: &[Literal]) -> (String, bool) {
    let mut column = column("f", internal_type);
    column.trust = Trust {
        equality: Some(true),
        range: Some(true),
        utc: true,
    };
    let text = |condition| {
        let text = crate::encoded::Encoded::of(&[condition]).text(None);
        text.trim_end_matches("^ORDERBYsys_id").to_owned()
    };
    match ServiceNowDialect::default().atom(&column, op, values) {
        Verdict::Exact(Condition::Never) => ("no row".to_owned(), true),
        Verdict::Exact(condition) => (text(condition), true),
        Verdict::Superset(condition, _) => (text(condition), false),
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
    column.trust.range = Some(false);
    assert!(sent(&column, Op::Lt, &[Literal::Int(1)]).starts_with("local: the instance ignores"));
    assert_eq!(sent(&column, Op::Eq, &[Literal::Int(1)]), "f=1");
}

#[test]
fn alternatives_in_groups_of_their_own_are_never_exact() {
    let dialect = ServiceNowDialect::default();
    let mut table = Table::clone(&table());
    for column in &mut table.columns {
        column.trust.equality = Some(true);
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
fn an_exact_condition_whose_column_lost_its_trust_fails_the_query() {
    let dialect = ServiceNowDialect::default();
    let mut query = query(vec![
        is(2, Op::Eq, &[Literal::Int(1)]),
        is(1, Op::Eq, &[text("a")]),
    ]);
    let lost = |column| std::collections::BTreeSet::from([Use::new(column, Class::Equality)]);
    let text = |plan: Plan| plan.filter.text(None);
    assert_eq!(
        Plan::without(&dialect, &query, &lost("state"))
            .map(text)
            .ok()
            .as_deref(),
        Some("name=a^ORDERBYsys_id")
    );
    query.filters[0].fidelity = Fidelity::Exact;
    let error = Plan::without(&dialect, &query, &lost("state")).expect_err("no re-check");
    assert_eq!(error.kind, Kind::Refused);
    assert!(Plan::without(&dialect, &query, &lost("name")).is_ok());
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
    let mut twin = Column::field("state", ColumnType::Text, "");
    "dv_state".clone_into(&mut twin.name);
    twin.origin = Origin::Display("state".to_owned());
    columns.push(twin);
    Arc::new(Table {
        source: "desk".into(),
        name: TableName {
            name: "incident".to_owned(),
            remote: "incident".to_owned(),
            label: "Incident".to_owned(),
        },
        columns,
        key: 0,
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
    let distrusted = Column {
        trust: Trust {
            range: Some(false),
            ..Trust::default()
        },
        ..opened.clone()
    };
    assert_eq!(sorts(&distrusted), Err(UNSORTED));
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
    keyed.keys = Some(KeySet {
        column: 1,
        values: vec![text("a"), text("b")],
    });
    assert!(
        dialect
            .render(&keyed)
            .is_ok_and(|text| text.contains("state=1^nameINa,b^ORDERBY"))
    );
    keyed.keys = Some(KeySet {
        column: 1,
        values: vec![text("a"), text("b^c")],
    });
    assert!(
        dialect
            .render(&keyed)
            .is_ok_and(|text| text.ends_with("=state=1^ORDERBYsys_id"))
    );
}

#[test]
fn a_foreign_condition_that_would_break_the_text_is_refused() {
    let mut forged = query(vec![]);
    forged.filters.push(Pushed {
        condition: Condition::Atom("name=a^NQsys_idISNOTEMPTY".to_owned()),
        fidelity: Fidelity::Superset,
        reason: String::new(),
    });
    let error = ServiceNowDialect::default().render(&forged).expect_err("refused");
    assert_eq!(error.kind, Kind::Malformed);
}

#[test]
fn more_keys_make_longer_requests() {
    let dialect = ServiceNowDialect::default();
    let mut keyed = query(vec![]);
    let mut bytes = Vec::new();
    for count in [1, 10, 100] {
        keyed.keys = Some(KeySet {
            column: 0,
            values: (0..count).map(|at| text(&format!("{at:032x}"))).collect(),
        });
        bytes.push(dialect.request_bytes(&keyed).expect("a length"));
    }
    assert!(bytes.windows(2).all(|pair| pair[0] < pair[1]), "{bytes:?}");
}

/// Any text, with the dangerous pieces often among it.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9 ]{0,8}",
        Just("^".to_owned()),
        Just("^NQ".to_owned()),
        Just("^OR".to_owned()),
        Just("javascript:".to_owned()),
        Just(" JavaScript:".to_owned()),
        Just("\n".to_owned()),
        Just(",".to_owned()),
        Just("%".to_owned()),
        Just("NULL".to_owned()),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_ever_changes_the_shape_of_a_query(
        values in proptest::collection::vec(any_text(), 1..4),
        op in prop_oneof![Just(Op::Eq), Just(Op::In), Just(Op::Like), Just(Op::NotEq), Just(Op::NotIn)],
        internal_type in prop_oneof![Just("string"), Just("reference"), Just("choice")],
    ) {
        let literals: Vec<Literal> = match op {
            Op::In | Op::NotIn => values.iter().map(|value| text(value)).collect(),
            _ => values.iter().take(1).map(|value| text(value)).collect(),
        };
        let verdict = ServiceNowDialect::default().atom(&column("f", internal_type), op, &literals);
        if let Verdict::Superset(condition, _) = verdict {
            let sent = crate::encoded::Encoded::of(&[condition]).text(Some(ID));
            let operators = ["=", "!=", "IN", "LIKE", "STARTSWITH", "ENDSWITH", "ISNOTEMPTY"];
            for piece in sent.split('^') {
                let known = piece == "ORDERBYsys_id" || piece.starts_with("sys_id>");
                let rest = piece.strip_prefix("ORf").or(piece.strip_prefix('f')).unwrap_or_default();
                prop_assert!(known || operators.iter().any(|operator| rest.starts_with(operator)), "{sent}");
                prop_assert!(!piece.chars().any(char::is_control), "{sent}");
                for operator in operators {
                    let value = rest.strip_prefix(operator).unwrap_or_default().trim_start().to_lowercase();
                    prop_assert!(!value.starts_with("javascript"), "{sent}");
                }
            }
        }
    }

    #[test]
    fn a_sent_equality_keeps_every_row_that_sql_keeps(value in any_text()) {
        // The wire text after the operator is the value itself, nothing trimmed and nothing escaped; or it is a part of the value.
        let verdict = ServiceNowDialect::default().atom(&column("f", "string"), Op::Eq, &[text(&value)]);
        let parts = match verdict {
            Verdict::Superset(Condition::All(parts), _) => parts,
            Verdict::Superset(only, _) => vec![only],
            _ => return Ok(()),
        };
        for part in parts {
            let Condition::Atom(atom) = part else { panic!("no atom") };
            let keeps = match (atom.strip_prefix("f="), atom.strip_prefix("fSTARTSWITH"), atom.strip_prefix("fENDSWITH")) {
                (Some(sent), ..) => sent == value,
                (_, Some(sent), _) => value.starts_with(sent),
                (.., Some(sent)) => value.ends_with(sent),
                _ => atom == "fISNOTEMPTY" || atom.strip_prefix("fLIKE").is_some_and(|sent| value.contains(sent)),
            };
            prop_assert!(keeps, "{atom:?} for {value:?}");
        }
    }

    #[test]
    fn a_query_splits_back_into_the_terms_that_were_meant(values in proptest::collection::vec(any_text(), 1..6), either in any::<bool>()) {
        // Only what is sent whole, so that the terms are known.
        let whole: Vec<&String> = values
            .iter()
            .filter(|value| crate::encoded::check_value(value).is_ok())
            .collect();
        let parts = whole.iter().map(|value| is(1, Op::Eq, &[text(value)])).collect();
        let predicate = if either { Predicate::Any(parts) } else { Predicate::All(parts) };
        let Ok(pushed) = translate(&ServiceNowDialect::default(), &table(), &predicate) else { return Ok(()) };
        if pushed.condition == Condition::Never {
            return Ok(());
        }
        let sent = crate::encoded::Encoded::of(&[pushed.condition]).text(None);
        let terms: Vec<&str> = sent.trim_end_matches("^ORDERBYsys_id").split('^').collect();
        let wanted: Vec<String> = whole
            .iter()
            .enumerate()
            .map(|(at, value)| format!("{}name={value}", if either && at > 0 { "OR" } else { "" }))
            .collect();
        prop_assert_eq!(terms, wanted);
    }

    #[test]
    fn a_pattern_says_nothing_that_a_matching_text_lacks(body in "[a-c ]{0,6}", pattern in "[a-c %_]{0,6}") {
        if !sql_like(&body, &pattern) || body.is_empty() {
            return Ok(());
        }
        let verdict = ServiceNowDialect::default().atom(&column("f", "string"), Op::Like, &[text(&pattern)]);
        if let Verdict::Superset(condition, _) = verdict {
            let parts = match condition {
                Condition::All(parts) => parts,
                other => vec![other],
            };
            for part in parts {
                let Condition::Atom(atom) = part else { panic!("no atom") };
                let keeps = [
                    atom.strip_prefix("fSTARTSWITH").map(|rest| body.starts_with(rest)),
                    atom.strip_prefix("fENDSWITH").map(|rest| body.ends_with(rest)),
                    atom.strip_prefix("fLIKE").map(|rest| body.contains(rest)),
                    atom.strip_prefix("f=").map(|rest| body == rest),
                    (atom == "fISNOTEMPTY").then_some(true),
                ];
                prop_assert_eq!(keeps.into_iter().flatten().next(), Some(true), "{} {}", atom, body);
            }
        }
    }

    #[test]
    fn a_decimal_range_keeps_every_decimal_that_reads_as_the_value(units in -1_000_000_000_i64..1_000_000_000, scale in 0_u32..8) {
        let written = format!("{:.*}", scale as usize, units as f64 / 10_f64.powi(scale as i32));
        let value: f64 = written.parse().expect("a number");
        let verdict = ServiceNowDialect::default().atom(&column("f", "decimal"), Op::Eq, &[Literal::Float(value)]);
        let Verdict::Superset(Condition::All(bounds), _) = verdict else { panic!("a range") };
        let bound = |at: usize, operator: &str| -> f64 {
            let Condition::Atom(atom) = &bounds[at] else { panic!("no atom") };
            atom.strip_prefix(operator).expect("the operator").parse().expect("a number")
        };
        prop_assert!(bound(0, "f>=") <= value && value <= bound(1, "f<="));
    }
}

fn sql_like(text: &str, pattern: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('%') => (0..=text.len()).any(|at| sql_like(&text[at..], &pattern[1..])),
        Some('_') => !text.is_empty() && sql_like(&text[1..], &pattern[1..]),
        Some(letter) => text.starts_with(letter) && sql_like(&text[1..], &pattern[1..]),
    }
}
