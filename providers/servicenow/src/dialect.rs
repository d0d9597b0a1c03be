//! What an encoded query can say about a column, and how faithfully.
//!
//! Owns: the table of semantics. Each arm of [`ServiceNowDialect::atom`] is a row of it, and each row has a test.
//! Invariant: nothing is exact. ServiceNow drops a predicate without saying so when a query ACL denies its column, so whatever is
//! sent is checked again. Columns that no dictionary describes are never filtered there: an ignored arm of an OR would lose rows.
//! Source: "Operators available for filters and queries", "Query ACLs", Australia, read 2026-06-25.

use std::borrow::Cow;

use causeway_core::{Column, Condition, Dialect, Error, Kind, Literal, Op, RemoteQuery, Verdict, time};

use crate::encoded::{check_value, is_column_name, is_hex_key};
use crate::plan::Plan;
use crate::types::Family;

const MAY_IGNORE: &str = "servicenow may ignore a predicate without saying so";
const LOOSE_TEXT: &str = "text ignores case and accents there";
const UNSURE_ZONE: &str =
    "the instance reads date-times in utc or in its user's zone, so the range is 14 hours wider";
const UNSURE_DAY: &str = "the instance may shift days by a zone, so the range is a day wider";
const ROUNDED: &str = "decimals are rounded here, so the range is a little wider";

/// Values beyond which NOT IN is not worth its length.
const MOST_EXCLUDED: usize = 50;
/// Bytes of values beyond which a list is not worth its length.
const MOST_LIST_BYTES: usize = 100_000;

/// The semantics of encoded queries.
#[derive(Debug, Clone)]
pub struct ServiceNowDialect {
    text_pushdown: bool,
}

impl Default for ServiceNowDialect {
    fn default() -> Self {
        Self::new(true)
    }
}

impl ServiceNowDialect {
    /// Makes the dialect; without `text_pushdown` comparisons of text stay local.
    #[must_use]
    pub fn new(text_pushdown: bool) -> Self {
        Self { text_pushdown }
    }

    fn text(&self, field: &str, op: Op, values: &[Literal]) -> Verdict {
        match op {
            // NULL and '' are one, so `<> ''` only says that there is a value.
            Op::NotEq if values == [Literal::Text(String::new())] => present(field),
            Op::NotEq | Op::NotIn => never("text ignores case there, so that would lose rows"),
            Op::NotLike | Op::NotILike => never("text ignores case there, so that would lose rows"),
            Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => never("the instance sorts text by another collation"),
            Op::ILike => never("the instance may compare this column case-sensitively"),
            _ if !self.text_pushdown => never("text_pushdown is off"),
            Op::Eq | Op::In => equal_texts(field, values, LOOSE_TEXT),
            Op::Like => like(field, values),
            Op::IsNull | Op::IsNotNull => null_test(field, op),
        }
    }
}

impl Dialect for ServiceNowDialect {
    fn atom(&self, column: &Column, op: Op, values: &[Literal]) -> Verdict {
        let Some(field) = column.remote_field() else {
            return never("display values are made by the instance after it has filtered");
        };
        if !column.filterable {
            return never("no dictionary says that the column can be filtered");
        }
        if !is_column_name(field) {
            return never("the column's name could be misread in an encoded query");
        }
        match (Family::of(&column.remote_type), op) {
            (Family::Opaque, _) => never("the type's filter semantics are not known"),
            (Family::Money, _) => never("amounts are compared in another currency there"),
            (Family::Duration, _) => never("durations have no agreed form in a filter"),
            (_, Op::IsNull | Op::IsNotNull) => null_test(field, op),
            (Family::List, _) => never("lists have no agreed order there"),
            (Family::Boolean, _) => boolean(field, op, values),
            (Family::Integer, _) => integer(field, op, values, i64::from(i32::MIN)..=i64::from(i32::MAX)),
            (Family::Long, _) => integer(field, op, values, i64::MIN..=i64::MAX),
            (Family::Decimal, _) => decimal(field, op, values),
            (Family::Moment, _) => range(field, op, values, UNSURE_ZONE, moment_bound),
            (Family::Day, _) => range(field, op, values, UNSURE_DAY, day_bound),
            (Family::Key, _) => key(field, op, values),
            (Family::Text, _) => self.text(field, op, values),
        }
    }

