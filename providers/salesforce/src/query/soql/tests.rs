use std::sync::Arc;

use causeway_core::{Column, ColumnType, Fidelity, KeySet, Literal, Order, Pushed, Table, TableName};
use proptest::prelude::*;

use super::*;
use crate::query::dialect::SalesforceDialect;

fn table() -> Arc<Table> {
    let filterable = |field: &str, ty, remote: &str| Column {
        filterable: true,
        ..Column::field(field, ty, remote)
    };
    Arc::new(Table {
        source: "sf".into(),
        name: TableName {
            name: "opportunity".into(),
            remote: "Opportunity".into(),
            label: "Opportunity".into(),
        },
        columns: vec![
            filterable("Id", ColumnType::Text, "id"),
            filterable("Name", ColumnType::Text, "string"),
            filterable("Amount", ColumnType::Float64, "currency(18,2)"),
            filterable("AccountId", ColumnType::Text, "reference"),
            Column::record_url(),
        ],
        key: 0,
        domain: None,
        url_template: "https://acme.my.salesforce.com/{key}".into(),
        required_filter: None,
    })
}

fn dialect() -> SalesforceDialect {
    SalesforceDialect::new("62.0", true)
}

fn pushed(condition: Condition) -> Pushed {
    Pushed {
        derived: false,
        condition,
        fidelity: Fidelity::Exact,
        reason: String::new(),
    }
}

fn atom(text: &str) -> Condition {
    Condition::Atom(text.to_owned())
}

fn query(columns: &[usize], filters: Vec<Condition>) -> RemoteQuery {
    RemoteQuery {
        filters: filters.into_iter().map(pushed).collect(),
        ..RemoteQuery::new(table(), columns.to_vec())
    }
}

fn rendered(query: &RemoteQuery) -> String {
    dialect().render(query).expect("a query that can be written")
}

#[test]
fn columns_are_selected_once_and_a_link_needs_the_id() {
    assert_eq!(
        rendered(&query(&[1, 4, 0], vec![])),
        "SELECT Name, Id FROM Opportunity"
    );
    assert_eq!(rendered(&query(&[], vec![])), "SELECT Id FROM Opportunity");
}

#[test]
fn conjuncts_are_joined_and_disjunctions_parenthesised() {
    let either = Condition::Any(vec![
        atom("a = 1"),
        Condition::All(vec![atom("b = 2"), atom("c = 3")]),
    ]);
    assert_eq!(
        rendered(&query(&[0], vec![either.clone()])),
        "SELECT Id FROM Opportunity WHERE a = 1 OR (b = 2 AND c = 3)"
    );
    let nested = Condition::All(vec![
        atom("d = 4"),
        Condition::All(vec![atom("e = 5"), atom("f = 6")]),
    ]);
    assert_eq!(
        rendered(&query(&[0], vec![either, nested])),
        "SELECT Id FROM Opportunity WHERE (a = 1 OR (b = 2 AND c = 3)) AND d = 4 AND e = 5 AND f = 6"
    );
    let inner = Condition::All(vec![Condition::Any(vec![atom("a = 1"), atom("b = 2")])]);
    assert_eq!(
        rendered(&query(&[0], vec![inner])),
        "SELECT Id FROM Opportunity WHERE a = 1 OR b = 2"
    );
}

#[test]
fn a_condition_that_never_holds_is_still_a_query() {
    let some = Condition::Any(vec![Condition::Never, atom("a = 1")]);
    assert_eq!(
        rendered(&query(&[0], vec![some])),
        "SELECT Id FROM Opportunity WHERE Id = null OR a = 1"
    );
    assert_eq!(
        rendered(&query(&[0], vec![Condition::Any(vec![])])),
        "SELECT Id FROM Opportunity WHERE Id = null"
    );
}

#[test]
fn nulls_are_always_placed_and_limits_come_last() {
    let mut query = query(&[0], vec![]);
    query.order = vec![
        Order {
            column: 2,
            descending: true,
            nulls_first: true,
        },
        Order {
            column: 0,
            descending: false,
            nulls_first: false,
        },
    ];
    query.limit = Some(5);
    assert_eq!(
        rendered(&query),
        "SELECT Id FROM Opportunity ORDER BY Amount DESC NULLS FIRST, Id ASC NULLS LAST LIMIT 5"
    );
}

#[test]
fn keys_are_one_more_conjunct_and_what_is_no_id_is_left_out() {
    let mut query = query(&[1], vec![atom("Amount > 1")]);
    let keys = ["0015e0000000AAA", "not an id", "' OR Id != '"];
    let values = keys
        .iter()
        .map(|key| Literal::Text((*key).to_owned()))
        .chain([long("0015e0000000BBB")]);
    query.keys = Some(KeySet::equal(3, values.collect()));
    let good = long_id("0015e0000000BBB").unwrap();
    assert_eq!(
        rendered(&query),
        format!("SELECT Name FROM Opportunity WHERE Amount > 1 AND AccountId = '{good}'")
    );
}

fn long(id: &str) -> Literal {
    Literal::Text(long_id(id).expect("an id"))
}

