//! Which predicates are tried.
//!
//! Owns: the literals: values of a column, values beside them, the edges of its type. Does not own: the comparison; see `suite`.

use std::collections::HashSet;

use crate::{Column, ColumnType, Comparison, Decimal, Literal, Op};

const COMPARED: [Op; 6] = [Op::Eq, Op::NotEq, Op::Lt, Op::LtEq, Op::Gt, Op::GtEq];
const MATCHED: [Op; 4] = [Op::Like, Op::NotLike, Op::ILike, Op::NotILike];

/// Every operator over the column with `samples` of its values and what is near them, and with the edges of its type.
pub(super) fn comparisons(
    position: usize,
    column: &Column,
    cells: &[Option<Literal>],
    samples: usize,
) -> Vec<Comparison> {
    let present = spread(cells, samples);
    let mut constants: Vec<Literal> = Vec::new();
    for value in &present {
        constants.push(value.clone());
        constants.extend(beside(value));
    }
    constants.extend(edges(column.ty));
    let constants = distinct(constants);
    let mut found: Vec<(Op, Vec<Literal>)> = vec![(Op::IsNull, vec![]), (Op::IsNotNull, vec![])];
    for constant in &constants {
        found.extend(COMPARED.map(|op| (op, vec![constant.clone()])));
    }
    if column.ty == ColumnType::Text {
        let mut patterns: Vec<String> = present.iter().flat_map(patterns_of).collect();
        patterns.extend(PATTERNS.iter().map(|pattern| (*pattern).to_owned()));
        for pattern in distinct(patterns.into_iter().map(Literal::Text).collect()) {
            found.extend(MATCHED.map(|op| (op, vec![pattern.clone()])));
        }
    }
    for list in lists(&present, &constants) {
        found.extend([Op::In, Op::NotIn].map(|op| (op, list.clone())));
    }
    found
        .into_iter()
        .map(|(op, values)| Comparison {
            column: position,
            op,
            values,
        })
        .collect()
}

fn distinct(mut values: Vec<Literal>) -> Vec<Literal> {
    // By their text, since 0 equals -0 and NaN does not equal itself.
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(format!("{value:?}")));
    values
}

/// At most `samples` of the distinct values of a column, from all over it.
fn spread(cells: &[Option<Literal>], samples: usize) -> Vec<Literal> {
    let all: Vec<Literal> = cells.iter().flatten().cloned().collect();
    let step = all.len().div_ceil(samples.max(1)).max(1);
    all.into_iter().step_by(step).collect()
}

/// Lists of one, two, several with repeats, and many; and each edge beside a value that is there.
fn lists(present: &[Literal], constants: &[Literal]) -> Vec<Vec<Literal>> {
    let mut found: Vec<Vec<Literal>> = vec![constants.iter().take(1).cloned().collect()];
    found.push(present.iter().take(2).cloned().collect());
    found.push([present, present].concat());
    found.push(constants.to_vec());
    for edge in constants.iter().rev().take(24) {
        found.push(present.iter().take(1).chain([edge]).cloned().collect());
    }
    found.retain(|list| !list.is_empty());
    found
}

/// Values next to `value`.
fn beside(value: &Literal) -> Vec<Literal> {
    match value {
        Literal::Boolean(flag) => vec![Literal::Boolean(!flag)],
        Literal::Int(number) => [number.checked_sub(1), number.checked_add(1)]
            .into_iter()
            .flatten()
            .map(Literal::Int)
            .collect(),
        Literal::Float(number) => [number.next_down(), number.next_up(), number + 0.005, -number]
            .map(Literal::Float)
            .to_vec(),
        Literal::Decimal(number) => {
            let (value, scale) = number.parts();
            let beside = [value - 1, value + 1, -value].into_iter();
            beside
                .filter_map(|value| Decimal::new(value, scale).map(Literal::Decimal))
                .collect()
        }
        Literal::Date(days) => vec![Literal::Date(days - 1), Literal::Date(days + 1)],
        Literal::Timestamp(micros) => [-1_000_000, -1, 1, 250_000, 1_000_000]
            .map(|by| Literal::Timestamp(micros + by))
            .to_vec(),
        Literal::Time(micros) => [-1, 1, 1_000, 1_000_000]
            .map(|by| Literal::Time(micros + by))
            .to_vec(),
        Literal::Text(text) => texts_beside(text).into_iter().map(Literal::Text).collect(),
    }
}

fn texts_beside(text: &str) -> Vec<String> {
    let mut found = vec![
        text.to_uppercase(),
        text.to_lowercase(),
        text.replace('i', "\u{130}").replace('I', "\u{131}"),
        text.replace('é', "e"),
        format!("{text} "),
        format!(" {text}"),
        text.trim_end().to_owned(),
        format!("{text}x"),
    ];
    // Short forms of record ids, and an id whose case is wrong.
    found.extend(text.get(..15).map(str::to_owned));
    // The members of a set in another order.
    let members: Vec<&str> = text.split(';').rev().collect();
    found.push(members.join(";"));
    found.extend(members.first().map(|member| (*member).to_owned()));
    found
}

