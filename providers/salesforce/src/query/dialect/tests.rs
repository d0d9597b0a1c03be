use causeway_core::ColumnType;
use causeway_core::time::{parse_date, parse_timestamp};

use super::*;
use crate::query::condition::where_clause;
use crate::query::literal::LITERAL_CHARS;

fn column(remote_type: &str) -> Column {
    Column {
        filterable: true,
        sortable: true,
        ..Column::field("F__c", ColumnType::Text, remote_type)
    }
}

/// The verdict in short: fidelity and SOQL.
fn asked(column: &Column, op: Op, values: &[Literal]) -> String {
    let soql = |condition: &Condition| soql_of(condition);
    match SalesforceDialect::new("62.0", true).atom(column, op, values) {
        Verdict::Exact(condition) => format!("exact: {}", soql(&condition)),
        Verdict::Superset(condition, _) => format!("superset: {}", soql(&condition)),
        Verdict::Never(reason) => format!("local: {reason}"),
    }
}

fn soql_of(condition: &Condition) -> String {
    let joined = |parts: &[Condition], word: &str| parts.iter().map(soql_of).collect::<Vec<_>>().join(word);
    match condition {
        Condition::Atom(_) => {
            let clause = where_clause([condition]).expect("a condition that can be written");
            clause.trim_start_matches(" WHERE ").to_owned()
        }
        Condition::All(parts) => joined(parts, " AND "),
        Condition::Any(parts) => joined(parts, " OR "),
        Condition::Never => "nothing".to_owned(),
    }
}

fn text(value: &str) -> Literal {
    Literal::Text(value.to_owned())
}

fn moment(value: &str) -> Literal {
    Literal::Timestamp(parse_timestamp(value).expect("a moment"))
}

fn day(value: &str) -> Literal {
    Literal::Date(parse_date(value).expect("a date"))
}

const ID: &str = "001D000000IqhSLIAZ";

#[test]
fn a_pattern_of_fifteen_characters_is_one_id() {
    let ids = column("id");
    let like = |pattern: &str| asked(&ids, Op::Like, &[text(pattern)]);
    assert_eq!(like("001D000000IqhSL%"), format!("exact: F__c = '{ID}'"));
    assert_eq!(like("Umber Marine Pa%"), "exact: nothing");
    for other in [
        "001D000000IqhS%",
        "001D000000IqhSL",
        "001D000000Iqh_L%",
        "%001D000000IqhSL%",
    ] {
        assert!(like(other).starts_with("local: "), "{other}");
    }
}

#[test]
fn ids_compare_exactly_and_what_is_no_id_equals_nothing() {
    for kind in ["id", "reference"] {
        let ids = column(kind);
        assert_eq!(asked(&ids, Op::Eq, &[text(ID)]), format!("exact: F__c = '{ID}'"));
        assert_eq!(
            asked(&ids, Op::NotEq, &[text(ID)]),
            format!("exact: F__c != '{ID}' AND F__c != null")
        );
        assert_eq!(
            asked(&ids, Op::In, &[text(ID), text("x")]),
            format!("exact: F__c = '{ID}'")
        );
        assert_eq!(
            asked(
                &ids,
                Op::NotIn,
                &[text(ID), text("001D000000IqhSMIAZ"), text("x")]
            ),
            format!("exact: F__c NOT IN ('{ID}','001D000000IqhSMIAZ') AND F__c != null")
        );
        for no_id in ["Boxeo", "", "' OR Name != '", "001d000000iqhsliaz"] {
            assert_eq!(asked(&ids, Op::Eq, &[text(no_id)]), "exact: nothing", "{no_id}");
            assert_eq!(
                asked(&ids, Op::NotEq, &[text(no_id)]),
                "exact: F__c != null",
                "{no_id}"
            );
        }
    }
}

#[test]
fn a_short_id_equals_no_stored_one_as_in_sql() {
    assert_eq!(
        asked(&column("id"), Op::Eq, &[text("001D000000IqhSL")]),
        "exact: nothing"
    );
    assert_eq!(
        asked(&column("id"), Op::NotEq, &[text("001D000000IqhSL")]),
        "exact: F__c != null"
    );
}

#[test]
fn ids_have_no_order_no_pattern_and_no_zero() {
    let ids = column("id");
    assert_eq!(asked(&ids, Op::Lt, &[text(ID)]), "local: collation");
    assert!(asked(&ids, Op::Like, &[text("001%")]).starts_with("local"));
    assert!(asked(&ids, Op::Eq, &[text("000000000000000AAA")]).starts_with("local"));
    assert_eq!(asked(&ids, Op::IsNull, &[]), "exact: F__c = null");
    assert_eq!(asked(&ids, Op::IsNotNull, &[]), "exact: F__c != null");
}

