//! Constants to compare a column with: values that it holds, their neighbours, and edges of its type.

use causeway_sql::ScalarValue;
use chrono::{Datelike as _, Duration, NaiveDate, NaiveDateTime, NaiveTime};
use tokio_postgres::types::Type;

use super::catalog::{Column, Type as ColumnType};
use super::dice::Dice;
use super::text::Constant;
use crate::answer::Cell;

/// Something a value of the column may be compared with.
pub(crate) fn like(dice: &mut Dice, column: &Column) -> Constant {
    match column.ty {
        ColumnType::Boolean => boolean(dice.chance(50)),
        ColumnType::Integer => integer(dice, column),
        ColumnType::Double => double(dice, column),
        ColumnType::Text => text(&some_text(dice, column)),
        ColumnType::Date => date(some_date(dice, column)),
        ColumnType::Moment => moment(dice, column),
        ColumnType::Time => time(dice, column),
    }
}

fn held<'a>(dice: &mut Dice, column: &'a Column) -> Option<&'a Cell> {
    (!column.values.is_empty()).then(|| dice.pick(&column.values))
}

pub(crate) fn boolean(value: bool) -> Constant {
    Constant {
        sql: if value { "TRUE" } else { "FALSE" }.to_owned(),
        parameter: Some((ScalarValue::Boolean(Some(value)), Type::BOOL)),
    }
}

fn integer(dice: &mut Dice, column: &Column) -> Constant {
    let value = match held(dice, column) {
        Some(Cell::Exact(number)) if dice.chance(60) => number.parse().expect("a bigint"),
        Some(Cell::Exact(number)) if dice.chance(50) => {
            let number: i64 = number.parse().expect("a bigint");
            number.saturating_add(*dice.pick(&[-1, 1, 10, -10]))
        }
        _ => *dice.pick(&[
            0,
            1,
            -1,
            3,
            100,
            i64::from(i32::MAX),
            i64::from(i32::MIN),
            i64::from(i32::MAX) + 1,
            9_007_199_254_740_993,
            i64::MAX,
            i64::MIN,
        ]),
    };
    // A constant of another number type.
    if dice.chance(12) {
        let number = format!("{value}.{}", dice.pick(&["0", "5", "25"]));
        let sql = match dice.below(3) {
            0 => format!("'{number}'::double precision"),
            _ => parenthesised(&number),
        };
        return Constant { sql, parameter: None };
    }
    whole(value)
}

pub(crate) fn whole(value: i64) -> Constant {
    Constant {
        sql: parenthesised(&value.to_string()),
        parameter: Some((ScalarValue::Int64(Some(value)), Type::INT8)),
    }
}

/// A sign at the beginning binds less than some operators.
fn parenthesised(number: &str) -> String {
    if number.starts_with('-') {
        format!("({number})")
    } else {
        number.to_owned()
    }
}

fn double(dice: &mut Dice, column: &Column) -> Constant {
    let value = match held(dice, column) {
        Some(Cell::Double(number)) if dice.chance(60) => *number,
        Some(Cell::Double(number)) if dice.chance(70) => match dice.below(4) {
            0 => number.next_up(),
            1 => number.next_down(),
            2 => number.round(),
            _ => (number * 100.0).round() / 100.0,
        },
        _ => *dice.pick(&[
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            1e-7,
            1e300,
            999_999_999_999_999.9,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ]),
    };
    let sql = if value.is_finite() && dice.chance(60) {
        parenthesised(&format!("{value:?}"))
    } else {
        let word = match (value.is_nan(), value.is_infinite(), value > 0.0) {
            (true, ..) => "NaN".to_owned(),
            (_, true, true) => "Infinity".to_owned(),
            (_, true, false) => "-Infinity".to_owned(),
            _ => format!("{value:?}"),
        };
        format!("'{word}'::double precision")
    };
    Constant {
        sql,
        parameter: Some((ScalarValue::Float64(Some(value)), Type::FLOAT8)),
    }
}

pub(crate) fn text(value: &str) -> Constant {
    Constant {
        sql: format!("'{}'", value.replace('\'', "''")),
        parameter: Some((ScalarValue::Utf8(Some(value.to_owned())), Type::TEXT)),
    }
}

const AWKWARD: &[&str] = &[
    "",
    " ",
    "'",
    "''",
    "%",
    "_",
    "\\",
    "a^b",
    "a,b",
    "NULL",
    "null",
    "javascript:x",
    "é",
    "🚀",
    "İ",
    "ß",
    "\n",
    "^ORname=x",
    "' OR 1=1 --",
    "true",
    "0",
    "zzzz",
];

/// A text that the column holds, a variant of one, or an awkward one.
pub(crate) fn some_text(dice: &mut Dice, column: &Column) -> String {
    let Some(Cell::Text(held)) = held(dice, column) else {
        return (*dice.pick(AWKWARD)).to_owned();
    };
    match dice.below(20) {
        0..=10 => held.clone(),
        11 => held.to_lowercase(),
        12 => held.to_uppercase(),
        13 => format!("{held} "),
        14 => held.trim_end().to_owned(),
        15 => stretch(dice, held),
        // Not 15 of an id's 18 characters: Causeway takes that for the whole id.
        16 => held.chars().take(14).collect(),
        17 => held.replace(['é', 'É'], "e"),
        _ => (*dice.pick(AWKWARD)).to_owned(),
    }
}

/// Whether a letter's other case is one letter: `İ` and `ß` have two by Unicode's rules and one or none in the C library.
pub(crate) fn has_plain_case(letter: char) -> bool {
    letter.to_lowercase().count() == 1 && letter.to_uppercase().count() == 1
}

