//! Whatever is asked: the SOQL reads back as the query that went in, or nothing is written.

mod reader;

use std::sync::Arc;

use causeway_core::{
    Atom, Comparison, Constant, Fidelity, Literal, Operand, Order, Predicate, Pushed, RemoteOp, Selection,
    TableName, fuzz, translate,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use reader::{Statement, Test, Tree, Value, is_field, read};

pub(in crate::query) use reader::unescape;

use super::tests::{dialect, table};
use super::*;
use crate::query::condition::INCLUDES;

/// What a test of null is written as, which is what a condition without any alternative says of the key.
fn null(field: &str, operator: &str) -> Tree {
    Tree::Is(Test {
        field: field.to_owned(),
        operator: operator.to_owned(),
        value: Value::Plain("null".to_owned()),
    })
}

/// What a condition must read back as; `None` where SOQL can't say it.
fn wanted(condition: &Condition) -> Option<Tree> {
    match condition {
        Condition::Atom(atom) => wanted_test(atom),
        Condition::Never => Some(null("Id", "=")),
        Condition::Any(parts) if parts.is_empty() => Some(null("Id", "=")),
        Condition::All(parts) => Some(Tree::All(parts.iter().map(wanted).collect::<Option<_>>()?)),
        Condition::Any(parts) => Some(Tree::Any(parts.iter().map(wanted).collect::<Option<_>>()?)),
    }
}

fn wanted_filter<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> Option<Vec<Tree>> {
    let parts = conditions.into_iter().map(wanted).collect::<Option<Vec<_>>>()?;
    Some(if parts.is_empty() {
        parts
    } else {
        Tree::All(parts).conjuncts()
    })
}

fn wanted_test(atom: &Atom) -> Option<Tree> {
    let operator = match &atom.operator {
        RemoteOp::IsNull => return is_field(&atom.field).then(|| null(&atom.field, "=")),
        RemoteOp::IsNotNull => return is_field(&atom.field).then(|| null(&atom.field, "!=")),
        RemoteOp::Eq => "=",
        RemoteOp::NotEq => "!=",
        RemoteOp::Lt => "<",
        RemoteOp::LtEq => "<=",
        RemoteOp::Gt => ">",
        RemoteOp::GtEq => ">=",
        RemoteOp::In => "IN",
        RemoteOp::NotIn => "NOT IN",
        RemoteOp::Like => "LIKE",
        RemoteOp::NotLike => "NOT LIKE",
        RemoteOp::Other(word) if word == INCLUDES => INCLUDES,
        _ => return None,
    };
    let value = match (operator, &atom.operand) {
        ("LIKE" | "NOT LIKE", Operand::Value(Constant::Text(pattern))) => wanted_pattern(pattern)?,
        ("LIKE" | "NOT LIKE", _) => return None,
        ("IN" | "NOT IN", Operand::Selection(selection)) => wanted_selection(selection)?,
        ("IN" | "NOT IN" | INCLUDES, Operand::List(constants)) if !constants.is_empty() => {
            Value::List(constants.iter().map(wanted_constant).collect::<Option<_>>()?)
        }
        ("IN" | "NOT IN" | INCLUDES, _) => return None,
        (_, Operand::Value(constant)) => wanted_constant(constant)?,
        _ => return None,
    };
    let test = Test {
        field: atom.field.clone(),
        operator: operator.to_owned(),
        value,
    };
    is_field(&atom.field).then_some(Tree::Is(test))
}

fn wanted_constant(constant: &Constant) -> Option<Value> {
    match constant {
        Constant::Text(text) => Some(Value::Text(text.clone())),
        Constant::Plain(plain) => {
            let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "-:.".contains(letter);
            (!plain.is_empty() && plain.chars().all(is_safe)).then(|| Value::Plain(plain.clone()))
        }
    }
}

/// A backslash may stand before a wildcard only.
fn wanted_pattern(pattern: &str) -> Option<Value> {
    let others = pattern.replace(r"\%", "").replace(r"\_", "");
    (!others.contains('\\')).then(|| Value::Pattern(pattern.to_owned()))
}

fn wanted_selection(selection: &Selection) -> Option<Value> {
    let (field, object) = (&selection.field, &selection.table.remote);
    let statement = Statement {
        selected: vec![field.clone()],
        object: object.clone(),
        filter: wanted_filter(&selection.conditions)?,
        ..Statement::default()
    };
    (is_field(field) && is_field(object)).then(|| Value::Query(Box::new(statement)))
}

/// Texts, often with the pieces that could end a literal.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9 ]{0,6}",
        select(vec![
            "'",
            "\\",
            "\\'",
            "\"",
            "\n",
            "\r\n",
            "\u{0}",
            "\u{85}",
            "%",
            "_",
            "\\%",
            "(",
            ")",
            " OR Id != '",
            "😀",
            "\u{2028}",
        ])
        .prop_map(str::to_owned),
    ];
    vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