    fn scan_name(&self) -> &'static str {
        "ServiceNowScan"
    }

    /// As a person can paste it: the part after `sysparm_query=` also goes into the filter of a list.
    fn render(&self, query: &RemoteQuery) -> Result<String, Error> {
        if query.is_empty() {
            return Ok(format!("{}: no row can match", query.table.name.remote));
        }
        Ok(Plan::of_query(self, query)?.readable())
    }

    fn request_bytes(&self, query: &RemoteQuery) -> Result<usize, Error> {
        Ok(Plan::of_query(self, query)?.longest_target())
    }
}

fn never(reason: &'static str) -> Verdict {
    Verdict::Never(Cow::Borrowed(reason))
}

fn superset(condition: Condition, reason: &'static str) -> Verdict {
    Verdict::Superset(condition, Cow::Borrowed(reason))
}

fn atom(text: impl Into<String>) -> Condition {
    Condition::Atom(text.into())
}

/// A condition of several parts; a single part stands alone, none at all hold for no row.
fn one_of(mut parts: Vec<Condition>) -> Condition {
    match (parts.pop(), parts.is_empty()) {
        (None, _) => Condition::Never,
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            Condition::Any(parts)
        }
    }
}

/// Fields that are empty read as NULL, whether NULL or '' is stored.
fn null_test(field: &str, op: Op) -> Verdict {
    match op {
        Op::IsNull => superset(atom(format!("{field}ISEMPTY")), MAY_IGNORE),
        _ => present(field),
    }
}

fn present(field: &str) -> Verdict {
    superset(atom(format!("{field}ISNOTEMPTY")), MAY_IGNORE)
}

/// `!=true` also returns NULL, so `<> true` is said as `=false`, which SQL means by it.
fn boolean(field: &str, op: Op, values: &[Literal]) -> Verdict {
    let wanted = |value: bool| match op {
        Op::Eq | Op::In => values.contains(&Literal::Boolean(value)),
        _ => !values.contains(&Literal::Boolean(value)),
    };
    if !matches!(op, Op::Eq | Op::In | Op::NotEq | Op::NotIn) {
        return never("booleans are only compared for equality there");
    }
    if !values.iter().all(|value| matches!(value, Literal::Boolean(_))) {
        return never("the value is no boolean");
    }
    let arms = [true, false].into_iter().filter(|value| wanted(*value));
    let condition = one_of(arms.map(|value| atom(format!("{field}={value}"))).collect());
    superset(condition, MAY_IGNORE)
}

/// A literal outside the column's width is read as no number there and matches nothing, so such literals stay local.
fn integer(field: &str, op: Op, values: &[Literal], width: std::ops::RangeInclusive<i64>) -> Verdict {
    let mut numbers = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Literal::Int(number) if width.contains(number) => numbers.push(*number),
            Literal::Int(_) => return never("the value does not fit the column"),
            _ => return never("the value is no whole number"),
        }
    }
    let [first, ..] = numbers.as_slice() else {
        return never("there is no value");
    };
    let condition = match op {
        Op::Eq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => atom(format!("{field}{}{first}", op.sql())),
        Op::In if numbers.len() == 1 => atom(format!("{field}={first}")),
        Op::In => atom(format!("{field}IN{}", joined(&numbers))),
        // NULL rows come or don't come there; SQL never wants them.
        Op::NotEq => atom(format!("{field}!={first}")),
        Op::NotIn if numbers.len() <= MOST_EXCLUDED => Condition::All(
            numbers
                .iter()
                .map(|number| atom(format!("{field}!={number}")))
                .collect(),
        ),
        _ => return never("numbers are only compared there"),
    };
    superset(condition, MAY_IGNORE)
}

