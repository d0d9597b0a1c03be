//! `GET /api/now/stats/{table}`: counts, sums, averages, minima and maxima, grouped or not.
//!
//! Owns: the Aggregate API. Source: "Aggregate API", Australia, read 2026-06-25. Whether ACLs apply is a switch.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::access::{self, Reach};
use super::cell::{Cell, Number};
use super::comparison::Matching;
use super::data::Path;
use super::exchange::Answer;
use super::filter::{collation, is_listed};
use super::render::{self, Show, Viewer};
use super::scan;
use super::schema::Row;
use super::table_api::Context;
use super::types::Family;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Sum,
    Average,
    Minimum,
    Maximum,
}

/// Decimals kept while summing.
const SUM_DECIMALS: u32 = 7;

type Named = Vec<(String, Path)>;

/// Answers the call.
pub(super) fn answer(context: &Context<'_>, name: &str) -> Answer {
    try_answer(context, name).unwrap_or_else(|refusal| *refusal)
}

fn try_answer(context: &Context<'_>, name: &str) -> Result<Answer, Box<Answer>> {
    let (table, reach) = context.table(name)?;
    if reach != Reach::All {
        return Err(access::forbidden_table(name).into());
    }
    let count = context.call.is_true("sysparm_count");
    let functions = [
        (Function::Average, "avg", "sysparm_avg_fields"),
        (Function::Maximum, "max", "sysparm_max_fields"),
        (Function::Minimum, "min", "sysparm_min_fields"),
        (Function::Sum, "sum", "sysparm_sum_fields"),
    ];
    if !count
        && functions
            .iter()
            .all(|(_, _, parameter)| context.call.parameter(parameter).is_none())
    {
        return Err(Answer::error(
            400,
            "No request parameter for aggregate operation specified",
            None,
        )
        .into());
    }
    let filter = context.filter(table)?;
    let mut rows = scan::all(context.data, table, &filter, context.semantics);
    if context.semantics.stats_apply_row_acls {
        scan::readable(context.data, table, context.semantics, &mut rows);
    }
    let columns =
        functions.map(|(function, label, parameter)| (function, label, columns(context, table, parameter)));
    let stats = Stats {
        context,
        table,
        matching: Matching::new(context.semantics),
        count,
        columns,
    };
    let groups = columns_of(context, table, context.call.parameter("sysparm_group_by"));
    let window = window(context)?;
    let mut out = b"{\"result\":".to_vec();
    let results = if groups.is_empty() {
        stats.write(&mut out, &rows, &[]);
        1
    } else {
        stats.grouped(&mut out, rows, &groups, window)
    };
    out.push(b'}');
    Ok(context.note(
        Answer {
            rows: results,
            ..Answer::json(200, out)
        },
        &filter,
    ))
}

/// The first group that is wanted, and how many.
fn window(context: &Context<'_>) -> Result<(usize, usize), Box<Answer>> {
    if !context.semantics.stats_honour_limit {
        return Ok((0, usize::MAX));
    }
    Ok((
        context.number("sysparm_offset", 0, 0)?,
        context.number("sysparm_limit", 10_000, 1)?,
    ))
}

fn columns(context: &Context<'_>, table: usize, parameter: &str) -> Named {
    columns_of(context, table, context.call.parameter(parameter))
}

fn columns_of(context: &Context<'_>, table: usize, list: Option<&str>) -> Named {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    names
        .filter_map(|name| Some((name.to_owned(), context.data.path(table, name)?)))
        .filter(|(_, path)| {
            let semantics = context.semantics;
            let mut visits = path.visits(context.data, table);
            !semantics.stats_apply_field_acls
                || !visits
                    .any(|(table, column)| is_listed(context.data, &semantics.hidden_fields, table, column))
        })
        .collect()
}

