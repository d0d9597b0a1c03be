//! Dates, times and intervals of a statement: `INTERVAL '1' DAY`, `timestamp(3)`, `current_date`, OVERLAPS, named arguments.
//!
//! Owns: how they are written for the planner. Does not own: what they compute; see `functions::datetime`.
//! Invariant: digits and fields that a type does not keep are dropped where PostgreSQL drops them. Start at [`interval`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    self, DataType, DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, IntervalFields,
    TimezoneInfo, Value,
};

use super::literals::{call, cast, text};
use super::step::{Step, fail, refuse};
use crate::error::{Error, sqlstate};
use crate::functions::datetime::zone::Zone;
use crate::functions::datetime::zoned;
use crate::functions::rows;
use crate::text::intervals;
use crate::text::intervals::shape::{DAYS, HOURS, MINUTES, MONTHS, SECONDS, Shape, YEARS};
use crate::text::output;

fn taken(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

fn int4(value: i64) -> Expr {
    let number = Expr::Value(Value::Number(value.to_string(), false).with_empty_span());
    cast(number, DataType::Integer(None))
}

fn any_interval() -> DataType {
    DataType::Interval {
        fields: None,
        precision: None,
    }
}

/// `INTERVAL '…' fields`, read as PostgreSQL reads it.
pub(crate) fn interval(expr: &mut Expr) -> Step {
    let Expr::Interval(interval) = &*expr else {
        return ControlFlow::Continue(());
    };
    let value = match interval.value.as_ref() {
        Expr::Value(value) => value.value.clone().into_string(),
        _ => None,
    };
    let Some(value) = value else {
        return fail(
            sqlstate::SYNTAX,
            "syntax error: an interval is written as interval '1 day'",
        );
    };
    let Some(first) = &interval.leading_field else {
        *expr = cast(text(&value), any_interval());
        return ControlFlow::Continue(());
    };
    let Some(fields) = named_fields(first, interval.last_field.as_ref()) else {
        return fail(
            sqlstate::SYNTAX,
            "syntax error: these are no fields of an interval",
        );
    };
    let precision = interval
        .fractional_seconds_precision
        .or(interval.leading_precision);
    let shape = shape(fields, precision);
    shaped_literal(expr, &value, shape)
}

fn shape(fields: i32, precision: Option<u64>) -> Shape {
    Shape {
        fields,
        precision: precision.map_or(0xFFFF, |digits| i32::try_from(digits.min(6)).unwrap_or(6)),
    }
}

/// The zone that `SET TIME ZONE INTERVAL '…' HOUR TO MINUTE` names.
///
/// # Errors
/// 22007 for what is no interval, 22023 for one with days.
pub fn interval_zone(expr: &Expr) -> Result<Zone, Error> {
    let mut literal = expr.clone();
    if let ControlFlow::Break(error) = interval(&mut literal) {
        return Err(*error);
    }
    let written = match &literal {
        Expr::Cast { expr, .. } => match expr.as_ref() {
            Expr::Value(value) => value.value.clone().into_string(),
            _ => None,
        },
        _ => None,
    };
    let span = intervals::parse(&written.unwrap_or_default(), Shape::ANY);
    Ok(span.and_then(zoned::of_interval)?)
}

/// Reads the text at once: which unit a bare number has depends on the fields.
fn shaped_literal(expr: &mut Expr, value: &str, shape: Shape) -> Step {
    let read = intervals::parse(value, shape).and_then(crate::functions::datetime::intervals::Span::interval);
    match read {
        Ok(value) => {
            let mut printed = String::new();
            // Writing to memory can't fail.
            let _ = output::interval(&mut printed, value);
            *expr = cast(text(&printed), any_interval());
            ControlFlow::Continue(())
        }
        Err(error) => ControlFlow::Break(Box::new(Error::from(error))),
    }
}

fn bit_of(field: &DateTimeField) -> Option<i32> {
    Some(match field {
        DateTimeField::Year => YEARS,
        DateTimeField::Month => MONTHS,
        DateTimeField::Day => DAYS,
        DateTimeField::Hour => HOURS,
        DateTimeField::Minute => MINUTES,
        DateTimeField::Second => SECONDS,
        _ => return None,
    })
}

fn named_fields(first: &DateTimeField, last: Option<&DateTimeField>) -> Option<i32> {
    let first = bit_of(first)?;
    let Some(last) = last else {
        return Some(first);
    };
    Some(match (first, bit_of(last)?) {
        (YEARS, MONTHS) => YEARS | MONTHS,
        (DAYS, HOURS) => DAYS | HOURS,
        (DAYS, MINUTES) => DAYS | HOURS | MINUTES,
        (DAYS, SECONDS) => DAYS | HOURS | MINUTES | SECONDS,
        (HOURS, MINUTES) => HOURS | MINUTES,
        (HOURS, SECONDS) => HOURS | MINUTES | SECONDS,
        (MINUTES, SECONDS) => MINUTES | SECONDS,
        _ => return None,
    })
}

fn typed_fields(fields: &IntervalFields) -> i32 {
    use IntervalFields as F;
    match fields {
        F::Year => YEARS,
        F::Month => MONTHS,
        F::Day => DAYS,
        F::Hour => HOURS,
        F::Minute => MINUTES,
        F::Second => SECONDS,
        F::YearToMonth => YEARS | MONTHS,
        F::DayToHour => DAYS | HOURS,
        F::DayToMinute => DAYS | HOURS | MINUTES,
        F::DayToSecond => DAYS | HOURS | MINUTES | SECONDS,
        F::HourToMinute => HOURS | MINUTES,
        F::HourToSecond => HOURS | MINUTES | SECONDS,
        F::MinuteToSecond => MINUTES | SECONDS,
    }
}

/// Casts to types with fewer digits of a second, or fewer fields: `timestamp(3)`, `interval day to minute`.
pub(crate) fn limited(expr: &mut Expr) -> Step {
    let (value, data_type) = match expr {
        Expr::Cast { expr, data_type, .. } => (taken(expr), data_type.clone()),
        Expr::TypedString(typed) => match typed.value.value.clone().into_string() {
            Some(value) => (text(&value), typed.data_type.clone()),
            None => return ControlFlow::Continue(()),
        },
        _ => return ControlFlow::Continue(()),
    };
    let all = match &data_type {
        DataType::Interval {
            fields: None,
            precision: None,
        } => None,
        DataType::Interval { fields, precision } => {
            let fields = fields.as_ref().map_or(Shape::ANY.fields, typed_fields);
            let shape = shape(fields, *precision);
            if let Expr::Value(literal) = &value
                && let Some(literal) = literal.value.clone().into_string()
            {
                return shaped_literal(expr, &literal, shape);
            }
            let modifier = int4(i64::from(shape.modifier()));
            *expr = call("interval", vec![cast(value, any_interval()), modifier]);
            return ControlFlow::Continue(());
        }
        DataType::Timestamp(Some(digits), TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => Some((
            "timestamptz",
            *digits,
            DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        )),
        DataType::Timestamp(Some(digits), _) | DataType::TimestampNtz(Some(digits)) => Some((
            "timestamp",
            *digits,
            DataType::Timestamp(None, TimezoneInfo::None),
        )),
        DataType::Time(Some(digits), TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            Some(("time", *digits, DataType::Time(None, TimezoneInfo::None)))
        }
        _ => None,
    };
    match all {
        None => match expr {
            Expr::Cast { expr, .. } => **expr = value,
            typed => *typed = cast(value, data_type),
        },
        // More digits than there are are the digits that there are.
        Some((_, 6.., data_type)) => *expr = cast(value, data_type),
        Some((name, digits, data_type)) => {
            let digits = int4(i64::try_from(digits).unwrap_or(6));
            *expr = call(name, vec![cast(value, data_type), digits]);
        }
    }
    ControlFlow::Continue(())
}

/// `current_date`, `localtime` and their kin, with their digits; `None` for any other word.
pub(crate) fn present(name: &str, digits: Option<Expr>) -> Option<Expr> {
    let now = || call("now", Vec::new());
    let rounded = |name: &str, value: Expr| match digits.clone() {
        None => value,
        Some(digits) => call(name, vec![value, digits]),
    };
    Some(match name {
        "current_date" => cast(now(), DataType::Date),
        "current_timestamp" => rounded("timestamptz", now()),
        "localtimestamp" => rounded(
            "timestamp",
            cast(now(), DataType::Timestamp(None, TimezoneInfo::None)),
        ),
        "localtime" => rounded("time", cast(now(), DataType::Time(None, TimezoneInfo::None))),
        _ => return None,
    })
}

/// The only argument of a call, or none.
pub(crate) fn only_argument(function: &ast::Function) -> Option<Option<Expr>> {
    match &function.args {
        FunctionArguments::None => Some(None),
        FunctionArguments::List(list) => match list.args.as_slice() {
            [] => Some(None),
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(only))] => Some(Some(only.clone())),
            _ => None,
        },
        FunctionArguments::Subquery(_) => None,
    }
}

