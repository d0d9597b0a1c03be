//! Whatever is asked: the encoded query reads back as the conditions that went in, or as fewer of them, or is refused.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use causeway_core::{Operand, fuzz};
use proptest::collection::vec;
use proptest::sample::select;

use super::properties::any_text;
use super::reader::{Query, Test, read};
use super::*;
use crate::query::wire::Sort;

/// Groups that always fit into one query.
const FEW_GROUPS: usize = 16;

fn fail(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// What an atom must read back as.
fn wanted(atom: &Atom) -> Test {
    let operator = match &atom.operator {
        RemoteOp::Eq => "=",
        RemoteOp::NotEq => "!=",
        RemoteOp::Lt => "<",
        RemoteOp::LtEq => "<=",
        RemoteOp::Gt => ">",
        RemoteOp::GtEq => ">=",
        RemoteOp::In => "IN",
        RemoteOp::NotIn => "NOT IN",
        RemoteOp::StartsWith => "STARTSWITH",
        RemoteOp::EndsWith => "ENDSWITH",
        RemoteOp::Contains => "LIKE",
        RemoteOp::NotContains => "NOT LIKE",
        RemoteOp::IsNull => "ISEMPTY",
        RemoteOp::IsNotNull => "ISNOTEMPTY",
        RemoteOp::Like | RemoteOp::NotLike | RemoteOp::Other(_) => "an operator that can't be written",
    };
    let text = |constant: &Constant| match constant {
        Constant::Text(text) | Constant::Plain(text) => text.clone(),
    };
    Test {
        field: atom.field.clone(),
        operator,
        values: match &atom.operand {
            Operand::Value(constant) => vec![text(constant)],
            Operand::List(constants) => constants.iter().map(text).collect(),
            Operand::None | Operand::Displayed { .. } | Operand::Selection(_) => Vec::new(),
        },
    }
}

fn name() -> impl Strategy<Value = String> {
    let good = select(vec!["state", "caller_id.company", "u_x1", "sys_id"]).prop_map(str::to_owned);
    prop_oneof![12 => good, 1 => any_text(), 1 => "[a-z.=^A-Z]{0,6}"]
}

fn constant() -> impl Strategy<Value = Constant> {
    let harmless = prop_oneof!["[a-zA-Z0-9 ]{1,8}", "[=<>!a,]{0,3}"];
    prop_oneof![
        6 => harmless.prop_map(Constant::Text),
        2 => any_text().prop_map(Constant::Text),
        2 => any::<i64>().prop_map(Constant::plain),
        1 => any_text().prop_map(Constant::Plain),
    ]
}

/// An atom of any operator and operand, most of them fitting together.
fn any_atom() -> impl Strategy<Value = Atom> {
    use RemoteOp::{
        Contains, EndsWith, Eq, Gt, GtEq, In, IsNotNull, IsNull, Like, Lt, LtEq, NotContains, NotEq, NotIn,
        Other, StartsWith,
    };
    let single = select(vec![
        Eq,
        NotEq,
        Lt,
        LtEq,
        Gt,
        GtEq,
        StartsWith,
        EndsWith,
        Contains,
        NotContains,
    ]);
    let odd = select(vec![Eq, In, IsNull, Like, Other("SAMEAS".into())]);
    let value = || constant().prop_map(Operand::Value);
    let list = || vec(constant(), 0..4).prop_map(Operand::List);
    let how = prop_oneof![
        6 => (single, value()),
        3 => (select(vec![In, NotIn]), list()),
        2 => (select(vec![IsNull, IsNotNull]), Just(Operand::None)),
        1 => (odd, prop_oneof![value(), list(), Just(Operand::None)]),
    ];
    (name(), how).prop_map(|(field, (operator, operand))| Atom::new(field, operator, operand))
}

#[test]
fn an_atom_reads_back_as_it_went_in_or_is_refused() {
    fuzz::run(1, &any_atom(), |atom| {
        if let Ok(encoded) = EncodedQuery::all_of([atom.clone()]) {
            let text = encoded.unsorted(None);
            let query = read(&text).map_err(|error| fail(format!("{text:?}: {error}")))?;
            prop_assert_eq!(query.groups, vec![vec![vec![wanted(&atom)]]], "{}", text);
        }
        Ok(())
    });
}

/// An atom that can be written, of few different ones, so that they meet again.
fn atom() -> impl Strategy<Value = Atom> {
    let value = select(vec!["1", "New York", "x=y", "NQ", "ORDERBYz", "a<b", "OR"]);
    let one = (
        select(vec!["a", "b.c"]),
        select(vec![RemoteOp::Eq, RemoteOp::Lt]),
        value,
    )
        .prop_map(|(field, operator, value)| Atom::with(field, operator, Constant::text(value)));
    let list = vec(select(vec!["1", "2", "a b"]).prop_map(Constant::text), 1..3)
        .prop_map(|values| Atom::list("d", RemoteOp::In, values));
    prop_oneof![4 => one, 1 => list, 1 => Just(Atom::test("e", RemoteOp::IsNull))]
}

#[test]
fn chains_of_alternatives_read_back_in_order_with_key_and_sort() {
    let order = proptest::option::of(any::<bool>());
    let chains = vec(vec(atom(), 1..4), 0..5);
    fuzz::run(1, &(chains, order), |(chains, descending)| {
        let either = |chain: &Vec<Atom>| Condition::Any(chain.iter().cloned().map(Condition::Atom).collect());
        let conditions: Vec<Condition> = chains.iter().map(either).collect();
        let order = descending.map(|descending| Sort {
            field: "a".to_owned(),
            descending,
        });
        let encoded = EncodedQuery::of(&conditions).map_err(fail)?;
        let text = encoded.text(order.as_ref(), Some(ID));
        let mut group: Vec<Vec<Test>> = chains
            .iter()
            .map(|chain| chain.iter().map(wanted).collect())
            .collect();
        group.push(vec![wanted(&Atom::with(
            "sys_id",
            RemoteOp::Gt,
            Constant::text(ID),
        ))]);
        let sorts = descending.map(|descending| ("a".to_owned(), descending));
        let query = Query {
            groups: vec![group],
            sorts: sorts.into_iter().chain([("sys_id".to_owned(), false)]).collect(),
        };
        prop_assert_eq!(read(&text).map_err(fail)?, query, "{}", text);
        Ok(())
    });
}

/// Trees of conditions that can be written.
fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![9 => atom().prop_map(Condition::Atom), 1 => Just(Condition::Never)];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Condition::All),
            vec(inner, 0..4).prop_map(Condition::Any),
        ]
    })
}

