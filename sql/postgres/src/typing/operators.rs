//! Which operator PostgreSQL would choose for two operands, and what it computes here.
//!
//! Owns: types of operands, checked arithmetic, comparisons over one type. Does not own: patterns (`matching`) and casts (`casts`).
//! Invariant: a comparison of a column with a constant stays plain, so that it can be pushed down. Start at [`resolve`].

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, ScalarUDF, cast as plain_cast, lit};

use super::overloads::{Candidate, chosen};
use super::{casts, matching};
use crate::error::sqlstate;
use crate::functions;
use crate::functions::arithmetic::Arithmetic;
use crate::functions::arrays::{APPEND, CONCATENATE, PREPEND};
use crate::functions::datetime::arithmetic::{MomentArithmetic, result_kind};
use crate::functions::overload::Listed;
use crate::functions::rows;
use crate::types::{Kind, Typed, common_type, decimal_shape, fault};

impl Typed {
    fn into_kind(self, kind: Kind) -> Result<Self> {
        let ty = match (kind, decimal_shape(&self.ty)) {
            (Kind::Numeric, Some((precision, scale))) => DataType::Decimal128(precision, scale),
            _ => kind.arrow(),
        };
        let expr = self.to(&ty)?;
        let ty = match &expr {
            Expr::Literal(value, _) => value.data_type(),
            _ => ty,
        };
        Ok(Self { expr, ty })
    }
}

fn no_operator(op: Operator, left: Kind, right: Kind) -> DataFusionError {
    let symbol = match op {
        Operator::NotEq => "<>".to_owned(),
        Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => "=".to_owned(),
        other => other.to_string(),
    };
    no_operator_of(&symbol, left.name(), right.name())
}

fn no_operator_of(symbol: &str, left: &str, right: &str) -> DataFusionError {
    let message = format!("operator does not exist: {left} {symbol} {right}");
    DataFusionError::from(
        crate::error::Error::new(crate::error::sqlstate::UNDEFINED_FUNCTION, message)
            .with_hint("no operator matches these types; you might need to add casts"),
    )
}

fn plain(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// `left op right` as PostgreSQL resolves it.
pub(crate) fn resolve(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    match op {
        Operator::And | Operator::Or => Ok(plain(condition(left, op)?, op, condition(right, op)?)),
        Operator::Minus | Operator::StringConcat if has_listed_operators(&left, &right) => {
            listed(left, op, right)
        }
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo => {
            arithmetic(left, op, right)
        }
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom => comparison(left, op, right),
        Operator::StringConcat => concatenation(left, right),
        Operator::RegexMatch | Operator::RegexIMatch | Operator::RegexNotMatch | Operator::RegexNotIMatch => {
            matching::matches(left, op, right)
        }
        op if named(op).is_some() => listed(left, op, right),
        Operator::BitwiseAnd | Operator::BitwiseOr | Operator::BitwiseXor => bitwise(left, op, right),
        _ => Ok(plain(left.expr, op, right.expr)),
    }
}

/// The operator as a function of that name, where there is one.
fn named(op: Operator) -> Option<Arc<ScalarUDF>> {
    by_symbol(&op.to_string())
}

fn by_symbol(symbol: &str) -> Option<Arc<ScalarUDF>> {
    static NAMED: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
        let operators =
            functions::listed().filter(|listed| !listed.name.starts_with(|c: char| c.is_alphabetic()));
        let operators = Listed::all(operators).into_iter();
        operators
            .map(|function| (function.name().to_owned(), Arc::new(function)))
            .collect()
    });
    NAMED.get(symbol).cloned()
}

/// The function of an operator that is listed.
pub(crate) fn function(symbol: &'static str) -> Arc<ScalarUDF> {
    let missing = || Arc::new(Listed::one(&functions::json::ORDERED));
    by_symbol(symbol).unwrap_or_else(missing)
}