struct Stats<'a> {
    context: &'a Context<'a>,
    table: usize,
    matching: Matching,
    count: bool,
    columns: [(Function, &'static str, Named); 4],
}

impl Stats<'_> {
    /// One group's object.
    fn write(&self, out: &mut Vec<u8>, rows: &[Row], groups: &[(&String, &Path)]) {
        out.extend_from_slice(b"{\"stats\":{");
        let mut first = true;
        let nothing = rows.is_empty() && groups.is_empty();
        if self.count && !(nothing && self.context.semantics.stats_empty_count_missing) {
            out.extend_from_slice(format!("\"count\":\"{}\"", rows.len()).as_bytes());
            first = false;
        }
        for (function, label, columns) in self.columns.iter().filter(|(_, _, columns)| !columns.is_empty()) {
            if !first {
                out.push(b',');
            }
            first = false;
            render::string(out, label);
            out.push(b':');
            let fields = columns
                .iter()
                .map(|(name, path)| (name.as_str(), self.value(*function, path, rows)))
                .filter(|(_, value)| !value.is_empty() || !self.context.semantics.stats_empty_key_missing);
            object(out, fields);
        }
        out.push(b'}');
        if let (Some(row), false) = (rows.first(), groups.is_empty()) {
            out.extend_from_slice(b",\"groupby_fields\":[");
            for (at, (name, path)) in groups.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                let cell = self.context.data.value(*row, path);
                let mut fields = vec![("value", cell.raw()), ("field", (*name).clone())];
                if self.context.show() != Show::Raw {
                    let viewer = Viewer::of(self.context.semantics);
                    fields.push((
                        "display_value",
                        render::display(self.context.data, *row, path, &cell, viewer),
                    ));
                }
                object(out, fields.iter().map(|(name, value)| (*name, value.clone())));
            }
            out.push(b']');
        }
        out.push(b'}');
    }

    /// Groups whose texts differ only in case or accents are one group.
    fn grouped(
        &self,
        out: &mut Vec<u8>,
        rows: Vec<Row>,
        groups: &Named,
        (offset, limit): (usize, usize),
    ) -> usize {
        let mut by_key: BTreeMap<Vec<Option<String>>, Vec<Row>> = BTreeMap::new();
        for row in rows {
            let key = groups
                .iter()
                .map(|(_, path)| self.matching(path).group_key(&self.context.data.value(row, path)))
                .collect();
            by_key.entry(key).or_default().push(row);
        }
        let mut kept: Vec<Vec<Row>> = by_key.into_values().filter(|rows| self.having(rows)).collect();
        self.order(&mut kept);
        let kept: Vec<Vec<Row>> = kept.into_iter().skip(offset).take(limit).collect();
        let names: Vec<(&String, &Path)> = groups.iter().map(|(name, path)| (name, path)).collect();
        out.push(b'[');
        for (at, rows) in kept.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write(out, rows, &names);
        }
        out.push(b']');
        kept.len()
    }

    /// `agg^field^op^value`, several joined by commas; one that cannot be read is ignored.
    fn having(&self, rows: &[Row]) -> bool {
        let conditions = self
            .context
            .call
            .parameter("sysparm_having")
            .unwrap_or_default()
            .split(',');
        conditions
            .filter(|condition| !condition.is_empty())
            .all(|condition| {
                let parts: Vec<&str> = condition.split('^').collect();
                let [function, field, operator, value] = parts.as_slice() else {
                    return true;
                };
                let Some(actual) = self
                    .aggregate(function, field, rows)
                    .as_deref()
                    .and_then(Number::parse)
                else {
                    return false;
                };
                let Some(wanted) = Number::parse(value) else {
                    return false;
                };
                let order = actual.cmp(&wanted);
                match *operator {
                    "=" => order == Ordering::Equal,
                    "!=" => order != Ordering::Equal,
                    "<" => order == Ordering::Less,
                    "<=" => order != Ordering::Greater,
                    ">" => order == Ordering::Greater,
                    ">=" => order != Ordering::Less,
                    _ => true,
                }
            })
    }

    /// `COUNT`, `AVG^field`, `field`, each optionally followed by `^DESC`.
    fn order(&self, groups: &mut [Vec<Row>]) {
        let orders = self
            .context
            .call
            .parameter("sysparm_order_by")
            .unwrap_or_default();
        for order in orders.split(',').rev().filter(|order| !order.is_empty()) {
            let descending = order.ends_with("^DESC");
            let order = order.trim_end_matches("^DESC");
            let (function, field) = order.split_once('^').unwrap_or((order, ""));
            if function.eq_ignore_ascii_case("count") || !field.is_empty() {
                groups.sort_by_cached_key(|rows| {
                    self.aggregate(function, field, rows)
                        .as_deref()
                        .and_then(Number::parse)
                });
            } else if let Some(path) = self.context.data.path(self.table, function) {
                groups.sort_by(|left, right| match (left.first(), right.first()) {
                    (Some(left), Some(right)) => {
                        let data = self.context.data;
                        self.matching(&path)
                            .order(&data.value(*left, &path), &data.value(*right, &path))
                    }
                    _ => Ordering::Equal,
                });
            }
            if descending {
                groups.reverse();
            }
        }
    }

    fn aggregate(&self, function: &str, field: &str, rows: &[Row]) -> Option<String> {
        let function = match function.to_ascii_lowercase().as_str() {
            "count" => return Some(rows.len().to_string()),
            "sum" => Function::Sum,
            "avg" => Function::Average,
            "min" => Function::Minimum,
            "max" => Function::Maximum,
            _ => return None,
        };
        let path = self.context.data.path(self.table, field)?;
        Some(self.value(function, &path, rows))
    }

    /// Matching under the collation of the column.
    fn matching(&self, path: &Path) -> Matching {
        let own = collation(self.context.data, self.context.semantics, path);
        self.matching.under(own)
    }

    fn value(&self, function: Function, path: &Path, rows: &[Row]) -> String {
        let data = self.context.data;
        let semantics = self.context.semantics;
        let matching = self.matching(path);
        let duration = data
            .get(path.table)
            .and_then(|table| table.column(path.column))
            .is_some_and(|column| column.family == Family::Duration);
        let cells = rows
            .iter()
            .map(|row| data.value(*row, path))
            .filter(|cell| !cell.is_empty());
        match function {
            Function::Minimum => cells
                .min_by(|a, b| matching.order(a, b))
                .map(|cell| cell.raw())
                .unwrap_or_default(),
            Function::Maximum => cells
                .max_by(|a, b| matching.order(a, b))
                .map(|cell| cell.raw())
                .unwrap_or_default(),
            Function::Sum | Function::Average => {
                let numbers: Vec<i128> = cells.filter_map(|cell| summand(&cell)).collect();
                let sum: i128 = numbers.iter().sum();
                match i128::try_from(numbers.len()) {
                    Ok(count)
                        if count > 0
                            && function == Function::Average
                            && semantics.stats_scientific_average =>
                    {
                        scientific(sum, count)
                    }
                    Ok(count) if count > 0 && function == Function::Average => {
                        fixed(average(sum, count), 4, false)
                    }
                    Ok(count) if count > 0 && duration && semantics.stats_durations_as_dates => {
                        let seconds = sum / 10_i128.pow(SUM_DECIMALS);
                        Cell::Seconds(i64::try_from(seconds).unwrap_or_default()).raw()
                    }
                    Ok(count) if count > 0 => fixed(sum, SUM_DECIMALS, true),
                    _ => String::new(),
                }
            }
        }
    }
}

