//! LATERAL: rows of a subquery beside the row of the outer query that they belong to.
//!
//! Owns: the join that LATERAL is. Does not own: how the subquery gets independent of the outer rows (`unnest`). Invariant: the join has the
//! columns that it had. Start at [`joined_laterally`].

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{JoinType, NullEquality, Result, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    Expr, ExprSchemable as _, Join, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit,
};

use super::dependent::{Dependent, joined, or_missing, projected, resolved};
use super::level::{Level, Names};
use super::unnest::unnest;
use crate::types::unsupported;

/// The join with the rows of the subquery, which may refer to the left side.
///
/// # Errors
/// 0A000 for another join than an inner, cross or left one.
pub(super) fn joined_laterally(join: &Join, names: &Names) -> Result<LogicalPlan> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Err(unsupported(
            "LATERAL can stand on the right of an inner, a cross or a left join only",
        ));
    }
    let is_left = join.join_type == JoinType::Left;
    let base = join.left.as_ref();
    let level = Level { outer: base, names };
    let mut rows = unnest(&join.right, &level)?;
    let conditions = on(join);
    // An outer row always has a row beside it: the missing one, unless a condition of the join drops it.
    if rows.missing.is_some() && is_left && !conditions.is_empty() {
        rows.complete(&level)?;
    }
    if is_left {
        // NULL where there is no row, whatever it is computed from.
        rows.bind_outputs(&level)?;
    }
    rows.order.clear();
    let types: Vec<_> = rows
        .outputs
        .iter()
        .map(|output| output.value.get_type(rows.plan.schema()))
        .collect::<Result<_>>()?;
    let missing = rows.missing.take();
    let flag = rows.isolate(&level, missing.is_some())?;

    let schema = join.left.schema().join(join.right.schema())?;
    let columns: Vec<Expr> = base.schema().columns().into_iter().map(Expr::Column).collect();
    let values = values(&rows, missing.as_deref(), flag.as_ref(), &types, &level)?;
    let seen: Vec<&Expr> = columns.iter().chain(&values).collect();
    let conditions = conditions
        .into_iter()
        .map(|condition| resolved(condition, &schema, &seen))
        .collect::<Result<Vec<_>>>()?;
    let ties = rows.ties.into_iter().map(|tie| level.home(tie));
    let mut ties = ties.collect::<Result<Vec<_>>>()?;
    let plan = if missing.is_some() {
        let plan = joined(base.clone(), rows.plan, JoinType::Left, ties)?;
        match conditions.into_iter().reduce(Expr::and) {
            Some(condition) => LogicalPlanBuilder::from(plan).filter(condition)?.build()?,
            None => plan,
        }
    } else {
        ties.extend(conditions);
        joined(base.clone(), rows.plan, join.join_type, ties)?
    };
    let named = columns.into_iter().chain(values).zip(join.schema.iter());
    let named = named.map(|(value, (relation, field))| match &value {
        Expr::Column(column) if column.relation.as_ref() == relation && column.name == *field.name() => value,
        _ => value.alias_qualified(relation.cloned(), field.name()),
    });
    projected(&plan, named.collect())
}

/// Whether the right side of the join refers to its left side.
pub(super) fn is_lateral(join: &Join) -> Result<bool> {
    let names = Names::default();
    let outer = join.left.as_ref();
    Level { outer, names: &names }.depends(&join.right)
}

/// The outputs over the joined rows: the missing ones where the flag says that there is no row.
fn values(
    rows: &Dependent,
    missing: Option<&[Expr]>,
    flag: Option<&Expr>,
    types: &[DataType],
    level: &Level,
) -> Result<Vec<Expr>> {
    let values = rows
        .outputs
        .iter()
        .zip(types)
        .enumerate()
        .map(|(at, (output, ty))| {
            let value = level.home(output.value.clone())?;
            let missing = missing.and_then(|missing| missing.get(at));
            let (Some(flag), Some(missing)) = (flag, missing) else {
                return Ok(value);
            };
            let missing = match level.home(missing.clone())? {
                Expr::Literal(value, _) if value.is_null() => lit(ScalarValue::try_from(ty)?),
                other => other,
            };
            or_missing(value, flag, missing)
        });
    values.collect()
}

/// The conditions of the join.
fn on(join: &Join) -> Vec<Expr> {
    let op = match join.null_equality {
        NullEquality::NullEqualsNothing => Operator::Eq,
        NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
    };
    let keys = join
        .on
        .iter()
        .map(|(left, right)| binary_expr(left.clone(), op, right.clone()));
    let rest = join
        .filter
        .iter()
        .flat_map(|filter| split_conjunction_owned(filter.clone()));
    keys.chain(rest)
        .filter(|condition| *condition != lit(true))
        .collect()
}

/// Whether the condition, or a subquery in it, uses a column of the plan.
pub(super) fn concerns(condition: &Expr, plan: &LogicalPlan) -> Result<bool> {
    let names = Names::default();
    let level = Level {
        outer: plan,
        names: &names,
    };
    let schema = plan.schema();
    Ok(level.refers(condition)
        || condition
            .column_refs()
            .into_iter()
            .any(|column| schema.has_column(column)))
}