fn joined(numbers: &[i64]) -> String {
    numbers
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// The column holds decimals and SQL sees the nearest double: several decimals can be equal here and differ there, and the
/// instance may round the literal to the column's scale. Inclusive bounds one double further out survive both.
fn decimal(field: &str, op: Op, values: &[Literal]) -> Verdict {
    if matches!(op, Op::NotEq | Op::NotIn) {
        return never("decimals are rounded, so that would lose rows");
    }
    range(field, op, values, ROUNDED, |value, side| {
        /// Columns have 15 digits, and doubles hold every whole number below this.
        const LARGEST: f64 = 1.0e15;
        let number = match value {
            Literal::Float(number) => *number,
            #[allow(clippy::cast_precision_loss, reason = "larger numbers are refused below")]
            Literal::Int(number) => *number as f64,
            _ => return None,
        };
        let bound = match side {
            Side::Lower => number.next_down(),
            Side::Upper => number.next_up(),
        };
        // A bound that is not zero must not print as "-0".
        (number.abs() < LARGEST).then(|| plain_decimal(bound))
    })
}

/// Decimal digits without exponent; what is smaller than any scale is zero.
fn plain_decimal(number: f64) -> String {
    if number.abs() < 1.0e-30 {
        "0".to_owned()
    } else {
        number.to_string()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Lower,
    Upper,
}

/// A comparison as a range with inclusive bounds that `bound` has moved outwards.
fn range(
    field: &str,
    op: Op,
    values: &[Literal],
    reason: &'static str,
    bound: impl Fn(&Literal, Side) -> Option<String>,
) -> Verdict {
    let least = values.iter().reduce(|a, b| if b < a { b } else { a });
    let greatest = values.iter().reduce(|a, b| if b > a { b } else { a });
    let (Some(least), Some(greatest)) = (least, greatest) else {
        return never("there is no value");
    };
    let same_type = |value: &&Literal| std::mem::discriminant(*value) == std::mem::discriminant(least);
    if values.iter().filter(same_type).count() != values.len() {
        return never("the values are of several types");
    }
    let lower = || Some(atom(format!("{field}>={}", bound(least, Side::Lower)?)));
    let upper = || Some(atom(format!("{field}<={}", bound(greatest, Side::Upper)?)));
    let condition = match op {
        Op::Eq | Op::In => lower().and_then(|lower| Some(Condition::All(vec![lower, upper()?]))),
        Op::Lt | Op::LtEq => upper(),
        Op::Gt | Op::GtEq => lower(),
        _ => return never("a wider range can't be negated"),
    };
    match condition {
        Some(condition) => superset(condition, reason),
        None => never("the value can't be written for this column"),
    }
}

/// Zones reach from 12 hours behind UTC to 14 hours ahead of it.
const WIDEST_ZONE_SECONDS: i64 = 14 * 3600;

fn moment_bound(value: &Literal, side: Side) -> Option<String> {
    let Literal::Timestamp(micros) = value else {
        return None;
    };
    let second = micros.div_euclid(1_000_000);
    let has_fraction = micros.rem_euclid(1_000_000) != 0;
    let second = match side {
        Side::Lower => second.checked_sub(WIDEST_ZONE_SECONDS)?,
        Side::Upper => second
            .checked_add(WIDEST_ZONE_SECONDS)?
            .checked_add(i64::from(has_fraction))?,
    };
    in_database_years(time::format_timestamp(
        second.checked_mul(1_000_000)?,
        "%Y-%m-%d %H:%M:%S",
    )?)
}

fn day_bound(value: &Literal, side: Side) -> Option<String> {
    let Literal::Date(day) = value else {
        return None;
    };
    let day = match side {
        Side::Lower => day.checked_sub(1)?,
        Side::Upper => day.checked_add(1)?,
    };
    in_database_years(time::format_date(day)?)
}

/// The instance's database starts with the year 1000.
fn in_database_years(text: String) -> Option<String> {
    (text.as_str() >= "1000").then_some(text)
}

/// References and keys are compared by their raw value; LIKE would look at the target's display value.
fn key(field: &str, op: Op, values: &[Literal]) -> Verdict {
    match op {
        Op::Eq | Op::In => equal_texts(field, values, MAY_IGNORE),
        Op::NotEq if values == [Literal::Text(String::new())] => present(field),
        Op::NotEq | Op::NotIn if values.len() <= MOST_EXCLUDED => {
            let keys = values.iter().map(|value| match value {
                Literal::Text(text) if is_hex_key(text) => Some(atom(format!("{field}!={text}"))),
                _ => None,
            });
            match keys.collect::<Option<Vec<_>>>() {
                Some(keys) => superset(Condition::All(keys), MAY_IGNORE),
                None => never("only a sys_id can be excluded there, other keys ignore case"),
            }
        }
        Op::Like | Op::ILike | Op::NotLike | Op::NotILike => {
            never("patterns on references look at display values there")
        }
        _ => never("keys are only compared for equality there"),
    }
}

/// `=` and IN over text. Values with a comma can't be members of a list and stand beside it.
fn equal_texts(field: &str, values: &[Literal], reason: &'static str) -> Verdict {
    let (mut listed, mut alone) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for value in values {
        let Literal::Text(value) = value else {
            return never("the value is no text");
        };
        // NULL and '' are one, and nothing equals NULL.
        if value.is_empty() {
            continue;
        }
        if let Err(reason) = check_value(value) {
            return never(reason);
        }
        bytes += value.len();
        if value.contains(',') {
            alone.push(value.as_str());
        } else {
            listed.push(value.as_str());
        }
    }
    if bytes > MOST_LIST_BYTES {
        return never("the list is too long for a request");
    }
    let mut arms = Vec::new();
    match listed.as_slice() {
        [] => {}
        [only] => arms.push(atom(format!("{field}={only}"))),
        several => arms.push(atom(format!("{field}IN{}", several.join(",")))),
    }
    arms.extend(alone.into_iter().map(|value| atom(format!("{field}={value}"))));
    match one_of(arms) {
        Condition::Never => Verdict::Exact(Condition::Never),
        condition => superset(condition, reason),
    }
}

/// A pattern as what its literal stretches say: how the text begins, how it ends, or what it contains.
fn like(field: &str, values: &[Literal]) -> Verdict {
    let [Literal::Text(pattern)] = values else {
        return never("the pattern is no text");
    };
    let Some(stretches) = stretches(pattern) else {
        return never("the pattern ends with its escape character");
    };
    let [first, .., last] = stretches.as_slice() else {
        let only = [Literal::Text(stretches.concat())];
        return equal_texts(field, &only, LOOSE_TEXT);
    };
    if stretches.iter().all(String::is_empty) {
        // Any text, perhaps of a minimal length: NULL is no text.
        return present(field);
    }
    // Blanks at the outer ends would be lost, so such a stretch is only looked for anywhere.
    let begins = sendable(first).filter(|text| first.starts_with(*text));
    let ends = sendable(last).filter(|text| last.ends_with(*text));
    let mut parts = Vec::new();
    parts.extend(begins.map(|text| atom(format!("{field}STARTSWITH{text}"))));
    parts.extend(ends.map(|text| atom(format!("{field}ENDSWITH{text}"))));
    if parts.is_empty() {
        let longest = stretches
            .iter()
            .filter_map(|text| sendable(text))
            .max_by_key(|text| text.len());
        parts.extend(longest.map(|text| atom(format!("{field}LIKE{text}"))));
    }
    match (parts.pop(), parts.pop()) {
        (None, _) => never("the pattern has no part that can be sent"),
        (Some(only), None) => superset(only, LOOSE_TEXT),
        (Some(last), Some(first)) => superset(Condition::All(vec![first, last]), LOOSE_TEXT),
    }
}

/// The stretch without its outer blanks, when it means itself there.
fn sendable(stretch: &str) -> Option<&str> {
    let text = stretch.trim();
    check_value(text).is_ok().then_some(text)
}

/// The literal stretches between the wildcards of a LIKE pattern: one more than there are wildcards.
/// `None` when the pattern ends in the middle of an escape.
fn stretches(pattern: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '%' | '_' => found.push(std::mem::take(&mut current)),
            '\\' => current.push(letters.next()?),
            other => current.push(other),
        }
    }
    found.push(current);
    Some(found)
}

pub(crate) fn malformed(query: &RemoteQuery, message: String) -> Error {
    Error::new(&query.table.source, Kind::Malformed, message).with_table(&query.table.name.name)
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
