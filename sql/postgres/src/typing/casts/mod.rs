//! Casts that PostgreSQL computes otherwise than Arrow: to and from text, to narrower numbers, between moments.
//!
//! Owns: one function for all casts. Does not own: text forms; see `text`.
//! Invariant: a cast that Arrow computes alike stays a plain cast, so that it can be pushed down. Start at [`to_type`].

mod arrays;
mod conversion;

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::datatype::DataTypeExt as _;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    cast as plain_cast,
};

use self::conversion::converted;
use crate::functions::datetime::arithmetic::MomentArithmetic;
use crate::functions::datetime::intervals::Span;
use crate::functions::datetime::zone::Zone;
use crate::functions::datetime::zoned::in_zone;
use crate::functions::{decimals, row_wise};
use crate::syntax::quantified::literal_texts;
use crate::text::input;
use crate::text::moments::{self, Day};
use crate::types::{Kind, OPEN_NUMERIC, OPEN_SCALE, Typed, decimal_shape, fault, timestamptz, unsupported};

impl Typed {
    /// The expression as a value of `target`.
    pub(crate) fn to(self, target: &DataType) -> Result<Expr> {
        to_type(self.expr, &self.ty, target)
    }
}

/// `expr::to` for an expression of type `from`.
///
/// # Errors
/// 42846 when PostgreSQL has no such cast; those of reading a literal.
pub(crate) fn to_type(expr: Expr, from: &DataType, to: &DataType) -> Result<Expr> {
    if let Expr::Literal(value, _) = &expr {
        if value.is_null() {
            return Ok(Expr::Literal(ScalarValue::try_from(to)?, None));
        }
        if let Some(Some(text)) = value.try_as_str()
            && Kind::of(to) != Kind::Other
        {
            if Kind::of(to) == Kind::Numeric && decimals::is_long_numeric(text) {
                return Ok(ScalarUDF::from(Cast::new(to.clone())).call(vec![expr]));
            }
            if Kind::of(to).is_moment() {
                return moment_literal(text, to);
            }
            return Ok(Expr::Literal(input::scalar(text, to, &Zone::utc())?, None));
        }
    }
    if let (Expr::Literal(value, _), DataType::List(item)) = (&expr, to)
        && let Some(Some(text)) = value.try_as_str()
        && !item.data_type().is_nested()
    {
        return array_literal(text, item.data_type());
    }
    if let Some(text) = long_numeric(&expr)
        && Kind::of(to).is_float()
    {
        return Ok(Expr::Literal(input::scalar(text, to, &Zone::utc())?, None));
    }
    if from == to {
        return Ok(expr);
    }
    // A parameter without a type takes the one that is asked of it, as a quoted literal does.
    if let Expr::Placeholder(Placeholder { id, field: None }) = expr {
        let field = to.clone().into_nullable_field_ref();
        return Ok(Expr::Placeholder(Placeholder::new_with_field(id, Some(field))));
    }
    let (source, target) = (Kind::of(from), Kind::of(to));
    if target == Kind::Other && matches!(source, Kind::Text | Kind::Unknown) {
        return Err(unsupported(format!("a cast of text to {to} is not supported")));
    }
    if target == Kind::Text && matches!(from, DataType::Struct(_) | DataType::List(_)) {
        return Ok(ScalarUDF::from(Cast::new(to.clone())).call(vec![expr]));
    }
    if let (DataType::List(from_item), DataType::List(_)) = (from, to) {
        let to = as_deep(from, to);
        if *from == to {
            return Ok(expr);
        }
        if let DataType::List(to_item) = &to {
            item_cast(from_item.data_type(), to_item.data_type())?;
        }
        return Ok(ScalarUDF::from(Cast::new(to)).call(vec![expr]));
    }
    if source == Kind::Other || target == Kind::Other {
        return Ok(plain_cast(expr, to.clone()));
    }
    between(expr, from, to)
}