#[test]
fn a_reference_that_holds_no_record_id_stays_local() {
    assert!(asked(&column("indirectreference"), Op::Eq, &[text("Account")]).starts_with("local"));
}

#[test]
fn booleans_are_never_compared_with_null() {
    let flag = column("boolean");
    let (yes, no) = (Literal::Boolean(true), Literal::Boolean(false));
    for (op, values, wanted) in [
        (Op::Eq, vec![yes.clone()], "exact: F__c = TRUE"),
        (Op::NotEq, vec![yes.clone()], "exact: F__c = FALSE"),
        (
            Op::In,
            vec![yes.clone(), no.clone()],
            "exact: F__c = TRUE OR F__c = FALSE",
        ),
        (Op::NotIn, vec![yes.clone(), no.clone()], "exact: nothing"),
        (Op::IsNull, vec![], "exact: nothing"),
        (Op::IsNotNull, vec![], "exact: F__c = TRUE OR F__c = FALSE"),
    ] {
        assert_eq!(asked(&flag, op, &values), wanted, "{op:?}");
    }
    for (op, constant, wanted) in [
        (Op::Lt, &yes, "exact: F__c = FALSE"),
        (Op::LtEq, &yes, "exact: F__c = TRUE OR F__c = FALSE"),
        (Op::Gt, &yes, "exact: nothing"),
        (Op::GtEq, &yes, "exact: F__c = TRUE"),
        (Op::Gt, &no, "exact: F__c = TRUE"),
    ] {
        assert_eq!(asked(&flag, op, std::slice::from_ref(constant)), wanted, "{op:?}");
    }
    assert!(asked(&flag, Op::Like, &[text("t%")]).starts_with("local"));
    assert!(asked(&flag, Op::Eq, &[text("true")]).starts_with("local"));
}

#[test]
fn whole_numbers_compare_exactly_within_their_bits() {
    let int = column("int");
    for (op, value, wanted) in [
        (Op::Eq, 5, "exact: F__c = 5"),
        (Op::NotEq, -5, "exact: F__c != -5 AND F__c != null"),
        (Op::Lt, 5, "exact: F__c < 5"),
        (Op::LtEq, 5, "exact: F__c <= 5"),
        (Op::Gt, 5, "exact: F__c > 5"),
        (Op::GtEq, 5, "exact: F__c >= 5"),
        (Op::Eq, i64::MAX, "exact: nothing"),
        (Op::Lt, i64::MAX, "exact: F__c != null"),
        (Op::Gt, i64::MIN, "exact: F__c != null"),
        (Op::GtEq, i64::MAX, "exact: nothing"),
    ] {
        assert_eq!(asked(&int, op, &[Literal::Int(value)]), wanted, "{op:?} {value}");
    }
    assert_eq!(
        asked(&column("long"), Op::Eq, &[Literal::Int(1 << 40)]),
        "exact: F__c = 1099511627776"
    );
    assert!(asked(&column("long"), Op::Eq, &[Literal::Int(i64::MAX)]).starts_with("local"));
    assert_eq!(
        asked(
            &int,
            Op::In,
            &[Literal::Int(1), Literal::Int(2), Literal::Int(i64::MAX)]
        ),
        "exact: F__c IN (1,2)"
    );
}

#[test]
fn numbers_are_exact_while_doubles_tell_their_decimals_apart() {
    let money = column("currency(18,2)");
    let ask = |op, value| asked(&money, op, &[Literal::Float(value)]);
    assert_eq!(ask(Op::Eq, 0.1), "exact: F__c = 0.1");
    assert_eq!(ask(Op::Gt, 1e10), "exact: F__c > 10000000000");
    assert_eq!(ask(Op::NotEq, 1000.0), "exact: F__c != 1000 AND F__c != null");
    // 10^14 and 10^14 + 0.01 are one double.
    assert!(
        ask(Op::Eq, 1e14).starts_with("superset: F__c > 99999999999"),
        "{}",
        ask(Op::Eq, 1e14)
    );
    let fine = column("double(18,15)");
    let near = asked(&fine, Op::Eq, &[Literal::Float(40.7)]);
    assert!(
        near.starts_with("superset: F__c > 40.69999999995") && near.contains(" AND F__c < 40.70000000004"),
        "{near}"
    );
    assert_eq!(
        asked(&fine, Op::Gt, &[Literal::Float(40.7)]),
        "superset: F__c > 40.7"
    );
    assert!(asked(&fine, Op::GtEq, &[Literal::Float(40.7)]).starts_with("superset: F__c > 40.6999"));
    assert_eq!(
        asked(&fine, Op::NotIn, &[Literal::Float(40.7)]),
        "superset: F__c != null"
    );
    assert!(asked(&column("double"), Op::Eq, &[Literal::Float(1.0)]).starts_with("superset"));
}