#[test]
fn text_keys_are_escaped() {
    let mut query = query(&[0], vec![]);
    query.keys = Some(KeySet::equal(
        1,
        vec![Literal::Text("O'Brien \\".into()), Literal::Text("x".into())],
    ));
    assert_eq!(
        rendered(&query),
        r"SELECT Id FROM Opportunity WHERE Name IN ('O\'Brien \\','x')"
    );
}

#[test]
fn a_name_that_is_none_is_refused() {
    let mut bad = (*table()).clone();
    bad.name.remote = "Opportunity WHERE".into();
    let query = RemoteQuery::new(Arc::new(bad), vec![0]);
    assert_eq!(dialect().render(&query).unwrap_err().kind, Kind::Malformed);
}

#[test]
fn a_statement_beyond_the_limit_is_refused_before_it_is_sent() {
    let query = query(
        &[0],
        vec![atom(&format!("Name = '{}'", "x".repeat(STATEMENT_CHARS)))],
    );
    let error = dialect().render(&query).unwrap_err();
    assert_eq!(error.kind, Kind::Malformed);
    assert!(error.message.contains("may have 100000"), "{}", error.message);
}

#[test]
fn request_bytes_are_those_of_the_encoded_line() {
    let query = query(&[0], vec![atom("Name = 'A+B & 100%'")]);
    let target = query_target("/services/data/v62.0", &rendered(&query));
    assert_eq!(
        target,
        "/services/data/v62.0/query?q=SELECT+Id+FROM+Opportunity+WHERE+Name+=+%27A%2BB+%26+100%25%27"
    );
    assert_eq!(dialect().request_bytes(&query).unwrap(), target.len());
}

#[test]
fn a_wide_query_leaves_room_for_keys_because_it_travels_in_a_body() {
    let wide = vec![atom(&format!("Name = '{}'", "x".repeat(LINE_BYTES)))];
    let mut query = query(&[0], wide);
    query.keys = Some(KeySet::equal(0, vec![long("0015e0000000BBB")]));
    let few = dialect().request_bytes(&query).unwrap();
    assert!(few < LINE_BYTES, "{few}");
    let many = (0..10_000)
        .map(|number| long(&format!("0015e00000{number:05}")))
        .collect();
    query.keys = Some(KeySet::equal(0, many));
    assert!(
        dialect().request_bytes(&query).unwrap() > LINE_BYTES,
        "more keys than a statement holds are split"
    );
}

#[test]
fn ids_are_known_by_their_check_characters() {
    assert_eq!(long_id("001D000000IqhSL").as_deref(), Some("001D000000IqhSLIAZ"));
    assert_eq!(
        long_id("001D000000IqhSLIAZ").as_deref(),
        Some("001D000000IqhSLIAZ")
    );
    for no_id in [
        "001d000000iqhsliaz",
        "001D000000IqhSLIAA",
        "001D000000IqhS",
        "001D000000IqhS'",
        "",
        "001D000000IqhSLé",
    ] {
        assert_eq!(long_id(no_id), None, "{no_id}");
    }
}

#[test]
fn numbers_are_plain_decimals_of_at_most_eighteen_digits() {
    for (number, text) in [
        (0.1, Some("0.1")),
        (1e10, Some("10000000000")),
        (-2.5, Some("-2.5")),
        (1e-7, Some("0.0000001")),
        (0.0, Some("0")),
    ] {
        assert_eq!(decimal(number).as_deref(), text);
    }
    for number in [1e18, 1e300, 1e-19, f64::NAN, f64::INFINITY, -0.0] {
        assert_eq!(decimal(number), None, "{number}");
    }
}

/// Reads a SOQL literal by the documented escapes, written without a look at the code under test.
fn unescape(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character == '\'' {
            return None;
        }
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(match characters.next()? {
            'n' | 'N' => '\n',
            'r' | 'R' => '\r',
            't' | 'T' => '\t',
            'b' | 'B' => '\u{8}',
            'f' | 'F' => '\u{c}',
            quoted @ ('"' | '\'' | '\\') => quoted,
            'u' | 'U' => {
                let digits: String = (0..4).filter_map(|_| characters.next()).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            _ => return None,
        });
    }
    Some(text)
}

proptest! {
    #[test]
    fn any_text_survives_as_a_literal(text in any::<String>()) {
        prop_assert_eq!(unescape(&quote(&text)), Some(text));
    }

    #[test]
    fn any_text_survives_as_a_query_parameter(text in any::<String>()) {
        let target = query_target("", &text);
        let decoded: Vec<(String, String)> =
            url::form_urlencoded::parse(target.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        prop_assert_eq!(decoded, vec![("q".to_owned(), text)]);
    }

    #[test]
    fn a_printed_number_reads_back_as_itself(number in any::<f64>()) {
        if let Some(text) = decimal(number) {
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
        }
    }

    #[test]
    fn outward_bounds_enclose_the_number(number in -1e16..1e16_f64) {
        let (below, above) = (outward(number, false).unwrap(), outward(number, true).unwrap());
        prop_assert!(below.parse::<f64>().unwrap() < number && number < above.parse::<f64>().unwrap());
        prop_assert!(below.bytes().chain(above.bytes()).all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte)));
    }
}
