//! Lowers a DataFusion expression to a negation-free predicate over the columns of one table.
//!
//! Owns: moving NOT to the leaves, typing of literals, rounding them outwards when a cast widens the column.
//! Does not own: what may be pushed; see [`causeway_core::translate`].
//! Invariant: a leaf is TRUE for exactly the rows for which the SQL expression is TRUE, unless it is wrapped in `Implies`.

use causeway_core::{ColumnType, Comparison, Literal, Op, Predicate, Table};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// Lowers `expr`, or its negation. What can't be lowered becomes `Opaque` with the reason.
#[must_use]
pub(crate) fn lower(table: &Table, expr: &Expr) -> Predicate {
    lower_signed(table, expr, false)
}

fn lower_signed(table: &Table, expr: &Expr, negated: bool) -> Predicate {
    match expr {
        Expr::Alias(alias) => lower_signed(table, &alias.expr, negated),
        Expr::Not(inner) => lower_signed(table, inner, !negated),
        Expr::Literal(ScalarValue::Boolean(value), _) => constant(value.map(|value| value != negated)),
        Expr::Column(_) => match column_of(table, expr) {
            Some(column) => is(column.index, Op::Eq, vec![Literal::Boolean(!negated)]),
            None => opaque("it is no column of the table"),
        },
        Expr::BinaryExpr(binary) => lower_binary(table, binary, negated),
        Expr::IsNull(inner) => null_test(table, inner, !negated),
        Expr::IsNotNull(inner) => null_test(table, inner, negated),
        Expr::IsTrue(inner) => truth_test(table, inner, true, negated),
        Expr::IsFalse(inner) => truth_test(table, inner, false, negated),
        Expr::IsNotTrue(inner) => truth_test(table, inner, true, !negated),
        Expr::IsNotFalse(inner) => truth_test(table, inner, false, !negated),
        Expr::IsUnknown(inner) => null_test(table, inner, !negated),
        Expr::IsNotUnknown(inner) => null_test(table, inner, negated),
        Expr::InList(list) => lower_in_list(table, list, negated),
        Expr::Between(between) => lower_between(table, between, negated),
        Expr::Like(like) => lower_like(table, like, negated),
        _ => opaque("the engine evaluates this expression"),
    }
}

fn constant(value: Option<bool>) -> Predicate {
    match value {
        Some(true) => Predicate::All(Vec::new()),
        Some(false) | None => Predicate::Never,
    }
}

fn opaque(reason: &str) -> Predicate {
    Predicate::Opaque(reason.to_owned())
}

fn is(column: usize, op: Op, values: Vec<Literal>) -> Predicate {
    Predicate::Is(Comparison { column, op, values })
}

fn lower_binary(table: &Table, binary: &BinaryExpr, negated: bool) -> Predicate {
    let BinaryExpr { left, op, right } = binary;
    match op {
        Operator::And | Operator::Or => {
            let parts = vec![
                lower_signed(table, left, negated),
                lower_signed(table, right, negated),
            ];
            if (*op == Operator::And) == negated {
                Predicate::Any(parts)
            } else {
                Predicate::All(parts)
            }
        }
        Operator::IsDistinctFrom => distinct(table, left, right, !negated),
        Operator::IsNotDistinctFrom => distinct(table, left, right, negated),
        _ => {
            let Some(op) = comparison(*op) else {
                return opaque("the engine evaluates this operator");
            };
            let op = if negated { opposite(op) } else { op };
            match (column_of(table, left), literal_of(right)) {
                (Some(column), Some(value)) => compare(table, &column, op, value),
                _ => match (column_of(table, right), literal_of(left)) {
                    (Some(column), Some(value)) => compare(table, &column, mirrored(op), value),
                    _ => opaque("only a column compared with a constant can be sent"),
                },
            }
        }
    }
}

pub(crate) fn comparison(op: Operator) -> Option<Op> {
    Some(match op {
        Operator::Eq => Op::Eq,
        Operator::NotEq => Op::NotEq,
        Operator::Lt => Op::Lt,
        Operator::LtEq => Op::LtEq,
        Operator::Gt => Op::Gt,
        Operator::GtEq => Op::GtEq,
        _ => return None,
    })
}

