//! Seeded random conditions, typed, over every form that lowering knows, and the edge values that they turn on.

use causeway_core::{ColumnType, Decimal, Literal};
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::ScalarValue;

use super::fixture::table;
use crate::scan::lower::scalar;

/// xorshift64*, enough to pick with.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).expect("31 bits") % bound
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const INTS: &[i64] = &[
    i64::MIN,
    i64::MIN + 1,
    -9_007_199_254_740_993,
    -6,
    -5,
    -1,
    0,
    1,
    2,
    4,
    5,
    6,
    9_007_199_254_740_991,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    9_007_199_254_740_995,
    i64::MAX - 1,
    i64::MAX,
];
const FLOATS: &[f64] = &[
    -1e300,
    -5.5,
    -5.0,
    -0.1,
    0.0,
    5e-324,
    0.1,
    0.100_000_000_000_000_02,
    0.5,
    1.0,
    5.0,
    5.000_000_000_000_001,
    5.5,
    9_007_199_254_740_992.0,
    1e22,
];
const TEXTS: &[&str] = &[
    "", "a", "A", "ab", "AB", "Ab", "abc", "ABC", "xab", "a%b", "a_b", "a\\b", "ax\nb", "é", "É", "aé", "İ",
    "i", "I", "ı", "\u{212a}", "k", "ß", "SS", "ss", "ſ", "ﬁ", "fi", "FI", " a ", "ab ", "日本", "5",
];
/// Around 1970, a leap day, the ends of years, quarters and weeks; within the years that nanoseconds reach.
const DAYS: &[i32] = &[
    -25_567, -366, -365, -2, -1, 0, 1, 3, 4, 10_956, 10_957, 19_722, 19_723, 19_724, 19_781, 19_782, 19_783,
    19_813, 19_814, 20_088, 20_089, // Days on which clocks change in America.
    17_579, 17_580, 17_839, 17_840, 19_792, 19_793, 20_030, 20_031,
];
const DAY_TEXTS: &[&str] = &[
    "1900-01-01",
    "1969-12-31",
    "1970-01-01",
    "1970-01-05",
    "2000-01-01",
    "2023-12-31",
    "2024-01-01",
    "2024-02-29",
    "2024-03-01",
    "2024-04-01",
    "2024-12-31",
    "2025-01-01",
    "2018-02-17",
    "2018-02-18",
    "2018-11-04",
    "2024-03-10",
    "2024-11-03",
];
const TIMES: &[i64] = &[
    0,
    1,
    35_999_999_999,
    36_000_000_000,
    36_000_000_001,
    36_000_123_456,
    86_399_999_999,
];

/// A value that a column of this type may hold.
fn value(dice: &mut Dice, ty: ColumnType) -> Literal {
    match ty {
        ColumnType::Boolean => Literal::Boolean(dice.below(2) == 0),
        ColumnType::Int64 => Literal::Int(INTS[dice.below(INTS.len())]),
        ColumnType::Float64 => Literal::Float(FLOATS[dice.below(FLOATS.len())]),
        ColumnType::Decimal { scale } => {
            let number = Decimal::new(i128::from(INTS[dice.below(INTS.len())]), scale);
            Literal::Decimal(number.expect("few digits"))
        }
        ColumnType::Text => Literal::Text(TEXTS[dice.below(TEXTS.len())].to_owned()),
        ColumnType::Date => Literal::Date(DAYS[dice.below(DAYS.len())]),
        ColumnType::Timestamp => {
            let day = i64::from(DAYS[dice.below(DAYS.len())]) * 86_400_000_000;
            let offsets = [0, 0, 1, -1, 500_000, 999_999, 43_200_000_000, -3_600_000_000];
            // Between one and eight o'clock fall the midnights of America, and its changes of clocks.
            let hours = [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].map(|hour| hour * 3_600_000_000);
            let offset = offsets[dice.below(offsets.len())] + hours[dice.below(hours.len())];
            Literal::Timestamp(day + offset)
        }
        ColumnType::Time => Literal::Time(TIMES[dice.below(TIMES.len())]),
    }
}