/// An operator whose meanings are listed with the functions.
fn listed(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    let (Some(function), left_name, right_name) = (named(op), left.type_name(), right.type_name()) else {
        return Ok(plain(left.expr, op, right.expr));
    };
    let Some(overloads) = function.inner().downcast_ref::<Listed>().map(Listed::overloads) else {
        return Ok(plain(left.expr, op, right.expr));
    };
    let candidates: Vec<Candidate> = overloads.iter().map(Candidate::from).collect();
    match chosen(function.name(), &candidates, vec![left, right]) {
        Ok((_, args)) => Ok(function.call(args)),
        Err(error) => Err(match crate::Error::from(error) {
            error if error.sqlstate == sqlstate::UNDEFINED_FUNCTION => {
                no_operator_of(&op.to_string(), &left_name, &right_name)
            }
            error if error.sqlstate == "42725" => fault(
                "42725",
                format!("operator is not unique: {left_name} {op} {right_name}"),
            ),
            error => error.into(),
        }),
    }
}

/// Whether one of the operands is of a type whose operators are all listed.
fn has_listed_operators(left: &Typed, right: &Typed) -> bool {
    let is_listed = |operand: &Typed| matches!(operand.kind(), Kind::Json | Kind::Jsonb);
    is_listed(left) || is_listed(right)
}

/// An operand of AND, OR or NOT, or a condition.
pub(crate) fn condition(operand: Typed, place: impl std::fmt::Display) -> Result<Expr> {
    match operand.kind() {
        Kind::Boolean => Ok(operand.expr),
        Kind::Unknown => operand.to(&DataType::Boolean),
        other => {
            let message = format!(
                "argument of {place} must be type boolean, not type {}",
                other.name()
            );
            Err(fault("42804", message))
        }
    }
}

fn arithmetic(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    let (left_kind, right_kind) = (left.kind(), right.kind());
    let none = || no_operator(op, left_kind, right_kind);
    if left_kind == Kind::Other || right_kind == Kind::Other {
        return Ok(plain(left.expr, op, right.expr));
    }
    let (left, right) = match (left_kind, right_kind) {
        (Kind::Date, Kind::Unknown) | (Kind::Unknown, Kind::Date) if op == Operator::Plus => {
            return Err(fault("42725", "operator is not unique: date + unknown"));
        }
        (Kind::Unknown, Kind::Unknown) => {
            let message = format!("operator is not unique: unknown {op} unknown");
            return Err(fault("42725", message));
        }
        (Kind::Unknown, known) => (
            left.into_kind(partner(op, known, false).ok_or_else(none)?)?,
            right,
        ),
        (known, Kind::Unknown) => {
            let kind = partner(op, known, true).ok_or_else(none)?;
            (left, right.into_kind(kind)?)
        }
        _ => (left, right),
    };
    let (left_kind, right_kind) = (Kind::of(&left.ty), Kind::of(&right.ty));
    if left_kind.is_number() && right_kind.is_number() {
        let kind = number_kind(left_kind, right_kind);
        if op == Operator::Modulo && kind.is_float() {
            return Err(none());
        }
        let (left, right) = (left.into_kind(kind)?, right.into_kind(kind)?);
        return Ok(ScalarUDF::from(Arithmetic::new(op)).call(vec![left.expr, right.expr]));
    }
    let (left_kind, right_kind) = moment_operands(op, left_kind, right_kind);
    if result_kind(op, left_kind, right_kind).is_none() {
        return Err(none());
    }
    let (left, right) = (left.into_kind(left_kind)?, right.into_kind(right_kind)?);
    Ok(ScalarUDF::from(MomentArithmetic::of(op, left_kind, right_kind)).call(vec![left.expr, right.expr]))
}

/// The type of an untyped operand beside one of type `known`.
fn partner(op: Operator, known: Kind, known_is_left: bool) -> Option<Kind> {
    match known {
        number if number.is_number() => Some(number),
        Kind::Interval if matches!(op, Operator::Multiply | Operator::Divide) => Some(Kind::Float8),
        Kind::Interval => Some(Kind::Interval),
        Kind::Timestamp | Kind::TimestampTz | Kind::Time if op == Operator::Plus => Some(Kind::Interval),
        Kind::Date | Kind::Timestamp | Kind::TimestampTz | Kind::Time
            if op == Operator::Minus && known_is_left =>
        {
            Some(known)
        }
        moment if moment.is_moment() && op == Operator::Minus => Some(moment),
        _ => None,
    }
}