fn holds(condition: &Condition, test: &impl Fn(&Test) -> bool) -> bool {
    match condition {
        Condition::Atom(atom) => test(&wanted(atom)),
        Condition::All(parts) => parts.iter().all(|part| holds(part, test)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, test)),
        Condition::Never => false,
    }
}

/// Most groups that the condition takes when everything in it is multiplied out.
fn groups(condition: &Condition) -> usize {
    match condition {
        Condition::Atom(_) => 1,
        Condition::All(parts) => parts.iter().map(groups).fold(1, usize::saturating_mul),
        Condition::Any(parts) => parts.iter().map(groups).fold(0, usize::saturating_add),
        Condition::Never => 0,
    }
}

/// Most groups at any place of the tree: what is nowhere too many is never left out.
fn widest(condition: &Condition) -> usize {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            let inner = parts.iter().map(widest).max().unwrap_or_default();
            inner.max(groups(condition))
        }
        Condition::Atom(_) | Condition::Never => groups(condition),
    }
}

/// Checks the text over rows of which each test holds or not by the flip of a coin.
fn check_meaning(conditions: &[Condition], text: &str) -> Result<(), TestCaseError> {
    let query = read(text).map_err(|error| fail(format!("{text:?}: {error}")))?;
    let all = Condition::All(conditions.to_vec());
    let is_whole = widest(&all) <= FEW_GROUPS && groups(&all) > 0;
    let atoms: Vec<Test> = all.atoms().into_iter().map(wanted).collect();
    for test in query.groups.iter().flatten().flatten() {
        prop_assert!(atoms.contains(test), "{test:?} was not asked for: {text}");
    }
    for row in 0..64_u64 {
        let coin = |test: &Test| {
            let mut hasher = DefaultHasher::new();
            (row, test).hash(&mut hasher);
            hasher.finish().is_multiple_of(2)
        };
        let (asked, kept) = (holds(&all, &coin), query.holds(coin));
        prop_assert!(kept || !asked, "loses a row: {text}");
        prop_assert!(!is_whole || kept == asked, "keeps a row too many: {text}");
    }
    Ok(())
}

#[test]
fn a_tree_reads_back_as_what_keeps_the_same_rows() {
    fuzz::run(1, &vec(condition(), 0..4), |conditions| {
        let encoded = EncodedQuery::of(&conditions).map_err(fail)?;
        check_meaning(&conditions, &encoded.unsorted(None))
    });
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        4 => any_text().prop_map(Literal::Text),
        2 => "[a-zA-Z=<%_ ]{1,6}".prop_map(Literal::Text),
        2 => any::<i16>().prop_map(|number| Literal::Int(number.into())),
        1 => any::<i64>().prop_map(Literal::Int),
        1 => any::<f64>().prop_map(Literal::Float),
        1 => any::<i64>().prop_map(Literal::Timestamp),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate> {
    let ops = vec![
        Op::Eq,
        Op::NotEq,
        Op::Lt,
        Op::GtEq,
        Op::In,
        Op::NotIn,
        Op::Like,
        Op::ILike,
        Op::IsNull,
        Op::IsNotNull,
    ];
    let comparison = (0..3_usize, select(ops), vec(literal(), 1..4)).prop_map(|(column, op, mut values)| {
        match op {
            Op::IsNull | Op::IsNotNull => values.clear(),
            Op::In | Op::NotIn => {}
            _ => values.truncate(1),
        }
        is(column, op, &values)
    });
    comparison.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Predicate::All),
            vec(inner, 1..4).prop_map(Predicate::Any),
        ]
    })
}

#[test]
fn what_the_dialect_makes_of_a_predicate_can_be_written_and_keeps_the_same_rows() {
    fuzz::run(1, &predicate(), |predicate| {
        let Ok(pushed) = translate(&ServiceNowDialect::default(), &table(), &predicate) else {
            return Ok(());
        };
        let encoded = EncodedQuery::of([&pushed.condition]).map_err(fail)?;
        check_meaning(&[pushed.condition], &encoded.unsorted(None))
    });
}