/// Names, most of them good. Words of the grammar are no names.
fn name() -> impl Strategy<Value = String> {
    let good = select(vec!["Id", "Name", "Account.Owner.Name", "Custom__c", "a1"]).prop_map(str::to_owned);
    let other = prop_oneof![text(), "[A-Za-z_.= ]{0,8}"];
    prop_oneof![8 => good, 1 => other].prop_filter("a word of the grammar", |name| {
        !["NOT", "SELECT", "FROM", "AND", "OR", "IN"].contains(&name.as_str())
    })
}

fn constant() -> impl Strategy<Value = Constant> {
    prop_oneof![
        4 => text().prop_map(Constant::Text),
        2 => any::<i64>().prop_map(Constant::plain),
        2 => any::<f64>().prop_map(Constant::plain),
        2 => select(vec!["TRUE", "2024-01-02", "2024-01-02T03:04:05Z", "10:00:00.000Z"]).prop_map(Constant::plain),
        1 => text().prop_map(Constant::Plain),
    ]
}

fn operator() -> impl Strategy<Value = RemoteOp> {
    use RemoteOp::{
        Contains, Eq, Gt, GtEq, In, IsNotNull, IsNull, Like, Lt, LtEq, NotEq, NotIn, NotLike, Other,
        StartsWith,
    };
    prop_oneof![
        12 => select(vec![Eq, NotEq, Lt, LtEq, Gt, GtEq, In, NotIn, Like, NotLike, IsNull, IsNotNull, Other(INCLUDES.into())]),
        1 => select(vec![StartsWith, Contains]),
        1 => text().prop_map(|word| Other(word.into())),
    ]
}

/// An atom, most of them of an operand that the operator takes. Selections hold `inner` conditions.
fn atom(inner: BoxedStrategy<Condition>) -> impl Strategy<Value = Condition> {
    let selection = (name(), name(), vec(inner, 0..3)).prop_map(|(remote, field, conditions)| Selection {
        table: TableName {
            name: remote.to_lowercase(),
            remote,
            label: String::new(),
        },
        field,
        conditions,
    });
    let operand = prop_oneof![
        1 => Just(Operand::None),
        6 => constant().prop_map(Operand::Value),
        4 => vec(constant(), 0..4).prop_map(Operand::List),
        2 => selection.prop_map(Operand::Selection),
    ];
    (name(), operator(), operand)
        .prop_map(|(field, operator, operand)| Atom::new(field, operator, operand).into())
}

/// Trees of conditions. An AND of nothing is said by leaving it out, so there is none.
fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![8 => atom(Just(Condition::Never).boxed()), 1 => Just(Condition::Never)];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let inner = inner.boxed();
        prop_oneof![
            atom(inner.clone()),
            vec(inner.clone(), 1..4).prop_map(Condition::All),
            vec(inner, 0..4).prop_map(Condition::Any),
        ]
    })
}

#[test]
fn a_condition_reads_back_as_it_went_in_or_is_refused() {
    fuzz::run(1, &vec(condition(), 0..4), |conditions| {
        let written = where_clause(&conditions);
        let filter = written
            .as_ref()
            .ok()
            .map(|text| read(&format!("SELECT Id FROM Account{text}")));
        let filter = filter
            .transpose()
            .map_err(|error| TestCaseError::fail(format!("{written:?}: {error}")))?;
        prop_assert_eq!(
            filter.map(|read| read.filter),
            wanted_filter(&conditions),
            "{:?}",
            written
        );
        Ok(())
    });
}

const COLUMNS: std::ops::Range<usize> = 0..5;

fn grouping() -> impl Strategy<Value = Grouping> {
    use AggregateFunction::{Count, CountDistinct, Max, Min, Sum};
    let aggregate = (
        select(vec![Count, CountDistinct, Sum, Min, Max]),
        option::of(COLUMNS),
    )
        .prop_map(|(function, column)| Aggregate { function, column });
    let op = select(vec![Op::Eq, Op::NotEq, Op::Lt, Op::LtEq, Op::Gt, Op::GtEq]);
    let having = (op, any::<i64>()).prop_map(|(op, value)| causeway_core::Having {
        aggregate: 0,
        op,
        value,
    });
    (vec(COLUMNS, 0..3), vec(aggregate, 1..3), vec(having, 0..3)).prop_map(|(keys, aggregates, having)| {
        Grouping {
            keys,
            aggregates,
            having,
        }
    })
}

fn query() -> impl Strategy<Value = RemoteQuery> {
    let order = (COLUMNS, any::<bool>(), any::<bool>()).prop_map(|(column, descending, nulls_first)| Order {
        column,
        descending,
        nulls_first,
    });
    let pushed = condition().prop_map(|condition| Pushed {
        derived: false,
        condition,
        fidelity: Fidelity::Exact,
        reason: String::new(),
    });
    let parts = (
        vec(COLUMNS, 0..5),
        vec(pushed, 0..3),
        option::of(grouping()),
        vec(order, 0..3),
    );
    (parts, option::of(any::<u64>())).prop_map(|((columns, filters, grouping, order), limit)| RemoteQuery {
        filters,
        grouping,
        order,
        // More is nobody's.
        limit: limit.map(|limit| limit >> 1),
        ..RemoteQuery::new(table(), columns)
    })
}