fn number_kind(left: Kind, right: Kind) -> Kind {
    let kind = left.max(right);
    // `real` meets another type of number as double precision.
    if kind == Kind::Float4 && left != right {
        Kind::Float8
    } else {
        kind
    }
}

/// The types in which an operator takes these moments and numbers.
fn moment_operands(op: Operator, left: Kind, right: Kind) -> (Kind, Kind) {
    let number = |kind: Kind, other: Kind| match other {
        Kind::Interval if kind.is_number() => Kind::Float8,
        Kind::Date if kind == Kind::Int2 => Kind::Int4,
        _ => kind,
    };
    let (left, right) = (number(left, right), number(right, left));
    if op == Operator::Minus && left.is_moment() && right.is_moment() {
        let kind = left.max(right);
        return (kind, kind);
    }
    (left, right)
}

fn comparison(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    if let Some(compared) = rows::compared(&left, op, &right, comparison) {
        return compared;
    }
    let (left, right) = comparable(left, op, right)?;
    Ok(plain(left, op, right))
}

/// Both operands in the type in which they are compared.
pub(crate) fn comparable(left: Typed, op: Operator, right: Typed) -> Result<(Expr, Expr)> {
    let (left_kind, right_kind) = (left.kind(), right.kind());
    if left.ty == right.ty && (left_kind == Kind::Unknown) == (right_kind == Kind::Unknown) {
        if left_kind == Kind::Json {
            return Err(no_operator(op, left_kind, right_kind));
        }
        return Ok((
            compared_by(left_kind, left.expr),
            compared_by(left_kind, right.expr),
        ));
    }
    if left_kind == Kind::Other || right_kind == Kind::Other {
        return Ok((left.expr, right.expr));
    }
    let kind = left_kind
        .common(right_kind)
        .ok_or_else(|| no_operator(op, left_kind, right_kind))?;
    match kind {
        Kind::Unknown => Ok((left.to(&DataType::Utf8)?, right.to(&DataType::Utf8)?)),
        Kind::Numeric => numerics(left, right),
        Kind::Float4
            if left_kind != right_kind && left_kind != Kind::Unknown && right_kind != Kind::Unknown =>
        {
            Ok((left.to(&DataType::Float64)?, right.to(&DataType::Float64)?))
        }
        Kind::Json => Err(no_operator(op, left_kind, right_kind)),
        kind => {
            let (left, right) = (left.to(&kind.arrow())?, right.to(&kind.arrow())?);
            Ok((compared_by(kind, left), compared_by(kind, right)))
        }
    }
}

/// What values of a type are compared and sorted by.
pub(crate) fn compared_by(kind: Kind, value: Expr) -> Expr {
    match kind {
        Kind::Interval => length(value),
        Kind::Jsonb => Listed::one(&functions::json::ORDERED).call(vec![value]),
        _ => value,
    }
}

pub(crate) fn length(interval: Expr) -> Expr {
    ScalarUDF::from(crate::functions::IntervalLength::new()).call(vec![interval])
}

/// Two operands of which one is numeric. An integer column beside a constant stays one that can be pushed down.
fn numerics(left: Typed, right: Typed) -> Result<(Expr, Expr)> {
    if let Some((left, right)) = integer_beside(&left, &right) {
        return Ok((left, right));
    }
    if let Some((right, left)) = integer_beside(&right, &left) {
        return Ok((left, right));
    }
    let (left, right) = (left.into_kind(Kind::Numeric)?, right.into_kind(Kind::Numeric)?);
    let common = common_type([&left.ty, &right.ty]).unwrap_or(crate::types::OPEN_NUMERIC);
    let exact = |side: Typed| {
        if side.ty == common {
            side.expr
        } else {
            plain_cast(side.expr, common.clone())
        }
    };
    Ok((exact(left), exact(right)))
}