fn object<'a>(out: &mut Vec<u8>, fields: impl Iterator<Item = (&'a str, String)>) {
    out.push(b'{');
    for (at, (name, value)) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        render::string(out, name);
        out.push(b':');
        render::string(out, &value);
    }
    out.push(b'}');
}

fn summand(cell: &Cell<'_>) -> Option<i128> {
    match cell {
        Cell::Int(value) => Some(i128::from(*value) * 10_i128.pow(SUM_DECIMALS)),
        Cell::Scaled(value, scale) => {
            Some(i128::from(*value) * 10_i128.pow(SUM_DECIMALS.saturating_sub(u32::from(*scale))))
        }
        Cell::Seconds(seconds) => Some(i128::from(*seconds) * 10_i128.pow(SUM_DECIMALS)),
        _ => None,
    }
}

/// Rounded half away from zero to four decimals, as MySQL does.
fn average(sum: i128, count: i128) -> i128 {
    let divisor = count * 10_i128.pow(SUM_DECIMALS - 4);
    let half = if sum < 0 { -divisor / 2 } else { divisor / 2 };
    (sum + half) / divisor
}

/// As databases other than MySQL write an average: `1.5E00`.
fn scientific(sum: i128, count: i128) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "an average in scientific notation is not exact anyway"
    )]
    let value = sum as f64 / 10_f64.powi(7) / count as f64;
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
            Some(digits) => format!("{mantissa}E-{digits:0>2}"),
            None => format!("{mantissa}E{exponent:0>2}"),
        },
        None => text,
    }
}

fn fixed(value: i128, decimals: u32, trim: bool) -> String {
    let unit = 10_u128.pow(decimals);
    let digits = value.unsigned_abs();
    let sign = if value < 0 { "-" } else { "" };
    let width = usize::try_from(decimals).unwrap_or_default();
    let text = format!("{sign}{}.{:0width$}", digits / unit, digits % unit);
    if trim {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_have_four_decimals() {
        let unit = 10_i128.pow(SUM_DECIMALS);
        assert_eq!(fixed(average(10 * unit, 9), 4, false), "1.1111");
        assert_eq!(fixed(average(-unit, 3), 4, false), "-0.3333");
        assert_eq!(fixed(-12_500_000, SUM_DECIMALS, true), "-1.25");
    }
}