#[test]
fn numbers_that_no_plain_decimal_says_stay_local() {
    for value in [f64::NAN, f64::INFINITY, -0.0, 1e300] {
        let answer = asked(&column("double(18,2)"), Op::Lt, &[Literal::Float(value)]);
        assert!(answer.starts_with("local"), "{value}: {answer}");
    }
    assert!(asked(&column("double(18,2)"), Op::Eq, &[text("1")]).starts_with("local"));
    assert_eq!(
        asked(&column("percent(5,2)"), Op::Eq, &[Literal::Int(12)]),
        "exact: F__c = 12"
    );
}

#[test]
fn amounts_of_several_currencies_are_checked_again() {
    assert_eq!(
        asked(&column("multicurrency(18,2)"), Op::Gt, &[Literal::Float(5.0)]),
        "superset: F__c > 5"
    );
    assert!(!SalesforceDialect::new("62.0", true).sorts_like_arrow(&column("multicurrency(18,2)")));
}

#[test]
fn dates_compare_exactly_within_the_accepted_range() {
    let date = column("date");
    assert_eq!(
        asked(&date, Op::Eq, &[day("1700-01-01")]),
        "exact: F__c = 1700-01-01"
    );
    assert_eq!(
        asked(&date, Op::LtEq, &[day("4000-12-31")]),
        "exact: F__c <= 4000-12-31"
    );
    assert_eq!(
        asked(&date, Op::Lt, &[day("9999-12-31")]),
        "superset: F__c != null"
    );
    assert_eq!(
        asked(&date, Op::Gt, &[day("1699-12-31")]),
        "superset: F__c != null"
    );
    for (op, value) in [
        (Op::Eq, "9999-12-31"),
        (Op::Gt, "4001-01-01"),
        (Op::Lt, "1699-12-31"),
    ] {
        assert!(
            asked(&date, op, &[day(value)]).starts_with("local"),
            "{op:?} {value}"
        );
    }
    assert!(asked(&date, Op::Eq, &[moment("2024-01-02T00:00:00Z")]).starts_with("local"));
}

#[test]
fn moments_between_seconds_are_rounded_without_losing_a_row() {
    let at = column("datetime");
    let ask = |op, value| asked(&at, op, &[moment(value)]);
    let (whole, part) = ("2024-01-02T23:59:59Z", "2024-01-02T23:59:59.250Z");
    assert_eq!(ask(Op::Eq, whole), "exact: F__c = 2024-01-02T23:59:59Z");
    assert_eq!(ask(Op::Lt, whole), "exact: F__c < 2024-01-02T23:59:59Z");
    for (op, wanted) in [
        (Op::Gt, "exact: F__c > 2024-01-02T23:59:59Z"),
        (Op::GtEq, "exact: F__c > 2024-01-02T23:59:59Z"),
        (Op::Lt, "exact: F__c <= 2024-01-02T23:59:59Z"),
        (Op::LtEq, "exact: F__c <= 2024-01-02T23:59:59Z"),
        (Op::Eq, "exact: nothing"),
        (Op::NotEq, "exact: F__c != null"),
    ] {
        assert_eq!(ask(op, part), wanted, "{op:?}");
    }
    assert_eq!(
        ask(Op::Gt, "1969-12-31T23:59:58.5Z"),
        "exact: F__c > 1969-12-31T23:59:58Z"
    );
    assert!(ask(Op::Gt, "4000-12-31T12:00:00Z").starts_with("local"));
}

#[test]
fn times_of_day_are_said_to_the_millisecond() {
    let time = column("time");
    let ten = 10 * 3_600_000_000 + 30 * 60_000_000;
    assert_eq!(
        asked(&time, Op::Eq, &[Literal::Time(ten)]),
        "exact: F__c = 10:30:00.000Z"
    );
    assert_eq!(
        asked(&time, Op::Lt, &[Literal::Time(ten + 1)]),
        "exact: F__c <= 10:30:00.000Z"
    );
    assert_eq!(asked(&time, Op::Eq, &[Literal::Time(ten + 1)]), "exact: nothing");
    assert!(asked(&time, Op::Lt, &[Literal::Time(86_400_000_000)]).starts_with("local"));
}