/// An integer and a numeric constant, as integers if the constant is whole, else as doubles that compare the same way.
#[allow(
    clippy::cast_possible_truncation,
    reason = "checked to be within the range of exact doubles"
)]
fn integer_beside(integer: &Typed, constant: &Typed) -> Option<(Expr, Expr)> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !integer.kind().is_integer() || matches!(integer.expr, Expr::Literal(..)) {
        return None;
    }
    if let Some(text) = casts::long_numeric(&constant.expr) {
        let double: f64 = text.parse().ok()?;
        // Beyond all integers, or between 0 and 1 and its negation.
        let is_clear = double.abs() > EXACT * EXACT || (double != 0.0 && double.abs() < 0.5);
        return is_clear.then(|| (plain_cast(integer.expr.clone(), DataType::Float64), lit(double)));
    }
    let Expr::Literal(ScalarValue::Decimal128(Some(value), _, scale), _) = &constant.expr else {
        return None;
    };
    let power = 10_i128.checked_pow(u32::try_from(*scale).ok()?)?;
    if value % power == 0 {
        let whole = i64::try_from(value / power).ok()?;
        let column = match integer.ty {
            DataType::Int64 => integer.expr.clone(),
            _ => plain_cast(integer.expr.clone(), DataType::Int64),
        };
        return Some((column, lit(whole)));
    }
    let double = crate::functions::decimals::to_float(*value, *scale);
    // It must lie between the same two integers.
    let same =
        double.abs() < EXACT && double.fract() != 0.0 && double.floor() as i128 == value.div_euclid(power);
    same.then(|| (plain_cast(integer.expr.clone(), DataType::Float64), lit(double)))
}

fn concatenation(left: Typed, right: Typed) -> Result<Expr> {
    let (left_kind, right_kind) = (left.kind(), right.kind());
    if matches!(left.ty, DataType::List(_)) || matches!(right.ty, DataType::List(_)) {
        return arrays(left, right);
    }
    if left_kind == Kind::Other || right_kind == Kind::Other {
        return Ok(plain(left.expr, Operator::StringConcat, right.expr));
    }
    let is_text = |kind: Kind| matches!(kind, Kind::Text | Kind::Unknown);
    if !is_text(left_kind) && !is_text(right_kind) {
        return Err(no_operator(Operator::StringConcat, left_kind, right_kind));
    }
    Ok(plain(
        left.to(&DataType::Utf8)?,
        Operator::StringConcat,
        right.to(&DataType::Utf8)?,
    ))
}

/// How many dimensions a type has.
fn depth(ty: &DataType) -> usize {
    match ty {
        DataType::List(item) => 1 + depth(item.data_type()),
        _ => 0,
    }
}

fn innermost(ty: &DataType) -> &DataType {
    match ty {
        DataType::List(item) => innermost(item.data_type()),
        other => other,
    }
}

/// `||` of two arrays, or of an array and an item, which may be an array of one dimension less.
fn arrays(left: Typed, right: Typed) -> Result<Expr> {
    let none = || no_operator_of("||", &left.type_name(), &right.type_name());
    // A literal beside an array is an array.
    let depths = |side: &Typed, other: &Typed| match side.kind() {
        Kind::Unknown => depth(&other.ty),
        _ => depth(&side.ty),
    };
    let (left_depth, right_depth) = (depths(&left, &right), depths(&right, &left));
    let known: Vec<&DataType> = [&left, &right]
        .into_iter()
        .filter(|side| side.kind() != Kind::Unknown)
        .map(|side| innermost(&side.ty))
        .filter(|ty| !ty.is_null())
        .collect();
    let item = match common_type(known.iter().copied()) {
        Some(item) => item,
        None if known.is_empty() => DataType::Null,
        None => return Err(none()),
    };
    let deep = |depth: usize| (0..depth).fold(item.clone(), |ty, _| DataType::new_list(ty, true));
    let name = match (left_depth, right_depth) {
        (left, right) if left == right => CONCATENATE,
        (left, right) if left == right + 1 => APPEND,
        (left, right) if left + 1 == right => PREPEND,
        _ => return Err(none()),
    };
    let (left, right) = (left.to(&deep(left_depth))?, right.to(&deep(right_depth))?);
    let listed = functions::arrays::FUNCTIONS
        .iter()
        .find(|listed| listed.name == name);
    let listed = listed.ok_or_else(|| DataFusionError::Internal(format!("{name} is not listed")))?;
    Ok(Listed::one(listed).call(vec![left, right]))
}