/// A value of one type as one of another, where both have kinds.
fn between(expr: Expr, from: &DataType, to: &DataType) -> Result<Expr> {
    let (source, target) = (Kind::of(from), Kind::of(to));
    if !exists(source, target) {
        let message = format!("cannot cast type {} to {}", source.name(), target.name());
        return Err(fault("42846", message));
    }
    // A numeric without a scale keeps that of what it is made from.
    if *to == OPEN_NUMERIC && source.is_integer() {
        let (precision, scale) = decimal_shape(from).unwrap_or((20, 0));
        return Ok(plain_cast(expr, DataType::Decimal128(precision, scale)));
    }
    if *to == OPEN_NUMERIC && source == Kind::Numeric {
        return Ok(expr);
    }
    if target == Kind::Text && decimal_shape(from).is_some_and(|(_, scale)| scale > OPEN_SCALE) {
        return Err(DataFusionError::from(
            crate::error::Error::new(
                crate::error::sqlstate::NOT_SUPPORTED,
                "the text of a quotient or an average is not supported",
            )
            .with_hint("round it first, for example round(x, 2)"),
        ));
    }
    if is_lossless(source, target, from, to) {
        return Ok(match expr {
            Expr::Literal(value, _) => Expr::Literal(value.cast_to(to)?, None),
            expr => plain_cast(expr, to.clone()),
        });
    }
    Ok(ScalarUDF::from(Cast::of(source, to.clone())).call(vec![expr]))
}

/// A quoted array of one dimension.
fn array_literal(text: &str, item: &DataType) -> Result<Expr> {
    let items = literal_texts(text)?.into_iter().map(|text| match text {
        Some(text) => input::scalar(&text, item, &Zone::utc()),
        None => ScalarValue::try_from(item),
    });
    let items = items.collect::<Result<Vec<_>>>()?;
    let list = ScalarValue::new_list(&items, item, true);
    Ok(Expr::Literal(ScalarValue::List(list), None))
}

/// A quoted date or timestamp. What depends on the session's zone, or on when the statement runs, is computed once it runs.
fn moment_literal(text: &str, to: &DataType) -> Result<Expr> {
    let kind = Kind::of(to);
    let written = moments::read(text, kind)?;
    let call = |expr: Expr, to: &DataType| ScalarUDF::from(Cast::new(to.clone())).call(vec![expr]);
    let days = match written.day {
        Day::Now => 0,
        Day::Today(days) => days,
        Day::Fixed(_) if kind == Kind::TimestampTz && written.zone.is_none() => {
            // It must be a moment in any zone.
            input::scalar(text, to, &Zone::utc())?;
            return Ok(call(
                Expr::Literal(ScalarValue::Utf8(Some(text.to_owned())), None),
                to,
            ));
        }
        _ => return Ok(Expr::Literal(input::scalar(text, to, &Zone::utc())?, None)),
    };
    let now = plain_cast(
        datafusion::functions::datetime::now(&ConfigOptions::default()).call(Vec::new()),
        timestamptz(),
    );
    if written.day == Day::Now {
        return to_type(now, &timestamptz(), to);
    }
    if written.zone.is_some() {
        return Err(unsupported(format!(
            "\"{text}\" is not supported: today is a day of the session's zone"
        )));
    }
    let shifted = |expr: Expr, amount: ScalarValue| {
        let amount = Expr::Literal(amount, None);
        ScalarUDF::from(MomentArithmetic::new(Operator::Plus)).call(vec![expr, amount])
    };
    let mut day = call(now, &DataType::Date32);
    if let Some(days) = i32::try_from(days).ok().filter(|days| *days != 0) {
        day = shifted(day, ScalarValue::Int32(Some(days)));
    }
    if kind == Kind::Date {
        return Ok(day);
    }
    let time = Span {
        micros: written.micros,
        ..Span::default()
    };
    let local = shifted(day, ScalarValue::IntervalMonthDayNano(Some(time.interval()?)));
    to_type(local, &Kind::Timestamp.arrow(), to)
}