/// The operator that is TRUE where `op` is FALSE; both are NULL for the same rows.
fn opposite(op: Op) -> Op {
    match op {
        Op::Eq => Op::NotEq,
        Op::NotEq => Op::Eq,
        Op::Lt => Op::GtEq,
        Op::LtEq => Op::Gt,
        Op::Gt => Op::LtEq,
        Op::GtEq => Op::Lt,
        Op::In => Op::NotIn,
        Op::NotIn => Op::In,
        Op::Like => Op::NotLike,
        Op::NotLike => Op::Like,
        Op::ILike => Op::NotILike,
        Op::NotILike => Op::ILike,
        Op::IsNull => Op::IsNotNull,
        Op::IsNotNull => Op::IsNull,
    }
}

/// The operator with its sides exchanged.
fn mirrored(op: Op) -> Op {
    match op {
        Op::Lt => Op::Gt,
        Op::LtEq => Op::GtEq,
        Op::Gt => Op::Lt,
        Op::GtEq => Op::LtEq,
        same => same,
    }
}

/// `IS DISTINCT FROM` a constant, or its negation.
fn distinct(table: &Table, left: &Expr, right: &Expr, distinct: bool) -> Predicate {
    let sides = column_of(table, left)
        .zip(literal_of(right))
        .or_else(|| column_of(table, right).zip(literal_of(left)));
    let Some((column, value)) = sides else {
        return opaque("only a column compared with a constant can be sent");
    };
    match (value.is_null(), distinct) {
        (true, true) => is(column.index, Op::IsNotNull, Vec::new()),
        (true, false) => is(column.index, Op::IsNull, Vec::new()),
        (false, false) => compare(table, &column, Op::Eq, value),
        (false, true) => Predicate::Any(vec![
            compare(table, &column, Op::NotEq, value),
            is(column.index, Op::IsNull, Vec::new()),
        ]),
    }
}

fn null_test(table: &Table, inner: &Expr, is_null: bool) -> Predicate {
    match column_of(table, inner) {
        Some(column) => is(
            column.index,
            if is_null { Op::IsNull } else { Op::IsNotNull },
            Vec::new(),
        ),
        None => opaque("only a column can be tested for null remotely"),
    }
}

/// `x IS TRUE`, `x IS FALSE` or a negation of these, for a boolean column.
fn truth_test(table: &Table, inner: &Expr, wanted: bool, negated: bool) -> Predicate {
    let Some(column) = column_of(table, inner) else {
        return opaque("only a boolean column can be tested remotely");
    };
    let equals = |value: bool| is(column.index, Op::Eq, vec![Literal::Boolean(value)]);
    if negated {
        Predicate::Any(vec![equals(!wanted), is(column.index, Op::IsNull, Vec::new())])
    } else {
        equals(wanted)
    }
}

fn lower_in_list(table: &Table, list: &InList, negated: bool) -> Predicate {
    let Some(column) = column_of(table, &list.expr) else {
        return opaque("only a column compared with constants can be sent");
    };
    let Some(values) = list.list.iter().map(literal_of).collect::<Option<Vec<_>>>() else {
        return opaque("only a column compared with constants can be sent");
    };
    let has_null = values.iter().any(|value| value.is_null());
    if list.negated != negated {
        // NOT IN over a NULL is never TRUE.
        if has_null {
            return Predicate::Never;
        }
        let parts = values
            .into_iter()
            .map(|value| compare(table, &column, Op::NotEq, value))
            .collect();
        return gather(parts, Op::NotEq, Op::NotIn, Predicate::All);
    }
    let present = values.into_iter().filter(|value| !value.is_null());
    let parts: Vec<_> = present
        .map(|value| compare(table, &column, Op::Eq, value))
        .collect();
    gather(parts, Op::Eq, Op::In, Predicate::Any)
}

/// Joins comparisons of one column into one IN; whatever is no plain comparison stays beside it.
fn gather(
    parts: Vec<Predicate>,
    single: Op,
    list: Op,
    combine: fn(Vec<Predicate>) -> Predicate,
) -> Predicate {
    let mut values = Vec::new();
    let mut at = None;
    let mut others = Vec::new();
    for part in parts {
        match part {
            Predicate::Is(Comparison {
                column,
                op,
                values: mut one,
            }) if op == single => {
                at = Some(column);
                values.append(&mut one);
            }
            Predicate::Never if single == Op::Eq => {}
            other => others.push(other),
        }
    }
    let mut deduplicated: Vec<Literal> = Vec::new();
    for value in values {
        if !deduplicated.contains(&value) {
            deduplicated.push(value);
        }
    }
    if let Some(column) = at {
        let op = if deduplicated.len() == 1 { single } else { list };
        others.push(is(column, op, deduplicated));
    }
    match others.pop() {
        Some(only) if others.is_empty() => only,
        Some(last) => {
            others.push(last);
            combine(others)
        }
        None if single == Op::Eq => Predicate::Never,
        None => Predicate::All(Vec::new()),
    }
}