/// What the whole query must read back as, field names as the table has them.
fn wanted_statement(query: &RemoteQuery) -> Option<Statement> {
    let field = |at: usize| ["Id", "Name", "Amount", "AccountId", "Id"][at].to_owned();
    let call = |aggregate: &Aggregate| {
        let argument = aggregate.column.map_or("Id".to_owned(), field);
        let name = match aggregate.function {
            AggregateFunction::Count => "COUNT",
            AggregateFunction::CountDistinct => "COUNT_DISTINCT",
            AggregateFunction::Sum => "SUM",
            AggregateFunction::Min => "MIN",
            AggregateFunction::Max => "MAX",
        };
        format!("{name}({argument})")
    };
    let mut statement = Statement {
        object: "Opportunity".to_owned(),
        filter: wanted_filter(query.filters.iter().map(|filter| &filter.condition))?,
        limit: query.limit,
        ..Statement::default()
    };
    match &query.grouping {
        None => {
            for name in query.columns.iter().map(|&at| field(at)) {
                if !statement.selected.contains(&name) {
                    statement.selected.push(name);
                }
            }
            if statement.selected.is_empty() {
                statement.selected.push(field(0));
            }
        }
        Some(grouping) => {
            let (keys, calls) = (grouping.keys.iter(), grouping.aggregates.iter());
            let keys = keys.enumerate().map(|(at, &key)| format!("{} k{at}", field(key)));
            let calls = calls
                .enumerate()
                .map(|(at, aggregate)| format!("{} a{at}", call(aggregate)));
            statement.selected = keys.chain(calls).collect();
            statement.groups = grouping.keys.iter().map(|&key| field(key)).collect();
            let having = grouping.having.iter().map(|having| {
                let op = having.op.sql().replace("<>", "!=");
                format!(
                    "{} {op} {}",
                    call(&grouping.aggregates[having.aggregate]),
                    having.value
                )
            });
            statement.having = having.collect();
        }
    }
    let order = query.order.iter().map(|order| {
        let direction = if order.descending { "DESC" } else { "ASC" };
        let nulls = if order.nulls_first { "FIRST" } else { "LAST" };
        format!("{} {direction} {nulls}", field(order.column))
    });
    statement.order = order.collect();
    Some(statement)
}

#[test]
fn a_whole_query_reads_back_as_it_went_in_or_is_refused() {
    fuzz::run(1, &query(), |query| {
        let written = write(&dialect(), &query).ok();
        let statement = written.as_deref().map(read).transpose();
        let statement = statement.map_err(|error| TestCaseError::fail(format!("{written:?}: {error}")))?;
        prop_assert_eq!(statement, wanted_statement(&query), "{:?}", written);
        Ok(())
    });
}

/// Comparisons of columns with constants of any kind, joined as they come.
fn predicate() -> impl Strategy<Value = Predicate> {
    let literal = prop_oneof![
        4 => text().prop_map(Literal::Text),
        1 => "[a-zA-Z0-9]{15}".prop_map(Literal::Text),
        1 => any::<i64>().prop_map(Literal::Int),
        1 => any::<f64>().prop_map(Literal::Float),
        1 => any::<i32>().prop_map(Literal::Date),
        1 => any::<i64>().prop_map(Literal::Timestamp),
    ];
    let ops = vec![
        Op::Eq,
        Op::NotEq,
        Op::Lt,
        Op::LtEq,
        Op::Gt,
        Op::GtEq,
        Op::In,
        Op::NotIn,
        Op::Like,
        Op::NotLike,
        Op::ILike,
        Op::NotILike,
        Op::IsNull,
        Op::IsNotNull,
    ];
    let comparison = (COLUMNS, select(ops), vec(literal, 1..4)).prop_map(|(column, op, mut values)| {
        match op {
            Op::IsNull | Op::IsNotNull => values.clear(),
            Op::In | Op::NotIn => {}
            _ => values.truncate(1),
        }
        Predicate::Is(Comparison { column, op, values })
    });
    comparison.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Predicate::All),
            vec(inner, 1..4).prop_map(Predicate::Any),
        ]
    })
}

#[test]
fn what_the_dialect_makes_of_a_predicate_can_be_written_and_reads_back() {
    let table: Arc<_> = table();
    fuzz::run(1, &predicate(), |predicate| {
        let Ok(pushed) = translate(&dialect(), &table, &predicate) else {
            return Ok(());
        };
        let query = RemoteQuery {
            filters: vec![pushed],
            ..RemoteQuery::new(Arc::clone(&table), vec![0])
        };
        let written = write(&dialect(), &query).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let statement = read(&written).map_err(|error| TestCaseError::fail(format!("{written}: {error}")))?;
        prop_assert_eq!(Some(statement), wanted_statement(&query), "{}", written);
        Ok(())
    });
}