fn bitwise(left: Typed, op: Operator, right: Typed) -> Result<Expr> {
    let (left_kind, right_kind) = (left.kind(), right.kind());
    match left_kind.common(right_kind) {
        Some(kind) if kind.is_integer() => Ok(plain(left.to(&kind.arrow())?, op, right.to(&kind.arrow())?)),
        _ => Err(no_operator(op, left_kind, right_kind)),
    }
}

/// `-operand`.
pub(crate) fn negative(operand: Typed) -> Result<Expr> {
    let zero = match operand.kind() {
        Kind::Unknown => return operand.into_kind(Kind::Float8).and_then(negative),
        kind if kind.is_number() => ScalarValue::new_zero(&operand.ty)?,
        Kind::Interval => {
            let minus = Expr::Literal(ScalarValue::Float64(Some(-1.0)), None);
            return arithmetic(
                operand,
                Operator::Multiply,
                Typed {
                    expr: minus,
                    ty: DataType::Float64,
                },
            );
        }
        Kind::Other => return Ok(Expr::Negative(Box::new(operand.expr))),
        other => {
            let message = format!("operator does not exist: - {}", other.name());
            return Err(fault(crate::error::sqlstate::UNDEFINED_FUNCTION, message));
        }
    };
    // The least numbers are written as the negation of a number that their type does not have.
    match &operand.expr {
        Expr::Literal(ScalarValue::Int64(Some(2_147_483_648)), _) => return Ok(lit(i32::MIN)),
        Expr::Literal(ScalarValue::Decimal128(Some(9_223_372_036_854_775_808), _, 0), _) => {
            return Ok(lit(i64::MIN));
        }
        _ => {}
    }
    if let Expr::Literal(value, _) = &operand.expr
        && let Ok(negated) = value.arithmetic_negate()
    {
        let negated = match negated {
            ScalarValue::Float64(Some(value)) => {
                ScalarValue::Float64(Some(crate::functions::floats::canonical(value)))
            }
            other => other,
        };
        return Ok(Expr::Literal(negated, None));
    }
    let ty = operand.ty.clone();
    let zero = Expr::Literal(zero, None);
    if Kind::of(&ty) == Kind::Numeric {
        // `0 - x` would be one digit wider.
        let difference = ScalarUDF::from(Arithmetic::new(Operator::Minus)).call(vec![zero, operand.expr]);
        return Ok(plain_cast(difference, ty));
    }
    Ok(ScalarUDF::from(Arithmetic::new(Operator::Minus)).call(vec![zero, operand.expr]))
}

/// All expressions in their common type.
///
/// # Errors
/// 42804 when there is none, for `place` such as `CASE`.
pub(crate) fn united(operands: Vec<Typed>, place: &str) -> Result<Vec<Expr>> {
    let known = operands.iter().filter(|operand| operand.kind() != Kind::Unknown);
    let Some(mut common) = common_type(known.clone().map(|operand| &operand.ty)) else {
        let mut names = known.map(|operand| operand.kind().name());
        let first = names.next().unwrap_or_default();
        let other = names.find(|name| *name != first).unwrap_or(first);
        if operands.iter().any(|operand| operand.kind() != Kind::Unknown) {
            return Err(fault(
                "42804",
                format!("{place} types {first} and {other} cannot be matched"),
            ));
        }
        return operands
            .into_iter()
            .map(|operand| operand.to(&DataType::Utf8))
            .collect();
    };
    // Literals of a numeric bring their own digits.
    if Kind::of(&common) == Kind::Numeric {
        let mut shapes = vec![common.clone()];
        for operand in operands
            .iter()
            .filter(|operand| operand.kind() == Kind::Unknown && !operand.ty.is_null())
        {
            shapes.push(operand.clone().into_kind(Kind::Numeric)?.ty);
        }
        common = common_type(&shapes).unwrap_or(common);
    }
    operands
        .into_iter()
        .map(|operand| {
            if Kind::of(&operand.ty) == Kind::Numeric
                && Kind::of(&common) == Kind::Numeric
                && operand.ty != common
            {
                return Ok(plain_cast(operand.expr, common.clone()));
            }
            operand.to(&common)
        })
        .collect()
}