fn lower_between(table: &Table, between: &Between, negated: bool) -> Predicate {
    let (Some(column), Some(low), Some(high)) = (
        column_of(table, &between.expr),
        literal_of(&between.low),
        literal_of(&between.high),
    ) else {
        return opaque("only a column compared with constants can be sent");
    };
    if between.negated == negated {
        Predicate::All(vec![
            compare(table, &column, Op::GtEq, low),
            compare(table, &column, Op::LtEq, high),
        ])
    } else {
        Predicate::Any(vec![
            compare(table, &column, Op::Lt, low),
            compare(table, &column, Op::Gt, high),
        ])
    }
}

fn lower_like(table: &Table, like: &Like, negated: bool) -> Predicate {
    let (Some(column), Some(pattern)) = (column_of(table, &like.expr), literal_of(&like.pattern)) else {
        return opaque("only a column matched with a constant pattern can be sent");
    };
    if column.cast.is_some()
        || table
            .columns
            .get(column.index)
            .is_none_or(|column| column.ty != ColumnType::Text)
    {
        return opaque("the engine evaluates patterns over cast columns");
    }
    if like.escape_char.is_some_and(|escape| escape != '\\') {
        return opaque("the engine evaluates patterns with their own escape character");
    }
    let Some(pattern) = text_of(pattern) else {
        return Predicate::Never;
    };
    let op = if like.case_insensitive {
        Op::ILike
    } else {
        Op::Like
    };
    let op = if like.negated == negated { op } else { opposite(op) };
    is(column.index, op, vec![Literal::Text(pattern)])
}

/// A column of the table, perhaps inside one cast.
struct ColumnRef<'a> {
    index: usize,
    cast: Option<&'a DataType>,
}

fn column_of<'a>(table: &Table, expr: &'a Expr) -> Option<ColumnRef<'a>> {
    match expr {
        Expr::Alias(alias) => column_of(table, &alias.expr),
        Expr::Column(column) => table
            .column(&column.name)
            .map(|(index, _)| ColumnRef { index, cast: None }),
        Expr::Cast(cast) => match column_of(table, &cast.expr)? {
            ColumnRef { index, cast: None } => Some(ColumnRef {
                index,
                cast: Some(cast.field.data_type()),
            }),
            ColumnRef { .. } => None,
        },
        _ => None,
    }
}

fn literal_of(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => literal_of(&alias.expr),
        _ => None,
    }
}

/// A comparison of a column, perhaps widened by a cast, with a constant.
fn compare(table: &Table, column: &ColumnRef<'_>, op: Op, value: &ScalarValue) -> Predicate {
    if value.is_null() {
        return Predicate::Never;
    }
    let Some(ty) = table.columns.get(column.index).map(|column| column.ty) else {
        return opaque("it is no column of the table");
    };
    if let Some(target) = column.cast {
        return compare_cast(column.index, ty, target, op, value);
    }
    match literal(ty, value) {
        Some(value) => is(column.index, op, vec![value]),
        None => opaque("the constant is not of the column's type"),
    }
}

/// The value as a literal of the column's type, when it is exactly that.
pub(crate) fn literal(ty: ColumnType, value: &ScalarValue) -> Option<Literal> {
    match (ty, value) {
        (ColumnType::Text, _) => text_of(value).map(Literal::Text),
        (ColumnType::Boolean, ScalarValue::Boolean(Some(value))) => Some(Literal::Boolean(*value)),
        (ColumnType::Int64, _) => integer_of(value).map(Literal::Int),
        (ColumnType::Float64, ScalarValue::Float64(Some(value))) => Some(Literal::Float(*value)),
        (ColumnType::Date, ScalarValue::Date32(Some(days))) => Some(Literal::Date(*days)),
        (ColumnType::Timestamp, ScalarValue::TimestampMicrosecond(Some(micros), Some(_))) => {
            Some(Literal::Timestamp(*micros))
        }
        (ColumnType::Time, ScalarValue::Time64Microsecond(Some(micros))) => Some(Literal::Time(*micros)),
        _ => None,
    }
}