/// Calls of functions that are something else: `age(x)`, `date(x)`, `make_interval(days => 3)`.
pub(crate) fn function(expr: &mut Expr) -> Step {
    let Expr::Function(function) = expr else {
        return ControlFlow::Continue(());
    };
    let name = function.name.to_string().to_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name).to_owned();
    let Some(argument) = only_argument(function) else {
        return ControlFlow::Continue(());
    };
    if let Some(present) = present(&name, argument.clone()) {
        *expr = present;
        return ControlFlow::Continue(());
    }
    let Some(argument) = argument else {
        return ControlFlow::Continue(());
    };
    if name == "age" {
        let today = cast(call("now", Vec::new()), DataType::Date);
        *expr = call("age", vec![today, argument]);
        return ControlFlow::Continue(());
    }
    // A type's name is a cast.
    let data_type = match name.as_str() {
        "date" => DataType::Date,
        "timestamptz" => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        "\"timestamp\"" | "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
        "\"time\"" | "time" => DataType::Time(None, TimezoneInfo::None),
        "\"interval\"" | "interval" => any_interval(),
        "text" => DataType::Text,
        "int2" => DataType::SmallInt(None),
        "int4" => DataType::Integer(None),
        "int8" => DataType::BigInt(None),
        "float4" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "\"numeric\"" | "numeric" => DataType::Numeric(ast::ExactNumberInfo::None),
        "bool" => DataType::Boolean,
        _ => return ControlFlow::Continue(()),
    };
    *expr = cast(argument, data_type);
    ControlFlow::Continue(())
}