/// Rows of every column but the link; about one value in eight is NULL.
pub(super) fn rows(dice: &mut Dice, count: usize) -> Vec<Vec<Option<Literal>>> {
    let table = table();
    let row = |dice: &mut Dice| {
        let columns = table.columns.iter().enumerate();
        columns
            .map(|(at, column)| {
                (table.key.contains(&at) || dice.below(8) > 0).then(|| value(dice, column.ty))
            })
            .collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = (0..count).map(|_| row(dice)).collect();
    for row in &mut rows {
        let Some(Literal::Text(key)) = &row[table.key[0]] else {
            panic!("the key is a text");
        };
        *row.last_mut().expect("the link") = Some(Literal::Text(table.url_template.replace("{key}", key)));
    }
    rows
}

pub(super) fn batch(rows: &[Vec<Option<Literal>>]) -> RecordBatch {
    let table = table();
    let columns = table.columns.iter().enumerate().map(|(at, column)| {
        let null = ScalarValue::try_from(&column.ty.arrow()).expect("a null of the type");
        let values = rows
            .iter()
            .map(|row| row[at].as_ref().map_or_else(|| null.clone(), scalar));
        ScalarValue::iter_to_array(values).expect("values of one type")
    });
    RecordBatch::try_new(table.schema(), columns.collect::<Vec<ArrayRef>>()).expect("the schema fits")
}

/// A condition of one to three leaves.
pub(super) fn condition(dice: &mut Dice) -> String {
    match dice.below(8) {
        0 => format!("({}) AND ({})", leaf(dice), leaf(dice)),
        1 => format!("({}) OR ({})", leaf(dice), leaf(dice)),
        2 => format!("NOT (({}) AND ({}))", leaf(dice), leaf(dice)),
        3 => format!("NOT ({})", leaf(dice)),
        4 => format!("({}) {}", leaf(dice), dice.pick(&TRUTHS)),
        5 => format!("(({}) OR ({})) {}", leaf(dice), leaf(dice), dice.pick(&TRUTHS)),
        6 => format!(
            "CASE WHEN {} THEN {} ELSE {} END",
            leaf(dice),
            leaf(dice),
            leaf(dice)
        ),
        _ => leaf(dice),
    }
}

const TRUTHS: [&str; 6] = [
    "IS TRUE",
    "IS NOT TRUE",
    "IS FALSE",
    "IS NOT FALSE",
    "IS UNKNOWN",
    "IS NOT UNKNOWN",
];

fn op(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "IS DISTINCT FROM",
        "IS NOT DISTINCT FROM",
    ])
}

fn leaf(dice: &mut Dice) -> String {
    match dice.below(7) {
        0 => boolean(dice),
        1 => {
            let column = dice.pick(&["i", "coalesce(i, 5)", "nullif(i, 0)"]);
            compared(dice, column, integer)
        }
        2 => {
            let column = dice.pick(&["f", "f", "coalesce(f, 0.5)", "nullif(f, 5)"]);
            compared(dice, column, number)
        }
        3 => text(dice),
        4 => {
            let column = dice.pick(&[
                "d",
                "d",
                "coalesce(d, DATE '2024-01-01')",
                "d + interval '3 days'",
                "d - interval '1 day'",
                "d::timestamp",
                "date_trunc('month', d)",
                "extract(year from d)",
            ]);
            dated(dice, column)
        }
        5 => {
            let column = dice.pick(&[
                "ts",
                "ts",
                "ts::date",
                "ts::date",
                "ts::timestamp(0)",
                "ts + interval '36 hours'",
                "ts - interval '1 day'",
                "date_trunc('second', ts)",
                "date_trunc('minute', ts)",
                "date_trunc('hour', ts)",
                "date_trunc('day', ts)",
                "date_trunc('week', ts)",
                "date_trunc('month', ts)",
                "date_trunc('quarter', ts)",
                "date_trunc('year', ts)",
                "date_trunc('year', ts::date)",
                "extract(year from ts)",
                "ts::timestamp",
                "(ts AT TIME ZONE 'America/New_York')::date",
                "date_trunc('day', ts, 'America/New_York')",
                "nullif(ts, '2024-01-01')",
                "coalesce(ts, '2024-01-01')",
            ]);
            dated(dice, column)
        }
        _ => compared(dice, "tm", |dice| {
            format!(
                "'{}'",
                dice.pick(&["00:00:00", "10:00:00", "10:00:00.123456", "23:59:59.999999"])
            )
        }),
    }
}

/// A comparison, a list or a range of what `constant` makes.
fn compared(dice: &mut Dice, column: &str, constant: fn(&mut Dice) -> String) -> String {
    match dice.below(8) {
        0 => format!(
            "{column} IN ({}, {}, {})",
            constant(dice),
            constant(dice),
            constant(dice)
        ),
        1 => format!("{column} NOT IN ({}, {})", constant(dice), constant(dice)),
        2 => format!("{column} BETWEEN {} AND {}", constant(dice), constant(dice)),
        3 => format!("{column} NOT BETWEEN {} AND {}", constant(dice), constant(dice)),
        4 => format!("{column} IS {}NULL", dice.pick(&["", "NOT "])),
        5 => format!("{} {} {column}", constant(dice), op(dice)),
        _ => format!("{column} {} {}", op(dice), constant(dice)),
    }
}