/// The text of a numeric constant with more digits than we compute with. Beside a double it still has a meaning.
pub(crate) fn long_numeric(expr: &Expr) -> Option<&str> {
    let (inner, to) = match expr {
        Expr::Cast(cast) => (cast.expr.as_ref(), cast.field.data_type().clone()),
        Expr::ScalarFunction(function) if function.name() == "to_numeric" => {
            (function.args.first()?, function.func.return_type(&[]).ok()?)
        }
        _ => return None,
    };
    let text = inner.as_literal()?.try_as_str().flatten()?;
    (to == OPEN_NUMERIC && decimals::is_long_numeric(text)).then_some(text)
}

/// Every value as PostgreSQL prints it.
///
/// # Errors
/// 0A000 for types that have no text.
pub fn text_of(array: &ArrayRef, zone: &Zone) -> Result<ArrayRef> {
    conversion::text(array, zone)
}

/// The type with as many dimensions as `from`: `integer[]` names arrays of any number of them.
fn as_deep(from: &DataType, to: &DataType) -> DataType {
    match (from, to) {
        (DataType::List(from), DataType::List(to))
            if to.data_type().is_nested() || !from.data_type().is_nested() =>
        {
            let item = as_deep(from.data_type(), to.data_type());
            DataType::List(Arc::new(to.as_ref().clone().with_data_type(item)))
        }
        (DataType::List(from), DataType::List(to)) if matches!(from.data_type(), DataType::List(_)) => {
            let inner = DataType::List(Arc::clone(to));
            let item = as_deep(from.data_type(), &inner);
            DataType::List(Arc::new(to.as_ref().clone().with_data_type(item)))
        }
        _ => to.clone(),
    }
}

/// Whether items of arrays can be cast.
///
/// # Errors
/// 42846 when they can't.
fn item_cast(from: &DataType, to: &DataType) -> Result<()> {
    if let (DataType::List(from), DataType::List(to)) = (from, to) {
        return item_cast(from.data_type(), to.data_type());
    }
    let (source, target) = (Kind::of(from), Kind::of(to));
    let is_known = source != Kind::Other && target != Kind::Other;
    if from == to || from.is_null() || (is_known && exists(source, target)) {
        return Ok(());
    }
    let message = format!(
        "cannot cast type {}[] to {}[]",
        crate::types::type_name(from),
        crate::types::type_name(to)
    );
    Err(fault("42846", message))
}

/// Whether Arrow's cast of items gives PostgreSQL's values.
fn is_lossless_for(from: &DataType, to: &DataType) -> bool {
    is_lossless(Kind::of(from), Kind::of(to), from, to)
}

/// Whether PostgreSQL has the cast.
fn exists(from: Kind, to: Kind) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (Kind::Unknown | Kind::Text, _) | (_, Kind::Text) => true,
        (Kind::Boolean, Kind::Int4) | (Kind::Int4, Kind::Boolean) => true,
        (Kind::Json, Kind::Jsonb) | (Kind::Jsonb, Kind::Json | Kind::Boolean) => true,
        (Kind::Jsonb, to) => to.is_number(),
        (from, to) if from.is_number() && to.is_number() => true,
        (from, to) if from.is_moment() && to.is_moment() => true,
        (Kind::Timestamp | Kind::TimestampTz | Kind::Interval, Kind::Time) | (Kind::Time, Kind::Interval) => {
            true
        }
        _ => false,
    }
}

/// Whether Arrow's cast gives PostgreSQL's value for every value.
fn is_lossless(source: Kind, target: Kind, from: &DataType, to: &DataType) -> bool {
    match (source, target) {
        (Kind::Text, Kind::Text) | (Kind::Unknown, _) => true,
        (Kind::Int4, Kind::Boolean) | (Kind::Boolean, Kind::Int4) => true,
        (Kind::Date, Kind::Timestamp) | (Kind::Timestamp, Kind::Date) => true,
        // Only the unit differs: `now()` counts nanoseconds until it is cast.
        (source, target) if source == target && (source.is_moment() || source == Kind::Time) => true,
        (source, target) if source.is_integer() && target.is_integer() => {
            source <= target && *from != DataType::UInt64
        }
        (source, target) if source.is_integer() && target.is_float() => true,
        (Kind::Float4, Kind::Float8) => true,
        (source, Kind::Numeric) if source.is_integer() || source == Kind::Numeric => {
            let shapes = decimal_shape(from).zip(decimal_shape(to));
            shapes.is_some_and(|((p1, s1), (p2, s2))| {
                s1 <= s2 && i16::from(p1) - i16::from(s1) <= i16::from(p2) - i16::from(s2)
            })
        }
        _ => false,
    }
}