#[test]
fn text_equality_keeps_more_than_sql() {
    for kind in [
        "string", "email", "phone", "url", "textarea", "picklist", "combobox",
    ] {
        let field = column(kind);
        assert_eq!(
            asked(&field, Op::Eq, &[text("O'Neil")]),
            r"superset: F__c = 'O\'Neil'",
            "{kind}"
        );
        assert_eq!(
            asked(&field, Op::In, &[text("a"), text(""), text("b")]),
            "superset: F__c IN ('a','b')"
        );
        assert_eq!(asked(&field, Op::IsNull, &[]), "exact: F__c = null");
    }
    let key = Column {
        unique: true,
        case_sensitive: true,
        ..column("string")
    };
    assert_eq!(
        asked(&key, Op::Eq, &[text("k")]),
        "superset: F__c = 'k'",
        "blanks and accents are unconfirmed"
    );
}

#[test]
fn text_inequality_and_order_stay_local() {
    let field = column("string");
    for op in [Op::NotEq, Op::NotIn, Op::NotLike, Op::NotILike] {
        assert_eq!(
            asked(&field, op, &[text("x")]),
            "local: text is case-insensitive there",
            "{op:?}"
        );
    }
    for op in [Op::Lt, Op::LtEq, Op::Gt, Op::GtEq] {
        assert_eq!(asked(&field, op, &[text("x")]), "local: collation", "{op:?}");
    }
}

#[test]
fn empty_text_equals_nothing_and_differs_from_all_that_is_there() {
    let field = column("string");
    assert_eq!(asked(&field, Op::Eq, &[text("")]), "exact: nothing");
    assert_eq!(asked(&field, Op::In, &[text("")]), "exact: nothing");
    assert_eq!(asked(&field, Op::NotEq, &[text("")]), "exact: F__c != null");
    assert_eq!(asked(&field, Op::Like, &[text("")]), "exact: nothing");
}

#[test]
fn patterns_go_to_string_fields_only() {
    let field = column("string");
    assert_eq!(
        asked(&field, Op::Like, &[text("Box%")]),
        "superset: F__c LIKE 'Box%'"
    );
    assert_eq!(
        asked(&field, Op::ILike, &[text("box%")]),
        "superset: F__c LIKE 'box%'"
    );
    assert_eq!(
        asked(&field, Op::Like, &[text("Boxeo")]),
        "superset: F__c = 'Boxeo'"
    );
    assert_eq!(asked(&field, Op::Like, &[text("%")]), "exact: F__c != null");
    assert_eq!(asked(&field, Op::Like, &[text("_%")]), "superset: F__c != null");
    let picklist = column("picklist");
    assert!(asked(&picklist, Op::Like, &[text("a%")]).starts_with("local"));
    assert_eq!(
        asked(&picklist, Op::Like, &[text("High")]),
        "superset: F__c = 'High'"
    );
    assert_eq!(
        asked(&picklist, Op::ILike, &[text("closed")]),
        "superset: F__c IN ('closed','clo\u{17f}ed')"
    );
    let key = Column {
        case_sensitive: true,
        ..column("string")
    };
    assert!(asked(&key, Op::ILike, &[text("a%")]).starts_with("local"));
    assert_eq!(asked(&key, Op::Like, &[text("a%")]), "superset: F__c LIKE 'a%'");
}

#[test]
fn text_with_control_characters_is_asked_by_its_other_parts() {
    let field = column("string");
    assert_eq!(
        asked(&field, Op::Eq, &[text("two\nlines")]),
        "superset: F__c LIKE 'two%lines'"
    );
    assert_eq!(
        asked(&field, Op::In, &[text("a"), text("b\0c"), text("d")]),
        "superset: F__c IN ('a','d') OR F__c LIKE 'b%c'"
    );
    assert!(asked(&field, Op::Eq, &[text("\n")]).starts_with("local"));
    assert!(asked(&column("picklist"), Op::Eq, &[text("two\nlines")]).starts_with("local"));
    let long = "x".repeat(LITERAL_CHARS);
    assert!(asked(&field, Op::Eq, &[text(&long)]).starts_with("superset"));
    assert!(asked(&field, Op::Eq, &[text(&format!("{long}x"))]).starts_with("local"));
}