/// The constant without letters whose other case is disputed.
pub(crate) fn with_plain_cases(value: &str) -> String {
    value.chars().filter(|letter| has_plain_case(*letter)).collect()
}

/// A part of a text.
pub(crate) fn stretch(dice: &mut Dice, text: &str) -> String {
    let characters: Vec<char> = text.chars().take(60).collect();
    if characters.is_empty() {
        return String::new();
    }
    let start = dice.below(characters.len());
    let length = 1 + dice.below(6);
    characters.iter().skip(start).take(length).collect()
}

/// A LIKE pattern that some values of the column may match.
pub(crate) fn pattern(dice: &mut Dice, column: &Column) -> Constant {
    // Patterns are also used where case does not count.
    let base = with_plain_cases(&some_text(dice, column));
    let escape = |part: &str| part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let head: String = base.chars().take(1 + dice.below(5)).collect();
    let pattern = match dice.below(10) {
        0 => escape(&base),
        1 | 2 => format!("{}%", escape(&head)),
        3 => {
            let length = base.chars().count();
            let tail: String = base.chars().skip(length.saturating_sub(3)).collect();
            format!("%{}", escape(&tail))
        }
        4 | 5 => format!("%{}%", escape(&stretch(dice, &base))),
        6 => format!("{}%{}%", escape(&head), escape(&stretch(dice, &base))),
        7 => {
            let holed = base.chars().enumerate();
            holed
                .map(|(at, c)| if at % 4 == 1 { '_' } else { c })
                .filter(|c| *c != '\\')
                .collect()
        }
        8 => (*dice.pick(&["%", "_", "__%", "%%", "", "\\%%", "%\\_%", "%\\\\%"])).to_owned(),
        _ => format!("{}_%", escape(&head)),
    };
    text(&pattern)
}

/// A date that the column holds, a neighbour of one, or a special one. All have years of four digits, also in other time zones.
pub(crate) fn some_date(dice: &mut Dice, column: &Column) -> NaiveDate {
    let date = any_date(dice, column);
    date.with_year(date.year().min(9998)).unwrap_or(date)
}

fn any_date(dice: &mut Dice, column: &Column) -> NaiveDate {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a date");
    match held(dice, column) {
        Some(Cell::Text(held)) if dice.chance(80) => {
            let date: NaiveDate = held[..held.find(' ').unwrap_or(held.len())]
                .parse()
                .expect("a date");
            date + Duration::days(*dice.pick(&[0, 0, 0, 1, -1, 30]))
        }
        _ => *dice.pick(&[
            day(2024, 2, 29),
            day(2023, 12, 31),
            day(2024, 1, 1),
            day(1970, 1, 1),
            day(1969, 12, 31),
            day(2025, 6, 30),
            day(1700, 1, 1),
            day(2099, 12, 31),
            day(2262, 4, 12),
            day(9998, 12, 31),
        ]),
    }
}

pub(crate) fn date(value: NaiveDate) -> Constant {
    let days = value.to_epoch_days();
    Constant {
        sql: format!("DATE '{value}'"),
        parameter: Some((ScalarValue::Date32(Some(days)), Type::DATE)),
    }
}

fn moment(dice: &mut Dice, column: &Column) -> Constant {
    let moment = some_moment(dice, column);
    moment_constant(dice, moment)
}

fn some_moment(dice: &mut Dice, column: &Column) -> NaiveDateTime {
    let held_moment = match held(dice, column) {
        Some(Cell::Text(held)) if dice.chance(75) => {
            let text = held.trim_end_matches("+00");
            Some(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("a moment"))
        }
        _ => None,
    };
    match held_moment {
        Some(held) => {
            held + Duration::microseconds(*dice.pick(&[0, 0, 0, 1, -1, 500_000, 1_000_000, -3_600_000_000]))
        }
        None => some_date(dice, column).and_time(*dice.pick(&[
            NaiveTime::MIN,
            NaiveTime::from_hms_opt(23, 59, 59).expect("a time"),
        ])),
    }
}

/// Writes a moment in one of the ways that people write it.
pub(crate) fn moment_constant(dice: &mut Dice, moment: NaiveDateTime) -> Constant {
    let plain = moment.format("%Y-%m-%d %H:%M:%S%.f");
    let sql = match dice.below(5) {
        0 => format!("TIMESTAMP '{plain}'"),
        1 => format!("'{plain}'"),
        2 => format!(
            "TIMESTAMPTZ '{}+02'",
            (moment + Duration::hours(2)).format("%Y-%m-%d %H:%M:%S%.f")
        ),
        3 => format!("TIMESTAMPTZ '{plain}Z'"),
        _ => format!("TIMESTAMPTZ '{plain}+00'"),
    };
    let micros = moment.and_utc().timestamp_micros();
    let value = ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
    Constant {
        sql,
        parameter: Some((value, Type::TIMESTAMPTZ)),
    }
}

fn time(dice: &mut Dice, column: &Column) -> Constant {
    let value = match held(dice, column) {
        Some(Cell::Text(held)) if dice.chance(75) => {
            NaiveTime::parse_from_str(held, "%H:%M:%S%.f").expect("a time")
        }
        _ => *dice.pick(&[
            NaiveTime::MIN,
            NaiveTime::from_hms_opt(12, 0, 0).expect("a time"),
            NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).expect("a time"),
        ]),
    };
    let micros = (value - NaiveTime::MIN).num_microseconds().expect("below a day");
    let prefix = *dice.pick(&["", "TIME "]);
    Constant {
        sql: format!("{prefix}'{}'", value.format("%H:%M:%S%.f")),
        parameter: Some((ScalarValue::Time64Microsecond(Some(micros)), Type::TIME)),
    }
}