fn boolean(dice: &mut Dice) -> String {
    dice.pick(&[
        "b",
        "NOT b",
        "b = true",
        "b <> false",
        "b IS NULL",
        "coalesce(b, false)",
        "coalesce(b, true)",
        "b IN (true, NULL)",
        "b IS DISTINCT FROM true",
        "record_url = 'https://org.example/r/a/view'",
        "record_url = 'elsewhere'",
        "record_url <> 'elsewhere'",
        "record_url <> 'https://org.example/r/a/view'",
    ])
    .to_owned()
}

fn integer(dice: &mut Dice) -> String {
    if dice.below(2) == 0 {
        return format!("({})", INTS[1 + dice.below(INTS.len() - 1)]);
    }
    dice.pick(&[
        "5.5",
        "-5.5",
        "5.0",
        "1e300",
        "-1e300",
        "9223372036854775808",
        "-9223372036854775809",
        "9007199254740993.0",
        "1e18",
        "5::real",
        "16777217::real",
        "'5'",
        "5::numeric(10,2)",
        "5.25::numeric(10,2)",
        "'NaN'::double precision",
        "'Infinity'::double precision",
        "0.1",
        "-0.5",
        "9223372036854775807::double precision",
        "5::smallint",
    ])
    .to_owned()
}

fn number(dice: &mut Dice) -> String {
    dice.pick(&[
        "5",
        "0",
        "5.5",
        "0.1",
        "-5.5",
        "'0.1'",
        "0.1::real",
        "9007199254740993",
        "1e22",
        "0.1::numeric(3,1)",
        "5::numeric(10,2)",
        "'Infinity'::double precision",
        "'NaN'::double precision",
        "-0.0",
        "5e-324",
        "1e300",
    ])
    .to_owned()
}

fn quoted(dice: &mut Dice) -> String {
    format!("'{}'", TEXTS[dice.below(TEXTS.len())].replace('\'', "''"))
}

fn text(dice: &mut Dice) -> String {
    let pattern = |dice: &mut Dice| {
        let piece = TEXTS[dice.below(TEXTS.len())].replace('\\', "\\\\");
        let (before, after) = (dice.pick(&["", "%", "_"]), dice.pick(&["", "%", "_", "%b"]));
        format!("'{before}{piece}{after}'")
    };
    let not = dice.pick(&["", "", "NOT "]);
    match dice.below(12) {
        0..=3 => {
            let column = dice.pick(&[
                "s",
                "s",
                "s::varchar",
                "lower(s)",
                "upper(s)",
                "left(s, 2)",
                "right(s, 2)",
                "left(s, 1)",
                "substr(s, 1, 2)",
                "coalesce(s, 'a')",
                "coalesce(lower(s), 'a')",
                "nullif(s, 'a')",
                "nullif(s, '')",
                "btrim(s)",
            ]);
            compared(dice, column, quoted)
        }
        4 | 5 => format!("s {not}LIKE {}", pattern(dice)),
        6 => format!("s {not}ILIKE {}", pattern(dice)),
        7 => format!(
            "{}(s) {not}LIKE {}",
            dice.pick(&["lower", "upper"]),
            pattern(dice)
        ),
        8 => format!(
            "{not}{}(s, {})",
            dice.pick(&["starts_with", "ends_with", "contains"]),
            quoted(dice)
        ),
        9 => {
            let (needle, op) = (quoted(dice), op(dice));
            format!(
                "strpos(s, {needle}) {op} {}",
                dice.pick(&["-1", "0", "1", "2", "3"])
            )
        }
        10 => {
            let op = op(dice);
            format!("length(s) {op} {}", dice.pick(&["-1", "0", "1", "2", "3"]))
        }
        _ => format!(
            "s {} '{}'",
            dice.pick(&["~", "!~", "~*", "~~", "!~~", "~~*"]),
            dice.pick(&["^ab", "ab", "^ab$", "a", "^(a|b)$", "ab%"])
        ),
    }
}

fn dated(dice: &mut Dice, column: &str) -> String {
    if column.starts_with("extract") {
        return compared(dice, column, |dice| {
            dice.pick(&["1900", "1969", "1970", "2023", "2024", "2025", "2024.5"])
                .to_owned()
        });
    }
    let date = |dice: &mut Dice| format!("DATE '{}'", dice.pick(DAY_TEXTS));
    let moment = |dice: &mut Dice| {
        let day = dice.pick(DAY_TEXTS);
        let (kind, time) = (
            dice.pick(&["TIMESTAMP", "TIMESTAMPTZ"]),
            dice.pick(&[
                "00:00:00",
                "12:00:00",
                "00:00:00.000001",
                "23:59:59.999999",
                "00:00:00.5",
            ]),
        );
        format!("{kind} '{day} {time}'")
    };
    let plain = |dice: &mut Dice| format!("'{}'", dice.pick(DAY_TEXTS));
    match dice.below(5) {
        0 => compared(dice, column, plain),
        1 | 2 => compared(dice, column, date),
        _ => compared(dice, column, moment),
    }
}