#[test]
fn a_set_is_asked_for_what_it_includes() {
    let field = column("multipicklist");
    for (op, values, wanted) in [
        (Op::Eq, vec!["A;B"], "superset: F__c INCLUDES ('A;B')"),
        (Op::In, vec!["A;B", "C"], "superset: F__c INCLUDES ('A;B','C')"),
        (Op::In, vec!["O'N", ""], r"superset: F__c INCLUDES ('O\'N')"),
        (Op::Eq, vec!["A;;B"], "superset: F__c INCLUDES ('A;B')"),
        (Op::Eq, vec![""], "exact: nothing"),
        (Op::NotEq, vec![""], "exact: F__c != null"),
    ] {
        let values: Vec<Literal> = values.into_iter().map(text).collect();
        assert_eq!(asked(&field, op, &values), wanted, "{op:?} {values:?}");
    }
    for (op, value) in [
        (Op::Eq, ";"),
        (Op::Eq, "A\nB"),
        (Op::NotEq, "A"),
        (Op::Like, "A%"),
        (Op::Lt, "A"),
    ] {
        assert!(
            asked(&field, op, &[text(value)]).starts_with("local"),
            "{op:?} {value}"
        );
    }
    assert_eq!(asked(&field, Op::IsNull, &[]), "exact: F__c = null");
}

#[test]
fn closed_types_stay_local() {
    for kind in [
        "encryptedstring",
        "base64",
        "anyType",
        "address",
        "location",
        "complexvalue",
        "quantumstate",
        "",
    ] {
        assert!(
            asked(&column(kind), Op::Eq, &[text("x")]).starts_with("local"),
            "{kind}"
        );
        assert!(
            asked(&column(kind), Op::IsNull, &[]).starts_with("local"),
            "{kind}"
        );
    }
}

#[test]
fn a_formula_is_checked_again() {
    let formula = |kind: &str| Column {
        calculated: true,
        ..column(kind)
    };
    assert_eq!(
        asked(&formula("date"), Op::Eq, &[day("2024-01-02")]),
        "superset: F__c = 2024-01-02"
    );
    assert_eq!(
        asked(&formula("boolean"), Op::Eq, &[Literal::Boolean(true)]),
        "superset: F__c = TRUE"
    );
    assert_eq!(
        asked(&formula("double(18,2)"), Op::Gt, &[Literal::Float(0.0)]),
        "superset: F__c > 0"
    );
    assert!(
        asked(&formula("double(18,2)"), Op::Eq, &[Literal::Float(0.5)]).starts_with("superset: F__c > 0.49")
    );
    assert_eq!(
        asked(&formula("string"), Op::IsNull, &[]),
        "superset: F__c = null"
    );
    assert!(!SalesforceDialect::new("62.0", true).sorts_like_arrow(&formula("date")));
}

#[test]
fn what_is_not_filterable_is_not_asked() {
    let field = Column {
        filterable: false,
        ..column("boolean")
    };
    assert!(asked(&field, Op::Eq, &[Literal::Boolean(true)]).starts_with("local"));
    assert!(asked(&Column::record_url(), Op::IsNull, &[]).starts_with("local"));
}

#[test]
fn without_text_pushdown_only_null_tests_of_text_are_asked() {
    let dialect = SalesforceDialect::new("62.0", false);
    assert!(matches!(
        dialect.atom(&column("string"), Op::Eq, &[text("x")]),
        Verdict::Never(_)
    ));
    assert!(matches!(
        dialect.atom(&column("string"), Op::IsNull, &[]),
        Verdict::Exact(_)
    ));
    assert!(matches!(
        dialect.atom(&column("id"), Op::Eq, &[text(ID)]),
        Verdict::Exact(_)
    ));
}

#[test]
fn only_numbers_and_dates_sort_like_arrow() {
    let dialect = SalesforceDialect::new("62.0", true);
    for kind in [
        "int",
        "long",
        "double(18,2)",
        "percent(3,0)",
        "currency(18,2)",
        "date",
        "datetime",
    ] {
        assert!(dialect.sorts_like_arrow(&column(kind)), "{kind}");
        assert!(
            !dialect.sorts_like_arrow(&Column {
                sortable: false,
                ..column(kind)
            }),
            "{kind}"
        );
    }
    for kind in [
        "string",
        "picklist",
        "id",
        "reference",
        "boolean",
        "time",
        "multipicklist",
        "quantumstate",
    ] {
        assert!(!dialect.sorts_like_arrow(&column(kind)), "{kind}");
    }
}