/// A cast to one type, from any that PostgreSQL casts to it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cast {
    to: DataType,
    /// From a date or timestamp to another, which succeeds for every value that a column has.
    is_between_moments: bool,
    signature: Signature,
}

impl Cast {
    pub(crate) fn new(to: DataType) -> Self {
        let depends_on_zone = matches!(Kind::of(&to), Kind::Text | Kind::Time) || Kind::of(&to).is_moment();
        let volatility = if depends_on_zone {
            Volatility::Stable
        } else {
            Volatility::Immutable
        };
        Self {
            to,
            is_between_moments: false,
            signature: Signature::any(1, volatility),
        }
    }

    fn of(source: Kind, to: DataType) -> Self {
        let is_between_moments =
            source.is_moment() && (Kind::of(&to).is_moment() || Kind::of(&to) == Kind::Time);
        Self {
            is_between_moments,
            ..Self::new(to)
        }
    }
}

impl ScalarUDFImpl for Cast {
    fn name(&self) -> &str {
        match Kind::of(&self.to) {
            Kind::Unknown | Kind::Text | Kind::Other | Kind::Any => "to_text",
            Kind::Boolean => "to_boolean",
            Kind::Int2 => "to_smallint",
            Kind::Int4 => "to_integer",
            Kind::Int8 => "to_bigint",
            Kind::Numeric => "to_numeric",
            Kind::Float4 => "to_real",
            Kind::Float8 => "to_double",
            Kind::Date if self.is_between_moments => "moment_to_date",
            Kind::Timestamp if self.is_between_moments => "moment_to_timestamp",
            Kind::TimestampTz if self.is_between_moments => "moment_to_timestamptz",
            Kind::Time if self.is_between_moments => "moment_to_time",
            Kind::Date => "to_date_value",
            Kind::Timestamp => "to_timestamp_value",
            Kind::TimestampTz => "to_timestamptz_value",
            Kind::Time => "to_time_value",
            Kind::Interval => "to_interval_value",
            Kind::Uuid => "to_uuid",
            Kind::Json => "to_json_value",
            Kind::Jsonb => "to_jsonb_value",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = Zone::of_session(&args.config_options)?;
        row_wise::over_arrays(&args, |arrays| {
            converted(row_wise::argument(arrays, 0)?, &self.to, &zone)
        })
    }

    /// Between moments the session's zone is written into the plan, so that whoever pushes the cast down sees it.
    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [value] = args.as_slice() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let from = context.get_data_type(value)?;
        let (source, target) = (Kind::of(&from), Kind::of(&self.to));
        if !source.is_moment() || !target.is_moment() || from == self.to || matches!(value, Expr::Literal(..))
        {
            return Ok(ExprSimplifyResult::Original(args));
        }
        let zone = Zone::of_session(context.config_options())?;
        let value = value.clone();
        if zone.is_utc() {
            return Ok(ExprSimplifyResult::Simplified(plain_cast(value, self.to.clone())));
        }
        let timestamp = Kind::Timestamp.arrow();
        let explicit = match (source, target) {
            (Kind::TimestampTz, Kind::Timestamp) => in_zone(&zone, value),
            (Kind::TimestampTz, Kind::Date) => plain_cast(in_zone(&zone, value), DataType::Date32),
            (Kind::Timestamp, Kind::TimestampTz) => in_zone(&zone, value),
            (Kind::Date, Kind::TimestampTz) => in_zone(&zone, plain_cast(value, timestamp)),
            _ => return Ok(ExprSimplifyResult::Original(args)),
        };
        Ok(ExprSimplifyResult::Simplified(explicit))
    }
}