/// `(a, b) OVERLAPS (c, d)`.
pub(crate) fn overlaps(expr: &mut Expr) -> Step {
    let Expr::BinaryOp {
        left,
        op: ast::BinaryOperator::Overlaps,
        right,
    } = expr
    else {
        return ControlFlow::Continue(());
    };
    let (Some(mut ends), Some(others)) = (pair(left), pair(right)) else {
        return fail(
            sqlstate::SYNTAX,
            "syntax error: OVERLAPS takes two rows of two values",
        );
    };
    ends.extend(others);
    *expr = call("overlaps", ends);
    ControlFlow::Continue(())
}

/// The two values of a row.
fn pair(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Nested(inner) => pair(inner),
        Expr::Tuple(values) if values.len() == 2 => Some(values.clone()),
        Expr::Function(function)
            if function.name.to_string().to_lowercase() == rows::NAME
                || function.name.to_string().eq_ignore_ascii_case("row") =>
        {
            let FunctionArguments::List(list) = &function.args else {
                return None;
            };
            let values = list.args.iter().map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
                _ => None,
            });
            values
                .collect::<Option<Vec<_>>>()
                .filter(|values| values.len() == 2)
        }
        _ => None,
    }
}

/// Refuses what keeps an offset of its own.
pub(crate) fn refuse_current_time(name: &str) -> Step {
    refuse(format!("{name} is not supported; use localtime"))
}