/// The literal as a value of its Arrow type.
pub(crate) fn scalar(literal: &Literal) -> ScalarValue {
    match literal {
        Literal::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Literal::Int(value) => ScalarValue::Int64(Some(*value)),
        Literal::Float(value) => ScalarValue::Float64(Some(*value)),
        Literal::Text(value) => ScalarValue::Utf8(Some(value.clone())),
        Literal::Date(days) => ScalarValue::Date32(Some(*days)),
        Literal::Timestamp(micros) => ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into())),
        Literal::Time(micros) => ScalarValue::Time64Microsecond(Some(*micros)),
    }
}

fn text_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Some(text.clone()),
        _ => None,
    }
}

fn integer_of(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int8(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int16(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int32(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int64(Some(value)) => Some(*value),
        _ => None,
    }
}

/// A comparison in a wider type than the column's: the constant is moved to the nearest value that the column can hold.
fn compare_cast(column: usize, ty: ColumnType, target: &DataType, op: Op, value: &ScalarValue) -> Predicate {
    let rounded = match (ty, target, value) {
        (
            ColumnType::Timestamp,
            DataType::Timestamp(TimeUnit::Nanosecond, _),
            ScalarValue::TimestampNanosecond(Some(nanos), _),
        ) => Rounded::of_division(*nanos, 1000, Literal::Timestamp),
        (ColumnType::Int64, DataType::Float64, ScalarValue::Float64(Some(number))) => {
            Rounded::of_float(*number)
        }
        (
            ColumnType::Date,
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            ScalarValue::TimestampNanosecond(Some(nanos), None),
        ) => Rounded::of_division(*nanos, 86_400_000_000_000, |days| {
            Literal::Date(i32::try_from(days).unwrap_or(i32::MAX))
        }),
        _ => None,
    };
    match rounded {
        Some(rounded) => rounded.compare(column, op),
        None => opaque("the engine evaluates casts"),
    }
}

/// A constant between the values of a column: the largest value that is not above it, and whether it is that value.
struct Rounded {
    floor: Literal,
    exact: bool,
}

impl Rounded {
    fn of_division(value: i64, unit: i64, make: impl Fn(i64) -> Literal) -> Option<Self> {
        Some(Self {
            floor: make(value.div_euclid(unit)),
            exact: value.rem_euclid(unit) == 0,
        })
    }

    /// Doubles up to 2^53 hold every integer, so comparing there is comparing integers.
    #[allow(clippy::cast_possible_truncation, reason = "checked to be within 2^53")]
    fn of_float(number: f64) -> Option<Self> {
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        (number.is_finite() && number.abs() < WHOLE).then(|| Self {
            floor: Literal::Int(number.floor() as i64),
            exact: number.fract() == 0.0,
        })
    }

    fn compare(self, column: usize, op: Op) -> Predicate {
        let op = match (op, self.exact) {
            (op, true) => op,
            (Op::Eq | Op::In, false) => return Predicate::Never,
            (Op::NotEq | Op::NotIn, false) => return is(column, Op::IsNotNull, Vec::new()),
            // Between two neighbouring values, `< c` and `<= c` both mean `<= floor`.
            (Op::Lt | Op::LtEq, false) => Op::LtEq,
            (Op::Gt | Op::GtEq, false) => Op::Gt,
            _ => return opaque("the engine evaluates casts"),
        };
        is(column, op, vec![self.floor])
    }
}

/// Whether evaluating `expr` can neither fail nor call anything: only columns compared with constants. Such an expression may be
/// evaluated below a row policy without revealing a row.
pub(crate) fn is_leakproof(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::Alias(alias) => is_leakproof(&alias.expr),
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => is_leakproof(inner),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let harmless = comparison(*op).is_some()
                || matches!(
                    op,
                    Operator::And | Operator::Or | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom
                );
            harmless && is_leakproof(left) && is_leakproof(right)
        }
        Expr::InList(list) => is_leakproof(&list.expr) && list.list.iter().all(is_leakproof),
        Expr::Between(between) => [&between.expr, &between.low, &between.high]
            .into_iter()
            .all(|part| is_leakproof(part)),
        Expr::Like(like) => is_leakproof(&like.expr) && matches!(like.pattern.as_ref(), Expr::Literal(..)),
        _ => false,
    }
}