/// The edges of a type.
fn edges(ty: ColumnType) -> Vec<Literal> {
    const DAY: i64 = 86_400_000_000;
    match ty {
        ColumnType::Boolean => [true, false].map(Literal::Boolean).to_vec(),
        ColumnType::Int64 => WHOLE.iter().copied().map(Literal::Int).collect(),
        ColumnType::Float64 => {
            let floats = FLOATS.iter().copied().map(Literal::Float);
            floats
                .chain([Literal::Int(300), Literal::Int(i64::MAX)])
                .collect()
        }
        ColumnType::Decimal { .. } => [
            "0",
            "-1",
            "0.01",
            "0.005",
            "99999999999999999999.99",
            "-99999999999999999999.99",
            "1e20",
        ]
        .iter()
        .filter_map(|text| Decimal::parse(text))
        .map(Literal::Decimal)
        .collect(),
        ColumnType::Text => TEXTS
            .iter()
            .map(|text| Literal::Text((*text).to_owned()))
            .chain([Literal::Text("x".repeat(4_100))])
            .collect(),
        ColumnType::Date => DAYS.iter().copied().map(Literal::Date).collect(),
        ColumnType::Timestamp => DAYS
            .iter()
            .flat_map(|days| [i64::from(*days) * DAY, i64::from(*days) * DAY - 1])
            .chain([i64::MIN, i64::MAX, 0, 500_000, -500_000])
            .map(Literal::Timestamp)
            .collect(),
        ColumnType::Time => [
            0,
            1,
            999,
            43_200_000_000,
            86_399_999_000,
            86_399_999_999,
            86_400_000_000,
        ]
        .map(Literal::Time)
        .to_vec(),
    }
}

const WHOLE: &[i64] = &[
    0,
    1,
    -1,
    2_147_483_647,
    2_147_483_648,
    -2_147_483_648,
    -2_147_483_649,
    9_007_199_254_740_991,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    i64::MIN,
    i64::MAX,
];

const FLOATS: &[f64] = &[
    0.0,
    -0.0,
    0.1,
    0.300_000_000_000_000_04,
    0.01,
    -0.99,
    1e-7,
    1e-20,
    123_456_789.123_456_79,
    9_007_199_254_740_991.0,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    999_999_999_999_999.9,
    1e15,
    1e17,
    1e18,
    -1e18,
    1e300,
    f64::MAX,
    f64::MIN_POSITIVE,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// The days around the first and last years that a system accepts: 1, 1000, 1700, 1970, 4000, 9999, and beyond.
const DAYS: &[i32] = &[
    -719_162, -354_286, -354_285, -98_616, -98_615, -98_614, -1, 0, 1, 741_441, 741_806, 741_807, 741_808,
    742_172, 2_932_896, 2_932_897, 50_000_000,
];

const TEXTS: &[&str] = &[
    "",
    " ",
    "  ",
    "%",
    "_",
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "^",
    "a^b",
    "x^ORsys_idISNOTEMPTY",
    ",",
    "a,b",
    ";",
    ";;",
    "A;B",
    "B;A",
    "a;b",
    "A;;B",
    "A; B",
    "javascript:gs.getUserID()",
    " JavaScript:gs.getUserID()",
    "NULL",
    "null",
    "=1",
    "!=1",
    "two\nlines",
    "\t",
    "\u{0}",
    "\u{2028}",
    "🚀",
    "é",
    "e\u{301}",
    "i",
    "I",
    "\u{130}",
    "\u{131}",
    "\u{17f}",
    "\u{212a}",
    "ß",
    "SS",
    "true",
    "0",
    "no id",
    "000000000000000",
    "000000000000000AAA",
    "' OR Id != '",
    "a00000000000000aaa",
    "ffffffffffffffffffffffffffffffff",
];

const PATTERNS: &[&str] = &[
    "",
    "%",
    "%%",
    "_",
    "_%",
    "%_%",
    "%\\",
    "\\",
    "\\\\",
    "%\\\\%",
    "%\\%%",
    "%\\_%",
    "%^%",
    "%,%",
    "javascript:%",
    "% ",
    "% %",
    " %",
    "%\n%",
    "%🚀%",
    "%é%",
    "%e\u{301}%",
    "%i%",
    "%I%",
    "%k%",
    "%s",
    "service",
    "SERVICE",
    "serv%",
    "SERV_CE",
    "%e",
    "%\u{130}%",
    "%\u{131}%",
    "null%",
    "=%",
    "%ss%",
];

/// Patterns that begin, end or contain what a value does, in its own letter case and in others.
fn patterns_of(value: &Literal) -> Vec<String> {
    let Literal::Text(text) = value else {
        return Vec::new();
    };
    let characters: Vec<char> = text.chars().take(60).collect();
    let middle = characters.len() / 2;
    let (head, tail) = characters.split_at_checked(middle).unwrap_or_default();
    let (head, tail) = (escaped(head), escaped(tail));
    let whole = escaped(&characters);
    let without_first = escaped(characters.get(1..).unwrap_or_default());
    let without_last = escaped(characters.split_last().map_or(&[], |(_, rest)| rest));
    vec![
        format!("{head}%"),
        format!("%{tail}"),
        format!("%{tail}%"),
        format!("{head}%{tail}"),
        format!("{head}_{tail}"),
        format!("_{without_first}"),
        format!("{without_last}_"),
        format!("{whole} %"),
        format!("{}%", head.to_uppercase()),
        format!("%{}", tail.to_lowercase()),
        whole.to_uppercase(),
        whole.to_lowercase(),
        whole,
    ]
}

fn escaped(characters: &[char]) -> String {
    let mut found = String::new();
    for character in characters {
        if matches!(character, '%' | '_' | '\\') {
            found.push('\\');
        }
        found.push(*character);
    }
    found
}
