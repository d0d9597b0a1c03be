use std::sync::Arc;

use causeway_core::{
    Atom, Column, ColumnType, Constant, Fidelity, KeySet, Literal, Order, Pushed, RemoteOp, Table, TableName,
};
use proptest::prelude::*;

use super::*;
use crate::query::dialect::SalesforceDialect;
use crate::query::literal::long_id;

pub(super) fn table() -> Arc<Table> {
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
        key: vec![0],
        domain: None,
        url_template: "https://acme.my.salesforce.com/{key}".into(),
        required_filter: None,
    })
}

pub(super) fn dialect() -> SalesforceDialect {
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

/// A condition such as `a = 1` or `a = 'b'`.
fn atom(text: &str) -> Condition {
    let mut parts = text.splitn(3, ' ');
    let mut part = || parts.next().expect("field, operator, constant");
    let (field, word, constant) = (part(), part(), part());
    let operator = match word {
        "=" => RemoteOp::Eq,
        ">" => RemoteOp::Gt,
        other => panic!("no operator of these tests: {other}"),
    };
    let constant = match constant
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
    {
        Some(text) => Constant::text(text),
        None => Constant::plain(constant),
    };
    Atom::with(field, operator, constant).into()
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

proptest! {
    #[test]
    fn any_text_survives_as_a_query_parameter(text in any::<String>()) {
        let target = query_target("", &text);
        let decoded: Vec<(String, String)> =
            url::form_urlencoded::parse(target.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        prop_assert_eq!(decoded, vec![("q".to_owned(), text)]);
    }
}
